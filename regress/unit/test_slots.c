/* Slots of the registry: what a reader may find in a new one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../mctd/parent/slots.h"

#define BRIDGES  1
#define SESSIONS 2

static int
setup(void **state)
{
	struct slots_setup s = { .engines = 1,
		.bridges = BRIDGES,
		.sessions = SESSIONS };

	(void)state;
	s.registry = calloc(1, registry_bytes(BRIDGES, SESSIONS));
	s.counters[0] = calloc(1, counters_bytes(BRIDGES + SESSIONS, 0));
	assert_non_null(s.registry);
	assert_non_null(s.counters[0]);
	return slots_init(&s);
}

/* Between slots_take and what fills it in, a reader sees the new id. */
static void
a_new_bridge_has_nothing_of_the_last(void **state)
{
	static const struct bridge_spec nothing;
	uint32_t slot = slots_take(SLOT_BRIDGE), id = slots_id(slot);

	(void)state;
	assert_int_equal(slot, 1);
	(void)slots_begin(slot);
	memset(slots_spec(slot), 0xaa, sizeof(struct bridge_spec));
	slots_end(slot);
	slots_give(slot);
	assert_int_equal(slots_find(id, SLOT_BRIDGE), 0);
	assert_int_equal(slots_take(SLOT_BRIDGE), slot);
	assert_true(slots_id(slot) != id);
	assert_memory_equal(slots_spec(slot), &nothing, sizeof(nothing));
}

/* A session has none: the memory behind the bridges' is not touched. */
static void
a_session_is_taken_and_given(void **state)
{
	uint32_t slot = slots_take(SLOT_SESSION);

	(void)state;
	assert_true(slot > BRIDGES);
	assert_int_equal(slots_find(slots_id(slot), SLOT_SESSION), slot);
	slots_give(slot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_bridge_has_nothing_of_the_last),
		cmocka_unit_test(a_session_is_taken_and_given),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
