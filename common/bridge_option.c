/*
 * The options of a bridge: one table, and their values as text.  What an
 * option does is not known here; where it can have an effect is.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

/* More than this the kernel does not take (TCP_KEEPIDLE, TCP_KEEPCNT). */
#define KEEPALIVE_S_MAX     32767
#define KEEPALIVE_COUNT_MAX 127

#define DSCP_MAX            63

#define AT(member)          offsetof(struct bridge_options, member)

/*
 * Append only, before the end: options travel in this order without their
 * names, and FIELD_OPTIONS counts from the first.
 */
const struct bridge_option bridge_options[] = {
	{ "max", OPTION_COUNT, 0, LIMIT_SESSIONS_MAX, AT(max), REACH_ANY },
	{ "max-per-source", OPTION_COUNT, 0, LIMIT_SESSIONS_MAX,
	    AT(max_per_source), REACH_SESSIONS },
	{ "connection-rate", OPTION_COUNT, 0, LIMIT_SESSIONS_MAX,
	    AT(connection_rate), REACH_SESSIONS },
	{ "rate", OPTION_BYTES, 0, RATE_MAX, AT(rate), REACH_ANY },
	{ "backlog", OPTION_COUNT, 0, BACKLOG_MAX, AT(backlog),
	    REACH_SESSIONS },
	{ "connect", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(connect_s),
	    REACH_SESSIONS },
	{ "idle", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(idle_s), REACH_ANY },
	{ "half-closed", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(half_closed_s),
	    REACH_HALF },
	{ "lifetime", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(lifetime_s),
	    REACH_SESSIONS },
	{ "keepalive", OPTION_SECONDS, 0, KEEPALIVE_S_MAX, AT(keepalive_s),
	    REACH_TCP },
	{ "keepalive-interval", OPTION_SECONDS, 0, KEEPALIVE_S_MAX,
	    AT(keepalive_interval_s), REACH_TCP },
	{ "keepalive-count", OPTION_COUNT, 0, KEEPALIVE_COUNT_MAX,
	    AT(keepalive_count), REACH_TCP },
	{ "user-timeout", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(user_timeout_s),
	    REACH_TCP },
	{ "hold", OPTION_SECONDS, 0, TIMEOUT_S_MAX, AT(hold_s),
	    REACH_SESSIONS },
	{ "nodelay", OPTION_FLAG, 0, FLAG_NO, AT(nodelay), REACH_DELAYS },
	{ "dscp", OPTION_COUNT, 0, DSCP_MAX, AT(dscp), REACH_IP },
	{ "mark", OPTION_COUNT, 0, UINT32_MAX, AT(mark), REACH_DST },
	{ "bind-device", OPTION_DEVICE, 0, 0, AT(device), REACH_DST },
	{ "source", OPTION_HOST, 0, 0, AT(source), REACH_DST },
	{ "dst", OPTION_DST, 0, 0, AT(more), REACH_SESSIONS },
	{ "min", OPTION_BYTES, 0, DGRAM_BYTES, AT(min), REACH_DGRAM },
	{ "datagram-rate", OPTION_COUNT, 0, RATE_MAX, AT(datagram_rate),
	    REACH_DGRAM },
	{ "hops", OPTION_FLAG, 0, FLAG_NO, AT(hops), REACH_UDP },
	{ "broadcast", OPTION_FLAG, 0, FLAG_NO, AT(broadcast), REACH_UDP },
	{ "loop", OPTION_FLAG, 0, FLAG_NO, AT(loop), REACH_DGRAM },
	{ "reply", OPTION_FLAG, 0, FLAG_NO, AT(reply), REACH_DGRAM },
	{ "flows", OPTION_COUNT, 1, FLOWS_MAX, AT(flows), REACH_DGRAM },
	{ "receive-buffer", OPTION_BYTES, 0, BUFFER_MAX, AT(receive_buffer),
	    REACH_DGRAM },
	{ "send-buffer", OPTION_BYTES, 0, BUFFER_MAX, AT(send_buffer),
	    REACH_DGRAM },
	{ "in-interface", OPTION_DEVICE, 0, 0, AT(in_device), REACH_UDP_SRC },
	{ "ttl", OPTION_COUNT, 1, TTL_MAX, AT(ttl), REACH_UDP_DST },
	{ "loopback", OPTION_FLAG, 0, FLAG_NO, AT(loopback), REACH_UDP },
	{ "affinity", OPTION_DEVICE, 0, 0, AT(affinity), REACH_UDP_DST },
	{ "join", OPTION_JOIN, 0, 0, AT(joins), REACH_UDP },
	{ NULL, OPTION_COUNT, 0, 0, 0, REACH_ANY },
};

