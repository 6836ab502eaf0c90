/*
 * What the children may ask of the parent, each in a table: the whole list.
 * A request of a client names the client by slot; its role is looked up in
 * the parent's own table, so control cannot give a client more than it has.
 */

#include <errno.h>
#include <string.h>

#include "bridges.h"
#include "broker.h"
#include "change.h"
#include "clients.h"
#include "datagrams.h"
#include "flows.h"
#include "life.h"
#include "sessions.h"
#include "slots.h"

static struct broker_hooks hooks;

/* A request, as its handler gets it: decoded, allowed by role. */
struct request {
	struct inner_client who;
	enum role role;
	uid_t uid;
};

static void
add_bridge(const struct request *r, const struct bridge_spec *spec)
{
	struct bridge_request ask = { 0 };
	struct bridge *b;
	const char *why;

	ask.spec = spec;
	ask.options = spec->options;
	conf_resolve(hooks.conf(), &ask.options);
	ask.owner = r->uid;
	ask.waiter = &r->who;
	b = life_open(&ask, &why);
	if (b == NULL) {
		clients_error(&r->who, errno, why);
		return;
	}
	if (life_begin(b) == -1) {
		clients_error(&r->who, errno, "no memory to listen");
		b->has_waiter = 0;
		(void)life_close(b, NULL, 0);
	}
}

static int
on_add(struct frame_in *in, const struct request *r)
{
	struct bridge_spec spec;

	proto_get_spec(in, &spec);
	if (frame_done(in) == -1)
		return -1;
	if (r->role < ROLE_CONTROL)
		clients_error(&r->who, EACCES, "not permitted");
	else if (hooks.stopping())
		clients_error(&r->who, ESHUTDOWN, "mctd is stopping");
	else
		add_bridge(r, &spec);
	return 0;
}

/* The slot that a close names, or 0. */
static uint32_t
find_named(const struct proto_close *m)
{
	struct bridge *b;

	if (m->name[0] != '\0') {
		b = bridges_named(m->name);
		return b != NULL ? b->slot : 0;
	}
	switch (m->what) {
	case CLOSE_BRIDGE:
		return slots_find(m->id, SLOT_BRIDGE);
	case CLOSE_SESSION:
		return slots_find(m->id, SLOT_SESSION);
	default:
		return slots_find(m->id, SLOT_FREE);
	}
}

static void
close_named(const struct request *r, const struct proto_close *m)
{
	uint32_t slot = find_named(m);
	struct bridge *b;
	int closed;

	if (slot == 0) {
		clients_error(&r->who, EINVAL,
		    m->what == CLOSE_SESSION    ? "no such session" :
			m->what == CLOSE_BRIDGE ? "no such bridge" :
						  "no such bridge or session");
		return;
	}
	if (r->role < ROLE_CONTROL ||
	    (r->role < ROLE_ADMIN && slots_entry(slot)->owner != r->uid)) {
		clients_error(&r->who, EACCES, "not permitted");
		return;
	}
	if ((b = bridges_at(slot)) != NULL)
		closed = life_close(b, &r->who, 0);
	else
		closed =
		    sessions_close(sessions_at(slot), END_REQUESTED, &r->who);
	if (closed == -1)
		clients_error(&r->who, EINVAL, "is being closed already");
}

static int
on_close(struct frame_in *in, const struct request *r)
{
	struct proto_close m;

	proto_get_close(in, &m);
	if (frame_done(in) == -1 || m.what < CLOSE_BRIDGE || m.what > CLOSE_ANY)
		return -1;
	close_named(r, &m);
	return 0;
}

static void
change_named(const struct request *r, const struct proto_change *m)
{
	struct bridge *b;
	const char *why;

	b = m->name[0] != '\0' ? bridges_named(m->name) :
				 bridges_at(slots_find(m->id, SLOT_BRIDGE));
	if (b == NULL || b->state == BRIDGE_CLOSING)
		clients_error(&r->who, EINVAL, "no such bridge");
	else if (r->role < ROLE_CONTROL ||
	    (r->role < ROLE_ADMIN && slots_entry(b->slot)->owner != r->uid))
		clients_error(&r->who, EACCES, "not permitted");
	else if (change_bridge(b, m, &why) == -1)
		clients_error(&r->who, errno, why);
	else
		clients_done(&r->who, slots_id(b->slot));
}

static int
on_change(struct frame_in *in, const struct request *r)
{
	struct proto_change m;

	proto_get_change(in, &m);
	if (frame_done(in) == -1)
		return -1;
	change_named(r, &m);
	return 0;
}

