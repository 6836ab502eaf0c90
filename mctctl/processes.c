/*
 * "show processes": each process of the daemon as the kernel sees it, beside
 * what it is to be.  The daemon says who they are and what they are to be;
 * what they are it is not asked.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/limits.h"
#include "../libmct/include/mct/event.h"
#include "../libmct/include/mct/list.h"
#include "ctl.h"
#include "out.h"
#include "processes.h"
#include "show.h"
#include "table.h"

#define PROCESSES_MOST (1 + LIMIT_CHILDREN)

/* One that ended since it was listed: they are listed again so often. */
#define LIST_TRIES     5

struct process {
	struct processes_want want;
	struct processes_found found;
	enum processes_verdict verdict;
	char why[PROCESSES_TEXT_BYTES];
};

struct processes {
	struct process process[PROCESSES_MOST];
	size_t n;
	int are_here; /* numbers of processes mean the same to the daemon */
};

static uint64_t
number_of(const struct mct_record *record, const char *name)
{
	uint64_t n = 0;

	(void)mct_record_number(record, name, &n);
	return n;
}

static void
text_of(const struct mct_record *record, const char *name, char *buf,
    size_t size)
{
	const char *text = mct_record_text(record, name);

	snprintf(buf, size, "%s", text != NULL ? text : "");
}

static void
take(void *arg, const struct mct_record *record)
{
	struct processes *all = arg;
	struct processes_want *want;
	const char *names = mct_record_text(record, "capabilities");
	uint64_t engine;

	if (all->n == PROCESSES_MOST)
		return;
	want = &all->process[all->n++].want;
	memset(want, 0, sizeof *want);
	want->pid = (pid_t)(number_of(record, "pid") & INT32_MAX);
	text_of(record, "kind", want->kind, sizeof want->kind);
	text_of(record, "state", want->state, sizeof want->state);
	want->engine = mct_record_number(record, "engine", &engine) == 0 ?
	    (int)(engine & INT32_MAX) :
	    -1;
	want->uid = number_of(record, "uid");
	want->gid = number_of(record, "gid");
	want->capabilities =
	    names != NULL ? processes_capabilities_of(names) : 0;
	want->privileged = number_of(record, "privileged") != 0;
	want->chroot_device = number_of(record, "chroot-device");
	want->chroot_inode = number_of(record, "chroot-inode");
	text_of(record, "chroot", want->chroot, sizeof want->chroot);
}

/* The parent is the first, or there is none. */
static int
has_parent(const struct processes *all)
{
	return all->n > 0 && strcmp(all->process[0].want.kind, "parent") == 0;
}

/* Returns how many are not there. */
static size_t
look_at_all(struct processes *all)
{
	struct process *p;
	size_t i, gone = 0;

	for (i = 0; i < all->n; i++) {
		p = &all->process[i];
		if (!all->are_here) {
			memset(&p->found, 0, sizeof p->found);
			p->why[0] = '\0';
			p->verdict = PROCESSES_UNKNOWN;
			continue;
		}
		processes_read(p->want.pid, &p->found);
		p->verdict = processes_judge(&p->want, &p->found,
		    &all->process[0].found, p->why, sizeof p->why);
		gone += !p->found.is_there;
	}
	return gone;
}

/* One that dies is replaced, so who is gone may be so by now. */
static int
list_all(struct ctl *ctl, struct processes *all)
{
	int i, status;

	for (i = 0; i < LIST_TRIES; i++) {
		all->n = 0;
		status = show_each(ctl, "processes", take, all);
		if (status != CTL_DONE)
			return status;
		all->are_here = has_parent(all) &&
		    processes_here(mct_fd(ctl->mct), all->process[0].want.pid);
		if (look_at_all(all) == 0)
			break;
	}
	return CTL_DONE;
}

static const char *
verdict_word(enum processes_verdict verdict)
{
	static const char *const words[] = { [PROCESSES_YES] = "yes",
		[PROCESSES_UNKNOWN] = "?",
		[PROCESSES_NO] = "NO" };

	return words[verdict];
}

