/*
 * Every limit of mctd, named once.  Those that mctd.conf can change have a
 * _DEFAULT and a _MAX; the others are fixed.
 */

#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

/* Tables, sized at start from "limits { ... }" in mctd.conf. */
#define LIMIT_BRIDGES_DEFAULT  256
#define LIMIT_BRIDGES_MAX      4096 /* a rule set beyond it is unreadable */
#define LIMIT_SESSIONS_DEFAULT 4096
#define LIMIT_SESSIONS_MAX     500000 /* two descriptors each: 1,000,000 */
#define LIMIT_CLIENTS_DEFAULT  32
#define LIMIT_CLIENTS_MAX      1024
#define LIMIT_EVENTS_DEFAULT   4096 /* what a client may miss and replay */
#define LIMIT_EVENTS_MAX       65536
#define LIMIT_STANDBY_DEFAULT  4 /* sleeping children of each kind */
#define LIMIT_STANDBY_MAX      8
#define LIMIT_ENGINES_DEFAULT  1
#define LIMIT_ENGINES_MAX      16
/* Children in all: engines + 1 + 2 * standby; channels lie under LOW_FDS. */
#define LIMIT_CHILDREN         20
#define LIMIT_PIPES_DEFAULT    16 /* of each engine; see PIPE_BYTES */
#define LIMIT_PIPES_MAX        256

/* Directories that local endpoints may lie in: one descriptor each. */
#define LIMIT_DIRECTORIES      8

/* Of what leaves for a group: as much as its field holds. */
#define TTL_MAX                255

/* Groups that ends are joined to, or are: in all, and of one bridge. */
#define LIMIT_GROUPS_DEFAULT   64
#define LIMIT_GROUPS_MAX       4096
#define JOINS_MAX              32

/*
 * Flows of datagram bridges with replies: in all, and of one src, where a
 * stranger's datagram walks them all.  Two descriptors each.
 */
#define LIMIT_FLOWS_DEFAULT    256
#define LIMIT_FLOWS_MAX        65536
#define FLOWS_DEFAULT          256
#define FLOWS_MAX              1024
#define FLOW_IDLE_S_DEFAULT    30

/*
 * Of a bridge's flows this part may be new and not answered yet, for so long,
 * before they give way to newer ones.
 */
#define FLOW_MUTE_PART         4
#define FLOW_MUTE_MS           1000

/* New ones of a bridge, a second: each costs the parent some 50 us. */
#define FLOW_RATE              5000

/* Names of bridges, so that a table column holds one. */
#define NAME_BYTES             32 /* with the closing NUL */

/* Timeouts, in seconds, as mctd.conf's defaults. */
#define CONNECT_S_DEFAULT      10
#define IDLE_S_DEFAULT         0 /* 0: never */
#define HALF_CLOSED_S_DEFAULT  60
#define DRAIN_S_DEFAULT        10
#define HOLD_S_DEFAULT         10              /* a failed dst of several */
#define TIMEOUT_S_MAX          (7 * 24 * 3600) /* milliseconds fit 32 bits */

/*
 * Of the session table, at most this part may be waiting for a dst, per
 * bridge, so that a silent dst cannot fill it.
 */
#define CONNECTING_PART        4

/*
 * How many peers wait in the kernel for the parent's accept, unless a bridge
 * says otherwise (net.core.somaxconn may lessen it).
 */
#define BACKLOG_DEFAULT        1024
#define BACKLOG_MAX            65535

/* Of one bridge: those that are tried in order, the first included. */
#define DSTS_MAX               8

/* The name of an interface, with the closing NUL. */
#define DEVICE_BYTES           16

/* Bytes a second that can be asked for: 32 bits. */
#define RATE_MAX               4000000000U

/* An engine that polls before it sleeps does so no longer than this. */
#define SPIN_US_MAX            10000
/* After so many spins in vain it sleeps at once, until it pays again. */
#define SPINS_IN_VAIN          8

/* A frame, header included; one fits a local socket's default buffer. */
#define FRAME_MAX              16384

/* Sentences that travel with an error or a log line, NUL included. */
#define TEXT_BYTES             256

/*
 * Descriptors under this number are the parent's channels and the few files
 * of its start; those of traffic are all above, so that "the parent reads
 * only low descriptors" can be checked by number.
 */
#define LOW_FDS                32

/* Pairs of descriptors in one message; the kernel's own limit is 253. */
#define HAND_OVER_PAIRS        64

/* Of one listener, the parent accepts this many before others have a turn. */
#define ACCEPTS_A_TURN         32

/* A descriptor shortage is looked at again after this time. */
#define ACCEPT_RETRY_MS        100

/* No END this long after CLOSE, and the engine is taken for dead. */
#define END_WAIT_S             2

/*
 * A child at work is asked once a second whether it lives; one that owes the
 * answer for so long is killed.
 */
#define HEARTBEAT_S            5

/*
 * Of one answer that is owed, time in which the parent itself was held up is
 * left out so often: a machine may sleep, but one that is always slow must
 * not keep an engine that hangs.
 */
#define HEARTBEAT_FORGIVEN     3

/* Children report themselves ready within this time, or start fails. */
#define CHILD_START_S          20