static int
on_stop(struct frame_in *in, const struct request *r)
{
	if (frame_done(in) == -1)
		return -1;
	if (r->role < ROLE_ADMIN)
		clients_error(&r->who, EACCES, "not permitted");
	else {
		clients_done(&r->who, 0);
		hooks.stop();
	}
	return 0;
}

static int
on_reload(struct frame_in *in, const struct request *r)
{
	char error[TEXT_BYTES];

	if (frame_done(in) == -1)
		return -1;
	if (r->role < ROLE_ADMIN)
		clients_error(&r->who, EACCES, "not permitted");
	else if (hooks.reload(error, sizeof error) == -1)
		clients_error(&r->who, EINVAL, error);
	else
		clients_done(&r->who, 0);
	return 0;
}

struct broker_row {
	uint16_t type;
	int (*fn)(struct frame_in *, const struct request *);
};

static const struct broker_row rows[] = {
	{ MSG_C2P_BRIDGE_ADD, on_add },
	{ MSG_C2P_CLOSE, on_close },
	{ MSG_C2P_CHANGE, on_change },
	{ MSG_C2P_STOP, on_stop },
	{ MSG_C2P_RELOAD, on_reload },
};

void
broker_init(const struct broker_hooks *h)
{
	hooks = *h;
}

int
broker_message(struct frame_in *in)
{
	struct request r;
	size_t i;
	int asked;

	inner_get_client(in, &r.who);
	if (in->type == MSG_C2P_CLIENT_GONE)
		return frame_done(in) == -1 ? -1 : clients_gone(&r.who);
	for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].type != in->type)
			continue;
		r.uid = (uid_t)-1;
		r.role = clients_role(&r.who, &r.uid);
		if (in->bad || (asked = clients_ask(&r.who)) == -1)
			return -1;
		return asked == 1 ? 0 : rows[i].fn(in, &r);
	}
	return -1;
}

/* One of a bridge, or of a session. */
static int
take_end(uint32_t engine, const struct inner_end *m)
{
	if (bridges_at(m->slot) == NULL)
		return sessions_ended(engine, m);
	return engine == DATAGRAM_ENGINE ? datagrams_ended(m) : -1;
}

static int
on_ends(uint32_t engine, struct frame_in *in)
{
	struct inner_end m;
	uint16_t n;

	for (n = frame_get_u16(in); n > 0; n--) {
		inner_get_end(in, &m);
		if (in->bad || take_end(engine, &m) == -1)
			return -1;
	}
	return frame_done(in);
}

static int
on_installed(uint32_t engine, struct frame_in *in)
{
	struct inner_which m;

	inner_get_which(in, &m);
	if (frame_done(in) == -1 || engine != DATAGRAM_ENGINE)
		return -1;
	return datagrams_installed(&m);
}

static int
on_source_closed(uint32_t engine, struct frame_in *in)
{
	struct inner_src m;

	inner_get_src(in, &m);
	if (frame_done(in) == -1 || engine != DATAGRAM_ENGINE)
		return -1;
	return datagrams_source_closed(&m);
}

static int
on_lost(uint32_t engine, struct frame_in *in)
{
	struct inner_out m;

	inner_get_out(in, &m);
	if (frame_done(in) == -1 || engine != DATAGRAM_ENGINE)
		return -1;
	return datagrams_lost(&m);
}

static int
on_asker(uint32_t engine, struct frame_in *in)
{
	struct inner_asker m;

	inner_get_asker(in, &m);
	if (frame_done(in) == -1 || engine != DATAGRAM_ENGINE)
		return -1;
	return flows_asker(&m);
}

static int
on_flow_ended(uint32_t engine, struct frame_in *in)
{
	struct inner_flow m;

	inner_get_flow(in, &m);
	if (frame_done(in) == -1 || engine != DATAGRAM_ENGINE)
		return -1;
	return flows_ended(&m);
}

struct engine_row {
	uint16_t type;
	int (*fn)(uint32_t engine, struct frame_in *);
};

static const struct engine_row engine_rows[] = {
	{ MSG_E2P_ENDS, on_ends },
	{ MSG_E2P_INSTALLED, on_installed },
	{ MSG_E2P_SRC_CLOSED, on_source_closed },
	{ MSG_E2P_DST_LOST, on_lost },
	{ MSG_E2P_ASKER, on_asker },
	{ MSG_E2P_FLOW_ENDED, on_flow_ended },
};

int
broker_engine_message(uint32_t engine, struct frame_in *in)
{
	size_t i;

	for (i = 0; i < sizeof engine_rows / sizeof engine_rows[0]; i++)
		if (engine_rows[i].type == in->type)
			return engine_rows[i].fn(engine, in);
	return -1;
}
