/* clock.h - time, from one place, so that tests can pin it.
 * SFT_TEST_CLOCK=SECONDS in the environment pins clock_wall() (not the monotonic clock). */
#ifndef CLOCK_H
#define CLOCK_H
#include <stddef.h>
#include <stdint.h>

double clock_monotonic(void); /* seconds since some start, never goes back */
int64_t clock_wall_us(void);  /* microseconds since 1970, UTC */

/* "2026-11-23-1405", local time: the head of a run's directory name. */
void clock_stamp(char *out, size_t size);

#endif
