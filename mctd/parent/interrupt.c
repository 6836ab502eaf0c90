/*
 * Signals to stop: the event loop's handler for them is called by one that
 * makes a note first.
 *
 * Calls: at the start: rt_sigaction
 */

#include <signal.h>
#include <stddef.h>

#include "interrupt.h"

static volatile sig_atomic_t came;
static void (*of_loop)(int);

static void
caught(int signal)
{
	came = 1;
	of_loop(signal);
}

int
interrupt_watch(int signal)
{
	struct sigaction sa;

	if (sigaction(signal, NULL, &sa) == -1)
		return -1;
	of_loop = sa.sa_handler; /* one for all signals */
	sa.sa_handler = caught;
	return sigaction(signal, &sa, NULL);
}

int
interrupt_came(void)
{
	return came;
}
