/*
 * What Linux says of a process: /proc/PID/status, its root, what is mounted
 * for it, its namespaces.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"

#define STATUS_BYTES 8192
#define MOUNTS_BYTES 1024 /* more than one line of an empty root has */

/* By number; the kernel's names in lower case, as its manual has them. */
static const char *const names[] = { "chown", "dac_override", "dac_read_search",
	"fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin",
	"net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio",
	"sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot",
	"sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override",
	"mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore" };
#define NAMES       (sizeof names / sizeof *names)
#define NAMES_SHOWN 4 /* a set of more is shown as a number */

char *
processes_capabilities(uint64_t set, char *buf, size_t size)
{
	uint64_t all = (UINT64_C(1) << NAMES) - 1;
	size_t at = 0, i, n = 0;

	for (i = 0; i < 64; i++)
		n += set >> i & 1;
	if (n == 0 || (set & all) == all)
		snprintf(buf, size, n == 0 ? "none" : "all");
	else if (n > NAMES_SHOWN || (set & ~all) != 0)
		snprintf(buf, size, "%#" PRIx64, set);
	else
		for (i = 0; i < NAMES; i++)
			if ((set >> i & 1) && at < size)
				at += (size_t)snprintf(buf + at, size - at,
				    "%s%s", at > 0 ? "," : "", names[i]);
	return buf;
}

uint64_t
processes_capabilities_of(const char *text)
{
	char copy[PROCESSES_TEXT_BYTES], *rest = copy, *word;
	uint64_t set = 0;
	size_t i;

	snprintf(copy, sizeof copy, "%s", text);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, "CAP_", 4) != 0)
			continue;
		for (i = 0; i < NAMES; i++)
			if (strcasecmp(word + 4, names[i]) == 0)
				set |= UINT64_C(1) << i;
	}
	return set;
}

/* What follows "name:" and blanks on a line of its own; NULL: none. */
static const char *
value_of(const char *status, const char *name)
{
	size_t len = strlen(name);
	const char *line = status;

	while (line != NULL) {
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1;
			return line + strspn(line, " \t");
		}
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
}

/* n numbers of a base: 0, or -1. */
static int
numbers_of(const char *status, const char *name, int base, uint64_t *value,
    size_t n)
{
	const char *text = value_of(status, name);
	char *end;

	while (text != NULL && n-- > 0) {
		text += strspn(text, " \t");
		*value++ = strtoull(text, &end, base);
		if (end == text)
			return -1;
		text = end;
	}
	return text == NULL ? -1 : 0;
}

/* "S (sleeping)" is "sleeping". */
static int
state_of(const char *status, struct processes_found *p)
{
	const char *text = value_of(status, "State");

	if (text == NULL || sscanf(text, "%*c (%15[^)]", p->state) != 1)
		return -1;
	p->is_there = *text != 'Z' && *text != 'X';
	return 0;
}

/* A blank after each is taken off the last. */
static int
groups_of(const char *status, struct processes_found *p)
{
	const char *text = value_of(status, "Groups");
	size_t len;

	if (text == NULL)
		return -1;
	len = strcspn(text, "\n");
	while (len > 0 && text[len - 1] == ' ')
		len--;
	snprintf(p->groups, sizeof p->groups, "%.*s", len == 0 ? 4 : (int)len,
	    len == 0 ? "none" : text);
	return 0;
}

int
processes_parse(const char *status, struct processes_found *p)
{
	const struct {
		const char *name;
		uint64_t *value;
	} sets[] = {
		{ "CapInh", &p->inheritable },
		{ "CapPrm", &p->permitted },
		{ "CapEff", &p->effective },
		{ "CapBnd", &p->bounding },
		{ "CapAmb", &p->ambient },
	};
	size_t i;

	if (state_of(status, p) == -1 || groups_of(status, p) == -1 ||
	    numbers_of(status, "Uid", 10, p->uid, 4) == -1 ||
	    numbers_of(status, "Gid", 10, p->gid, 4) == -1 ||
	    numbers_of(status, "NoNewPrivs", 10, &p->no_new_privs, 1) == -1 ||
	    numbers_of(status, "Seccomp", 10, &p->seccomp, 1) == -1)
		return -1;
	for (i = 0; i < sizeof sets / sizeof *sets; i++)
		if (numbers_of(status, sets[i].name, 16, sets[i].value, 1) ==
		    -1)
			return -1;
	return 0;
}

