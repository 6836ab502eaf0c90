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

static struct {
	void *counters;
} memory;

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
	memory.counters = s.counters[0];
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

/* As the next parent does with what the last one had. */
static void
adopt(const void *registry, const void *counters)
{
	uint32_t size[SLOTS_LISTS], number[SLOTS_LISTS][BRIDGES + SESSIONS];
	uint64_t serial = slots_last_serial();
	uint32_t i;
	int list;

	for (list = 0; list < SLOTS_LISTS; list++) {
		size[list] = slots_list_size((enum slots_list)list);
		for (i = 0; i < size[list]; i++)
			number[list][i] =
			    slots_list_get((enum slots_list)list, i);
	}
	assert_int_equal(setup(NULL), 0);
	slots_adopt(registry, &counters, serial);
	for (list = 0; list < SLOTS_LISTS; list++)
		for (i = 0; i < size[list]; i++)
			assert_int_equal(slots_list_adopt((enum slots_list)list,
					     i, number[list][i]),
			    0);
}

static void
ids_go_on_in_the_next_parent(void **state)
{
	uint32_t slot[2], id[2], kept;
	uint64_t serial = slots_serial();

	(void)state;
	kept = slots_take(SLOT_SESSION);
	id[0] = slots_id(kept);
	slot[1] = slots_take(SLOT_SESSION);
	slots_give(slot[1]); /* of a second generation now */
	adopt(slots_head(), memory.counters);
	assert_int_equal(slots_adopted(), 0);
	assert_int_equal(slots_find(id[0], SLOT_SESSION), kept);
	assert_int_equal(slots_serial(), serial + 1);
	slot[0] = slots_take(SLOT_SESSION);
	assert_int_equal(slot[0], slot[1]);
	id[1] = slots_id(slot[0]);
	assert_int_equal((id[1] - slot[0]) % (BRIDGES + SESSIONS + 1), 0);
	assert_int_not_equal(id[1], slot[0]);
	assert_true(slots_full(SLOT_SESSION));
	slots_give(slot[0]);
	slots_give(kept);
}

static void
lists_that_do_not_fit_are_not_adopted(void **state)
{
	uint32_t kept = slots_take(SLOT_SESSION);

	(void)state;
	adopt(slots_head(), memory.counters);
	/* in use, one that came already, and none at all */
	assert_int_equal(slots_list_adopt(SLOTS_FREE_SESSIONS, 1, kept), -1);
	assert_int_equal(slots_list_adopt(SLOTS_FREE_SESSIONS, 0, 2), -1);
	assert_int_equal(slots_list_adopt(SLOTS_FREE_SESSIONS, 1, 0), -1);
	assert_int_equal(slots_list_adopt(SLOTS_FREE_BRIDGES, 1, 2), -1);
	assert_int_equal(slots_list_adopt(SLOTS_GENERATIONS, 0, UINT32_MAX),
	    -1);
	assert_int_equal(slots_adopted(), 0);
	slots_begin(kept)->id++;
	slots_end(kept);
	assert_int_equal(slots_adopted(), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_bridge_has_nothing_of_the_last),
		cmocka_unit_test(a_session_is_taken_and_given),
		cmocka_unit_test(ids_go_on_in_the_next_parent),
		cmocka_unit_test(lists_that_do_not_fit_are_not_adopted),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
