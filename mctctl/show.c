/*
 * Commands that list: a table of columns for people, all fields as JSON for
 * programs.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../libmct/include/mct/list.h"
#include "ctl.h"
#include "out.h"
#include "show.h"
#include "table.h"

/* The daemon is changing what would come next: asked again so often. */
#define BUSY_TRIES	100
#define BUSY_PAUSE_MS	10

/* A column: how it looks, what is in it, and how that comes to be text. */
struct show_column {
	struct table_column look;
	const char *field;
	void (*value)(const struct mct_record *, const char *field,
	    char *buf, size_t size);
};

static void
show_field(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	out_field(record, field, buf, size);
}

/* All drops, whatever the reason; "-" where none are counted. */
static void
show_drops(const struct mct_record *record, const char *prefix, char *buf,
    size_t size)
{
	const char *name;
	uint64_t n, sum = 0;
	unsigned int i;
	int any = 0;

	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (strncmp(name, prefix, strlen(prefix)) != 0 ||
		    mct_record_number(record, name, &n) == -1)
			continue;
		sum += n;
		any = 1;
	}
	snprintf(buf, size, "-");
	if (any)
		snprintf(buf, size, "%" PRIu64, sum);
}

/* The bridge of a session: its name, or its id when it has none. */
static void
show_bridge_name(const struct mct_record *record, const char *field,
    char *buf, size_t size)
{
	out_field(record, "bridge-name", buf, size);
	if (strcmp(buf, "-") == 0)
		out_field(record, field, buf, size);
}

static const struct show_column bridge_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "NAME", TABLE_SHRINK | TABLE_OPTIONAL }, "name", show_field },
	{ { "STATE", 0 }, "state", show_field },
	{ { "SRC", TABLE_SHRINK }, "src", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "SESS", TABLE_RIGHT | TABLE_OPTIONAL }, "sessions", show_field },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "TO-SRC", TABLE_RIGHT | TABLE_OPTIONAL }, "bytes-to-src",
	    show_field },
	{ { "MSG-IN", TABLE_RIGHT | TABLE_OPTIONAL }, "messages-in",
	    show_field },
	{ { "MSG-OUT", TABLE_RIGHT | TABLE_OPTIONAL }, "messages-out",
	    show_field },
	{ { "DROPS", TABLE_RIGHT | TABLE_OPTIONAL }, "drop-", show_drops },
};

static const struct show_column session_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "BRIDGE", TABLE_SHRINK }, "bridge", show_bridge_name },
	{ { "PEER", TABLE_SHRINK }, "peer", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "STATE", 0 }, "state", show_field },
	{ { "AGE", TABLE_RIGHT }, "age", show_field },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "TO-SRC", TABLE_RIGHT }, "bytes-to-src", show_field },
};

#define COLUMNS(table)	table, sizeof table / sizeof *table

/* The next record, with patience while the daemon is busy. */
static int
show_next(struct mct_list *list, const struct mct_record **record)
{
	const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };
	int i, n;

	for (i = 0;; i++) {
		n = mct_list_next(list, record);
		if (n != -1 || errno != EAGAIN || i == BUSY_TRIES)
			return n;
		nanosleep(&pause, NULL);
	}
}

/* Calls put for each record of a list.  Returns an exit status. */
static int
show_each(struct ctl *ctl, const char *what,
    void (*put)(void *arg, const struct mct_record *), void *arg)
{
	const struct mct_record *record;
	struct mct_list *list;
	int n, status = CTL_DONE;

	list = mct_list_open(ctl->mct, what);
	if (list == NULL)
		return ctl_failed(ctl);
	while ((n = show_next(list, &record)) == 1)
		put(arg, record);
	if (n == -1)
		status = ctl_failed(ctl);
	mct_list_close(list);
	return status;
}

static void
put_json(void *arg, const struct mct_record *record)
{
	out_json_record(arg, record);
}

struct row {
	struct table table;
	const struct show_column *columns;
	size_t ncolumns;
};

static void
put_row(void *arg, const struct mct_record *record)
{
	char text[OUT_TEXT_BYTES];
	struct row *row = arg;
	size_t i;

	for (i = 0; i < row->ncolumns; i++) {
		row->columns[i].value(
		    record, row->columns[i].field, text, sizeof text);
		table_cell(&row->table, text);
	}
}

/* A table is printed when it is whole, or not at all. */
static int
show_table(struct ctl *ctl, const char *what,
    const struct show_column *columns, size_t n)
{
	struct table_column looks[TABLE_COLUMNS];
	struct row row = { .columns = columns, .ncolumns = n };
	size_t i;
	int status;

	for (i = 0; i < n; i++)
		looks[i] = columns[i].look;
	table_begin(&row.table, looks, n);
	status = show_each(ctl, what, put_row, &row);
	if (status != CTL_DONE) {
		table_drop(&row.table);
		return status;
	}
	if (table_end(&row.table, stdout, out_width(stdout)) == -1) {
		ctl_say("out of memory");
		return CTL_REFUSED;
	}
	return CTL_DONE;
}

static int
show_list(struct ctl *ctl, const char *what,
    const struct show_column *columns, size_t n)
{
	int status = ctl_connect(ctl);

	if (status == CTL_DONE)
		status = ctl->json ? show_each(ctl, what, put_json, stdout) :
		    show_table(ctl, what, columns, n);
	return status != CTL_DONE ? status : ctl_flush();
}

int
show_bridges(struct ctl *ctl, const struct words_call *call)
{
	(void)call;
	return show_list(ctl, "bridges", COLUMNS(bridge_columns));
}

int
show_sessions(struct ctl *ctl, const struct words_call *call)
{
	(void)call;
	return show_list(ctl, "sessions", COLUMNS(session_columns));
}

/* In the summary, what is in use stands in one line with its limit. */
static const struct {
	const char *used;
	const char *limit;
} limits[] = {
	{ "bridges", "bridges-limit" },
	{ "sessions", "sessions-limit" },
	{ "clients", "clients-limit" },
};

/* The limit of a field, as text; NULL when there is none. */
static const char *
show_limit(const struct mct_record *record, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (strcmp(limits[i].used, name) == 0)
			return mct_record_text(record, limits[i].limit);
	}
	return NULL;
}

/* Whether a field is a limit that stands beside what it limits. */
static int
is_beside(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (strcmp(limits[i].limit, name) == 0)
			return 1;
	}
	return 0;
}

/* "sessions 12 of 4096", a line each. */
static void
put_summary(void *arg, const struct mct_record *record)
{
	char text[OUT_TEXT_BYTES];
	const char *name, *limit;
	unsigned int i;

	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (is_beside(name))
			continue;
		limit = show_limit(record, name);
		fprintf(arg, "%-20s %s%s%s\n", name,
		    out_field(record, name, text, sizeof text),
		    limit != NULL ? " of " : "", limit != NULL ? limit : "");
	}
}

int
show_summary(struct ctl *ctl, const struct words_call *call)
{
	int status = ctl_connect(ctl);

	(void)call;
	if (status == CTL_DONE)
		status = show_each(ctl, "summary",
		    ctl->json ? put_json : put_summary, stdout);
	return status != CTL_DONE ? status : ctl_flush();
}
