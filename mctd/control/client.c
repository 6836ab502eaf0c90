/*
 * One client after the other, from the parent's hand to its end.
 *
 *	FREE     nobody is in the slot
 *	NEW      has said nothing yet: only HELLO may come
 *	REFUSED  the parent does not let it in: whatever it says, the answer
 *	         is why
 *	OPEN     has said HELLO: requests may come, one at a time
 *	ASKING   its request waits until the channel to the parent has room;
 *	         the message stays in the reader
 *	ASKED    its request is with the parent
 *	LAST     an error is the last thing it hears; closed when that is sent
 *	GONE     closed, and the parent does not know yet
 *
 *	FREE -> NEW -> OPEN <-> ASKED    OPEN -> ASKING -> ASKED
 *	FREE -> REFUSED -> LAST          NEW -> LAST
 *	FREE -> OPEN -> LAST             of one that is adopted
 *	all but FREE -> GONE -> FREE
 *
 * One that is adopted was served by a process that died.  It is OPEN at once,
 * for that process may have answered its HELLO; as it may not, HELLO is
 * answered whenever it comes.  The first thing that it hears is RESUMED, and
 * then it asks again what it has no answer to (proto.h).
 *
 * This process may die between any two of its calls.  So that the one after
 * it finds each stream where a frame begins, a message is taken out of the
 * socket by one call when it is there whole (frame_take), and what is sent is
 * sent by one call, whole frames of FRAME_MAX together at most: the parent
 * saw to it that the kernel takes so much at once or nothing (and knows of
 * which clients that is not so).  All else here may be forgotten.
 *
 * Nothing is read from a client, and no message of it is decoded, unless it
 * is NEW, REFUSED or OPEN and all it was sent before has left.  So a client
 * that asks and does not listen holds one answer here, and the rest waits
 * in its own socket.  Beside a request one EVENTS may wait: that is no
 * state but its struct attach.
 *
 * What a client may keep us waiting for is in enum wait, each for
 * CLIENT_STALL_S at most.  A client that owes nothing may stay silent for
 * ever.
 *
 * Calls: close, shutdown
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "client.h"
#include "dispatch.h"
#include "loop.h"
#include "uplink.h"

/* Lines a second on clients that misbehave. */
#define LOG_RATE 5

enum client_state {
	CLIENT_FREE,
	CLIENT_NEW,
	CLIENT_REFUSED,
	CLIENT_OPEN,
	CLIENT_ASKING,
	CLIENT_ASKED,
	CLIENT_LAST,
	CLIENT_GONE
};

/* What we wait for, with a limit. */
enum wait {
	WAIT_NONE,
	WAIT_HELLO, /* its first message */
	WAIT_REST,  /* the rest of a message */
	WAIT_READ   /* that it reads what it was sent */
};

static const char *const wait_words[] = {
	[WAIT_NONE] = "nothing",
	[WAIT_HELLO] = "a HELLO",
	[WAIT_REST] = "the rest of a message",
	[WAIT_READ] = "the client to read an answer",
};

struct client {
	struct inner_client who; /* request: the one asked last */
	enum client_state state;
	int fd;
	uint8_t role;
	uint8_t adopted;
	uint8_t ended; /* nothing comes but what is in the socket */
	uint8_t again; /* more may be in the socket */
	enum wait wait;
	uint64_t wait_ms; /* since when */
	size_t unsent;    /* then, to see that something moves */
	struct proto_error refusal;
	struct attach attach;
	struct frame_in asking; /* the message, while ASKING */
	struct frame_reader reader;
	struct frame_queue queue;
};

static struct {
	struct client *clients;
	uint32_t nclients; /* slots */
	uint32_t next;     /* begins when the channel has room again */
	struct log_rate bad_rate;
	uint8_t page[DISPATCH_PAGE];
} table;

size_t
client_bytes(uint32_t clients)
{
	return ((size_t)clients + 1) * sizeof(struct client);
}

int
client_setup(uint32_t clients)
{
	volatile unsigned char *byte;
	size_t i, size = client_bytes(clients);
	uint32_t slot;

	table.clients = malloc(size);
	if (table.clients == NULL)
		return -1;
	byte = (volatile unsigned char *)table.clients;
	for (i = 0; i < size; i++)
		byte[i] = 0;
	table.nclients = clients + 1;
	for (slot = 0; slot < table.nclients; slot++) {
		table.clients[slot].who.slot = (uint16_t)slot;
		table.clients[slot].fd = -1;
	}
	for (i = 0; i < sizeof table.page; i++)
		((volatile uint8_t *)table.page)[i] = 0;
	return 0;
}

