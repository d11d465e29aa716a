/* The clock that all times are taken from: it only runs forward, and is one for the ranks of a
 * machine. */
#ifndef CONVOY_BASE_CLOCK_H
#define CONVOY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment in the past. */
static inline int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds for which this process has had a core. */
static inline int64_t clock_busy_ns(void)
{
    struct timespec busy;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy);
    return (int64_t)busy.tv_sec * 1000000000 + busy.tv_nsec;
}

/* The time of clock_ns in seconds. */
static inline double clock_seconds(void)
{
    return 1e-9 * (double)clock_ns();
}

#endif
