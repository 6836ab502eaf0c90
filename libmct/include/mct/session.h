/*
 * Bridges and sessions.
 */
#ifndef MCT_SESSION_H
#define MCT_SESSION_H

#include <sys/types.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mct;
struct mct_options;

/*
 * Makes a bridge from src to dst.  type is SOCK_STREAM, SOCK_DGRAM,
 * SOCK_SEQPACKET or SOCK_RDM; src and dst are addresses of a family that has
 * that type, not necessarily the same one:
 *	AF_INET, AF_INET6	SOCK_STREAM (TCP), SOCK_DGRAM (UDP),
 *				SOCK_SEQPACKET (SCTP)
 *	AF_LOCAL		SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET
 *	AF_VSOCK		SOCK_STREAM
 *	AF_TIPC			SOCK_SEQPACKET, SOCK_RDM, address of a service
 * Other protocols have names of their own: see mct_bridge_text.  The bridge
 * stays when the handle is gone.  Returns its id, 0 or greater, or -1 with
 *errno: EBADMSG		the daemon answered with an invalid id
 *	EAFNOSUPPORT	a family is not supported
 *	EPROTOTYPE	a family does not have that type, or types differ
 *	EEXIST		this src-dst pair exists
 *	EADDRINUSE	src is in use
 *	EADDRNOTAVAIL	src is not of this machine, dst is unspecified, or an
 *			address is IPv4-mapped
 *	EINVAL		an address is incomplete, dst is src, or an option
 *			has no effect on this bridge
 *	EACCES		not permitted, or a local path outside of the
 *			configured directories
 *	ELOOP		dst leads back to src, maybe through other bridges
 *	EOPNOTSUPP	a multicast group as the end of sessions
 *	ESHUTDOWN	the daemon is stopping
 *	ENOSPC		the table of bridges is full
 *	ETIMEDOUT	no answer in time; the bridge may exist
 *	EPIPE		the daemon is gone
 * and what socket calls gave in the daemon.
 */
int mct_bridge(struct mct *mct, int type, const struct sockaddr *src,
    socklen_t srclen, const struct sockaddr *dst, socklen_t dstlen);

/* The same with options; NULL for none. */
int mct_bridge_options(struct mct *mct, int type, const struct sockaddr *src,
    socklen_t srclen, const struct sockaddr *dst, socklen_t dstlen,
    const struct mct_options *options);

/*
 * The same from text ("tcp:127.0.0.1:80"; mctd.conf(5)); hosts are numeric.
 * Also EINVAL for text that does not parse, with the reason in mct_error.
 */
int mct_bridge_text(struct mct *mct, const char *src, const char *dst,
    const struct mct_options *options);

/*
 * Ends bridge or session s: its sockets are closed when this returns; a
 * bridge takes its sessions with it.  0, or -1 with errno: EINVAL no such
 * id, EACCES, ETIMEDOUT, EPIPE.
 */
int mct_session_close(struct mct *mct, int s);

/* Only a bridge, by id or by name (then s is not looked at). */
int mct_bridge_close(struct mct *mct, int s, const char *name);

/* Only a session. */
int mct_session_end(struct mct *mct, int s);

/*
 * Groups of a connectionless bridge s, changed while it carries.  ifindex is
 * the number of an interface, 0: the one the system chooses.  A bridge does
 * not send to a group before it has a TTL.
 *
 * mct_session_add: src receives what is sent to the group sa, whose port is
 * not looked at, beside what is sent to itself; mct_session_drop: no longer.
 * mct_session_affinity: what the bridge sends to groups leaves by that
 * interface; sa is NULL or a group, and that of all groups changes.
 * mct_session_ttl: it leaves with that TTL or hop limit, 1 to 255; 0: it does
 * not leave.
 *
 * All return 0, or -1 with errno:
 *	EINVAL		no such id, not a group, a number out of range, or s is
 *			no bridge that can have groups
 *	EEXIST		joined already
 *	ENOENT		not joined
 *	EAFNOSUPPORT	a family without groups
 *	EADDRNOTAVAIL	an address is IPv4-mapped
 *	ELOOP		what leaves for the group would come in again
 *	EACCES		not permitted
 *	ENOSPC		the bridge, or the daemon, has as many groups as it may
 *	ETIMEDOUT	no answer in time; it may be done
 *	EPIPE		the daemon is gone
 * and what socket calls gave in the daemon.
 */
int mct_session_add(struct mct *mct, int s, int ifindex,
    const struct sockaddr *sa, socklen_t salen);
int mct_session_drop(struct mct *mct, int s, int ifindex,
    const struct sockaddr *sa, socklen_t salen);
int mct_session_affinity(struct mct *mct, int s, int ifindex,
    const struct sockaddr *sa, socklen_t salen);
int mct_session_ttl(struct mct *mct, int s, int ttl);

/*
 * The same of either end: MCT_SRC receives what is sent to the group, MCT_DST
 * sends to it as well as to its own address.  source, of a src alone, is the
 * one host to hear; NULL: any.
 */
enum mct_end {
	MCT_SRC,
	MCT_DST
};
int mct_group_join(struct mct *mct, int s, int end, int ifindex,
    const struct sockaddr *group, socklen_t grouplen,
    const struct sockaddr *source, socklen_t sourcelen);
int mct_group_leave(struct mct *mct, int s, int end, int ifindex,
    const struct sockaddr *group, socklen_t grouplen,
    const struct sockaddr *source, socklen_t sourcelen);

/*
 * The same from text, of a bridge by id or by name (then s is not looked at):
 * "src 239.1.1.1 interface eth1 source 10.0.0.9" (mctd.conf(5)).  An
 * interface by name may come later.  interface NULL is any.
 */
int mct_bridge_join(struct mct *mct, int s, const char *name,
    const char *group);
int mct_bridge_leave(struct mct *mct, int s, const char *name,
    const char *group);
int mct_bridge_ttl(struct mct *mct, int s, const char *name, int ttl);
int mct_bridge_affinity(struct mct *mct, int s, const char *name,
    const char *interface);

/*
 * Options of a bridge, by name: "name", and those of mctd.conf(5), "max",
 * "max-per-source", "connection-rate", "rate", "backlog", "connect", "idle",
 * "half-closed", "lifetime", "keepalive", "keepalive-interval",
 * "keepalive-count", "user-timeout", "hold", "nodelay", "dscp", "mark",
 * "bind-device", "source" and "dst"; of connectionless bridges "min",
 * "datagram-rate", "hops", "broadcast", "loop", "reply", "flows",
 * "receive-buffer", "send-buffer", "in-interface", "ttl", "loopback",
 * "affinity" and "join".  Values are text as there ("5m", "100", "10M",
 * "yes"; a time of 0 is never).  What is set again is replaced, but each
 * "dst" and each "join" is one more.  mct_options_new: NULL with ENOMEM.
 * mct_options_set: 0, or -1 with the set unchanged and errno:
 *	ENOENT		no such option
 *	EINVAL		not such a value
 *	ERANGE		too large, or the name too long
 *	ENOSPC		too many dsts or groups
 *	EEXIST		this dst or group is in the set
 * and of addresses in "source", "dst" and "join" also EAFNOSUPPORT (no such
 * kind), EADDRNOTAVAIL (IPv4-mapped or unspecified), ENAMETOOLONG (local path)
 * and ENXIO (no such interface).
 */
struct mct_options *mct_options_new(void);
int mct_options_set(struct mct_options *options, const char *name,
    const char *value);
void mct_options_free(struct mct_options *options);

#ifdef __cplusplus
}
#endif

#endif
