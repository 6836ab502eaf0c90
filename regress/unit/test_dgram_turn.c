/*
 * How much a src sends before others have a go, where each datagram has many
 * ways and no two go in one call: nothing is lost, nothing changes its place.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/addr.h"
#include "../../common/limits.h"
#include "../../mctd/engine/dgram.h"
#include "../../mctd/engine/watch.h"

#define BRIDGES   128
#define SRCS      2
#define DATAGRAMS DGRAM_BATCH

static struct counters counters;
static struct reports reports;
static struct stream_work work;
static struct chain runs;
static struct dgram_table table;
static int channel[2];
static int sender[SRCS];
static int receiver[BRIDGES + 1];

static int
bound(struct sockaddr_in *at)
{
	socklen_t len = sizeof *at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int bytes = 1024 * 1024;

	assert_return_code(fd, errno);
	memset(at, 0, sizeof *at);
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_return_code(bind(fd, (struct sockaddr *)at, len), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)at, &len), errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	return fd;
}

static int
connected(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_return_code(fd, errno);
	assert_return_code(connect(fd, (const struct sockaddr *)at, sizeof *at),
	    errno);
	return fd;
}

static void
add_src(uint32_t src)
{
	struct inner_src m = { .src = src, .kind = ADDR_UDP };
	struct sockaddr_in at;
	int fd = bound(&at);

	sender[src] = connected(&at);
	assert_int_equal(dgram_src(&table, &m, fd), 0);
}

static void
add_dst(uint32_t slot, uint32_t src)
{
	struct inner_dst m = { .slot = slot,
		.id = slot,
		.serial = slot,
		.src = src,
		.kind = ADDR_UDP };
	struct sockaddr_in at;

	receiver[slot] = bound(&at);
	assert_int_equal(dgram_dst(&table, &m, connected(&at)), 0);
}

static int
set_up(void **state)
{
	size_t bytes = counters_bytes(BRIDGES, 0);
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(mem, MAP_FAILED);
	counters_map(&counters, mem, BRIDGES, 0);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel),
	    errno);
	assert_int_equal(watch_setup(SRCS, 512), 0);
	assert_int_equal(chain_setup(&runs, BRIDGES + SRCS), 0);
	assert_int_equal(report_setup(&reports, channel[0], BRIDGES, BRIDGES),
	    0);
	table.bridges = BRIDGES;
	table.srcs = BRIDGES;
	table.first_run = 1;
	table.resumed = 1;
	table.runs = &runs;
	table.counters = &counters;
	table.reports = &reports;
	table.work = &work;
	assert_int_equal(dgram_setup(&table), 0);
	return 0;
}

static uint64_t
count(uint32_t slot, enum count c)
{
	return atomic_load(&counters.slots[slot].count[c]);
}

static uint64_t
sent(void)
{
	uint64_t n = 0;
	uint32_t slot;

	for (slot = 1; slot <= BRIDGES; slot++)
		n += count(slot, COUNT_MESSAGES_OUT);
	return n;
}

/* Each larger than the one before: no two make a group. */
static void
give(uint32_t src)
{
	uint8_t data[DATAGRAMS] = { 0 };
	size_t n;

	for (n = 1; n <= DATAGRAMS; n++)
		assert_int_equal(send(sender[src], data, n, 0), n);
}

/* From the nth on. */
static void
expect_from(uint32_t slot, ssize_t n)
{
	uint8_t data[2 * DATAGRAMS];

	for (; n <= DATAGRAMS; n++)
		assert_int_equal(recv(receiver[slot], data, sizeof data, 0), n);
	assert_int_equal(recv(receiver[slot], data, sizeof data, 0), -1);
}

static void
expect_all(uint32_t slot)
{
	expect_from(slot, 1);
	assert_int_equal(count(slot, COUNT_MESSAGES_IN), DATAGRAMS);
	assert_int_equal(count(slot, COUNT_MESSAGES_OUT), DATAGRAMS);
}

static uint32_t
go(void)
{
	uint32_t number = chain_pop(&runs);

	if (number != 0)
		dgram_run(&table, number - table.first_run);
	return number;
}

/* The last bridge is on a src of its own. */
static void
others_have_a_go(void **state)
{
	uint32_t slot, last = BRIDGES, goes = 0;
	uint64_t before;
	ssize_t first;

	(void)state;
	for (slot = 0; slot < SRCS; slot++)
		add_src(slot);
	for (slot = 1; slot < BRIDGES - 1; slot++)
		add_dst(slot, 0);
	add_dst(last, 1);
	give(0);
	give(1);
	do {
		before = sent();
		assert_in_range(goes++, 0, 1000);
		slot = go();
		assert_in_range(sent() - before, 0, 2 * DGRAM_SENDS_A_GO);
		/* what a change has to wait for is bounded as well */
		assert_in_range(count(1, COUNT_MESSAGES_IN), 0,
		    goes * DGRAM_COPIES / (BRIDGES - 2));
		/* one that comes has no part in what came before it */
		if (goes == 8)
			add_dst(BRIDGES - 1, 0);
	} while (slot != 0);
	assert_true(goes > 8);
	for (slot = 1; slot < BRIDGES - 1; slot++)
		expect_all(slot);
	expect_all(last);
	first = DATAGRAMS + 1 - (ssize_t)count(BRIDGES - 1, COUNT_MESSAGES_IN);
	assert_in_range(first, 2, DATAGRAMS);
	assert_int_equal(count(BRIDGES - 1, COUNT_MESSAGES_OUT),
	    count(BRIDGES - 1, COUNT_MESSAGES_IN));
	expect_from(BRIDGES - 1, first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(others_have_a_go, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