/* Who does not halt within this time when told to is stopped by a signal. */
#define HALT_MS                1000

/* In an upgrade in place, neither side waits longer for the other's word. */
#define UPGRADE_S              5

/*
 * The engine's shared buffer: chunk size decides the rate of a bulk stream
 * (make bench); it is one per engine, not per session.
 */
#define PEEK_BYTES             (512 * 1024)

/*
 * A direction whose peek gives so much goes on by splice.  It goes back to
 * copying after so many splices that gave less than the least; where dst has
 * less room than that, or splice gives nothing, a peek of a few bytes tells
 * why without copying much.
 */
#define SPLICE_FROM_BYTES      (64 * 1024)
#define SPLICE_LEAST_BYTES     (16 * 1024)
#define SPLICES_SHORT          16
#define SPLICE_PROBE_BYTES     4096

/* One splice moves no more, whatever the pipe holds (make bench). */
#define SPLICE_BYTES           (1024 * 1024)

/* What the parent asks for each pipe to hold. */
#define PIPE_BYTES             (1024 * 1024)

/*
 * Records that SCTP hands out in pieces are put together in so many places,
 * of the peek buffer's size each; who finds none free waits.  While all are
 * taken, a record that has had its place for so long, not whole or not taken
 * by the other side, ends its session.
 */
#define GATHERS                4
#define GATHER_S               10

/* A session moves at most this much before others have a turn. */
#define TURN_BYTES             (1024 * 1024)

/* Nor does it make more passes than this in each direction. */
#define TURN_PASSES            64

/* A peek shrinks to no less than this when dst takes little. */
#define PEEK_LEAST             (16 * 1024)

/*
 * What has a go before the engine looks for news again: by number, and by
 * bytes moved (some milliseconds).
 */
#define RUNS_A_TURN            256
#define MOVED_A_TURN           (8 * 1024 * 1024)
#define PACKETS_A_TURN         8

/* A look at what an edge may have hidden; see mctd/engine/stream.c. */
#define LOOK_MS                10

/* Timeouts of sessions: this part of the table is swept each time. */
#define SWEEP_MS               100
#define SWEEP_PARTS            10

/*
 * A dst is reported lost at most once in this time: a local receiver that was
 * replaced is to be reached within 100 ms of its return.
 */
#define LOST_MS                50

/* Silent flows are looked for this often. */
#define FLOW_SWEEP_MS          250

/* More than so many at once end a little later: each takes some calls. */
#define FLOW_ENDS_A_SWEEP      256

/* More than this is not copied to join a group of datagrams. */
#define GROUP_COPY_BYTES       16384

/* libevent's arena: measured 65 bytes a descriptor, and what starts it. */
#define ARENA_FD_BYTES         96
#define ARENA_BASE_BYTES       (128 * 1024)

/* Datagrams read in one call, and turns of that before others run. */
#define DGRAM_BATCH            64
#define DGRAM_BATCHES_A_TURN   4

/*
 * Calls that send them before others run; in a turn each counts as so many
 * bytes moved.  One batch alone can take many more.
 */
#define DGRAM_SENDS_A_GO       256
#define SEND_BYTES             4096

/*
 * Where many dsts share a src, fewer messages are read in one call, so that
 * no more copies of them are under way: a change waits for these.
 */
#define DGRAM_COPIES           4096

/* A buffer of a src or dst that can be asked for. */
#define BUFFER_MAX             (256 * 1024 * 1024)

/* Room for one datagram: the largest a UDP socket can deliver. */
#define DGRAM_BYTES            65536

/*
 * What a datagram src asks the kernel to hold while the engine is busy; it
 * takes memory only while datagrams wait (rmem_max may lessen it).
 */
#define DGRAM_SRC_BUFFER       (4 * 1024 * 1024)

/* What a datagram dst may have on its way to the wire. */
#define DGRAM_DST_BUFFER       (1024 * 1024)

/* One UDP_SEGMENT call: Linux before 6.9 takes 64 segments. */
#define DGRAM_SEGMENTS         64
#define DGRAM_GROUP_BYTES      65507

/* A client that neither reads nor finishes a message is closed after this. */
#define CLIENT_STALL_S         10

/* Requests a client may have unanswered; more wait in its socket. */
#define CLIENT_REQUESTS        1

/* libmct waits this long for an answer unless told otherwise. */
#define REPLY_TIMEOUT_MS       30000

/* Log lines a second about sessions that ended in an unusual way. */
#define SESSION_LOG_RATE       20

/* Log lines a second that a child may have written. */
#define CHILD_LOG_RATE         50

/* Configuration text, includes and all, and how deep includes may nest. */
#define CONF_TEXT_BYTES        (1024 * 1024)
#define CONF_INCLUDE_DEPTH     8
#define CONF_MACROS            128

#define MCTD_CONF_PATH         "/etc/mctd.conf"
#define MCTD_SOCKET_PATH       "/run/mctd/mctd.sock"
#define MCTD_UPGRADE_SUFFIX    ".upgrade" /* of the socket's path */
#define MCTD_CHROOT_PATH       "/var/empty/mctd"
#define MCTD_LOG_PATH          "/dev/log"
#define MCTD_USER              "_mctd"
#define MCTD_VERSION           "0.1.0"

#endif
