/*
 * One session whose engine dies, and maybe the next one as well: peers that
 * write, read, finish or reset on, whatever happens, and check each byte and
 * each end.
 */

#ifndef UNIT_ENGINE_FATE_H
#define UNIT_ENGINE_FATE_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/addr.h"
#include "engine_one.h"

#define EFATE_SLOT ERIG_FIRST

#ifdef __SANITIZE_ADDRESS__
#define EFATE_SLOWER 3 /* strides are so much longer */
#else
#define EFATE_SLOWER 1
#endif

enum efate_end {
	EFATE_CLOSE, /* both finish when all is written */
	EFATE_RESET, /* the peer resets when the kernel has all of its bytes */
	/* and when dst's end has come */
	EFATE_RESET_LAST
};

struct efate {
	enum addr_kind kind[2];
	size_t bytes[2]; /* that peer and dst write, */
	size_t chunk;    /* so many at a time, records of that size; */
	size_t reads;    /* that they read at a time */
	int buffer_bytes;
	enum efate_end end;
	unsigned int urgent; /* each so manieth chunk ends with such a byte */
	uint32_t rate;
	uint32_t pipes;
	int roomy; /* see engine_spy.h */
	int doubt; /* it may end because its engine died */
};

/*
 * Runs it with an engine that dies at its stop stops[0], in whose place comes
 * one that dies at stops[1], and so on for n engines; 0: it lives.  Returns
 * how many died.
 */
unsigned int efate_run(const struct efate *, const unsigned int *stops,
    unsigned int n);

/*
 * With an engine that dies at its first stop, at one stride later and so on,
 * until the session outlives all.  Returns at which stop that was.
 */
unsigned int efate_at_each_stop(const struct efate *, unsigned int stride);

/* Of the kth combination of streams: so many bytes from the peer. */
#define EFATE_KINDS EONE_KINDS
struct efate efate_of(size_t k, size_t bytes, size_t chunk);
/* The same with so little room on the way that pipes keep bytes. */
struct efate efate_held_up(size_t k, size_t bytes);

/* How many have ended in doubt since the program began. */
extern unsigned int efate_doubts;

#endif
