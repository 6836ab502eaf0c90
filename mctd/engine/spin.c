/*
 * Spinning, as far as it is worth it.
 *
 * After some spins in vain the engine sleeps at once, so one that is idle
 * does not spin; it takes it up again when it was woken sooner than a spin
 * would have lasted.
 */

#include "../../common/clock.h"
#include "../../common/limits.h"
#include "spin.h"
#include "watch.h"

/* A timer alone would have waked it in time. */
static void
note(struct spin *s, int happened)
{
	if (happened == WATCH_SAW_TIMER)
		s->in_vain++;
	else
		s->in_vain = 0;
}

int
spin_wait(struct spin *s)
{
	uint64_t begun;
	int happened;

	if (s->us == 0)
		return watch_turn(1);
	begun = clock_us();
	if (s->in_vain < SPINS_IN_VAIN) {
		do {
			happened = watch_turn(0);
			if (happened != 0) {
				note(s, happened);
				return happened;
			}
		} while (clock_us() - begun < s->us);
		s->in_vain++;
		return watch_turn(1);
	}
	happened = watch_turn(1);
	if (clock_us() - begun < s->us)
		note(s, happened);
	return happened;
}
