/*
 * The sockets of the daemon's own.
 *
 * Calls: newfstatat; at the start: fchownat, geteuid
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../sandbox/sandbox.h"
#include "clients.h"
#include "own_sockets.h"
#include "places.h"
#include "socket_file.h"
#include "upgrade_give.h"

#define UPGRADE_MODE 0600

static struct own_socket control = { .directory = -1 };
static struct own_socket upgrade = { .directory = -1 };
static int not_ours; /* another mctd's still */

/* Whether a file is a group's already. */
static int
has_group(const char *path, gid_t group)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_gid == group;
}

static const char *
why_no_socket(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "another mctd listens there";
	case ENOTSOCK:
		return "there is a file that is not a socket";
	default:
		return strerror(err);
	}
}

/*
 * Root without CAP_DAC_OVERRIDE can neither make the socket in a directory of
 * the user's, though it saw that nobody listens there, nor see whether
 * somebody listens at a socket of the user's.
 */
static int
open_as_user(const char *path, int type, mode_t mode,
    const struct own_sockets_ids *ids, int error)
{
	const char *name = strrchr(path, '/') + 1;
	struct local_file file;
	int fd;

	if (places_as_user(ids->uid, ids->has_group ? ids->group : ids->gid) ==
	    -1)
		return -1;
	if (error == EACCES) {
		local_look(control.directory, name, &file);
		local_remove(control.directory, name, &file);
	}
	fd = socket_file_open(path, type, mode);
	error = errno;
	if (places_as_root() == -1)
		return -1;
	errno = error;
	return fd;
}

/* -1 with errno. */
static int
open_at(const char *path, int type, mode_t mode,
    const struct own_sockets_ids *ids)
{
	int fd = socket_file_open(path, type, mode);

	if (fd == -1 && (errno == EACCES || errno == EADDRINUSE) &&
	    path[0] == '/' && geteuid() == 0)
		fd = open_as_user(path, type, mode, ids, errno);
	return fd;
}

/* The file that a path has now, to be removed at the end. */
static void
note_file(struct own_socket *own, const char *path)
{
	if (path[0] != '/')
		return;
	own->directory = control.directory;
	(void)strlcpy(own->name, strrchr(path, '/') + 1, sizeof own->name);
	local_look(own->directory, own->name, &own->file);
}

static int
fail(const char *what, const char *path, int err)
{
	log_fatal("%s %s: %s", what, path, why_no_socket(err));
	return -1;
}

static int
open_control(const struct conf *conf, const struct own_sockets_ids *ids)
{
	const char *path = conf->socket;
	int fd;

	fd = open_at(path, SOCK_STREAM, conf->socket_mode, ids);
	if (fd == -1)
		return fail("control socket", path, errno);
	note_file(&control, path);
	if (path[0] == '/' && ids->has_group && !has_group(path, ids->group) &&
	    lchown(path, (uid_t)-1, ids->group) == -1) {
		log_fatal("control socket %s: group %s: %s", path,
		    conf->socket_group, strerror(errno));
		return -1;
	}
	return clients_listen(fd);
}

/* Without it the daemon is a daemon, too. */
static int
open_upgrade(const char *path, const struct own_sockets_ids *ids)
{
	int fd = open_at(path, SOCK_SEQPACKET, UPGRADE_MODE, ids);

	if (fd == -1 && errno == ENAMETOOLONG) {
		log_warn("no upgrade in place (-U): the control socket's path "
			 "is too long");
		return 0;
	}
	if (fd == -1)
		return fail("upgrade socket", path, errno);
	note_file(&upgrade, path);
	upgrade_give_listen(fd);
	return 0;
}

int
own_sockets_open(const struct conf *conf, const struct own_sockets_ids *ids,
    int taking)
{
	char path[CONF_PATH_BYTES + sizeof MCTD_UPGRADE_SUFFIX];

	(void)snprintf(path, sizeof path, "%s%s", conf->socket,
	    MCTD_UPGRADE_SUFFIX);
	local_set_control(conf->socket, path);
	if (conf->socket[0] == '/') {
		control.directory =
		    places_directory(conf->socket, ids->uid, ids->gid);
		if (control.directory == -1)
			return fail("control socket", conf->socket, errno);
		sandbox_grant_fd(SANDBOX_SOCKETS, control.directory);
	}
	not_ours = taking;
	if (!taking)
		return open_control(conf, ids) == -1 ? -1 :
						       open_upgrade(path, ids);
	note_file(&control, conf->socket);
	note_file(&upgrade, path);
	return 0;
}

void
own_sockets_taken(void)
{
	not_ours = 0;
}

static void
remove_one(struct own_socket *own)
{
	if (own->name[0] != '\0' && !not_ours)
		local_remove(own->directory, own->name, &own->file);
	own->name[0] = '\0';
}

void
own_sockets_remove(void)
{
	remove_one(&control);
	remove_one(&upgrade);
}

struct own_socket *
own_sockets_control(void)
{
	return &control;
}

struct own_socket *
own_sockets_upgrade(void)
{
	return &upgrade;
}
