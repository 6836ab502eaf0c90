/*
 * The bridges that run, as statements of mctd.conf(5): a daemon that is
 * started with them has the same ones.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/bridge.h"
#include "../libmct/include/mct/list.h"
#include "ctl.h"
#include "out.h"
#include "save.h"
#include "show.h"

static void
put_quoted(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', f);
		putc(*text, f);
	}
	putc('"', f);
}

/* Bare where it is one word of mctd.conf, else in quotes. */
static void
put_word(FILE *f, const char *text)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[]:%*@.-/_";

	if (*text != '\0' && text[strspn(text, plain)] == '\0')
		fputs(text, f);
	else
		put_quoted(f, text);
}

/*
 * Whether text is what a bridge gets that says nothing of an option, in
 * whatever configuration it stands.
 */
static int
is_unsaid(const struct bridge_option *o, const char *text)
{
	static const struct bridge_defaults defaults[] = { { 1, 1, 1 },
		{ 2, 2, 2 } };
	char unsaid[OPTION_TEXT_BYTES];
	struct bridge_options options;
	int i;

	if (*text == '\0' || !bridge_option_is_number(o))
		return *text == '\0';
	for (i = 0; i < 2; i++) {
		memset(&options, 0, sizeof options);
		bridge_options_resolve(&options, &defaults[i]);
		option_print(o->unit, bridge_option_number(&options, o), unsaid,
		    sizeof unsaid);
		if (strcmp(unsaid, text) != 0)
			return 0;
	}
	return 1;
}

/* An option out of a field; 0, or -1 and why.  No field: not given. */
static int
read_option(struct bridge_spec *spec, const struct bridge_option *o,
    const struct mct_record *record, const char *field, const char **why)
{
	const char *text = mct_record_text(record, field);
	char value[OUT_TEXT_BYTES];

	if (text == NULL)
		return 0;
	if (mct_record_is_number(record, field) == 1)
		text = out_field(record, field, value, sizeof value);
	if (is_unsaid(o, text))
		return 0;
	return bridge_option_set(&spec->options, o, text, NULL, why);
}

static int
read_options(struct bridge_spec *spec, const struct mct_record *record,
    const char **why)
{
	const struct bridge_option *o;
	char field[16];
	int i;

	for (o = bridge_options; o->name != NULL; o++) {
		if (o->unit != OPTION_DST &&
		    read_option(spec, o, record, o->name, why) == -1)
			return -1;
		for (i = 2; o->unit == OPTION_DST && i <= DSTS_MAX; i++) {
			snprintf(field, sizeof field, "dst-%d", i);
			if (read_option(spec, o, record, field, why) == -1)
				return -1;
		}
	}
	return 0;
}

/* A bridge as it was asked for; 0, or -1 and why. */
static int
read_bridge(struct bridge_spec *spec, const struct mct_record *record,
    const char **why)
{
	const char *name = mct_record_text(record, "name");
	const char *src = mct_record_text(record, "src");
	const char *dst = mct_record_text(record, "dst");

	memset(spec, 0, sizeof *spec);
	*why = "it has no name or no address";
	if (name == NULL || src == NULL || dst == NULL ||
	    bridge_name_check(name, why) == -1 ||
	    addr_parse(&spec->src, src, NULL, why) == -1 ||
	    addr_parse(&spec->dst, dst, NULL, why) == -1)
		return -1;
	strcpy(spec->name, name);
	return read_options(spec, record, why);
}

static void
put_addr(FILE *f, const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	putc(' ', f);
	put_word(f, addr_print(addr, text, sizeof text));
}

/* A group is several words. */
static void
put_value(FILE *f, const struct bridge_option *o, char *text)
{
	char *word;

	while (
	    (word = strsep(&text, o->unit == OPTION_JOIN ? " " : "")) != NULL) {
		putc(' ', f);
		if (o->unit == OPTION_DEVICE)
			put_quoted(f, word);
		else
			put_word(f, word);
	}
}

/* Those that are given and mean something to this bridge, a line each. */
static void
put_options(FILE *f, const struct bridge_spec *spec)
{
	const struct bridge_option *o;
	char text[OPTION_TEXT_BYTES];
	unsigned int nth;
	int opened = 0;

	for (o = bridge_options; o->name != NULL; o++) {
		if (!bridge_option_applies(spec, o, NULL))
			continue;
		for (nth = 0; bridge_option_text(&spec->options, o, nth, text,
			 sizeof text);
		     nth++) {
			fprintf(f, "%s\t%s", opened ? "" : " {\n", o->name);
			opened = 1;
			put_value(f, o, text);
			putc('\n', f);
		}
	}
	if (opened)
		putc('}', f);
}

