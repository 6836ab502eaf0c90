/* The parent's end of a child's channel. */

#ifndef PARENT_CHANNEL_H
#define PARENT_CHANNEL_H

#include <stddef.h>

#include "../../common/frame.h"
#include "../../common/log.h"

/* One packet with descriptors: 0, or -1 with errno. */
int channel_send(int fd, const void *, size_t, const int *fds, size_t nfds);

/*
 * Writes a child's log line, so many a second.  Returns 0, or -1 when the
 * message is broken.
 */
int channel_log(struct frame_in *, const char *who, struct log_rate *);

#endif
