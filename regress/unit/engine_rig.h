/*
 * An engine in a child, the test in the place of its parent and of peers
 * and dsts.  Whatever the engine does in its own time is waited for; a wait
 * that takes too long fails the test.
 */

#ifndef UNIT_ENGINE_RIG_H
#define UNIT_ENGINE_RIG_H

#include <sys/types.h>

#include "../../common/addr.h"
#include "../../mctd/share/counters.h"
#include "../../mctd/share/inner.h"

#define ERIG_BRIDGES  8
#define ERIG_SESSIONS 128
#define ERIG_FIRST    (ERIG_BRIDGES + 1) /* slot of a session */
#define ERIG_FDS      512
#define ERIG_ENGINES  2 /* regions of counters; it is the second */
#define ERIG_ENGINE   1
#define ERIG_PIPES    4

struct erig {
	pid_t pid;
	int channel;
	uint64_t serial; /* the last one given out */
	struct counters counters;
	int pipe[ERIG_PIPES][2]; /* the parent's copies: out, in */
	char log[TEXT_BYTES];    /* the last line */
	uint8_t packet[FRAME_MAX];
	/* ends that came, by slot; serial 0: none */
	struct inner_end ended[ERIG_BRIDGES + ERIG_SESSIONS + 1];
};

/* Two connected sockets of a session: the engine's, and the other end. */
struct erig_side {
	int inside;  /* the parent's copy */
	int outside; /* the peer's, or the dst's; non-blocking */
	uint8_t kind;
};

/* Once, by main: the engine sets its title. */
void erig_init(int argc, char *argv[]);

/* channel_bytes: the engine's send buffer, 0 as it is. */
void erig_start(struct erig *, int active, int channel_bytes);
/* Closes the channel; the engine must end with status. */
void erig_stop(struct erig *, int status);
/* Waits until it ends by itself. */
void erig_wait_stop(struct erig *, int status);

/* A standby is told to take over, as any engine gets its pipes. */
void erig_activate(struct erig *);
void erig_send_pipes(struct erig *);

void erig_send(struct erig *, struct frame_out *, const int *fds, size_t n);
/* The next packet that is neither a log line nor ENDS; it is of this type. */
void erig_packet(struct erig *, uint16_t type, struct frame_in *);
/* Until the engine has taken every packet that was sent to it. */
void erig_wait_taken(struct erig *);
/* Until the session in the slot has ended; its end. */
const struct inner_end *erig_wait_end(struct erig *, uint32_t slot);
/* The counter, now and when it has this value. */
uint64_t erig_count(struct erig *, uint32_t slot, enum count);
/* A moment, longer the longer it lasts. */
void erig_pause(uint64_t since_ms);

void erig_wait_count(struct erig *, uint32_t slot, enum count, uint64_t);

/* Sessions.  buffer_bytes: of both sockets, 0 as they are. */
void erig_pair(struct erig_side *, enum addr_kind, int buffer_bytes);
void erig_close_pair(struct erig_side *);
/* Hands over one session, or n in slots from one on; serials follow. */
void erig_session(struct erig *, uint32_t slot, const struct erig_side *peer,
    const struct erig_side *dst, uint32_t idle_ms, uint32_t half_closed_ms);
void erig_sessions(struct erig *, uint32_t slot, const struct erig_side *peer,
    const struct erig_side *dst, uint16_t n);
void erig_close(struct erig *, uint32_t slot, uint64_t serial);

/* Closes fd with a reset. */
void erig_reset(int fd);

/*
 * Sends bytes of a known pattern on a while the same come out of b, and the
 * other way as well; reads of at most chunk.
 */
void erig_exchange(int a, int b, size_t a_to_b, size_t b_to_a, size_t chunk);
/* One way of it; from: where in the pattern. */
void erig_write(int fd, size_t from, size_t n);
void erig_read(int fd, size_t from, size_t n);
/* The next read gives end of file, or that error. */
void erig_read_end(int fd, int err);
/* Until everything written to fd lies in the other kernel queue. */
void erig_wait_acked(int fd);

/* Until fd is ready for poll's events. */
void erig_poll(int fd, short events);

#endif
