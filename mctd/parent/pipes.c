/*
 * The engines' pipes.
 */

#include <errno.h>
#include <stdlib.h>

#include "../../common/log.h"
#include "children.h"
#include "pipes.h"
#include "system.h"

static struct {
	int *fd; /* engine by engine, of each pipe out and in */
	uint32_t each;
	uint32_t bytes;                   /* what the smallest holds */
	uint32_t told[LIMIT_ENGINES_MAX]; /* so many of them */
} pipes;

size_t
pipes_bytes(uint32_t engines, uint32_t each)
{
	return (size_t)engines * each * 2 * sizeof(int);
}

int
pipes_make(uint32_t engines, uint32_t each)
{
	uint32_t i, n = engines * each;
	long bytes;

	pipes.each = each;
	pipes.bytes = PIPE_BYTES;
	pipes.fd = calloc(n > 0 ? n : 1, 2 * sizeof *pipes.fd);
	if (pipes.fd == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		bytes = system_pipe(&pipes.fd[(size_t)2 * i], PIPE_BYTES);
		if (bytes == -1)
			return -1;
		if ((uint32_t)bytes < pipes.bytes)
			pipes.bytes = (uint32_t)bytes;
	}
	if (n > 0 && pipes.bytes < PIPE_BYTES)
		log_warn("pipes hold %u bytes instead of %u: see "
			 "/proc/sys/fs/pipe-max-size",
		    pipes.bytes, PIPE_BYTES);
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
