/*
 * Sockets whose paths were removed.  A socket that listened at a path that is
 * gone can not be given another, so there is a new one in its place; sessions
 * and clients that it accepted are not touched.  Who has connected and was
 * not accepted yet is waited for.
 *
 * Where something else lies at the path now, somebody else took it, and it is
 * left alone.  Where the directory was removed, too, nothing can be done: it
 * was opened before the chroot.
 *
 * A connectionless src is with the engine.  A reload opens the bridges of
 * mctd.conf on it anew (reload.c); those that clients made are theirs to
 * close and make again.
 *
 * Calls: bind, chdir, close, fchdir, listen, poll, socket, umask
 */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <bsd/string.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "accept.h"
#include "bridges.h"
#include "children.h"
#include "clients.h"
#include "local.h"
#include "mend.h"
#include "own_sockets.h"
#include "slots.h"
#include "socket_file.h"
#include "sockets.h"
#include "upgrade_give.h"

#define MEND_S 5

static struct {
	unsigned int seconds;
	unsigned int failed; /* in this round */
	int silent;          /* failures were told */
} rounds;

static void
cannot(const char *what, const char *why)
{
	rounds.failed++;
	if (!rounds.silent)
		log_warn("%s: its path was removed, and is not made again: %s",
		    what, why);
}

static const char *
reason(int error)
{
	return error == ENOENT ? "its directory was removed as well" :
				 strerror(error);
}

static int
has_waiting(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) != 0;
}

static void
mend_listener(struct bridge *b)
{
	const struct bridge_spec *spec = bridges_spec(b);
	struct local_file file;
	const char *why = NULL;
	char what[32];
	int fd;

	if (has_waiting(b->fd))
		return;
	(void)snprintf(what, sizeof what, "bridge %u", slots_id(b->slot));
	fd = sockets_listen(&spec->src, &spec->options, &file, &why);
	if (fd == -1) {
		cannot(what, why != NULL ? why : reason(errno));
		return;
	}
	accept_stop(b);
	close(b->fd);
	b->fd = fd;
	b->file = file;
	if (accept_start(b) == -1)
		log_warn("%s: no memory to listen", what);
	log_info("%s: the removed path of its src is made again", what);
}

static void
mend_bridge(struct bridge *b)
{
	const struct addr *src = &bridges_spec(b)->src;
	char what[32];

	if (b->state != BRIDGE_OPEN || b->fd == -1 || b->paused ||
	    !local_is_gone(src))
		return;
	if (bridges_is_stream(b)) {
		mend_listener(b);
		return;
	}
	(void)snprintf(what, sizeof what, "bridge %u", slots_id(b->slot));
	if (!local_can_be(src))
		cannot(what, reason(ENOENT));
	else
		cannot(what,
		    b->from_conf ? "a reload does that" :
				   "close the bridge and make it anew");
}

/* In the directory that the parent is in; -1 with errno. */
static int
listen_here(const char *name, int type, mode_t mode)
{
	struct sockaddr_un un;
	mode_t old;
	int fd, error;

	memset(&un, 0, sizeof un);
	un.sun_family = AF_LOCAL;
	(void)strlcpy(un.sun_path, name, sizeof un.sun_path);
	fd = socket(AF_LOCAL, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	old = umask(0777 & ~mode);
	error = bind(fd, (struct sockaddr *)&un, sizeof un) == -1 ? errno : 0;
	(void)umask(old);
	if (error == 0 && listen(fd, SOCKET_FILE_BACKLOG) == -1)
		error = errno;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* One of the daemon's own: its descriptor when it was made again, or -1. */
static int
mend_own(struct own_socket *s, const char *what, int type, mode_t mode)
{
	int fd, error;

	if (s->name[0] == '\0' || !local_is_missing(s->directory, s->name))
		return -1;
	if (chdir("/") == -1 || fchdir(s->directory) == -1)
		return -1;
	fd = listen_here(s->name, type, mode);
	error = errno;
	if (chdir("/") == -1)
		log_warn("%s: %s", what, strerror(errno));
	if (fd == -1)
		cannot(what, reason(error));
	else
		local_look(s->directory, s->name, &s->file);
	return fd;
}

static void
mend_control(const struct conf *conf)
{
	static const char what[] = "control socket";
	int fd = mend_own(own_sockets_control(), what, SOCK_STREAM,
	    conf->socket_mode);

	if (fd == -1)
		return;
	clients_stop();
	(void)children_fill_low_fds(); /* it may have had one */
	(void)clients_listen(fd);
	log_warn("%s: its removed path is made again%s", what,
	    conf->socket_group[0] != '\0' ?
		", without its group: that takes a restart" :
		"");
}

static void
mend_upgrade(void)
{
	int fd;

	if (upgrade_give_is_busy())
		return;
	fd = mend_own(own_sockets_upgrade(), "upgrade socket", SOCK_SEQPACKET,
	    0600);
	if (fd == -1)
		return;
	upgrade_give_stop();
	(void)children_fill_low_fds();
	upgrade_give_listen(fd);
}

void
mend(const struct conf *conf, int asked)
{
	struct bridge *b;

	rounds.failed = 0;
	rounds.silent = rounds.silent && !asked;
	mend_control(conf);
	mend_upgrade();
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1))
		mend_bridge(b);
	rounds.silent = rounds.failed > 0;
}

void
mend_tick(const struct conf *conf)
{
	if (++rounds.seconds < MEND_S)
		return;
	rounds.seconds = 0;
	mend(conf, 0);
}
