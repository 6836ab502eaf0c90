/*
 * Dialling dst: non-blocking, with a time limit.  A local dst whose queue is
 * full says EAGAIN instead of being on its way; it is asked again until the
 * same limit.
 */

#include <errno.h>

#include "../../common/clock.h"
#include "dial.h"
#include "slots.h"
#include "sockets.h"

/* A local server that is busy accepts its next peer within a few of them. */
#define RETRY_MS 20

static void dial_again(void *, unsigned int);

static void
dial_failed(struct session *s, int err)
{
	sessions_failed(s,
	    err == ETIMEDOUT ? END_CONNECT_TIMEOUT : END_CONNECT_REFUSED, err);
}

static void
dial_done(void *arg, unsigned int what)
{
	struct session *s = arg;
	int err;

	loop_del(&s->dial);
	err = what & LOOP_WRITE ? sockets_dialled(s->fd[1]) : ETIMEDOUT;
	if (err != 0)
		dial_failed(s, err);
	else
		sessions_ready(s);
}

static int
dial(struct session *s)
{
	const struct addr *dst = &slots_entry(s->slot)->spec.dst;
	uint64_t now = clock_ms();
	int err, standing;

	if (now >= s->deadline_ms) {
		dial_failed(s, ETIMEDOUT);
		return 0;
	}
	s->fd[1] = sockets_dial(dst, &standing);
	if (s->fd[1] != -1 && standing) {
		sessions_ready(s);
		return 0;
	}
	err = errno;
	if (s->fd[1] != -1) {
		loop_set(&s->dial, s->fd[1], LOOP_WRITE, dial_done, s);
		if (loop_add(&s->dial, (long)(s->deadline_ms - now)) == 0)
			return 0;
		err = ENOMEM;
	} else if (err == EAGAIN) {
		loop_set(&s->dial, -1, 0, dial_again, s);
		if (loop_add(&s->dial, RETRY_MS) == 0)
			return 0;
		err = ENOMEM;
	}
	dial_failed(s, err);
	return err == EMFILE || err == ENFILE ? -1 : 0;
}

static void
dial_again(void *arg, unsigned int what)
{
	(void)what;
	(void)dial(arg);
}

int
dial_start(struct session *s, const struct session_rules *rules)
{
	uint32_t connect_s = rules->options.connect_s;

	if (connect_s == 0) /* no limit: that of the kernel is shorter */
		connect_s = TIMEOUT_S_MAX;
	s->deadline_ms = clock_ms() + (uint64_t)connect_s * 1000;
	return dial(s);
}