/* Changes the state, from one of a set of them. */
#define IN(state) (1U << (state))
static void
client_become(struct client *c, unsigned int from, enum client_state to)
{
	assert((from & IN(c->state)) != 0);
	c->state = to;
}

static size_t
client_unsent(const struct client *c)
{
	return c->queue.have - c->queue.sent;
}

/* Whether its next message may be decoded, once all else has left. */
static int
client_may_speak(const struct client *c)
{
	return c->state == CLIENT_NEW || c->state == CLIENT_REFUSED ||
	    c->state == CLIENT_OPEN;
}

/* Tells the parent that a client has gone, now or when there is room. */
static void
client_report(struct client *c)
{
	uint8_t buf[FRAME_HEADER + 16];
	struct frame_out out;

	c->who.request = 0;
	frame_begin(&out, buf, sizeof buf, MSG_C2P_CLIENT_GONE, 0, 0);
	inner_put_client(&out, &c->who);
	if (uplink_send(&out) == 0)
		client_become(c, IN(CLIENT_GONE), CLIENT_FREE);
}

static void
client_close(struct client *c)
{
	client_become(c, ~(IN(CLIENT_FREE) | IN(CLIENT_GONE)), CLIENT_GONE);
	loop_watch(c->who.slot, c->fd, 0);
	/* The parent may hold a copy; the client is to see the end. */
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	c->fd = -1;
	c->wait = WAIT_NONE;
	c->again = 0;
	c->attach.waiting = 0;
	client_report(c);
}

static void
client_put(struct client *c, const void *frame, size_t len)
{
	/* DISPATCH_PAGE leaves room for what may come beside a page. */
	if (len == 0 || frame_queue_add(&c->queue, frame, len) == -1)
		uplink_fatal("an answer does not fit its queue");
}

static void
client_put_error(struct client *c, uint32_t request, uint32_t err,
    const char *text)
{
	uint8_t buf[DISPATCH_SMALL];

	client_put(c, buf, dispatch_error(buf, request, err, text));
}

/* Closes it with a last word that it gets if its socket takes it now. */
static void
client_fail(struct client *c, uint32_t request, uint32_t err, const char *text)
{
	if (c->state == CLIENT_REFUSED) {
		err = c->refusal.err;
		text = c->refusal.text;
	}
	client_put_error(c, request, err, text);
	(void)frame_flush(&c->queue, c->fd);
	client_close(c);
}

static void
client_bad(struct client *c, uint32_t request, const char *why)
{
	if (log_rate(&table.bad_rate, LOG_RATE, "bad clients"))
		log_warn("client %u closed: it sent %s",
		    (unsigned int)c->who.slot, why);
	client_fail(c, request, EBADMSG, why);
}

/* Sends what waits: 1 nothing is left, 0 something is, -1 it is closed. */
static int
client_flush(struct client *c)
{
	int sent = frame_flush(&c->queue, c->fd);

	if (sent == -1 || (sent == 1 && c->state == CLIENT_LAST)) {
		client_close(c);
		return -1;
	}
	return sent;
}

static void
client_hello(struct client *c, struct frame_in *in)
{
	uint8_t buf[DISPATCH_SMALL];
	struct proto_hello hello;
	struct frame_out out;
	char text[TEXT_BYTES];

	if (in->type != MSG_L2C_HELLO) {
		client_bad(c, in->request, "something before HELLO");
		return;
	}
	memset(&hello, 0, sizeof hello);
	proto_get_hello(in, &hello);
	if (frame_done(in) == -1) {
		client_bad(c, in->request, "a HELLO that does not decode");
		return;
	}
	if (hello.magic != PROTO_MAGIC || hello.version != PROTO_VERSION) {
		snprintf(text, sizeof text,
		    hello.magic == PROTO_MAGIC ?
			"the daemon speaks protocol version %u, the library "
			"%u" :
			"the daemon speaks mctd protocol version %u, "
			"the client something else (%u)",
		    PROTO_VERSION, (unsigned int)hello.version);
		client_put_error(c, in->request, EINVAL, text);
		client_become(c, IN(CLIENT_NEW) | IN(CLIENT_OPEN), CLIENT_LAST);
		return;
	}
	hello.role = c->role;
	hello.frame_max = FRAME_MAX;
	frame_begin(&out, buf, sizeof buf, MSG_C2L_HELLO, 0, in->request);
	proto_put_hello(&out, &hello);
	client_put(c, buf, frame_end(&out));
	if (c->state == CLIENT_NEW)
		client_become(c, IN(CLIENT_NEW), CLIENT_OPEN);
}

