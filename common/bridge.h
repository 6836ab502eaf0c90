/*
 * What a bridge is asked to be: the same in mctd.conf, in a request of a
 * client, and in the registry.
 */

#ifndef COMMON_BRIDGE_H
#define COMMON_BRIDGE_H

#include <stdint.h>

#include "addr.h"
#include "join.h"
#include "limits.h"

/*
 * Options; see bridge_options for the names they go by.  0 and empty are
 * "not given": bridge_options_resolve puts the default in.  A time that shall
 * not be limited whatever the default is OPTION_NEVER, and 0 when resolved.
 */
#define OPTION_NEVER UINT32_MAX

enum option_flag {
	FLAG_NOT_GIVEN,
	FLAG_YES,
	FLAG_NO
};

struct bridge_options {
	/*
	 * Sessions at a time, 0: all there are; of a connectionless bridge
	 * the largest payload, 0: any.
	 */
	uint32_t max;
	uint32_t max_per_source;  /* of one peer host; 0: no limit */
	uint32_t connection_rate; /* accepted a second; 0: no limit */
	uint32_t
	    rate; /* bytes/s of a session, each way; of datagrams; 0: none */
	uint32_t backlog;       /* peers that wait in the kernel */
	uint32_t connect_s;     /* each dst must answer within */
	uint32_t idle_s;        /* a silent session ends */
	uint32_t half_closed_s; /* a silent half-closed one */
	uint32_t lifetime_s;    /* any session ends; 0: never */
	uint32_t keepalive_s;   /* silence before the first probe; 0: off */
	uint32_t keepalive_interval_s; /* between probes; 0: the system's */
	uint32_t keepalive_count;      /* unanswered probes; 0: the system's */
	uint32_t user_timeout_s; /* unacknowledged data; 0: the system's */
	uint32_t hold_s;         /* a failed dst of several is left out */
	uint32_t nodelay;        /* enum option_flag */
	uint32_t dscp;           /* 0 to 63, both sides */
	uint32_t mark;           /* of dst sockets; 0: none */
	uint32_t min;            /* payload; smaller ones are dropped */
	uint32_t datagram_rate;  /* datagrams a second; 0: no limit */
	uint32_t hops;           /* enum option_flag: TTL less one */
	uint32_t broadcast;      /* enum option_flag: dst may be one */
	uint32_t loop;           /* enum option_flag: may lead to a src here */
	uint32_t reply;          /* enum option_flag: carries answers back */
	uint32_t flows;          /* with reply or source client: at a time */
	uint32_t receive_buffer; /* bytes of a src socket; 0: as usual */
	uint32_t send_buffer;    /* bytes of a dst socket; 0: as usual */
	uint32_t ttl;            /* of what leaves; 0: groups get nothing */
	uint32_t loopback;       /* enum option_flag: own packets come back */
	uint32_t source_client;  /* dsts see the sender's address: 0 or 1 */
	uint32_t njoins;         /* of joins, in use */
	uint32_t nmore;          /* of more, in use */
	char device[DEVICE_BYTES];    /* dst sockets; empty: any */
	char in_device[DEVICE_BYTES]; /* src hears nothing else; empty: any */
	char affinity[DEVICE_BYTES];  /* groups are sent to there; empty: any */
	struct addr source;           /* they come from; ADDR_NONE: any */
	struct addr more[DSTS_MAX - 1]; /* tried after dst, in this order */
	struct bridge_join joins[JOINS_MAX];
};

struct bridge_spec {
	char name[NAME_BYTES]; /* empty: none */
	struct addr src;
	struct addr dst;
	struct bridge_options options;
};

enum option_unit {
	OPTION_COUNT,   /* 10 */
	OPTION_BYTES,   /* 10, 10K, 10M, 10G: of 1,024 */
	OPTION_SECONDS, /* 90, 90s, 5m, 2h, 1d */
	OPTION_FLAG,    /* yes, no */
	OPTION_DEVICE,  /* the name of an interface */
	OPTION_HOST,    /* an address of this machine, no port; or "client" */
	OPTION_DST,     /* a further dst; may be given again and again */
	OPTION_JOIN     /* a group, see join.h; again and again */
};

