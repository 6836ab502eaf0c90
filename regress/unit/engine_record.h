/*
 * Records of sessions: each of a given length, with a content of its own.
 */

#ifndef UNIT_ENGINE_RECORD_H
#define UNIT_ENGINE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/limits.h"

/* A record larger than the engine's buffer fits. */
extern uint8_t erecord_buf[PEEK_BYTES + 4096];

/* Lengths to take in turn. */
#define ERECORD_SIZES 17
extern const size_t erecord_sizes[ERECORD_SIZES];

/* The nth record's bytes, into erecord_buf. */
void erecord_fill(size_t len, unsigned int n);

/* Sends it; give_now returns 0 when there is no room for it now. */
void erecord_give(int fd, size_t len, unsigned int n);
int erecord_give_now(int fd, size_t len, unsigned int n);

/* The next record is the nth, it is whole, and nothing rides on it. */
void erecord_expect(int fd, size_t len, unsigned int n);
/* No record is there, and not the end either. */
void erecord_expect_nothing(int fd);

#endif
