/*
 * Names of hosts, services and interfaces, resolved by the caller's system:
 * the daemon itself never resolves one.  Link with -lmct_conv -lmct.
 *
 * Host or service may be NULL, as getaddrinfo(3) takes them; flags are its
 * ai_flags.  What fails returns a negative EAI_ constant: EAI_NONAME when
 * nothing was resolved to an address that could serve, EAI_SYSTEM with errno
 * when the system or the daemon refused, with the reason in mct_error.
 */
#ifndef MCT_CONVENIENCE_H
#define MCT_CONVENIENCE_H

#include <sys/types.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mct;

/*
 * A bridge for each pair of a src and a dst address of one family, in the
 * order in which they were resolved.  A pair that the daemon refuses is passed
 * over as long as one is made.  Returns the id of the first.
 */
int mct_bridge_name(struct mct *mct, int type, const char *src_host,
    const char *src_serv, int src_flags, const char *dst_host,
    const char *dst_serv, int dst_flags);

/*
 * mct_session_add, _drop and _affinity of each group that host and service are
 * resolved to; ifname is the name of an interface, NULL: any.  Of the service
 * nothing is used.  mct_session_affinity_name: without host and service it is
 * that of all groups.  Return 0.
 */
int mct_session_add_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags);
int mct_session_drop_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags);
int mct_session_affinity_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags);

#ifdef __cplusplus
}
#endif

#endif
