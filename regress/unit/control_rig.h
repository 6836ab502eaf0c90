/*
 * A control process in a child, the test in the place of its parent and of
 * its clients.  What the kernel does within a moment is waited for; a wait
 * that takes too long fails the test.
 */

#ifndef UNIT_CONTROL_RIG_H
#define UNIT_CONTROL_RIG_H

#include <sys/types.h>

#include "../../mctd/share/counters.h"
#include "../../mctd/share/inner.h"
#include "../../mctd/share/registry.h"
#include "../../mctd/share/ring.h"

#define RIG_BRIDGES  120
#define RIG_SESSIONS 40
#define RIG_ENGINES  2
#define RIG_FDS      (START_FD_COUNTERS + RIG_ENGINES)
#define RIG_CLIENTS  30
#define RIG_EVENTS   64
#define RIG_KEPT     128

struct rig {
	pid_t pid;
	int channel;
	struct registry registry;
	struct counters counters[RIG_ENGINES];
	struct ring ring;
	unsigned int logs;    /* lines so far */
	char log[TEXT_BYTES]; /* the last one */
	int kept[RIG_KEPT];   /* copies of clients' descriptors */
	unsigned int nkept;
	uint8_t packet[FRAME_MAX];
};

/* channel_bytes: the child's send buffer, 0 as it is. */
void rig_start(struct rig *, int active, int channel_bytes);
/* Closes the channel; the process must end with status. */
void rig_end(struct rig *, int status);
/* Waits for the end that the process comes to by itself. */
void rig_wait_end(struct rig *, int status);
/* Kills it, whatever it is doing. */
void rig_kill(struct rig *);
/* A test with a process at work, which ends with 0 after it. */
#define RIG_TEST(f, rig)                                                     \
	cmocka_unit_test_prestate_setup_teardown(f, rig_setup, rig_teardown, \
	    rig)
int rig_setup(void **state);
int rig_teardown(void **state);
/* From now on the process sees a clock that is so much further. */
void rig_skip_ms(unsigned int);

/* The next packet that is no log line; its type is in->type. */
void rig_packet(struct rig *, struct frame_in *);
/* There is none: the process has had its turn and sent nothing. */
void rig_no_packet(struct rig *);
/* The next one is GONE of this client. */
void rig_gone(struct rig *, uint16_t slot, uint32_t generation);
void rig_send(struct rig *, struct frame_out *);
void rig_plain(struct rig *, uint16_t type);
void rig_activate(struct rig *);
void rig_send_fd(struct rig *, struct frame_out *, int fd);
void rig_done(struct rig *, const struct inner_client *, uint32_t id);

/* A client handed over; returns its end. */
int rig_client(struct rig *, uint16_t slot, uint32_t generation, uint8_t role);
/* This end of a stream, which a rig killed before may have had; kept. */
void rig_hand(struct rig *, const struct inner_new_client *, int fd);
int rig_refuse(struct rig *, uint16_t slot, uint32_t generation, uint32_t err,
    const char *text);
/* The same with HELLO said and answered. */
int rig_open(struct rig *, uint16_t slot, uint32_t generation, uint8_t role);

/* A client's side. */
void peer_hello(int fd, uint16_t version);
void peer_send(int fd, struct frame_out *);
void peer_plain(int fd, uint16_t type, uint32_t request);
void peer_list(int fd, uint32_t request, uint8_t what, uint32_t cursor);
void peer_events(int fd, uint32_t request, uint8_t flags, uint32_t from);
/* The next frame, valid until the next call. */
void peer_recv(int fd, struct frame_in *);
/* The next frame is an ERROR; the sentence has these words in it. */
void peer_error(int fd, uint32_t request, uint32_t err, const char *words);
void peer_end(int fd); /* nothing more comes but the end; closes fd */
void peer_alive(int fd, uint32_t request); /* a LIST is answered */

#endif
