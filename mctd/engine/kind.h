/*
 * What the engine has to know of a kind of address: a table, so that no code
 * is written per kind or per pair of kinds.
 */

#ifndef ENGINE_KIND_H
#define ENGINE_KIND_H

#include <stdint.h>

#define KIND_MOVES    0x01   /* connection-oriented: the engine carries it */
#define KIND_RECORDS  0x02   /* in records, not in bytes */
#define KIND_HALF     0x04   /* can be closed for one direction */
#define KIND_DISCARDS 0x08   /* peeked bytes are dropped where they are */
#define KIND_SPLICES  0x10   /* pages go through a pipe without a copy */
#define KIND_BULK     0x4000 /* in bulk they had better, to the like */
#define KIND_STATE    0x20   /* tells FIN from a lost connection */
#define KIND_SHORT    0x40   /* a short peek has taken all there was */
#define KIND_EDGES    0x80   /* a send that was refused is owed an edge */
#define KIND_MARKED   0x100  /* each record has a control message */
#define KIND_HALFBUF  0x200  /* nothing over half of its buffer can go */
#define KIND_PROBE    0x800  /* a send of nothing tells of a reset */
#define KIND_SOFT     0x1000 /* both ends done, it may seem not connected */
#define KIND_MUTE     0x2000 /* after a reset it gives no end of file */
#define KIND_PIPED    0x400  /* no count of what went in: splice always */

/* Of connectionless ones. */
#define KIND_DGRAM    0x8000  /* it is one: the engine carries it */
#define KIND_GROUPED  0x10000 /* many of one size in one call */
#define KIND_ECHOES   0x20000 /* what became of one is told to the next */
#define KIND_TOLD     0x40000 /* messages have control data we want */
#define KIND_HOPS     0x80000 /* has a TTL, or hop limit, to be set */

/* The set for an enum addr_kind; 0 for what is none of the engine's. */
unsigned int kind_traits(unsigned int kind);

#endif
