/* How much a socket can take, which each system says in its own way. */

#ifndef ENGINE_ROOM_H
#define ENGINE_ROOM_H

#include <stddef.h>

/* Bytes that a send would take now, about; 0: next to nothing. */
size_t room_now(int fd);

/* The size of its send buffer, in bytes. */
size_t room_buffer(int fd);

#endif
