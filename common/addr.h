/*
 * Endpoint addresses: one type, one parser, one printer.
 *
 *	tcp:127.0.0.1:80   tcp:[fe80::1%eth0]:80   tcp:*:80
 *	udp:10.0.0.1:53    unix:/run/app/a.sock    unix:@abstract
 *	unixdgram:/run/app/d.sock   unixseq:/run/app/s.sock
 *	mptcp:, sctp:, seqsctp: as tcp:   udplite: as udp:
 *	vsock:CID:PORT   seqtipc:TYPE:INSTANCE   tipc:TYPE:INSTANCE
 *
 * What addr_print writes, addr_parse reads back to the same.  Nothing here
 * allocates or keeps state; every function may be called from any thread.
 */

#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* The word before the first colon.  Numbers travel in messages: append. */
enum addr_kind {
	ADDR_NONE,
	ADDR_TCP,
	ADDR_UDP,
	ADDR_UNIX,
	ADDR_UNIXDGRAM,
	ADDR_MPTCP,
	ADDR_UNIXSEQ,
	ADDR_VSOCK,
	ADDR_SCTP,    /* a stream of bytes over an SCTP association */
	ADDR_SEQSCTP, /* its messages, one to one */
	ADDR_SEQTIPC,
	ADDR_UDPLITE,
	ADDR_TIPC, /* reliable datagrams */
	ADDR_KINDS
};

/* The word of a kind; NULL when there is no such. */
const char *addr_kind_word(unsigned int kind);

/* One IPv6 socket that takes IPv4 as well: the host "*". */
#define ADDR_DUAL 0x01

struct addr {
	uint8_t kind;
	uint8_t flags;
	uint16_t len; /* bytes of u in use, as socket calls want them */
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		uint8_t bytes[sizeof(struct sockaddr_un)]; /* other families */
	} u;
};

enum addr_end {
	ADDR_SRC,
	ADDR_DST
};

/* The longest text: a local path of which every byte is written \xHH. */
#define ADDR_TEXT_BYTES (16 + 4 * 108 + 1)

/*
 * Gives the address of a host name; returns 0, or -1 when there is none.
 * Fills only u and len of the address (port 0), and may look at its kind.
 */
struct addr_resolver {
	int (*resolve)(void *arg, const char *host, struct addr *);
	void *arg;
};

/*
 * Reads text.  resolver may be NULL: then a host must be numeric.  Returns
 * 0, or -1 with errno EINVAL (no such notation), EAFNOSUPPORT (unknown
 * kind), EADDRNOTAVAIL (v4-mapped), ENAMETOOLONG (local path) or ENXIO (no
 * such interface) and *why a sentence without the address in it.
 */
int addr_parse(struct addr *, const char *text, const struct addr_resolver *,
    const char **why);

/*
 * Writes at most size bytes, NUL included; always terminated.  Returns buf.
 * A local peer without a name prints as "unix:-".  With a scope it asks for
 * the interface's name, which takes a socket: not for the engine.
 */
char *addr_print(const struct addr *, char *buf, size_t size);

/*
 * From what a program holds.  Returns 0, or -1 with errno EAFNOSUPPORT (no
 * such family), EPROTOTYPE (no such type in this family), EINVAL (length or
 * content wrong) or EADDRNOTAVAIL (v4-mapped).
 */
int addr_from_sockaddr(struct addr *, int socktype, const struct sockaddr *,
    socklen_t);

/*
 * For what accept and getsockname gave: a v4-mapped address becomes the
 * IPv4 one, and a local peer without a name is kept as such.
 */
void addr_from_kernel(struct addr *, enum addr_kind, const struct sockaddr *,
    socklen_t);

/*
 * What an address must be to serve as this end of a bridge: whole, not
 * v4-mapped, with a port, a link-local one with its interface; a dst must be
 * specified.  Returns 0, or -1 with errno EINVAL (not whole, port 0, no
 * interface), EAFNOSUPPORT, EADDRNOTAVAIL (v4-mapped, unspecified) and *why.
 */
int addr_check(const struct addr *, enum addr_end, const char **why);

int addr_socktype(const struct addr *); /* SOCK_STREAM, ...; 0: none */
/*
 * What socket(2) is to be given.  The type differs from that of the kind
 * for seqsctp: a SOCK_STREAM socket of SCTP is one to one, keeps records, and
 * can be accepted and connected; one of SOCK_SEQPACKET is one to many.
 */
int addr_kernel_type(const struct addr *);
int addr_protocol(const struct addr *); /* 0: the type's own */
int addr_family(const struct addr *);
/* -1 where there is none; INT_MAX for those of vsock beyond it. */
int addr_port(const struct addr *);
int addr_is_connected_type(const struct addr *); /* stream, seqpacket */
int addr_is_tcp(const struct addr *);            /* tcp, mptcp */
int addr_is_ip(const struct addr *);             /* AF_INET, AF_INET6 */
int addr_is_path(const struct addr *);           /* local and not abstract */
int addr_equal(const struct addr *, const struct addr *);

/*
 * A host without kind and port ("10.0.0.1", "fe80::1%eth0"), as an address of
 * kind tcp with port 0, and back.  Errors as addr_parse.
 */
int addr_parse_host(struct addr *, const char *text, const char **why);
char *addr_print_host(const struct addr *, char *buf, size_t size);
/* Whether it is one, of a single host, whatever a program put into it. */
int addr_check_host(const struct addr *, const char **why);

/* The same host, whatever the port; local addresses are all one host. */
int addr_same_host(const struct addr *, const struct addr *);
uint32_t addr_host_hash(const struct addr *);

#endif