/* Where an option has an effect: see bridge_option_applies. */
enum option_reach {
	REACH_ANY,      /* every bridge */
	REACH_SESSIONS, /* every bridge with sessions */
	REACH_HALF,     /* ends that can be closed one way */
	REACH_TCP,
	REACH_DELAYS, /* TCP and SCTP */
	REACH_IP,
	REACH_DST,     /* dsts that are IP */
	REACH_DGRAM,   /* connectionless bridges */
	REACH_UDP,     /* ends of them that are IP */
	REACH_UDP_SRC, /* srcs alone */
	REACH_UDP_DST,
	REACHES
};

/* The options by name, so that each is described once. */
struct bridge_option {
	const char *name;
	enum option_unit unit;
	uint32_t min; /* least value but 0; 0: any */
	uint32_t max;
	size_t offset; /* in struct bridge_options */
	enum option_reach reach;
};

/* Ends with an entry whose name is NULL. */
extern const struct bridge_option bridge_options[];

/* NULL when there is no option of that name. */
const struct bridge_option *bridge_option_find(const char *name);

/* Whether its value is one uint32_t, and that number. */
int bridge_option_is_number(const struct bridge_option *);
uint32_t bridge_option_number(const struct bridge_options *,
    const struct bridge_option *);

/*
 * Reads what a person writes and puts it in.  resolver as in addr_parse.
 * Returns 0, or -1 with errno EINVAL (no such notation), ERANGE (out of
 * range), EEXIST (given already), ENOSPC (more than DSTS_MAX dsts, or more
 * than JOINS_MAX groups), or what
 * addr_parse says, and *why a sentence without the option's name in it, valid
 * until the next call.
 */
int bridge_option_set(struct bridge_options *, const struct bridge_option *,
    const char *text, const struct addr_resolver *, const char **why);

/*
 * Writes the nth value (0, 1, ...; of all but OPTION_DST and OPTION_JOIN the
 * one at most) so that
 * bridge_option_set reads it back to the same.  Returns 1, or 0 when there is
 * no nth value: it is not given.
 */
#define OPTION_TEXT_BYTES ADDR_TEXT_BYTES
int bridge_option_text(const struct bridge_options *,
    const struct bridge_option *, unsigned int nth, char *buf, size_t size);

/* Where the value of an OPTION_DEVICE lies: DEVICE_BYTES. */
char *bridge_option_device(struct bridge_options *,
    const struct bridge_option *);

/* Makes it one that is not given. */
void bridge_option_clear(struct bridge_options *, const struct bridge_option *);

/*
 * Whether it has an effect on this bridge: on the kind of some end, and with
 * what else is given.  Returns 1, or 0 and *why.
 */
int bridge_option_applies(const struct bridge_spec *,
    const struct bridge_option *, const char **why);

/* The notations alone, for other settings; as bridge_option_set. */
int option_parse(enum option_unit, const char *text, uint32_t min, uint32_t max,
    uint32_t *value, const char **why);
char *option_print(enum option_unit, uint32_t value, char *buf, size_t size);

/* What a bridge gets where it says nothing; resolved values. */
struct bridge_defaults {
	uint32_t connect_s;
	uint32_t idle_s;
	uint32_t half_closed_s;
};
void bridge_options_resolve(struct bridge_options *,
    const struct bridge_defaults *);

/* The nth dst: 0 is spec->dst; NULL beyond the last. */
const struct addr *bridge_dst(const struct bridge_spec *, unsigned int nth);
/* Whether its datagrams travel by flows, so that askers are told apart. */
int bridge_has_flows(const struct bridge_spec *);
/* Whether src and all dsts are the same, in the same order. */
int bridge_same_ends(const struct bridge_spec *, const struct bridge_spec *);

/*
 * Whether a bridge can be called so: letters, digits, '-', '_', '.', fewer
 * than NAME_BYTES, not all digits; empty is none.  Returns 0, or -1 with
 * errno EINVAL and *why.
 */
int bridge_name_check(const char *name, const char **why);

/*
 * Whether the spec can be a bridge at all: all ends sound (addr_check), of
 * one socket type, no dst the src or given twice, options within their limits
 * and with an effect on some end of it, source of the family of every dst
 * that is IP, name sound.  Believes nothing: the spec may come from a client.
 * Returns 0, or -1 with errno EPROTOTYPE (types differ), EOPNOTSUPP (a group
 * as the end of a session), EINVAL or what addr_check says, and *why.
 */
int bridge_check(const struct bridge_spec *, const char **why);

#endif
