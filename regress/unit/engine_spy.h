/*
 * Looks over the engine's shoulder: its calls of splice, getsockopt, send
 * and recvmsg, and its looks at the clock, come by here.  What is set here
 * holds from then on, in the engine's process too.
 */

#ifndef UNIT_ENGINE_SPY_H
#define UNIT_ENGINE_SPY_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * As SCTP does: with espy->pieces a record that begins with this is the piece
 * of one, and the next that does not is its last.
 */
#define ESPY_PIECE 0xff

#define ESPY_BITE  1000

struct espy {
	_Atomic uint64_t in;       /* bytes that went into pipes */
	_Atomic uint64_t out;      /* and out of them */
	_Atomic int roomy;         /* sockets pretend to have room for all */
	_Atomic int interrupted;   /* each second splice gives EINTR */
	_Atomic int stingy;        /* see ESPY_BITE */
	_Atomic uint32_t splices;  /* calls */
	_Atomic int pieces;        /* see ESPY_PIECE */
	_Atomic uint64_t ahead_ms; /* clock_ms() is so far ahead */
};
extern struct espy *espy;

/* Called after the next send of this process, once. */
extern void (*espy_after_send)(void);

/* All is 0 again; erig_begin does it. */
void espy_setup(void);

#endif
