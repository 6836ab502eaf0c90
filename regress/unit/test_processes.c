/*
 * What is read of a process, whether it is what it should be, and the words
 * for both.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../mctctl/processes.h"
#include "../../mctd/share/processes.h"

#define BIND       (UINT64_C(1) << 10)
#define WHY_BYTES  512

#define STATUS_TOP "Name:\tmctd\nUmask:\t0022\nState:\t%s\nPid:\t12\n"
#define STATUS_IDS \
	"Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t%s\n"
#define STATUS_END                                                      \
	"VmPeak:\t 1 kB\nCapInh:\t0000000000000001\n"                   \
	"CapPrm:\t0000000000000402\nCapEff:\t0000000000000400\n"        \
	"CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000008\n"        \
	"NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\nSpeculation" \
	"_Store_Bypass:\tvulnerable\n"

static int
parse(const char *state, const char *groups, struct processes_found *p)
{
	char text[4096];

	snprintf(text, sizeof text, STATUS_TOP STATUS_IDS STATUS_END, state,
	    groups);
	memset(p, 0, sizeof *p);
	return processes_parse(text, p);
}

static void
status_is_read(void **unused)
{
	struct processes_found p;

	(void)unused;
	assert_int_equal(parse("S (sleeping)", "4 24 1000 ", &p), 0);
	assert_true(p.is_there);
	assert_string_equal(p.state, "sleeping");
	assert_string_equal(p.groups, "4 24 1000");
	assert_int_equal(p.uid[0], 1);
	assert_int_equal(p.uid[3], 4);
	assert_int_equal(p.gid[1], 6);
	assert_int_equal(p.inheritable, 1);
	assert_int_equal(p.permitted, 0x402);
	assert_int_equal(p.effective, 0x400);
	assert_int_equal(p.bounding, UINT64_C(0x1ffffffffff));
	assert_int_equal(p.ambient, 8);
	assert_int_equal(p.no_new_privs, 1);
	assert_int_equal(p.seccomp, 2);
	assert_int_equal(parse("T (stopped)", " ", &p), 0);
	assert_string_equal(p.groups, "none");
	assert_true(p.is_there);
	/* who has ended and was not waited for is there no more */
	assert_int_equal(parse("Z (zombie)", "", &p), 0);
	assert_false(p.is_there);
}

static void
status_without_a_line_is_not_read(void **unused)
{
	static const char *const lines[] = { "State:\tS (sleeping)\n",
		"Uid:\t1\t1\t1\t1\n", "Gid:\t1\t1\t1\t1\n", "Groups:\t\n",
		"CapInh:\t0\n", "CapPrm:\t0\n", "CapEff:\t0\n", "CapBnd:\t0\n",
		"CapAmb:\t0\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n" };
	const size_t n = sizeof lines / sizeof *lines;
	struct processes_found p;
	char text[1024];
	size_t i, left;

	(void)unused;
	for (left = 0; left <= n; left++) {
		text[0] = '\0';
		for (i = 0; i < n; i++)
			if (i != left)
				strcat(text, lines[i]);
		memset(&p, 0, sizeof p);
		assert_int_equal(processes_parse(text, &p), left == n ? 0 : -1);
	}
	assert_int_equal(processes_parse("", &p), -1);
	assert_int_equal(processes_parse("State:\nUid:\nGid:\n", &p), -1);
	assert_int_equal(parse("S", "", &p), -1);
}

static void
capabilities_have_words(void **unused)
{
	char buf[PROCESSES_TEXT_BYTES], small[8];

	(void)unused;
#define WORDS(set) processes_capabilities(set, buf, sizeof buf)
	assert_string_equal(WORDS(0), "none");
	assert_string_equal(WORDS(BIND), "net_bind_service");
	assert_string_equal(WORDS(BIND | 1), "chown,net_bind_service");
	assert_string_equal(WORDS(UINT64_C(1) << 40), "checkpoint_restore");
	assert_string_equal(WORDS(0x1f), "0x1f");
	assert_string_equal(WORDS(UINT64_C(1) << 63), "0x8000000000000000");
	assert_string_equal(WORDS(UINT64_C(0x1ffffffffff)), "all");
	assert_string_equal(WORDS(UINT64_MAX), "all");
#undef WORDS
	processes_capabilities(BIND | 1, small, sizeof small);
	assert_string_equal(small, "chown,n");
	assert_int_equal(processes_capabilities_of("none"), 0);
	assert_int_equal(processes_capabilities_of(""), 0);
	assert_int_equal(processes_capabilities_of("CAP_NET_BIND_SERVICE"),
	    BIND);
	assert_int_equal(processes_capabilities_of(
			     "CAP_NET_BIND_SERVICE CAP_NET_ADMIN"),
	    BIND | UINT64_C(1) << 12);
	assert_int_equal(processes_capabilities_of("CAP_NO_SUCH"), 0);
}

