/*
 * The grammar of mctd.conf, for any yacc.  Statements are the functions of
 * statement.h; here is only what follows what.  Words are keywords only
 * where one is expected, so that a user may be called "group".
 */

%{
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "conf.h"
#include "fail.h"
#include "lex.h"
#include "macro.h"
#include "statement.h"

#define yyparse	conf_yyparse
#define yylex	conf_yylex
#define yyerror	conf_yyerror
#define yylval	conf_yylval
#define yychar	conf_yychar
#define yydebug	conf_yydebug
#define yynerrs	conf_yynerrs

/*
 * The stack is of fixed size, because a reload may not allocate.  All lists
 * recurse on the left, so it needs no more places than the longest rule.
 */
#define YYINITDEPTH	64
#define YYMAXDEPTH	YYINITDEPTH
#define YYMALLOC(size)	NULL
#define YYFREE(p)	((void)(p))

static struct statement st;

/* Where the parser is, for yylex to tell keywords and yyerror to tell why. */
static struct {
	struct lex_token token; /* the last one */
	int start;              /* the next token begins a statement */
	int keyword;            /* that began this one; 0: none yet */
	struct lex_text word;   /* that began it and is no keyword; len 0 */
	struct lex_text brace;  /* that is open; len 0: none */
	int values;             /* in braces: so many words are no keyword */
	int joining;            /* a join goes on, to the end of its line */
	int ttl;                /* the next one is the value of ttl */
} at;

int yyparse(void);
static int yylex(void);
static void yyerror(const char *);

/* An action's result: the error has been said, so end. */
#define DO(call)	do { if ((call) == -1) YYABORT; } while (0)
%}

%union {
	struct lex_text text;
}

%token <text> USER CHROOT SOCKET MODE GROUP LIMITS TIMEOUTS DRAIN
%token <text> ENGINES SPIN DIRECTORY BRIDGE INCLUDE
%token <text> JOIN INTERFACE SOURCE TTL DST
%token <text> WORD STRING
%token BAD
%type <text> value

%%

conf
	: /* empty */
	| conf '\n'
	| conf statement '\n'
	| conf INCLUDE value '\n' { DO(lex_include(&st.lex, &$3)); }
	;

statement
	: WORD '=' value { DO(statement_macro(&st, &$1, &$3)); }
	| USER value { DO(statement_user(&st, &$2)); }
	| CHROOT value { DO(statement_chroot(&st, &$2)); }
	| SOCKET value { DO(statement_socket(&st, &$2)); } socket_options
	| DIRECTORY value { DO(statement_directory(&st, &$2)); }
	| DRAIN value { DO(statement_drain(&st, &$2)); }
	| ENGINES value { DO(statement_engines(&st, &$2)); }
	| SPIN value { DO(statement_spin(&st, &$2)); }
	| LIMITS { st.block = BLOCK_LIMITS; } block
	| TIMEOUTS { st.block = BLOCK_TIMEOUTS; } block
	| BRIDGE { statement_bridge_begin(&st, &$1); } bridge_words
	  bridge_options { DO(statement_bridge_end(&st)); }
	;

socket_options
	: /* empty */
	| socket_options MODE value { DO(statement_mode(&st, &$3)); }
	| socket_options GROUP value { DO(statement_group(&st, &$3)); }
	;

bridge_words
	: value { DO(statement_bridge_word(&st, &$1)); }
	| bridge_words value { DO(statement_bridge_word(&st, &$2)); }
	;

bridge_options
	: /* empty */
	| block
	;

block
	: '{' settings '}'
	;

settings
	: /* empty */
	| settings '\n'
	| settings WORD value { DO(statement_setting(&st, &$2, &$3)); }
	| settings TTL value { DO(statement_setting(&st, &$2, &$3)); }
	| settings TTL DST value { DO(statement_setting(&st, &$2, &$4)); }
	| settings JOIN { statement_join_begin(&st, &$2); } join
	  { DO(statement_join_end(&st)); }
	;

join
	: STRING { DO(statement_join_word(&st, &$1)); }
	| WORD value { DO(statement_join_word(&st, &$1));
	    DO(statement_join_word(&st, &$2)); } join_options
	;

join_options
	: /* empty */
	| join_options INTERFACE value { DO(statement_join_word(&st, &$2));
	    DO(statement_join_word(&st, &$3)); }
	| join_options SOURCE value { DO(statement_join_word(&st, &$2));
	    DO(statement_join_word(&st, &$3)); }
	;

value
	: WORD
	| STRING
	;

%%

static const struct keyword {
	const char *word;
	int token;
	int within; /* the statement it is part of; 0: it begins one */
} keywords[] = {
	{ "user", USER, 0 },
	{ "chroot", CHROOT, 0 },
	{ "socket", SOCKET, 0 },
	{ "mode", MODE, SOCKET },
	{ "group", GROUP, SOCKET },
	{ "limits", LIMITS, 0 },
	{ "timeouts", TIMEOUTS, 0 },
	{ "drain", DRAIN, 0 },
	{ "engines", ENGINES, 0 },
	{ "spin", SPIN, 0 },
	{ "directory", DIRECTORY, 0 },
	{ "bridge", BRIDGE, 0 },
	{ "include", INCLUDE, 0 },
};

