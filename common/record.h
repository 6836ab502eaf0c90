/*
 * Records: one bridge, session, event or summary as a list of named fields.
 * A field is a number, a text or an address.  A reader skips fields it does
 * not know, so that adding one breaks nobody.  Lies in a frame's body.
 */

#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdint.h>

#include "addr.h"
#include "frame.h"
#include "limits.h"
#include "names.h"

/* Numbers travel: append only, or make it another PROTO_VERSION. */
enum field {
	FIELD_NONE,
	FIELD_ID,
	FIELD_NAME,
	FIELD_KIND, /* "bridge", "session", "engine" */
	FIELD_STATE,
	FIELD_SRC,    /* address */
	FIELD_DST,    /* address */
	FIELD_PEER,   /* address */
	FIELD_BRIDGE, /* id */
	FIELD_BRIDGE_NAME,
	FIELD_OWNER,  /* uid */
	FIELD_BORN,   /* ns since 1970 */
	FIELD_AGE,    /* s */
	FIELD_SILENT, /* ms since anything moved */
	FIELD_SESSIONS,
	FIELD_SESSIONS_LIMIT,
	FIELD_BRIDGES,
	FIELD_BRIDGES_LIMIT,
	FIELD_CLIENTS,
	FIELD_CLIENTS_LIMIT,
	FIELD_CONNECTING,
	FIELD_EVENTS, /* number the next event will have */
	FIELD_EVENTS_LIMIT,
	FIELD_STANDBY_ENGINES,
	FIELD_STANDBY_CONTROLS,
	FIELD_VERSION,
	FIELD_UPTIME, /* s */
	FIELD_SEQ,
	FIELD_TIME,  /* ns since 1970 */
	FIELD_EVENT, /* word */
	FIELD_EVENT_NUMBER,
	FIELD_ERR,    /* errno value, 0 none */
	FIELD_REASON, /* word */
	FIELD_TEXT,
	FIELD_SRC_SHARED, /* bridges that read the same src */
	FIELD_LIMIT_FD,   /* descriptors the parent may have */
	FIELD_ENGINES,    /* at work */
	FIELD_ENGINE,     /* number of the one a session is with */
	FIELD_DST_2,      /* address; those after it follow */
	FIELD_DST_LAST = FIELD_DST_2 + DSTS_MAX - 2,
	FIELD_HELD,   /* numbers of dsts left out, the first is 1: "1,3" */
	FIELD_ENDED,  /* ns since 1970 */
	FIELD_LASTED, /* ms from its begin to its end */
	FIELD_AGO,    /* s since its end */
	FIELD_PID,    /* in the daemon's namespace of processes */
	FIELD_UID,
	FIELD_GID,
	FIELD_CAPABILITIES, /* that it keeps: names, or "none" */
	FIELD_PRIVILEGED,   /* started by root */
	FIELD_CHROOT,
	FIELD_CHROOT_DEVICE,
	FIELD_CHROOT_INODE,
	FIELD_ONE_WAY,        /* word */
	FIELD_RECEIVE_BUFFER, /* bytes the kernel granted */
	FIELD_SEND_BUFFER,
	FIELD_FLOWS, /* now */
	FIELD_END,   /* "src" or "dst" */
	FIELD_GROUP,
	FIELD_SOURCE, /* of a group: from which host; empty: any */
	FIELD_INTERFACE,
	FIELD_SINCE, /* ns since 1970 */
	FIELD_GROUPS,
	FIELD_GROUPS_LIMIT,
	FIELD_FLOWS_LIMIT,
	FIELD_INTERFACE_INDEX, /* 0: as the system routes */
	FIELD_OPTIONS = 96,    /* + index in bridge_options */
	FIELD_PARENT = 160,    /* + enum parent_count */
	FIELD_COUNT = 192,     /* + enum count */
	FIELDS = 256
};

enum field_type {
	FIELD_NUMBER = 1,
	FIELD_STRING,
	FIELD_ADDR
};

/* "id", "bytes-to-dst", ...; NULL when the number is no field. */
const char *field_name(unsigned int field);
/* FIELD_NONE when no field has that name. */
unsigned int field_find(const char *name);

/* Writing: record_begin, record_put_*, record_end. */
struct record_out {
	struct frame_out *frame;
	size_t count_at;
	uint16_t count;
};
void record_begin(struct record_out *, struct frame_out *);
void record_put_number(struct record_out *, unsigned int field, uint64_t);
void record_put_text(struct record_out *, unsigned int field, const char *);
void record_put_addr(struct record_out *, unsigned int field,
    const struct addr *);
void record_end(struct record_out *);

/*
 * Reading: record_open gives the number of fields, then that many
 * record_get.  Errors are kept in the frame (frame_done).  record_get
 * returns 1 and the field, 0 when it is broken.
 */
struct record_field {
	unsigned int field;
	enum field_type type;
	uint64_t number;
	char text[TEXT_BYTES];
	struct addr addr;
};
unsigned int record_open(struct frame_in *);
int record_get(struct frame_in *, struct record_field *);

/* An address in a frame, as records and requests carry it. */
void record_put_plain_addr(struct frame_out *, const struct addr *);
void record_get_plain_addr(struct frame_in *, struct addr *);

#endif
