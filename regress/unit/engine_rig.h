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

#define ERIG_BRIDGES      8
#define ERIG_GROUPS       8
#define ERIG_SESSIONS     128
#define ERIG_FIRST        (ERIG_BRIDGES + 1) /* slot of a session */
#define ERIG_FDS          512
#define ERIG_ENGINES      2 /* regions of counters; it is the second */
#define ERIG_ENGINE       1
#define ERIG_OTHER_ENGINE 0
#define ERIG_PIPES        4 /* at most */
#define ERIG_PIPE_BYTES   65536

struct erig {
	pid_t pid;
	int channel;
	uint64_t serial; /* the last one given out */
	struct counters counters;
	struct counters others; /* of another engine */
	uint32_t pipes;
	uint32_t pipe_bytes;
	int pipe[ERIG_PIPES][2];      /* the parent's copies: out, in */
	int memory[ERIG_ENGINES + 1]; /* the regions, for successors */
	int regions;
	struct inner_start start;
	char log[TEXT_BYTES]; /* the last line */
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

/* How an engine is started. */
struct erig_setup {
	struct inner_start start;
	int regions;        /* of counters that it gets, 0..ERIG_ENGINES + 1 */
	int channel_bytes;  /* the engine's send buffer, 0 as it is */
	int pipe_bytes;     /* that each pipe holds */
	size_t stale_bytes; /* lie in each pipe already */
};
void erig_as_usual(struct erig_setup *);
void erig_start_as(struct erig *, const struct erig_setup *);
/* The same, without waiting until it is ready. */
void erig_begin(struct erig *, const struct erig_setup *);
void erig_start(struct erig *, int active, int channel_bytes);
/* Closes the channel; the engine must end with status. */
void erig_stop(struct erig *, int status);
/* Waits until it ends by itself. */
void erig_wait_stop(struct erig *, int status);

/*
 * A successor: the engine has died, or is killed now, and what it said before
 * is taken; a standby is started in its place, and gets counters and pipes.
 * Its sessions are for the caller to send, and that they were all.
 */
void erig_kill(struct erig *);
void erig_bury(struct erig *);
void erig_succeed(struct erig *);
void erig_send_resumed(struct erig *);

/* A standby is told to take over, as any engine gets its pipes. */
void erig_activate(struct erig *);
void erig_send_pipes(struct erig *);
/* These messages, as the caller likes. */
void erig_send_activate(struct erig *, uint32_t which, const int *fds,
    size_t nfds);
void erig_send_some_pipes(struct erig *, uint16_t first, uint16_t count,
    size_t nfds);

/* Takes the next packet, ENDS and log lines; 0: the engine has gone. */
int erig_hear(struct erig *);
void erig_send(struct erig *, struct frame_out *, const int *fds, size_t n);
/* The next packet that is neither a log line nor ENDS; it is of this type. */
void erig_packet(struct erig *, uint16_t type, struct frame_in *);
/* Until the engine has taken every packet that was sent to it. */
void erig_wait_taken(struct erig *);
/* Until the session in the slot has ended; its end. */
const struct inner_end *erig_wait_end(struct erig *, uint32_t slot);
/* The counter, now and when it has this value. */
uint64_t erig_count(struct erig *, uint32_t slot, enum count);
void erig_wait_count(struct erig *, uint32_t slot, enum count, uint64_t);
/* A moment, for what only polling can see; fails some seconds after since. */
void erig_pause(uint64_t since_ms);

/* What the engine's process has used and has open. */
uint64_t erig_cpu_us(const struct erig *);
unsigned int erig_descriptors(const struct erig *);

/* Pipes that have an owner; the bytes in one. */
unsigned int erig_lent(const struct erig *);
int erig_pipe_bytes(const struct erig *, uint32_t pipe);
/* Until no pipe has an owner; then each of them is empty. */
void erig_wait_pipes_back(const struct erig *);

/* Sessions.  buffer_bytes: of both sockets, 0 as they are. */
void erig_pair(struct erig_side *, enum addr_kind, int buffer_bytes);
/* The same, with the inside connect()ed, as a dst's is. */
void erig_dst_pair(struct erig_side *, enum addr_kind, int buffer_bytes);
void erig_close_pair(struct erig_side *);
/* Hands over one session, or n in slots from one on; serials follow. */
void erig_session(struct erig *, uint32_t slot, const struct erig_side *peer,
    const struct erig_side *dst, uint32_t idle_ms, uint32_t half_closed_ms);
/* serial and kinds are filled in, and an id unless there is one. */
void erig_session_as(struct erig *, struct inner_session *,
    const struct erig_side *peer, const struct erig_side *dst);
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
/* The same for n pairs at once, each with bytes of its own. */
struct erig_flow {
	int fd[2];
	size_t want[2]; /* out of fd[0], out of fd[1] */
	size_t written[2];
	size_t done[2];
};
void erig_exchange_all(struct erig_flow *, size_t n, size_t chunk);
/* One way of it; from: where in the pattern. */
void erig_write(int fd, size_t from, size_t n);
void erig_read(int fd, size_t from, size_t n);
/* As far as fd takes it, or gives it, now; flags of send. */
size_t erig_write_some(int fd, size_t from, size_t n, int flags);
size_t erig_read_some(int fd, size_t from, size_t n);
/* The same of any outcome; at most so many bytes. */
enum erig_took {
	ERIG_NOTHING,
	ERIG_BYTES,
	ERIG_END,
	ERIG_RESET
};
enum erig_took erig_take(int fd, size_t from, size_t n, size_t *took);
/* With a descriptor that rides on the bytes. */
void erig_write_descriptor(int fd, size_t from, size_t n, int descriptor);
/* The next read gives end of file, or that error. */
void erig_read_end(int fd, int err);
/* The next thing of a pipe is its end: nobody can write to it any more. */
void erig_read_pipe_end(int fd);
/* Until everything written to fd lies in the other kernel queue. */
void erig_wait_acked(int fd);

/* Until fd is ready for poll's events. */
void erig_poll(int fd, short events);

#endif
