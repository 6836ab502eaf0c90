/*
 * Interfaces, and the watch over them.
 *
 * Calls: ioctl, socket
 */

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "../../common/log.h"
#include "loop.h"
#include "network.h"
#include "network_system.h"

/* How long a flood of news is left alone: it says the same again. */
#define PAUSE_MS 100

/* Without news it is looked at so often. */
#define POLL_MS  5000

static struct {
	int fd;
	int rests; /* event is a timer, which is set */
	int again; /* news were taken that nobody was told of */
	void (*changed)(void);
	struct loop_event event;
} network = { .fd = -1 };

void
network_open(void)
{
	network.fd = network_system_open();
	if (network.fd == -1)
		log_warn("no word of changes of the network: %s; it is looked "
			 "at every %d s",
		    strerror(errno), POLL_MS / 1000);
}

static void news(void *, unsigned int);
static void pause_over(void *, unsigned int);

static int
watch(void)
{
	loop_set(&network.event, network.fd, LOOP_READ, news, NULL);
	return loop_add(&network.event, -1);
}

static int
rest(long ms)
{
	network.rests = 1;
	loop_set(&network.event, -1, 0, pause_over, NULL);
	return loop_add(&network.event, ms);
}

static void
failed(void)
{
	log_warn("no memory to watch the network");
}

static void
news(void *arg, unsigned int what)
{
	(void)arg;
	(void)what;
	loop_del(&network.event);
	(void)network_system_drain(network.fd);
	network.changed();
	if (!network.rests && rest(PAUSE_MS) == -1)
		failed();
}

static void
pause_over(void *arg, unsigned int what)
{
	int came = network.again;

	(void)arg;
	(void)what;
	network.rests = network.again = 0;
	came |= network.fd == -1 || network_system_drain(network.fd);
	if (came)
		network.changed();
	if (network.rests)
		return;
	if ((network.fd == -1 ? rest(POLL_MS) :
		    came      ? rest(PAUSE_MS) :
				watch()) == -1)
		failed();
}

int
network_watch(void (*changed)(void))
{
	network.changed = changed;
	return network.fd == -1 ? rest(POLL_MS) : watch();
}

int
network_index(const char *device, uint32_t *index)
{
	char name[DEVICE_BYTES];

	if (device[strspn(device, "0123456789")] == '\0') {
		*index = (uint32_t)strtoul(device, NULL, 10);
		if (network_name(*index, name) == 0)
			return 1;
		return errno == ENXIO || errno == ENODEV ? 0 : -1;
	}
	if ((*index = if_nametoindex(device)) != 0)
		return 1;
	return errno == ENODEV ? 0 : -1;
}

int
network_name(uint32_t index, char name[DEVICE_BYTES])
{
	char buf[IF_NAMESIZE];

	if (if_indextoname(index, buf) == NULL)
		return -1;
	(void)strlcpy(name, buf, DEVICE_BYTES);
	return 0;
}

/* What was news is told a little later, to who did not ask this. */
int
network_way(const struct addr *group, uint32_t *index)
{
	int came = 0, found;

	if (network.fd == -1)
		return -1;
	found = network_system_way(network.fd, group, index, &came);
	if (!came || network.again || network.changed == NULL)
		return found;
	network.again = 1;
	if (!network.rests) {
		loop_del(&network.event);
		if (rest(PAUSE_MS) == -1)
			failed();
	}
	return found;
}
