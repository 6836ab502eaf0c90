/*
 * What is counted, how sessions end, what events there are, and the words
 * for them: the same in output, log and manual.
 */

#ifndef COMMON_NAMES_H
#define COMMON_NAMES_H

/*
 * What the engine counts for each bridge and session.  Of a connectionless
 * bridge, MESSAGES_IN + COPIES = MESSAGES_OUT + all drops; DROP_RIGHTS is of
 * records alone, which are carried all the same.  Answers are counted apart:
 * REPLIES_IN = REPLIES_OUT + REPLIES_DROPPED.
 */
enum count {
	COUNT_BYTES_TO_DST,
	COUNT_BYTES_TO_SRC,
	COUNT_BYTES_IN, /* read from src: datagrams only */
	COUNT_MESSAGES_IN,
	COUNT_MESSAGES_OUT,
	COUNT_COPIES, /* of messages, one for each further dst */
	COUNT_REPLIES_IN,
	COUNT_REPLIES_OUT,
	COUNT_REPLIES_DROPPED,
	COUNT_FLOWS,           /* ever made */
	COUNT_FLOWS_DISPLACED, /* that gave way to another */
	COUNT_DROP_NO_BUFFER,
	COUNT_DROP_TOO_LONG,
	COUNT_DROP_REFUSED,
	COUNT_DROP_NO_ROUTE,
	COUNT_DROP_FILTERED,
	COUNT_DROP_OVERFLOW, /* the kernel's receive queue at src */
	COUNT_DROP_OTHER,
	COUNT_DROP_RIGHTS, /* local records that lost what rode on them */
	COUNT_DROP_ENGINE, /* in the hands of an engine that died */
	COUNT_DROP_SIZE,   /* outside of min and max */
	COUNT_DROP_RATE,   /* over rate or datagram-rate */
	COUNT_DROP_HOPS,   /* had no hop left */
	COUNT_DROP_NO_TTL, /* for a group, and no TTL is set */
	COUNT_DROP_FLOW,   /* no flow for this sender */
	COUNTS
};
#define COUNT_DROP_FIRST COUNT_DROP_NO_BUFFER

/* What the parent counts for each bridge. */
enum parent_count {
	PARENT_ACCEPTED, /* peers accepted */
	PARENT_OPENED,   /* sessions handed to the engine */
	PARENT_FAILED,   /* dst did not answer or refused */
	PARENT_REFUSED,  /* over max-per-source, reset */
	PARENT_PAUSED,   /* times accepting had to wait for a limit */
	PARENT_UNREAD,   /* flows that gave way as something came */
	PARENT_COUNTS
};

/* Why a session ended. */
enum end_reason {
	END_NONE,
	END_CLEAN, /* both sides closed */
	END_PEER_RESET,
	END_DST_RESET,
	END_IDLE,
	END_HALF_CLOSED, /* half-closed and silent for too long */
	END_REQUESTED,   /* session close */
	END_BRIDGE_CLOSED,
	END_CONNECT_REFUSED, /* dst could not be connected; see errno */
	END_CONNECT_TIMEOUT,
	END_PEER_GONE, /* before dst stood */
	END_STOPPED,   /* the daemon stops */
	END_ENGINE_DIED,
	END_ERROR, /* see errno */
	END_LIFETIME,
	END_PEER_LOST, /* keepalive or user timeout, or no route; see errno */
	END_DST_LOST,
	END_RECORD, /* one that cannot be carried; see errno */
	END_REASONS
};

/* The first four are those of enum mct_event.  Append only. */
enum event_type {
	EVENT_SESSION_CLOSED,
	EVENT_SESSION_OPENED,
	EVENT_DROPPED_PACKET,
	EVENT_SHORT_SEND,
	EVENT_CONNECT_FAILED,
	EVENT_LIMIT_REACHED,
	EVENT_BRIDGE_CREATED,
	EVENT_BRIDGE_DESTROYED,
	EVENT_CHILD_RESTARTED,
	EVENT_CONFIG_LOADED,
	EVENT_DST_DOWN, /* of several: left out for a while */
	EVENT_DST_UP,
	EVENT_ONE_WAY, /* what the proof of a dst gave: reason is enum one_way
			*/
	EVENT_GROUP_JOINED,
	EVENT_GROUP_LEFT,
	EVENT_GROUP_WAITING, /* its interface is not there, or err says why */
	EVENT_TYPES
};

/* Whether the dst of a connectionless bridge can only be sent to. */
enum one_way {
	ONE_WAY_NONE,     /* it carries answers, or has sessions */
	ONE_WAY_PROVEN,   /* the kernel was seen to deliver nothing */
	ONE_WAY_UNPROVEN, /* it is enforced, but could not be tried */
	ONE_WAY_NOT,      /* the family cannot be made to */
	ONE_WAYS
};

/* How it is with a group. */
enum group_state {
	GROUP_NONE,
	GROUP_JOINED,
	GROUP_WAITING, /* for its interface, or for the kernel's leave */
	GROUP_STATES
};

enum role {
	ROLE_NONE,
	ROLE_OBSERVE,
	ROLE_CONTROL,
	ROLE_ADMIN
};

/* Words; never NULL, "unknown" for a number that is none of them. */
const char *name_count(unsigned int);        /* "bytes-to-dst" */
const char *name_parent_count(unsigned int); /* "accepted" */
const char *name_end_reason(unsigned int);   /* "peer-reset" */
const char *name_event(unsigned int);        /* "session-closed" */
const char *name_role(unsigned int);
const char *name_one_way(unsigned int);     /* "proven" */
const char *name_group_state(unsigned int); /* "joined" */

#endif
