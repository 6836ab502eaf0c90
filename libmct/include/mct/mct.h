/*
 * libmct: bridges of mctd for applications.  Link with -lmct.
 *
 * A handle is one connection to the daemon.  Handles are independent of each
 * other; one handle is used by one thread at a time.  After fork(2) only one
 * of the two processes may go on using a handle.  The library keeps no
 * global state, raises no signal, prints nothing and never exits.
 *
 * Functions that ask the daemon return when the daemon has done what was
 * asked, or after the handle's timeout with ETIMEDOUT.
 */
#ifndef MCT_MCT_H
#define MCT_MCT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mct;

/*
 * Connects to the daemon.  path: a leading '/' is a path in the file system,
 * anything else a name in the abstract namespace, NULL the default socket.
 * Returns a handle to be given to mct_fini, or NULL with errno:
 *	EINVAL		the daemon speaks another protocol version
 *	ENAMETOOLONG	path does not fit a socket address
 *	ECONNREFUSED, ENOENT, EACCES	as connect(2)
 *	EAGAIN		the daemon serves as many clients as it may
 *	EPIPE		the daemon closed the connection
 *	EBADMSG		what answers is not the daemon
 *	ETIMEDOUT	the daemon did not answer in time
 *	ENOMEM, EMFILE, ENFILE	no memory or descriptor here
 */
struct mct *mct_init(const char *path);

/*
 * Ends the connection and frees the handle.  What was made through it stays.
 * Returns 0, or -1 with errno and the handle as it was:
 *	EISCONN		still attached to events
 *	EBUSY		a list of this handle is still open
 *	EINVAL		mct is NULL
 */
int mct_fini(struct mct *mct);

/*
 * A sentence about the last failure on this handle; never NULL, empty when
 * nothing failed yet.  Valid until the next call on the handle.
 */
const char *mct_error(const struct mct *mct);

/*
 * How long calls wait for the daemon, in milliseconds; -1 for ever.  30,000
 * at first.  0, or -1 with EINVAL.
 */
int mct_timeout(struct mct *mct, int ms);

/* What the daemon lets this client do: "observe", "control" or "admin". */
const char *mct_role(const struct mct *mct);

/*
 * Tells the daemon to end; it drains first, for as long as mctd.conf(5)
 * says.  Returns when it has begun to: 0, or -1 with EACCES, ETIMEDOUT,
 * EPIPE.
 */
int mct_stop(struct mct *mct);

/*
 * Has the daemon read its configuration again.  0, or -1 with errno and the
 * daemon's words in mct_error: EACCES, EINVAL (the file is wrong and nothing
 * was changed), ETIMEDOUT, EPIPE.
 */
int mct_reload(struct mct *mct);

/* "0.1.0" */
const char *mct_version(void);

/* 1 when this library knows a feature by that name, else 0. */
int mct_has(const char *feature);

#ifdef __cplusplus
}
#endif

#endif
