#include "base/signals.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stop_wanted;

static void on_signal(int number)
{
    if (stop_wanted && number == SIGINT) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    stop_wanted = 1;
}

void signals_watch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool signals_stop_wanted(void)
{
    return stop_wanted != 0;
}
