/*
 * Commands that change something: bridges made, bridges and sessions
 * closed, the configuration read again, the daemon stopped.
 */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/addr.h"
#include "../common/bridge.h"
#include "../libmct/include/mct/session.h"
#include "ctl.h"
#include "order.h"
#include "resolve.h"

struct words_option order_bridge_options[WORDS_OPTIONS];

/* How usage shows the values of options. */
static const char *const value_words[] = {
	[OPTION_COUNT] = "N",
	[OPTION_BYTES] = "BYTES",
	[OPTION_SECONDS] = "T",
	[OPTION_FLAG] = "yes|no",
	[OPTION_DEVICE] = "IF",
	[OPTION_HOST] = "HOST",
	[OPTION_DST] = "DST",
	[OPTION_JOIN] = "JOIN",
};

void
order_setup(void)
{
	struct words_option *words = order_bridge_options;
	const struct bridge_option *o;

	words->name = "name";
	words->value = "NAME";
	for (o = bridge_options; o->name != NULL; o++) {
		words++;
		assert(words < order_bridge_options + WORDS_OPTIONS - 1);
		words->name = o->name;
		words->value = value_words[o->unit];
		words->many = o->unit == OPTION_DST || o->unit == OPTION_JOIN;
	}
}

/*
 * An address as the library takes it: read here, names resolved, and
 * printed again.  CTL_DONE, or CTL_USAGE after saying what is wrong.
 */
static int
order_address(const struct ctl *ctl, const char *text, char *plain)
{
	struct resolve_state state = { .error = NULL };
	struct addr_resolver resolver = { resolve_host, &state };
	struct addr addr;
	const char *why = "this is no address";

	if (addr_parse(&addr, text, ctl->resolve ? &resolver : NULL, &why) ==
	    -1) {
		if (state.error != NULL)
			why = state.error;
		ctl_say("%s: %s", text, why);
		return CTL_USAGE;
	}
	addr_print(&addr, plain, ADDR_TEXT_BYTES);
	return CTL_DONE;
}

static int
order_option_fail(const struct words_option *word, const char *why)
{
	ctl_say("%s \"%s\": %s", word->name, word->value, why);
	return CTL_USAGE;
}

/*
 * An option of a bridge into the library's set.  It is read here, into
 * `read`, which knows host names and can say what is wrong.
 */
static int
order_option(const struct ctl *ctl, const struct words_option *word,
    struct bridge_options *read, struct mct_options *options)
{
	const struct bridge_option *o = bridge_option_find(word->name);
	struct resolve_state state = { .error = NULL };
	struct addr_resolver resolver = { resolve_host, &state };
	char text[OPTION_TEXT_BYTES];
	const char *why = "not such a value", *value = word->value;
	unsigned int nth = 0;

	if (o != NULL && o->unit == OPTION_DST)
		nth = read->nmore;
	else if (o != NULL && o->unit == OPTION_JOIN)
		nth = read->njoins;
	if (o == NULL) { /* the name */
		if (bridge_name_check(value, &why) == -1)
			return order_option_fail(word, why);
	} else {
		if (bridge_option_set(read, o, value,
			ctl->resolve ? &resolver : NULL, &why) == -1)
			return order_option_fail(word,
			    state.error != NULL ? state.error : why);
		/* What says no more than nothing would is no value. */
		if (!bridge_option_text(read, o, nth, text, sizeof text))
			return CTL_DONE;
		value = text;
	}
	if (mct_options_set(options, word->name, value) == -1)
		return order_option_fail(word, strerror(errno));
	return CTL_DONE;
}

/* The options of a bridge; NULL after saying what is wrong, and *status. */
static struct mct_options *
order_options(const struct ctl *ctl, const struct words_call *call, int *status)
{
	struct mct_options *options = mct_options_new();
	struct bridge_options read;
	size_t i;

	*status = CTL_REFUSED;
	if (options == NULL) {
		ctl_say("out of memory");
		return NULL;
	}
	memset(&read, 0, sizeof read);
	for (i = 0; i < call->noptions; i++) {
		*status = order_option(ctl, &call->options[i], &read, options);
		if (*status != CTL_DONE) {
			mct_options_free(options);
			return NULL;
		}
	}
	return options;
}

int
order_bridge_add(struct ctl *ctl, const struct words_call *call)
{
	char src[ADDR_TEXT_BYTES], dst[ADDR_TEXT_BYTES];
	struct mct_options *options;
	int id, status;

	if ((status = order_address(ctl, call->args[0], src)) != CTL_DONE ||
	    (status = order_address(ctl, call->args[1], dst)) != CTL_DONE)
		return status;
	options = order_options(ctl, call, &status);
	if (options == NULL)
		return status;
	status = ctl_connect(ctl);
	if (status == CTL_DONE) {
		id = mct_bridge_text(ctl->mct, src, dst, options);
		if (id == -1)
			status = ctl_failed(ctl);
		else
			printf(ctl->json ? "{\"id\":%d}\n" : "%d\n", id);
	}
	mct_options_free(options);
	return status != CTL_DONE ? status : ctl_flush();
}

/* CTL_DONE and the id, or CTL_USAGE after saying so. */
static int
order_id(const char *text, int *id)
{
	uint64_t n;

	if (words_number(text, INT_MAX, &n) == -1 || n == 0) {
		ctl_say("\"%s\" is not an id", text);
		return CTL_USAGE;
	}
	*id = (int)n;
	return CTL_DONE;
}

int
order_which(const char *text, int *id, const char **name)
{
	/* A name is never digits alone. */
	*id = 0;
	*name = text;
	if (text[strspn(text, "0123456789")] != '\0')
		return CTL_DONE;
	*name = NULL;
	return order_id(text, id);
}

int
order_end(const struct ctl *ctl, int result)
{
	return result == 0 ? CTL_DONE : ctl_failed(ctl);
}

int
order_bridge_close(struct ctl *ctl, const struct words_call *call)
{
	const char *name;
	int id, status;

	if ((status = order_which(call->args[0], &id, &name)) != CTL_DONE ||
	    (status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	return order_end(ctl, mct_bridge_close(ctl->mct, id, name));
}

int
order_session_close(struct ctl *ctl, const struct words_call *call)
{
	int id, status;

	if ((status = order_id(call->args[0], &id)) != CTL_DONE ||
	    (status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	return order_end(ctl, mct_session_end(ctl->mct, id));
}

int
order_reload(struct ctl *ctl, const struct words_call *call)
{
	int status = ctl_connect(ctl);

	(void)call;
	if (status != CTL_DONE)
		return status;
	return order_end(ctl, mct_reload(ctl->mct));
}

int
order_stop(struct ctl *ctl, const struct words_call *call)
{
	int status = ctl_connect(ctl);

	(void)call;
	if (status != CTL_DONE)
		return status;
	return order_end(ctl, mct_stop(ctl->mct));
}
