/*
 * The words for what is counted, how sessions end, events and roles.
 */

#include <stddef.h>

#include "names.h"

static const char *const count_names[COUNTS] = {
	[COUNT_BYTES_TO_DST] = "bytes-to-dst",
	[COUNT_BYTES_TO_SRC] = "bytes-to-src",
	[COUNT_BYTES_IN] = "bytes-in",
	[COUNT_MESSAGES_IN] = "messages-in",
	[COUNT_MESSAGES_OUT] = "messages-out",
	[COUNT_COPIES] = "copies",
	[COUNT_REPLIES_IN] = "replies-in",
	[COUNT_REPLIES_OUT] = "replies-out",
	[COUNT_REPLIES_DROPPED] = "replies-dropped",
	[COUNT_FLOWS] = "flows-made",
	[COUNT_FLOWS_DISPLACED] = "flows-displaced",
	[COUNT_DROP_NO_BUFFER] = "drop-no-buffer",
	[COUNT_DROP_TOO_LONG] = "drop-too-long",
	[COUNT_DROP_REFUSED] = "drop-refused",
	[COUNT_DROP_NO_ROUTE] = "drop-no-route",
	[COUNT_DROP_FILTERED] = "drop-filtered",
	[COUNT_DROP_OVERFLOW] = "drop-overflow",
	[COUNT_DROP_OTHER] = "drop-other",
	[COUNT_DROP_RIGHTS] = "drop-rights",
	[COUNT_DROP_ENGINE] = "drop-engine-death",
	[COUNT_DROP_SIZE] = "drop-size",
	[COUNT_DROP_RATE] = "drop-rate",
	[COUNT_DROP_HOPS] = "drop-hops",
	[COUNT_DROP_NO_TTL] = "drop-no-ttl",
	[COUNT_DROP_FLOW] = "drop-no-flow",
};

static const char *const parent_count_names[PARENT_COUNTS] = {
	[PARENT_ACCEPTED] = "accepted",
	[PARENT_OPENED] = "opened",
	[PARENT_FAILED] = "failed",
	[PARENT_REFUSED] = "refused",
	[PARENT_PAUSED] = "paused",
	[PARENT_UNREAD] = "flows-unread",
};

static const char *const end_reason_names[END_REASONS] = {
	[END_NONE] = "none",
	[END_CLEAN] = "clean",
	[END_PEER_RESET] = "peer-reset",
	[END_DST_RESET] = "dst-reset",
	[END_IDLE] = "idle",
	[END_HALF_CLOSED] = "half-closed",
	[END_REQUESTED] = "requested",
	[END_BRIDGE_CLOSED] = "bridge-closed",
	[END_CONNECT_REFUSED] = "connect-failed",
	[END_CONNECT_TIMEOUT] = "connect-timeout",
	[END_PEER_GONE] = "peer-gone",
	[END_STOPPED] = "stopped",
	[END_ENGINE_DIED] = "engine-died",
	[END_ERROR] = "error",
	[END_LIFETIME] = "lifetime",
	[END_PEER_LOST] = "peer-lost",
	[END_DST_LOST] = "dst-lost",
	[END_RECORD] = "record",
};

static const char *const event_names[EVENT_TYPES] = {
	[EVENT_SESSION_CLOSED] = "session-closed",
	[EVENT_SESSION_OPENED] = "session-opened",
	[EVENT_DROPPED_PACKET] = "dropped-packet",
	[EVENT_SHORT_SEND] = "short-send",
	[EVENT_CONNECT_FAILED] = "connect-failed",
	[EVENT_LIMIT_REACHED] = "limit-reached",
	[EVENT_BRIDGE_CREATED] = "bridge-created",
	[EVENT_BRIDGE_DESTROYED] = "bridge-destroyed",
	[EVENT_CHILD_RESTARTED] = "child-restarted",
	[EVENT_CONFIG_LOADED] = "config-loaded",
	[EVENT_DST_DOWN] = "dst-down",
	[EVENT_DST_UP] = "dst-up",
	[EVENT_ONE_WAY] = "one-way",
	[EVENT_GROUP_JOINED] = "group-joined",
	[EVENT_GROUP_LEFT] = "group-left",
	[EVENT_GROUP_WAITING] = "group-waiting",
};

static const char *const one_way_names[ONE_WAYS] = {
	[ONE_WAY_NONE] = "no",
	[ONE_WAY_PROVEN] = "proven",
	[ONE_WAY_UNPROVEN] = "not proven",
	[ONE_WAY_NOT] = "not enforceable",
};

static const char *const group_state_names[GROUP_STATES] = {
	[GROUP_NONE] = "none",
	[GROUP_JOINED] = "joined",
	[GROUP_WAITING] = "waiting",
};

static const char *const role_names[] = {
	[ROLE_NONE] = "none",
	[ROLE_OBSERVE] = "observe",
	[ROLE_CONTROL] = "control",
	[ROLE_ADMIN] = "admin",
};

static const char *
word(const char *const *words, size_t n, unsigned int i)
{
	return i < n && words[i] != NULL ? words[i] : "unknown";
}

const char *
name_count(unsigned int i)
{
	return word(count_names, COUNTS, i);
}

const char *
name_parent_count(unsigned int i)
{
	return word(parent_count_names, PARENT_COUNTS, i);
}

const char *
name_end_reason(unsigned int i)
{
	return word(end_reason_names, END_REASONS, i);
}

const char *
name_event(unsigned int i)
{
	return word(event_names, EVENT_TYPES, i);
}

const char *
name_one_way(unsigned int i)
{
	return word(one_way_names, ONE_WAYS, i);
}

const char *
name_group_state(unsigned int i)
{
	return word(group_state_names, GROUP_STATES, i);
}

const char *
name_role(unsigned int i)
{
	return word(role_names, sizeof role_names / sizeof *role_names, i);
}