/* A parent and an engine as they should be. */
struct pair {
	struct processes_want want;
	struct processes_found found;
	struct processes_found parent;
};

static void
make(struct pair *p, const char *kind)
{
	unsigned int i;

	memset(p, 0, sizeof *p);
	strcpy(p->want.kind, kind);
	strcpy(p->want.state, "working");
	strcpy(p->want.chroot, "/empty");
	p->want.uid = p->want.gid = 7;
	p->want.privileged = 1;
	p->want.chroot_device = 3;
	p->want.chroot_inode = 4;
	p->found.is_there = p->found.knows_root = 1;
	p->found.knows_mounts = 1;
	p->found.root_is_empty = strcmp(kind, "parent") != 0;
	for (i = 0; i < 4; i++)
		p->found.uid[i] = p->found.gid[i] = 7;
	strcpy(p->found.groups, "none");
	p->found.no_new_privs = 1;
	p->found.seccomp = 2;
	p->found.root_device = 3;
	p->found.root_inode = 4;
	for (i = 0; i < NAMESPACES; i++) {
		p->found.namespaces[i] = 100 + i;
		p->parent.namespaces[i] =
		    strcmp(kind, "parent") == 0 ? 100 + i : 50 + i;
	}
}

static void
verdict(const struct pair *p, enum processes_verdict wanted, const char *words)
{
	char why[WHY_BYTES];

	assert_int_equal(processes_judge(&p->want, &p->found, &p->parent, why,
			     sizeof why),
	    wanted);
	assert_string_equal(why, words);
}

static void
all_that_should_be_is_well(void **unused)
{
	struct pair p;

	(void)unused;
	make(&p, "engine");
	verdict(&p, PROCESSES_YES, "");
	make(&p, "parent");
	verdict(&p, PROCESSES_YES, "");
	p.want.capabilities = BIND;
	p.found.effective = p.found.permitted = p.found.bounding = BIND;
	verdict(&p, PROCESSES_YES, "");
	p.found.bounding = 0;
	verdict(&p, PROCESSES_YES, "");
}

/* Each figure that is not as it should be is told, alone and with others. */
static void
each_thing_that_is_wrong_is_told(void **unused)
{
	static struct pair p;
	static const struct {
		uint64_t *value;
		uint64_t wrong;
		const char *words;
	} things[] = {
		{ &p.found.uid[0], 0, "user is not 7" },
		{ &p.found.uid[1], 0, "user is not 7" },
		{ &p.found.uid[2], 8, "user is not 7" },
		{ &p.found.uid[3], 0, "user is not 7" },
		{ &p.found.gid[0], 0, "group is not 7" },
		{ &p.found.gid[3], 0, "group is not 7" },
		{ &p.found.effective, 1, "effective capabilities" },
		{ &p.found.permitted, BIND, "permitted capabilities" },
		{ &p.found.inheritable, 1, "inheritable capabilities" },
		{ &p.found.ambient, 1, "ambient capabilities" },
		{ &p.found.bounding, BIND, "bounding set" },
		{ &p.found.no_new_privs, 0, "may get new privileges" },
		{ &p.found.seccomp, 0, "no filter of system calls" },
		{ &p.found.seccomp, 1, "no filter of system calls" },
		{ &p.found.namespaces[NAMESPACE_NET], 50,
		    "shares the parent's net namespace" },
		{ &p.found.namespaces[NAMESPACE_UTS], 53,
		    "shares the parent's uts namespace" },
	};
	size_t i;

	(void)unused;
	for (i = 0; i < sizeof things / sizeof *things; i++) {
		make(&p, "engine");
		*things[i].value = things[i].wrong;
		verdict(&p, PROCESSES_NO, things[i].words);
	}
	make(&p, "engine");
	strcpy(p.found.groups, "4");
	p.found.seccomp = 0;
	verdict(&p, PROCESSES_NO,
	    "has other groups, no filter of system calls");
	make(&p, "parent");
	p.found.root_device = 4;
	verdict(&p, PROCESSES_NO, "root is not /empty");
	make(&p, "parent");
	p.found.root_inode = 5;
	verdict(&p, PROCESSES_NO, "root is not /empty");
	/* a power that should be there and is not */
	make(&p, "parent");
	p.want.capabilities = BIND;
	p.found.permitted = BIND;
	verdict(&p, PROCESSES_NO, "effective capabilities");
	p.found.is_there = 0;
	verdict(&p, PROCESSES_NO, "is not there");
}

