/*
 * pump makes traffic and measures it: a sink and a source for bulk, an echo
 * server with clients that ask one thing each, connections that nobody
 * reads, datagrams.  Addresses are written as mctd writes them; a path is
 * made anew by who listens there.  A server prints "ready" when it can be
 * reached; every command prints one line of JSON when it is done.
 */

#ifndef PUMP_PUMP_H
#define PUMP_PUMP_H

#include <stddef.h>
#include <stdint.h>

/* What the command line said; 0 where it said nothing. */
struct options {
	const char *addr;
	double seconds;
	uint64_t count;      /* bytes, datagrams or connections */
	size_t size;         /* of a message */
	uint64_t rate;       /* a second */
	unsigned int flight; /* connections at a time */
	int both;            /* bulk in both directions */
	int check;
};

/* The commands; each returns the exit status. */
int bulk_sink(const struct options *);
int bulk_source(const struct options *);
int flows_sink(const struct options *);
int flows_source(const struct options *);
int hold_serve(const struct options *);
int hold_stall(const struct options *);
int echo_serve(const struct options *);
int ask_pingpong(const struct options *);
int ask_idle(const struct options *);
int rate_connect(const struct options *);
int dgram_send(const struct options *);
int dgram_recv(const struct options *);

/* Sockets from text; what goes wrong ends the program with a message. */
int net_listen(const char *text); /* non-blocking */
int net_accept(int listener);     /* waits for one, which is blocking */
int net_connect(const char *text);
int net_connect_start(const char *text); /* non-blocking, under way */
int net_bind(const char *text);          /* datagrams */
void net_send_all(int fd, const void *, size_t);
size_t net_recv_all(int fd, void *, size_t); /* less at end of file */

void watch(int epoll, int fd, uint32_t events, void *); /* for the first time */

void ready(void);
uint64_t now_ns(void);
uint64_t deadline_ns(double seconds);

/*
 * The stream that source sends and sink can check: a block of odd length,
 * again and again.  From pattern_at(position), PATTERN_RUN bytes may be read.
 */
#define PATTERN_RUN (3 * 65521)
const unsigned char *pattern_at(uint64_t position);

/* Times in ns; sorts them and gives the one at a part of 1. */
struct samples {
	uint64_t *ns;
	size_t n;
	size_t room;
};
void samples_add(struct samples *, uint64_t ns);
double samples_us(struct samples *, double part);

#endif
