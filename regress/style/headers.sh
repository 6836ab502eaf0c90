#!/bin/sh
# What programs of others rely on: the published names have the published
# types, in C90 and in C++, and the example of mct(3) compiles.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
flags="-fsyntax-only -Wall -Wextra -Werror -I$top/libmct/include"

published() {
	cat <<'END'
#include <sys/types.h>
#include <sys/socket.h>
#include <mct/convenience.h>
#include <mct/event.h>
#include <mct/list.h>
#include <mct/mct.h>
#include <mct/session.h>
struct mct *(*p1)(const char *) = mct_init;
int (*p2)(struct mct *) = mct_fini;
int (*p3)(struct mct *, int, const struct sockaddr *, socklen_t,
    const struct sockaddr *, socklen_t) = mct_bridge;
int (*p4)(struct mct *, int) = mct_session_close;
int (*p5)(struct mct *, int) = mct_event_attach;
int (*p6)(struct mct *) = mct_event_detach;
int (*p7)(struct mct *, enum mct_event *, unsigned int *, int *, int *) =
    mct_event_read;
int (*p8)(struct mct *, int, int, const struct sockaddr *, socklen_t) =
    mct_session_add;
int (*p9)(struct mct *, int, int, const struct sockaddr *, socklen_t) =
    mct_session_drop;
int (*p10)(struct mct *, int, int, const struct sockaddr *, socklen_t) =
    mct_session_affinity;
int (*p11)(struct mct *, int, int) = mct_session_ttl;
int (*p12)(struct mct *, int, const char *, const char *, int, const char *,
    const char *, int) = mct_bridge_name;
int (*p13)(struct mct *, int, const char *, const char *, const char *, int) =
    mct_session_add_name;
int (*p14)(struct mct *, int, const char *, const char *, const char *, int) =
    mct_session_drop_name;
int (*p15)(struct mct *, int, const char *, const char *, const char *, int) =
    mct_session_affinity_name;
typedef char closed_is_0[MCT_SESSION_CLOSED == 0 ? 1 : -1];
typedef char opened_is_1[MCT_SESSION_OPENED == 1 ? 1 : -1];
typedef char dropped_is_2[MCT_DROPPED_PACKET == 2 ? 1 : -1];
typedef char short_is_3[MCT_SHORT_SEND == 3 ? 1 : -1];
END
}

# The first literal text of mct(3), as man shows it.
example() {
	sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$top/man/mct.3" |
	    sed -e '/^\.[BE]d/d' -e 's/\\e/\\/g'
}

for cc in gcc clang; do
	published | $cc -std=c90 -pedantic-errors $flags -x c -
	example | $cc -std=c90 -pedantic-errors $flags -x c -
done
published | clang $flags -x c++ -