/* A request: served here, sent to the parent, or waiting to be sent. */
static void
client_request(struct client *c, const struct frame_in *in)
{
	unsigned int from = IN(CLIENT_OPEN) | IN(CLIENT_ASKING);
	struct request r;

	memset(&r, 0, sizeof r);
	r.who = c->who;
	r.who.request = in->request;
	r.role = c->role;
	r.attach = &c->attach;
	r.in = *in;
	r.page = table.page;
	switch (dispatch(&r)) {
	case SERVED_HERE:
		client_put(c, r.page, r.len);
		/* FALLTHROUGH */
	case SERVED_WAITS:
		client_become(c, from, CLIENT_OPEN);
		break;
	case SERVED_LATER:
		c->who.request = in->request;
		client_become(c, from, CLIENT_ASKED);
		break;
	case SERVED_FULL:
		c->asking = *in;
		client_become(c, from, CLIENT_ASKING);
		break;
	case SERVED_BAD:
		client_bad(c, in->request, r.why);
		break;
	}
}

/* Takes at most one message.  The client may be closed afterwards. */
static void
client_listen(struct client *c)
{
	struct frame_in in;
	int got;

	c->again = 0;
	got = frame_take(&c->reader, c->fd, &in);
	if (got == -1 && errno == EBADMSG) {
		client_bad(c, 0, "a message of impossible length");
		return;
	}
	if (got == -1 || (got == 0 && c->ended)) {
		client_close(c);
		return;
	}
	if (got == 0)
		return;
	c->wait = WAIT_NONE; /* a message was finished: the next has its time */
	c->again = 1;
	if (c->state == CLIENT_NEW ||
	    (c->state == CLIENT_OPEN && c->adopted && in.type == MSG_L2C_HELLO))
		client_hello(c, &in);
	else if (c->state == CLIENT_REFUSED) {
		client_put_error(c, in.request, c->refusal.err,
		    c->refusal.text);
		client_become(c, IN(CLIENT_REFUSED), CLIENT_LAST);
	} else
		client_request(c, &in);
}

/* Says to the loop what is awaited, and looks at the clock. */
static void
client_settle(struct client *c)
{
	unsigned int want = 0;
	enum wait wait = WAIT_NONE;

	if (client_unsent(c) > 0) {
		want = LOOP_WRITE;
		wait = WAIT_READ;
	} else if (client_may_speak(c)) {
		want = LOOP_READ;
		if (c->state != CLIENT_OPEN)
			wait = WAIT_HELLO;
		else if (frame_partial(&c->reader) > 0)
			wait = WAIT_REST;
		if (c->again)
			loop_again();
	}
	if (wait != c->wait || client_unsent(c) != c->unsent) {
		c->wait = wait;
		c->wait_ms = clock_ms();
		c->unsent = client_unsent(c);
	}
	if (wait != WAIT_NONE)
		loop_tick();
	if (loop_watch(c->who.slot, c->fd, want) == -1)
		uplink_fatal("a client cannot be watched");
}

/*
 * All that a client's turn is: what waits is sent, then events that it
 * waits for, then one message of it is taken; each only when all before it
 * has left.
 */
static void
client_run(struct client *c)
{
	size_t len;
	int sent;

	sent = client_flush(c);
	if (sent == 1) {
		len = attach_news(&c->attach, table.page, sizeof table.page);
		if (len > 0) {
			client_put(c, table.page, len);
			sent = client_flush(c);
		}
	}
	if (sent == 1 && client_may_speak(c)) {
		client_listen(c);
		if (c->fd != -1)
			sent = client_flush(c);
	}
	if (c->fd != -1)
		client_settle(c);
}

/* The slot that the parent names, when somebody may be in it. */
static struct client *
client_of(const struct inner_client *who)
{
	return who->slot < table.nclients ? &table.clients[who->slot] : NULL;
}

