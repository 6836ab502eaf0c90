/* The hand-over: telling the engine of sessions, and of their close. */

#ifndef PARENT_HANDOVER_H
#define PARENT_HANDOVER_H

/* Sends what is queued, several sessions a message; what does not go now
 * waits for the channel. */
void handover_flush(void);

/* Kills the engine when it owes an answer for too long. */
void handover_check(void);

#endif
