#include "base/process.h"

#include "base/error.h"
#include "base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct sp_process {
    pid_t pid;
    int watch; /* a descriptor that poll() finds readable once the process has ended; -1: the kernel has none */
    int pipe;  /* of its output; -1: none */
    int status;
};

enum { NONE = -1 };

/* ---- Starting ------------------------------------------------------------------------------- */

/* What a start needs until the process is there. */
typedef struct scene {
    int file[3];    /* what becomes its input, output, errors; NONE: this program's own */
    int read_end;   /* of the pipe */
    char **environ; /* owned; its texts are borrowed */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    bool has_actions, has_attributes;
} scene;

static void close_file(int *file) {
    if (*file != NONE) close(*file);
    *file = NONE;
}

static void clear(scene *s) {
    if (s->file[2] == s->file[1]) s->file[2] = NONE;
    for (int i = 0; i < 3; i++) close_file(&s->file[i]);
    free(s->environ);
    if (s->has_actions) posix_spawn_file_actions_destroy(&s->actions);
    if (s->has_attributes) posix_spawnattr_destroy(&s->attributes);
}

static sp_status open_file(const char *path, int flags, int *file, sp_error *error) {
    *file = open(path, flags | O_CLOEXEC, 0666);
    if (*file != NONE) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: cannot be %s (%s); name a file that can", path,
                   flags == O_RDONLY ? "opened" : "written", strerror(errno));
}

static sp_status open_files(const sp_process_start *start, scene *s, sp_error *error) {
    enum { MADE = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND };
    int ends[2];
    sp_status status = open_file(start->input ? start->input : "/dev/null", O_RDONLY, &s->file[0], error);
    if (!status && (start->pipe_output || start->pipe_errors)) {
        if (pipe2(ends, O_CLOEXEC)) return sp_fail(error, SP_FAILED, "no pipe can be made: %s", strerror(errno));
        s->read_end = ends[0];
        s->file[start->pipe_output ? 1 : 2] = ends[1];
    }
    bool one = start->output && start->errors && strcmp(start->output, start->errors) == 0;
    if (!status && !start->pipe_output && start->output) status = open_file(start->output, MADE, &s->file[1], error);
    if (start->pipe_errors)
        s->file[2] = start->pipe_output ? s->file[1] : s->file[2];
    else if (one && !start->pipe_output)
        s->file[2] = s->file[1];
    else if (!status && start->errors)
        status = open_file(start->errors, MADE, &s->file[2], error);
    return status;
}

/* Whether two texts "NAME=VALUE" are of one name. */
static bool same_name(const char *a, const char *b) {
    size_t length = strcspn(a, "=");
    return strncmp(a, b, length) == 0 && b[length] == '=';
}

static bool is_replaced(const char *const *additions, const char *entry) {
    for (; *additions; additions++)
        if (same_name(*additions, entry)) return true;
    return false;
}

/* This program's environment with the additions. */
static bool make_environment(const char *const *additions, scene *s) {
    static const char *const nothing[] = {NULL};
    size_t own = 0, more = 0, used = 0;
    if (!additions) additions = nothing;
    while (environ && environ[own]) own++;
    while (additions[more]) more++;
    s->environ = calloc(own + more + 1, sizeof *s->environ);
    if (!s->environ) return false;
    for (size_t i = 0; i < own; i++)
        if (!is_replaced(additions, environ[i])) s->environ[used++] = environ[i];
    for (size_t i = 0; i < more; i++) s->environ[used++] = (char *)additions[i];
    return true;
}

static bool make_attributes(const sp_process_start *start, scene *s) {
    s->has_actions = posix_spawn_file_actions_init(&s->actions) == 0;
    s->has_attributes = posix_spawnattr_init(&s->attributes) == 0;
    if (!s->has_actions || !s->has_attributes) return false;
    for (int i = 0; i < 3; i++)
        if (s->file[i] != NONE && posix_spawn_file_actions_adddup2(&s->actions, s->file[i], i)) return false;
    return !start->own_group || (posix_spawnattr_setflags(&s->attributes, POSIX_SPAWN_SETPGROUP) == 0 &&
                                 posix_spawnattr_setpgroup(&s->attributes, 0) == 0);
}

static int spawn(const sp_process_start *start, scene *s, pid_t *pid) {
    const char *program = start->program ? start->program : start->arguments[0];
    return posix_spawnp(pid, program, &s->actions, &s->attributes, (char *const *)start->arguments, s->environ);
}

