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

/* One dst, against src and those before it. */
static int
check_dst(const struct bridge_spec *spec, unsigned int nth, const char **why)
{
	const struct addr *dst = bridge_dst(spec, nth);
	unsigned int i;

	if (addr_check(dst, ADDR_DST, why) == -1)
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

	if (addr_check(&spec->src, ADDR_SRC, why) == -1)
		return -1;
	if (spec->options.nmore > DSTS_MAX - 1)
		return refuse(why, EINVAL, "a bridge has too many dsts");
	for (i = 0; bridge_dst(spec, i) != NULL; i++)
		if (check_dst(spec, i, why) == -1)
			return -1;
	return 0;
}

/* ---- options ---- */

#define KIND(kind) (1U << ADDR_##kind)
#define TCP_KINDS  (KIND(TCP) | KIND(MPTCP))
#define IP_KINDS   (TCP_KINDS | KIND(SCTP) | KIND(SEQSCTP))
#define HALF_KINDS (TCP_KINDS | KIND(UNIX) | KIND(UNIXSEQ) | KIND(VSOCK))

/* By enum option_reach: on which kinds, of which end, in words. */
static const struct reach {
	uint32_t kinds; /* KIND of each */
	int dst_alone;
	const char *words;
} reaches[REACHES] = {
	[REACH_ALL] = { UINT32_MAX, 0, "every bridge with sessions" },
	[REACH_HALF] = { HALF_KINDS, 0,
	    "tcp, mptcp, unix, unixseq and vsock: others are never "
	    "half-closed" },
	[REACH_TCP] = { TCP_KINDS, 0, "tcp and mptcp" },
	[REACH_IP] = { IP_KINDS, 0, "tcp, mptcp, sctp and seqsctp" },
	[REACH_DST] = { IP_KINDS, 1,
	    "a dst of kind tcp, mptcp, sctp or seqsctp" },
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

	if (!r->dst_alone && is_of(&spec->src, r->kinds))
		return 1;
	for (i = 0; (dst = bridge_dst(spec, i)) != NULL; i++)
		if (is_of(dst, r->kinds))
			return 1;
	return 0;
}

/* What else has to be given for an option to mean anything; NULL: it is. */
static const char *
lacks(const struct bridge_options *options, const struct bridge_option *o)
{
	const uint32_t keepalive_s = options->keepalive_s;

	if (strcmp(o->name, "hold") == 0 && options->nmore == 0)
		return "a bridge with several dsts";
	if (strncmp(o->name, "keepalive-", 10) == 0 &&
	    (keepalive_s == 0 || keepalive_s == OPTION_NEVER))
		return "a bridge with keepalive";
	return NULL;
}

int
bridge_option_applies(const struct bridge_spec *spec,
    const struct bridge_option *o, const char **why)
{
	const struct reach *r = &reaches[o->reach];
	const char *to;

	if (!addr_is_connected_type(&spec->src)) {
		(void)refuse(why, EINVAL,
		    "a connectionless bridge "
		    "has no sessions for options to apply to");
		return 0;
	}
	to = reaches_end(spec, r) ? lacks(&spec->options, o) : r->words;
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
		return options->device[0] != '\0';
	case OPTION_HOST:
		return options->source.kind != ADDR_NONE;
	case OPTION_DST:
		return options->nmore > 0;
	default:
		return bridge_option_number(options, o) != 0;
	}
}

/* Its end is looked for before it is read. */
static int
check_device(const struct bridge_options *options, const char **why)
{
	const struct bridge_option *o = bridge_option_find("bind-device");
	struct bridge_options again;

	if (memchr(options->device, '\0', sizeof(options->device)) == NULL)
		return refuse(why, EINVAL,
		    "the name of an interface is too long");
	memset(&again, 0, sizeof(again));
	return bridge_option_set(&again, o, options->device, NULL, why);
}

/* The source can be the address of a socket only if the family is the same. */
static int
check_source(const struct bridge_spec *spec, const char **why)
{
	const struct addr *source = &spec->options.source;
	const struct addr *dst;
	unsigned int i;

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
		return check_device(options, why);
	case OPTION_HOST:
		return check_source(spec, why);
	case OPTION_DST:
		return 0; /* see check_ends */
	default:
		if (is_in_range(o, bridge_option_number(options, o)))
			return 0;
		(void)snprintf(sentence, sizeof(sentence), "%s is out of range",
		    o->name);
		return refuse(why, EINVAL, sentence);
	}
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
	return bridge_name_check(spec->name, why);
}