/* A group that an end of a bridge is joined to, as mctd.conf has it. */
struct group {
	struct group *next;
	uint64_t bridge;
	char text[OPTION_TEXT_BYTES];
};

/* The statements so far, and what went wrong with the first that did. */
struct saved {
	FILE *f;
	struct group *groups; /* the list's head */
	char *text;
	size_t size;
	int failed;
};

/* Keeps a group that a bridge was asked to join. */
static void
keep_group(void *arg, const struct mct_record *record)
{
	const char *kind = mct_record_text(record, "kind");
	const char *end = mct_record_text(record, "end");
	const char *group = mct_record_text(record, "group");
	const char *interface = mct_record_text(record, "interface");
	const char *source = mct_record_text(record, "group-source");
	struct saved *saved = arg;
	struct group *g, **last = &saved->groups;

	if (saved->failed || kind == NULL || strcmp(kind, "join") != 0)
		return;
	g = calloc(1, sizeof *g);
	if (g == NULL || end == NULL || group == NULL || interface == NULL ||
	    source == NULL ||
	    mct_record_number(record, "bridge", &g->bridge) == -1) {
		free(g);
		saved->failed = 1;
		ctl_say("a group cannot be read");
		return;
	}
	snprintf(g->text, sizeof g->text, "%s %s%s%s%s%s", end, group,
	    *interface != '\0' ? " interface " : "", interface,
	    *source != '\0' ? " source " : "", source);
	while (*last != NULL)
		last = &(*last)->next;
	*last = g;
}

static void
drop_groups(struct saved *saved)
{
	struct group *g;

	while ((g = saved->groups) != NULL) {
		saved->groups = g->next;
		free(g);
	}
}

static int
read_groups(struct bridge_spec *spec, const struct mct_record *record,
    const struct group *g, const char **why)
{
	const struct bridge_option *o = bridge_option_find("join");
	uint64_t id;

	*why = "it has no id";
	if (mct_record_number(record, "id", &id) == -1)
		return -1;
	for (; g != NULL; g = g->next)
		if (g->bridge == id &&
		    bridge_option_set(&spec->options, o, g->text, NULL, why) ==
			-1)
			return -1;
	return 0;
}

static void
put_bridge(void *arg, const struct mct_record *record)
{
	const char *state = mct_record_text(record, "state");
	struct saved *saved = arg;
	struct bridge_spec spec;
	const char *why, *id;

	if (saved->failed || (state != NULL && strcmp(state, "closing") == 0))
		return;
	if (read_bridge(&spec, record, &why) == -1 ||
	    read_groups(&spec, record, saved->groups, &why) == -1) {
		id = mct_record_text(record, "id");
		ctl_say("bridge %s: %s", id != NULL ? id : "?", why);
		saved->failed = 1;
		return;
	}
	fputs("bridge", saved->f);
	if (spec.name[0] != '\0') {
		putc(' ', saved->f);
		put_quoted(saved->f, spec.name);
	}
	put_addr(saved->f, &spec.src);
	put_addr(saved->f, &spec.dst);
	put_options(saved->f, &spec);
	putc('\n', saved->f);
}

/* All of it, or nothing: half of a configuration is none. */
int
save(struct ctl *ctl, const struct words_call *call)
{
	struct saved saved = { .f = NULL };
	int status = ctl_connect(ctl);

	(void)call;
	if (status != CTL_DONE)
		return status;
	saved.f = open_memstream(&saved.text, &saved.size);
	if (saved.f != NULL)
		status = show_each(ctl, "groups", keep_group, &saved);
	if (saved.f != NULL && status == CTL_DONE)
		status = show_each(ctl, "bridges", put_bridge, &saved);
	drop_groups(&saved);
	if (saved.f == NULL || fclose(saved.f) == EOF) {
		ctl_say("out of memory");
		status = CTL_REFUSED;
	} else if (saved.failed)
		status = CTL_REFUSED;
	if (status == CTL_DONE) {
		fwrite(saved.text, 1, saved.size, stdout);
		status = ctl_flush();
	}
	free(saved.text);
	return status;
}
