/* The kinds of addresses: what each is as a socket, and families of Linux. */

#include <errno.h>
#include <limits.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "addr_text.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct kind {
	const char *text;
	enum addr_kind kind;
	int family, socktype, kernel_type, protocol;
	int port, is_tcp, is_ip, is_path;
} kinds[] = {
	{ "tcp:1.2.3.4:5", ADDR_TCP, AF_INET, SOCK_STREAM, SOCK_STREAM, 0, 5, 1,
	    1, 0 },
	{ "udp:[::1]:5", ADDR_UDP, AF_INET6, SOCK_DGRAM, SOCK_DGRAM, 0, 5, 0, 1,
	    0 },
	{ "mptcp:[::1]:5", ADDR_MPTCP, AF_INET6, SOCK_STREAM, SOCK_STREAM, 262,
	    5, 1, 1, 0 },
	{ "mptcp:*:5", ADDR_MPTCP, AF_INET6, SOCK_STREAM, SOCK_STREAM, 262, 5,
	    1, 1, 0 },
	{ "sctp:1.2.3.4:5", ADDR_SCTP, AF_INET, SOCK_STREAM, SOCK_STREAM, 132,
	    5, 0, 1, 0 },
	{ "seqsctp:[fe80::1%lo]:65535", ADDR_SEQSCTP, AF_INET6, SOCK_SEQPACKET,
	    SOCK_STREAM, 132, 65535, 0, 1, 0 },
	{ "unix:/a", ADDR_UNIX, AF_LOCAL, SOCK_STREAM, SOCK_STREAM, 0, -1, 0, 0,
	    1 },
	{ "unixdgram:/a", ADDR_UNIXDGRAM, AF_LOCAL, SOCK_DGRAM, SOCK_DGRAM, 0,
	    -1, 0, 0, 1 },
	{ "unixseq:/a", ADDR_UNIXSEQ, AF_LOCAL, SOCK_SEQPACKET, SOCK_SEQPACKET,
	    0, -1, 0, 0, 1 },
	{ "unixseq:@a", ADDR_UNIXSEQ, AF_LOCAL, SOCK_SEQPACKET, SOCK_SEQPACKET,
	    0, -1, 0, 0, 0 },
	{ "vsock:3:1024", ADDR_VSOCK, AF_VSOCK, SOCK_STREAM, SOCK_STREAM, 0,
	    1024, 0, 0, 0 },
	{ "vsock:*:80", ADDR_VSOCK, AF_VSOCK, SOCK_STREAM, SOCK_STREAM, 0, 80,
	    0, 0, 0 },
	{ "seqtipc:64:0", ADDR_SEQTIPC, AF_TIPC, SOCK_SEQPACKET, SOCK_SEQPACKET,
	    0, -1, 0, 0, 0 },
};

static void
each_kind_is_its_socket(void **state)
{
	const struct kind *k;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(kinds); i++) {
		k = &kinds[i];
		a = addr_of_text(k->text);
		assert_int_equal(a.kind, k->kind);
		assert_int_equal(addr_family(&a), k->family);
		assert_int_equal(addr_socktype(&a), k->socktype);
		assert_int_equal(addr_kernel_type(&a), k->kernel_type);
		assert_int_equal(addr_protocol(&a), k->protocol);
		assert_int_equal(addr_port(&a), k->port);
		assert_int_equal(addr_is_tcp(&a), k->is_tcp);
		assert_int_equal(addr_is_ip(&a), k->is_ip);
		assert_int_equal(addr_is_path(&a), k->is_path);
		assert_int_equal(addr_is_connected_type(&a),
		    k->socktype != SOCK_DGRAM);
		assert_int_equal(addr_check(&a, ADDR_SRC, NULL), 0);
	}
}