/* A sentence with a number in it; see bridge_option_set. */
static _Thread_local char sentence[96];

static int
refuse(const char **why, int err, const char *text)
{
	if (why != NULL)
		*why = text;
	errno = err;
	return -1;
}

const struct bridge_option *
bridge_option_find(const char *name)
{
	const struct bridge_option *o;

	for (o = bridge_options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

int
bridge_option_is_number(const struct bridge_option *o)
{
	return o->unit != OPTION_DEVICE && o->unit != OPTION_HOST &&
	    o->unit != OPTION_DST && o->unit != OPTION_JOIN;
}

uint32_t
bridge_option_number(const struct bridge_options *options,
    const struct bridge_option *o)
{
	uint32_t value;

	memcpy(&value, (const char *)options + o->offset, sizeof(value));
	return value;
}

char *
bridge_option_device(struct bridge_options *options,
    const struct bridge_option *o)
{
	return (char *)options + o->offset;
}

static void
put_number(struct bridge_options *options, const struct bridge_option *o,
    uint32_t value)
{
	memcpy((char *)options + o->offset, &value, sizeof(value));
}

void
bridge_option_clear(struct bridge_options *options,
    const struct bridge_option *o)
{
	switch (o->unit) {
	case OPTION_DEVICE:
		memset(bridge_option_device(options, o), 0, DEVICE_BYTES);
		break;
	case OPTION_HOST:
		memset(&options->source, 0, sizeof(options->source));
		options->source_client = 0;
		break;
	case OPTION_JOIN:
		memset(options->joins, 0, sizeof(options->joins));
		options->njoins = 0;
		break;
	case OPTION_DST:
		memset(options->more, 0, sizeof(options->more));
		options->nmore = 0;
		break;
	default:
		put_number(options, o, 0);
		break;
	}
}

/* ---- the notations ---- */

struct suffix {
	char letter;
	uint32_t factor;
};

/* The largest first; each ends with the unit itself. */
static const struct suffix times[] = { { 'd', 86400 }, { 'h', 3600 },
	{ 'm', 60 }, { 's', 1 }, { '\0', 1 } };
static const struct suffix sizes[] = { { 'G', 1U << 30 }, { 'M', 1U << 20 },
	{ 'K', 1U << 10 }, { '\0', 1 } };
static const struct suffix none[] = { { '\0', 1 } };

static const struct suffix *
suffixes(enum option_unit unit)
{
	switch (unit) {
	case OPTION_SECONDS:
		return times;
	case OPTION_BYTES:
		return sizes;
	default:
		return none;
	}
}

/* What text ends with stands for so many; 0: no such suffix. */
static uint32_t
suffix_factor(enum option_unit unit, const char *end)
{
	const struct suffix *s = suffixes(unit);

	while (s->letter != *end && s->letter != '\0')
		s++;
	if (s->letter != *end || (*end != '\0' && end[1] != '\0'))
		return 0;
	return s->factor;
}

static int
no_such_notation(enum option_unit unit, const char **why)
{
	switch (unit) {
	case OPTION_SECONDS:
		return refuse(why, EINVAL,
		    "this is not a time like 90, 90s, 5m, 2h or 1d");
	case OPTION_BYTES:
		return refuse(why, EINVAL,
		    "this is not a number of bytes like 500, 64K, 10M or 1G");
	case OPTION_FLAG:
		return refuse(why, EINVAL, "this is neither yes nor no");
	default:
		return refuse(why, EINVAL, "this is not a number");
	}
}

static int
flag_parse(const char *text, uint32_t *value, const char **why)
{
	if (strcmp(text, "yes") == 0)
		*value = FLAG_YES;
	else if (strcmp(text, "no") == 0)
		*value = FLAG_NO;
	else
		return no_such_notation(OPTION_FLAG, why);
	return 0;
}

int
option_parse(enum option_unit unit, const char *text, uint32_t min,
    uint32_t max, uint32_t *value, const char **why)
{
	const uint64_t far = UINT32_MAX;
	uint64_t n = 0;
	uint32_t factor;
	const char *p;

	if (unit == OPTION_FLAG)
		return flag_parse(text, value, why);
	/* Beyond 32 bits it only has to stay out of range. */
	for (p = text; *p >= '0' && *p <= '9'; p++)
		if (n <= far)
			n = n * 10 + (uint64_t)(*p - '0');
	if (p == text || (factor = suffix_factor(unit, p)) == 0)
		return no_such_notation(unit, why);
	n *= factor;
	if (n >= min && n <= max) {
		*value = (uint32_t)n;
		return 0;
	}
	(void)snprintf(sentence, sizeof(sentence),
	    "this is out of range (%u to %u%s)", min, max,
	    unit == OPTION_SECONDS   ? " seconds" :
		unit == OPTION_BYTES ? " bytes" :
				       "");
	return refuse(why, ERANGE, sentence);
}

/* In the largest unit that leaves nothing over. */
char *
option_print(enum option_unit unit, uint32_t value, char *buf, size_t size)
{
	const struct suffix *s = suffixes(unit);

	if (unit == OPTION_FLAG)
		(void)snprintf(buf, size, "%s",
		    value == FLAG_YES ? "yes" : "no");
	else if (value == 0)
		(void)snprintf(buf, size, "0");
	else {
		while (value % s->factor != 0)
			s++;
		if (s->letter == '\0')
			(void)snprintf(buf, size, "%u", value);
		else
			(void)snprintf(buf, size, "%u%c", value / s->factor,
			    s->letter);
	}
	return buf;
}

/* ---- values ---- */

/* As the kernel takes the names of interfaces, less what is not ASCII. */
static int
set_device(char device[DEVICE_BYTES], const char *text, const char **why)
{
	size_t len = strlen(text);
	const char *p;

	if (device[0] != '\0')
		return refuse(why, EEXIST, "this is given already");
	if (len == 0 || len >= DEVICE_BYTES)
		return refuse(why, EINVAL,
		    "the name of an interface has 1 to 15 letters");
	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || *p == '/' || *p == ':')
			return refuse(why, EINVAL,
			    "this cannot be the name of an interface");
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return refuse(why, EINVAL,
		    "this cannot be the name of an interface");
	memcpy(device, text, len + 1);
	return 0;
}

static int
set_source(struct bridge_options *options, const char *text, const char **why)
{
	struct addr a;

	if (options->source.kind != ADDR_NONE || options->source_client)
		return refuse(why, EEXIST, "this is given already");
	if (strcmp(text, "client") == 0) {
		options->source_client = 1;
		return 0;
	}
	if (addr_parse_host(&a, text, why) == -1 ||
	    addr_check_host(&a, why) == -1)
		return -1;
	options->source = a;
	return 0;
}

static int
set_dst(struct bridge_options *options, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	struct addr a;
	uint32_t i;

	if (options->nmore >= DSTS_MAX - 1) {
		(void)snprintf(sentence, sizeof(sentence),
		    "a bridge has at most %d dsts", DSTS_MAX);
		return refuse(why, ENOSPC, sentence);
	}
	if (addr_parse(&a, text, resolver, why) == -1 ||
	    addr_check(&a, ADDR_DST, why) == -1)
		return -1;
	for (i = 0; i < options->nmore; i++)
		if (addr_equal(&options->more[i], &a))
			return refuse(why, EEXIST, "this is given already");
	options->more[options->nmore++] = a;
	return 0;
}

static int
set_join(struct bridge_options *options, const char *text, const char **why)
{
	struct bridge_join j;
	uint32_t i;

	if (options->njoins >= JOINS_MAX) {
		(void)snprintf(sentence, sizeof(sentence),
		    "a bridge is joined to at most %d groups", JOINS_MAX);
		return refuse(why, ENOSPC, sentence);
	}
	if (join_parse(&j, text, why) == -1)
		return -1;
	for (i = 0; i < options->njoins; i++)
		if (join_equal(&options->joins[i], &j))
			return refuse(why, EEXIST, "this is given already");
	options->joins[options->njoins++] = j;
	return 0;
}

static int
set_number(struct bridge_options *options, const struct bridge_option *o,
    const char *text, const char **why)
{
	uint32_t value;

	if (bridge_option_number(options, o) != 0)
		return refuse(why, EEXIST, "this is given already");
	if (option_parse(o->unit, text, 0, o->max, &value, why) == -1)
		return -1;
	if (value != 0 && value < o->min)
		return option_parse(o->unit, text, o->min, o->max, &value, why);
	if (value == 0 && o->unit == OPTION_SECONDS)
		value = OPTION_NEVER; /* left out, it would be the default */
	put_number(options, o, value);
	return 0;
}

int
bridge_option_set(struct bridge_options *options, const struct bridge_option *o,
    const char *text, const struct addr_resolver *resolver, const char **why)
{
	switch (o->unit) {
	case OPTION_DEVICE:
		return set_device(bridge_option_device(options, o), text, why);
	case OPTION_HOST:
		return set_source(options, text, why);
	case OPTION_DST:
		return set_dst(options, text, resolver, why);
	case OPTION_JOIN:
		return set_join(options, text, why);
	default:
		return set_number(options, o, text, why);
	}
}

static int
number_text(uint32_t value, const struct bridge_option *o, unsigned int nth,
    char *buf, size_t size)
{
	if (nth > 0 || value == 0)
		return 0;
	if (o->unit == OPTION_SECONDS && value == OPTION_NEVER)
		value = 0;
	(void)option_print(o->unit, value, buf, size);
	return 1;
}

static int
source_text(const struct bridge_options *options, unsigned int nth, char *buf,
    size_t size)
{
	if (nth > 0)
		return 0;
	if (options->source_client)
		(void)snprintf(buf, size, "client");
	else if (options->source.kind != ADDR_NONE)
		(void)addr_print_host(&options->source, buf, size);
	else
		return 0;
	return 1;
}

int
bridge_option_text(const struct bridge_options *options,
    const struct bridge_option *o, unsigned int nth, char *buf, size_t size)
{
	const char *device;

	switch (o->unit) {
	case OPTION_DEVICE:
		device = (const char *)options + o->offset;
		if (nth > 0 || device[0] == '\0')
			return 0;
		(void)snprintf(buf, size, "%s", device);
		return 1;
	case OPTION_HOST:
		return source_text(options, nth, buf, size);
	case OPTION_DST:
		if (nth >= options->nmore || nth >= DSTS_MAX - 1)
			return 0;
		(void)addr_print(&options->more[nth], buf, size);
		return 1;
	case OPTION_JOIN:
		if (nth >= options->njoins || nth >= JOINS_MAX)
			return 0;
		(void)join_print(&options->joins[nth], buf, size);
		return 1;
	default:
		return number_text(bridge_option_number(options, o), o, nth,
		    buf, size);
	}
}

/* ---- defaults ---- */

static void
resolve(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
	else if (*value == OPTION_NEVER)
		*value = 0;
}

static int
has_flows(const struct bridge_options *options)
{
	return options->reply == FLAG_YES || options->source_client;
}

int
bridge_has_flows(const struct bridge_spec *spec)
{
	return !addr_is_connected_type(&spec->src) && has_flows(&spec->options);
}

void
bridge_options_resolve(struct bridge_options *options,
    const struct bridge_defaults *defaults)
{
	resolve(&options->connect_s, defaults->connect_s);
	resolve(&options->idle_s,
	    has_flows(options) ? FLOW_IDLE_S_DEFAULT : defaults->idle_s);
	if (has_flows(options) && options->flows == 0)
		options->flows = FLOWS_DEFAULT;
	resolve(&options->half_closed_s, defaults->half_closed_s);
	resolve(&options->lifetime_s, 0);
	resolve(&options->keepalive_s, 0);
	resolve(&options->keepalive_interval_s, 0);
	resolve(&options->user_timeout_s, 0);
	resolve(&options->hold_s, HOLD_S_DEFAULT);
	if (options->backlog == 0)
		options->backlog = BACKLOG_DEFAULT;
	if (options->nodelay == FLAG_NOT_GIVEN)
		options->nodelay = FLAG_YES;
}
