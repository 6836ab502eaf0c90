/*
 * The configuration, read and checked.  conf_parse reads text into a tree
 * of fixed size that conf_new made; it allocates nothing, so that a reload
 * may use it.  What is wrong is said as "file:line: message", the first
 * error only, and the tree is then not to be used.
 */

#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <sys/types.h>
#include <stdio.h>

#include "../../common/bridge.h"
#include "../../common/limits.h"

#define CONF_PATH_BYTES  256
#define CONF_USER_BYTES  64
#define CONF_SOCKET_MODE 0600 /* root alone */

struct conf_limits {
	uint32_t bridges;
	uint32_t sessions;
	uint32_t clients;
	uint32_t events;
	uint32_t standby;
	uint32_t pipes; /* of each engine */
	uint32_t groups;
	uint32_t flows;
};

struct conf_timeouts {
	uint32_t connect_s;
	uint32_t idle_s;
	uint32_t half_closed_s;
	uint32_t drain_s;
};

struct conf_bridge {
	struct bridge_spec spec; /* options 0 where the default serves */
	char file[CONF_PATH_BYTES];
	int line;
};

struct conf {
	char user[CONF_USER_BYTES]; /* default MCTD_USER */
	int user_given;             /* the file names it */
	char chroot[CONF_PATH_BYTES];
	char socket[CONF_PATH_BYTES];
	int socket_given;
	mode_t socket_mode;                 /* default CONF_SOCKET_MODE */
	char socket_group[CONF_USER_BYTES]; /* empty: none */
	struct conf_limits limits;
	struct conf_timeouts timeouts;
	uint32_t engines; /* "auto" is put in as a number */
	uint32_t spin_us; /* 0: an engine sleeps at once */
	char directory[LIMIT_DIRECTORIES][CONF_PATH_BYTES];
	uint32_t ndirectories;
	struct conf_bridge *bridges;
	uint32_t nbridges;
	uint32_t bridges_room; /* of the array */
};

/*
 * How a file is opened and where an error goes.  open_file gets the name as
 * written ("include" or the top one) and gives a descriptor or -1 with
 * errno; the parser reads it to its end and closes it.  It should open with
 * O_NONBLOCK, or a FIFO named by an include holds up the daemon.
 */
struct conf_source {
	const char *name; /* of the top file */
	int (*open_file)(void *arg, const char *name);
	void *arg;
	char error[TEXT_BYTES + CONF_PATH_BYTES]; /* set when -1 */
};

/*
 * "macro=value" from the command line: it holds for every conf_parse from
 * now on, whatever the file says.  Returns 0, or -1 with errno EINVAL (not
 * of that form), ENAMETOOLONG or ENOSPC (too many).
 */
int conf_define(const char *assignment);

/*
 * Room for so many bridges, filled with the defaults; NULL with errno.  All
 * memory that a conf_parse will need is touched here, that of the lexer
 * included.  Given back by conf_fit alone.
 */
struct conf *conf_new(uint32_t bridges_room);

/* Gives back the room for bridges beyond its own limit: it was read. */
void conf_fit(struct conf *);

/* The memory of one tree, and of what all conf_parse calls share. */
size_t conf_bytes(uint32_t bridges_room);
size_t conf_shared_bytes(void);

/* Fills the tree with the defaults: the built-in configuration. */
void conf_default(struct conf *);

/*
 * Reads and checks.  Returns 0, or -1 and source->error; errno is that of
 * open_file when the top file could not be opened, else EINVAL.
 */
int conf_parse(struct conf *, struct conf_source *);

/* Prints so that it parses back to the same.  At start only (stdio). */
void conf_print(const struct conf *, FILE *);

/*
 * The options of a bridge with the file's timeouts, and the other defaults,
 * put in where it says nothing.
 */
void conf_resolve(const struct conf *, struct bridge_options *);

#endif
