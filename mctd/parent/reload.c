/*
 * The configuration, at start and again.
 *
 * The file and what it includes are opened below the directory the file
 * lies in, without following links, so that reading it again from within
 * the chroot sees the same as the start did.
 *
 * Calls: close; at the start: openat
 */

#include <sys/types.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../sandbox/sandbox.h"
#include "bridges.h"
#include "children.h"
#include "datagrams.h"
#include "events.h"
#include "life.h"
#include "local.h"
#include "reload.h"
#include "slots.h"

static struct {
	char directory[CONF_PATH_BYTES];
	char name[CONF_PATH_BYTES];   /* below it */
	char path[CONF_PATH_BYTES];   /* as given, for messages */
	char socket[CONF_PATH_BYTES]; /* in it, whatever -s says */
	int fd;                       /* the directory */
	int given;
	int reserve; /* a low number, free while a file is read */
	struct conf *next;
} reload = { .fd = -1, .reserve = -1 };

int
reload_open(const char *file, int given)
{
	const char *slash = strrchr(file, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - file);

	if (strlen(file) >= sizeof reload.path) {
		log_fatal("%s: %s", file, strerror(ENAMETOOLONG));
		return -1;
	}
	(void)strlcpy(reload.path, file, sizeof reload.path);
	(void)strlcpy(reload.name, slash == NULL ? file : slash + 1,
	    sizeof reload.name);
	if (slash == NULL)
		(void)strlcpy(reload.directory, ".", 2);
	else if (len == 0)
		(void)strlcpy(reload.directory, "/", 2);
	else
		(void)snprintf(reload.directory, sizeof reload.directory,
		    "%.*s", (int)len, file);
	reload.given = given;
	reload.fd = open(reload.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reload.fd == -1 && given) {
		log_fatal("%s: %s", reload.directory, strerror(errno));
		return -1;
	}
	sandbox_grant_fd(SANDBOX_READ, reload.fd);
	return 0;
}

/* A name in the file, or the file itself: below the directory, or EACCES. */
static int
open_file(void *arg, const char *name)
{
	size_t len = strlen(reload.directory);
	int fd;

	(void)arg;
	if (strcmp(name, reload.path) == 0)
		name = reload.name;
	else if (strncmp(name, reload.directory, len) == 0 && name[len] == '/')
		name += len + 1;
	else if (name[0] == '/') {
		errno = EACCES;
		return -1;
	}
	if (reload.reserve != -1)
		close(reload.reserve); /* its number is the lowest free one */
	fd = sandbox_open_beneath(reload.fd, name,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd;
}

static int
read_it(struct conf *conf, char *error, size_t size)
{
	struct conf_source source = { .open_file = open_file };
	int failed, missing;

	if (reload.fd == -1) {
		conf_default(conf);
		return 0;
	}
	source.name = reload.path;
	failed = conf_parse(conf, &source) == -1;
	missing = errno == ENOENT;
	if (reload.reserve != -1)
		(void)children_fill_low_fds();
	if (!failed)
		return 0;
	/* at the start, not when it is away for a moment */
	if (missing && !reload.given && reload.reserve == -1) {
		conf_default(conf);
		return 0;
	}
	(void)strlcpy(error, source.error, size);
	return -1;
}

int
reload_read(struct conf *conf, char *error, size_t size)
{
	if (read_it(conf, error, size) == -1)
		return -1;
	if (reload.reserve == -1) /* the start: before -s is looked at */
		(void)strlcpy(reload.socket, conf->socket,
		    sizeof reload.socket);
	return 0;
}

int
reload_reserve(void)
{
	reload.reserve = open("/dev/null", O_RDWR | O_CLOEXEC);
	return reload.reserve == -1 ? -1 : 0;
}

int
reload_readable(void)
{
	int fd, error;

	if (reload.fd == -1)
		return 0;
	fd = open_file(NULL, reload.path);
	error = fd == -1 ? errno : 0;
	if (fd != -1)
		close(fd);
	(void)children_fill_low_fds();
	errno = error;
	return error == 0 || (error == ENOENT && !reload.given) ? 0 : -1;
}

size_t
reload_bytes(uint32_t bridges)
{
	return conf_bytes(bridges) + conf_shared_bytes();
}

int
reload_prepare(uint32_t bridges)
{
	reload.next = conf_new(bridges);
	return reload.next == NULL ? -1 : 0;
}

/* The entry of conf for a bridge that exists, or NULL. */
static const struct conf_bridge *
find_entry(const struct conf *conf, const struct bridge_spec *spec)
{
	uint32_t i;

	for (i = 0; i < conf->nbridges; i++)
		if (bridge_same_ends(&conf->bridges[i].spec, spec))
			return &conf->bridges[i];
	return NULL;
}

/* A connectionless one whose path was removed has to be opened anew. */
static int
has_lost_src(const struct bridge *b)
{
	const struct addr *src = &bridges_spec(b)->src;

	return !bridges_is_stream(b) && local_is_gone(src) && local_can_be(src);
}

/* Whether it ends; where a like one is in the file, that is made anew. */
static int
is_to_go(const struct bridge *b, const struct conf_bridge *entry)
{
	return b->from_conf &&
	    (entry == NULL || has_lost_src(b) ||
		datagrams_is_other(b, &entry->spec.options));
}

static void
mark_gone(const struct conf *conf, int undo)
{
	const struct conf_bridge *entry;
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (b->state == BRIDGE_CLOSING || b->state == BRIDGE_HELD)
			continue;
		entry = undo ? NULL : find_entry(conf, bridges_spec(b));
		b->gone = !undo && is_to_go(b, entry);
		/* those that are opened now are judged by what it will be */
		b->loop = (entry != NULL ? &entry->spec.options :
					   &bridges_spec(b)->options)
			      ->loop == FLAG_YES;
	}
}

