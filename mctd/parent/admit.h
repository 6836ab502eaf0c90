/* Whether a bridge may be made beside those there are. */

#ifndef PARENT_ADMIT_H
#define PARENT_ADMIT_H

#include "bridges.h"

/*
 * Returns 0, or -1 with errno and *why: what bridge_check says; EOPNOTSUPP
 * for a group of sessions; EACCES for a local path outside of the
 * directories; EEXIST for a src-dst pair or a name there is (names within
 * mctd.conf are its parser's matter: from_conf); EADDRINUSE for the src of
 * another; ELOOP when what leaves at dst would come in at src again, and of
 * connectionless bridges, when it would come in at any src, or what leaves at
 * another would come in here, without the option loop of the one it leaves.
 */
int admit_check(const struct bridge_spec *, int from_conf, const char **why);

/*
 * Whether one that there is may have other options, groups among them; as
 * above.
 */
int admit_change(const struct bridge *, const struct bridge_options *,
    const char **why);

#endif
