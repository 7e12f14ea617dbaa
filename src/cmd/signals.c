#include "cmd/signals.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

/* A handler can only leave a note; the step that is under way is finished. */
static volatile sig_atomic_t signal_seen, first_signal_at; /* the latter in seconds */
static volatile sig_atomic_t wish_seen;

/* A later signal ends the program at once. One within a second is the first again: timeout(1)
 * sends its signal to the program, then to the program's process group. */
static void note_signal(int number) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!signal_seen) {
        first_signal_at = (sig_atomic_t)now.tv_sec;
        signal_seen = number;
    } else if (now.tv_sec - first_signal_at > 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void note_wish(int number) {
    (void)number;
    wish_seen = 1;
}

void sp_signals_watch(void) {
    struct sigaction ends = {.sa_handler = note_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&ends.sa_mask);
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    /* nohup(1) has it ignored, and means that. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &ends, NULL);
}

int sp_signals_seen(void) {
    return signal_seen;
}

void sp_signals_watch_wishes(void) {
    struct sigaction saves = {.sa_handler = note_wish, .sa_flags = SA_RESTART};
    sigemptyset(&saves.sa_mask);
    sigaction(SIGUSR1, &saves, NULL);
}

bool sp_signals_take_wish(void) {
    bool seen = wish_seen;
    if (seen) wish_seen = 0;
    return seen;
}
