/* Times: one type for what only moves forward, one for the calendar. */

#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

uint64_t clock_ms(void);      /* monotonic, milliseconds */
uint64_t clock_us(void);      /* the same in microseconds */
uint64_t clock_wall_ns(void); /* since 1970 */

#endif
