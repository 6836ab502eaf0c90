/*
 * A bump allocator for libevent.  A block is preceded by its size; freeing
 * does nothing, for what libevent frees after its start is the array it has
 * just outgrown, and the arena's size counts these.
 *
 * Calls: at the start: mmap
 */

#include <sys/mman.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <event2/event.h>

#include "../../common/limits.h"
#include "../../common/log.h"
#include "arena.h"

#define ALIGN ((size_t)16)

static uint8_t *arena;
static size_t arena_size;
static size_t arena_used;
static uint8_t *arena_last; /* the block given out last */

static void *
arena_malloc(size_t size)
{
	size_t need = (size + ALIGN - 1) / ALIGN * ALIGN;
	uint8_t *block;

	if (need < size || arena_size - arena_used < ALIGN ||
	    arena_size - arena_used - ALIGN < need) {
		errno = ENOMEM;
		return NULL;
	}
	block = arena + arena_used + ALIGN;
	memcpy(block - ALIGN, &need, sizeof need);
	arena_used += ALIGN + need;
	arena_last = block;
	return block;
}

static void *
arena_realloc(void *old, size_t size)
{
	size_t had;
	void *block;

	if (old == NULL)
		return arena_malloc(size);
	memcpy(&had, (uint8_t *)old - ALIGN, sizeof had);
	if (size <= had)
		return old;
	if (old == arena_last) {
		/* nothing behind it: it can grow where it is */
		arena_used -= ALIGN + had;
		block = arena_malloc(size);
		if (block == NULL)
			arena_used += ALIGN + had;
		return block;
	}
	block = arena_malloc(size);
	if (block != NULL)
		memcpy(block, old, had);
	return block;
}

static void
arena_free(void *block)
{
	(void)block;
}

/* libevent's own warnings: they would go to stderr otherwise. */
static void
arena_log(int severity, const char *line)
{
	(void)severity;
	log_warn("%s", line);
}

size_t
arena_bytes(size_t fds)
{
	return ARENA_FD_BYTES * fds + ARENA_BASE_BYTES;
}

int
arena_setup(size_t fds)
{
	void *mem;

	mem = mmap(NULL, arena_bytes(fds), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -1;
	memset(mem, 0, arena_bytes(fds));
	arena = mem;
	arena_size = arena_bytes(fds);
	arena_used = 0;
	arena_last = NULL;
	event_set_log_callback(arena_log);
	event_set_mem_functions(arena_malloc, arena_realloc, arena_free);
	return 0;
}

struct event_base *
arena_base(void)
{
	struct event_config *config = event_config_new();

	if (config == NULL ||
	    event_config_set_flag(config,
		EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == -1 ||
	    event_config_avoid_method(config, "poll") == -1 ||
	    event_config_avoid_method(config, "select") == -1 ||
	    event_config_require_features(config, EV_FEATURE_ET) == -1)
		return NULL;
	return event_base_new_with_config(config);
}
