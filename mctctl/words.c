/*
 * Matching a command line against the table of commands.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

/* Different words that one place of a command line can have. */
#define WORDS_CHOICES WORDS_OPTIONS

struct choices {
	const char *word[WORDS_CHOICES];
	size_t n;
};

static void
choices_add(struct choices *c, const char *word)
{
	size_t i;

	if (word == NULL || c->n == WORDS_CHOICES)
		return;
	for (i = 0; i < c->n; i++) {
		if (strcmp(c->word[i], word) == 0)
			return;
	}
	c->word[c->n++] = word;
}

static void
why_add(char *why, const char *text)
{
	size_t used = strlen(why);

	snprintf(why + used, WORDS_WHY_BYTES - used, "%s", text);
}

/* "a, b or c", of those that begin with the prefix. */
static void
why_choices(char *why, const struct choices *c, const char *prefix)
{
	const char *word, *last = NULL;
	size_t i, n = 0;

	for (i = 0; i <= c->n; i++) {
		word = i < c->n ? c->word[i] : NULL;
		if (word != NULL && strncmp(word, prefix, strlen(prefix)) != 0)
			continue;
		if (last != NULL) {
			if (n > 0)
				why_add(why, word != NULL ? ", " : " or ");
			why_add(why, last);
			n++;
		}
		last = word;
	}
}

/* The one choice that text stands for; NULL and why when there is not one. */
static const char *
choices_pick(const struct choices *c, const char *text, char *why)
{
	const char *found = NULL;
	size_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->word[i], text) == 0)
			return c->word[i];
		if (text[0] != '\0' &&
		    strncmp(c->word[i], text, strlen(text)) == 0) {
			found = c->word[i];
			n++;
		}
	}
	if (n == 1)
		return found;
	if (n == 0) {
		snprintf(why, WORDS_WHY_BYTES,
		    "unknown word \"%.40s\"; expected ", text);
		why_choices(why, c, "");
	} else {
		snprintf(why, WORDS_WHY_BYTES, "\"%.40s\" may be ", text);
		why_choices(why, c, text);
	}
	return NULL;
}

/*
 * The word at a level of the commands that begin with `first`, which is
 * NULL at level 0.  NULL and why when argv does not say which.
 */
static const char *
words_level(const struct words_command *table, size_t level, const char *first,
    const char *text, char *why)
{
	const struct words_command *cmd;
	struct choices c = { .n = 0 };

	for (cmd = table; cmd->word[0] != NULL; cmd++) {
		if (first == NULL || strcmp(cmd->word[0], first) == 0)
			choices_add(&c, cmd->word[level]);
	}
	if (text != NULL)
		return choices_pick(&c, text, why);
	snprintf(why, WORDS_WHY_BYTES, "%s%sexpected ",
	    first != NULL ? first : "", first != NULL ? ": " : "");
	why_choices(why, &c, "");
	return NULL;
}

/* The command of argv and how many words it took; NULL and why if none. */
static const struct words_command *
words_command(const struct words_command *table, int argc, char **argv,
    int *used, char *why)
{
	const struct words_command *cmd;
	const char *first, *second;

	*used = 1;
	first = words_level(table, 0, NULL, argc > 0 ? argv[0] : NULL, why);
	if (first == NULL)
		return NULL;
	for (cmd = table; strcmp(cmd->word[0], first) != 0; cmd++)
		;
	if (cmd->word[1] == NULL)
		return cmd;
	*used = 2;
	second = words_level(table, 1, first, argc > 1 ? argv[1] : NULL, why);
	if (second == NULL)
		return NULL;
	while (strcmp(cmd->word[0], first) != 0 ||
	    strcmp(cmd->word[1], second) != 0)
		cmd++;
	return cmd;
}

