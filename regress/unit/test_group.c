/*
 * Groups of a bridge by the library, and by names in its companion: what is
 * asked of the daemon, and what is refused before that.
 */
/* links: common/clock.c libmct_conv/conv.c */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../libmct/include/mct/convenience.h"
#include "../../libmct/include/mct/mct.h"
#include "../../libmct/include/mct/session.h"
#include "fake_daemon.h"

static struct mct *
connected(struct fake *fake, void (*script)(struct fake *))
{
	struct mct *mct;

	fake_start(fake, script);
	mct = mct_init(fake->name);
	assert_non_null(mct);
	return mct;
}

static void
ended(struct fake *fake, struct mct *mct)
{
	assert_int_equal(mct_fini(mct), 0);
	fake_stop(fake);
}

static struct sockaddr_in
in4(const char *host)
{
	struct sockaddr_in in;

	memset(&in, 0, sizeof in);
	in.sin_family = AF_INET;
	in.sin_port = htons(4711);
	assert_int_equal(inet_pton(AF_INET, host, &in.sin_addr), 1);
	return in;
}

static struct sockaddr_in6
in6(const char *host)
{
	struct sockaddr_in6 in;

	memset(&in, 0, sizeof in);
	in.sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, host, &in.sin6_addr), 1);
	return in;
}
#define SA(address) (const struct sockaddr *)&(address), sizeof(address)

/* The next change is this one, of bridge 7 or of that name. */
static void
expect_change(struct fake *fake, enum change_what what, const char *name,
    const char *join, uint32_t ttl)
{
	char text[JOIN_TEXT_BYTES] = "";
	struct proto_change m;
	struct frame_in in;
	uint32_t request = fake_expect(fake, MSG_L2C_CHANGE, &in);

	memset(&m, 0, sizeof m);
	proto_get_change(&in, &m);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake, m.what == what);
	FAKE_CHECK(fake, m.id == (name == NULL ? 7 : 0));
	FAKE_CHECK(fake, strcmp(m.name, name == NULL ? "" : name) == 0);
	FAKE_CHECK(fake, m.ttl == ttl);
	if (what == CHANGE_AFFINITY)
		(void)snprintf(text, sizeof text, "%s", m.join.device);
	else if (what != CHANGE_TTL)
		(void)join_print(&m.join, text, sizeof text);
	FAKE_CHECK(fake, strcmp(text, join) == 0);
	fake_done(fake, request, 7);
}

static void
script_addresses(struct fake *fake)
{
	uint32_t request;

	fake_hello(fake);
	expect_change(fake, CHANGE_JOIN, NULL, "src 239.1.1.1", 0);
	expect_change(fake, CHANGE_LEAVE, NULL, "src 239.1.1.1 interface 3", 0);
	expect_change(fake, CHANGE_JOIN, NULL, "dst ff15::7 interface 5", 0);
	expect_change(fake, CHANGE_JOIN, NULL, "src ff02::7 interface 6", 0);
	expect_change(fake, CHANGE_LEAVE, NULL,
	    "src 232.1.1.1 interface 3 source 10.0.0.9", 0);
	expect_change(fake, CHANGE_TTL, NULL, "", 255);
	expect_change(fake, CHANGE_TTL, NULL, "", 0);
	expect_change(fake, CHANGE_AFFINITY, NULL, "4", 0);
	expect_change(fake, CHANGE_AFFINITY, NULL, "", 0);
	request = fake_expect(fake, MSG_L2C_CHANGE, NULL);
	fake_error(fake, request, ENOENT, "the bridge has no such group");
}

static void
groups_by_address(void **state)
{
	struct sockaddr_in group = in4("239.1.1.1"), ssm = in4("232.1.1.1");
	struct sockaddr_in host = in4("10.0.0.9");
	struct sockaddr_in6 group6 = in6("ff15::7"), link = in6("ff02::7");
	struct fake fake;
	struct mct *mct = connected(&fake, script_addresses);

	(void)state;
	link.sin6_scope_id = 6;
	assert_int_equal(mct_session_add(mct, 7, 0, SA(group)), 0);
	assert_int_equal(mct_session_drop(mct, 7, 3, SA(group)), 0);
	assert_int_equal(mct_group_join(mct, 7, MCT_DST, 5, SA(group6), NULL,
			     0),
	    0);
	assert_int_equal(mct_session_add(mct, 7, 0, SA(link)), 0);
	assert_int_equal(mct_group_leave(mct, 7, MCT_SRC, 3, SA(ssm), SA(host)),
	    0);
	assert_int_equal(mct_session_ttl(mct, 7, 255), 0);
	assert_int_equal(mct_session_ttl(mct, 7, 0), 0);
	assert_int_equal(mct_session_affinity(mct, 7, 4, SA(group)), 0);
	assert_int_equal(mct_session_affinity(mct, 7, 0, NULL, 0), 0);
	assert_int_equal(mct_session_drop(mct, 7, 0, SA(group)), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(mct_error(mct), "the bridge has no such group");
	ended(&fake, mct);
}

static void
script_nothing(struct fake *fake)
{
	fake_hello(fake);
	fake_expect_end(fake);
}

/* -1 with this errno, and words. */
static void
refused(struct mct *mct, int result, int err)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, err);
	assert_true(strlen(mct_error(mct)) > 5);
}

