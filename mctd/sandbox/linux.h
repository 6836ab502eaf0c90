/* What the Linux files of the sandbox have in common. */

#ifndef SANDBOX_LINUX_H
#define SANDBOX_LINUX_H

#include <stddef.h>
#include <stdint.h>

#include <seccomp.h>

#include "../share/inner.h"

#define CALL_ARGS 3

/*
 * A call that a role may make: in any form, or with these arguments, or, when
 * it names grants (SANDBOX_READ, ...), with each thing so granted as its first
 * argument and these others.
 */
struct call {
	const char *name;
	int number;         /* libseccomp's; negative where there is none */
	unsigned int roles; /* bit n: enum process_kind n */
	unsigned int grants;
	struct scmp_arg_cmp args[CALL_ARGS]; /* those with an op */
};

extern const struct call calls[];
extern const size_t ncalls;

/* What the runtime of sanitizers wants on top, in a build with them. */
extern const struct call calls_sanitizer[];
extern const size_t ncalls_sanitizer;

/* Each 0, or -1 with errno. */

/* A call that is not allowed comes to a handler, which tells and ends. */
int trap_setup(enum process_kind);

/* Builds the filter of a role and enters it. */
int filter_enter(enum process_kind);

/* Landlock: no file but below what was granted, for children no signal. */
int files_enter(enum process_kind);

/*
 * Takes all that is mounted away from this process, whose mount namespace is
 * its own, and leaves an empty root that is only to be read.  Returns 1; 0
 * with errno, where the system does not let it, and nothing has changed; or
 * -1 with errno, and some has.
 */
int mounts_empty(void);

#endif
