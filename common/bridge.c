/* What makes a bridge possible; its options are in bridge_option.c. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

/* A sentence with a name in it, until the next of this thread. */
static _Thread_local char sentence[128];

static int
refuse(const char **why, int err, const char *text)
{
	if (why != NULL)
		*why = text;
	errno = err;
	return -1;
}

const struct addr *
bridge_dst(const struct bridge_spec *spec, unsigned int nth)
{
	if (nth == 0)
		return &spec->dst;
	if (nth > spec->options.nmore || nth >= DSTS_MAX)
		return NULL;
	return &spec->options.more[nth - 1];
}

int
bridge_same_ends(const struct bridge_spec *a, const struct bridge_spec *b)
{
	const struct addr *x, *y;
	unsigned int i;

	if (!addr_equal(&a->src, &b->src))
		return 0;
	for (i = 0;; i++) {
		x = bridge_dst(a, i);
		y = bridge_dst(b, i);
		if (x == NULL || y == NULL)
			return x == y;
		if (!addr_equal(x, y))
			return 0;
	}
}

int
bridge_name_check(const char *name, const char **why)
{
	static const char others[] = "-_.";
	int digits = 1;
	size_t i;
	char c;

	for (i = 0; i < NAME_BYTES && name[i] != '\0'; i++) {
		c = name[i];
		if (c >= '0' && c <= '9')
			continue;
		digits = 0;
		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    strchr(others, c) == NULL)
			return refuse(why, EINVAL,
			    "a name has only letters, digits, '-', '_', '.'");
	}
	if (i == NAME_BYTES)
		return refuse(why, EINVAL, "the name is too long");
	if (i > 0 && digits)
		return refuse(why, EINVAL, "a name cannot be a number");
	return 0;
}

/* ---- ends ---- */

static int
check_group(const struct addr *a, const char **why)
{
	if (!addr_is_connected_type(a) || !join_is_group(a))
		return 0;
	return refuse(why, EOPNOTSUPP,
	    "only udp and udplite carry to and from a multicast group");
}

/* One dst, against src and those before it. */
static int
check_dst(const struct bridge_spec *spec, unsigned int nth, const char **why)
{
	const struct addr *dst = bridge_dst(spec, nth);
	unsigned int i;

	if (addr_check(dst, ADDR_DST, why) == -1 || check_group(dst, why) == -1)
		return -1;
	if (addr_socktype(&spec->src) != addr_socktype(dst))
		return refuse(why, EPROTOTYPE,
		    "src and dst are of different socket types");
	if (addr_equal(&spec->src, dst))
		return refuse(why, EINVAL, "src and dst are the same");
	for (i = 0; i < nth; i++)
		if (addr_equal(bridge_dst(spec, i), dst))
			return refuse(why, EINVAL, "a dst is given twice");
	return 0;
}

static int
check_ends(const struct bridge_spec *spec, const char **why)
{
	unsigned int i;

	if (addr_check(&spec->src, ADDR_SRC, why) == -1 ||
	    check_group(&spec->src, why) == -1)
		return -1;
	if (spec->options.nmore > DSTS_MAX - 1)
		return refuse(why, EINVAL, "a bridge has too many dsts");
	for (i = 0; bridge_dst(spec, i) != NULL; i++)
		if (check_dst(spec, i, why) == -1)
			return -1;
	return 0;
}

/* ---- options ---- */

#define KIND(kind)  (1U << ADDR_##kind)
#define TCP_KINDS   (KIND(TCP) | KIND(MPTCP))
#define DELAY_KINDS (TCP_KINDS | KIND(SCTP) | KIND(SEQSCTP))
#define HALF_KINDS  (TCP_KINDS | KIND(UNIX) | KIND(UNIXSEQ) | KIND(VSOCK))
#define UDP_KINDS   (KIND(UDP) | KIND(UDPLITE))
#define DGRAM_KINDS (UDP_KINDS | KIND(UNIXDGRAM) | KIND(TIPC))
#define IP_KINDS    (DELAY_KINDS | UDP_KINDS)

