/*
 * The filter of a role: what linux_calls.c says, made into a program of the
 * kernel's by libseccomp.  That allocates, so it is done before "ready".
 *
 * Calls of another architecture, or of another way to number them, come to
 * the handler as well.
 *
 * Calls: at the start: seccomp
 */

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#include "build.h"
#include "grants.h"
#include "linux.h"
#include "sandbox.h"

#define GRANT_ARGS 2

static int
add_rule(scmp_filter_ctx ctx, const struct call *c,
    const struct scmp_arg_cmp *args, unsigned int n)
{
	int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, c->number, n, args);

	/* the same form twice, as where two errno values or names are one */
	return r == -EEXIST ? 0 : r;
}

/* The arguments by which a granted thing is known; how many these are. */
static unsigned int
granted_args(const struct grant *g, struct scmp_arg_cmp *args)
{
	int whole = (g->use & SANDBOX_UNMAP) != 0; /* 64 bits, and a size */

	memset(args, 0, GRANT_ARGS * sizeof *args);
	args[0].arg = 0;
	args[0].op = whole ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
	args[0].datum_a = whole ? g->value : UINT32_MAX;
	args[0].datum_b = g->value;
	if (!whole)
		return 1;
	args[1].arg = 1;
	args[1].op = SCMP_CMP_EQ;
	args[1].datum_a = g->size;
	return 2;
}

static int
add_call(scmp_filter_ctx ctx, const struct call *c)
{
	struct scmp_arg_cmp args[CALL_ARGS + GRANT_ARGS];
	const struct grant *g;
	unsigned int n;
	size_t i;
	int r;

	for (n = 0; n < CALL_ARGS && c->args[n].op != 0; n++)
		args[n] = c->args[n];
	if (c->grants == 0)
		return add_rule(ctx, c, args, n);
	for (i = 0; (g = grants_at(i)) != NULL; i++) {
		if (!(g->use & c->grants))
			continue;
		r = add_rule(ctx, c, args, n + granted_args(g, args + n));
		if (r != 0)
			return r;
	}
	return 0;
}

static int
add_calls(scmp_filter_ctx ctx, const struct call *c, size_t n,
    enum process_kind kind)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		if (!(c[i].roles & 1U << kind))
			continue;
		if ((r = add_call(ctx, &c[i])) != 0)
			return r;
	}
	return 0;
}

static int
set_attributes(scmp_filter_ctx ctx, uint32_t otherwise)
{
	int r;

	/* no new privileges is set already */
	if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0)) != 0 ||
	    (r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, otherwise)) !=
		0)
		return r;
	/* a tracer, as strace, makes a call this one to have it left out */
	if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_API_TSKIP, 1)) != 0 ||
	    (r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, -1, 0)) != 0)
		return r;
	/* a binary search; it is as right without, in an older library */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return 0;
}

/*
 * What is freed stays here: the C library would give it back to the kernel by
 * a call that is denied as soon as the filter stands, libseccomp's own memory
 * first of all.  Nor is any taken that would have to be unmapped.
 */
static int
keep_memory(void)
{
	if (BUILD_SANITIZED) /* they have an allocator of their own */
		return 0;
	if (mallopt(M_TRIM_THRESHOLD, -1) == 1 && mallopt(M_MMAP_MAX, 0) == 1)
		return 0;
	errno = EINVAL;
	return -1;
}

int
filter_enter(enum process_kind kind)
{
	uint32_t otherwise = BUILD_TRACE ? SCMP_ACT_LOG : SCMP_ACT_TRAP;
	scmp_filter_ctx ctx;
	int r;

	if (grants_check() == -1 || keep_memory() == -1)
		return -1;
	if ((ctx = seccomp_init(otherwise)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	if ((r = set_attributes(ctx, otherwise)) == 0 &&
	    (r = add_calls(ctx, calls, ncalls, kind)) == 0 &&
	    (!BUILD_SANITIZED ||
		(r = add_calls(ctx, calls_sanitizer, ncalls_sanitizer, kind)) ==
		    0))
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -r;
	return r == 0 ? 0 : -1;
}
