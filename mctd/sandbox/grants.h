/* What was granted at run time; for the files of the sandbox alone. */

#ifndef SANDBOX_GRANTS_H
#define SANDBOX_GRANTS_H

#include <stddef.h>
#include <stdint.h>

struct grant {
	unsigned int use; /* SANDBOX_READ, ...: of one kind of thing */
	uint64_t value;   /* descriptor, process or address */
	uint64_t size;    /* of what lies at the address */
};

/* From 0 on; NULL after the last. */
const struct grant *grants_at(size_t);

/* -1 with errno when there was no room for one. */
int grants_check(void);

#endif
