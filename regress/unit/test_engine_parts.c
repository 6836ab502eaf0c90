/*
 * The engine's parts that need no process: lists, groups of datagrams, the
 * pool of pipes, and libevent's arena.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/ioctl.h>
#include <sys/eventfd.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../common/limits.h"
#include "../../mctd/engine/chain.h"
#include "../../mctd/engine/group.h"
#include "../../mctd/engine/pipes.h"
#include "../../mctd/engine/watch.h"

static void
chain_is_first_in_first_out(void **state)
{
	struct chain c;
	uint32_t i;

	(void)state;
	assert_int_equal(chain_setup(&c, 5), 0);
	assert_int_equal(chain_pop(&c), 0);
	for (i = 5; i >= 1; i--)
		chain_push(&c, i);
	chain_push(&c, 3); /* is in already */
	assert_int_equal(c.count, 5);
	for (i = 5; i >= 2; i--) {
		assert_true(chain_has(&c, i));
		assert_int_equal(chain_pop(&c), i);
		assert_false(chain_has(&c, i));
	}
	chain_push(&c, 4); /* behind the last */
	assert_int_equal(chain_pop(&c), 1);
	assert_int_equal(chain_pop(&c), 4);
	assert_int_equal(chain_pop(&c), 0);
	assert_int_equal(c.count, 0);
}

static uint8_t bytes[DGRAM_BYTES];
static uint8_t room[GROUP_ROOM_BYTES];
static struct group group = { .room = room };

static void
begin(uint32_t len, uint32_t seg)
{
	struct run run;

	group_run(&run, bytes, len, seg);
	group_begin(&group, &run);
}

static int
add(uint32_t len, uint32_t seg)
{
	struct run run;

	group_run(&run, bytes, len, seg);
	return group_add(&group, &run);
}

static void
group_takes_one_size_and_a_short_last(void **state)
{
	(void)state;
	begin(100, 0);
	assert_true(add(100, 0));
	assert_true(add(300, 100));
	assert_false(add(101, 0));
	assert_true(add(99, 0));
	assert_false(add(99, 0)); /* there was a short one */
	assert_false(add(100, 0));
	assert_int_equal(group.run.count, 6);
	assert_int_equal(group.run.len, 599);
	assert_int_equal(group.run.seg, 100);
	assert_memory_equal(group.run.data, bytes, 100);

	begin(250, 100); /* its last is short already */
	assert_int_equal(group.run.count, 3);
	assert_false(add(100, 0));
}

static void
group_takes_no_empty_datagram(void **state)
{
	(void)state;
	begin(0, 0);
	assert_int_equal(group.run.count, 1);
	assert_false(add(0, 0));
	assert_false(add(1, 0));
	begin(1, 0);
	assert_false(add(0, 0));
}

static void
group_keeps_its_limits(void **state)
{
	uint32_t n;

	(void)state;
	begin(10, 0);
	for (n = 1; add(10, 0); n++)
		assert_int_equal(group.run.count, n + 1);
	assert_int_equal(n, DGRAM_SEGMENTS);
	begin(5000, 0);
	for (n = 1; add(5000, 0); n++)
		continue;
	assert_int_equal(n, DGRAM_GROUP_BYTES / 5000);
}

static void
run_is_cut_to_what_one_call_takes(void **state)
{
	static const struct {
		uint32_t len, seg;
	} runs[] = { { 65535, 1 }, { 65535, 1000 }, { 65520, 65510 }, { 65, 1 },
		{ 64, 1 }, { 0, 0 }, { 65536, 0 }, { 2801, 1400 } };
	struct run run, head;
	const uint8_t *at;
	uint32_t count;
	size_t i;
	int more;

	(void)state;
	for (i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		group_run(&run, bytes, runs[i].len, runs[i].seg);
		count = run.count;
		at = bytes;
		do {
			more = group_cut(&run, &head);
			assert_ptr_equal(head.data, at);
			assert_in_range(head.count, 1, DGRAM_SEGMENTS);
			if (head.count > 1)
				assert_in_range(head.len, 2, DGRAM_GROUP_BYTES);
			if (more)
				assert_int_equal(head.len % runs[i].seg, 0);
			at += head.len;
			count -= head.count;
		} while (more);
		assert_ptr_equal(at, bytes + runs[i].len);
		assert_int_equal(count, 0);
	}
}

