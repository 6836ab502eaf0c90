/*
 * Values as text and as JSON.
 */

#include <sys/ioctl.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/bridge.h"
#include "../libmct/include/mct/list.h"
#include "out.h"

#define NS_A_SECOND 1000000000U
#define NS_A_MS     1000000U

/* In units that are powers of base, of which n has one at least. */
static char *
scaled(uint64_t n, uint64_t base, char *buf)
{
	static const char units[] = "KMGTPE";
	uint64_t tenths;
	unsigned int unit = 0;

	/* What would be rounded up to base belongs to the next unit. */
	while (n >= base * base - base / 2) {
		n /= base;
		unit++;
	}
	tenths = (n * 10 + base / 2) / base;
	if (tenths < 100)
		snprintf(buf, OUT_BYTES, "%" PRIu64 ".%" PRIu64 "%c",
		    tenths / 10, tenths % 10, units[unit]);
	else
		snprintf(buf, OUT_BYTES, "%" PRIu64 "%c", (n + base / 2) / base,
		    units[unit]);
	return buf;
}

char *
out_bytes(uint64_t n, char *buf)
{
	if (n >= 1024)
		return scaled(n, 1024, buf);
	snprintf(buf, OUT_BYTES, "%" PRIu64, n);
	return buf;
}

char *
out_count(uint64_t n, char *buf)
{
	if (n >= 1000000)
		return scaled(n, 1000, buf);
	snprintf(buf, OUT_BYTES, "%" PRIu64, n);
	return buf;
}

char *
out_age(uint64_t s, char *buf)
{
	if (s < 60)
		snprintf(buf, OUT_BYTES, "%" PRIu64 "s", s);
	else if (s < 60 * 60)
		snprintf(buf, OUT_BYTES, "%" PRIu64 "m%02" PRIu64 "s", s / 60,
		    s % 60);
	else if (s < 24 * 60 * 60)
		snprintf(buf, OUT_BYTES, "%" PRIu64 "h%02" PRIu64 "m", s / 3600,
		    s / 60 % 60);
	else
		snprintf(buf, OUT_BYTES, "%" PRIu64 "d%02" PRIu64 "h",
		    s / 86400, s / 3600 % 24);
	return buf;
}

char *
out_time(uint64_t ns, char *buf)
{
	time_t seconds = (time_t)(ns / NS_A_SECOND);
	struct tm tm;
	size_t used;

	if (localtime_r(&seconds, &tm) == NULL ||
	    (used = strftime(buf, OUT_BYTES, "%Y-%m-%d %H:%M:%S", &tm)) == 0) {
		snprintf(buf, OUT_BYTES, "%" PRIu64, ns);
		return buf;
	}
	snprintf(buf + used, OUT_BYTES - used, ".%03u",
	    (unsigned int)(ns % NS_A_SECOND / NS_A_MS));
	return buf;
}

char *
out_safe(const char *text, char *buf, size_t size)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t at = 0;

	for (; *c != '\0'; c++) {
		if (*c >= ' ' && *c <= '~') {
			if (at + 1 >= size)
				break;
			buf[at++] = (char)*c;
		} else {
			if (at + 4 >= size)
				break;
			snprintf(buf + at, size - at, "\\x%02x", *c);
			at += 4;
		}
	}
	buf[at] = '\0';
	return buf;
}

/* What a number is, by the name of its field; plain when not listed. */
enum unit {
	UNIT_PLAIN,
	UNIT_BYTES,
	UNIT_SECONDS,
	UNIT_MS,
	UNIT_TIME,
	UNIT_ERR
};