/* A child inherits the CPUs of the thread that starts it: that takes the child's, for as long. Returns an errno. */
static int spawn_on(const sp_process_start *start, scene *s, pid_t *pid) {
    enum { MOST_BYTES = 1 << 15 };
    size_t bytes = sizeof(cpu_set_t);
    cpu_set_t *own = NULL;
    int cause = EINVAL;
    for (; cause == EINVAL && bytes <= MOST_BYTES; bytes *= 2) { /* until the kernel's set fits */
        free(own);
        own = malloc(bytes);
        if (!own) return ENOMEM;
        cause = sched_getaffinity(0, bytes, own) ? errno : 0;
        if (!cause) break;
    }
    if (!cause && sched_setaffinity(0, start->cpu_bytes ? start->cpu_bytes : sizeof(cpu_set_t), start->cpus))
        cause = errno;
    else if (!cause) {
        cause = spawn(start, s, pid);
        sched_setaffinity(0, bytes, own);
    }
    free(own);
    return cause;
}

static sp_status prepare(const sp_process_start *start, scene *s, sp_error *error) {
    sp_status status = open_files(start, s, error);
    if (status) return status;
    if (make_environment(start->environment, s) && make_attributes(start, s)) return SP_OK;
    return sp_fail_memory(error, start->arguments[0], sizeof *s);
}

static int watch_of(pid_t pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    return NONE;
#endif
}

sp_status sp_process_create(const sp_process_start *start, sp_process **process, sp_error *error) {
    scene s = {.file = {NONE, NONE, NONE}, .read_end = NONE};
    sp_process *made = malloc(sizeof *made);
    *process = NULL;
    if (!made) return sp_fail_memory(error, start->arguments[0], sizeof *made);
    sp_status status = prepare(start, &s, error);
    if (!status) {
        int cause = start->cpus ? spawn_on(start, &s, &made->pid) : spawn(start, &s, &made->pid);
        if (cause)
            status = sp_fail(error, SP_FAILED, "%s: cannot be started (%s); see that it is installed and may run",
                             start->arguments[0], strerror(cause));
    }
    clear(&s);
    if (status) {
        close_file(&s.read_end);
        free(made);
        return status;
    }
    made->watch = watch_of(made->pid);
    made->pipe = s.read_end;
    made->status = SP_PROCESS_RUNS;
    *process = made;
    return SP_OK;
}

void sp_process_destroy(sp_process *process) {
    if (!process) return;
    sp_process_signal(process, SIGKILL);
    while (process->status == SP_PROCESS_RUNS) sp_process_wait(&process, 1, -1);
    close_file(&process->watch);
    close_file(&process->pipe);
    free(process);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

long sp_process_id(const sp_process *process) {
    return process->pid;
}

int sp_process_status(const sp_process *process) {
    return process->status;
}

/* Whether it has ended. */
static bool look(sp_process *process) {
    int status;
    if (process->status != SP_PROCESS_RUNS) return true;
    pid_t got = waitpid(process->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) return false;
    if (got < 0) /* SIGCHLD is ignored, and nobody will ever know */
        process->status = 255;
    else
        process->status = WIFEXITED(status) ? WEXITSTATUS(status) : SP_PROCESS_SIGNALLED + WTERMSIG(status);
    return true;
}

static size_t look_at_all(sp_process *const *processes, size_t count) {
    size_t i = 0;
    while (i < count && !(processes[i] && look(processes[i]))) i++;
    return i;
}

/* Sleeps until one of them may have ended, at most so long. False: a signal was handled. */
static bool sleep_on(sp_process *const *processes, size_t count, double seconds) {
    enum { TOGETHER = 64 };
    const double slice = 0.01; /* where there is no descriptor to watch */
    struct pollfd watched[TOGETHER];
    nfds_t used = 0;
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        if (!processes[i]) continue;
        if (processes[i]->watch == NONE || used == TOGETHER)
            all = false;
        else
            watched[used++] = (struct pollfd){.fd = processes[i]->watch, .events = POLLIN};
    }
    if (!all && (seconds < 0 || seconds > slice)) seconds = slice;
    const double longest = 3600;
    if (seconds < 0 || seconds > longest) seconds = longest;
    return poll(watched, used, (int)ceil(1000 * seconds)) >= 0 || errno != EINTR;
}

