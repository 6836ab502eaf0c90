/*
 * The grammar of commands as a table, and how a command line is matched
 * against it.  A word may be shortened while it is unique.
 */

#ifndef MCTCTL_WORDS_H
#define MCTCTL_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_ARGS      3
#define WORDS_OPTIONS   64 /* of a command line, and of a command */
#define WORDS_WHY_BYTES 512

struct ctl;
struct words_call;

/*
 * An option after the arguments: a word, and its value as usage shows it.
 * Without a value it is a flag: "verbose", which can also be given as "-v".
 */
struct words_option {
	const char *name;
	const char *value;
	int many; /* may be given again and again */
};

struct words_command {
	const char *word[2];          /* the second may be NULL */
	const char *args[WORDS_ARGS]; /* needed ones, as usage shows them */
	const struct words_option *options; /* ends with a NULL name */
	int (*run)(struct ctl *, const struct words_call *);
};

/* A command line understood; the strings are those of argv and the table. */
struct words_call {
	const struct words_command *command;
	const char *args[WORDS_ARGS];
	struct words_option options[WORDS_OPTIONS];
	size_t noptions;
};

/*
 * Matches argv against the table, which ends with an entry without words.
 * Returns 0, or -1 and a sentence in why, of WORDS_WHY_BYTES.
 */
int words_match(const struct words_command *table, int argc, char **argv,
    struct words_call *, char *why);

/* "bridge add SRC DST [name N] ..."; cut at size.  Returns buf. */
char *words_usage(const struct words_command *, char *buf, size_t size);

/* Digits and nothing else, up to max: 0, or -1. */
int words_number(const char *text, uint64_t max, uint64_t *value);

#endif
