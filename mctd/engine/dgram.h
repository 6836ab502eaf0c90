/*
 * Datagrams: from each src in batches to every dst of the bridges on it.
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
struct dgram_bridge;
struct dgram_out;
struct dgram_src;
struct flow_table;

struct dgram_table {
	struct dgram_src *src;       /* by number from 0 */
	struct dgram_bridge *bridge; /* by slot from 1 */
	struct dgram_out *free;      /* as many as there are srcs */
	struct dgram_batch *batch;
	struct flow_table *flows; /* flow.c */
	uint32_t bridges;
	uint32_t srcs;        /* bridges + groups */
	uint32_t first_watch; /* one for each src */
	uint32_t first_run;   /* and its number in runs */
	int resumed;          /* see dgram_resumed */
	int begun;            /* has heard of a src */
	uint64_t sends;       /* calls, ever */
	struct chain *runs;
	struct counters *counters;
	struct reports *reports;
	struct stream_work *work;
	struct watch_user events;
};

size_t dgram_bytes(uint32_t bridges, uint32_t srcs); /* without the next */
size_t dgram_batch_bytes(void);

/* The pointers and numbers above are set; 0, or -1 with errno. */
int dgram_setup(struct dgram_table *);

/*
 * What the parent says.  Each returns 0, or -1 when it cannot mean that:
 * number in use or out of range, kind of no datagram, no such src or out.  A
 * bridge that is not there is no error but of SRC and DST, for it may have
 * been closed; a descriptor for it is closed.
 */
int dgram_src(struct dgram_table *, const struct inner_src *, int fd);
int dgram_dst(struct dgram_table *, const struct inner_dst *, int fd);
int dgram_tune(struct dgram_table *, const struct inner_tune *);
int dgram_out(struct dgram_table *, const struct inner_out *, int fd);
int dgram_out_change(struct dgram_table *, const struct inner_out *);
int dgram_out_close(struct dgram_table *, const struct inner_out *);
int dgram_attach(struct dgram_table *, const struct inner_attach *);
void dgram_close(struct dgram_table *, uint32_t slot, uint64_t serial);

/* Ends the bridges whose first src it is. */
int dgram_src_close(struct dgram_table *, const struct inner_src *);

/* Of a dead engine's bridges all have come: srcs can be read now. */
void dgram_resumed(struct dgram_table *);

/* It is to have a turn, if there is something to read. */
void dgram_wake(struct dgram_table *, struct dgram_src *);

/* Sends what is left in hand, so that nothing is. */
void dgram_settle(struct dgram_table *);

/* The src's turn; one that is closed meanwhile is no error. */
void dgram_run(struct dgram_table *, uint32_t src);

#endif
