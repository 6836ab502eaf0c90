/*
 * Events: what happened to the daemon and was not the answer to a call.
 * They concern every session of the daemon, whoever made it.
 */
#ifndef MCT_EVENT_H
#define MCT_EVENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mct;
struct mct_record;

/* New ones are appended; a program passes over those it does not know. */
enum mct_event {
	MCT_SESSION_CLOSED,
	MCT_SESSION_OPENED,
	MCT_DROPPED_PACKET,
	MCT_SHORT_SEND,
	MCT_CONNECT_FAILED,
	MCT_LIMIT_REACHED,
	MCT_BRIDGE_CREATED,
	MCT_BRIDGE_DESTROYED,
	MCT_CHILD_RESTARTED,
	MCT_CONFIG_LOADED,
	MCT_DST_DOWN,
	MCT_DST_UP,
	MCT_ONE_WAY,
	MCT_GROUP_JOINED,
	MCT_GROUP_LEFT,
	MCT_GROUP_WAITING,
	MCT_EVENT_RANGE = 0x7fffffff /* none: room for those to come */
};

/*
 * Attaches the handle to events from now on.  blocking: whether
 * mct_event_read waits for one.  0, or -1 with errno: EISCONN already
 * attached, ETIMEDOUT, EPIPE.
 */
int mct_event_attach(struct mct *mct, int blocking);

/* The same from event number seq on, as far as the daemon still has it. */
int mct_event_attach_since(struct mct *mct, int blocking, uint32_t seq);

/* Asks nothing of the daemon.  0, or -1 with errno ENOTCONN. */
int mct_event_detach(struct mct *mct);

/*
 * The next event.  Any of e, id, s and err may be NULL.  id counts up by
 * one and rolls over to 0; a gap means that events were missed.  s is the
 * bridge or session, 0 when it is about neither; err is 0 or an errno value.
 * Returns 0, or -1 with errno: EWOULDBLOCK no event now (not blocking),
 * ENOTCONN not attached, EPIPE, EBADMSG.  A blocking read waits as long as
 * it takes, whatever the handle's timeout.
 */
int mct_event_read(struct mct *mct, enum mct_event *e, unsigned int *id, int *s,
    int *err);

/*
 * The same, with everything that is known of it (mct_list(3)).  *record is
 * valid until the next call on the handle.
 */
int mct_event_next(struct mct *mct, const struct mct_record **record);

/*
 * For an event loop: the descriptor, readable when mct_event_read of a
 * handle that does not block may have something.  Read until EWOULDBLOCK
 * before waiting for it, also after any other call on the handle, which may
 * have taken in events.  -1 with EINVAL when mct is NULL.
 */
int mct_fd(const struct mct *mct);

#ifdef __cplusplus
}
#endif

#endif
