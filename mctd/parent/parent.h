/*
 * The parent: opens every socket, decides, supervises; never reads payload.
 */

#ifndef PARENT_PARENT_H
#define PARENT_PARENT_H

/* A child finds its channel here. */
#define CHILD_CHANNEL 3

struct budget;
struct conf;

struct parent_options {
	const char *file;
	const char *socket; /* NULL: as configured */
	int file_given;
	int foreground;
	int check_only;
	int upgrade; /* takes the place of the running one */
	int verbose;
	char *name_end; /* of the argv[0] that ps shows */
	/* What the children will allocate. */
	void (*children_budget)(const struct conf *, struct budget *);
	int (*stopping)(void); /* parent.c's own */
};

/* "macro=value"; 0 or -1. */
int parent_define(const char *assignment);

/* Returns the exit status. */
int parent_main(struct parent_options *);

#endif
