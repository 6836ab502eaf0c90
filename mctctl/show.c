/*
 * Commands that list: a table of columns for people, all fields as JSON for
 * programs.
 */

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../libmct/include/mct/list.h"
#include "ctl.h"
#include "out.h"
#include "show.h"
#include "table.h"

/* The daemon is changing what would come next: asked again so often. */
#define BUSY_TRIES    100
#define BUSY_PAUSE_MS 10

/* A column: how it looks, what is in it, and how that comes to be text. */
struct show_column {
	struct table_column look;
	const char *field;
	void (*value)(const struct mct_record *, const char *field, char *buf,
	    size_t size);
};

static void
show_field(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	out_field(record, field, buf, size);
}

/* A number of things, which can be long. */
static void
show_count(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	char text[OUT_BYTES] = "-";
	uint64_t n;

	if (mct_record_number(record, field, &n) == 0)
		out_count(n, text);
	snprintf(buf, size, "%s", text);
}

/* What an errno value means; nothing for none. */
static void
show_error(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	uint64_t n;

	if (mct_record_number(record, field, &n) == -1 || n == 0)
		snprintf(buf, size, "-");
	else
		out_safe(strerror((int)(n & 0xffff)), buf, size);
}

/* All drops, whatever the reason. */
static void
show_drops(const struct mct_record *record, const char *prefix, char *buf,
    size_t size)
{
	char text[OUT_BYTES];
	const char *name;
	uint64_t n, sum = 0;
	unsigned int i;

	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (strncmp(name, prefix, strlen(prefix)) != 0 ||
		    mct_record_number(record, name, &n) == -1)
			continue;
		sum += n;
	}
	snprintf(buf, size, "%s", out_count(sum, text));
}

/* The bridge of a session: its name, or its id when it has none. */
static void
show_bridge_name(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	out_field(record, "bridge-name", buf, size);
	if (strcmp(buf, "-") == 0)
		out_field(record, field, buf, size);
}

/*
 * An interface as it was asked for; by its name when that was no name, and
 * there is one of its number.
 */
static void
show_interface(const struct mct_record *record, const char *field, char *buf,
    size_t size)
{
	const char *asked = mct_record_text(record, field);
	char name[IF_NAMESIZE];
	uint64_t index;

	if (asked == NULL || asked[strspn(asked, "0123456789")] != '\0' ||
	    mct_record_number(record, "interface-index", &index) == -1 ||
	    index == 0 || if_indextoname((unsigned int)index, name) == NULL)
		out_field(record, field, buf, size);
	else
		out_safe(name, buf, size);
}

static const struct show_column stream_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "NAME", TABLE_SHRINK | TABLE_OPTIONAL }, "name", show_field },
	{ { "STATE", 0 }, "state", show_field },
	{ { "SRC", TABLE_SHRINK }, "src", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "SESS", TABLE_RIGHT }, "sessions", show_field },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "TO-SRC", TABLE_RIGHT }, "bytes-to-src", show_field },
};

static const struct show_column datagram_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "NAME", TABLE_SHRINK | TABLE_OPTIONAL }, "name", show_field },
	{ { "STATE", 0 }, "state", show_field },
	{ { "SRC", TABLE_SHRINK }, "src", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "ONE-WAY", TABLE_OPTIONAL }, "one-way", show_field },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "MSG-IN", TABLE_RIGHT }, "messages-in", show_count },
	{ { "MSG-OUT", TABLE_RIGHT }, "messages-out", show_count },
	{ { "DROPS", TABLE_RIGHT }, "drop-", show_drops },
};

static const struct show_column session_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "BRIDGE", TABLE_SHRINK }, "bridge", show_bridge_name },
	{ { "PEER", TABLE_SHRINK }, "peer", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "STATE", 0 }, "state", show_field },
	{ { "REASON", TABLE_OPTIONAL }, "reason", show_field },
	{ { "AGE", TABLE_RIGHT }, "age", show_field },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "TO-SRC", TABLE_RIGHT }, "bytes-to-src", show_field },
};

