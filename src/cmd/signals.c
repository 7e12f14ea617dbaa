#include "cmd/signals.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A handler can only leave a note; the step that is under way is finished. */
static volatile sig_atomic_t signal_seen, first_signal_at; /* the latter in seconds */
static volatile sig_atomic_t wish_seen;

static char folder[4096];
static volatile sig_atomic_t folder_stands;

/* By calls that a handler may make. */
static void remove_folder(void) {
    _Alignas(struct dirent64) char entries[4096];
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (ssize_t got; opened >= 0 && (got = getdents64(opened, entries, sizeof entries)) > 0;)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);
            unlinkat(opened, entry->d_name, 0);
            at += entry->d_reclen;
        }
    rmdir(folder);
}

/* A later signal ends the program at once. One within a second is the first again: timeout(1)
 * sends its signal to the program, then to the program's process group. */
static void note_signal(int number) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!signal_seen) {
        first_signal_at = (sig_atomic_t)now.tv_sec;
        signal_seen = number;
    } else if (now.tv_sec - first_signal_at > 1) {
        if (folder_stands) remove_folder();
        signal(number, SIG_DFL);
        raise(number);
    }
}

/* Nothing but what a handler may call. */
static void leave(int number) {
    static const char line[] = "shardprop: interrupted before training began: nothing is changed\n";
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) _exit(128 + number); /* nobody to tell */
    _exit(128 + number);
}

static void note_wish(int number) {
    (void)number;
    wish_seen = 1;
}

static void handle_by(void (*handler)(int)) {
    struct sigaction ends = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
    sigemptyset(&ends.sa_mask);
    sigaction(SIGINT, &ends, NULL);
    sigaction(SIGTERM, &ends, NULL);
    /* nohup(1) has it ignored, and means that. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &ends, NULL);
}

void sp_signals_watch(void) {
    handle_by(note_signal);
}

void sp_signals_leave(void) {
    handle_by(leave);
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

void sp_signals_remove(const char *path) {
    folder_stands = 0;
    if (!path || strlen(path) >= sizeof folder) return;
    strcpy(folder, path);
    folder_stands = 1;
}