/* The gone bridge on that src, whose listener its successor takes. */
static const struct bridge *
previous_of(const struct addr *src)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->gone && b->fd != -1 && addr_is_connected_type(src) &&
		    addr_equal(&bridges_spec(b)->src, src))
			return b;
	return NULL;
}

static int
open_new(const struct conf *conf, const struct conf_bridge *entry,
    const char **why)
{
	struct bridge_request ask = { .from_conf = 1 };
	struct bridge *b;

	if ((b = bridges_named(entry->spec.name)) != NULL && !b->from_conf &&
	    b != bridges_same(&entry->spec)) {
		*why = "a bridge that a client made has this name";
		return -1;
	}
	ask.spec = &entry->spec;
	ask.options = entry->spec.options;
	conf_resolve(conf, &ask.options);
	if ((b = bridges_same(&entry->spec)) != NULL)
		return life_try_change(b, &ask.options, why);
	ask.previous = previous_of(&entry->spec.src);
	return life_open(&ask, why) == NULL ? -1 : 0;
}

/* Closes what open_new opened. */
void
reload_undo(const struct conf *conf)
{
	struct bridge *b, *next;

	for (b = bridges_next(1); b != NULL; b = next) {
		next = bridges_next(b->slot + 1);
		if (b->state == BRIDGE_HELD)
			(void)life_close(b, NULL, b->borrowed);
	}
	mark_gone(conf, 1);
}

/* Whether a new bridge goes on with the listener of this one. */
static int
is_borrowed(const struct bridge *of)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		if (b->state == BRIDGE_HELD && b->borrowed && b->fd == of->fd)
			return 1;
	return 0;
}

static void
begin(struct bridge *b)
{
	if (life_begin(b) == 0)
		return;
	log_warn("bridge %u: %s", slots_id(b->slot), strerror(errno));
	(void)life_close(b, NULL, 0);
}

void
reload_commit(const struct conf *conf)
{
	const struct conf_bridge *entry;
	struct bridge_options options;
	struct bridge *b, *next;

	for (b = bridges_next(1); b != NULL; b = next) {
		next = bridges_next(b->slot + 1);
		if (b->gone)
			(void)life_close(b, NULL, is_borrowed(b));
	}
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (b->state == BRIDGE_HELD) {
			begin(b);
			continue;
		}
		if (b->state == BRIDGE_CLOSING)
			continue;
		entry = find_entry(conf, bridges_spec(b));
		if (entry == NULL)
			continue;
		b->from_conf = 1; /* a client may have made it before */
		options = entry->spec.options;
		conf_resolve(conf, &options);
		life_change(b, &entry->spec, &options);
	}
}

int
reload_try(const struct conf *conf, char *error, size_t size)
{
	const struct conf_bridge *entry;
	const char *why;
	uint32_t i;

	mark_gone(conf, 0);
	for (i = 0; i < conf->nbridges; i++) {
		entry = &conf->bridges[i];
		if (open_new(conf, entry, &why) == 0)
			continue;
		(void)snprintf(error, size, "%s:%d: bridge: %s", entry->file,
		    entry->line, why);
		reload_undo(conf);
		return -1;
	}
	return 0;
}

int
reload_apply(const struct conf *conf, char *error, size_t size)
{
	if (reload_try(conf, error, size) == -1)
		return -1;
	reload_commit(conf);
	return 0;
}

/* What a running daemon cannot change is said, and left. */
static void
warn_fixed(const struct conf *now, const struct conf *next)
{
	if (memcmp(&now->limits, &next->limits, sizeof now->limits) != 0)
		log_warn("limits take effect at the next start");
	if (now->engines != next->engines || now->spin_us != next->spin_us)
		log_warn("engines and spin take effect at the next start");
	if (strcmp(reload.socket, next->socket) != 0)
		log_warn("the socket's path takes effect at the next start");
	if (strcmp(now->user, next->user) != 0 ||
	    strcmp(now->chroot, next->chroot) != 0)
		log_warn("user and chroot take effect at the next start");
	if (strcmp(now->socket_group, next->socket_group) != 0 ||
	    now->socket_mode != next->socket_mode)
		log_warn("the socket's mode and group take effect at the "
			 "next start");
	if (now->ndirectories != next->ndirectories ||
	    memcmp(now->directory, next->directory, sizeof now->directory) != 0)
		log_warn("directories take effect at the next start");
}

int
reload_again(struct conf *current, char *error, size_t size)
{
	struct event_note note = { .type = EVENT_CONFIG_LOADED };

	if (reload_read(reload.next, error, size) == -1 ||
	    reload_apply(reload.next, error, size) == -1) {
		log_warn("configuration not changed: %s", error);
		return -1;
	}
	warn_fixed(current, reload.next);
	current->timeouts = reload.next->timeouts;
	events_add(&note);
	log_info("configuration loaded");
	return 0;
}
