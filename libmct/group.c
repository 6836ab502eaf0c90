/*
 * Changes of a connectionless bridge that runs: groups of its ends, and how
 * what it sends to groups leaves.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../common/proto.h"
#include "handle.h"
#include "include/mct/session.h"

/* Sends the change of bridge s, or with name not NULL of that name. */
static int
group_change(struct mct *mct, int s, const char *name, struct proto_change *m)
{
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;
	uint32_t id;

	if (name == NULL && s <= 0)
		return handle_fail(mct, EINVAL, "no such id");
	if (name != NULL) {
		if (name[0] == '\0' || strlen(name) >= sizeof m->name)
			return handle_fail(mct, EINVAL,
			    "no bridge of that name");
		strcpy(m->name, name);
	} else
		m->id = (uint32_t)s;
	if (handle_begin(mct, &out, buf, MSG_L2C_CHANGE) == -1)
		return -1;
	proto_put_change(&out, m);
	return handle_order(mct, &out, &id);
}

/* ---- by name and text ---- */

static int
group_text(struct mct *mct, enum change_what what, int s, const char *name,
    const char *group)
{
	struct proto_change m = { .what = (uint8_t)what };
	const char *why = "no group is given";

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (group == NULL || join_parse(&m.join, group, &why) == -1)
		return handle_fail(mct, EINVAL, why);
	return group_change(mct, s, name, &m);
}

int
mct_bridge_join(struct mct *mct, int s, const char *name, const char *group)
{
	return group_text(mct, CHANGE_JOIN, s, name, group);
}

int
mct_bridge_leave(struct mct *mct, int s, const char *name, const char *group)
{
	return group_text(mct, CHANGE_LEAVE, s, name, group);
}

int
mct_bridge_ttl(struct mct *mct, int s, const char *name, int ttl)
{
	struct proto_change m = { .what = CHANGE_TTL };

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (ttl < 0 || ttl > TTL_MAX)
		return handle_fail(mct, EINVAL,
		    "a TTL is a number from 0 to 255");
	m.ttl = (uint32_t)ttl;
	return group_change(mct, s, name, &m);
}

int
mct_bridge_affinity(struct mct *mct, int s, const char *name,
    const char *interface)
{
	struct proto_change m = { .what = CHANGE_AFFINITY };
	const char *why;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (interface == NULL)
		interface = "";
	if (strlen(interface) >= sizeof m.join.device)
		return handle_fail(mct, EINVAL,
		    "the name of an interface is too long");
	strcpy(m.join.device, interface);
	if (join_check_device(m.join.device, &why) == -1)
		return handle_fail(mct, errno, why);
	return group_change(mct, s, name, &m);
}

/* ---- by id and address ---- */

/* An interface by its number; 0: any.  0, or -1 with errno. */
static int
group_device(struct mct *mct, int ifindex, char device[DEVICE_BYTES])
{
	if (ifindex < 0)
		return handle_fail(mct, EINVAL, "no such interface");
	device[0] = '\0';
	if (ifindex > 0)
		(void)snprintf(device, DEVICE_BYTES, "%d", ifindex);
	return 0;
}

static int
group_address(struct mct *mct, const struct sockaddr *sa, socklen_t len,
    struct addr *addr)
{
	/* The type says nothing here: what is IP has this one. */
	if (sa == NULL)
		return handle_fail(mct, EINVAL, "an address is missing");
	if (addr_from_sockaddr(addr, SOCK_STREAM, sa, len) == -1 &&
	    errno != EPROTOTYPE)
		return handle_fail(mct, errno,
		    "an address or its length is wrong");
	if (!addr_is_ip(addr))
		return handle_fail(mct, EAFNOSUPPORT,
		    "this address family has no groups");
	return 0;
}

static int
group_socket(struct mct *mct, enum change_what what, int s, int end,
    int ifindex, const struct sockaddr *group, socklen_t grouplen,
    const struct sockaddr *source, socklen_t sourcelen)
{
	struct proto_change m = { .what = (uint8_t)what };
	struct addr group_addr, source_addr;
	char device[DEVICE_BYTES];
	const char *why;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (end != MCT_SRC && end != MCT_DST)
		return handle_fail(mct, EINVAL, "an end is src or dst");
	if (group_device(mct, ifindex, device) == -1 ||
	    group_address(mct, group, grouplen, &group_addr) == -1 ||
	    (source != NULL &&
		group_address(mct, source, sourcelen, &source_addr) == -1))
		return -1;
	if (join_set(&m.join, end == MCT_SRC ? ADDR_SRC : ADDR_DST, &group_addr,
		device, source != NULL ? &source_addr : NULL, &why) == -1)
		return handle_fail(mct, errno, why);
	return group_change(mct, s, NULL, &m);
}

int
mct_group_join(struct mct *mct, int s, int end, int ifindex,
    const struct sockaddr *group, socklen_t grouplen,
    const struct sockaddr *source, socklen_t sourcelen)
{
	return group_socket(mct, CHANGE_JOIN, s, end, ifindex, group, grouplen,
	    source, sourcelen);
}

int
mct_group_leave(struct mct *mct, int s, int end, int ifindex,
    const struct sockaddr *group, socklen_t grouplen,
    const struct sockaddr *source, socklen_t sourcelen)
{
	return group_socket(mct, CHANGE_LEAVE, s, end, ifindex, group, grouplen,
	    source, sourcelen);
}

int
mct_session_add(struct mct *mct, int s, int ifindex, const struct sockaddr *sa,
    socklen_t salen)
{
	return mct_group_join(mct, s, MCT_SRC, ifindex, sa, salen, NULL, 0);
}

int
mct_session_drop(struct mct *mct, int s, int ifindex, const struct sockaddr *sa,
    socklen_t salen)
{
	return mct_group_leave(mct, s, MCT_SRC, ifindex, sa, salen, NULL, 0);
}

int
mct_session_affinity(struct mct *mct, int s, int ifindex,
    const struct sockaddr *sa, socklen_t salen)
{
	char device[DEVICE_BYTES];
	struct addr group;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (group_device(mct, ifindex, device) == -1)
		return -1;
	if (sa != NULL) {
		if (group_address(mct, sa, salen, &group) == -1)
			return -1;
		if (!join_is_group(&group))
			return handle_fail(mct, EINVAL,
			    "this is not the address of a group");
	}
	return mct_bridge_affinity(mct, s, NULL, device);
}

int
mct_session_ttl(struct mct *mct, int s, int ttl)
{
	return mct_bridge_ttl(mct, s, NULL, ttl);
}
