/*
 * A program as others write them: it knows the installed headers and
 * libraries alone, and tries what mct(3) promises on a running daemon.
 *
 * usage: library socket address-family port
 *
 * The family is 4 or 6.  Ports from the one given on are free.  It says what
 * it does; the first promise that does not hold ends it with status 1.
 */

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mct/convenience.h>
#include <mct/event.h>
#include <mct/list.h>
#include <mct/mct.h>
#include <mct/session.h>

#define CHECK(what) check((what) != 0, #what, __LINE__)
#define FAILS(call, err)                                                 \
	check((call) == -1 && errno == (err), #call " fails with " #err, \
	    __LINE__)

struct end {
	struct sockaddr *sa;
	socklen_t len;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static struct mct *mct;

static void
check(int ok, const char *what, int line)
{
	if (ok)
		return;
	printf("line %d: not so: %s (errno %d, %s; \"%s\")\n", line, what,
	    errno, strerror(errno), mct_error(mct));
	exit(1);
}

static struct end *
loopback(struct end *e, int family, int port)
{
	memset(e, 0, sizeof *e);
	if (family == 4) {
		e->in.sin_family = AF_INET;
		e->in.sin_port = htons((unsigned short)port);
		e->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		e->sa = (struct sockaddr *)&e->in;
		e->len = sizeof e->in;
	} else {
		e->in6.sin6_family = AF_INET6;
		e->in6.sin6_port = htons((unsigned short)port);
		e->in6.sin6_addr = in6addr_loopback;
		e->sa = (struct sockaddr *)&e->in6;
		e->len = sizeof e->in6;
	}
	return e;
}

static struct end *
local(struct end *e, const char *path)
{
	memset(e, 0, sizeof *e);
	e->un.sun_family = AF_UNIX;
	strncpy(e->un.sun_path, path, sizeof e->un.sun_path - 1);
	e->sa = (struct sockaddr *)&e->un;
	e->len = sizeof e->un;
	return e;
}

static int
bridge(int type, const struct end *src, const struct end *dst)
{
	return mct_bridge(mct, type, src->sa, src->len, dst->sa, dst->len);
}

/* The number of records of a list that have this id. */
static int
listed(const char *what, int id)
{
	const struct mct_record *record;
	struct mct_list *list = mct_list_open(mct, what);
	uint64_t n;
	int got, count = 0;

	CHECK(list != NULL);
	CHECK(mct_fini(mct) == -1 && (errno == EBUSY || errno == EISCONN));
	while ((got = mct_list_next(list, &record)) == 1) {
		CHECK(mct_record_number(record, "id", &n) == 0);
		CHECK(mct_record_is_number(record, "state") == 0);
		FAILS(mct_record_number(record, "state", &n), EINVAL);
		FAILS(mct_record_number(record, "no-such", &n), ENOENT);
		CHECK(mct_record_text(record, "no-such") == NULL);
		CHECK(mct_record_fields(record) > 5);
		CHECK(mct_record_field(record, 1000) == NULL);
		count += (int)n == id;
	}
	CHECK(got == 0);
	mct_list_close(list);
	return count;
}

static void
try_init(const char *path)
{
	char name[300];

	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	CHECK(mct_init(name) == NULL && errno == ENAMETOOLONG);
	CHECK(mct_init("/nowhere/at/all") == NULL && errno == ENOENT);
	CHECK(
	    mct_init("no-such-abstract-name") == NULL && errno == ECONNREFUSED);
	CHECK(mct_init(NULL) == NULL && errno == ENOENT);
	FAILS(mct_fini(NULL), EINVAL);
	CHECK(*mct_error(NULL) != '\0' || mct_error(NULL) != NULL);
	mct = mct_init(path);
	CHECK(mct != NULL);
	CHECK(strcmp(mct_error(mct), "") == 0);
	CHECK(strcmp(mct_role(mct), "admin") == 0);
	CHECK(mct_version() != NULL && mct_has("list") == 1);
	CHECK(mct_has("time-travel") == 0);
	FAILS(mct_timeout(mct, -2), EINVAL);
	CHECK(mct_timeout(mct, 20000) == 0);
}

static void
try_bad_ends(int family, int port)
{
	struct end src, dst, any, mapped, path;

	loopback(&src, family, port);
	loopback(&dst, 10 - family, port + 1);
	FAILS(mct_bridge(mct, SOCK_STREAM, NULL, 0, dst.sa, dst.len), EINVAL);
	FAILS(mct_bridge(mct, SOCK_STREAM, src.sa, 3, dst.sa, dst.len), EINVAL);
	FAILS(mct_bridge(mct, SOCK_STREAM, src.sa, src.len, dst.sa,
		  dst.len - 1),
	    EINVAL);
	FAILS(bridge(SOCK_RDM, &src, &dst), EPROTOTYPE);
	FAILS(bridge(SOCK_STREAM, &src, loopback(&any, 4, 0)), EINVAL);
	FAILS(bridge(SOCK_STREAM, loopback(&any, 6, 0), &dst), EINVAL);
	loopback(&any, 4, port);
	any.in.sin_addr.s_addr = htonl(INADDR_ANY);
	FAILS(bridge(SOCK_STREAM, &src, &any), EADDRNOTAVAIL);
	FAILS(bridge(SOCK_STREAM, &src, &src), EINVAL);
	loopback(&mapped, 6, port);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.in6.sin6_addr);
	FAILS(bridge(SOCK_STREAM, &mapped, &dst), EADDRNOTAVAIL);
	FAILS(bridge(SOCK_STREAM, &src, &mapped), EADDRNOTAVAIL);
	FAILS(bridge(SOCK_STREAM, &src, local(&path, "/tmp/x")), EACCES);
	FAILS(bridge(SOCK_DGRAM, local(&path, "/tmp/x"), &dst), EACCES);
	src.sa->sa_family = AF_APPLETALK;
	FAILS(bridge(SOCK_STREAM, &src, &dst), EAFNOSUPPORT);
	loopback(&any, 4, port);
	any.in.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
	FAILS(bridge(SOCK_STREAM, &any, &dst), EADDRNOTAVAIL);
	FAILS(mct_bridge_text(mct, "tcp:[::1]:1x", "tcp:[::1]:2", NULL),
	    EINVAL);
	CHECK(strstr(mct_error(mct), "port") != NULL);
	FAILS(mct_bridge_text(mct, "tcp:[::1]:1", "udp:[::1]:2", NULL),
	    EPROTOTYPE);
}

