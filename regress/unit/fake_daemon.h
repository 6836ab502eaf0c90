/*
 * A daemon for tests of the library: a thread that listens on an abstract
 * socket, takes one client and plays a script with it.  Nothing in the
 * script may fail by an assertion of cmocka, which belong to the main
 * thread; FAKE_CHECK makes fake_stop fail instead.
 */

#ifndef UNIT_FAKE_DAEMON_H
#define UNIT_FAKE_DAEMON_H

#include <pthread.h>
#include <stdint.h>

#include "../../common/frame.h"
#include "../../common/proto.h"
#include "../../common/record.h"

struct mct;

struct fake {
	char name[64]; /* for mct_init */
	int listener;
	int fd;   /* the client, in the script */
	int line; /* of the first check that failed */
	int turn; /* see fake_wait */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*script)(struct fake *);
	struct frame_reader reader;
	uint8_t buf[FRAME_MAX];
	struct frame_out out;
	struct proto_records head;
};

#define FAKE_CHECK(fake, what)                    \
	do {                                      \
		if (!(what) && (fake)->line == 0) \
			(fake)->line = __LINE__;  \
	} while (0)

void fake_start(struct fake *, void (*script)(struct fake *));
void fake_stop(struct fake *); /* asserts that the script had no complaint */

/* The same with a client of it; the client goes first, and the script sees. */
struct mct *fake_connected(struct fake *, void (*script)(struct fake *));
void fake_ended(struct fake *, struct mct *);

/* Main thread and script take turns: give lets the other's wait return. */
void fake_give(struct fake *, int turn);
void fake_wait(struct fake *, int turn);

/* The script's: the next request, which must be of the type; its id. */
uint32_t fake_expect(struct fake *, uint16_t type, struct frame_in *);
/* Whether no request comes for a moment. */
int fake_quiet(struct fake *);
/* The client goes, without another request. */
void fake_expect_end(struct fake *);

/* The script's answers: begin, put a body, send. */
void fake_begin(struct fake *, uint16_t type, uint32_t request);
void fake_send(struct fake *);
void fake_bytes(struct fake *, const void *, size_t);

/* Whole answers. */
void fake_hello(struct fake *); /* takes HELLO, answers it */
void fake_done(struct fake *, uint32_t request, uint32_t id);
void fake_error(struct fake *, uint32_t request, uint32_t err, const char *);

/* RECORDS: begin, any number of events or other records, end. */
void fake_records(struct fake *, uint32_t request, uint32_t cursor);
void fake_event(struct fake *, uint32_t seq, uint32_t id);
void fake_records_end(struct fake *);

/* The next request is EVENTS like this; its id. */
uint32_t fake_expect_events(struct fake *, uint8_t flags, uint32_t from);
/* A whole answer: n events from number seq on, and the next number. */
void fake_events(struct fake *, uint32_t request, uint32_t seq, uint32_t n);
/* Takes HELLO and an attach from now on; the waiting request's id. */
uint32_t fake_attached(struct fake *, uint32_t next);

#endif