/* Its own mounts or those of the parent, an empty root or the directory. */
static void
root_of_a_child_is_judged(void **unused)
{
	struct pair p;

	(void)unused;
	make(&p, "engine");
	p.found.root_inode = 5; /* one of its own */
	verdict(&p, PROCESSES_YES, "");
	p.found.root_is_empty = 0;
	verdict(&p, PROCESSES_NO,
	    "has more mounted than an empty root, root is not /empty");
	p.found.root_inode = 4;
	verdict(&p, PROCESSES_NO, "has more mounted than an empty root");
	p.found.namespaces[NAMESPACE_MNT] = p.parent.namespaces[NAMESPACE_MNT];
	verdict(&p, PROCESSES_NO, "shares the parent's mnt namespace");
	p.found.root_inode = 5;
	verdict(&p, PROCESSES_NO,
	    "root is not /empty, shares the parent's mnt namespace");
}

static void
lone_root_is_known(void **unused)
{
#define HEAD "112 43 0:42 / "
#define TAIL " - tmpfs mctd ro,size=4k\n"
#define HOW  "/ ro,nosuid,nodev,noexec,relatime"
	static const char *const others[] = { "", "\n", HEAD HOW TAIL "\n",
		HEAD HOW TAIL HEAD HOW TAIL, HEAD HOW " - tmpfs mctd ro",
		HEAD HOW " - ext4 mctd ro,size=4k\n", HEAD HOW " shared:1" TAIL,
		"112 43 0:42 /var/empty " HOW TAIL,
		HEAD "/dev ro,nosuid,nodev,noexec" TAIL,
		HEAD "/ rw,nosuid,nodev,noexec" TAIL,
		HEAD "/ ro,nodev,noexec" TAIL, HEAD "/ ro,nosuid,noexec" TAIL,
		HEAD "/ ro,nosuid,nodev" TAIL };
	size_t i;

	(void)unused;
	assert_true(processes_lone_root(HEAD HOW TAIL));
	assert_true(processes_lone_root(HEAD "/ nosuid,ro,noexec,nodev" TAIL));
	for (i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(processes_lone_root(others[i]));
#undef HEAD
#undef TAIL
#undef HOW
}

static void
start_without_root_promises_less(void **unused)
{
	struct pair p;

	(void)unused;
	make(&p, "engine");
	p.want.privileged = 0;
	p.want.chroot_device = p.want.chroot_inode = 0;
	strcpy(p.found.groups, "1 2 3");
	p.found.bounding = UINT64_MAX;
	memcpy(p.found.namespaces, p.parent.namespaces,
	    sizeof p.found.namespaces);
	verdict(&p, PROCESSES_YES, "");
	p.found.knows_root = 0;
	p.found.namespaces[0] = 0;
	verdict(&p, PROCESSES_YES, "");
	p.found.permitted = BIND;
	verdict(&p, PROCESSES_NO, "permitted capabilities");
}

static void
what_cannot_be_read_is_not_judged(void **unused)
{
	struct pair p;

	(void)unused;
	make(&p, "engine");
	p.found.knows_root = 0;
	p.found.root_device = 0;
	verdict(&p, PROCESSES_UNKNOWN, "");
	make(&p, "engine");
	p.found.namespaces[NAMESPACE_MNT] = 0;
	verdict(&p, PROCESSES_UNKNOWN, "");
	make(&p, "engine");
	p.parent.namespaces[NAMESPACE_NET] = 0;
	verdict(&p, PROCESSES_UNKNOWN, "");
	make(&p, "engine");
	p.found.knows_mounts = p.found.root_is_empty = 0;
	verdict(&p, PROCESSES_UNKNOWN, "");
	/* what could be read is */
	p.found.seccomp = 0;
	verdict(&p, PROCESSES_NO, "no filter of system calls");
}

static void
reasons_that_do_not_fit_are_cut(void **unused)
{
	struct pair p;
	char why[24];

	(void)unused;
	make(&p, "engine");
	p.found.seccomp = p.found.no_new_privs = 0;
	p.found.ambient = p.found.effective = p.found.uid[0] = 1;
	assert_int_equal(processes_judge(&p.want, &p.found, &p.parent, why,
			     sizeof why),
	    PROCESSES_NO);
	assert_string_equal(why, "user is not 7, effectiv");
}

static void
this_process_is_read(void **unused)
{
	struct processes_found p;
	unsigned int i;

	(void)unused;
	processes_read(getpid(), &p);
	assert_true(p.is_there);
	assert_string_equal(p.state, "running");
	assert_int_equal(p.uid[1], geteuid());
	assert_true(p.knows_root);
	assert_string_equal(p.root, "/");
	for (i = 0; i < NAMESPACES; i++)
		assert_true(p.namespaces[i] != 0);
	processes_read(0x7ffffff0, &p);
	assert_false(p.is_there);
	assert_false(p.knows_root);
}

/* The daemon's side: one number a process. */
static void
registry_holds_who_there_is(void **unused)
{
	static struct registry_head head;
	struct process p = { .pid = 4000000000U,
		.kind = PROCESS_ENGINE,
		.state = PROCESS_WORKING,
		.which = 15 };
	struct process got;

	(void)unused;
	assert_int_equal(processes_get(&head, 0, &got), -1);
	processes_put(&head, REGISTRY_PROCESSES - 1, &p);
	processes_put(&head, REGISTRY_PROCESSES, &p); /* none such */
	assert_int_equal(processes_get(&head, REGISTRY_PROCESSES, &got), -1);
	assert_int_equal(processes_get(&head, REGISTRY_PROCESSES - 1, &got), 0);
	assert_int_equal(got.pid, 4000000000U);
	assert_int_equal(got.kind, PROCESS_ENGINE);
	assert_int_equal(got.state, PROCESS_WORKING);
	assert_int_equal(got.which, 15);
	p.state = PROCESS_GONE;
	processes_put(&head, REGISTRY_PROCESSES - 1, &p);
	assert_int_equal(processes_get(&head, REGISTRY_PROCESSES - 1, &got),
	    -1);
	/* what makes no sense is none */
	atomic_store(&head.process[1], UINT64_C(5) << 32 | 9 << 16 | 2 << 8);
	assert_int_equal(processes_get(&head, 1, &got), -1);
	atomic_store(&head.process[1], UINT64_C(5) << 32 | 1 << 16 | 9 << 8);
	assert_int_equal(processes_get(&head, 1, &got), -1);
	atomic_store(&head.process[1], UINT64_C(5) << 32 | 1 << 16 | 2 << 8);
	assert_int_equal(processes_get(&head, 1, &got), 0);
	assert_string_equal(processes_kind(got.kind), "control");
	assert_string_equal(processes_state(got.state), "standby");
	assert_string_equal(processes_kind(99), "unknown");
	assert_string_equal(processes_state(99), "unknown");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_read),
		cmocka_unit_test(status_without_a_line_is_not_read),
		cmocka_unit_test(capabilities_have_words),
		cmocka_unit_test(all_that_should_be_is_well),
		cmocka_unit_test(each_thing_that_is_wrong_is_told),
		cmocka_unit_test(root_of_a_child_is_judged),
		cmocka_unit_test(lone_root_is_known),
		cmocka_unit_test(start_without_root_promises_less),
		cmocka_unit_test(what_cannot_be_read_is_not_judged),
		cmocka_unit_test(reasons_that_do_not_fit_are_cut),
		cmocka_unit_test(this_process_is_read),
		cmocka_unit_test(registry_holds_who_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