/* A server of ours in the place of a src. */
static void
try_in_use(int family, int port)
{
	struct end taken, dst;
	int fd;

	loopback(&taken, family, port + 2);
	loopback(&dst, family, port + 1);
	fd = socket(taken.sa->sa_family, SOCK_STREAM, 0);
	CHECK(fd != -1 && bind(fd, taken.sa, taken.len) == 0);
	CHECK(listen(fd, 1) == 0);
	FAILS(bridge(SOCK_STREAM, &taken, &dst), EADDRINUSE);
	close(fd);
}

static void
try_options(int family, int port)
{
	struct mct_options *options = mct_options_new();
	struct end src, dst;
	int id;

	CHECK(options != NULL);
	FAILS(mct_options_set(options, "colour", "red"), ENOENT);
	FAILS(mct_options_set(options, "max", "many"), EINVAL);
	FAILS(mct_options_set(options, "idle", "8d"), ERANGE);
	FAILS(mct_options_set(options, "name", "12"), EINVAL);
	CHECK(mct_options_set(options, "max", "1") == 0);
	CHECK(mct_options_set(options, "name", "named") == 0);
	loopback(&src, family, port + 3);
	loopback(&dst, family, port + 1);
	id = mct_bridge_options(mct, SOCK_STREAM, src.sa, src.len, dst.sa,
	    dst.len, options);
	CHECK(id > 0);
	FAILS(mct_session_end(mct, id), EINVAL);
	CHECK(mct_bridge_close(mct, -1, "named") == 0);
	FAILS(mct_bridge_close(mct, 0, "named"), EINVAL);
	FAILS(mct_bridge_close(mct, id, NULL), EINVAL);
	mct_options_free(options);
	mct_options_free(NULL);
}

