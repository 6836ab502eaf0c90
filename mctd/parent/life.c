/*
 * The life of a bridge: open, begin, close.
 *
 * Calls: close
 */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "accept.h"
#include "admit.h"
#include "clients.h"
#include "datagrams.h"
#include "group_room.h"
#include "groups.h"
#include "hold.h"
#include "life.h"
#include "local.h"
#include "sessions.h"
#include "slots.h"
#include "sockets.h"

static uint32_t closing; /* connection-oriented ones in that state */

static int
open_sockets(struct bridge *b, const struct bridge_request *r, const char **why)
{
	*why = NULL;
	if (!addr_is_connected_type(&r->spec->src))
		return datagrams_open(b, r->spec, &r->options, why);
	b->borrowed = r->previous != NULL;
	if (b->borrowed) {
		b->fd = r->previous->fd;
		b->file = r->previous->file;
	} else
		b->fd =
		    sockets_listen(&r->spec->src, &r->options, &b->file, why);
	return b->fd == -1 ? -1 : 0;
}

/* Whether the system gives what such a bridge wants of it. */
static int
try_options(const struct bridge_spec *spec,
    const struct bridge_options *options, const char **why)
{
	*why = NULL;
	if (!addr_is_connected_type(&spec->src) ||
	    sockets_try(spec, options, why) == 0)
		return 0;
	if (*why == NULL)
		*why = strerror(errno);
	return -1;
}

struct bridge *
life_open(const struct bridge_request *r, const char **why)
{
	struct registry_entry *e;
	struct bridge *b;
	uint32_t slot;
	int saved;

	if (admit_check(r->spec, r->from_conf, why) == -1 ||
	    try_options(r->spec, &r->options, why) == -1 ||
	    (!addr_is_connected_type(&r->spec->src) &&
		group_room(NULL, r->spec, &r->options, why) == -1))
		return NULL;
	if ((slot = slots_take(SLOT_BRIDGE)) == 0) {
		*why = "as many bridges as the limit allows";
		errno = ENOSPC;
		return NULL;
	}
	b = bridges_at(slot);
	assert(b->state == BRIDGE_FREE);
	memset(b, 0, sizeof *b);
	b->slot = slot;
	b->from_conf = r->from_conf;
	b->loop = r->options.loop == FLAG_YES;
	if (open_sockets(b, r, why) == -1) {
		saved = errno;
		b->fd = -1;
		slots_give(slot);
		errno = saved;
		if (*why == NULL)
			*why = strerror(saved);
		return NULL;
	}
	if (r->waiter != NULL) {
		b->waiter = *r->waiter;
		b->has_waiter = 1;
	}
	e = slots_begin(slot);
	*slots_spec(slot) = *r->spec;
	slots_spec(slot)->options = r->options;
	e->owner = r->owner;
	e->state = STATE_NONE;
	slots_end(slot);
	b->state = BRIDGE_HELD;
	return b;
}

/* try_options found that it can be done. */
static void
listen_again(const struct bridge *b)
{
	const struct bridge_spec *spec = bridges_spec(b);
	const char *why;

	if (sockets_listen_again(b->fd, &spec->src, &spec->options, &why) == -1)
		log_warn("bridge %u: options of its src: %s", slots_id(b->slot),
		    why != NULL ? why : strerror(errno));
}

static int
is_changed(const struct bridge *b, const struct bridge_options *o)
{
	return memcmp(&bridges_spec(b)->options, o, sizeof *o) != 0;
}

/* No descriptor is needed where nothing changes. */
int
life_try_change(const struct bridge *b, const struct bridge_options *options,
    const char **why)
{
	if (!is_changed(b, options))
		return 0;
	if (bridges_is_stream(b))
		return try_options(bridges_spec(b), options, why);
	*why = NULL;
	if (admit_change(b, options, why) == 0 &&
	    group_room(b, bridges_spec(b), options, why) == 0 &&
	    datagrams_try_change(b, options, why) == 0)
		return 0;
	if (*why == NULL)
		*why = strerror(errno);
	return -1;
}

