/*
 * Records that a control process answers with, one at a time: the
 * fields of the last one taken are looked at by number.
 */

#ifndef UNIT_CONTROL_RECORDS_H
#define UNIT_CONTROL_RECORDS_H

#include <stdint.h>

#include "../../common/proto.h"
#include "../../common/record.h"

/* The next frame of the client is RECORDS of that request. */
void expect_records(int fd, uint32_t request, struct frame_in *,
    struct proto_records *head);
void next_record(struct frame_in *);

/* A field of it; NULL when there is none. */
const struct record_field *field(unsigned int number);
/* Those that must be there, of that type. */
uint64_t number(unsigned int field);
const char *text(unsigned int field);
void is_addr(unsigned int field, const char *want);

#endif