static const struct show_column ended_columns[] = {
	{ { "ID", TABLE_RIGHT }, "id", show_field },
	{ { "BRIDGE", TABLE_SHRINK }, "bridge", show_bridge_name },
	{ { "PEER", TABLE_SHRINK }, "peer", show_field },
	{ { "DST", TABLE_SHRINK }, "dst", show_field },
	{ { "REASON", TABLE_SHRINK }, "reason", show_field },
	{ { "ERROR", TABLE_SHRINK | TABLE_OPTIONAL }, "err", show_error },
	{ { "TO-DST", TABLE_RIGHT }, "bytes-to-dst", show_field },
	{ { "TO-SRC", TABLE_RIGHT }, "bytes-to-src", show_field },
	{ { "LASTED", TABLE_RIGHT }, "lasted", show_field },
	{ { "AGO", TABLE_RIGHT }, "ago", show_field },
};

static const struct show_column group_columns[] = {
	{ { "BRIDGE", TABLE_SHRINK }, "bridge", show_bridge_name },
	{ { "END", 0 }, "end", show_field },
	{ { "GROUP", TABLE_SHRINK }, "group", show_field },
	{ { "SOURCE", TABLE_SHRINK | TABLE_OPTIONAL }, "group-source",
	    show_field },
	{ { "INTERFACE", 0 }, "interface", show_interface },
	{ { "STATE", 0 }, "state", show_field },
	{ { "SINCE", 0 }, "since", show_field },
	{ { "ERROR", TABLE_SHRINK | TABLE_OPTIONAL }, "err", show_error },
};

#define COLUMNS(table) table, sizeof table / sizeof *table

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

int
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

/* A table in the making, of the columns it has. */
struct rows {
	struct table table;
	struct table_column looks[TABLE_COLUMNS];
	const struct show_column *columns;
	size_t ncolumns;
};

static void
rows_begin(struct rows *rows, const struct show_column *columns, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		rows->looks[i] = columns[i].look;
	rows->columns = columns;
	rows->ncolumns = n;
	table_begin(&rows->table, rows->looks, n);
}

static void
put_row(void *arg, const struct mct_record *record)
{
	char text[OUT_TEXT_BYTES];
	struct rows *rows = arg;
	size_t i;

	for (i = 0; i < rows->ncolumns; i++) {
		rows->columns[i].value(record, rows->columns[i].field, text,
		    sizeof text);
		table_cell(&rows->table, text);
	}
}

/* A table is printed when it is whole, or not at all. */
static int
rows_end(struct rows *rows, int status)
{
	if (status != CTL_DONE) {
		table_drop(&rows->table);
		return status;
	}
	if (table_end(&rows->table, stdout, out_width(stdout)) == -1) {
		ctl_say("out of memory");
		return CTL_REFUSED;
	}
	return CTL_DONE;
}

/* Bridges of streams, and those of datagrams, of which other things count. */
struct bridge_tables {
	struct rows stream;
	struct rows datagram;
};

static void
put_bridge(void *arg, const struct mct_record *record)
{
	struct bridge_tables *t = arg;

	put_row(mct_record_text(record, "messages-in") != NULL ? &t->datagram :
								 &t->stream,
	    record);
}

static int
has_rows(const struct rows *rows)
{
	return rows->table.ncells > 0 || rows->table.failed;
}

static int
bridges_table(struct ctl *ctl)
{
	struct bridge_tables t;
	int streams, status;

	rows_begin(&t.stream, COLUMNS(stream_columns));
	rows_begin(&t.datagram, COLUMNS(datagram_columns));
	status = show_each(ctl, "bridges", put_bridge, &t);
	streams = has_rows(&t.stream) || !has_rows(&t.datagram);
	if (streams)
		status = rows_end(&t.stream, status);
	if (has_rows(&t.datagram)) {
		if (streams && status == CTL_DONE)
			putchar('\n');
		status = rows_end(&t.datagram, status);
	}
	return status;
}