void
life_change(struct bridge *b, const struct bridge_spec *spec,
    const struct bridge_options *options)
{
	static struct bridge_options was; /* large */
	int changed = is_changed(b, options);

	was = bridges_spec(b)->options;
	bridges_change(b, spec, options);
	b->loop = options->loop == FLAG_YES;
	if (!changed || b->fd == -1)
		return;
	if (bridges_is_stream(b))
		listen_again(b);
	else {
		datagrams_changed(b, &was);
		groups_changed(b, &was);
	}
}

int
life_begin(struct bridge *b)
{
	assert(b->state == BRIDGE_HELD);
	if (b->borrowed)
		listen_again(b);
	b->borrowed = 0;
	b->begun = 1;
	if (!bridges_is_stream(b)) {
		b->state = BRIDGE_INSTALLING;
		bridges_show(b, STATE_RELAYING);
		bridges_note(b, EVENT_BRIDGE_CREATED, "created");
		datagrams_begin(b);
		groups_changed(b, NULL);
		return 0;
	}
	if (accept_start(b) == -1) {
		errno = ENOMEM;
		return -1;
	}
	b->state = BRIDGE_OPEN;
	bridges_show(b, STATE_LISTENING);
	bridges_note(b, EVENT_BRIDGE_CREATED, "created");
	if (b->has_waiter)
		clients_done(&b->waiter, slots_id(b->slot));
	b->has_waiter = 0;
	return 0;
}

/* No peer comes in any more. */
static void
close_listener(struct bridge *b, int keep)
{
	if (b->fd == -1)
		return;
	if (b->state != BRIDGE_HELD)
		accept_stop(b);
	if (!keep && !b->borrowed) {
		close(b->fd);
		local_unlink(&bridges_spec(b)->src, &b->file);
	}
	b->fd = -1;
}

int
life_close(struct bridge *b, const struct inner_client *waiter, int keep)
{
	if (b->state == BRIDGE_CLOSING)
		return -1;
	if (b->has_waiter) /* it was being installed for another */
		clients_error(&b->waiter, ECANCELED, "closed meanwhile");
	b->has_waiter = waiter != NULL;
	if (waiter != NULL)
		b->waiter = *waiter;
	if (bridges_is_stream(b)) {
		close_listener(b, keep);
		b->state = BRIDGE_CLOSING;
		closing++;
		sessions_close_all(b->slot, END_BRIDGE_CLOSED);
		bridges_look();
	} else {
		b->state = BRIDGE_CLOSING;
		if (b->begun)
			groups_close(b);
		datagrams_close(b);
	}
	/* a connectionless one may be over already */
	if (b->state == BRIDGE_CLOSING)
		bridges_show(b, STATE_CLOSING);
	return 0;
}

void
life_drain(void)
{
	struct bridge *b;

	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (b->state == BRIDGE_CLOSING)
			continue;
		if (!bridges_is_stream(b)) {
			(void)life_close(b, NULL, 0);
			continue;
		}
		close_listener(b, 0);
		b->state = BRIDGE_CLOSING;
		closing++;
		bridges_show(b, STATE_CLOSING);
	}
	bridges_look();
}

void
life_turn(void)
{
	struct bridge *b;

	if (!(sessions_freed() | bridges_take_look()) ||
	    (closing == 0 && accept_paused() == 0))
		return;
	for (b = bridges_next(1); b != NULL; b = bridges_next(b->slot + 1)) {
		if (!bridges_is_stream(b))
			continue;
		if (b->state == BRIDGE_CLOSING && sessions_of(b->slot) == 0) {
			closing--;
			hold_stop(b);
			bridges_finished(b);
		} else if (b->state == BRIDGE_OPEN)
			accept_resume(b);
	}
}

int
life_adopt(const struct bridge *from)
{
	struct bridge *b = bridges_at(from->slot);

	if (b == NULL || b->state != BRIDGE_FREE ||
	    slots_entry(from->slot)->kind != SLOT_BRIDGE)
		return -1;
	*b = *from;
	b->loop = bridges_spec(b)->options.loop == FLAG_YES;
	if (!bridges_is_stream(b))
		return datagrams_adopt(b);
	if (b->state == BRIDGE_INSTALLING ||
	    (b->state == BRIDGE_OPEN) != (b->fd != -1))
		return -1;
	hold_adopt(b);
	if (b->state == BRIDGE_OPEN)
		return accept_adopt(b);
	closing++;
	bridges_look();
	return 0;
}
