/* The requests of control, made for clients; by table. */

#ifndef PARENT_BROKER_H
#define PARENT_BROKER_H

#include "../conf/conf.h"
#include "../share/inner.h"

/* What a request may cause outside of the bridges. */
struct broker_hooks {
	void (*stop)(void);
	int (*stopping)(void); /* nothing new comes in any more */
	/* 0, or -1 and a sentence in error. */
	int (*reload)(char *error, size_t size);
	/* The configuration in force, for the defaults of options. */
	const struct conf *(*conf)(void);
};
void broker_init(const struct broker_hooks *);

/* A message of control; -1 when it may not send such. */
int broker_message(struct frame_in *);

/* A message of the engine; -1 when it may not send such. */
int broker_engine_message(uint32_t engine, struct frame_in *);

#endif
