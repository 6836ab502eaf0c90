/* Log lines and their rate. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "../../common/log.h"

/* In the place of clock.o's, so that time stands still between lines. */
static uint64_t now_ms = 7000;

uint64_t
clock_ms(void)
{
	return now_ms;
}

#define LINES 8

struct lines {
	unsigned int n;
	enum log_level level[LINES];
	char text[LINES][TEXT_BYTES + 64];
};

static void
keep(void *arg, enum log_level level, const char *line)
{
	struct lines *l = arg;

	assert_true(l->n < LINES);
	l->level[l->n] = level;
	(void)snprintf(l->text[l->n], sizeof(l->text[0]), "%s", line);
	l->n++;
	errno = ENOTTY; /* as a sink may leave it */
}

static void
sink_to(struct lines *l, enum log_level level)
{
	struct log_sink sink = { keep, l };

	memset(l, 0, sizeof(*l));
	log_set(&sink, level);
}

static void
lines_go_to_the_sink_by_level(void **state)
{
	struct lines l;

	(void)state;
	sink_to(&l, LOG_LEVEL_WARN);
	assert_int_equal(log_get_level(), LOG_LEVEL_WARN);
	log_fatal("a %d", 1);
	log_warn("b %s", "two");
	log_info("c");
	log_debug("d");
	log_line(LOG_LEVEL_DEBUG, "e");
	log_line(LOG_LEVEL_FATAL, "f %s");
	assert_int_equal(l.n, 3);
	assert_int_equal(l.level[0], LOG_LEVEL_FATAL);
	assert_string_equal(l.text[0], "a 1");
	assert_int_equal(l.level[1], LOG_LEVEL_WARN);
	assert_string_equal(l.text[1], "b two");
	assert_string_equal(l.text[2], "f %s");
	sink_to(&l, LOG_LEVEL_DEBUG);
	log_info("c");
	log_debug("d");
	assert_int_equal(l.n, 2);
	assert_int_equal(l.level[0], LOG_LEVEL_INFO);
	assert_int_equal(l.level[1], LOG_LEVEL_DEBUG);
}

static void
a_line_is_one_line_of_printable_text(void **state)
{
	struct lines l;
	char text[2 * TEXT_BYTES];

	(void)state;
	sink_to(&l, LOG_LEVEL_INFO);
	log_info("a%sb", "\n\r\t\033[2J\x7f\xc2\x9b ~");
	assert_string_equal(l.text[0], "a????[2J??? ~b");
	log_line(LOG_LEVEL_INFO, "x\ny");
	assert_string_equal(l.text[1], "x?y");
	memset(text, 'z', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	assert_int_equal(strlen(l.text[2]), TEXT_BYTES - 1);
	log_line(LOG_LEVEL_INFO, text);
	assert_int_equal(strlen(l.text[3]), TEXT_BYTES - 1);
}

static void
errno_is_kept(void **state)
{
	struct lines l;

	(void)state;
	sink_to(&l, LOG_LEVEL_INFO);
	errno = EILSEQ;
	log_info("a");
	assert_int_equal(errno, EILSEQ);
	log_line(LOG_LEVEL_INFO, "a");
	assert_int_equal(errno, EILSEQ);
	log_debug("a");
	assert_int_equal(errno, EILSEQ);
}

static void
a_rate_is_kept_a_second(void **state)
{
	struct log_rate r = { 0, 0, 0 };
	struct lines l;
	int i, n;

	(void)state;
	sink_to(&l, LOG_LEVEL_INFO);
	for (i = 0, n = 0; i < 10; i++)
		n += log_rate(&r, 3, "bad frames");
	assert_int_equal(n, 3);
	now_ms += 999; /* still the same second: it began at 7000 */
	assert_int_equal(log_rate(&r, 3, "bad frames"), 0);
	assert_int_equal(l.n, 0);
	now_ms += 1;
	assert_int_equal(log_rate(&r, 3, "bad frames"), 1);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.text[0], "bad frames: 8 lines left out");
	now_ms += 5000;
	assert_int_equal(log_rate(&r, 3, "bad frames"), 1);
	assert_int_equal(l.n, 1);
	assert_int_equal(log_rate(&r, 0, "bad frames"), 0);
}

static void
stderr_gets_whole_lines_first(void **state)
{
	char buf[4 * TEXT_BYTES], text[TEXT_BYTES + 100];
	int fds[2], saved;
	ssize_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(pipe(fds), 0);
	saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	log_debug("not shown");
	log_info("first");
	log_warn("%s", text);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	(void)close(fds[1]);
	n = read(fds[0], buf, sizeof(buf) - 1);
	(void)close(fds[0]);
	assert_int_equal(n,
	    strlen("mctd: first\n") + strlen("mctd: ") + TEXT_BYTES - 1 + 1);
	buf[n] = '\0';
	assert_memory_equal(buf, "mctd: first\nmctd: x", 19);
	assert_int_equal(buf[n - 1], '\n');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* The first: until a sink is set. */
		cmocka_unit_test(stderr_gets_whole_lines_first),
		cmocka_unit_test(lines_go_to_the_sink_by_level),
		cmocka_unit_test(a_line_is_one_line_of_printable_text),
		cmocka_unit_test(errno_is_kept),
		cmocka_unit_test(a_rate_is_kept_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
