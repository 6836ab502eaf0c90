/*
 * How a handle comes to be: connect to the daemon and agree on a version.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/proto.h"
#include "handle.h"
#include "include/mct/mct.h"

/*
 * The address of the control socket.  Returns its length, or 0 with
 * ENAMETOOLONG, or ENOENT for an empty path.
 */
static socklen_t
connect_address(struct sockaddr_un *un, const char *path)
{
	size_t len = strlen(path);

	memset(un, 0, sizeof *un);
	un->sun_family = AF_UNIX;
	if (len == 0) {
		errno = ENOENT;
		return 0;
	}
	if (len >= sizeof un->sun_path) {
		errno = ENAMETOOLONG;
		return 0;
	}
	if (path[0] == '/') {
		memcpy(un->sun_path, path, len);
		return (socklen_t)sizeof *un;
	}
	memcpy(un->sun_path + 1, path, len); /* a NUL before: abstract */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

/*
 * A connected descriptor that does not block, or -1 with errno.  The
 * connect itself blocks, for a full backlog is no reason to fail at once.
 */
static int
connect_socket(const struct sockaddr_un *un, socklen_t len)
{
	struct timeval wait = { .tv_sec = REPLY_TIMEOUT_MS / 1000 };
	int err, fd, n;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == -1)
		goto fail;
	do
		n = connect(fd, (const struct sockaddr *)un, len);
	while (n == -1 && errno == EINTR); /* AF_UNIX: nothing was begun */
	if (n == -1) {
		if (errno == EAGAIN)
			errno = ETIMEDOUT;
		goto fail;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		goto fail;
	return fd;
fail:
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* HELLO: 0, or -1 with errno. */
static int
connect_hello(struct mct *mct)
{
	struct proto_hello hello = { .magic = PROTO_MAGIC,
		.version = PROTO_VERSION,
		.frame_max = FRAME_MAX };
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;
	struct frame_in answer;

	if (handle_begin(mct, &out, buf, MSG_L2C_HELLO) == -1)
		return -1;
	proto_put_hello(&out, &hello);
	if (handle_call(mct, &out, MSG_C2L_HELLO, &answer) == -1)
		return -1;
	proto_get_hello(&answer, &hello);
	if (answer.bad || hello.magic != PROTO_MAGIC)
		return handle_bad_answer(mct);
	/* Only now: another version's HELLO may be longer. */
	if (hello.version != PROTO_VERSION)
		return handle_fail(mct, EINVAL,
		    "the daemon speaks another version");
	if (frame_done(&answer) == -1)
		return handle_bad_answer(mct);
	mct->role = hello.role;
	return 0;
}

struct mct *
mct_init(const char *path)
{
	struct sockaddr_un un;
	struct mct *mct;
	socklen_t len;
	int err;

	len = connect_address(&un, path != NULL ? path : MCTD_SOCKET_PATH);
	if (len == 0)
		return NULL;
	mct = calloc(1, sizeof *mct);
	if (mct == NULL)
		return NULL;
	mct->timeout_ms = REPLY_TIMEOUT_MS;
	frame_reader_reset(&mct->in);
	frame_queue_reset(&mct->out);
	mct->fd = connect_socket(&un, len);
	if (mct->fd != -1 && connect_hello(mct) == 0)
		return mct;
	err = errno;
	if (mct->fd != -1)
		close(mct->fd);
	free(mct);
	errno = err;
	return NULL;
}
