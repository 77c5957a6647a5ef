#include "engine/base/clock.h"

#include <stdlib.h>
#include <time.h>

double clock_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t clock_wall_us(void)
{
    const char *pinned = getenv("SFT_TEST_CLOCK");
    if (pinned)
        return strtoll(pinned, NULL, 10) * 1000000;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_stamp(char *out, size_t size)
{
    time_t seconds = (time_t)(clock_wall_us() / 1000000);
    struct tm parts;
    localtime_r(&seconds, &parts);
    strftime(out, size, "%Y-%m-%d-%H%M", &parts);
}