/* "engine 0", "control", "standby engine" */
static const char *
role_of(const struct processes_want *want, char *buf, size_t size)
{
	if (want->engine >= 0)
		snprintf(buf, size, "%s %d", want->kind, want->engine);
	else if (strcmp(want->state, "working") == 0)
		snprintf(buf, size, "%s", want->kind);
	else
		snprintf(buf, size, "%s %s", want->state, want->kind);
	return buf;
}

/* The namespaces that are not this program's; "?" where not told. */
static const char *
namespaces_of(const struct processes_found *p,
    const struct processes_found *self, char *buf, size_t size)
{
	size_t at = 0;
	unsigned int i;

	snprintf(buf, size, "none");
	for (i = 0; i < NAMESPACES; i++) {
		if (p->namespaces[i] == 0) {
			snprintf(buf, size, "?");
			return buf;
		}
		if (p->namespaces[i] != self->namespaces[i] && at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s",
			    at > 0 ? "," : "", processes_namespace_name(i));
	}
	return buf;
}

static const char *
root_of(const struct process *p)
{
	if (!p->found.knows_root)
		return "?";
	if (p->found.root_is_empty)
		return "empty";
	if (p->found.root_device == p->want.chroot_device &&
	    p->found.root_inode == p->want.chroot_inode)
		return p->want.chroot;
	return p->found.root;
}

static const char *
seccomp_word(uint64_t mode)
{
	static const char *const words[] = { "none", "strict", "filter" };

	return mode < sizeof words / sizeof *words ? words[mode] : "unknown";
}

/* What is shown of a process; a value that is not known is "?". */
enum cell {
	CELL_PID,
	CELL_ROLE,
	CELL_STATE,
	CELL_UID,
	CELL_GID,
	CELL_GROUPS,
	CELL_EFFECTIVE,
	CELL_PERMITTED,
	CELL_BOUNDING,
	CELL_AMBIENT,
	CELL_NO_NEW_PRIVS,
	CELL_SECCOMP,
	CELL_ROOT,
	CELL_NAMESPACES,
	CELL_VERDICT,
	CELLS
};

static const struct {
	struct table_column look;
	const char *json;
	int is_number;
} cells[CELLS] = {
	[CELL_PID] = { { "PID", TABLE_RIGHT }, "pid", 1 },
	[CELL_ROLE] = { { "ROLE", 0 }, "role", 0 },
	[CELL_STATE] = { { "STATE", 0 }, "state", 0 },
	[CELL_UID] = { { "UID", TABLE_RIGHT }, "uid", 1 },
	[CELL_GID] = { { "GID", TABLE_RIGHT }, "gid", 1 },
	[CELL_GROUPS] = { { "GROUPS", TABLE_SHRINK }, "groups", 0 },
	[CELL_EFFECTIVE] = { { "EFFECTIVE", TABLE_SHRINK }, "effective", 0 },
	[CELL_PERMITTED] = { { "PERMITTED", TABLE_SHRINK }, "permitted", 0 },
	[CELL_BOUNDING] = { { "BOUNDING", TABLE_SHRINK }, "bounding", 0 },
	[CELL_AMBIENT] = { { "AMBIENT", TABLE_SHRINK }, "ambient", 0 },
	[CELL_NO_NEW_PRIVS] = { { "NNP", TABLE_RIGHT }, "no-new-privs", 1 },
	[CELL_SECCOMP] = { { "SECCOMP", 0 }, "seccomp", 0 },
	[CELL_ROOT] = { { "ROOT", TABLE_SHRINK }, "root", 0 },
	[CELL_NAMESPACES] = { { "OWN-NS", 0 }, "own-namespaces", 0 },
	[CELL_VERDICT] = { { "AS-EXPECTED", 0 }, "as-expected", 0 },
};

/* Those that /proc/PID/status has. */
static const char *
cell_status(const struct processes_found *p, enum cell cell, char *buf,
    size_t size)
{
	const uint64_t sets[] = { [CELL_EFFECTIVE] = p->effective,
		[CELL_PERMITTED] = p->permitted,
		[CELL_BOUNDING] = p->bounding,
		[CELL_AMBIENT] = p->ambient };
	const uint64_t numbers[] = { [CELL_UID] = p->uid[1],
		[CELL_GID] = p->gid[1],
		[CELL_NO_NEW_PRIVS] = p->no_new_privs };

	if (!p->is_there)
		return "?";
	switch (cell) {
	case CELL_STATE:
		return p->state;
	case CELL_GROUPS:
		return p->groups;
	case CELL_SECCOMP:
		return seccomp_word(p->seccomp);
	case CELL_EFFECTIVE:
	case CELL_PERMITTED:
	case CELL_BOUNDING:
	case CELL_AMBIENT:
		return processes_capabilities(sets[cell], buf, size);
	default:
		snprintf(buf, size, "%" PRIu64, numbers[cell]);
		return buf;
	}
}

