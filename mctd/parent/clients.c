/*
 * Clients: accept, role, hand-over, answers.
 *
 *	FREE -> NEW      accepted; control is to get the descriptor
 *	NEW -> PRESENT   control has it
 *	PRESENT -> NEW   control died: its successor is to get it, as adopted
 *	PRESENT -> FREE  control says it is gone; or control died, and the
 *	                 client may have a part of an answer
 *
 * The last request of a client is remembered with its answer.  When control
 * dies the client asks again what it has no answer to, so the last request
 * may come a second time, with the same request id: then it is under way
 * still, and answered when it is done, or its answer is given again.  Any
 * other is new.  A client asks one thing at a time, so no older request than
 * the last one can come again.
 *
 * The slot after the last is for one that is refused, which control tells
 * why; while that is under way others that are refused are closed at once.
 *
 * Calls: accept4, close
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <assert.h>
#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "children.h"
#include "clients.h"
#include "events.h"
#include "loop.h"
#include "self.h"
#include "slots.h"
#include "system.h"

static struct {
	struct client *table;
	uint32_t limit;
	uint32_t present;
	struct clients_rules rules;
	struct loop_event accept;
	int fd;
	int paused;
	int dirty;               /* something waits for control */
	struct system_peer peer; /* large: not on the stack */
	struct log_rate refused_rate;
} clients = { .fd = -1 };

size_t
clients_bytes(uint32_t limit)
{
	return ((size_t)limit + 1) * sizeof(struct client);
}

int
clients_init(uint32_t limit, const struct clients_rules *rules)
{
	uint32_t i;

	clients.table = calloc((size_t)limit + 1, sizeof *clients.table);
	if (clients.table == NULL)
		return -1;
	clients.limit = limit;
	clients.rules = *rules;
	for (i = 0; i <= limit; i++)
		clients.table[i].fd = -1;
	slots_head()->clients_limit = limit;
	return 0;
}

static void
publish(void)
{
	atomic_store_explicit(&slots_head()->clients, clients.present,
	    memory_order_relaxed);
}

static int
in_group(const struct system_peer *peer, gid_t group)
{
	size_t i;

	if (peer->gid == group)
		return 1;
	for (i = 0; i < peer->ngroups; i++)
		if (peer->groups[i] == group)
			return 1;
	return 0;
}

static enum role
role_of(const struct system_peer *peer)
{
	const struct clients_rules *r = &clients.rules;

	/* a bridge that leads to the control socket would lend our power */
	if (self_is(peer->pid))
		return ROLE_NONE;
	if (peer->uid == 0 || (r->has_starter && peer->uid == r->starter))
		return ROLE_ADMIN;
	if (r->has_group && (r->mode & 0020) && in_group(peer, r->group))
		return ROLE_CONTROL;
	if (r->mode & 0002)
		return ROLE_CONTROL;
	return ROLE_NONE;
}

/*
 * A place for one of that role; one is kept for an admin, so that others
 * cannot lock out who would stop them.
 */
static struct client *
free_place(enum role role)
{
	uint32_t kept = role != ROLE_ADMIN && clients.limit > 1;
	uint32_t i;

	if (clients.present + kept >= clients.limit)
		return NULL;
	for (i = 0; i < clients.limit; i++)
		if (clients.table[i].state == CLIENT_FREE)
			return &clients.table[i];
	return NULL;
}

/* The place of one that is told why it is refused, if that is free. */
static struct client *
refusal(int err)
{
	struct client *c = &clients.table[clients.limit];

	if (log_rate(&clients.refused_rate, 1, "refused clients"))
		log_info("client refused: %s",
		    err == EAGAIN ?
			"as many are connected as the limit allows" :
			"not permitted");
	if (c->state != CLIENT_FREE)
		return NULL;
	c->refused = err;
	c->role = ROLE_NONE;
	return c;
}

