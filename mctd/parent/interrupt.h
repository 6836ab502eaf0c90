/*
 * Whether a signal to stop has come, for who cannot wait for the event loop
 * to say it.
 */

#ifndef PARENT_INTERRUPT_H
#define PARENT_INTERRUPT_H

/* Looks at a signal that the event loop watches already: 0 or -1. */
int interrupt_watch(int signal);

int interrupt_came(void);

#endif
