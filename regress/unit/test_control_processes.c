/*
 * LIST_PROCESSES: what control tells of the processes in the registry's head,
 * none of which it believes.
 */
/* links: regress/unit/control_rig.c regress/unit/control_peer.c */
/* links: mctd/control/control.c mctd/control/uplink.c */
/* links: mctd/control/client.c mctd/control/dispatch.c */
/* links: mctd/control/show.c mctd/control/attach.c mctd/control/loop.c */
/* libs: -levent_core -lcap-ng -lbsd */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../common/record.h"
#include "../../mctd/sandbox/sandbox.h"
#include "../../mctd/share/processes.h"
#include "control_records.h"
#include "control_rig.h"

static struct rig rig;

static void
put(unsigned int place, uint32_t pid, enum process_kind kind,
    enum process_state state, uint8_t which)
{
	struct process p = { .pid = pid,
		.kind = (uint8_t)kind,
		.state = (uint8_t)state,
		.which = which };

	processes_put(rig.registry.head, place, &p);
}

static void
each_is_told_with_what_it_is_to_be(void **state)
{
	struct registry_head *h = rig.registry.head;
	struct proto_records head;
	struct frame_in in;
	int fd;

	(void)state;
	h->privileged = 1;
	h->powers = POWER_LOW_PORTS;
	h->uid = 11;
	h->gid = 12;
	h->chroot_device = 13;
	h->chroot_inode = UINT64_C(1) << 40;
	strcpy(h->chroot, "/empty");
	put(0, 100, PROCESS_PARENT, PROCESS_WORKING, 0);
	put(2, 102, PROCESS_ENGINE, PROCESS_WORKING, 3);
	put(9, 109, PROCESS_CONTROL, PROCESS_STANDBY, 0);
	put(REGISTRY_PROCESSES - 1, 120, PROCESS_ENGINE, PROCESS_ENDING, 1);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	peer_list(fd, 2, LIST_PROCESSES, 0);
	expect_records(fd, 2, &in, &head);
	assert_int_equal(head.count, 4);
	assert_int_equal(head.cursor, 0);
	next_record(&in);
	assert_int_equal(number(FIELD_PID), 100);
	assert_string_equal(text(FIELD_KIND), "parent");
	assert_string_equal(text(FIELD_STATE), "working");
	assert_string_equal(text(FIELD_CAPABILITIES), "CAP_NET_BIND_SERVICE");
	assert_int_equal(number(FIELD_PRIVILEGED), 1);
	assert_int_equal(number(FIELD_UID), 11);
	assert_int_equal(number(FIELD_GID), 12);
	assert_string_equal(text(FIELD_CHROOT), "/empty");
	assert_int_equal(number(FIELD_CHROOT_DEVICE), 13);
	assert_int_equal(number(FIELD_CHROOT_INODE), UINT64_C(1) << 40);
	assert_null(field(FIELD_ENGINE));
	next_record(&in);
	assert_string_equal(text(FIELD_KIND), "engine");
	assert_int_equal(number(FIELD_ENGINE), 3);
	assert_string_equal(text(FIELD_CAPABILITIES), "none");
	next_record(&in);
	assert_string_equal(text(FIELD_KIND), "control");
	assert_string_equal(text(FIELD_STATE), "standby");
	next_record(&in);
	assert_string_equal(text(FIELD_STATE), "ending");
	assert_null(field(FIELD_ENGINE));
}

/* As many as there can be, with the longest texts, in as many pages. */
static void
pages_hold_each_once(void **state)
{
	struct registry_head *h = rig.registry.head;
	uint32_t cursor = 0, request = 2;
	struct proto_records head;
	struct frame_in in;
	unsigned int i, n = 0;
	int fd;

	(void)state;
	h->powers = ~0U;
	memset(h->chroot, 'x', sizeof h->chroot); /* and no end */
	for (i = 0; i < REGISTRY_PROCESSES; i++)
		put(i, 1000 + i, i == 0 ? PROCESS_PARENT : PROCESS_ENGINE,
		    PROCESS_WORKING, 0);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	do {
		peer_list(fd, request, LIST_PROCESSES, cursor);
		expect_records(fd, request++, &in, &head);
		for (i = 0; i < head.count; i++) {
			next_record(&in);
			assert_int_equal(number(FIELD_PID), 1000 + n++);
			assert_int_equal(strlen(text(FIELD_CHROOT)),
			    sizeof h->chroot - 1);
		}
		cursor = head.cursor;
	} while (cursor != 0);
	assert_int_equal(n, REGISTRY_PROCESSES);
	peer_list(fd, request, LIST_PROCESSES, REGISTRY_PROCESSES);
	peer_error(fd, request, EINVAL, "cursor");
}

static void
what_makes_no_sense_is_left_out(void **state)
{
	struct proto_records head;
	struct frame_in in;
	unsigned int i;
	int fd;

	(void)state;
	for (i = 0; i < REGISTRY_PROCESSES; i++)
		atomic_store(&rig.registry.head->process[i], UINT64_MAX);
	put(5, 1005, PROCESS_ENGINE, PROCESS_STANDBY, 0);
	fd = rig_open(&rig, 0, 1, ROLE_OBSERVE);
	peer_list(fd, 2, LIST_PROCESSES, 0);
	expect_records(fd, 2, &in, &head);
	assert_int_equal(head.count, 1);
	next_record(&in);
	assert_int_equal(number(FIELD_PID), 1005);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) RIG_TEST(f, &rig)
		T(each_is_told_with_what_it_is_to_be),
		T(pages_hold_each_once),
		T(what_makes_no_sense_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