size_t sp_process_wait(sp_process *const *processes, size_t count, double seconds) {
    double end = sp_host_seconds() + seconds;
    for (;;) {
        size_t ended = look_at_all(processes, count);
        double left = seconds < 0 ? seconds : end - sp_host_seconds();
        if (ended < count || (seconds >= 0 && left <= 0)) return ended;
        if (!sleep_on(processes, count, left)) return look_at_all(processes, count);
    }
}

void sp_process_signal(sp_process *process, int number) {
    if (!look(process)) kill(process->pid, number); /* nobody else waits for it: the number is still its own */
}

/* As sp_process_wait, but signals that this program handles do not end it. */
static bool ends_within(sp_process *process, double seconds) {
    double end = sp_host_seconds() + seconds;
    double left = seconds;
    while (left >= 0 && sp_process_wait(&process, 1, left) == 1) left = end - sp_host_seconds();
    return process->status != SP_PROCESS_RUNS;
}

void sp_process_stop(sp_process *process, double grace) {
    sp_process_signal(process, SIGTERM);
    if (ends_within(process, grace)) return;
    sp_process_signal(process, SIGKILL);
    while (process->status == SP_PROCESS_RUNS) sp_process_wait(&process, 1, -1);
}

/* ---- What it says --------------------------------------------------------------------------- */

sp_status sp_process_read(sp_process *process, void *bytes, size_t size, size_t *got, sp_error *error) {
    ssize_t count;
    *got = 0;
    if (process->pipe == NONE) return SP_OK;
    do count = read(process->pipe, bytes, size);
    while (count < 0 && errno == EINTR);
    if (count < 0) return sp_fail(error, SP_FAILED, "reading from a pipe failed: %s", strerror(errno));
    *got = (size_t)count;
    return SP_OK;
}

/* Text that grows; NULL: nobody wants it. */
typedef struct heard {
    char *text; /* owned */
    size_t length, room;
} heard;

/* Reads what there is, waiting up to `seconds`. *more: false at the end. */
static sp_status hear(sp_process *process, double seconds, heard *h, bool *more, sp_error *error) {
    struct pollfd pipe = {.fd = process->pipe, .events = POLLIN};
    size_t got;
    *more = true;
    if (poll(&pipe, 1, seconds < 0 ? -1 : (int)ceil(1000 * fmin(seconds, 3600))) <= 0) return SP_OK;
    if (h->length + 1 >= h->room) {
        size_t room = h->room ? 2 * h->room : 4096;
        char *larger = realloc(h->text, room);
        if (!larger) return sp_fail_memory(error, "the output of a program", room);
        h->text = larger;
        h->room = room;
    }
    sp_status status = sp_process_read(process, h->text + h->length, h->room - h->length - 1, &got, error);
    if (status) return status;
    h->length += got;
    h->text[h->length] = '\0';
    *more = got > 0;
    return SP_OK;
}

sp_status sp_process_run(const sp_process_start *start, double seconds, int *status, char **text, sp_error *error) {
    sp_process_start piped = *start;
    sp_process *process;
    heard h = {0};
    bool more = true;
    double end = sp_host_seconds() + seconds;
    piped.pipe_output = piped.pipe_errors = true;
    sp_status result = sp_process_create(&piped, &process, error);
    if (result) return result;
    while (!result && more && (seconds < 0 || sp_host_seconds() < end))
        result = hear(process, seconds < 0 ? seconds : fmax(0, end - sp_host_seconds()), &h, &more, error);
    if (!result && !more)
        while (seconds < 0 && process->status == SP_PROCESS_RUNS) sp_process_wait(&process, 1, -1);
    if (!result && !ends_within(process, fmax(0, end - sp_host_seconds())))
        result =
            sp_fail(error, SP_FAILED, "%s: has not ended after %g s, and was stopped", start->arguments[0], seconds);
    const double grace = 2;
    if (result) sp_process_stop(process, grace);
    *status = process->status;
    sp_process_destroy(process);
    if (result || !text) free(h.text);
    if (text) *text = result ? NULL : h.text ? h.text : strdup("");
    if (!result && text && !*text) return sp_fail_memory(error, "the output of a program", 1);
    return result;
}

void sp_process_follow(long parent, int number) {
    prctl(PR_SET_PDEATHSIG, (unsigned long)number, 0, 0, 0);
    if (getppid() != (pid_t)parent) raise(number); /* it had ended before */
}
