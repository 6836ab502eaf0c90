/*
 * Kinds of address, as the engine sees them.
 *
 * SCTP gives one record a time, whatever is asked for, so a short peek says
 * nothing; it and TIPC end as a whole.  An empty record of a local socket
 * looks like its end but for the time stamp that comes with each record
 * (the parent asked for it).  The kernel refuses, for ever, a record that
 * takes more than half of an SCTP socket's buffer; and after a reset, once
 * told, it says that there is nothing now, for ever.
 *
 * A datagram on a local socket may have descriptors riding on it, which are
 * nobody's wish here: with no room for control data the kernel drops them.
 *
 * Into a local socket all bytes go by splice: the kernel keeps no count of
 * what such a socket took, but what lies in a pipe can be looked at.  Out of
 * one into TCP they are copied, which is faster (make bench, local-tcp).
 */

#include "../../common/addr.h"
#include "kind.h"

static const unsigned int traits[ADDR_KINDS] = {
	[ADDR_TCP] = KIND_MOVES | KIND_HALF | KIND_DISCARDS | KIND_SPLICES |
	    KIND_STATE | KIND_SHORT | KIND_EDGES | KIND_PROBE | KIND_BULK,
	[ADDR_MPTCP] = KIND_MOVES | KIND_HALF | KIND_PROBE,
	[ADDR_UNIX] = KIND_MOVES | KIND_HALF | KIND_SPLICES | KIND_SHORT |
	    KIND_EDGES | KIND_PIPED,
	[ADDR_VSOCK] = KIND_MOVES | KIND_HALF | KIND_SOFT,
	[ADDR_SCTP] = KIND_MOVES | KIND_HALFBUF | KIND_MUTE,
	[ADDR_UNIXSEQ] =
	    KIND_MOVES | KIND_RECORDS | KIND_HALF | KIND_EDGES | KIND_MARKED,
	[ADDR_SEQSCTP] = KIND_MOVES | KIND_RECORDS | KIND_HALFBUF | KIND_MUTE,
	[ADDR_SEQTIPC] = KIND_MOVES | KIND_RECORDS,
	[ADDR_UDP] =
	    KIND_DGRAM | KIND_GROUPED | KIND_ECHOES | KIND_TOLD | KIND_HOPS,
	[ADDR_UDPLITE] = KIND_DGRAM | KIND_ECHOES | KIND_TOLD | KIND_HOPS,
	[ADDR_UNIXDGRAM] = KIND_DGRAM,
	[ADDR_TIPC] = KIND_DGRAM | KIND_TOLD,
};

unsigned int
kind_traits(unsigned int kind)
{
	return kind < ADDR_KINDS ? traits[kind] : 0;
}