static const struct {
	const char *name;
	enum unit unit;
} units[] = {
	{ "bytes-to-dst", UNIT_BYTES },
	{ "bytes-to-src", UNIT_BYTES },
	{ "bytes-in", UNIT_BYTES },
	{ "receive-buffer-granted", UNIT_BYTES },
	{ "send-buffer-granted", UNIT_BYTES },
	{ "age", UNIT_SECONDS },
	{ "uptime", UNIT_SECONDS },
	{ "silent", UNIT_MS },
	{ "lasted", UNIT_MS },
	{ "ago", UNIT_SECONDS },
	{ "born", UNIT_TIME },
	{ "time", UNIT_TIME },
	{ "ended", UNIT_TIME },
	{ "since", UNIT_TIME },
	{ "err", UNIT_ERR },
};

static enum unit
unit_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(units[i].name, name) == 0)
			return units[i].unit;
	}
	return UNIT_PLAIN;
}

static void
out_number(uint64_t n, enum unit unit, char *buf, size_t size)
{
	char text[OUT_BYTES];

	switch (unit) {
	case UNIT_BYTES:
		out_bytes(n, text);
		break;
	case UNIT_SECONDS:
		out_age(n, text);
		break;
	case UNIT_MS:
		if (n < 1000)
			snprintf(text, sizeof text, "%" PRIu64 "ms", n);
		else
			out_age(n / 1000, text);
		break;
	case UNIT_TIME:
		out_time(n, text);
		break;
	case UNIT_ERR:
		snprintf(buf, size, "%" PRIu64 " (%s)", n,
		    n == 0 ? "none" : strerror((int)(n & 0xffff)));
		return;
	default:
		snprintf(text, sizeof text, "%" PRIu64, n);
	}
	snprintf(buf, size, "%s", text);
}

char *
out_field(const struct mct_record *record, const char *name, char *buf,
    size_t size)
{
	const struct bridge_option *o;
	const char *text;
	uint64_t n;

	if (mct_record_number(record, name, &n) == 0) {
		o = bridge_option_find(name);
		if (o != NULL)
			option_print(o->unit, (uint32_t)n, buf, size);
		else
			out_number(n, unit_of(name), buf, size);
		return buf;
	}
	text = mct_record_text(record, name);
	if (text == NULL || *text == '\0')
		text = "-";
	return out_safe(text, buf, size);
}

/*
 * Bytes of the UTF-8 character that begins here, 0 when there is none:
 * not in its shortest form, a surrogate, or beyond U+10FFFF.
 */
static size_t
utf8_length(const unsigned char *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t i, n;

	if (c[0] < 0x80)
		return 1;
	if (c[0] >= 0xf8 || c[0] < 0xc0)
		return 0;
	n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
	value = c[0] & (0xffU >> (n + 1));
	for (i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (c[i] & 0x3fU);
	}
	if (value < least[n] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return n;
}

void
out_json_text(FILE *f, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t n;

	putc('"', f);
	for (; *c != '\0'; c += n) {
		n = utf8_length(c);
		if (n == 0) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (*c == '"' || *c == '\\')
			fprintf(f, "\\%c", *c);
		else if (*c < ' ' || *c == 0x7f)
			fprintf(f, "\\u%04x", *c);
		else
			fwrite(c, 1, n, f);
	}
	putc('"', f);
}

void
out_json_record(FILE *f, const struct mct_record *record)
{
	const char *name;
	unsigned int i;

	putc('{', f);
	for (i = 0; (name = mct_record_field(record, i)) != NULL; i++) {
		if (i > 0)
			putc(',', f);
		out_json_text(f, name);
		putc(':', f);
		if (mct_record_is_number(record, name) == 1)
			fputs(mct_record_text(record, name), f);
		else
			out_json_text(f, mct_record_text(record, name));
	}
	fputs("}\n", f);
}

unsigned int
out_width(FILE *f)
{
	struct winsize size;
	const char *columns;
	long n;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	columns = getenv("COLUMNS");
	n = columns != NULL ? strtol(columns, NULL, 10) : 0;
	return n > 0 && n < 10000 ? (unsigned int)n : 80;
}

int
out_flush(FILE *f)
{
	if (fflush(f) == EOF)
		return -1;
	if (ferror(f)) { /* of an earlier write, its errno is gone */
		errno = EIO;
		return -1;
	}
	return 0;
}
