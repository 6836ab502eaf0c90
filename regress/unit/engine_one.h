/*
 * An engine with one session, between a peer and a dst.
 */

#ifndef UNIT_ENGINE_ONE_H
#define UNIT_ENGINE_ONE_H

#include <stdint.h>

#include "engine_rig.h"

#define EONE_SLOT ERIG_FIRST

struct eone {
	struct erig rig;
	struct erig_side peer;
	struct erig_side dst;
};

extern struct eone eone;

/* The streams that are joined, peer and dst. */
#define EONE_KINDS 4
extern const enum addr_kind eone_kinds[EONE_KINDS][2];

/* Before and after a test: the engine ends with 0. */
int eone_start(void **state);
int eone_stop(void **state);

/* The two sides alone; see erig_pair. */
void eone_pairs(enum addr_kind peer, enum addr_kind dst, int buffer_bytes);
/* And their session; the slot is filled in, and what erig_session_as does. */
void eone_open(enum addr_kind peer, enum addr_kind dst);
void eone_open_as(struct inner_session *, enum addr_kind peer,
    enum addr_kind dst);
void eone_close(void);

/* The session ends so; then all its pipes are back, and both sides closed. */
void eone_wait_end(enum end_reason, int err);
/* Both sides finish, the peer first. */
void eone_finish(void);
/* And so many bytes were counted. */
void eone_finish_counted(uint64_t to_dst, uint64_t to_src);

#endif
