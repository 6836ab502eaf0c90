/*
 * Requests of clients: a table of what there is, the least role for it, and
 * the function that serves it.  What changes something goes on to the
 * parent, decoded whole and encoded anew; the parent checks all of it again.
 */

#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dispatch.h"
#include "show.h"
#include "uplink.h"

static enum served serve_bridge_add(struct request *);
static enum served serve_close(struct request *);
static enum served serve_change(struct request *);
static enum served serve_list(struct request *);
static enum served serve_events(struct request *);
static enum served serve_stop(struct request *);
static enum served serve_reload(struct request *);

static const struct entry {
	uint16_t type;
	uint8_t role; /* the least that may ask */
	enum served (*serve)(struct request *);
} table[] = {
	{ MSG_L2C_LIST, ROLE_OBSERVE, serve_list },
	{ MSG_L2C_EVENTS, ROLE_OBSERVE, serve_events },
	{ MSG_L2C_BRIDGE_ADD, ROLE_CONTROL, serve_bridge_add },
	{ MSG_L2C_CLOSE, ROLE_CONTROL, serve_close },
	{ MSG_L2C_CHANGE, ROLE_CONTROL, serve_change },
	{ MSG_L2C_STOP, ROLE_ADMIN, serve_stop },
	{ MSG_L2C_RELOAD, ROLE_ADMIN, serve_reload },
};

size_t
dispatch_error(void *buf, uint32_t request, uint32_t err, const char *text)
{
	struct proto_error m;
	struct frame_out out;

	m.err = err;
	strlcpy(m.text, text, sizeof m.text);
	frame_begin(&out, buf, DISPATCH_SMALL, MSG_C2L_ERROR, 0, request);
	proto_put_error(&out, &m);
	return frame_end(&out);
}

static enum served
answer_error(struct request *r, int err, const char *text)
{
	r->len = dispatch_error(r->page, r->who.request, (uint32_t)err, text);
	return SERVED_HERE;
}

static enum served
bad(struct request *r, const char *why)
{
	r->why = why;
	return SERVED_BAD;
}

/* A message to the parent about this request, its body to be added. */
static void
forward_begin(struct request *r, struct frame_out *out, uint16_t type)
{
	frame_begin(out, r->page, DISPATCH_PAGE, type, 0, 0);
	inner_put_client(out, &r->who);
}

static enum served
forward_end(struct frame_out *out)
{
	return uplink_send(out) == 0 ? SERVED_LATER : SERVED_FULL;
}

static enum served
serve_bridge_add(struct request *r)
{
	struct bridge_spec spec;
	struct frame_out out;
	const char *why;

	memset(&spec, 0, sizeof spec);
	proto_get_spec(&r->in, &spec);
	if (frame_done(&r->in) == -1)
		return bad(r, "a bridge that does not decode");
	if (bridge_check(&spec, &why) == -1)
		return answer_error(r, errno, why);
	forward_begin(r, &out, MSG_C2P_BRIDGE_ADD);
	proto_put_spec(&out, &spec);
	return forward_end(&out);
}

static enum served
serve_close(struct request *r)
{
	struct proto_close ask;
	struct frame_out out;

	memset(&ask, 0, sizeof ask);
	proto_get_close(&r->in, &ask);
	if (frame_done(&r->in) == -1)
		return bad(r, "a close that does not decode");
	if (ask.what < CLOSE_BRIDGE || ask.what > CLOSE_ANY)
		return answer_error(r, EINVAL,
		    "neither a bridge nor a session is asked for");
	forward_begin(r, &out, MSG_C2P_CLOSE);
	proto_put_close(&out, &ask);
	return forward_end(&out);
}

/* What of a change is looked at; 0, or -1 with errno and *why. */
static int
check_change(const struct proto_change *ask, const char **why)
{
	*why = "no such change of a bridge";
	switch (ask->what) {
	case CHANGE_JOIN:
	case CHANGE_LEAVE:
		return join_check(&ask->join, why);
	case CHANGE_TTL:
		*why = "a TTL is a number from 0 to 255";
		if (ask->ttl <= TTL_MAX)
			return 0;
		break;
	case CHANGE_AFFINITY:
		return join_check_device(ask->join.device, why);
	}
	errno = EINVAL;
	return -1;
}

static enum served
serve_change(struct request *r)
{
	struct proto_change ask;
	struct frame_out out;
	const char *why;

	memset(&ask, 0, sizeof ask);
	proto_get_change(&r->in, &ask);
	if (frame_done(&r->in) == -1)
		return bad(r, "a change that does not decode");
	if (check_change(&ask, &why) == -1)
		return answer_error(r, errno, why);
	forward_begin(r, &out, MSG_C2P_CHANGE);
	proto_put_change(&out, &ask);
	return forward_end(&out);
}

static enum served
serve_list(struct request *r)
{
	struct proto_list ask;
	struct proto_error error;

	memset(&ask, 0, sizeof ask);
	proto_get_list(&r->in, &ask);
	if (frame_done(&r->in) == -1)
		return bad(r, "a list that does not decode");
	r->len =
	    show_list(&ask, r->who.request, r->page, DISPATCH_PAGE, &error);
	if (r->len == 0)
		return answer_error(r, (int)error.err, error.text);
	return SERVED_HERE;
}

static enum served
serve_events(struct request *r)
{
	struct proto_events ask;

	memset(&ask, 0, sizeof ask);
	proto_get_events(&r->in, &ask);
	if (frame_done(&r->in) == -1)
		return bad(r, "an events request that does not decode");
	if (ask.flags & ~(EVENTS_NEXT | EVENTS_WAIT))
		return answer_error(r, EINVAL,
		    "unknown flags of an events request");
	if ((ask.flags & EVENTS_WAIT) && r->attach->waiting &&
	    r->attach->request == r->who.request)
		return SERVED_WAITS; /* asked again, after a take-over */
	if ((ask.flags & EVENTS_WAIT) && r->attach->waiting)
		return bad(r, "a second request that waits for events");
	r->len =
	    attach_ask(r->attach, &ask, r->who.request, r->page, DISPATCH_PAGE);
	return r->len == 0 ? SERVED_WAITS : SERVED_HERE;
}

/* STOP and RELOAD have no body. */
static enum served
serve_plain(struct request *r, uint16_t type)
{
	struct frame_out out;

	if (frame_done(&r->in) == -1)
		return bad(r, "a body where there is none");
	forward_begin(r, &out, type);
	return forward_end(&out);
}

static enum served
serve_stop(struct request *r)
{
	return serve_plain(r, MSG_C2P_STOP);
}

static enum served
serve_reload(struct request *r)
{
	return serve_plain(r, MSG_C2P_RELOAD);
}

enum served
dispatch(struct request *r)
{
	char text[TEXT_BYTES];
	const struct entry *e = NULL;
	size_t i;

	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].type == r->in.type)
			e = &table[i];
	if (e == NULL)
		return bad(r, "a message of a type that is no request");
	if (r->role < e->role) {
		snprintf(text, sizeof text,
		    "this needs the role %s, yours is %s", name_role(e->role),
		    name_role(r->role));
		return answer_error(r, EACCES, text);
	}
	return e->serve(r);
}
