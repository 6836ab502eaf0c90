/*
 * What a socket tells without being changed by it: how far an engine that
 * died had come.
 */

#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include <stdint.h>

/* Of a TCP socket, at one moment. */
struct look_tcp {
	uint64_t written; /* bytes ever, and 1 for a SYN of ours */
	uint64_t taken;   /* read from it, and 1 for a FIN, read or not */
	uint8_t takes;    /* bytes to send: no FIN of ours, and not gone */
	uint8_t ended;    /* a FIN came */
	uint8_t gone;     /* no connection any more: then ended is 0 */
};

/* 0, or -1 with errno. */
int look_tcp(int fd, struct look_tcp *);

/* Whether an error waits there to be handed out. */
int look_error(int fd);
/* Whether nothing more comes, and no error is there that would say why. */
int look_ended(int fd);

/* Whether it is the number of an error, or 0. */
int look_is_errno(int err);

/* Of a pipe: how many bytes lie in it. */
uint32_t look_pipe(int fd);

/*
 * Of a local stream, where the next peek begins: from the head of its queue,
 * as a peek moves the place and reading what was peeked at moves it back.
 * -1: it always begins there.
 */
int look_place(int fd);
/* Sets it, and from then on it moves; 0, or -1 with errno. */
int look_set_place(int fd, int place);

#endif
