/*
 * Datagrams: from each src in batches to every dst that is attached to it.
 */

#ifndef ENGINE_DGRAM_H
#define ENGINE_DGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "../share/counters.h"
#include "../share/inner.h"
#include "chain.h"
#include "report.h"
#include "stream.h"
#include "watch.h"

struct dgram_batch;
struct dgram_dst;
struct dgram_src;

struct dgram_table {
	struct dgram_src *srcs; /* by number from 0 */
	struct dgram_dst *dsts; /* by slot from 1 */
	struct dgram_batch *batch;
	uint32_t bridges;     /* of each as many */
	uint32_t first_watch; /* one for each src */
	int resumed;          /* see dgram_resumed */
	int begun;            /* has heard of a src */
	struct chain *runs;   /* by src + 1: the slots of bridges */
	struct counters *counters;
	struct reports *reports;
	struct stream_work *work;
	struct watch_user events;
};

size_t dgram_bytes(uint32_t bridges); /* without the next */
size_t dgram_batch_bytes(void);

/* The pointers and numbers above are set; 0, or -1 with errno. */
int dgram_setup(struct dgram_table *);

/*
 * A src, bound, and a dst, connected, attached to a src.  Both return 0, or
 * -1 when the parent cannot mean it: number in use or out of range, kind of
 * no datagram, no such src.
 */
int dgram_src(struct dgram_table *, const struct inner_src *, int fd);
int dgram_dst(struct dgram_table *, const struct inner_dst *, int fd);

/* At the parent's wish; a dst that is not there is no error. */
void dgram_close(struct dgram_table *, uint32_t slot, uint64_t serial);

/* Ends what is attached as well; -1 when there is no such src. */
int dgram_src_close(struct dgram_table *, const struct inner_src *);

/* Of a dead engine's dsts all have come: srcs can be read now. */
void dgram_resumed(struct dgram_table *);

/* The src's turn; one that is closed meanwhile is no error. */
void dgram_run(struct dgram_table *, uint32_t src);

#endif
