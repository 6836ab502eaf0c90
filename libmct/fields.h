/*
 * A record as the library hands it out: taken from a frame once, every
 * field with its name and as text, so that the getters only look.
 */

#ifndef LIBMCT_FIELDS_H
#define LIBMCT_FIELDS_H

#include <stdint.h>

#include "../common/frame.h"

/* Twice what the longest record of this version has. */
#define FIELDS_MAX        160

/* Of one record all fields as text; addresses are longer than on the wire. */
#define FIELDS_TEXT_BYTES FRAME_MAX

struct mct_field {
	const char *name;
	int is_number;
	uint64_t number;
	uint32_t text_at;
};

struct mct_record {
	unsigned int count;
	uint32_t text_used;
	struct mct_field fields[FIELDS_MAX];
	char text[FIELDS_TEXT_BYTES];
};

/*
 * Takes one record.  Fields that this version has no name for are left out.
 * Returns 0, or -1 with EBADMSG.
 */
int fields_take(struct mct_record *, struct frame_in *);

/* NULL when the record has no such field. */
const struct mct_field *fields_find(const struct mct_record *, const char *);

#endif
