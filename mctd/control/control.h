/* The control process: serves the clients of the control socket. */

#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/*
 * The process from its first message to its end; channel leads to the
 * parent.  Does not return but at a failed start, with what to exit with.
 */
int control_main(int channel);

/* Names what one such process allocates, for the budget. */
void control_budget(uint32_t clients, uint32_t fds,
    void (*add)(void *arg, const char *what, size_t bytes), void *arg);

#endif
