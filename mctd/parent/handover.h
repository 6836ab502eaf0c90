/* The hand-over: telling the engine of sessions, and of their close. */

#ifndef PARENT_HANDOVER_H
#define PARENT_HANDOVER_H

#include <stdint.h>

/* Sends what is queued, several sessions a message; what does not go now
 * waits for the channel. */
void handover_flush(uint32_t engine);

/* Its successor is told of its sessions first, and when that were all. */
void handover_engine_died(uint32_t engine);

/* Kills an engine that owes an answer for too long. */
void handover_check(void);

#endif