/* Every pipe once, its owner written, stale bytes drained. */
static void
pool_lends_each_pipe_once(void **state)
{
	_Atomic uint64_t owner[4] = { 0 };
	static struct pipes pool;
	uint8_t scratch[100];
	int fd[4][2], lent[4], i;

	(void)state;
	memset(&pool, 0, sizeof pool);
	pool.owner = owner;
	for (i = 0; i < 4; i++) {
		assert_return_code(pipe2(fd[i], O_NONBLOCK), errno);
		assert_int_equal(write(fd[i][1], scratch, 100), 100);
		assert_int_equal(write(fd[i][1], scratch, 77), 77);
		assert_int_equal(pipes_add(&pool, fd[i][0], fd[i][1], scratch,
				     sizeof scratch),
		    0);
		assert_int_equal(owner[i], 0);
		assert_int_equal(read(fd[i][0], scratch, 1), -1);
	}
	for (i = 0; i < 4; i++) {
		lent[i] = pipes_borrow(&pool, 100 + (unsigned int)i, 0);
		assert_in_range(lent[i], 0, 3);
		assert_int_equal(owner[lent[i]], 100 + i);
	}
	assert_int_equal(pipes_borrow(&pool, 200, 0), -1);
	for (i = 0; i < 4; i++)
		assert_int_equal(owner[lent[i]], 100 + i);
	pipes_return(&pool, lent[1], scratch, sizeof scratch);
	assert_int_equal(owner[lent[1]], 0);
	assert_int_equal(pipes_borrow(&pool, 300, 0), lent[1]);
	assert_int_equal(write(fd[lent[2]][1], scratch, 100), 100);
	pipes_return(&pool, lent[2], scratch, 10);
	assert_int_equal(owner[lent[2]], 0);
	assert_int_equal(read(fd[lent[2]][0], scratch, 1), -1);
	for (i = 0; i < 4; i++) {
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

/* What lies in those that another engine had lent waits for its owners. */
static void
pool_keeps_what_was_lent_for_its_owners(void **state)
{
	_Atomic uint64_t owner[3] = { 7, 8, 9 };
	static struct pipes pool;
	uint8_t scratch[100];
	int fd[3][2], i, held;

	(void)state;
	memset(&pool, 0, sizeof pool);
	pool.owner = owner;
	for (i = 0; i < 3; i++) {
		assert_return_code(pipe2(fd[i], O_NONBLOCK), errno);
		assert_int_equal(write(fd[i][1], scratch, 100), 100);
		assert_int_equal(pipes_add(&pool, fd[i][0], fd[i][1], scratch,
				     sizeof scratch),
		    0);
		assert_int_equal(owner[i], 7 + i);
	}
	assert_int_equal(pipes_borrow(&pool, 1, 0), -1);
	assert_int_equal(pipes_adopt(&pool, 1), -1);
	assert_int_equal(pipes_adopt(&pool, 8), 1);
	assert_int_equal(pipes_adopt(&pool, 8), -1);
	pipes_drain_left(&pool, scratch, 10);
	for (i = 0; i < 3; i++) {
		assert_return_code(ioctl(fd[i][0], FIONREAD, &held), errno);
		assert_int_equal(held, i == 1 ? 100 : 0);
		assert_int_equal(owner[i], i == 1 ? 8 : 0);
	}
	assert_int_equal(pipes_adopt(&pool, 7), -1);
	pipes_return(&pool, 1, scratch, sizeof scratch);
	for (i = 0; i < 3; i++)
		assert_int_not_equal(pipes_borrow(&pool, 1, 0), -1);
	assert_int_equal(pipes_borrow(&pool, 1, 0), -1);
	for (i = 0; i < 3; i++) {
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

static void
pool_keeps_half_from_the_sticky(void **state)
{
	_Atomic uint64_t owner[5] = { 0 };
	static struct pipes pool;
	uint8_t scratch[8];
	int fd[2], i;

	(void)state;
	memset(&pool, 0, sizeof pool);
	pool.owner = owner;
	assert_return_code(pipe2(fd, O_NONBLOCK), errno);
	for (i = 0; i < 5; i++)
		assert_int_equal(pipes_add(&pool, fd[0], fd[1], scratch,
				     sizeof scratch),
		    0);
	for (i = 0; i < 2; i++)
		assert_int_not_equal(pipes_borrow(&pool, 1, 1), -1);
	for (i = 0; pipes_borrow(&pool, 1, 1) != -1; i++)
		continue;
	assert_in_range(i, 0, 1); /* half of five is two or three */
	for (i += 2; i < 5; i++)
		assert_int_not_equal(pipes_borrow(&pool, 1, 0), -1);
	assert_int_equal(pipes_borrow(&pool, 1, 0), -1);
	close(fd[0]);
	close(fd[1]);
}

#define FDS  600 /* a child's limit */
#define USED 500

static unsigned int seen[USED];

static void
happened(void *arg, uint32_t number, unsigned int what)
{
	assert_ptr_equal(arg, seen);
	assert_in_range(number, 0, USED - 1);
	if (what & WATCH_READ)
		seen[number]++;
}

/* All at once, several times over: the memory for it is there. */
static void
arena_suffices_for_every_descriptor(void **state)
{
	static const struct watch_user user = { happened, seen };
	unsigned int times, i, all;
	int fd[USED];

	(void)state;
	assert_int_equal(watch_setup(USED, FDS), 0);
	for (i = 0; i < USED; i++) {
		fd[i] = eventfd(1, EFD_NONBLOCK);
		assert_in_range(fd[i], 0, FDS - 1);
	}
	for (times = 1; times <= 3; times++) {
		for (i = 0; i < USED; i++)
			assert_int_equal(watch_add(i, fd[i], &user), 0);
		do {
			assert_int_not_equal(watch_turn(0), -1);
			for (all = 0; all < USED; all++)
				if (seen[all] < times)
					break;
		} while (all < USED);
		for (i = 0; i < USED; i++)
			watch_del(i);
	}
	for (i = 0; i < USED; i++) {
		assert_int_equal(seen[i], 3); /* an edge comes once */
		close(fd[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_is_first_in_first_out),
		cmocka_unit_test(group_takes_one_size_and_a_short_last),
		cmocka_unit_test(group_takes_no_empty_datagram),
		cmocka_unit_test(group_keeps_its_limits),
		cmocka_unit_test(run_is_cut_to_what_one_call_takes),
		cmocka_unit_test(pool_lends_each_pipe_once),
		cmocka_unit_test(pool_keeps_what_was_lent_for_its_owners),
		cmocka_unit_test(pool_keeps_half_from_the_sticky),
		cmocka_unit_test(arena_suffices_for_every_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
