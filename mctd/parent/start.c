/*
 * The parent's start.  The order is: descriptors that must have low numbers
 * (loop, channels), what lies outside of the chroot, then the drop.
 *
 * Calls: chdir, close, dup2, fcntl, getpid, newfstatat, umask; at the start:
 * getegid, geteuid, getrlimit, openat, setrlimit
 */

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../sandbox/sandbox.h"
#include "../share/arena.h"
#include "../share/ring.h"
#include "bridges.h"
#include "children.h"
#include "clients.h"
#include "daemon.h"
#include "datagrams.h"
#include "dial.h"
#include "events.h"
#include "flows.h"
#include "groups.h"
#include "local.h"
#include "loop.h"
#include "network.h"
#include "own_sockets.h"
#include "pipes.h"
#include "places.h"
#include "reload.h"
#include "sessions.h"
#include "slots.h"
#include "start.h"
#include "upgrade_give.h"
#include "upgrade_take.h"

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t socket_group;
	int has_group;
};

static char start_chroot[CONF_PATH_BYTES]; /* without links */

void
start_budget(const struct parent_options *o, const struct conf *conf,
    struct budget *b)
{
	const struct conf_limits *l = &conf->limits;

	memset(b, 0, sizeof *b);
	budget_fds(b, conf);
	budget_add(b, "shared", "registry",
	    registry_bytes(l->bridges, l->sessions));
	budget_add(b, "shared", "counters",
	    conf->engines * counters_bytes(l->bridges + l->sessions, l->pipes));
	budget_add(b, "parent", "pipes", pipes_bytes(conf->engines, l->pipes));
	budget_add(b, "shared", "events", ring_bytes(l->events));
	budget_add(b, "parent", "slots", slots_bytes(l->bridges, l->sessions));
	budget_add(b, "parent", "sessions",
	    sessions_bytes(l->bridges, l->sessions));
	budget_add(b, "parent", "dials", dial_bytes(l->sessions));
	budget_add(b, "parent", "bridges", bridges_bytes(l->bridges));
	budget_add(b, "parent", "datagrams", datagrams_bytes(l->bridges));
	budget_add(b, "parent", "groups", groups_bytes(l->groups));
	budget_add(b, "parent", "flows", flows_bytes(l->bridges, l->flows));
	budget_add(b, "parent", "clients", clients_bytes(l->clients));
	budget_add(b, "parent", "configuration",
	    conf_bytes(l->bridges) + reload_bytes(l->bridges));
	budget_add(b, "parent", "event loop", arena_bytes(b->parent_fds));
	o->children_budget(conf, b);
}

