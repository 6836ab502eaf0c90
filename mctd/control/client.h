/*
 * The clients of the control socket, by the slot numbers that the parent
 * gave them.  How a client lives is told in client.c.
 */

#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "../share/inner.h"

/* Slots 0..clients; the last is for those that are refused.  0 or -1. */
int client_setup(uint32_t clients);
size_t client_bytes(uint32_t clients);

/*
 * What the parent says.  Each returns 0, or -1 when that cannot be: a slot
 * that does not exist, or is taken.  An answer to a client that has gone,
 * or has asked something else since, is dropped.
 */
int client_new(const struct inner_new_client *, int fd);
int client_done(const struct inner_client *, uint32_t id);
int client_refused(const struct inner_client *, const struct proto_error *);

/* There are events: answers the clients that wait for some. */
void client_events(void);

/* Calls of the loop. */
void client_ready(uint32_t slot, int ended);
void client_channel_writable(void);
void client_tick(void);
void client_again(void);

#endif
