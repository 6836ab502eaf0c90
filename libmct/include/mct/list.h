/*
 * Listing: records of the daemon, one after the other, with getters by
 * name.  What names a record has is listed in mct_list(3).
 */
#ifndef MCT_LIST_H
#define MCT_LIST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mct;
struct mct_list;
struct mct_record;

/*
 * what: "summary" (one record), "bridges", "sessions", "ended" (sessions
 * that were, as long as the daemon remembers them), "processes" (of the
 * daemon) or "groups" (that ends of bridges are joined to).  Returns NULL with
 * errno ENOENT (no such list), EINVAL (an argument is NULL) or ENOMEM.  The
 * list uses the handle until mct_list_close; other calls on the handle may be
 * made between.  What comes and goes meanwhile may or may not be listed.
 */
struct mct_list *mct_list_open(struct mct *mct, const char *what);

/*
 * The next record: 1 and *record, valid until the next call on this list;
 * 0 at the end; -1 with errno: EAGAIN (the daemon is changing what would
 * come next: call again), ETIMEDOUT, EPIPE, EBADMSG, EACCES.
 */
int mct_list_next(struct mct_list *list, const struct mct_record **record);
void mct_list_close(struct mct_list *list);

/* Number of fields, and the name of field i, NULL beyond. */
unsigned int mct_record_fields(const struct mct_record *record);
const char *mct_record_field(const struct mct_record *record, unsigned int i);

/*
 * A field by name.  mct_record_number: 0 and *value, or -1 with errno
 * ENOENT (no such field) or EINVAL (it is a text).  mct_record_text: any
 * field as text, valid as long as the record; NULL with ENOENT.
 */
int mct_record_number(const struct mct_record *record, const char *name,
    uint64_t *value);
const char *mct_record_text(const struct mct_record *record, const char *name);
/* 1 when the field is a number, 0 when it is a text, -1 with ENOENT. */
int mct_record_is_number(const struct mct_record *record, const char *name);

#ifdef __cplusplus
}
#endif

#endif
