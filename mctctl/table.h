/*
 * Tables of text: aligned columns under a header line, shortened to fit a
 * terminal.
 */

#ifndef MCTCTL_TABLE_H
#define MCTCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 16

enum table_flag {
	TABLE_RIGHT = 0x01,   /* numbers */
	TABLE_SHRINK = 0x02,  /* may be shortened */
	TABLE_OPTIONAL = 0x04 /* left out when every cell is "-" */
};

struct table_column {
	const char *header;
	unsigned int flags;
};

/* Cells lie one after the other, each with its NUL. */
struct table {
	const struct table_column *columns;
	size_t ncolumns;
	size_t ncells;
	char *cells;
	size_t used;
	size_t size;
	int failed; /* out of memory */
};

/* columns, at most TABLE_COLUMNS, must stay until table_end. */
void table_begin(struct table *, const struct table_column *, size_t);

/* The next cell, row by row; printable text. */
void table_cell(struct table *, const char *);

/*
 * Writes the table, in lines of at most width characters as far as
 * shortening helps (0: no limit), and frees what it held.  Returns 0, or -1
 * with ENOMEM.  Whether the output arrived is for the caller to see.
 */
int table_end(struct table *, FILE *, unsigned int width);

/* Frees what it held, printing nothing. */
void table_drop(struct table *);

#endif
