/*
 * The way to the parent.  Nothing here waits once it is started: what does
 * not fit now is the caller's to send again.
 */

#ifndef CONTROL_UPLINK_H
#define CONTROL_UPLINK_H

#include <stddef.h>

#include "../../common/frame.h"
#include "../../common/log.h"

/* From now on log lines go to the parent; those that do not fit are lost. */
void uplink_setup(int fd);
void uplink_log_level(enum log_level);

/*
 * Sends a finished frame.  Returns 0, or -1 with EAGAIN when the channel is
 * full; the loop then says when it is not.  When the parent has gone the
 * frame is lost, and uplink_recv is about to end the process.
 */
int uplink_send(struct frame_out *);

/*
 * The next packet: 1 and the frame, with its descriptors; 0 none now.  Ends
 * the process when the parent has closed the channel or sent no frame.
 */
int uplink_recv(struct frame_in *, int *fds, size_t max, size_t *nfds);

/* At the start, and when told to stand: waits for a packet, or for room. */
void uplink_wait_readable(void);
void uplink_send_waiting(struct frame_out *);

/* The parent broke the rules, or we did: says so and ends the process. */
void uplink_fatal(const char *what) __attribute__((noreturn));

#endif