/* As much as fits: 0, or -1. */
static int
read_file(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	size_t at = 0;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	while ((n = read(fd, buf + at, size - 1 - at)) > 0)
		at += (size_t)n;
	close(fd);
	buf[at] = '\0';
	return n == -1 ? -1 : 0;
}

static void
read_root(pid_t pid, struct processes_found *p)
{
	char path[64];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
	if (stat(path, &st) == -1)
		return;
	p->knows_root = 1;
	p->root_device = (uint64_t)st.st_dev;
	p->root_inode = (uint64_t)st.st_ino;
	n = readlink(path, p->root, sizeof p->root - 1);
	p->root[n > 0 ? n : 0] = '\0';
}

int
processes_lone_root(const char *mounts)
{
	static const char *const options[] = { "ro", "nosuid", "nodev",
		"noexec" };
	char place[2], is_of[256], *rest = is_of, *word;
	unsigned int i, n = 0;
	int at = 0;

	/* number, number of what it is in, device, what of it, place, how */
	if (sscanf(mounts, "%*u %*u %*u:%*u / %1s%255s - tmpfs %n", place,
		is_of, &at) != 2 ||
	    at == 0 || strcmp(place, "/") != 0 ||
	    strchr(mounts, '\n') != mounts + strlen(mounts) - 1)
		return 0;
	while ((word = strsep(&rest, ",")) != NULL)
		for (i = 0; i < sizeof options / sizeof *options; i++)
			n += strcmp(word, options[i]) == 0;
	return n == sizeof options / sizeof *options;
}

static int
has_entries(const char *path)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	int n = 0;

	if (dir == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n > 0;
}

static void
read_mounts(pid_t pid, struct processes_found *p)
{
	char path[64], text[MOUNTS_BYTES];

	if (read_file(pid, "mountinfo", text, sizeof text) == -1)
		return;
	p->knows_mounts = 1;
	snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
	p->root_is_empty = processes_lone_root(text) && !has_entries(path);
}

/* "net:[4026531840]" */
static void
read_namespaces(pid_t pid, struct processes_found *p)
{
	const char *number;
	char path[64], text[64];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < NAMESPACES; i++) {
		snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid,
		    processes_namespace_name(i));
		n = readlink(path, text, sizeof text - 1);
		text[n > 0 ? n : 0] = '\0';
		number = strchr(text, '[');
		p->namespaces[i] =
		    number != NULL ? strtoull(number + 1, NULL, 10) : 0;
	}
}

void
processes_read(pid_t pid, struct processes_found *p)
{
	char status[STATUS_BYTES];

	memset(p, 0, sizeof *p);
	if (read_file(pid, "status", status, sizeof status) == -1 ||
	    processes_parse(status, p) == -1) {
		memset(p, 0, sizeof *p);
		return;
	}
	read_root(pid, p);
	read_mounts(pid, p);
	read_namespaces(pid, p);
}

/*
 * After an upgrade the socket says who listened first, and has ended since;
 * then it is the title that tells.
 */
int
processes_here(int fd, pid_t parent)
{
	static const char title[] = "mctd: parent";
	char text[sizeof title];
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return 0;
	if (cred.pid == parent)
		return 1;
	if (cred.pid == 0 ||
	    read_file(cred.pid, "cmdline", text, sizeof text) == 0 ||
	    read_file(parent, "cmdline", text, sizeof text) == -1)
		return 0;
	return strcmp(text, title) == 0;
}

const char *
processes_namespace_name(enum processes_namespace i)
{
	static const char *const words[NAMESPACES] = { "net", "mnt", "ipc",
		"uts" };

	return words[i];
}