/* Of several kinds of one family and type the usual one. */
static void
programs_get_the_usual_kind(void **state)
{
	static const struct {
		const char *text;
		int type;
		const char *given;
	} cases[] = {
		{ "mptcp:1.2.3.4:5", SOCK_STREAM, "tcp:1.2.3.4:5" },
		{ "sctp:[::1]:5", SOCK_STREAM, "tcp:[::1]:5" },
		{ "tcp:1.2.3.4:5", SOCK_SEQPACKET, "seqsctp:1.2.3.4:5" },
		{ "unix:/a", SOCK_SEQPACKET, "unixseq:/a" },
		{ "vsock:2:5", SOCK_STREAM, "vsock:2:5" },
		{ "seqtipc:99:5", SOCK_SEQPACKET, "seqtipc:99:5" },
	};
	struct addr a, b;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(cases); i++) {
		a = addr_of_text(cases[i].text);
		assert_int_equal(addr_from_sockaddr(&b, cases[i].type, &a.u.sa,
				     a.len),
		    0);
		addr_assert_prints(&b, cases[i].given);
	}
	a = addr_of_text("vsock:2:5");
	assert_int_equal(addr_from_sockaddr(&b, SOCK_SEQPACKET, &a.u.sa, a.len),
	    -1);
	assert_int_equal(errno, EPROTOTYPE);
	a = addr_of_text("seqtipc:99:5");
	assert_int_equal(addr_from_sockaddr(&b, SOCK_STREAM, &a.u.sa, a.len),
	    -1);
	assert_int_equal(errno, EPROTOTYPE);
}

static void
text_of_the_new_kinds(void **state)
{
	static const char *const good[] = { "vsock:0:1", "vsock:1:1023",
		"vsock:4294967294:4294967294", "vsock:*:1", "seqtipc:64:0",
		"seqtipc:4294967295:4294967295", "mptcp:*:80",
		"sctp:0.0.0.0:80", "seqsctp:[::]:80", "unixseq:@\\x00" };
	static const char *const bad[] = { "vsock:", "vsock::", "vsock:1",
		"vsock::1", "vsock:1:", "vsock:1:0", "vsock:1:4294967295",
		"vsock:1:4294967296", "vsock:4294967295:1",
		"vsock:4294967296:1", "vsock:01:1", "vsock:1:01", "vsock:-1:1",
		"vsock:any:1", "vsock:1:2:3", "vsock:1:*", "vsock:**:1",
		"vsock:[1]:1", "vsock:00000000001:1", "seqtipc:", "seqtipc:1",
		"seqtipc:64:", "seqtipc::64", "seqtipc:63:1", "seqtipc:*:1",
		"seqtipc:64:*", "seqtipc:64:1:2", "seqtipc:@1:2",
		"seqtipc:4294967296:1", "seqtipc:64:4294967296", "sctp:*",
		"seqsctp:1.2.3.4:0", "mptcp:[::1]", "unixseq:a" };
	const char *why;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(good); i++) {
		a = addr_of_text(good[i]);
		addr_assert_prints(&a, good[i]);
	}
	for (i = 0; i < LENGTH(bad); i++) {
		why = NULL;
		errno = 0;
		if (addr_parse(&a, bad[i], NULL, &why) == 0)
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(errno, EINVAL);
		assert_non_null(why);
	}
	/* A name is for the resolver, which sees the kind. */
	assert_int_equal(addr_parse(&a, "sctp:[::ffff:1.2.3.4]:5", NULL, &why),
	    -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
}

