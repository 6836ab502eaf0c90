/*
 * Whatever srcs, outs and limits bridges have, and however these change:
 * arrivals + copies = departures + drops, each receiver has what the bridge
 * says has left, and each arrival is told.  From a seed, so that what failed
 * fails again; TEST_SEED sets another.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../mctd/engine/engine.h"
#include "engine_bridge.h"

#define ROUNDS 150
#define SRCS   6 /* the first two are shared, the others are one bridge's */
#define SHARED 2
#define OWNERS 4 /* bridges */
#define OUTS   4

static struct erig *rig = &edgram.rig;

struct sums_bridge {
	struct edgram_dst out[OUTS];
	int open[OUTS];
	uint64_t in;
};

static struct ebridge_src src[SRCS];
static struct sums_bridge bridge[OWNERS];

static unsigned int
chance(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* Which src a bridge reads: its first, and those of its own. */
static int
reads(int b, int s)
{
	return s < SHARED ? b % SHARED == s : b == s - SHARED;
}

static void
random_tune(struct inner_tune *tune)
{
	memset(tune, 0, sizeof *tune);
	if (chance(2))
		tune->min = chance(200);
	if (chance(2))
		tune->max = 200 + chance(1000);
	if (chance(3) == 0)
		tune->rate = 1 + chance(100000);
	if (chance(3) == 0)
		tune->datagram_rate = 1 + chance(1000);
	tune->hops = (uint8_t)chance(2);
	tune->ttl = (uint8_t)chance(2) * 5;
}

static enum addr_kind
random_kind(int *family)
{
	static const enum addr_kind kinds[] = { ADDR_UDP, ADDR_UDP,
		ADDR_UNIXDGRAM, ADDR_UDPLITE };
	enum addr_kind kind = kinds[chance(4)];

	*family = kind == ADDR_UNIXDGRAM ? AF_UNIX : AF_INET;
	if (kind != ADDR_UNIXDGRAM && chance(2))
		*family = AF_INET6;
	return kind;
}

static void
open_all(void)
{
	enum addr_kind kind;
	struct frame_in in;
	uint32_t i;
	int family;

	for (i = 0; i < SRCS; i++) {
		kind = i == 0 ? ADDR_UDP : random_kind(&family);
		ebridge_make_src(&src[i], i, kind, i == 0 ? AF_INET : family);
		if (chance(2))
			ebridge_tell_hops(src[i].inside);
		ebridge_send_src(&src[i], MSG_P2E_SRC);
	}
	memset(bridge, 0, sizeof bridge);
	for (i = 0; i < OWNERS; i++) {
		kind = random_kind(&family);
		edgram_make_dst(&bridge[i].out[0], kind, family);
		random_tune(&bridge[i].out[0].tune);
		edgram_send_dst_on(&bridge[i].out[0], i + 1, i % SHARED);
		erig_packet(rig, MSG_E2P_INSTALLED, &in);
		bridge[i].open[0] = 1;
		ebridge_attach(i + 1, bridge[i].out[0].serial, SHARED + i);
	}
}

/* An out comes, goes, or is made mute or not. */
static void
change_out(int b)
{
	struct sums_bridge *p = &bridge[b];
	uint16_t i = (uint16_t)chance(OUTS);
	uint64_t serial = p->out[0].serial;
	uint32_t slot = (uint32_t)b + 1;
	enum addr_kind kind;
	int family;

	if (!p->open[i]) {
		kind = random_kind(&family);
		edgram_make_dst(&p->out[i], kind, family);
		p->out[i].mute = (uint8_t)chance(2);
		ebridge_out(MSG_P2E_OUT, slot, serial, i, &p->out[i]);
		p->open[i] = 1;
	} else if (i == 0 || chance(2)) {
		p->out[i].mute = (uint8_t)chance(2);
		ebridge_out(MSG_P2E_OUT_CHANGE, slot, serial, i, &p->out[i]);
	} else {
		ebridge_out(MSG_P2E_OUT_CLOSE, slot, serial, i, &p->out[i]);
		edgram_close_dst(&p->out[i]);
		p->open[i] = 0;
	}
}

static void
change(void)
{
	struct inner_tune tune;
	int b;

	for (b = 0; b < OWNERS; b++) {
		if (chance(2))
			change_out(b);
		if (chance(4) == 0) {
			random_tune(&tune);
			ebridge_tune((uint32_t)b + 1, bridge[b].out[0].serial,
			    &tune);
		}
	}
	erig_wait_taken(rig);
}

static void
set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Some to a src, grouped by the sender or not; returns how many. */
static unsigned int
give(const struct ebridge_src *s)
{
	unsigned int i, n = chance(20), len = chance(1400);
	unsigned int count = 1 + chance(10);

	set(s->sender, IPPROTO_IP, IP_TTL, (int)(1 + chance(3)));
	set(s->sender, IPPROTO_IPV6, IPV6_UNICAST_HOPS, (int)(1 + chance(3)));
	for (i = 0; i < n; i++)
		edgram_give_by(s->sender, chance(3) ? len : chance(1400), i);
	if (s->kind != ADDR_UDP || len == 0)
		return n;
	set(s->sender, IPPROTO_UDP, UDP_SEGMENT, (int)len);
	edgram_give_by(s->sender, count * len, 0);
	set(s->sender, IPPROTO_UDP, UDP_SEGMENT, 0);
	return n + count;
}

static uint64_t
drain(const struct sums_bridge *p)
{
	uint64_t got = 0;
	char byte;
	int i;

	for (i = 0; i < OUTS; i++)
		while (p->open[i] &&
		    recv(p->out[i].receiver, &byte, 1, MSG_DONTWAIT) != -1)
			got++;
	return got;
}

static void
one_round(void)
{
	uint64_t out[OWNERS];
	unsigned int n;
	int b, s;

	for (b = 0; b < OWNERS; b++)
		out[b] = erig_count(rig, (uint32_t)b + 1, COUNT_MESSAGES_OUT);
	change();
	for (s = 0; s < SRCS; s++) {
		n = give(&src[s]);
		for (b = 0; b < OWNERS; b++)
			if (reads(b, s))
				bridge[b].in += n;
	}
	for (b = 0; b < OWNERS; b++) {
		edgram_wait_balance((uint32_t)b + 1, bridge[b].in);
		out[b] = erig_count(rig, (uint32_t)b + 1, COUNT_MESSAGES_OUT) -
		    out[b];
		assert_int_equal(drain(&bridge[b]), out[b]);
	}
}

static void
sums_are_right_whatever_happens(void **state)
{
	const char *seed = getenv("TEST_SEED");
	int b, i;

	(void)state;
	srandom(seed == NULL ? 5 : (unsigned int)atoi(seed));
	erig_start(rig, 1, 0);
	open_all();
	for (i = 0; i < ROUNDS; i++)
		one_round();
	for (b = 0; b < OWNERS; b++) {
		erig_close(rig, (uint32_t)b + 1, bridge[b].out[0].serial);
		assert_int_equal(erig_wait_end(rig, (uint32_t)b + 1)->reason,
		    END_REQUESTED);
		for (i = 0; i < OUTS; i++)
			if (bridge[b].open[i])
				edgram_close_dst(&bridge[b].out[i]);
	}
	for (i = 0; i < SRCS; i++)
		ebridge_close_src(&src[i]);
	erig_stop(rig, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_right_whatever_happens),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