static void
what_cannot_be_is_not_asked(void **state)
{
	struct sockaddr_in group = in4("239.1.1.1"), host = in4("10.0.0.9");
	struct sockaddr_in6 group6 = in6("ff15::7");
	struct sockaddr_in6 mapped = in6("::ffff:239.1.1.1");
	struct sockaddr_un local = { .sun_family = AF_UNIX,
		.sun_path = "/run/app" };
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
		.svm_cid = 2,
		.svm_port = 5000 };
	struct sockaddr_tipc tipc = { .family = AF_TIPC,
		.addrtype = TIPC_SERVICE_ADDR,
		.scope = TIPC_CLUSTER_SCOPE,
		.addr.name.name = { 1000, 1 } };
	struct fake fake;
	struct mct *mct = connected(&fake, script_nothing);

	(void)state;
	refused(mct, mct_session_add(mct, 0, 0, SA(group)), EINVAL);
	refused(mct, mct_session_add(mct, -1, 0, SA(group)), EINVAL);
	refused(mct, mct_session_add(mct, 7, -1, SA(group)), EINVAL);
	refused(mct, mct_session_add(mct, 7, 0, NULL, 0), EINVAL);
	refused(mct, mct_session_add(mct, 7, 0, SA(host)), EINVAL);
	refused(mct,
	    mct_session_add(mct, 7, 0, (const struct sockaddr *)&group, 4),
	    EINVAL);
	refused(mct, mct_session_add(mct, 7, 0, SA(mapped)), EADDRNOTAVAIL);
	refused(mct, mct_session_add(mct, 7, 0, SA(local)), EAFNOSUPPORT);
	refused(mct, mct_session_add(mct, 7, 0, SA(vm)), EAFNOSUPPORT);
	refused(mct, mct_session_add(mct, 7, 0, SA(tipc)), EAFNOSUPPORT);
	refused(mct, mct_group_join(mct, 7, 2, 0, SA(group), NULL, 0), EINVAL);
	refused(mct, mct_group_join(mct, 7, MCT_SRC, 0, SA(group6), SA(host)),
	    EINVAL);
	refused(mct, mct_group_join(mct, 7, MCT_DST, 0, SA(group), SA(host)),
	    EINVAL);
	refused(mct, mct_session_affinity(mct, 7, 0, SA(host)), EINVAL);
	refused(mct, mct_session_ttl(mct, 7, -1), EINVAL);
	refused(mct, mct_session_ttl(mct, 7, 256), EINVAL);
	refused(mct, mct_bridge_join(mct, 7, NULL, NULL), EINVAL);
	refused(mct, mct_bridge_join(mct, 7, NULL, "239.1.1.1"), EINVAL);
	refused(mct, mct_bridge_join(mct, 7, "", "src 239.1.1.1"), EINVAL);
	refused(mct,
	    mct_bridge_ttl(mct, 7, "12345678901234567890123456789012", 1),
	    EINVAL);
	refused(mct, mct_bridge_affinity(mct, 7, NULL, "a/b"), EINVAL);
	refused(mct, mct_bridge_affinity(mct, 7, NULL, "1234567890123456"),
	    EINVAL);
	assert_int_equal(mct_session_ttl(NULL, 7, 1), -1);
	assert_int_equal(mct_session_add(NULL, 7, 0, SA(group)), -1);
	assert_int_equal(mct_session_affinity(NULL, 7, 0, NULL, 0), -1);
	assert_int_equal(mct_bridge_join(NULL, 7, NULL, "src 239.1.1.1"), -1);
	assert_int_equal(mct_bridge_affinity(NULL, 7, NULL, "a"), -1);
	ended(&fake, mct);
}

static void
script_text(struct fake *fake)
{
	uint32_t request;

	fake_hello(fake);
	expect_change(fake, CHANGE_JOIN, "feed",
	    "src 232.1.1.1 interface eth1 source 10.0.0.9", 0);
	expect_change(fake, CHANGE_LEAVE, NULL, "dst ff15::7", 0);
	expect_change(fake, CHANGE_TTL, "feed", "", 4);
	expect_change(fake, CHANGE_AFFINITY, "feed", "eth2", 0);
	expect_change(fake, CHANGE_AFFINITY, NULL, "", 0);
	/* Of one that died without an answer it is asked again. */
	request = fake_expect(fake, MSG_L2C_CHANGE, NULL);
	fake_begin(fake, MSG_C2L_RESUMED, 0);
	fake_send(fake);
	FAKE_CHECK(fake, fake_expect(fake, MSG_L2C_CHANGE, NULL) == request);
	fake_done(fake, request, 7);
}

