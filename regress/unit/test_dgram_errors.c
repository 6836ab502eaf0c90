/*
 * Errors that ICMP tells of what was sent before: whatever they are, they eat
 * nothing that is sent after.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "engine_dgram.h"

static struct erig *rig = &edgram.rig;

/* That a datagram from one to the other, with its headers, did not arrive. */
struct packet {
	struct icmphdr icmp;
	struct iphdr ip;
	struct udphdr udp;
};

static uint16_t
sum(const void *data, size_t bytes)
{
	const uint16_t *word = data;
	uint32_t s = 0;

	for (; bytes > 0; bytes -= 2)
		s += *word++;
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t) ~(s + (s >> 16));
}

static void
name(int fd, struct sockaddr_in *at)
{
	socklen_t len = sizeof *at;

	assert_return_code(getsockname(fd, (struct sockaddr *)at, &len), errno);
}

/* -1: only root can say so. */
static int
unreachable(const struct edgram_dst *d, uint8_t code)
{
	struct sockaddr_in from, to;
	struct packet p;
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

	if (raw == -1)
		return -1;
	name(d->inside, &from);
	name(d->receiver, &to);
	memset(&p, 0, sizeof p);
	p.icmp.type = ICMP_DEST_UNREACH;
	p.icmp.code = code;
	p.ip.version = 4;
	p.ip.ihl = 5;
	p.ip.tot_len = htons(sizeof p.ip + sizeof p.udp);
	p.ip.ttl = 64;
	p.ip.protocol = IPPROTO_UDP;
	p.ip.saddr = from.sin_addr.s_addr;
	p.ip.daddr = to.sin_addr.s_addr;
	p.udp.source = from.sin_port;
	p.udp.dest = to.sin_port;
	p.udp.len = htons(sizeof p.udp);
	p.icmp.checksum = sum(&p, sizeof p);
	from.sin_port = 0;
	assert_int_equal(sendto(raw, &p, sizeof p, 0, (struct sockaddr *)&from,
			     sizeof from),
	    sizeof p);
	erig_poll(d->inside, POLLERR);
	close(raw);
	return 0;
}

static void
errors_eat_nothing(void **state)
{
	static const struct {
		uint8_t code;
		enum count reason;
	} errors[] = {
		{ ICMP_PORT_UNREACH, COUNT_DROP_REFUSED },
		{ ICMP_PROT_UNREACH, COUNT_DROP_REFUSED },
		{ ICMP_PKT_FILTERED, COUNT_DROP_NO_ROUTE },
		{ ICMP_HOST_UNKNOWN, COUNT_DROP_NO_ROUTE },
		{ ICMP_HOST_ISOLATED, COUNT_DROP_NO_ROUTE },
		{ ICMP_NET_ANO, COUNT_DROP_NO_ROUTE },
	};
	struct edgram_dst t;
	unsigned int i, k, n = 0;
	uint64_t was;

	(void)state;
	erig_start(rig, 1, 0);
	edgram_open_src(ADDR_UDP);
	edgram_open_dst(&t, 1, ADDR_UDP);
	edgram_give(100, n);
	edgram_expect(&t, 100, n);
	edgram_wait_balance(1, ++n);
	for (i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		was = erig_count(rig, 1, errors[i].reason);
		if (unreachable(&t, errors[i].code) == -1)
			break;
		for (k = 0; k < 2; k++, n++) {
			edgram_give(100 + i, n);
			edgram_expect(&t, 100 + i, n);
		}
		/* the one that was lost is counted, and no other */
		edgram_wait_balance(1, n);
		assert_int_equal(erig_count(rig, 1, errors[i].reason), was + 1);
		assert_int_equal(erig_count(rig, 1, COUNT_MESSAGES_OUT),
		    n - i - 1);
	}
	edgram_close_dst(&t);
	close(edgram.src);
	close(edgram.sender);
	erig_stop(rig, 0);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_eat_nothing),
	};

	erig_init(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