/* The option that a word stands for; NULL and why when there is not one. */
static const struct words_option *
words_option(const struct words_option *o, const char *text, char *why)
{
	struct choices c = { .n = 0 };
	const struct words_option *flag;
	const char *name;

	if (o == NULL || o->name == NULL) {
		snprintf(why, WORDS_WHY_BYTES, "\"%.40s\" is one word too many",
		    text);
		return NULL;
	}
	for (flag = o; flag->name != NULL; flag++) {
		choices_add(&c, flag->name);
		if (flag->value == NULL && text[0] == '-' &&
		    text[1] == flag->name[0] && text[2] == '\0')
			return flag;
	}
	name = choices_pick(&c, text, why);
	while (name != NULL && strcmp(o->name, name) != 0)
		o++;
	return name != NULL ? o : NULL;
}

/* Whether it was given before and cannot be given again. */
static int
is_given(const struct words_call *call, const struct words_option *o)
{
	size_t i;

	for (i = 0; i < call->noptions && !o->many; i++) {
		if (call->options[i].name == o->name)
			return 1;
	}
	return 0;
}

/* Options with their values; 0, or -1 and why. */
static int
words_options(struct words_call *call, int argc, char **argv, char *why)
{
	const struct words_option *o;
	int at;

	for (at = 0; at < argc; at++) {
		o = words_option(call->command->options, argv[at], why);
		if (o == NULL)
			return -1;
		if (is_given(call, o)) {
			snprintf(why, WORDS_WHY_BYTES, "%s is given twice",
			    o->name);
			return -1;
		}
		if (call->noptions == WORDS_OPTIONS) {
			snprintf(why, WORDS_WHY_BYTES, "too many options");
			return -1;
		}
		call->options[call->noptions] = *o;
		if (o->value != NULL && ++at == argc) {
			snprintf(why, WORDS_WHY_BYTES, "%s needs a value",
			    o->name);
			return -1;
		}
		if (o->value != NULL)
			call->options[call->noptions].value = argv[at];
		call->noptions++;
	}
	return 0;
}

int
words_match(const struct words_command *table, int argc, char **argv,
    struct words_call *call, char *why)
{
	const struct words_command *cmd;
	int i, used;

	memset(call, 0, sizeof *call);
	why[0] = '\0';
	cmd = words_command(table, argc, argv, &used, why);
	if (cmd == NULL)
		return -1;
	call->command = cmd;
	argc -= used;
	argv += used;
	for (i = 0; i < WORDS_ARGS && cmd->args[i] != NULL; i++) {
		if (i == argc) {
			snprintf(why, WORDS_WHY_BYTES, "%s%s%s: %s is missing",
			    cmd->word[0], cmd->word[1] != NULL ? " " : "",
			    cmd->word[1] != NULL ? cmd->word[1] : "",
			    cmd->args[i]);
			return -1;
		}
		call->args[i] = argv[i];
	}
	return words_options(call, argc - i, argv + i, why);
}

char *
words_usage(const struct words_command *cmd, char *buf, size_t size)
{
	const struct words_option *o;
	size_t i, used;

	snprintf(buf, size, "%s", cmd->word[0]);
	if (cmd->word[1] != NULL) {
		used = strlen(buf);
		snprintf(buf + used, size - used, " %s", cmd->word[1]);
	}
	for (i = 0; i < WORDS_ARGS && cmd->args[i] != NULL; i++) {
		used = strlen(buf);
		snprintf(buf + used, size - used, " %s", cmd->args[i]);
	}
	for (o = cmd->options; o != NULL && o->name != NULL; o++) {
		used = strlen(buf);
		if (o->value == NULL)
			snprintf(buf + used, size - used, " [-%c]", *o->name);
		else
			snprintf(buf + used, size - used, " [%s %s]%s", o->name,
			    o->value, o->many ? "..." : "");
	}
	return buf;
}

int
words_number(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;
	unsigned int digit;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		digit = (unsigned int)(*text - '0');
		if (n > (max - digit) / 10 || max < digit)
			return -1;
		n = n * 10 + digit;
	}
	*value = n;
	return 0;
}
