/*
 * The channel to the engine that has all datagrams.
 */

#include <errno.h>

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "children.h"
#include "dgram_tell.h"

static uint64_t full_ms; /* since when it takes nothing; 0: it does */

int
dgram_tell(struct frame_out *out, const int *fds, size_t nfds)
{
	if (children_send(PROCESS_ENGINE, DATAGRAM_ENGINE, out->data,
		frame_end(out), fds, nfds) == 0) {
		full_ms = 0;
		return 0;
	}
	if (errno == EAGAIN && full_ms == 0)
		full_ms = clock_ms();
	return -1;
}

void
dgram_tell_takes(void)
{
	full_ms = 0;
}

int
dgram_tell_overdue(uint64_t now_ms)
{
	return full_ms != 0 && now_ms >= full_ms + END_WAIT_S * 1000;
}