static void
groups_by_text(void **state)
{
	struct fake fake;
	struct mct *mct = connected(&fake, script_text);

	(void)state;
	assert_int_equal(mct_bridge_join(mct, 0, "feed",
			     "src 232.1.1.1 source 10.0.0.9 interface eth1"),
	    0);
	assert_int_equal(mct_bridge_leave(mct, 7, NULL, "dst ff15::7"), 0);
	assert_int_equal(mct_bridge_ttl(mct, 0, "feed", 4), 0);
	assert_int_equal(mct_bridge_affinity(mct, 0, "feed", "eth2"), 0);
	assert_int_equal(mct_bridge_affinity(mct, 7, NULL, NULL), 0);
	assert_int_equal(mct_bridge_ttl(mct, 7, NULL, 5), 0);
	ended(&fake, mct);
}

/* ---- names ---- */

static void
expect_bridge(struct fake *fake, const char *src, const char *dst, uint32_t id)
{
	char text[ADDR_TEXT_BYTES];
	struct bridge_spec spec;
	struct frame_in in;
	uint32_t request = fake_expect(fake, MSG_L2C_BRIDGE_ADD, &in);

	memset(&spec, 0, sizeof spec);
	proto_get_spec(&in, &spec);
	FAKE_CHECK(fake, frame_done(&in) == 0);
	FAKE_CHECK(fake,
	    strcmp(addr_print(&spec.src, text, sizeof text), src) == 0);
	FAKE_CHECK(fake,
	    strcmp(addr_print(&spec.dst, text, sizeof text), dst) == 0);
	if (id == 0)
		fake_error(fake, request, EEXIST, "the bridge exists");
	else
		fake_done(fake, request, id);
}

static void
script_names(struct fake *fake)
{
	fake_hello(fake);
	expect_bridge(fake, "udp:127.0.0.1:7001", "udp:127.0.0.2:7002", 5);
	expect_bridge(fake, "tcp:127.0.0.1:7001", "tcp:127.0.0.1:80", 0);
	expect_change(fake, CHANGE_JOIN, NULL, "src 239.1.1.1 interface 1", 0);
	expect_change(fake, CHANGE_LEAVE, NULL, "src ff15::7", 0);
	expect_change(fake, CHANGE_AFFINITY, NULL, "1", 0);
	expect_change(fake, CHANGE_AFFINITY, NULL, "1", 0);
}

/* Negative everywhere, though the constant itself may not be. */
static int
error(int eai)
{
	return eai < 0 ? eai : -eai;
}

static void
names_are_resolved_here(void **state)
{
	struct fake fake;
	struct mct *mct = connected(&fake, script_names);

	(void)state;
	assert_int_equal(mct_bridge_name(mct, SOCK_DGRAM, "127.0.0.1", "7001",
			     AI_NUMERICHOST, "127.0.0.2", "7002",
			     AI_NUMERICHOST),
	    5);
	errno = 0;
	assert_int_equal(mct_bridge_name(mct, SOCK_STREAM, "127.0.0.1", "7001",
			     AI_NUMERICHOST, "127.0.0.1", "80",
			     AI_NUMERICHOST | AI_NUMERICSERV),
	    error(EAI_SYSTEM));
	assert_int_equal(errno, EEXIST);
	assert_string_equal(mct_error(mct), "the bridge exists");
	/* No two of one family. */
	assert_int_equal(mct_bridge_name(mct, SOCK_DGRAM, "127.0.0.1", "7001",
			     0, "::1", "7002", 0),
	    error(EAI_NONAME));
	assert_int_equal(mct_bridge_name(mct, SOCK_DGRAM, NULL, NULL, 0,
			     "127.0.0.1", "7002", 0),
	    error(EAI_NONAME));
	assert_int_equal(mct_bridge_name(mct, SOCK_DGRAM, "127.0.0.1", "7001",
			     0, "no host", "7002", AI_NUMERICHOST),
	    error(EAI_NONAME));
	assert_int_equal(mct_session_add_name(mct, 7, "lo", "239.1.1.1", NULL,
			     AI_NUMERICHOST),
	    0);
	assert_int_equal(mct_session_drop_name(mct, 7, NULL, "ff15::7", "9",
			     AI_NUMERICHOST | AI_NUMERICSERV),
	    0);
	assert_int_equal(mct_session_affinity_name(mct, 7, "lo", "239.1.1.1",
			     NULL, AI_NUMERICHOST),
	    0);
	assert_int_equal(mct_session_affinity_name(mct, 7, "lo", NULL, NULL, 0),
	    0);
	/* A host is no group. */
	assert_int_equal(mct_session_add_name(mct, 7, NULL, "127.0.0.1", NULL,
			     AI_NUMERICHOST),
	    error(EAI_NONAME));
	assert_int_equal(mct_session_add_name(mct, 7, "nosuch0", "239.1.1.1",
			     NULL, AI_NUMERICHOST),
	    error(EAI_SYSTEM));
	ended(&fake, mct);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_by_address),
		cmocka_unit_test(what_cannot_be_is_not_asked),
		cmocka_unit_test(groups_by_text),
		cmocka_unit_test(names_are_resolved_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