int
start_check_descriptors(const struct budget *b)
{
	struct rlimit rl;
	rlim_t need = b->parent_fds;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1) {
		log_fatal("getrlimit: %s", strerror(errno));
		return -1;
	}
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < need) {
		rl.rlim_cur = rl.rlim_max = need;
		if (setrlimit(RLIMIT_NOFILE, &rl) == 0)
			return 0;
		(void)getrlimit(RLIMIT_NOFILE, &rl);
		log_fatal("%llu descriptors are needed and %llu allowed: "
			  "raise RLIMIT_NOFILE (ulimit -n, LimitNOFILE) to "
			  "%llu, "
			  "or lower \"limits { sessions bridges }\"",
		    (unsigned long long)need, (unsigned long long)rl.rlim_max,
		    (unsigned long long)need);
		return -1;
	}
	rl.rlim_cur = need;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1) {
		log_fatal("setrlimit: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/* Users and groups are looked up here and never again. */
static int
look_up(const struct parent_options *o, const struct conf *conf,
    struct identity *id)
{
	const struct passwd *pw;
	const struct group *gr;

	memset(id, 0, sizeof *id);
	if (conf->socket_group[0] != '\0') {
		if ((gr = getgrnam(conf->socket_group)) == NULL) {
			log_fatal("no group \"%s\"", conf->socket_group);
			return -1;
		}
		id->socket_group = gr->gr_gid;
		id->has_group = 1;
	}
	id->uid = geteuid();
	id->gid = getegid();
	if (geteuid() != 0)
		return 0;
	pw = getpwnam(conf->user);
	if (pw == NULL && o->foreground && !conf->user_given) {
		log_warn("no user \"%s\": nobody serves", conf->user);
		pw = getpwnam("nobody");
	}
	if (pw == NULL || pw->pw_uid == 0) {
		log_fatal(pw == NULL ? "no user \"%s\"" : "user \"%s\" is root",
		    conf->user);
		return -1;
	}
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	return 0;
}

/*
 * Above the low numbers, which are for what is made after: channels first.
 * 0, or -1 with errno.
 */
static int
lift(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, LOW_FDS);

	if (high == -1)
		return -1;
	close(*fd);
	*fd = high;
	return 0;
}

static int
lift_mappings(struct children_setup *setup)
{
	enum process_kind kind;
	size_t i;

	for (kind = PROCESS_CONTROL; kind < PROCESS_KINDS; kind++)
		for (i = 0; i < setup->nfds[kind]; i++)
			if (lift(&setup->fds[kind][i]) == -1)
				return -1;
	return 0;
}

static int
make_mappings(const struct conf *conf, struct children_setup *setup)
{
	const struct conf_limits *l = &conf->limits;
	struct slots_setup slots = { .engines = conf->engines,
		.bridges = l->bridges,
		.sessions = l->sessions,
		.pipes = l->pipes };
	void *ring;
	uint32_t i;
	int r, e, c;

	slots.registry = sandbox_memory("mctd-registry",
	    registry_bytes(l->bridges, l->sessions), &r, NULL);
	ring = sandbox_memory("mctd-events", ring_bytes(l->events), &e, NULL);
	if (slots.registry == NULL || ring == NULL)
		return -1;
	for (i = 0; i < conf->engines; i++) {
		slots.counters[i] = sandbox_memory("mctd-counters",
		    counters_bytes(l->bridges + l->sessions, l->pipes), &c,
		    &setup->fds[PROCESS_ENGINE][i]);
		if (slots.counters[i] == NULL)
			return -1;
		setup->fds[PROCESS_CONTROL][START_FD_COUNTERS + i] = c;
	}
	if (slots_init(&slots) == -1)
		return -1;
	events_init(ring, l->events);
	slots_head()->events_limit = ring_size(l->events);
	slots_head()->groups_limit = l->groups;
	slots_head()->flows_limit = l->flows;
	setup->fds[PROCESS_CONTROL][START_FD_REGISTRY] = r;
	setup->fds[PROCESS_CONTROL][START_FD_RING] = e;
	setup->nfds[PROCESS_CONTROL] = START_FD_COUNTERS + conf->engines;
	setup->nfds[PROCESS_ENGINE] = conf->engines;
	return lift_mappings(setup);
}

static int
make_tables(const struct conf *conf, const struct identity *id)
{
	const struct conf_limits *l = &conf->limits;
	struct clients_rules rules;

	memset(&rules, 0, sizeof rules);
	rules.starter = geteuid();
	rules.has_starter = geteuid() != 0;
	rules.group = id->socket_group;
	rules.has_group = id->has_group;
	rules.mode = conf->socket_mode;
	if (sessions_init(l->bridges, l->sessions, conf->engines) == -1 ||
	    dial_init(l->sessions) == -1 || bridges_init(l->bridges) == -1 ||
	    datagrams_init(l->bridges) == -1 || groups_init(l->groups) == -1 ||
	    flows_init(l->bridges, l->flows) == -1 ||
	    clients_init(l->clients, &rules) == -1 ||
	    reload_prepare(l->bridges) == -1)
		return -1;
	return 0;
}

/* What is there of the powers that the configuration needs. */
static unsigned int
powers_here(unsigned int wanted)
{
	unsigned int bit, here = 0;

	for (bit = 1; bit != 0 && bit <= wanted; bit <<= 1)
		if ((wanted & bit) && sandbox_has(bit))
			here |= bit;
	return here;
}

/* What all processes are to be, so that it can be compared. */
static void
publish_self(const struct budget *b, const struct identity *id)
{
	struct registry_head *h = slots_head();
	struct stat st;

	h->fd_limit = b->parent_fds;
	h->privileged = geteuid() == 0;
	h->powers = h->privileged ? b->powers : powers_here(b->powers);
	h->uid = (uint32_t)id->uid;
	h->gid = (uint32_t)id->gid;
	if (!h->privileged || stat(start_chroot, &st) == -1)
		return;
	h->chroot_device = (uint64_t)st.st_dev;
	h->chroot_inode = (uint64_t)st.st_ino;
	(void)strlcpy(h->chroot, start_chroot, sizeof h->chroot);
}

/* What another mctd has to have in common to go on in place of this one. */
static void
greeting(const struct conf *conf, const struct identity *id,
    struct upgrade_hello *m)
{
	const struct conf_limits *l = &conf->limits;
	uint32_t *same = m->same;

	memset(m, 0, sizeof *m);
	m->magic = UPGRADE_MAGIC;
	m->format = UPGRADE_FORMAT;
	m->pid = (uint32_t)getpid();
	(void)strlcpy(m->version, MCTD_VERSION, sizeof m->version);
	same[SAME_PRIVILEGED] = geteuid() == 0;
	same[SAME_UID] = (uint32_t)id->uid;
	same[SAME_BRIDGES] = l->bridges;
	same[SAME_SESSIONS] = l->sessions;
	same[SAME_CLIENTS] = l->clients;
	same[SAME_EVENTS] = l->events;
	same[SAME_ENGINES] = conf->engines;
	same[SAME_PIPES] = l->pipes;
	same[SAME_GROUPS] = l->groups;
	same[SAME_ENTRY] = sizeof(struct registry_slot);
	same[SAME_SPEC] = sizeof(struct bridge_spec);
	same[SAME_EVENT] = sizeof(struct ring_place);
	same[SAME_FLOWS] = l->flows;
	same[SAME_COUNTERS] =
	    sizeof(struct counters_slot) + sizeof(struct counters_hand);
}

static int
start_children(const struct parent_options *o, const struct conf *conf,
    const struct budget *b, const struct identity *id)
{
	struct children_setup setup;
	struct upgrade_give give;
	size_t i;

	memset(&setup, 0, sizeof setup);
	if (make_mappings(conf, &setup) == -1 || make_tables(conf, id) == -1) {
		log_fatal("no memory for the tables: %s", strerror(errno));
		return -1;
	}
	publish_self(b, id);
	setup.start.level = (uint8_t)log_get_level();
	setup.start.privileged = geteuid() == 0;
	setup.start.upgrade = (uint8_t)o->upgrade;
	setup.start.uid = (uint32_t)id->uid;
	setup.start.gid = (uint32_t)id->gid;
	setup.start.bridges = conf->limits.bridges;
	setup.start.sessions = conf->limits.sessions;
	setup.start.clients = conf->limits.clients;
	setup.start.events = conf->limits.events;
	setup.start.engines = conf->engines;
	setup.start.pipes = conf->limits.pipes;
	setup.start.groups = conf->limits.groups;
	setup.start.flows = conf->limits.flows;
	setup.start.spin_us = conf->spin_us;
	(void)strlcpy(setup.start.chroot, start_chroot,
	    sizeof setup.start.chroot);
	setup.nofile[PROCESS_CONTROL] = b->control_fds;
	setup.nofile[PROCESS_ENGINE] = b->engine_fds;
	setup.standby = conf->limits.standby;
	setup.foreground = o->foreground;
	if (children_start(&setup) == -1)
		return -1;
	for (i = 0; i < setup.nfds[PROCESS_ENGINE]; i++)
		close(setup.fds[PROCESS_ENGINE][i]);
	/* those to read by are for the mctd after this one */
	memset(&give, 0, sizeof give);
	greeting(conf, id, &give.ours);
	memcpy(give.fds, setup.fds[PROCESS_CONTROL], sizeof give.fds);
	give.nfds = setup.nfds[PROCESS_CONTROL];
	give.starter = geteuid();
	give.stopping = o->stopping;
	upgrade_give_setup(&give);
	return 0;
}

static int
open_outside(const struct conf *conf, const struct identity *id, int taking)
{
	struct own_sockets_ids ids;
	uint32_t i;

	daemon_open_ways();
	for (i = 0; i < conf->ndirectories; i++)
		if (local_add_directory(conf->directory[i]) == -1) {
			log_fatal("directory %s: %s", conf->directory[i],
			    strerror(errno));
			return -1;
		}
	if (local_init() == -1) {
		log_fatal("/proc/self/fd: %s", strerror(errno));
		return -1;
	}
	ids.uid = id->uid;
	ids.gid = id->gid;
	ids.group = id->socket_group;
	ids.has_group = id->has_group;
	return own_sockets_open(conf, &ids, taking);
}

static int
drop(const struct conf *conf, const struct budget *b, const struct identity *id,
    int privileged)
{
	struct sandbox s = { .kind = PROCESS_PARENT };
	const char *step;

	s.privileged = privileged;
	s.uid = id->uid;
	s.gid = id->gid;
	s.chroot = start_chroot;
	s.powers = privileged ? b->powers : powers_here(b->powers);
	if (sandbox_enter(&s, &step) == -1) {
		log_fatal("%s: %s", step, strerror(errno));
		return -1;
	}
	/* local.c goes into other directories, and back */
	if (chdir("/") == -1) {
		log_fatal("chroot %s: the user mctd runs as may not enter it: "
			  "%s",
		    conf->chroot, strerror(errno));
		return -1;
	}
	if (reload_readable() == -1) {
		log_fatal("the configuration cannot be read again by the "
			  "user mctd runs as: %s",
		    strerror(errno));
		return -1;
	}
	return children_fill_low_fds();
}

/*
 * Before the drop, for their size; above the low numbers, as all traffic.
 * From another daemon they come as they are.
 */
static int
make_pipes(const struct conf *conf, int taking)
{
	uint32_t each = conf->limits.pipes;

	if (children_fill_low_fds() == 0 &&
	    (taking ? pipes_prepare(conf->engines, each) :
		      pipes_make(conf->engines, each)) == 0)
		return 0;
	log_fatal("pipes: %s", strerror(errno));
	return -1;
}

int
start_privileged(const struct parent_options *o, struct conf *conf,
    const struct budget *b)
{
	int privileged = geteuid() == 0;
	struct upgrade_hello ours;
	struct identity id;
	int null;

	(void)umask(022); /* a caller's may be such that nobody could enter */
	if (look_up(o, conf, &id) == -1 ||
	    (privileged &&
		places_chroot(conf->chroot, start_chroot,
		    sizeof start_chroot) == -1))
		return -1;
	if (!privileged)
		log_warn("not started by root: no chroot, no other user; "
			 "capabilities: %s",
		    sandbox_powers_text(powers_here(b->powers)));
	/* children have descriptor 0 from here, and daemon_ready does */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null == -1 || dup2(null, 0) == -1 ||
	    (null > 2 && close(null) == -1) || loop_init(b->parent_fds) == -1) {
		log_fatal("start: %s", strerror(errno));
		return -1;
	}
	greeting(conf, &id, &ours);
	if (o->upgrade && upgrade_take_begin(conf->socket, &ours) == -1)
		return -1;
	if (start_children(o, conf, b, &id) == -1)
		return -1;
	network_open();
	if (reload_reserve() == -1 || upgrade_give_reserve() == -1 ||
	    open_outside(conf, &id, o->upgrade) == -1 ||
	    make_pipes(conf, o->upgrade) == -1 ||
	    drop(conf, b, &id, privileged) == -1) {
		own_sockets_remove();
		return -1;
	}
	return 0;
}
