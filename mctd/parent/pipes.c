/*
 * The engines' pipes.
 *
 * Who is not root gets so many pages in pipes, and after that pipes of two
 * pages each: such are of no use, and are not kept.  All that are kept hold
 * the same.
 *
 * Calls: close
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "children.h"
#include "pipes.h"
#include "system.h"

/* Less than the system's usual size is not worth a system call more. */
#define PIPE_LEAST_BYTES (64 * 1024)

static struct {
	int *fd;       /* engine by engine, of each pipe out and in */
	uint32_t room; /* for so many */
	uint32_t each;
	uint32_t bytes;                   /* what one holds */
	uint32_t told[LIMIT_ENGINES_MAX]; /* so many of them */
} pipes;

size_t
pipes_bytes(uint32_t engines, uint32_t each)
{
	return (size_t)engines * each * 2 * sizeof(int);
}

static void
close_pipe(uint32_t i)
{
	close(pipes.fd[(size_t)2 * i]);
	close(pipes.fd[(size_t)2 * i + 1]);
}

/* Up to n, until one is smaller than the others: how many, or -1. */
static long
make(uint32_t n)
{
	uint32_t i, least = PIPE_LEAST_BYTES;
	long bytes;

	for (i = 0; i < n; i++) {
		bytes = system_pipe(&pipes.fd[(size_t)2 * i], PIPE_BYTES);
		if (bytes == -1)
			return -1;
		if ((uint32_t)bytes < least) {
			close_pipe(i);
			break;
		}
		pipes.bytes = least = (uint32_t)bytes;
	}
	return (long)i;
}

static void
warn_few(uint32_t each)
{
	if (pipes.each < each)
		log_warn("%u pipes for an engine instead of %u: see "
			 "fs.pipe-user-pages-soft, which does not hold for "
			 "root",
		    pipes.each, each);
	if (pipes.each > 0 && pipes.bytes < PIPE_BYTES)
		log_warn("pipes hold %u bytes instead of %u: see %s",
		    pipes.bytes, PIPE_BYTES, system_pipe_limit(PIPE_BYTES));
}

int
pipes_prepare(uint32_t engines, uint32_t each)
{
	uint32_t n = engines * each;

	pipes.fd = calloc(n > 0 ? n : 1, 2 * sizeof *pipes.fd);
	pipes.room = n;
	return pipes.fd == NULL ? -1 : 0;
}

int
pipes_make(uint32_t engines, uint32_t each)
{
	long made;

	if (pipes_prepare(engines, each) == -1 ||
	    (made = make(pipes.room)) == -1)
		return -1;
	pipes.each = (uint32_t)made / engines;
	while (made > (long)(pipes.each * engines))
		close_pipe((uint32_t)--made);
	warn_few(each);
	return 0;
}

int
pipes_flush(uint32_t engine)
{
	struct inner_pipes m = { .bytes = pipes.bytes };
	struct frame_out out;
	uint8_t buf[64];
	uint32_t n;

	while (pipes.told[engine] < pipes.each) {
		n = pipes.each - pipes.told[engine];
		if (n > HAND_OVER_PAIRS)
			n = HAND_OVER_PAIRS;
		m.first = (uint16_t)pipes.told[engine];
		m.count = (uint16_t)n;
		frame_begin(&out, buf, sizeof buf, MSG_P2E_PIPES, 0, 0);
		inner_put_pipes(&out, &m);
		if (children_send(PROCESS_ENGINE, engine, buf, frame_end(&out),
			pipes.fd + 2 * ((size_t)engine * pipes.each + m.first),
			2 * (size_t)n) == -1)
			return -1;
		pipes.told[engine] += n;
	}
	return 0;
}

void
pipes_engine_died(uint32_t engine)
{
	pipes.told[engine] = 0;
}

void
pipes_keep(struct pipes_kept *k)
{
	k->fd = pipes.fd;
	k->each = pipes.each;
	k->bytes = pipes.bytes;
}

int
pipes_inherit(const struct pipes_kept *k, uint32_t first, uint32_t count)
{
	if (first > pipes.room || count > pipes.room - first ||
	    k->each > pipes.room)
		return -1;
	memcpy(pipes.fd + 2 * (size_t)first, k->fd,
	    2 * (size_t)count * sizeof *k->fd);
	pipes.each = k->each;
	pipes.bytes = k->bytes;
	return 0;
}
