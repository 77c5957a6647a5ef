#include "cli/stop.h"

#include "engine/base/clock.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal;
static volatile double stopped_at;

/* One wish to stop often arrives as several signals (timeout(1) sends two, a closing terminal HUP
 * and TERM), so only one that comes later is the second one, which kills. */
static void on_signal(int number)
{
    double now = clock_monotonic();
    if (!stop_signal) {
        stopped_at = now;
        stop_signal = number;
    } else if (now - stopped_at > 0.5) {
        signal(number, SIG_DFL);
        raise(number); /* delivered when this handler returns */
    }
}

void stop_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &a, NULL);
}

bool stop_wanted(void)
{
    return stop_signal != 0;
}