static void
vsock_is_checked(void **state)
{
	struct addr a = addr_of_text("vsock:*:5"), b;
	struct sockaddr_vm vm;

	(void)state;
	assert_int_equal(addr_check(&a, ADDR_SRC, NULL), 0);
	assert_int_equal(addr_check(&a, ADDR_DST, NULL), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	memset(&vm, 0xff, sizeof(vm));
	vm.svm_family = AF_VSOCK;
	vm.svm_cid = 7;
	vm.svm_port = 4000000000U;
	assert_int_equal(addr_from_sockaddr(&a, SOCK_STREAM,
			     (struct sockaddr *)&vm, sizeof(vm)),
	    0);
	addr_assert_prints(&a, "vsock:7:4000000000");
	assert_int_equal(addr_port(&a), INT_MAX);
	assert_int_equal(addr_check(&a, ADDR_DST, NULL), 0);
	b = addr_of_text("vsock:7:4000000000");
	assert_true(addr_equal(&a, &b)); /* what is no part of it is left out */
	b = addr_of_text("vsock:7:4000000001");
	assert_false(addr_equal(&a, &b));
	assert_true(addr_same_host(&a, &b));
	assert_int_equal(addr_host_hash(&a), addr_host_hash(&b));
	b = addr_of_text("vsock:8:4000000000");
	assert_false(addr_same_host(&a, &b));
	vm.svm_port = VMADDR_PORT_ANY;
	addr_from_kernel(&a, ADDR_VSOCK, (struct sockaddr *)&vm, sizeof(vm));
	assert_int_equal(addr_check(&a, ADDR_SRC, NULL), -1);
	assert_int_equal(errno, EINVAL);
	vm.svm_port = 0;
	addr_from_kernel(&a, ADDR_VSOCK, (struct sockaddr *)&vm, sizeof(vm));
	assert_int_equal(addr_check(&a, ADDR_SRC, NULL), -1);
	assert_int_equal(addr_from_sockaddr(&a, SOCK_STREAM,
			     (struct sockaddr *)&vm, sizeof(vm) - 1),
	    -1);
	assert_int_equal(errno, EINVAL);
}

static void
tipc_is_a_service_and_its_peers_are_sockets(void **state)
{
	struct addr a = addr_of_text("seqtipc:1000:77"), b;
	struct sockaddr_tipc tipc;

	(void)state;
	memcpy(&tipc, &a.u, sizeof(tipc));
	assert_int_equal(a.len, sizeof(tipc));
	assert_int_equal(tipc.addrtype, TIPC_SERVICE_ADDR);
	assert_int_equal(tipc.scope, TIPC_CLUSTER_SCOPE);
	assert_int_equal(tipc.addr.name.domain, 0);
	tipc.scope = TIPC_NODE_SCOPE;
	assert_int_equal(addr_from_sockaddr(&b, SOCK_SEQPACKET,
			     (struct sockaddr *)&tipc, sizeof(tipc)),
	    0);
	assert_true(addr_equal(&a, &b));
	tipc.addr.name.name.type = 1; /* the topology server */
	assert_int_equal(addr_from_sockaddr(&b, SOCK_SEQPACKET,
			     (struct sockaddr *)&tipc, sizeof(tipc)),
	    -1);
	assert_int_equal(errno, EINVAL);
	tipc.addrtype = TIPC_SERVICE_RANGE;
	assert_int_equal(addr_from_sockaddr(&b, SOCK_SEQPACKET,
			     (struct sockaddr *)&tipc, sizeof(tipc)),
	    -1);
	memset(&tipc, 0, sizeof(tipc));
	tipc.family = AF_TIPC;
	tipc.addrtype = TIPC_SOCKET_ADDR;
	tipc.addr.id.ref = 123456;
	tipc.addr.id.node = 0x1001002;
	assert_int_equal(addr_from_sockaddr(&b, SOCK_SEQPACKET,
			     (struct sockaddr *)&tipc, sizeof(tipc)),
	    -1);
	addr_from_kernel(&a, ADDR_SEQTIPC, (struct sockaddr *)&tipc,
	    sizeof(tipc));
	addr_assert_prints(&a, "seqtipc:@1001002:123456");
	assert_int_equal(addr_check(&a, ADDR_DST, NULL), -1);
	tipc.addr.id.ref = 7;
	addr_from_kernel(&b, ADDR_SEQTIPC, (struct sockaddr *)&tipc,
	    sizeof(tipc));
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_equal(&a, &b));
	tipc.addr.id.node = 0x1001003;
	addr_from_kernel(&b, ADDR_SEQTIPC, (struct sockaddr *)&tipc,
	    sizeof(tipc));
	assert_false(addr_same_host(&a, &b));
}

static void
hosts_alone(void **state)
{
	static const char *const good[] = { "10.0.0.1", "255.255.255.255",
		"::1", "2001:db8::1", "fe80::1%lo", "fe80::1%4000000000" };
	static const char *const bad[] = { "", "*", "10.0.0", "10.0.0.1:80",
		"[::1]", "::1%lo", "::1:80:zz", "localhost", " 10.0.0.1",
		"fe80::1%", "2001:0db8:0000:0000:0000:0000:0000:0001:0000:0000",
		"tcp:10.0.0.1:80" };
	static const char *const unfit[] = { "0.0.0.0", "::", "fe80::1",
		"224.0.0.1", "ff02::1%lo" };
	char text[ADDR_TEXT_BYTES];
	const char *why;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < LENGTH(good); i++) {
		assert_int_equal(addr_parse_host(&a, good[i], &why), 0);
		assert_int_equal(a.kind, ADDR_TCP);
		assert_int_equal(addr_port(&a), 0);
		assert_string_equal(addr_print_host(&a, text, sizeof(text)),
		    good[i]);
		assert_int_equal(addr_check_host(&a, &why), 0);
	}
	for (i = 0; i < LENGTH(bad); i++) {
		why = NULL;
		assert_int_equal(addr_parse_host(&a, bad[i], &why), -1);
		assert_non_null(why);
	}
	for (i = 0; i < LENGTH(unfit); i++) {
		assert_int_equal(addr_parse_host(&a, unfit[i], &why), 0);
		assert_int_equal(addr_check_host(&a, &why), -1);
	}
	assert_int_equal(addr_parse_host(&a, "::ffff:1.2.3.4", &why), -1);
	assert_int_equal(errno, EADDRNOTAVAIL);
	a = addr_of_text("tcp:10.0.0.1:80");
	assert_int_equal(addr_check_host(&a, &why), -1);
	a = addr_of_text("vsock:1:80");
	assert_int_equal(addr_check_host(&a, &why), -1);
	a = addr_of_text("unix:/a");
	assert_string_equal(addr_print_host(&a, text, sizeof(text)), "-");
}

