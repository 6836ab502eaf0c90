/*
 * The tree: its memory, its defaults, and what a bridge gets from them.
 * The grammar fills it (parse.y).
 *
 * Calls: at the start: mmap, munmap
 */

#include <sys/mman.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "lex.h"
#include "macro.h"

/* Pages of its own: the bridges lie behind the tree. */
struct conf *
conf_new(uint32_t bridges_room)
{
	struct conf *conf;
	void *p;

	p = mmap(NULL, conf_bytes(bridges_room), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	conf = p;
	conf->bridges = (struct conf_bridge *)(conf + 1);
	conf->bridges_room = bridges_room;
	conf_default(conf);
	lex_reserve();
	macro_reserve();
	return conf;
}

size_t
conf_bytes(uint32_t bridges_room)
{
	return sizeof(struct conf) + bridges_room * sizeof(struct conf_bridge);
}

/* What is not used is whole pages at the end. */
void
conf_fit(struct conf *conf)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t all = (conf_bytes(conf->bridges_room) + page - 1) / page;
	size_t kept = (conf_bytes(conf->limits.bridges) + page - 1) / page;

	if (conf->limits.bridges >= conf->bridges_room)
		return;
	if (kept < all)
		(void)munmap((char *)conf + kept * page, (all - kept) * page);
	conf->bridges_room = conf->limits.bridges;
}

size_t
conf_shared_bytes(void)
{
	return lex_bytes() + macro_bytes();
}

void
conf_default(struct conf *conf)
{
	struct conf_bridge *bridges = conf->bridges;
	uint32_t room = conf->bridges_room;

	memset(conf, 0, sizeof(*conf));
	memset(bridges, 0, room * sizeof(*bridges));
	conf->bridges = bridges;
	conf->bridges_room = room;
	(void)snprintf(conf->user, sizeof(conf->user), "%s", MCTD_USER);
	(void)snprintf(conf->chroot, sizeof(conf->chroot), "%s",
	    MCTD_CHROOT_PATH);
	(void)snprintf(conf->socket, sizeof(conf->socket), "%s",
	    MCTD_SOCKET_PATH);
	conf->socket_mode = CONF_SOCKET_MODE;
	conf->limits.bridges = LIMIT_BRIDGES_DEFAULT;
	conf->limits.sessions = LIMIT_SESSIONS_DEFAULT;
	conf->limits.clients = LIMIT_CLIENTS_DEFAULT;
	conf->limits.events = LIMIT_EVENTS_DEFAULT;
	conf->limits.standby = LIMIT_STANDBY_DEFAULT;
	conf->limits.pipes = LIMIT_PIPES_DEFAULT;
	conf->limits.groups = LIMIT_GROUPS_DEFAULT;
	conf->limits.flows = LIMIT_FLOWS_DEFAULT;
	conf->engines = LIMIT_ENGINES_DEFAULT;
	conf->timeouts.connect_s = CONNECT_S_DEFAULT;
	conf->timeouts.idle_s = IDLE_S_DEFAULT;
	conf->timeouts.half_closed_s = HALF_CLOSED_S_DEFAULT;
	conf->timeouts.drain_s = DRAIN_S_DEFAULT;
}

int
conf_define(const char *assignment)
{
	const char *equals, *p;

	if ((equals = strchr(assignment, '=')) == NULL) {
		errno = EINVAL;
		return -1;
	}
	/* What could not stand in quotes either. */
	for (p = equals + 1; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			errno = EINVAL;
			return -1;
		}
	}
	return macro_set(assignment, (size_t)(equals - assignment), equals + 1,
	    (size_t)(p - (equals + 1)), 1);
}

void
conf_resolve(const struct conf *conf, struct bridge_options *options)
{
	struct bridge_defaults defaults;

	defaults.connect_s = conf->timeouts.connect_s;
	defaults.idle_s = conf->timeouts.idle_s;
	defaults.half_closed_s = conf->timeouts.half_closed_s;
	bridge_options_resolve(options, &defaults);
}