/* Whether the nth dst is one of "1,3". */
static int
is_held(const struct mct_record *record, unsigned int nth)
{
	const char *held = mct_record_text(record, "held");

	return held != NULL && strchr(held, (int)('0' + nth)) != NULL;
}

/* The number of a dst by its field, which is "dst" or "dst-2"; 0: none. */
static unsigned int
dst_number(const char *name)
{
	if (strcmp(name, "dst") == 0)
		return 1;
	if (strncmp(name, "dst-", 4) != 0 || name[4] < '2' || name[4] > '9')
		return 0;
	return (unsigned int)(name[4] - '0');
}

/* One bridge with all that is known of it: a line each. */
static void
put_whole_bridge(void *arg, const struct mct_record *record)
{
	char text[OUT_TEXT_BYTES];
	int *before = arg;
	const char *name;
	unsigned int i, nth;

	if ((*before)++ > 0)
		putchar('\n');
	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (strcmp(name, "kind") == 0 || strcmp(name, "held") == 0)
			continue;
		nth = dst_number(name);
		printf("%-22s %s%s\n", name,
		    out_field(record, name, text, sizeof text),
		    nth > 0 && is_held(record, nth) ? " (held)" : "");
	}
}

static int
bridges_whole(struct ctl *ctl)
{
	int before = 0;

	return show_each(ctl, "bridges", put_whole_bridge, &before);
}

static int
sessions_table(struct ctl *ctl)
{
	struct rows rows;

	rows_begin(&rows, COLUMNS(session_columns));
	return rows_end(&rows, show_each(ctl, "sessions", put_row, &rows));
}

static int
ended_table(struct ctl *ctl)
{
	struct rows rows;

	rows_begin(&rows, COLUMNS(ended_columns));
	return rows_end(&rows, show_each(ctl, "ended", put_row, &rows));
}

/* Without -n an interface has its name. */
static int
groups_table(struct ctl *ctl)
{
	struct show_column
	    columns[sizeof group_columns / sizeof *group_columns];
	struct rows rows;
	size_t i;

	memcpy(columns, group_columns, sizeof columns);
	for (i = 0; i < sizeof columns / sizeof *columns; i++)
		if (!ctl->resolve && columns[i].value == show_interface)
			columns[i].value = show_field;
	rows_begin(&rows, COLUMNS(columns));
	return rows_end(&rows, show_each(ctl, "groups", put_row, &rows));
}

static int
show_list(struct ctl *ctl, const char *what, int (*table)(struct ctl *))
{
	int status = ctl_connect(ctl);

	if (status == CTL_DONE)
		status = ctl->json ? show_each(ctl, what, put_json, stdout) :
				     table(ctl);
	return status != CTL_DONE ? status : ctl_flush();
}

const struct words_option show_bridges_options[] = { { "verbose", NULL, 0 },
	{ NULL, NULL, 0 } };

int
show_bridges(struct ctl *ctl, const struct words_call *call)
{
	return show_list(ctl, "bridges",
	    ctl->verbose || call->noptions > 0 ? bridges_whole : bridges_table);
}

int
show_sessions(struct ctl *ctl, const struct words_call *call)
{
	(void)call;
	return show_list(ctl, "sessions", sessions_table);
}

int
show_ended(struct ctl *ctl, const struct words_call *call)
{
	(void)call;
	return show_list(ctl, "ended", ended_table);
}

int
show_groups(struct ctl *ctl, const struct words_call *call)
{
	(void)call;
	return show_list(ctl, "groups", groups_table);
}

/* In the summary, what is in use stands in one line with its limit. */
static const struct {
	const char *used;
	const char *limit;
} limits[] = {
	{ "bridges", "bridges-limit" },
	{ "sessions", "sessions-limit" },
	{ "clients", "clients-limit" },
	{ "groups", "groups-limit" },
	{ "flows-now", "flows-limit" },
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
