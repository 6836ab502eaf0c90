/*
 * Sources: the src sockets of connectionless bridges, each shared by those
 * that name the same src.  The engine is told of a source before the first
 * dst on it, and gives it up after the last.
 */

#ifndef PARENT_SOURCES_H
#define PARENT_SOURCES_H

#include "bridges.h"
#include "dgram_src.h"

/*
 * One is in use while users > 0 or the engine has it.
 * told: the engine was sent it; close_told: and was asked to give it up.
 */
struct source {
	int fd;
	uint32_t users; /* bridges with a dst socket */
	struct addr addr;
	char device[DEVICE_BYTES];
	uint32_t index; /* that device had when the socket was bound to it */
	struct local_file file; /* of a local address */
	struct dgram_src_wants wants;
	uint32_t granted; /* buffer */
	int told;
	int flows; /* the engine was told that it has such */
	int close_told;
	uint64_t deadline_ms; /* of SRC_CLOSED */
};

int sources_init(uint32_t bridges);
size_t sources_bytes(uint32_t bridges);

/* By number; NULL: there is no such place. */
struct source *sources_at(uint32_t number);
uint32_t sources_number(const struct source *);
/* That of a connectionless bridge. */
struct source *sources_of(const struct bridge *);
/* The next connectionless bridge on it, from slot `from` on; NULL: none. */
struct bridge *sources_user(const struct source *, uint32_t from);

/*
 * The source for such a bridge, opened if there is none yet.  NULL with errno
 * and *why.
 */
struct source *sources_open(const struct bridge_spec *,
    const struct bridge_options *, const char **why);
/* Nobody uses it, and the engine has it not. */
void sources_close(struct source *);

/* Its bridges, or what they want, are others: the socket, and what is shown. */
void sources_serve(struct source *);

/* Interfaces may be others: one made anew is heard as the last one was. */
void sources_look(void);

/* To the engine; 0, or -1: it takes no more now. */
int sources_tell(struct source *, int flows);
int sources_tell_close(struct source *);
int sources_overdue(uint64_t now_ms);

#endif