/* A group of the family, on the loopback interface. */
static struct end *
group(struct end *e, int family)
{
	loopback(e, family, 9);
	if (family == 4)
		CHECK(inet_pton(AF_INET, "239.1.2.3", &e->in.sin_addr) == 1);
	else
		CHECK(inet_pton(AF_INET6, "ff15::7", &e->in6.sin6_addr) == 1);
	return e;
}

/*
 * How many groups a bridge has.  Those of its src are joined; a dst may wait
 * for a route.
 */
static int
groups(int id)
{
	const struct mct_record *record;
	struct mct_list *list = mct_list_open(mct, "groups");
	uint64_t n;
	int got, count = 0;

	CHECK(list != NULL);
	while ((got = mct_list_next(list, &record)) == 1) {
		CHECK(mct_record_number(record, "bridge", &n) == 0);
		if ((int)n != id)
			continue;
		count++;
		if (strcmp(mct_record_text(record, "end"), "src") == 0)
			CHECK(strcmp(mct_record_text(record, "state"),
				  "joined") == 0);
	}
	CHECK(got == 0);
	mct_list_close(list);
	return count;
}

static void
try_groups(int family, int port)
{
	struct end src, dst, g;
	int id;

	loopback(&src, family, port + 4);
	loopback(&dst, family, port + 5);
	group(&g, family);
	id = bridge(SOCK_DGRAM, &src, &dst);
	CHECK(id > 0 && groups(id) == 0);
	FAILS(mct_session_add(mct, id, 1, dst.sa, dst.len), EINVAL);
	FAILS(mct_session_add(mct, id + 1, 1, g.sa, g.len), EINVAL);
	FAILS(mct_session_drop(mct, id, 1, g.sa, g.len), ENOENT);
	CHECK(mct_session_add(mct, id, 1, g.sa, g.len) == 0);
	FAILS(mct_session_add(mct, id, 1, g.sa, g.len), EEXIST);
	CHECK(mct_group_join(mct, id, MCT_DST, 1, g.sa, g.len, NULL, 0) == 0);
	CHECK(groups(id) == 2);
	FAILS(mct_session_ttl(mct, id, 256), EINVAL);
	CHECK(mct_session_ttl(mct, id, 3) == 0);
	CHECK(mct_session_affinity(mct, id, 1, g.sa, g.len) == 0);
	CHECK(mct_session_affinity(mct, id, 0, NULL, 0) == 0);
	CHECK(mct_session_drop(mct, id, 1, g.sa, g.len) == 0);
	CHECK(groups(id) == 1);
	/* By name, as others would. */
	CHECK(mct_session_add_name(mct, id, "lo",
		  family == 4 ? "239.1.2.4" : "ff15::8", NULL, 0) == 0);
	CHECK(groups(id) == 2);
	CHECK(mct_session_drop_name(mct, id, "lo",
		  family == 4 ? "239.1.2.4" : "ff15::8", NULL, 0) == 0);
	CHECK(mct_bridge_leave(mct, id, NULL,
		  family == 4 ? "dst 239.1.2.3 interface lo" :
				"dst ff15::7 interface lo") == 0);
	CHECK(groups(id) == 0);
	CHECK(mct_session_close(mct, id) == 0);
	FAILS(mct_session_ttl(mct, id, 3), EINVAL);
}

static void
try_names(int family, int port)
{
	const char *host = family == 4 ? "127.0.0.1" : "::1";
	char src[16], dst[16];
	int id;

	snprintf(src, sizeof src, "%d", port + 6);
	snprintf(dst, sizeof dst, "%d", port + 7);
	id = mct_bridge_name(mct, SOCK_DGRAM, host, src, 0, host, dst, 0);
	CHECK(id > 0 && listed("bridges", id) == 1);
	CHECK(mct_bridge_name(mct, SOCK_DGRAM, host, src, 0, host, dst, 0) < 0);
	CHECK(errno == EEXIST);
	CHECK(mct_session_close(mct, id) == 0);
}

