/*
 * Clients of the control socket: the parent accepts them, fixes their role
 * in its own table, and hands them to control with a slot number.  Answers
 * to their requests go the same way back.  It keeps a copy of each descriptor
 * that it never reads, for the control after this one.
 */

#ifndef PARENT_CLIENTS_H
#define PARENT_CLIENTS_H

#include <sys/types.h>

#include "../share/inner.h"

/* Who may come, besides root. */
struct clients_rules {
	uid_t starter; /* of a daemon that root did not start */
	int has_starter;
	gid_t group; /* of the socket */
	int has_group;
	mode_t mode; /* of the socket */
};

size_t clients_bytes(uint32_t clients);
int clients_init(uint32_t clients, const struct clients_rules *);

/* Accepts from now on. */
int clients_listen(int fd);
void clients_stop(void);

/* What a connected client may do; ROLE_NONE for one that is gone. */
enum role clients_role(const struct inner_client *, uid_t *uid);

/* Control says it is gone; -1 when there is no such client. */
int clients_gone(const struct inner_client *);

/*
 * Control died, and what it had sent is read: its successor gets them all
 * anew, those excepted that may have been sent a part of an answer.
 */
void clients_control_died(void);

/*
 * The answer to the one request a client has.  Kept until control takes it;
 * dropped when the client is gone.
 */
void clients_done(const struct inner_client *, uint32_t id);
void clients_error(const struct inner_client *, int err, const char *text);

/*
 * A request: 0 it is to be done now, 1 it is one that is under way or was
 * done when control died, and is answered as such, -1 when another one is
 * under way.
 */
int clients_ask(const struct inner_client *);

/* Sends what waits: new clients, answers, news of events. */
void clients_flush(void);

/* For the next parent: the table, from slot 0 on; NULL behind its end. */
enum client_state {
	CLIENT_FREE,
	CLIENT_NEW,
	CLIENT_PRESENT
};

struct client {
	enum client_state state;
	uint32_t generation;
	enum role role;
	uid_t uid;
	int fd;
	int refused;  /* errno it is told */
	int whole;    /* it is sent whole frames or nothing */
	int adopted;  /* a control died that may have served it */
	int asked;    /* there is a last request */
	int asking;   /* it is under way */
	int answered; /* its answer waits for control */
	int orphaned; /* the control that asked it died meanwhile */
	uint32_t request;
	int err;
	uint32_t id;
	char text[TEXT_BYTES];
};
struct client *clients_at(uint32_t slot);
int clients_socket(void);
/* There: a client as it was; clients_control_died follows.  0 or -1. */
int clients_adopt(uint32_t slot, const struct client *);

#endif
