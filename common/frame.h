/*
 * Frames: a header of fixed width (length, type, flags, request id) and a
 * body of fixed-width fields in network order, never a struct copied raw.
 * Used between processes of the daemon, and between daemon and library.
 *
 * Writing: frame_begin, frame_put_*, frame_end.  What does not fit is
 * remembered and makes frame_end return 0, so callers check once.
 * Reading: frame_open, frame_get_*, frame_done.  A message must be decoded
 * whole and leave nothing over; frame_done says so, so callers check once.
 */

#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define FRAME_HEADER 12

struct frame_out {
	uint8_t *data;
	size_t size;
	size_t at;
	int bad;
};

struct frame_in {
	const uint8_t *data;
	size_t size;
	size_t at;
	int bad;
	uint16_t type;
	uint16_t flags;
	uint32_t request;
};

void frame_begin(struct frame_out *, void *buf, size_t size, uint16_t type,
    uint16_t flags, uint32_t request);
void frame_put_u8(struct frame_out *, uint8_t);
void frame_put_u16(struct frame_out *, uint16_t);
void frame_put_u32(struct frame_out *, uint32_t);
void frame_put_u64(struct frame_out *, uint64_t);
void frame_put_bytes(struct frame_out *, const void *, size_t);
/* Length first (16 bits), no NUL.  Longer than 65,535 bytes is bad. */
void frame_put_text(struct frame_out *, const char *);
size_t frame_end(struct frame_out *); /* bytes of the frame, or 0 */

/* Returns 0, or -1 with EBADMSG when buf is not exactly one frame. */
int frame_open(struct frame_in *, const void *buf, size_t len);
uint8_t frame_get_u8(struct frame_in *);
uint16_t frame_get_u16(struct frame_in *);
uint32_t frame_get_u32(struct frame_in *);
uint64_t frame_get_u64(struct frame_in *);
void frame_get_bytes(struct frame_in *, void *, size_t);
/* A text longer than size - 1 bytes or with a NUL in it is bad. */
void frame_get_text(struct frame_in *, char *, size_t size);
/* Returns 0, or -1 with EBADMSG when a get failed or bytes are left. */
int frame_done(const struct frame_in *);

/*
 * Incoming side of a stream: at most one frame that is not whole yet.
 * frame_fill reads once: 1 got bytes, 0 nothing there now, -1 with errno
 * (EPIPE: the other side has closed).  frame_next: 1 and a frame that stays
 * valid until the next call on this reader, 0 none whole yet, -1 with
 * EBADMSG when the length is impossible.
 */
struct frame_reader {
	size_t have;
	size_t used; /* by the frame handed out last */
	uint8_t buf[FRAME_MAX];
};
void frame_reader_reset(struct frame_reader *);
int frame_fill(struct frame_reader *, int fd);
int frame_next(struct frame_reader *, struct frame_in *);
/* Bytes of a message that is not whole. */
size_t frame_partial(const struct frame_reader *);
/*
 * The same in one step for a process that may die at any moment: what is not
 * whole stays in the socket, and a frame is taken by one call or not at all,
 * so that its successor begins where a frame does.  1 and a frame, 0 none
 * whole there now, -1 with errno.  The fill of such a reader is only what was
 * seen last.
 */
int frame_take(struct frame_reader *, int fd, struct frame_in *);

/*
 * Outgoing side of a stream: a buffer for one largest frame, so that who
 * answers a request only when it is empty never overflows it.
 * frame_queue_add: 0, or -1 with ENOBUFS.  frame_flush: 1 all sent, 0 the
 * socket takes no more now, -1 with errno.
 */
struct frame_queue {
	size_t have;
	size_t sent;
	uint8_t buf[FRAME_MAX];
};
void frame_queue_reset(struct frame_queue *);
int frame_queue_add(struct frame_queue *, const void *, size_t);
int frame_flush(struct frame_queue *, int fd);

/*
 * Packets: on a SEQPACKET socket a frame is a packet.  frame_packet_send
 * sends without descriptors: 0, or -1 with errno (EAGAIN: full).
 * frame_packet_recv reads one with up to max descriptors, close-on-exec;
 * returns its bytes, 0 at end of file, -1 with errno (EBADMSG: cut off,
 * descriptors closed again).
 */
int frame_packet_send(int fd, const void *, size_t);
long frame_packet_recv(int fd, void *, size_t, int *fds, size_t max,
    size_t *nfds);

#endif
