/*
 * The lexer of mctd.conf: files in, tokens out.  It knows comments, lines
 * that go on, strings, macros and includes; what words mean is the
 * grammar's.  All text of one conf_parse lies in one fixed buffer, or in the
 * table of macros, so a token's text stays valid to the end of its statement.
 */

#ifndef CONF_LEX_H
#define CONF_LEX_H

#include <sys/types.h>
#include <stddef.h>

#include "conf.h"

/* A piece of text; no NUL ends it, and none is in it. */
struct lex_text {
	const char *at;
	size_t len;
	int line;
};

/* For printing one with "%.*s", in part when it is long. */
#define LEX_SHOWN 64
#define LEX_ARGS(t) \
	((int)((t)->len > LEX_SHOWN ? LEX_SHOWN : (t)->len)), (t)->at

enum lex_kind {
	LEX_END,      /* of the top file */
	LEX_FILE_END, /* of any file, before LEX_END; also ends a line */
	LEX_NEWLINE,
	LEX_WORD,
	LEX_STRING, /* quoted, or a macro's value */
	LEX_SIGN    /* one of { } = */
};

struct lex_token {
	enum lex_kind kind;
	struct lex_text text;
};

struct lex_file {
	char name[CONF_PATH_BYTES];
	char *at;
	char *end;
	int line;
	dev_t dev;
	ino_t ino;
};

struct lex {
	struct conf_source *source;
	struct lex_file file[CONF_INCLUDE_DEPTH + 1];
	unsigned int depth; /* files open; the innermost is read */
	int ended;          /* LEX_FILE_END of it was given */
	size_t used;        /* of the buffer */
};

/* All return 0, or -1 with the error said. */
int lex_begin(struct lex *);
int lex_include(struct lex *, const struct lex_text *name);
int lex_next(struct lex *, struct lex_token *);

/* The file that the last token came from. */
const char *lex_file_name(const struct lex *);

/* Says an error in that file; returns -1. */
int lex_fail(struct lex *, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Touches the buffer; its size. */
void lex_reserve(void);
size_t lex_bytes(void);

#endif