static void
greet(int fd)
{
	enum role role = ROLE_NONE;
	struct client *c = NULL;

	if (system_peer(fd, &clients.peer) == 0)
		role = role_of(&clients.peer);
	if (role == ROLE_NONE)
		c = refusal(EACCES);
	else if ((c = free_place(role)) == NULL)
		c = refusal(EAGAIN);
	else {
		c->refused = 0;
		c->role = role;
		c->uid = clients.peer.uid;
		clients.present++;
	}
	if (c == NULL) { /* others are being refused: no word for this one */
		close(fd);
		return;
	}
	assert(c->state == CLIENT_FREE);
	c->state = CLIENT_NEW;
	c->fd = fd;
	c->generation++;
	c->whole = system_send_whole(fd, FRAME_MAX) == 0;
	c->adopted = 0;
	c->asked = c->asking = c->answered = c->orphaned = 0;
	clients.dirty = 1;
	publish();
}

static void resume(void);

/* Descriptors ran out a moment ago. */
static void
retry(void *arg, unsigned int what)
{
	(void)arg;
	(void)what;
	resume();
}

static void
acceptable(void *arg, unsigned int what)
{
	int fd;

	(void)arg;
	(void)what;
	fd = accept4(clients.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		greet(fd);
		clients_flush();
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		clients.paused = 1;
		loop_del(&clients.accept);
		loop_set(&clients.accept, -1, 0, retry, NULL);
		(void)loop_add(&clients.accept, ACCEPT_RETRY_MS);
	}
}

/* Accepts again, after a pause. */
static void
resume(void)
{
	if (!clients.paused || clients.fd == -1)
		return;
	clients.paused = 0;
	if (loop_is_set(&clients.accept))
		loop_del(&clients.accept);
	loop_set(&clients.accept, clients.fd, LOOP_READ, acceptable, NULL);
	(void)loop_add(&clients.accept, -1);
}

int
clients_listen(int fd)
{
	clients.fd = fd;
	clients.paused = 1;
	resume();
	return 0;
}

void
clients_stop(void)
{
	if (clients.fd == -1)
		return;
	loop_del(&clients.accept);
	close(clients.fd);
	clients.fd = -1;
}

/* One that is connected. */
static struct client *
find(const struct inner_client *who)
{
	struct client *c;

	if (who->slot > clients.limit)
		return NULL;
	c = &clients.table[who->slot];
	if (c->state == CLIENT_FREE || c->generation != who->generation)
		return NULL;
	return c;
}

/* One that control has. */
static struct client *
find_present(const struct inner_client *who)
{
	struct client *c = find(who);

	return c != NULL && c->state == CLIENT_PRESENT ? c : NULL;
}

enum role
clients_role(const struct inner_client *who, uid_t *uid)
{
	const struct client *c = find(who);

	if (c == NULL)
		return ROLE_NONE;
	*uid = c->uid;
	return c->role;
}

static void
forget(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	if (c->refused == 0)
		clients.present--;
	c->state = CLIENT_FREE;
	c->asking = c->answered = 0;
	publish();
	resume();
}

int
clients_gone(const struct inner_client *who)
{
	struct client *c = find_present(who);

	if (c == NULL)
		return -1;
	forget(c);
	return 0;
}

/*
 * It goes on where it was: what it was sent ends with a frame, and what it
 * had not been sent yet it asks for again.
 */
static void
adopt(struct client *c)
{
	assert(c->state == CLIENT_PRESENT);
	c->state = CLIENT_NEW;
	c->adopted = 1;
	c->orphaned = c->asking;
	clients.dirty = 1;
}

void
clients_control_died(void)
{
	struct client *c;
	uint32_t i;

	for (i = 0; i <= clients.limit; i++) {
		c = &clients.table[i];
		if (c->state != CLIENT_PRESENT)
			continue;
		if (c->whole) {
			adopt(c);
			continue;
		}
		log_info("client %u closed: it may have been sent a part of "
			 "an answer",
		    (unsigned int)i);
		forget(c);
	}
}

int
clients_ask(const struct inner_client *who)
{
	struct client *c = find_present(who);
	int again;

	/*
	 * What nobody waits for gives way: a request of the control that died,
	 * and an answer given again to one that has had it.
	 */
	if (c == NULL || (c->asking && !c->answered && !c->orphaned))
		return -1;
	again = c->adopted && c->asked && c->request == who->request;
	c->orphaned = 0;
	if (again && c->asking)
		return 1;
	c->asked = c->asking = 1;
	c->answered = again;
	clients.dirty |= again;
	c->request = who->request;
	return again;
}