static void
client_put_resumed(struct client *c)
{
	uint8_t buf[FRAME_HEADER];
	struct frame_out out;

	frame_begin(&out, buf, sizeof buf, MSG_C2L_RESUMED, 0, 0);
	client_put(c, buf, frame_end(&out));
}

int
client_new(const struct inner_new_client *m, int fd)
{
	struct client *c = client_of(&m->client);

	if (c == NULL || c->state != CLIENT_FREE) {
		close(fd);
		return -1;
	}
	c->who.generation = m->client.generation;
	c->fd = fd;
	c->role = m->role;
	c->unsent = 0;
	c->refusal.err = m->err;
	strlcpy(c->refusal.text, m->text, sizeof c->refusal.text);
	frame_reader_reset(&c->reader);
	frame_queue_reset(&c->queue);
	c->adopted = m->adopted;
	c->ended = 0;
	client_become(c, IN(CLIENT_FREE),
	    m->role == ROLE_NONE ? CLIENT_REFUSED :
		m->adopted       ? CLIENT_OPEN :
				   CLIENT_NEW);
	if (c->adopted)
		client_put_resumed(c);
	client_run(c);
	return 0;
}

/* The client whose request this answers; NULL when there is none such. */
static struct client *
client_answered(struct client *c, const struct inner_client *who)
{
	if (c->state != CLIENT_ASKED || c->who.generation != who->generation ||
	    c->who.request != who->request)
		return NULL;
	client_become(c, IN(CLIENT_ASKED), CLIENT_OPEN);
	return c;
}

int
client_done(const struct inner_client *who, uint32_t id)
{
	uint8_t buf[DISPATCH_SMALL];
	struct frame_out out;
	struct client *c = client_of(who);

	if (c == NULL)
		return -1;
	c = client_answered(c, who);
	if (c == NULL)
		return 0;
	frame_begin(&out, buf, sizeof buf, MSG_C2L_DONE, 0, who->request);
	proto_put_done(&out, id);
	client_put(c, buf, frame_end(&out));
	client_run(c);
	return 0;
}

int
client_refused(const struct inner_client *who, const struct proto_error *m)
{
	struct client *c = client_of(who);

	if (c == NULL)
		return -1;
	c = client_answered(c, who);
	if (c == NULL)
		return 0;
	client_put_error(c, who->request, m->err, m->text);
	client_run(c);
	return 0;
}

void
client_events(void)
{
	struct client *c;

	for (c = table.clients; c < table.clients + table.nclients; c++)
		if (c->attach.waiting)
			client_run(c);
}

void
client_ready(uint32_t slot, int ended)
{
	struct client *c = &table.clients[slot];

	if (c->fd == -1)
		return;
	if (ended)
		c->ended = 1;
	client_run(c);
}

/* The one that stops at a full channel goes first next time. */
void
client_channel_writable(void)
{
	struct client *c;
	uint32_t i, slot;

	for (i = 0; i < table.nclients; i++) {
		slot = (table.next + i) % table.nclients;
		c = &table.clients[slot];
		if (c->state == CLIENT_GONE)
			client_report(c);
		else if (c->state == CLIENT_ASKING) {
			client_request(c, &c->asking);
			if (c->fd != -1)
				client_run(c);
		}
		if (c->state == CLIENT_GONE || c->state == CLIENT_ASKING) {
			table.next = slot;
			return;
		}
	}
}

void
client_tick(void)
{
	struct client *c;
	uint64_t now_ms = clock_ms();
	char text[TEXT_BYTES];

	for (c = table.clients; c < table.clients + table.nclients; c++) {
		if (c->wait == WAIT_NONE)
			continue;
		loop_tick();
		if (now_ms - c->wait_ms < CLIENT_STALL_S * 1000)
			continue;
		snprintf(text, sizeof text, "waited %d s for %s",
		    CLIENT_STALL_S, wait_words[c->wait]);
		if (log_rate(&table.bad_rate, LOG_RATE, "bad clients"))
			log_warn("client %u closed: %s",
			    (unsigned int)c->who.slot, text);
		if (c->wait == WAIT_READ)
			client_close(c);
		else
			client_fail(c, 0, ETIMEDOUT, text);
	}
}

void
client_again(void)
{
	struct client *c;

	for (c = table.clients; c < table.clients + table.nclients; c++)
		if (c->again && c->fd != -1)
			client_run(c);
}
