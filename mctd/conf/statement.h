/*
 * The statements of mctd.conf: each function is called by the grammar with
 * what it has read, and puts it into the tree.  All that return a value
 * return 0, or -1 with the error said.
 */

#ifndef CONF_STATEMENT_H
#define CONF_STATEMENT_H

#include "conf.h"
#include "lex.h"

/* What stands between a pair of braces. */
enum block {
	BLOCK_NONE,
	BLOCK_LIMITS,
	BLOCK_TIMEOUTS,
	BLOCK_BRIDGE
};

/* A bridge has one to three words: the name if any, src, dst. */
#define BRIDGE_WORDS 3

struct statement {
	struct conf *conf;
	struct lex lex;
	enum block block;
	uint64_t given;         /* bits: what has been set already */
	uint64_t options_given; /* the same, in the braces of a bridge */
	int engines_auto;
	struct lex_text bridge; /* the word "bridge", for its line */
	struct lex_text word[BRIDGE_WORDS];
	unsigned int nwords;
	struct bridge_options options;
	struct lex_text join; /* the word "join", for its line */
	char join_text[JOIN_TEXT_BYTES];
};

int statement_macro(struct statement *, const struct lex_text *name,
    const struct lex_text *value);
int statement_user(struct statement *, const struct lex_text *);
int statement_chroot(struct statement *, const struct lex_text *);
int statement_socket(struct statement *, const struct lex_text *);
int statement_mode(struct statement *, const struct lex_text *);
int statement_group(struct statement *, const struct lex_text *);
int statement_directory(struct statement *, const struct lex_text *);
int statement_drain(struct statement *, const struct lex_text *);
int statement_engines(struct statement *, const struct lex_text *);
int statement_spin(struct statement *, const struct lex_text *);

/* At the end of the file: what follows from the rest of it. */
void statement_end(struct statement *);

/* One setting of the block that st->block says. */
int statement_setting(struct statement *, const struct lex_text *name,
    const struct lex_text *value);

/* In the braces of a bridge: "src", the group, and what follows them. */
void statement_join_begin(struct statement *, const struct lex_text *);
int statement_join_word(struct statement *, const struct lex_text *);
int statement_join_end(struct statement *);

/* Between begin and end: words, settings. */
void statement_bridge_begin(struct statement *, const struct lex_text *);
int statement_bridge_word(struct statement *, const struct lex_text *);
int statement_bridge_end(struct statement *);

#endif
