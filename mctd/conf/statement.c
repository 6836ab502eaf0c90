/*
 * The statements of mctd.conf: what they may say, and where it goes.  What
 * concerns several statements is left to check.c, so that their order does
 * not matter.
 */

#include <sys/un.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "macro.h"
#include "statement.h"

/* The numbers of the file and its blocks: name, range, place in the tree. */
static const struct setting {
	enum block block;
	const char *name;
	enum option_unit unit;
	uint32_t min;
	uint32_t max;
	size_t offset; /* in struct conf, of a uint32_t */
} settings[] = {
	{ BLOCK_LIMITS, "bridges", OPTION_COUNT, 1, LIMIT_BRIDGES_MAX,
	    offsetof(struct conf, limits.bridges) },
	{ BLOCK_LIMITS, "sessions", OPTION_COUNT, 1, LIMIT_SESSIONS_MAX,
	    offsetof(struct conf, limits.sessions) },
	{ BLOCK_LIMITS, "clients", OPTION_COUNT, 1, LIMIT_CLIENTS_MAX,
	    offsetof(struct conf, limits.clients) },
	{ BLOCK_LIMITS, "events", OPTION_COUNT, 1, LIMIT_EVENTS_MAX,
	    offsetof(struct conf, limits.events) },
	{ BLOCK_LIMITS, "standby", OPTION_COUNT, 0, LIMIT_STANDBY_MAX,
	    offsetof(struct conf, limits.standby) },
	{ BLOCK_LIMITS, "pipes", OPTION_COUNT, 0, LIMIT_PIPES_MAX,
	    offsetof(struct conf, limits.pipes) },
	{ BLOCK_LIMITS, "groups", OPTION_COUNT, 0, LIMIT_GROUPS_MAX,
	    offsetof(struct conf, limits.groups) },
	{ BLOCK_LIMITS, "flows", OPTION_COUNT, 0, LIMIT_FLOWS_MAX,
	    offsetof(struct conf, limits.flows) },
	{ BLOCK_NONE, "engines", OPTION_COUNT, 1, LIMIT_ENGINES_MAX,
	    offsetof(struct conf, engines) },
	{ BLOCK_NONE, "spin", OPTION_COUNT, 0, SPIN_US_MAX,
	    offsetof(struct conf, spin_us) },
	{ BLOCK_TIMEOUTS, "connect", OPTION_SECONDS, 0, TIMEOUT_S_MAX,
	    offsetof(struct conf, timeouts.connect_s) },
	{ BLOCK_TIMEOUTS, "idle", OPTION_SECONDS, 0, TIMEOUT_S_MAX,
	    offsetof(struct conf, timeouts.idle_s) },
	{ BLOCK_TIMEOUTS, "half-closed", OPTION_SECONDS, 0, TIMEOUT_S_MAX,
	    offsetof(struct conf, timeouts.half_closed_s) },
	{ BLOCK_TIMEOUTS, "drain", OPTION_SECONDS, 0, TIMEOUT_S_MAX,
	    offsetof(struct conf, timeouts.drain_s) },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const char too_long[] = "this is too long";

/* Bits of st->given: the settings by index, then these. */
enum given {
	GIVEN_USER = SETTINGS,
	GIVEN_CHROOT,
	GIVEN_SOCKET,
	GIVEN_MODE,
	GIVEN_GROUP
};

/* Words of statements, for a hint at a brace that was forgotten. */
static const char *const outer_words[] = { "user", "chroot", "socket", "limits",
	"timeouts", "drain", "engines", "spin", "directory", "bridge",
	"include" };

static const char *
block_name(enum block block)
{
	static const char *const names[] = { "the file", "limits", "timeouts",
		"a bridge" };

	return names[block];
}

/* Sets the bit; what is set twice is an error at the second place. */
static int
once(struct statement *st, uint64_t *bits, unsigned int bit,
    const struct lex_text *where, const char *name)
{
	if (*bits & UINT64_C(1) << bit)
		return lex_fail(&st->lex, where->line,
		    "\"%s\" is given a second time", name);
	*bits |= UINT64_C(1) << bit;
	return 0;
}

static int
copy(struct statement *st, char *buf, size_t size, const struct lex_text *text,
    const char *what)
{
	if (text->len == 0)
		return lex_fail(&st->lex, text->line, "%s is empty", what);
	if (text->len >= size)
		return lex_fail(&st->lex, text->line,
		    "%s is longer than %zu bytes", what, size - 1);
	memcpy(buf, text->at, text->len);
	buf[text->len] = '\0';
	return 0;
}

static int
copy_path(struct statement *st, char *buf, size_t size,
    const struct lex_text *text, const char *what)
{
	if (copy(st, buf, size, text, what) == -1)
		return -1;
	if (buf[0] != '/')
		return lex_fail(&st->lex, text->line,
		    "%s must be a path that begins with '/'", what);
	return 0;
}

/* Names of users and groups, as useradd takes them and a little more. */
static int
copy_account(struct statement *st, char *buf, const struct lex_text *text,
    const char *what)
{
	const char *p;

	if (copy(st, buf, CONF_USER_BYTES, text, what) == -1)
		return -1;
	for (p = buf; *p != '\0'; p++)
		if ((*p < 'a' || *p > 'z') && (*p < 'A' || *p > 'Z') &&
		    (*p < '0' || *p > '9') && *p != '_' && *p != '.' &&
		    (*p != '-' || p == buf))
			return lex_fail(&st->lex, text->line,
			    "\"%.*s\" cannot be the name of %s", LEX_ARGS(text),
			    what);
	return 0;
}

/* As a string, or NULL when it is too long to be any value. */
static const char *
value_text(const struct lex_text *text, char *buf, size_t size)
{
	if (text->len >= size)
		return NULL;
	memcpy(buf, text->at, text->len);
	buf[text->len] = '\0';
	return buf;
}

static int
bad_value(struct statement *st, const char *name, const struct lex_text *text,
    const char *why)
{
	return lex_fail(&st->lex, text->line, "%s \"%.*s\": %s", name,
	    LEX_ARGS(text), why);
}

int
statement_macro(struct statement *st, const struct lex_text *name,
    const struct lex_text *value)
{
	if (macro_set(name->at, name->len, value->at, value->len, 0) == 0)
		return 0;
	switch (errno) {
	case ENAMETOOLONG:
		return lex_fail(&st->lex, name->line,
		    "macro \"%.*s\": name or value is too long",
		    LEX_ARGS(name));
	case ENOSPC:
		return lex_fail(&st->lex, name->line, "more than %d macros",
		    CONF_MACROS);
	default:
		return lex_fail(&st->lex, name->line,
		    "\"%.*s\" cannot be the name of a macro", LEX_ARGS(name));
	}
}

int
statement_user(struct statement *st, const struct lex_text *text)
{
	st->conf->user_given = 1;
	if (once(st, &st->given, GIVEN_USER, text, "user") == -1)
		return -1;
	return copy_account(st, st->conf->user, text, "a user");
}

int
statement_chroot(struct statement *st, const struct lex_text *text)
{
	if (once(st, &st->given, GIVEN_CHROOT, text, "chroot") == -1)
		return -1;
	return copy_path(st, st->conf->chroot, sizeof(st->conf->chroot), text,
	    "chroot");
}

int
statement_socket(struct statement *st, const struct lex_text *text)
{
	/* No more than a local address holds. */
	const size_t size = sizeof(((struct sockaddr_un *)0)->sun_path);

	st->conf->socket_given = 1;
	if (once(st, &st->given, GIVEN_SOCKET, text, "socket") == -1)
		return -1;
	return copy_path(st, st->conf->socket, size, text, "the socket path");
}

int
statement_mode(struct statement *st, const struct lex_text *text)
{
	unsigned int mode = 0;
	size_t i;

	if (once(st, &st->given, GIVEN_MODE, text, "mode") == -1)
		return -1;
	for (i = 0; i < text->len; i++) {
		if (text->at[i] < '0' || text->at[i] > '7')
			return bad_value(st, "mode", text,
			    "this is not an octal number");
		if (mode <= 0777)
			mode = mode * 8 + (unsigned int)(text->at[i] - '0');
	}
	if (text->len == 0 || mode > 0777)
		return bad_value(st, "mode", text,
		    "this is out of range (0 to 0777)");
	st->conf->socket_mode = (mode_t)mode;
	return 0;
}

int
statement_group(struct statement *st, const struct lex_text *text)
{
	if (once(st, &st->given, GIVEN_GROUP, text, "group") == -1)
		return -1;
	return copy_account(st, st->conf->socket_group, text, "a group");
}

/*
 * Local addresses are compared with directories by their text, so there may
 * be one way only to write a directory.
 */
static int
check_components(struct statement *st, const struct lex_text *text,
    const char *path)
{
	const char *p, *end;
	size_t len;

	for (p = path; *p == '/'; p = end) {
		p++;
		len = strcspn(p, "/");
		end = p + len;
		if (len == 0 || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return lex_fail(&st->lex, text->line,
			    "a directory must be written without \"//\", "
			    "\".\" and \"..\", and cannot be \"/\"");
	}
	return 0;
}

int
statement_directory(struct statement *st, const struct lex_text *text)
{
	struct conf *conf = st->conf;
	char *path;
	uint32_t i;

	if (conf->ndirectories == LIMIT_DIRECTORIES)
		return lex_fail(&st->lex, text->line,
		    "more than %d directories", LIMIT_DIRECTORIES);
	path = conf->directory[conf->ndirectories];
	if (copy_path(st, path, CONF_PATH_BYTES, text, "a directory") == -1)
		return -1;
	if (text->len > 1 && path[text->len - 1] == '/')
		path[text->len - 1] = '\0';
	if (check_components(st, text, path) == -1)
		return -1;
	for (i = 0; i < conf->ndirectories; i++)
		if (strcmp(conf->directory[i], path) == 0)
			return lex_fail(&st->lex, text->line,
			    "directory \"%s\" is given a second time", path);
	conf->ndirectories++;
	return 0;
}

/* ---- blocks ---- */

static int
unknown(struct statement *st, const struct lex_text *name)
{
	const char *hint = "";
	size_t i;

	for (i = 0; i < sizeof(outer_words) / sizeof(outer_words[0]); i++)
		if (strlen(outer_words[i]) == name->len &&
		    memcmp(outer_words[i], name->at, name->len) == 0)
			hint = "; is a \"}\" missing?";
	return lex_fail(&st->lex, name->line,
	    "unknown word \"%.*s\" in the braces of %s%s", LEX_ARGS(name),
	    block_name(st->block), hint);
}

static int
set(struct statement *st, size_t i, const struct lex_text *name,
    const struct lex_text *text)
{
	const struct setting *s = &settings[i];
	const char *why = too_long;
	char buf[MACRO_VALUE_BYTES];
	uint32_t value;

	if (once(st, &st->given, (unsigned int)i, name, s->name) == -1)
		return -1;
	if (value_text(text, buf, sizeof(buf)) == NULL ||
	    option_parse(s->unit, buf, s->min, s->max, &value, &why) == -1)
		return bad_value(st, s->name, text, why);
	memcpy((char *)st->conf + s->offset, &value, sizeof(value));
	return 0;
}

static int
set_option(struct statement *st, const struct lex_text *name,
    const struct lex_text *text)
{
	const struct bridge_option *o;
	const char *why = too_long;
	char buf[MACRO_VALUE_BYTES];

	for (o = bridge_options; o->name != NULL; o++)
		if (strlen(o->name) == name->len &&
		    memcmp(o->name, name->at, name->len) == 0)
			break;
	if (o->name == NULL)
		return unknown(st, name);
	if (o->unit != OPTION_DST && o->unit != OPTION_JOIN &&
	    once(st, &st->options_given, (unsigned int)(o - bridge_options),
		name, o->name) == -1)
		return -1;
	if (value_text(text, buf, sizeof(buf)) == NULL ||
	    bridge_option_set(&st->options, o, buf, NULL, &why) == -1)
		return bad_value(st, o->name, text, why);
	return 0;
}

int
statement_setting(struct statement *st, const struct lex_text *name,
    const struct lex_text *value)
{
	size_t i;

	if (st->block == BLOCK_BRIDGE)
		return set_option(st, name, value);
	for (i = 0; i < SETTINGS; i++)
		if (settings[i].block == st->block &&
		    strlen(settings[i].name) == name->len &&
		    memcmp(settings[i].name, name->at, name->len) == 0)
			return set(st, i, name, value);
	return unknown(st, name);
}

void
statement_join_begin(struct statement *st, const struct lex_text *word)
{
	st->join = *word;
	st->join_text[0] = '\0';
}

/* One more word; the whole of it, too, is one in quotes. */
int
statement_join_word(struct statement *st, const struct lex_text *text)
{
	size_t used = strlen(st->join_text);

	if (text->len == 0)
		return lex_fail(&st->lex, text->line, "join: a word is empty");
	if (used + 1 + text->len >= sizeof(st->join_text))
		return bad_value(st, "join", text, too_long);
	(void)snprintf(st->join_text + used, sizeof(st->join_text) - used,
	    "%s%.*s", used > 0 ? " " : "", (int)text->len, text->at);
	return 0;
}

int
statement_join_end(struct statement *st)
{
	struct lex_text text = st->join;

	text.at = st->join_text;
	text.len = strlen(st->join_text);
	return set_option(st, &st->join, &text);
}

/* A setting that is a statement of its own: name and value. */
static int
setting_alone(struct statement *st, enum block block, const char *word,
    const struct lex_text *value)
{
	struct lex_text name = *value;

	st->block = block;
	name.at = word;
	name.len = strlen(word);
	return statement_setting(st, &name, value);
}

/* Also outside of timeouts, because it is not about bridges. */
int
statement_drain(struct statement *st, const struct lex_text *value)
{
	return setting_alone(st, BLOCK_TIMEOUTS, "drain", value);
}

int
statement_spin(struct statement *st, const struct lex_text *value)
{
	return setting_alone(st, BLOCK_NONE, "spin", value);
}

/* "auto" is as many as there are processors, less one for the parent. */
int
statement_engines(struct statement *st, const struct lex_text *value)
{
	static const char one[] = "1";
	struct lex_text text = *value;

	if (value->len == 4 && memcmp(value->at, "auto", 4) == 0) {
		st->engines_auto = 1;
		text.at = one;
		text.len = strlen(one);
	} else if (value->len > 0 && (value->at[0] < '0' || value->at[0] > '9'))
		return lex_fail(&st->lex, value->line,
		    "engines \"%.*s\": this is neither a number nor auto",
		    LEX_ARGS(value));
	return setting_alone(st, BLOCK_NONE, "engines", &text);
}

/* No more than may be, whatever the machine has: "auto" never fails. */
void
statement_end(struct statement *st)
{
	const struct conf_limits *limits = &st->conf->limits;
	static long online; /* as at the start: a chroot has no /sys */
	long n, most = LIMIT_ENGINES_MAX;

	if (!st->engines_auto)
		return;
	if (most > LIMIT_CHILDREN - 1 - 2 * (long)limits->standby)
		most = LIMIT_CHILDREN - 1 - 2 * (long)limits->standby;
	if (online == 0)
		online = sysconf(_SC_NPROCESSORS_ONLN);
	n = online - 1;
	if (n > most)
		n = most;
	st->conf->engines = n > 1 ? (uint32_t)n : 1;
}

/* ---- bridges ---- */

void
statement_bridge_begin(struct statement *st, const struct lex_text *word)
{
	st->block = BLOCK_BRIDGE;
	st->bridge = *word;
	st->nwords = 0;
	st->options_given = 0;
	memset(&st->options, 0, sizeof(st->options));
}

int
statement_bridge_word(struct statement *st, const struct lex_text *text)
{
	if (st->nwords == BRIDGE_WORDS)
		return lex_fail(&st->lex, text->line,
		    "unexpected \"%.*s\" after the dst of a bridge",
		    LEX_ARGS(text));
	st->word[st->nwords++] = *text;
	return 0;
}

static int
read_addr(struct statement *st, struct addr *a, const char *end,
    const struct lex_text *text)
{
	char buf[MACRO_VALUE_BYTES];
	const char *why = too_long;

	if (value_text(text, buf, sizeof(buf)) == NULL ||
	    addr_parse(a, buf, NULL, &why) == -1)
		return bad_value(st, end, text, why);
	return 0;
}

int
statement_bridge_end(struct statement *st)
{
	struct conf *conf = st->conf;
	struct conf_bridge *b;
	const struct lex_text *word = st->word;
	const char *why;

	if (st->nwords < 2)
		return lex_fail(&st->lex, st->bridge.line,
		    "a bridge needs a src and a dst");
	if (conf->nbridges == conf->bridges_room)
		return lex_fail(&st->lex, st->bridge.line,
		    "more than %u bridges", conf->bridges_room);
	b = &conf->bridges[conf->nbridges];
	memset(b, 0, sizeof(*b));
	(void)snprintf(b->file, sizeof(b->file), "%s", lex_file_name(&st->lex));
	b->line = st->bridge.line;
	b->spec.options = st->options;
	if (st->nwords == 3) {
		if (copy(st, b->spec.name, sizeof(b->spec.name), word,
			"the name of a bridge") == -1)
			return -1;
		word++;
	}
	if (read_addr(st, &b->spec.src, "src", &word[0]) == -1 ||
	    read_addr(st, &b->spec.dst, "dst", &word[1]) == -1)
		return -1;
	if (bridge_check(&b->spec, &why) == -1)
		return lex_fail(&st->lex, b->line, "bridge %.*s %.*s: %s",
		    LEX_ARGS(&word[0]), LEX_ARGS(&word[1]), why);
	conf->nbridges++;
	return 0;
}