static const char *
cell_text(const struct process *p, const struct processes_found *self,
    enum cell cell, char *buf, size_t size)
{
	switch (cell) {
	case CELL_PID:
		snprintf(buf, size, "%d", (int)p->want.pid);
		return buf;
	case CELL_ROLE:
		return role_of(&p->want, buf, size);
	case CELL_ROOT:
		return root_of(p);
	case CELL_NAMESPACES:
		return namespaces_of(&p->found, self, buf, size);
	case CELL_VERDICT:
		return verdict_word(p->verdict);
	default:
		return cell_status(&p->found, cell, buf, size);
	}
}

/* Not known is null, and what is wrong stands beside the verdict. */
static void
print_json(const struct processes *all, const struct processes_found *self)
{
	char buf[PROCESSES_TEXT_BYTES];
	const char *text;
	enum cell cell;
	size_t i;

	for (i = 0; i < all->n; i++) {
		for (cell = 0; cell < CELLS; cell++) {
			text = cell_text(&all->process[i], self, cell, buf,
			    sizeof buf);
			printf("%s\"%s\":", cell == 0 ? "{" : ",",
			    cells[cell].json);
			if (strcmp(text, "?") == 0)
				fputs("null", stdout);
			else if (cells[cell].is_number)
				fputs(text, stdout);
			else
				out_json_text(stdout, text);
		}
		fputs(",\"wrong\":", stdout);
		out_json_text(stdout, all->process[i].why);
		fputs("}\n", stdout);
	}
}

static int
print_table(const struct processes *all, const struct processes_found *self)
{
	struct table_column looks[CELLS];
	char buf[PROCESSES_TEXT_BYTES], text[2 * PROCESSES_TEXT_BYTES];
	const struct process *p;
	struct table table;
	enum cell cell;
	size_t i;

	for (cell = 0; cell < CELLS; cell++)
		looks[cell] = cells[cell].look;
	table_begin(&table, looks, CELLS);
	for (i = 0; i < all->n; i++) {
		p = &all->process[i];
		for (cell = 0; cell < CELLS; cell++) {
			out_safe(cell_text(p, self, cell, buf, sizeof buf),
			    text, sizeof text);
			if (cell == CELL_VERDICT && p->why[0] != '\0')
				snprintf(text, sizeof text, "%s: %s",
				    verdict_word(p->verdict), p->why);
			table_cell(&table, text);
		}
	}
	if (table_end(&table, stdout, out_width(stdout)) == 0)
		return CTL_DONE;
	ctl_say("out of memory");
	return CTL_REFUSED;
}

/* CTL_REFUSED when one is not what it is to be. */
static int
conclude(const struct processes *all)
{
	int unknown = 0, status = CTL_DONE;
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (all->process[i].verdict == PROCESSES_NO)
			status = CTL_REFUSED;
		unknown += all->process[i].verdict == PROCESSES_UNKNOWN;
	}
	if (!all->are_here) {
		ctl_say("the daemon's processes have other numbers here: run "
			"mctctl in its namespace of processes");
		return CTL_REFUSED;
	}
	if (unknown > 0)
		ctl_say("not all could be read: root can");
	if (status != CTL_DONE)
		ctl_say("not all processes are what they should be");
	return status;
}

int
processes_show(struct ctl *ctl, const struct words_call *call)
{
	struct processes_found self;
	static struct processes all;
	int status = ctl_connect(ctl);

	(void)call;
	if (status != CTL_DONE || (status = list_all(ctl, &all)) != CTL_DONE)
		return status;
	processes_read(getpid(), &self);
	if (ctl->json)
		print_json(&all, &self);
	else
		status = print_table(&all, &self);
	if (status != CTL_DONE || (status = ctl_flush()) != CTL_DONE)
		return status;
	return conclude(&all);
}
