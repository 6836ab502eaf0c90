/*
 * Names in place of addresses, on top of libmct and nothing of the daemon's.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#include <mct/convenience.h>
#include <mct/session.h>

/* The constants are negative on some systems and positive on others. */
static int
conv_error(int eai)
{
	return eai < 0 ? eai : -eai;
}

static int
conv_resolve(int type, const char *host, const char *serv, int flags,
    struct addrinfo **list)
{
	struct addrinfo hints;
	int eai;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = type;
	hints.ai_flags = flags;
	eai = getaddrinfo(host, serv, &hints, list);
	return eai == 0 ? 0 : conv_error(eai);
}

/* ---- bridges ---- */

/* All pairs; the id of the first, or what went wrong with the last. */
static int
conv_pairs(struct mct *mct, int type, const struct addrinfo *srcs,
    const struct addrinfo *dsts)
{
	const struct addrinfo *src, *dst;
	int id, first = conv_error(EAI_NONAME), err = 0;

	for (src = srcs; src != NULL; src = src->ai_next)
		for (dst = dsts; dst != NULL; dst = dst->ai_next) {
			if (src->ai_family != dst->ai_family)
				continue;
			id = mct_bridge(mct, type, src->ai_addr,
			    src->ai_addrlen, dst->ai_addr, dst->ai_addrlen);
			if (id == -1)
				err = errno;
			if (first >= 0)
				continue;
			first = id != -1 ? id : conv_error(EAI_SYSTEM);
		}
	errno = err;
	return first;
}

int
mct_bridge_name(struct mct *mct, int type, const char *src_host,
    const char *src_serv, int src_flags, const char *dst_host,
    const char *dst_serv, int dst_flags)
{
	struct addrinfo *srcs, *dsts;
	int result, err;

	result = conv_resolve(type, src_host, src_serv, src_flags, &srcs);
	if (result != 0)
		return result;
	result = conv_resolve(type, dst_host, dst_serv, dst_flags, &dsts);
	if (result == 0) {
		result = conv_pairs(mct, type, srcs, dsts);
		err = errno;
		freeaddrinfo(dsts);
		errno = err;
	}
	err = errno;
	freeaddrinfo(srcs);
	errno = err;
	return result;
}

/* ---- groups ---- */

typedef int (*conv_change_fn)(struct mct *, int s, int ifindex,
    const struct sockaddr *, socklen_t);

static int
conv_is_group(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		return IN_MULTICAST(ntohl(in.sin_addr.s_addr));
	}
	if (sa->sa_family != AF_INET6)
		return 0;
	memcpy(&in6, sa, sizeof in6);
	return IN6_IS_ADDR_MULTICAST(&in6.sin6_addr);
}

/* The number of an interface; 0 for none, -1 with errno. */
static int
conv_ifindex(const char *ifname)
{
	unsigned int index;

	if (ifname == NULL)
		return 0;
	index = if_nametoindex(ifname);
	if (index == 0)
		return -1;
	if (index > INT_MAX) {
		errno = ENXIO;
		return -1;
	}
	return (int)index;
}

/* Stops at the first that is refused. */
static int
conv_change(struct mct *mct, conv_change_fn change, int s, const char *ifname,
    const char *host, const char *serv, int flags)
{
	struct addrinfo *list;
	const struct addrinfo *ai;
	int err, result, ifindex = conv_ifindex(ifname);

	if (ifindex == -1)
		return conv_error(EAI_SYSTEM);
	result = conv_resolve(SOCK_DGRAM, host, serv, flags, &list);
	if (result != 0)
		return result;
	result = conv_error(EAI_NONAME);
	for (ai = list; ai != NULL; ai = ai->ai_next) {
		if (!conv_is_group(ai->ai_addr))
			continue;
		result = change(mct, s, ifindex, ai->ai_addr, ai->ai_addrlen);
		if (result == -1) {
			result = conv_error(EAI_SYSTEM);
			break;
		}
	}
	err = errno;
	freeaddrinfo(list);
	errno = err;
	return result;
}

int
mct_session_add_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags)
{
	return conv_change(mct, mct_session_add, s, ifname, host, serv, flags);
}

int
mct_session_drop_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags)
{
	return conv_change(mct, mct_session_drop, s, ifname, host, serv, flags);
}

int
mct_session_affinity_name(struct mct *mct, int s, const char *ifname,
    const char *host, const char *serv, int flags)
{
	int ifindex;

	if (host != NULL || serv != NULL)
		return conv_change(mct, mct_session_affinity, s, ifname, host,
		    serv, flags);
	ifindex = conv_ifindex(ifname);
	if (ifindex == -1 ||
	    mct_session_affinity(mct, s, ifindex, NULL, 0) == -1)
		return conv_error(EAI_SYSTEM);
	return 0;
}
