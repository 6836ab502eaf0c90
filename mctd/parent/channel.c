/*
 * The parent's end of a child's channel.  The only sendmsg of the daemon.
 *
 * Calls: sendmsg
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "../share/inner.h"
#include "channel.h"

int
channel_send(int fd, const void *buf, size_t len, const int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * HAND_OVER_PAIRS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg;
	struct cmsghdr *c;

	if (len == 0 || nfds > 2 * HAND_OVER_PAIRS) {
		errno = EMSGSIZE;
		return -1;
	}
	memset(&msg, 0, sizeof msg);
	iov.iov_base = (void *)(uintptr_t)buf;
	iov.iov_len = len;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		memset(&control, 0, sizeof control);
		msg.msg_control = control.room;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof *fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof *fds);
		memcpy(CMSG_DATA(c), fds, nfds * sizeof *fds);
	}
	while (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

int
channel_log(struct frame_in *in, const char *who, struct log_rate *rate)
{
	struct inner_log m;

	inner_get_log(in, &m);
	if (frame_done(in) == -1 || m.level > LOG_LEVEL_DEBUG)
		return -1;
	if (log_rate(rate, CHILD_LOG_RATE, who))
		log_line((enum log_level)m.level, m.text);
	return 0;
}
