/*
 * Host names, looked up with the system's resolver.
 */

#include <sys/types.h>
#include <sys/socket.h>

#include <netdb.h>
#include <string.h>

#include "resolve.h"

/* Whether an answer can be the host of an endpoint. */
static int
is_usable(const struct addrinfo *ai)
{
	struct sockaddr_in6 in6;

	if (ai->ai_family == AF_INET)
		return ai->ai_addrlen == sizeof(struct sockaddr_in);
	if (ai->ai_family != AF_INET6 || ai->ai_addrlen != sizeof in6)
		return 0;
	memcpy(&in6, ai->ai_addr, sizeof in6);
	return !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
}

int
resolve_host(void *arg, const char *host, struct addr *addr)
{
	struct resolve_state *state = arg;
	struct addrinfo hints, *ai, *list;
	int err;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM; /* any: it is the host that counts */
	hints.ai_flags = AI_ADDRCONFIG;
	err = getaddrinfo(host, NULL, &hints, &list);
	if (err != 0) {
		state->error = gai_strerror(err);
		return -1;
	}
	for (ai = list; ai != NULL && !is_usable(ai); ai = ai->ai_next)
		;
	if (ai != NULL) {
		memcpy(&addr->u, ai->ai_addr, ai->ai_addrlen);
		addr->len = (uint16_t)ai->ai_addrlen;
	}
	freeaddrinfo(list);
	return ai != NULL ? 0 : -1;
}
