/*
 * How this was built: make SANITIZE=... and make TRACE=1 set these.
 */

#ifndef SANDBOX_BUILD_H
#define SANDBOX_BUILD_H

/* Sanitizers make calls of their own, which the filter then lets through. */
#ifndef BUILD_SANITIZED
#define BUILD_SANITIZED 0
#endif

/* A call that must not be made is written to the kernel's log, and made. */
#ifndef BUILD_TRACE
#define BUILD_TRACE 0
#endif

#endif
