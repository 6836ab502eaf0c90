/*
 * Whether a process of the daemon is what it is to be: how much of it depends
 * on whether root started the daemon.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "processes.h"

#define SECCOMP_FILTER 2

/* Of a verdict in the making, what is wrong. */
struct reasons {
	char *text;
	size_t size;
	size_t used;
};

static void __attribute__((format(printf, 3, 4)))
wrong(struct reasons *r, int is_wrong, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!is_wrong || r->used >= r->size)
		return;
	if (r->used > 0)
		r->used += (size_t)snprintf(r->text + r->used,
		    r->size - r->used, ", ");
	if (r->used >= r->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	r->used += n > 0 ? (size_t)n : 0;
}

static int
all_are(const uint64_t id[4], uint64_t wanted)
{
	return id[0] == wanted && id[1] == wanted && id[2] == wanted &&
	    id[3] == wanted;
}

static void
judge_user(const struct processes_want *want, const struct processes_found *p,
    struct reasons *r)
{
	wrong(r, !all_are(p->uid, want->uid), "user is not %" PRIu64,
	    want->uid);
	wrong(r, !all_are(p->gid, want->gid), "group is not %" PRIu64,
	    want->gid);
	wrong(r, want->privileged && strcmp(p->groups, "none") != 0,
	    "has other groups");
}

/* The bounding set is for root alone to lessen. */
static void
judge_powers(const struct processes_want *want, const struct processes_found *p,
    struct reasons *r)
{
	uint64_t wanted = want->capabilities;

	wrong(r, p->effective != wanted, "effective capabilities");
	wrong(r, p->permitted != wanted, "permitted capabilities");
	wrong(r, p->inheritable != 0, "inheritable capabilities");
	wrong(r, p->ambient != 0, "ambient capabilities");
	wrong(r, want->privileged && (p->bounding & ~wanted) != 0,
	    "bounding set");
	wrong(r, p->no_new_privs != 1, "may get new privileges");
	wrong(r, p->seccomp != SECCOMP_FILTER, "no filter of system calls");
}

/*
 * The parent's is the directory that the daemon names; a child's, one of its
 * own, or, where it could not have this, that directory.
 */
static void
judge_root(const struct processes_want *want, const struct processes_found *p,
    int has_mounts, struct reasons *r)
{
	if (p->knows_mounts && p->root_is_empty && has_mounts)
		return;
	wrong(r, p->knows_mounts && has_mounts,
	    "has more mounted than an empty root");
	wrong(r,
	    p->knows_root &&
		(p->root_device != want->chroot_device ||
		    p->root_inode != want->chroot_inode),
	    "root is not %s", want->chroot);
}

/* Returns whether something could not be read. */
static int
judge_place(const struct processes_want *want, const struct processes_found *p,
    const struct processes_found *parent, struct reasons *r)
{
	int is_child = strcmp(want->kind, "parent") != 0, unknown = 0;
	unsigned int i;

	if (!want->privileged)
		return 0;
	judge_root(want, p,
	    is_child &&
		p->namespaces[NAMESPACE_MNT] !=
		    parent->namespaces[NAMESPACE_MNT],
	    r);
	for (i = 0; is_child && i < NAMESPACES; i++) {
		if (p->namespaces[i] == 0 || parent->namespaces[i] == 0)
			unknown = 1;
		else
			wrong(r, p->namespaces[i] == parent->namespaces[i],
			    "shares the parent's %s namespace",
			    processes_namespace_name(i));
	}
	return unknown || !p->knows_root || (is_child && !p->knows_mounts);
}

enum processes_verdict
processes_judge(const struct processes_want *want,
    const struct processes_found *p, const struct processes_found *parent,
    char *why, size_t size)
{
	struct reasons r = { .text = why, .size = size };
	int unknown;

	why[0] = '\0';
	if (!p->is_there) {
		wrong(&r, 1, "is not there");
		return PROCESSES_NO;
	}
	judge_user(want, p, &r);
	judge_powers(want, p, &r);
	unknown = judge_place(want, p, parent, &r);
	if (r.used > 0)
		return PROCESSES_NO;
	return unknown ? PROCESSES_UNKNOWN : PROCESSES_YES;
}