/* A socket address of any bytes, of a family there is. */
static void
any_bytes(void *data, size_t size)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6, AF_LOCAL,
		AF_VSOCK, AF_TIPC };
	unsigned char *bytes = data;
	size_t i, plain = (size_t)random() % size;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(random() % (i < plain ? 3 : 256));
	memcpy(data, &families[(size_t)random() % LENGTH(families)],
	    sizeof(families[0]));
}

/* What a program may name is printed so that it reads to the same. */
static void
whatever_is_taken_comes_back(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	union {
		struct sockaddr sa;
		unsigned char bytes[sizeof(struct sockaddr_un)];
	} u;
	char text[ADDR_TEXT_BYTES];
	long round, taken[ADDR_KINDS] = { 0 };
	struct addr a, b;
	socklen_t len;

	(void)state;
	srandom(20251122);
	for (round = 0; round < 200000; round++) {
		any_bytes(&u, sizeof(u));
		len = (socklen_t)((size_t)random() % (sizeof(u) + 1));
		if (addr_from_sockaddr(&a,
			types[(size_t)random() % LENGTH(types)], &u.sa,
			len) == -1)
			continue;
		if (a.u.sa.sa_family == AF_INET6 && round % 16 != 0)
			continue; /* a scope is a system call */
		if (addr_check(&a, ADDR_SRC, NULL) == -1)
			continue;
		taken[a.kind]++;
		(void)addr_print(&a, text, sizeof(text));
		if (addr_parse(&b, text, NULL, NULL) == -1 ||
		    !addr_equal(&a, &b))
			fail_msg("%s does not come back", text);
	}
	assert_true(taken[ADDR_TCP] > 50 && taken[ADDR_UDP] > 50);
	assert_true(taken[ADDR_UNIX] > 50 && taken[ADDR_UNIXSEQ] > 50);
	assert_true(taken[ADDR_SEQSCTP] > 50 && taken[ADDR_VSOCK] > 50);
	assert_true(taken[ADDR_SEQTIPC] > 10);
}

/* Bytes that were never an address are no trouble to any question. */
static void
no_bytes_break_a_question(void **state)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a, b;
	const char *why;
	long round;

	(void)state;
	srandom(20251123);
	memset(&b, 0, sizeof(b));
	for (round = 0; round < 50000; round++) {
		any_bytes(&a.u, sizeof(a.u));
		a.kind = (uint8_t)(random() % (ADDR_KINDS + 2));
		a.flags = (uint8_t)(random() % 3);
		a.len = (uint16_t)(random() % (2 * (long)sizeof(a.u)));
		(void)addr_print(&a, text, sizeof(text));
		(void)addr_print_host(&a, text, sizeof(text));
		(void)addr_check(&a, ADDR_DST, &why);
		(void)addr_check_host(&a, &why);
		(void)addr_equal(&a, &b);
		(void)addr_same_host(&a, &b);
		(void)addr_host_hash(&a);
		(void)addr_port(&a);
		b = a;
		assert_int_equal(addr_equal(&a, &b), a.len <= sizeof(a.u));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_its_socket),
		cmocka_unit_test(programs_get_the_usual_kind),
		cmocka_unit_test(text_of_the_new_kinds),
		cmocka_unit_test(vsock_is_checked),
		cmocka_unit_test(tipc_is_a_service_and_its_peers_are_sockets),
		cmocka_unit_test(hosts_alone),
		cmocka_unit_test(whatever_is_taken_comes_back),
		cmocka_unit_test(no_bytes_break_a_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
