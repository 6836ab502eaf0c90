/* See engine_one.h. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include "engine_one.h"

struct eone eone;

const enum addr_kind eone_kinds[EONE_KINDS][2] = { { ADDR_TCP, ADDR_TCP },
	{ ADDR_UNIX, ADDR_TCP }, { ADDR_TCP, ADDR_UNIX },
	{ ADDR_UNIX, ADDR_UNIX } };

int
eone_start(void **state)
{
	(void)state;
	erig_start(&eone.rig, 1, 0);
	return 0;
}

int
eone_stop(void **state)
{
	(void)state;
	erig_stop(&eone.rig, 0);
	return 0;
}

void
eone_pairs(enum addr_kind peer, enum addr_kind dst, int buffer_bytes)
{
	erig_pair(&eone.peer, peer, buffer_bytes);
	erig_pair(&eone.dst, dst, buffer_bytes);
}

void
eone_open(enum addr_kind peer, enum addr_kind dst)
{
	struct inner_session m = { .slot = 0 };

	eone_open_as(&m, peer, dst);
}

void
eone_open_as(struct inner_session *m, enum addr_kind peer, enum addr_kind dst)
{
	m->slot = EONE_SLOT;
	eone_pairs(peer, dst, 0);
	erig_session_as(&eone.rig, m, &eone.peer, &eone.dst);
}

void
eone_close(void)
{
	erig_close_pair(&eone.peer);
	erig_close_pair(&eone.dst);
}

void
eone_wait_end(enum end_reason reason, int err)
{
	const struct inner_end *end = erig_wait_end(&eone.rig, EONE_SLOT);

	assert_int_equal(end->reason, reason);
	assert_int_equal(end->err, err);
	assert_int_equal(end->serial, eone.rig.serial);
	eone_close();
	erig_wait_pipes_back(&eone.rig);
}

void
eone_finish(void)
{
	shutdown(eone.peer.outside, SHUT_WR);
	erig_read_end(eone.dst.outside, 0);
	shutdown(eone.dst.outside, SHUT_WR);
	erig_read_end(eone.peer.outside, 0);
	eone_wait_end(END_CLEAN, 0);
}

void
eone_finish_counted(uint64_t to_dst, uint64_t to_src)
{
	eone_finish();
	assert_int_equal(erig_count(&eone.rig, EONE_SLOT, COUNT_BYTES_TO_DST),
	    to_dst);
	assert_int_equal(erig_count(&eone.rig, EONE_SLOT, COUNT_BYTES_TO_SRC),
	    to_src);
}
