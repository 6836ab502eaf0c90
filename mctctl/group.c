/*
 * Commands on the groups of a connectionless bridge that runs.
 */

#include <stdio.h>
#include <string.h>

#include "../common/join.h"
#include "../libmct/include/mct/session.h"
#include "ctl.h"
#include "group.h"
#include "order.h"

const struct words_option group_options[] = { { "interface", "IF", 0 },
	{ "source", "HOST", 0 }, { NULL, NULL, 0 } };

/*
 * The words after ID|NAME as the library takes them.  CTL_DONE, or CTL_USAGE
 * after saying what is wrong.
 */
static int
group_text(const struct words_call *call, char *text, size_t size)
{
	const char *why = "this is no group";
	struct bridge_join j;
	size_t i, used;

	(void)snprintf(text, size, "%s %s", call->args[1], call->args[2]);
	for (i = 0; i < call->noptions; i++) {
		used = strlen(text);
		(void)snprintf(text + used, size - used, " %s %s",
		    call->options[i].name, call->options[i].value);
	}
	if (join_parse(&j, text, &why) == 0)
		return CTL_DONE;
	ctl_say("%s: %s", text, why);
	return CTL_USAGE;
}

static int
group_change(struct ctl *ctl, const struct words_call *call,
    int (*change)(struct mct *, int, const char *, const char *))
{
	char text[2 * JOIN_TEXT_BYTES];
	const char *name;
	int id, status;

	if ((status = order_which(call->args[0], &id, &name)) != CTL_DONE ||
	    (status = group_text(call, text, sizeof text)) != CTL_DONE ||
	    (status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	return order_end(ctl, change(ctl->mct, id, name, text));
}

int
group_join(struct ctl *ctl, const struct words_call *call)
{
	return group_change(ctl, call, mct_bridge_join);
}

int
group_leave(struct ctl *ctl, const struct words_call *call)
{
	return group_change(ctl, call, mct_bridge_leave);
}

int
group_ttl(struct ctl *ctl, const struct words_call *call)
{
	const char *name;
	uint64_t ttl;
	int id, status;

	if ((status = order_which(call->args[0], &id, &name)) != CTL_DONE)
		return status;
	if (words_number(call->args[1], TTL_MAX, &ttl) == -1) {
		ctl_say("\"%s\" is not a TTL: 0 to %d", call->args[1], TTL_MAX);
		return CTL_USAGE;
	}
	if ((status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	return order_end(ctl, mct_bridge_ttl(ctl->mct, id, name, (int)ttl));
}

/* "any" is no interface, though one could be called so. */
int
group_affinity(struct ctl *ctl, const struct words_call *call)
{
	const char *name, *interface = call->args[1], *why;
	char device[DEVICE_BYTES] = "";
	int id, status;

	if ((status = order_which(call->args[0], &id, &name)) != CTL_DONE)
		return status;
	if (strcmp(interface, "any") == 0)
		interface = "";
	(void)snprintf(device, sizeof device, "%s", interface);
	if (strlen(interface) >= sizeof device ||
	    join_check_device(device, &why) == -1) {
		ctl_say("\"%s\" cannot be an interface", call->args[1]);
		return CTL_USAGE;
	}
	if ((status = ctl_connect(ctl)) != CTL_DONE)
		return status;
	return order_end(ctl, mct_bridge_affinity(ctl->mct, id, name, device));
}