/* By enum option_reach: on which kinds, of which ends, in words. */
#define AT_SRC      0x1
#define AT_DST      0x2
static const struct reach {
	uint32_t kinds; /* KIND of each */
	unsigned int ends;
	const char *words;
} reaches[REACHES] = {
	[REACH_ANY] = { UINT32_MAX, AT_SRC, "every bridge" },
	[REACH_SESSIONS] = { ~DGRAM_KINDS, AT_SRC,
	    "bridges with sessions, which a connectionless one has not" },
	[REACH_HALF] = { HALF_KINDS, AT_SRC | AT_DST,
	    "tcp, mptcp, unix, unixseq and vsock: others are never "
	    "half-closed" },
	[REACH_TCP] = { TCP_KINDS, AT_SRC | AT_DST, "tcp and mptcp" },
	[REACH_DELAYS] = { DELAY_KINDS, AT_SRC | AT_DST,
	    "tcp, mptcp, sctp and seqsctp" },
	[REACH_IP] = { IP_KINDS, AT_SRC | AT_DST, "ends that are IP" },
	[REACH_DST] = { IP_KINDS, AT_DST, "a dst that is IP" },
	[REACH_DGRAM] = { DGRAM_KINDS, AT_SRC, "connectionless bridges" },
	[REACH_UDP] = { UDP_KINDS, AT_SRC | AT_DST, "udp and udplite" },
	[REACH_UDP_SRC] = { UDP_KINDS, AT_SRC, "a src of udp or udplite" },
	[REACH_UDP_DST] = { UDP_KINDS, AT_DST, "a dst of udp or udplite" },
};

static int
is_of(const struct addr *a, uint32_t kinds)
{
	return a->kind < ADDR_KINDS && (kinds & 1U << a->kind) != 0;
}

static int
reaches_end(const struct bridge_spec *spec, const struct reach *r)
{
	const struct addr *dst;
	unsigned int i;

	if ((r->ends & AT_SRC) && is_of(&spec->src, r->kinds))
		return 1;
	if (!(r->ends & AT_DST))
		return 0;
	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++)
		if (is_of(dst, r->kinds))
			return 1;
	return 0;
}

/* What else has to be given for an option to mean anything; NULL: it is. */
static const char *
lacks(const struct bridge_spec *spec, const struct bridge_option *o)
{
	const struct bridge_options *options = &spec->options;
	const uint32_t keepalive_s = options->keepalive_s;
	int flows = bridge_has_flows(spec);

	if (strcmp(o->name, "hold") == 0 && options->nmore == 0)
		return "a bridge with several dsts";
	if (strncmp(o->name, "keepalive-", 10) == 0 &&
	    (keepalive_s == 0 || keepalive_s == OPTION_NEVER))
		return "a bridge with keepalive";
	if (strcmp(o->name, "flows") == 0 && !flows)
		return "a bridge with reply or source client";
	if (strcmp(o->name, "idle") == 0 && !flows &&
	    !addr_is_connected_type(&spec->src))
		return "a connectionless bridge with reply or source client";
	return NULL;
}

int
bridge_option_applies(const struct bridge_spec *spec,
    const struct bridge_option *o, const char **why)
{
	const struct reach *r = &reaches[o->reach];
	const char *to;

	to = reaches_end(spec, r) ? lacks(spec, o) : r->words;
	if (to == NULL)
		return 1;
	(void)snprintf(sentence, sizeof(sentence), "%s applies to %s", o->name,
	    to);
	(void)refuse(why, EINVAL, sentence);
	return 0;
}

static int
is_in_range(const struct bridge_option *o, uint32_t value)
{
	if (o->unit == OPTION_SECONDS && value == OPTION_NEVER)
		return 1;
	return value <= o->max && (value == 0 || value >= o->min);
}

/* Whether there is a value at all; broken ones count as such. */
static int
is_given(const struct bridge_options *options, const struct bridge_option *o)
{
	switch (o->unit) {
	case OPTION_DEVICE:
		return ((const char *)options + o->offset)[0] != '\0';
	case OPTION_HOST:
		return options->source.kind != ADDR_NONE ||
		    options->source_client;
	case OPTION_JOIN:
		return options->njoins > 0;
	case OPTION_DST:
		return options->nmore > 0;
	default:
		return bridge_option_number(options, o) != 0;
	}
}