static int
word_token(const struct lex_text *text)
{
	const struct keyword *k;
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		k = &keywords[i];
		if (k->within == at.keyword &&
		    strlen(k->word) == text->len &&
		    memcmp(k->word, text->at, text->len) == 0)
			return k->token;
	}
	return WORD;
}

/* The words that have a meaning in the braces of a bridge. */
static int
is_word(const struct lex_text *text, const char *word)
{
	return strlen(word) == text->len &&
	    memcmp(word, text->at, text->len) == 0;
}

/* In braces names and values take turns, and only a name is a keyword. */
static int
value_token(const struct lex_text *text, int token)
{
	int is_dst = at.ttl && token == WORD && is_word(text, "dst");

	at.ttl = 0;
	if (is_dst)
		return DST;
	at.values--;
	if (token == STRING && at.joining && at.values == 1)
		at.values = 0; /* it is the whole join */
	return token;
}

static int
name_token(const struct lex_text *text)
{
	int joining = at.joining;

	at.values = 1;
	if (joining && is_word(text, "interface"))
		return INTERFACE;
	if (joining && is_word(text, "source"))
		return SOURCE;
	at.joining = 0;
	if (st.block != BLOCK_BRIDGE)
		return WORD;
	at.ttl = is_word(text, "ttl");
	if (at.ttl)
		return TTL;
	at.joining = is_word(text, "join");
	if (!at.joining)
		return WORD;
	at.values = 2;
	return JOIN;
}

/* A name or a value ends with its line. */
static void
braces_begin(void)
{
	at.values = 0;
	at.joining = 0;
	at.ttl = 0;
}

static int
newline_token(void)
{
	at.start = at.brace.len == 0;
	braces_begin();
	return '\n';
}

static int
file_end_token(void)
{
	if (at.brace.len != 0) {
		(void)lex_fail(&st.lex, at.brace.line,
		    "the \"}\" to this \"{\" is missing");
		return BAD;
	}
	return newline_token();
}

static int
sign_token(const struct lex_text *text)
{
	if (*text->at == '{') {
		at.brace = *text;
		braces_begin();
	} else if (*text->at == '}')
		at.brace.len = 0;
	else
		at.word.len = 0; /* the name of a macro */
	return *text->at;
}

static int
yylex(void)
{
	struct lex_text *text = &at.token.text;
	int token;

	if (lex_next(&st.lex, &at.token) == -1)
		return BAD;
	if (at.start) {
		at.start = 0;
		at.keyword = 0;
		at.word.len = 0;
	}
	yylval.text = *text;
	switch (at.token.kind) {
	case LEX_END:
		return 0;
	case LEX_FILE_END:
		return file_end_token();
	case LEX_NEWLINE:
		return newline_token();
	case LEX_SIGN:
		return sign_token(text);
	case LEX_STRING:
		return at.values > 0 ? value_token(text, STRING) : STRING;
	case LEX_WORD:
		break;
	}
	if (at.brace.len != 0)
		return at.values > 0 ? value_token(text, WORD) :
				       name_token(text);
	token = word_token(text);
	if (at.keyword == 0) {
		at.keyword = token;
		if (token == WORD)
			at.word = *text;
	}
	return token;
}

/* Not called for errors that lexer and actions have said. */
static void
yyerror(const char *message)
{
	const struct lex_text *text = &at.token.text;

	(void)message;
	if (at.word.len != 0)
		(void)lex_fail(&st.lex, at.word.line,
		    "unknown word \"%.*s\"", LEX_ARGS(&at.word));
	else if (at.token.kind == LEX_NEWLINE ||
	    at.token.kind == LEX_FILE_END)
		(void)lex_fail(
		    &st.lex, text->line, "something is missing at the end");
	else
		(void)lex_fail(&st.lex, text->line, "unexpected \"%.*s\"",
		    LEX_ARGS(text));
}

int
conf_parse(struct conf *conf, struct conf_source *source)
{
	int failed;

	memset(&st, 0, sizeof(st));
	memset(&at, 0, sizeof(at));
	at.start = 1;
	st.conf = conf;
	st.lex.source = source;
	source->error[0] = '\0';
	conf_default(conf);
	macro_begin();
	if (lex_begin(&st.lex) == -1)
		return -1;
	failed = yyparse() != 0;
	if (!failed) {
		statement_end(&st);
		failed = check_conf(conf, source) == -1;
	}
	/* Of what the caller owns nothing is kept. */
	memset(&st, 0, sizeof(st));
	memset(&at, 0, sizeof(at));
	if (!failed)
		return 0;
	/* For a grammar that needs more stack than it has. */
	(void)fail_at(source, source->name, 0, "cannot be parsed");
	errno = EINVAL;
	return -1;
}
