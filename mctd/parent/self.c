/*
 * The daemon's own connections.  What the one before made may still wait to
 * be accepted; its number is somebody else's one day.
 *
 * Calls: getpid
 */

#include <unistd.h>

#include "../../common/clock.h"
#include "self.h"

#define FOLLOWS_MS (60 * 1000)

static struct {
	pid_t before; /* 0: none */
	uint64_t until_ms;
} self;

int
self_is(pid_t pid)
{
	return pid == getpid() ||
	    (self.before != 0 && pid == self.before &&
		clock_ms() < self.until_ms);
}

void
self_follows(pid_t before)
{
	self.before = before;
	self.until_ms = clock_ms() + FOLLOWS_MS;
}
