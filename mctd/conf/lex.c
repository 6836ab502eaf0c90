/*
 * The lexer of mctd.conf.
 *
 * A file is read whole and closed before its first token is taken.  Each
 * goes behind the one that includes it, in one buffer; nothing is taken out
 * again before the next lex_begin, so that the size of the buffer also ends
 * files that include each other without end.  Quoted strings lose their
 * quotes and backslashes in place.
 *
 * Calls: close, fstat, read
 */

#include <sys/stat.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "lex.h"
#include "macro.h"

static char lex_buffer[CONF_TEXT_BYTES];

void
lex_reserve(void)
{
	memset(lex_buffer, 0, sizeof(lex_buffer));
}

size_t
lex_bytes(void)
{
	return sizeof(lex_buffer);
}

const char *
lex_file_name(const struct lex *lex)
{
	return lex->file[lex->depth > 0 ? lex->depth - 1 : 0].name;
}

int
lex_fail(struct lex *lex, int line, const char *fmt, ...)
{
	char message[TEXT_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return fail_at(lex->source, lex_file_name(lex), line, "%s", message);
}

/* ---- files ---- */

/* Reads fd to its end behind what is there; -1 with errno. */
static ssize_t
read_all(struct lex *lex, int fd)
{
	size_t start = lex->used;
	size_t room;
	ssize_t n;
	char over;

	for (;;) {
		room = sizeof(lex_buffer) - lex->used;
		if (room > 0)
			n = read(fd, lex_buffer + lex->used, room);
		else if ((n = read(fd, &over, 1)) > 0) {
			errno = EFBIG;
			return -1;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			return (ssize_t)(lex->used - start);
		lex->used += (size_t)n;
	}
}

/* A NUL would end a text before its end. */
static int
check_nul(struct lex *lex, const struct lex_file *f)
{
	const char *p, *nul;
	int line = 1;

	if ((nul = memchr(f->at, '\0', (size_t)(f->end - f->at))) == NULL)
		return 0;
	for (p = f->at; p < nul; p++)
		if (*p == '\n')
			line++;
	return fail_at(lex->source, f->name, line,
	    "a zero byte, so this is no text");
}

/* Whether a file that is not read to its end yet is this one. */
static int
is_open(const struct lex *lex, const struct stat *st)
{
	unsigned int i;

	for (i = 0; i < lex->depth; i++)
		if (lex->file[i].dev == st->st_dev &&
		    lex->file[i].ino == st->st_ino)
			return 1;
	return 0;
}

/* The file becomes the innermost; errors are said where line stands. */
static int
push(struct lex *lex, const char *name, int fd, int line)
{
	struct lex_file *f = &lex->file[lex->depth];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return lex_fail(lex, line, "%.100s: %s", name, strerror(errno));
	if (is_open(lex, &st))
		return lex_fail(lex, line, "\"%.100s\" includes itself", name);
	f->at = lex_buffer + lex->used;
	if ((n = read_all(lex, fd)) == -1) {
		if (errno == EFBIG)
			return lex_fail(lex, line,
			    "\"%.100s\" makes more than %d bytes of text", name,
			    CONF_TEXT_BYTES);
		return lex_fail(lex, line, "cannot read \"%.100s\": %s", name,
		    strerror(errno));
	}
	f->end = f->at + n;
	f->line = 1;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	if (check_nul(lex, f) == -1)
		return -1;
	/* The includer may have ended with this very include. */
	lex->ended = 0;
	lex->depth++;
	return 0;
}

int
lex_begin(struct lex *lex)
{
	struct conf_source *source = lex->source;
	int fd, result, saved;

	lex->depth = 0;
	lex->ended = 0;
	lex->used = 0;
	(void)snprintf(lex->file[0].name, sizeof(lex->file[0].name), "%s",
	    source->name);
	if ((fd = source->open_file(source->arg, source->name)) == -1) {
		saved = errno;
		(void)fail_at(source, source->name, 0, "%s", strerror(saved));
		errno = saved;
		return -1;
	}
	result = push(lex, source->name, fd, 0);
	(void)close(fd);
	if (result == -1)
		errno = EINVAL;
	return result;
}

int
lex_include(struct lex *lex, const struct lex_text *text)
{
	struct conf_source *source = lex->source;
	char name[CONF_PATH_BYTES];
	int fd, result;

	if (text->len == 0 || text->len >= sizeof(name))
		return lex_fail(lex, text->line,
		    "the name of the file to include has %zu bytes, not 1 "
		    "to %zu",
		    text->len, sizeof(name) - 1);
	memcpy(name, text->at, text->len);
	name[text->len] = '\0';
	if (lex->depth > CONF_INCLUDE_DEPTH)
		return lex_fail(lex, text->line,
		    "includes are nested more than %d deep",
		    CONF_INCLUDE_DEPTH);
	if ((fd = source->open_file(source->arg, name)) == -1)
		return lex_fail(lex, text->line, "cannot open \"%.100s\": %s",
		    name, strerror(errno));
	result = push(lex, name, fd, text->line);
	(void)close(fd);
	return result;
}

/* ---- tokens ---- */

static int
is_word(char c)
{
	return c > ' ' && c <= '~' && strchr("{}=\"#$", c) == NULL;
}

/* A backslash at the end of a line: the line goes on. */
static int
is_joint(const struct lex_file *f, const char *p)
{
	return f->end - p >= 2 && p[0] == '\\' && p[1] == '\n';
}

static void
skip_blanks(struct lex_file *f)
{
	while (f->at < f->end) {
		if (*f->at == ' ' || *f->at == '\t')
			f->at++;
		else if (is_joint(f, f->at)) {
			f->at += 2;
			f->line++;
		} else if (*f->at == '#') {
			while (f->at < f->end && *f->at != '\n')
				f->at++;
		} else
			break;
	}
}

/* After a word or string: something that cannot have been part of it. */
static int
check_border(struct lex *lex, const struct lex_file *f)
{
	if (f->at == f->end || strchr(" \t\n{}=", *f->at) != NULL ||
	    is_joint(f, f->at))
		return 0;
	if (*f->at > ' ' && *f->at <= '~')
		return lex_fail(lex, f->line,
		    "'%c' after a word: quote it all, or put a blank between",
		    *f->at);
	return lex_fail(lex, f->line, "byte 0x%02x outside of quotes",
	    (unsigned int)(unsigned char)*f->at);
}

static int
take_word(struct lex *lex, struct lex_file *f, struct lex_token *t)
{
	char *p = f->at;

	while (p < f->end && is_word(*p) && !is_joint(f, p)) {
		/* "\\" is a pair: the second joins no lines. */
		if (*p == '\\' && p + 1 < f->end && is_word(p[1]))
			p++;
		p++;
	}
	t->kind = LEX_WORD;
	t->text.len = (size_t)(p - f->at);
	f->at = p;
	return check_border(lex, f);
}

static int
take_string(struct lex *lex, struct lex_file *f, struct lex_token *t)
{
	char *from = f->at + 1;
	char *to = f->at;

	t->kind = LEX_STRING;
	for (; from < f->end && *from != '"' && *from != '\n'; from++) {
		if (*from == '\\') {
			from++;
			if (from == f->end || (*from != '"' && *from != '\\'))
				return lex_fail(lex, f->line,
				    "in quotes a backslash stands only "
				    "before '\"' or a second backslash");
		} else if ((unsigned char)*from < ' ' || *from == 0x7f)
			return lex_fail(lex, f->line, "byte 0x%02x in quotes",
			    (unsigned int)(unsigned char)*from);
		*to++ = *from;
	}
	if (from == f->end || *from != '"')
		return lex_fail(lex, f->line, "the quotes are not closed");
	t->text.len = (size_t)(to - t->text.at);
	f->at = from + 1;
	return check_border(lex, f);
}

static int
take_macro(struct lex *lex, struct lex_file *f, struct lex_token *t)
{
	struct lex_text name;

	f->at++;
	name.at = f->at;
	name.len = macro_name_length(f->at, (size_t)(f->end - f->at));
	if (name.len == 0)
		return lex_fail(lex, f->line,
		    "'$' without the name of a macro");
	t->kind = LEX_STRING;
	t->text.at = macro_find(name.at, name.len, &t->text.len);
	if (t->text.at == NULL)
		return lex_fail(lex, f->line, "macro \"%.*s\" is not defined",
		    LEX_ARGS(&name));
	f->at += name.len;
	return check_border(lex, f);
}

/* The end of a file is given first, and only then is the file left. */
static int
take_end(struct lex *lex, struct lex_token *t)
{
	if (!lex->ended) {
		lex->ended = 1;
		t->kind = LEX_FILE_END;
	} else
		t->kind = LEX_END;
	return 0;
}

int
lex_next(struct lex *lex, struct lex_token *t)
{
	struct lex_file *f;

	if (lex->ended && lex->depth > 1) {
		lex->depth--;
		lex->ended = 0;
	}
	f = &lex->file[lex->depth - 1];
	skip_blanks(f);
	t->text.at = f->at;
	t->text.len = 0;
	t->text.line = f->line;
	if (f->at == f->end)
		return take_end(lex, t);
	switch (*f->at) {
	case '"':
		return take_string(lex, f, t);
	case '$':
		return take_macro(lex, f, t);
	case '\n':
		f->line++;
		t->kind = LEX_NEWLINE;
		break;
	case '{':
	case '}':
	case '=':
		t->kind = LEX_SIGN;
		break;
	default:
		if (is_word(*f->at))
			return take_word(lex, f, t);
		return check_border(lex, f);
	}
	t->text.len = 1;
	f->at++;
	return 0;
}
