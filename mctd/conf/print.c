/*
 * The configuration as text again: every setting, the defaults as well.
 * What the file does not give and what means something else when it does
 * is printed as a comment.
 */

#include <stdio.h>
#include <string.h>

#include "conf.h"

static void
print_quoted(const char *text, FILE *out)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

static void
print_text(const char *word, const char *text, FILE *out)
{
	(void)fprintf(out, "%s ", word);
	print_quoted(text, out);
	(void)fputc('\n', out);
}

static void
print_seconds(const char *name, uint32_t seconds, FILE *out)
{
	char text[OPTION_TEXT_BYTES];

	(void)fprintf(out, " %s %s", name,
	    option_print(OPTION_SECONDS, seconds, text, sizeof(text)));
}

static void
print_socket(const struct conf *conf, FILE *out)
{
	(void)fputs("socket ", out);
	print_quoted(conf->socket, out);
	(void)fprintf(out, " mode 0%03o", (unsigned int)conf->socket_mode);
	if (conf->socket_group[0] != '\0') {
		(void)fputs(" group ", out);
		print_quoted(conf->socket_group, out);
	}
	(void)fputc('\n', out);
}

static void
print_numbers(const struct conf *conf, FILE *out)
{
	const struct conf_limits *l = &conf->limits;
	const struct conf_timeouts *t = &conf->timeouts;

	(void)fprintf(out,
	    "limits { bridges %u sessions %u clients %u "
	    "events %u standby %u pipes %u groups %u flows %u }\n",
	    l->bridges, l->sessions, l->clients, l->events, l->standby,
	    l->pipes, l->groups, l->flows);
	(void)fprintf(out, "engines %u\nspin %u\n", conf->engines,
	    conf->spin_us);
	(void)fputs("timeouts {", out);
	print_seconds("connect", t->connect_s, out);
	print_seconds("idle", t->idle_s, out);
	print_seconds("half-closed", t->half_closed_s, out);
	print_seconds("drain", t->drain_s, out);
	(void)fputs(" }\n", out);
}

/* Bare where the lexer takes it as one word, else in quotes. */
static void
print_value(const char *text, FILE *out)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[]:%*@.-/_";

	(void)fputc(' ', out);
	if (text[0] != '\0' && strspn(text, plain) == strlen(text))
		(void)fputs(text, out);
	else
		print_quoted(text, out);
}

static void
print_addr(const struct addr *a, FILE *out)
{
	char text[ADDR_TEXT_BYTES];

	print_value(addr_print(a, text, sizeof(text)), out);
}

/* Word by word, as "join src 239.1.1.1 interface eth1". */
static void
print_words(char *text, FILE *out)
{
	const char *word;

	while ((word = strsep(&text, " ")) != NULL)
		print_value(word, out);
}

static void
print_options(const struct bridge_options *options, FILE *out)
{
	const struct bridge_option *o;
	char text[OPTION_TEXT_BYTES];
	unsigned int nth;
	int opened = 0;

	for (o = bridge_options; o->name != NULL; o++) {
		for (nth = 0; bridge_option_text(options, o, nth, text,
				  sizeof(text)) == 1;
		     nth++) {
			(void)fprintf(out, "%s %s", opened ? "" : " {",
			    o->name);
			if (o->unit == OPTION_JOIN)
				print_words(text, out);
			else
				print_value(text, out);
			opened = 1;
		}
	}
	if (opened)
		(void)fputs(" }", out);
}

static void
print_bridge(const struct bridge_spec *spec, FILE *out)
{
	(void)fputs("bridge", out);
	if (spec->name[0] != '\0') {
		(void)fputc(' ', out);
		print_quoted(spec->name, out);
	}
	print_addr(&spec->src, out);
	print_addr(&spec->dst, out);
	print_options(&spec->options, out);
	(void)fputc('\n', out);
}

void
conf_print(const struct conf *conf, FILE *out)
{
	uint32_t i;

	if (!conf->user_given)
		(void)fputs("# default: ", out);
	print_text("user", conf->user, out);
	print_text("chroot", conf->chroot, out);
	/* The command line may have put another one in. */
	if (!conf->socket_given && strcmp(conf->socket, MCTD_SOCKET_PATH) == 0)
		(void)fputs("# default: ", out);
	print_socket(conf, out);
	print_numbers(conf, out);
	for (i = 0; i < conf->ndirectories; i++)
		print_text("directory", conf->directory[i], out);
	for (i = 0; i < conf->nbridges; i++)
		print_bridge(&conf->bridges[i].spec, out);
}