/* Its end is looked for before it is read. */
static int
check_device(const struct bridge_options *options,
    const struct bridge_option *o, const char **why)
{
	const char *device = (const char *)options + o->offset;
	struct bridge_options again;

	if (memchr(device, '\0', DEVICE_BYTES) == NULL)
		return refuse(why, EINVAL,
		    "the name of an interface is too long");
	memset(&again, 0, sizeof(again));
	return bridge_option_set(&again, o, device, NULL, why);
}

/* Every dst is to believe that it has the sender itself before it. */
static int
check_source_client(const struct bridge_spec *spec, const char **why)
{
	if (spec->options.source_client != 1 ||
	    spec->options.source.kind != ADDR_NONE)
		return refuse(why, EINVAL, "source is one host, or client");
	if (addr_is_connected_type(&spec->src))
		return refuse(why, EINVAL,
		    "source client applies to connectionless bridges");
	if (!addr_is_ip(&spec->src) ||
	    addr_family(&spec->src) != addr_family(&spec->dst))
		return refuse(why, EINVAL,
		    "source client takes a src and a dst of one family of IP");
	return 0;
}

static int
check_joins(const struct bridge_options *options, const char **why)
{
	uint32_t i, j;

	if (options->njoins > JOINS_MAX)
		return refuse(why, EINVAL,
		    "a bridge is joined to too many groups");
	for (i = 0; i < options->njoins; i++) {
		if (join_check(&options->joins[i], why) == -1)
			return -1;
		for (j = 0; j < i; j++)
			if (join_equal(&options->joins[i], &options->joins[j]))
				return refuse(why, EINVAL,
				    "a group is given twice");
	}
	return 0;
}

/* The source can be the address of a socket only if the family is the same. */
static int
check_source(const struct bridge_spec *spec, const char **why)
{
	const struct addr *source = &spec->options.source;
	const struct addr *dst;
	unsigned int i;

	if (spec->options.source_client)
		return check_source_client(spec, why);
	if (addr_check_host(source, why) == -1)
		return -1;
	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++)
		if (addr_is_ip(dst) && addr_family(dst) != addr_family(source))
			return refuse(why, EINVAL,
			    "source and dst are of different address families");
	return 0;
}

static int
check_option(const struct bridge_spec *spec, const struct bridge_option *o,
    const char **why)
{
	const struct bridge_options *options = &spec->options;

	if (!is_given(options, o))
		return 0;
	if (!bridge_option_applies(spec, o, why))
		return -1;
	switch (o->unit) {
	case OPTION_DEVICE:
		return check_device(options, o, why);
	case OPTION_HOST:
		return check_source(spec, why);
	case OPTION_DST:
		return 0; /* see check_ends */
	case OPTION_JOIN:
		return check_joins(options, why);
	default:
		if (is_in_range(o, bridge_option_number(options, o)))
			return 0;
		(void)snprintf(sentence, sizeof(sentence), "%s is out of range",
		    o->name);
		return refuse(why, EINVAL, sentence);
	}
}

/* What options of a connectionless bridge do not go together. */
static int
check_datagrams(const struct bridge_spec *spec, const char **why)
{
	const struct bridge_options *options = &spec->options;
	uint32_t i;

	if (addr_is_connected_type(&spec->src))
		return 0;
	if (options->max != 0 && options->min > options->max)
		return refuse(why, EINVAL, "min is more than max");
	if (options->hops == FLAG_YES &&
	    (!addr_is_ip(&spec->src) || !addr_is_ip(&spec->dst)))
		return refuse(why, EINVAL, "hops takes ends that are IP");
	if (bridge_has_flows(spec) && options->njoins > 0)
		return refuse(why, EINVAL,
		    "a bridge with reply or source client joins no groups");
	for (i = 0; i < options->njoins; i++)
		if (!addr_is_ip(options->joins[i].end == ADDR_SRC ? &spec->src :
								    &spec->dst))
			return refuse(why, EINVAL,
			    "only an end that is IP joins a group");
	return 0;
}

int
bridge_check(const struct bridge_spec *spec, const char **why)
{
	const struct bridge_option *o;

	if (check_ends(spec, why) == -1)
		return -1;
	for (o = bridge_options; o->name != NULL; o++)
		if (check_option(spec, o, why) == -1)
			return -1;
	if (check_datagrams(spec, why) == -1)
		return -1;
	return bridge_name_check(spec->name, why);
}
