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
	const char *addr;   /* the first */
	char *const *addrs; /* all */
	unsigned int naddrs;
	double seconds;
	uint64_t count;      /* bytes, datagrams or connections */
	size_t size;         /* of a message */
	uint64_t rate;       /* a second */
	unsigned int flight; /* connections at a time, senders */
	int both;            /* bulk in both directions */
	int check;
	int groups; /* of datagrams: UDP_SEGMENT, UDP_GRO */
	int mixed;  /* sizes of datagrams, size is the largest */
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
int arrive_count(const struct options *);
int loop_run(const struct options *);

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
 * What a datagram of ours begins with, if it has room for that: when it was
 * sent, or 0, and its length.
 */
struct stamp {
	uint64_t sent_ns;
	uint32_t length;
	uint32_t unused;
};

/*
 * UDP_SEGMENT, by which one call sends many datagrams, and UDP_GRO, by which
 * one call reads many.  A group has so many of that size at most, and an old
 * kernel takes no more than 64.
 */
#define GROUP_MOST  64
#define GROUP_BYTES 65507
void net_wait(int fd); /* until it can be read */
void net_segment(int fd, size_t bytes);
void net_gro(int fd);

/* Messages that one call reads; what has no room ends the program. */
#define ROOM_MESSAGES 64
#define ROOM_BYTES    65536          /* the largest, or many that were merged */
struct room;                         /* one for a program is enough */
struct room *room_new(size_t bytes); /* for each message */
int room_read(struct room *, int fd, int flags); /* how many; 0: none there */
/* The i-th: its length, and of each datagram in it, which may be the same. */
unsigned char *room_message(struct room *, int i, size_t *len, size_t *each);

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
