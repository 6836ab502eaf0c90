/*
 * How values are written: as text for people, as JSON for programs.
 */

#ifndef MCTCTL_OUT_H
#define MCTCTL_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mct_record;

/* The longest text of a time, an amount or an age, NUL included. */
#define OUT_BYTES      40

/* Four bytes of output for one of input: room for any field as text. */
#define OUT_TEXT_BYTES 2048

/* "999", "1.5K", "120M": powers of 1024.  Each returns buf, of OUT_BYTES. */
char *out_bytes(uint64_t, char *buf);
/* The same for what is no byte: exact up to 999999, then powers of 1000. */
char *out_count(uint64_t, char *buf);
char *out_age(uint64_t seconds, char *buf);        /* "59s", "3m05s", "2d04h" */
char *out_time(uint64_t since_1970_ns, char *buf); /* local, to the ms */

/*
 * Text that may go to a terminal: bytes that are not printable ASCII become
 * \xHH, the backslash stays.  Cut at size.  Returns buf.
 */
char *out_safe(const char *text, char *buf, size_t size);

/*
 * A field of a record as people read it, by what its name says it is, and
 * the options of a bridge as in mctd.conf(5); "-" when there is none or it
 * is empty.  Returns buf.
 */
char *out_field(const struct mct_record *, const char *name, char *buf,
    size_t size);

/*
 * JSON: a string with its quotes; bytes that are not UTF-8 become U+FFFD.
 * A record as one object on one line, numbers exact.
 */
void out_json_text(FILE *, const char *);
void out_json_record(FILE *, const struct mct_record *);

/* Columns of the terminal that the file is; 0 when it is none. */
unsigned int out_width(FILE *);

/* What was written has arrived: 0, or -1 with errno. */
int out_flush(FILE *);

#endif
