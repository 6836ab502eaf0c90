/*
 * Options of a bridge as a caller of the library collects them.
 */

#ifndef LIBMCT_OPTION_H
#define LIBMCT_OPTION_H

#include "../common/bridge.h"

struct mct_options {
	char name[NAME_BYTES]; /* empty: none */
	struct bridge_options values;
};

#endif
