/*
 * Bridges made, bridges and sessions ended.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../common/proto.h"
#include "handle.h"
#include "include/mct/session.h"
#include "option.h"

/* Asks for the bridge; its id, or -1 with errno. */
static int
session_bridge(struct mct *mct, struct bridge_spec *spec,
    const struct mct_options *options)
{
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;
	const char *why = "no such bridge can be";
	uint32_t id;

	if (options != NULL) {
		spec->options = options->values;
		memcpy(spec->name, options->name, sizeof spec->name);
	}
	if (bridge_check(spec, &why) == -1)
		return handle_fail(mct, errno, why);
	if (handle_begin(mct, &out, buf, MSG_L2C_BRIDGE_ADD) == -1)
		return -1;
	proto_put_spec(&out, spec);
	if (handle_order(mct, &out, &id) == -1)
		return -1;
	if (id == 0 || id > INT_MAX)
		return handle_fail(mct, EBADMSG,
		    "the daemon gave an invalid id");
	return (int)id;
}

static const char *
session_address_error(int err)
{
	switch (err) {
	case EAFNOSUPPORT:
		return "this address family is not supported";
	case EPROTOTYPE:
		return "this address family does not have that socket type";
	case EADDRNOTAVAIL:
		return "an IPv4-mapped address is not taken";
	default:
		return "an address or its length is wrong";
	}
}

int
mct_bridge_options(struct mct *mct, int type, const struct sockaddr *src,
    socklen_t srclen, const struct sockaddr *dst, socklen_t dstlen,
    const struct mct_options *options)
{
	struct bridge_spec spec;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	memset(&spec, 0, sizeof spec);
	if (src == NULL || dst == NULL)
		return handle_fail(mct, EINVAL, "an address is missing");
	if (addr_from_sockaddr(&spec.src, type, src, srclen) == -1 ||
	    addr_from_sockaddr(&spec.dst, type, dst, dstlen) == -1)
		return handle_fail(mct, errno, session_address_error(errno));
	return session_bridge(mct, &spec, options);
}

int
mct_bridge(struct mct *mct, int type, const struct sockaddr *src,
    socklen_t srclen, const struct sockaddr *dst, socklen_t dstlen)
{
	return mct_bridge_options(mct, type, src, srclen, dst, dstlen, NULL);
}

/* Reads one end; 0, or -1 with errno and the sentence kept. */
static int
session_parse(struct mct *mct, struct addr *addr, const char *end,
    const char *text)
{
	char sentence[TEXT_BYTES];
	const char *why = "this is no address";
	int err;

	if (addr_parse(addr, text, NULL, &why) == 0)
		return 0;
	err = errno;
	snprintf(sentence, sizeof sentence, "%s: %s", end, why);
	return handle_fail(mct, err, sentence);
}

int
mct_bridge_text(struct mct *mct, const char *src, const char *dst,
    const struct mct_options *options)
{
	struct bridge_spec spec;

	if (mct == NULL) {
		errno = EINVAL;
		return -1;
	}
	memset(&spec, 0, sizeof spec);
	if (src == NULL || dst == NULL)
		return handle_fail(mct, EINVAL, "an address is missing");
	if (session_parse(mct, &spec.src, "src", src) == -1 ||
	    session_parse(mct, &spec.dst, "dst", dst) == -1)
		return -1;
	return session_bridge(mct, &spec, options);
}

/* Ends what has the id, or with name not NULL the bridge of that name. */
static int
session_close(struct mct *mct, enum close_what what, int s, const char *name)
{
	struct proto_close m = { .what = (uint8_t)what };
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct frame_out out;
	uint32_t id;

	if (handle_begin(mct, &out, buf, MSG_L2C_CLOSE) == -1)
		return -1;
	if (name == NULL && s <= 0)
		return handle_fail(mct, EINVAL, "no such id");
	if (name != NULL) {
		if (name[0] == '\0' || strlen(name) >= sizeof m.name)
			return handle_fail(mct, EINVAL,
			    "no bridge of that name");
		strcpy(m.name, name);
	} else
		m.id = (uint32_t)s;
	proto_put_close(&out, &m);
	return handle_order(mct, &out, &id);
}

int
mct_session_close(struct mct *mct, int s)
{
	return session_close(mct, CLOSE_ANY, s, NULL);
}

int
mct_bridge_close(struct mct *mct, int s, const char *name)
{
	return session_close(mct, CLOSE_BRIDGE, s, name);
}

int
mct_session_end(struct mct *mct, int s)
{
	return session_close(mct, CLOSE_SESSION, s, NULL);
}
