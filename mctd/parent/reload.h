/* The configuration: reading it at start and again, and applying it. */

#ifndef PARENT_RELOAD_H
#define PARENT_RELOAD_H

#include "../conf/conf.h"

/*
 * Opens the directory of the file, below which it and its includes lie.
 * given: the user named it; otherwise it may be missing.  0, or -1 with
 * a line in the log.
 */
int reload_open(const char *file, int given);

/* Reads into a tree; 0, or -1 and a sentence "file:line: message". */
int reload_read(struct conf *, char *error, size_t size);

/*
 * Takes a low descriptor number, which is free whenever a file is read
 * (children_fill_low_fds takes it again).  0 or -1.
 */
int reload_reserve(void);

/* Whether it can be read again as this process is now; else -1, errno. */
int reload_readable(void);

/* Room for the next one, made now; 0 or -1. */
int reload_prepare(uint32_t bridges);
size_t reload_bytes(uint32_t bridges);

/*
 * Makes the bridges of conf, as one: what is new is opened, then what is
 * gone closed; or nothing is changed, and error says why.
 */
int reload_apply(const struct conf *, char *error, size_t size);

/*
 * The same in two steps: after the first all could be opened and nothing is
 * changed; one of the others follows before anything else is done.
 */
int reload_try(const struct conf *, char *error, size_t size);
void reload_commit(const struct conf *);
void reload_undo(const struct conf *);

/* Reads and applies; current is changed where it may be at run time. */
int reload_again(struct conf *current, char *error, size_t size);

#endif