static void
answer(const struct inner_client *who, int err, uint32_t id, const char *text)
{
	struct client *c = find(who);

	if (c == NULL || !c->asking || c->answered ||
	    c->request != who->request)
		return;
	c->answered = clients.dirty = 1;
	c->err = err;
	c->id = id;
	(void)strlcpy(c->text, text, sizeof c->text);
}

void
clients_done(const struct inner_client *who, uint32_t id)
{
	answer(who, 0, id, "");
}

void
clients_error(const struct inner_client *who, int err, const char *text)
{
	answer(who, err, 0, text != NULL ? text : strerror(err));
}

static struct inner_client
name_of(const struct client *c)
{
	struct inner_client who;

	who.slot = (uint16_t)(c - clients.table);
	who.generation = c->generation;
	who.request = c->request;
	return who;
}

static int
send_new(struct client *c)
{
	struct inner_new_client m;
	struct frame_out out;
	uint8_t buf[512];

	memset(&m, 0, sizeof m);
	m.client = name_of(c);
	m.client.request = 0;
	m.role = (uint8_t)c->role;
	m.adopted = (uint8_t)c->adopted;
	if (c->refused != 0) {
		m.role = ROLE_NONE;
		m.err = (uint32_t)c->refused;
		(void)strlcpy(m.text,
		    c->refused == EAGAIN ?
			"too many clients (limits { clients })" :
			"not permitted to use mctd",
		    sizeof m.text);
	}
	frame_begin(&out, buf, sizeof buf, MSG_P2C_CLIENT, 0, 0);
	inner_put_new_client(&out, &m);
	if (children_send(PROCESS_CONTROL, 0, buf, frame_end(&out), &c->fd,
		1) == -1)
		return -1;
	c->state = CLIENT_PRESENT;
	return 0;
}

static int
send_answer(struct client *c)
{
	struct inner_client who = name_of(c);
	struct proto_error error;
	struct frame_out out;
	uint8_t buf[512];

	frame_begin(&out, buf, sizeof buf,
	    c->err == 0 ? MSG_P2C_DONE : MSG_P2C_ERROR, 0, 0);
	inner_put_client(&out, &who);
	if (c->err == 0)
		proto_put_done(&out, c->id);
	else {
		error.err = (uint32_t)c->err;
		(void)strlcpy(error.text, c->text, sizeof error.text);
		proto_put_error(&out, &error);
	}
	if (children_send(PROCESS_CONTROL, 0, buf, frame_end(&out), NULL, 0) ==
	    -1)
		return -1;
	c->asking = c->answered = c->orphaned = 0;
	return 0;
}

static int
send_events(void)
{
	struct frame_out out;
	uint8_t buf[FRAME_HEADER];

	frame_begin(&out, buf, sizeof buf, MSG_P2C_EVENTS, 0, 0);
	return children_send(PROCESS_CONTROL, 0, buf, frame_end(&out), NULL, 0);
}

void
clients_flush(void)
{
	struct client *c;
	uint32_t i, next;

	for (i = 0; clients.dirty && i <= clients.limit; i++) {
		c = &clients.table[i];
		if (c->state == CLIENT_NEW && send_new(c) == -1)
			return;
		if (c->answered && send_answer(c) == -1)
			return;
	}
	clients.dirty = 0;
	if (events_pending(&next) && send_events() == 0)
		events_told();
}

int
clients_socket(void)
{
	return clients.fd;
}

struct client *
clients_at(uint32_t slot)
{
	return slot <= clients.limit ? &clients.table[slot] : NULL;
}

int
clients_adopt(uint32_t slot, const struct client *from)
{
	struct client *c = clients_at(slot);

	if (c == NULL || c->state != CLIENT_FREE ||
	    (from->state == CLIENT_FREE) != (from->fd == -1) ||
	    (from->state != CLIENT_FREE &&
		(from->refused != 0) != (slot == clients.limit)))
		return -1;
	*c = *from;
	if (c->state == CLIENT_FREE)
		return 0;
	clients.present += c->refused == 0;
	clients.dirty = 1;
	publish();
	return 0;
}
