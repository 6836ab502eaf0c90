/*
 * Tables of text.  All rows are kept until the end, for the widths of the
 * columns are those of their longest cells.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* Between columns. */
#define GAP   2

/* A column is not made narrower than this, nor than its header. */
#define LEAST 6

/* What a shortened cell ends with. */
#define CUT   '~'

void
table_begin(struct table *t, const struct table_column *columns, size_t n)
{
	memset(t, 0, sizeof *t);
	t->columns = columns;
	t->ncolumns = n;
}

void
table_cell(struct table *t, const char *text)
{
	size_t len = strlen(text) + 1, size = t->size;
	char *cells;

	if (t->failed)
		return;
	while (size - t->used < len)
		size = size == 0 ? 4096 : size * 2;
	if (size != t->size) {
		cells = realloc(t->cells, size);
		if (cells == NULL) {
			t->failed = 1;
			return;
		}
		t->cells = cells;
		t->size = size;
	}
	memcpy(t->cells + t->used, text, len);
	t->used += len;
	t->ncells++;
}

/* The width of each column as its cells want it; 0: left out. */
static void
table_measure(const struct table *t, size_t *widths)
{
	int empty[TABLE_COLUMNS];
	const char *cell = t->cells;
	size_t i, c, len;

	for (c = 0; c < t->ncolumns; c++) {
		widths[c] = strlen(t->columns[c].header);
		empty[c] = (t->columns[c].flags & TABLE_OPTIONAL) != 0;
	}
	for (i = 0; i < t->ncells; i++) {
		c = i % t->ncolumns;
		len = strlen(cell);
		if (len > widths[c])
			widths[c] = len;
		if (strcmp(cell, "-") != 0)
			empty[c] = 0;
		cell += len + 1;
	}
	for (c = 0; c < t->ncolumns; c++) {
		if (empty[c])
			widths[c] = 0;
	}
}

/* Takes from the widest column that may shrink until the line fits. */
static void
table_shrink(const struct table *t, size_t *widths, size_t width)
{
	size_t c, least, total, widest;

	for (;;) {
		total = 0;
		widest = t->ncolumns;
		for (c = 0; c < t->ncolumns; c++) {
			if (widths[c] > 0)
				total += widths[c] + (total > 0 ? GAP : 0);
			least = strlen(t->columns[c].header);
			if (least < LEAST)
				least = LEAST;
			if (!(t->columns[c].flags & TABLE_SHRINK) ||
			    widths[c] <= least)
				continue;
			if (widest == t->ncolumns || widths[c] > widths[widest])
				widest = c;
		}
		if (total <= width || widest == t->ncolumns)
			return;
		widths[widest]--;
	}
}

static void
table_spaces(FILE *f, size_t n)
{
	while (n-- > 0)
		putc(' ', f);
}

/*
 * One cell.  `owed` is the space that goes before it: nothing is written
 * after the last text of a line.
 */
static void
table_put(FILE *f, const char *cell, size_t width, unsigned int flags,
    size_t *owed)
{
	size_t len = strlen(cell);

	table_spaces(f, *owed);
	if (len > width) {
		fwrite(cell, 1, width - 1, f);
		putc(CUT, f);
		*owed = GAP;
		return;
	}
	if (flags & TABLE_RIGHT) {
		table_spaces(f, width - len);
		*owed = GAP;
	} else
		*owed = width - len + GAP;
	fputs(cell, f);
}

static void
table_print(const struct table *t, const size_t *widths, FILE *f)
{
	const char *cell = t->cells;
	size_t i, c, owed = 0;

	for (c = 0; c < t->ncolumns; c++) {
		if (widths[c] > 0)
			table_put(f, t->columns[c].header, widths[c],
			    t->columns[c].flags, &owed);
	}
	putc('\n', f);
	for (i = 0; i < t->ncells; i++) {
		c = i % t->ncolumns;
		if (c == 0)
			owed = 0;
		if (widths[c] > 0)
			table_put(f, cell, widths[c], t->columns[c].flags,
			    &owed);
		if (c == t->ncolumns - 1)
			putc('\n', f);
		cell += strlen(cell) + 1;
	}
}

void
table_drop(struct table *t)
{
	free(t->cells);
	memset(t, 0, sizeof *t);
}

int
table_end(struct table *t, FILE *f, unsigned int width)
{
	size_t widths[TABLE_COLUMNS];

	if (t->failed) {
		table_drop(t);
		errno = ENOMEM;
		return -1;
	}
	table_measure(t, widths);
	if (width > 0)
		table_shrink(t, widths, width);
	table_print(t, widths, f);
	table_drop(t);
	return 0;
}