/* The next event, waiting for it. */
static enum mct_event
event(int *s, int *err)
{
	struct pollfd p = { -1, POLLIN, 0 };
	enum mct_event e;

	p.fd = mct_fd(mct);
	while (mct_event_read(mct, &e, NULL, s, err) == -1) {
		CHECK(errno == EWOULDBLOCK);
		CHECK(poll(&p, 1, 20000) == 1);
	}
	return e;
}

/* A peer through the bridge; returns its socket. */
static int
peer(const struct end *src)
{
	int fd = socket(src->sa->sa_family, SOCK_STREAM, 0);

	CHECK(fd != -1 && connect(fd, src->sa, src->len) == 0);
	return fd;
}

static void
try_session(const struct end *src, int server, int id)
{
	struct linger now = { 1, 0 };
	char byte = 'x';
	int fd, end, s, err;

	FAILS(mct_event_read(mct, NULL, NULL, NULL, NULL), ENOTCONN);
	FAILS(mct_event_detach(mct), ENOTCONN);
	CHECK(mct_event_attach(mct, 0) == 0);
	FAILS(mct_event_attach(mct, 0), EISCONN);
	FAILS(mct_event_attach_since(mct, 1, 1), EISCONN);
	FAILS(mct_event_read(mct, NULL, NULL, NULL, NULL), EWOULDBLOCK);
	fd = peer(src);
	end = accept(server, NULL, NULL);
	CHECK(send(fd, &byte, 1, 0) == 1 && recv(end, &byte, 1, 0) == 1);
	CHECK(event(&s, &err) == MCT_SESSION_OPENED && s > 0 && err == 0);
	CHECK(s != id && listed("sessions", s) == 1);
	CHECK(mct_session_close(mct, s) == 0);
	CHECK(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET);
	CHECK(recv(end, &byte, 1, 0) == -1 && errno == ECONNRESET);
	CHECK(listed("sessions", s) == 0);
	FAILS(mct_session_close(mct, s), EINVAL);
	CHECK(event(&id, NULL) == MCT_SESSION_CLOSED && id == s);
	close(end);
	close(fd);
	fd = peer(src);
	end = accept(server, NULL, NULL);
	CHECK(event(&s, NULL) == MCT_SESSION_OPENED);
	CHECK(setsockopt(end, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
	close(end);
	CHECK(event(&id, &err) == MCT_SESSION_CLOSED && id == s);
	CHECK(err == ECONNRESET);
	close(fd);
}

int
main(int argc, char **argv)
{
	struct end src, dst;
	int family, port, server, id, s, err, fd;

	if (argc != 4)
		return 2;
	family = atoi(argv[2]);
	port = atoi(argv[3]);
	try_init(argv[1]);
	try_bad_ends(family, port);
	try_in_use(family, port);
	try_options(family, port);
	try_groups(family, port);
	try_names(family, port);
	loopback(&src, family, port);
	loopback(&dst, 10 - family, port + 1);
	server = socket(dst.sa->sa_family, SOCK_STREAM, 0);
	CHECK(server != -1 && bind(server, dst.sa, dst.len) == 0);
	CHECK(listen(server, 5) == 0);
	id = bridge(SOCK_STREAM, &src, &dst);
	CHECK(id > 0 && listed("bridges", id) == 1);
	FAILS(bridge(SOCK_STREAM, &src, &dst), EEXIST);
	FAILS(bridge(SOCK_DGRAM, &dst, &dst), EINVAL);
	try_session(&src, server, id);
	close(server);
	fd = peer(&src);
	CHECK(event(&s, &err) == MCT_CONNECT_FAILED && err == ECONNREFUSED);
	close(fd);
	FAILS(mct_fini(mct), EISCONN);
	CHECK(mct_session_close(mct, id) == 0);
	CHECK(event(&s, NULL) == MCT_BRIDGE_DESTROYED && s == id);
	CHECK(listed("bridges", id) == 0);
	FAILS(mct_session_close(mct, id), EINVAL);
	FAILS(mct_session_close(mct, 0), EINVAL);
	FAILS(mct_session_close(mct, -1), EINVAL);
	CHECK(mct_event_detach(mct) == 0);
	CHECK(mct_list_open(mct, "nothing") == NULL && errno == ENOENT);
	CHECK(mct_fini(mct) == 0);
	printf("done\n");
	return 0;
}
