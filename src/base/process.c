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
    int status;
};

enum { NONE = -1 };

/* ---- Starting ------------------------------------------------------------------------------- */

/* What a start needs until the process is there. */
typedef struct scene {
    int file[3];    /* what becomes its input, output, errors; NONE: this program's own */
    bool borrowed;  /* those */
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
    for (int i = 0; i < 3 && !s->borrowed; i++) close_file(&s->file[i]);
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
    if (start->streams) {
        memcpy(s->file, start->streams, sizeof s->file);
        s->borrowed = true;
        return SP_OK;
    }
    sp_status status = open_file(start->input ? start->input : "/dev/null", O_RDONLY, &s->file[0], error);
    if (!status && start->output) status = open_file(start->output, MADE, &s->file[1], error);
    if (status || !start->errors) return status;
    if (!start->output || strcmp(start->output, start->errors) != 0)
        return open_file(start->errors, MADE, &s->file[2], error);
    s->file[2] = s->file[1];
    return SP_OK;
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

/* Starts what `s` is prepared for. */
static sp_status launch(const sp_process_start *start, scene *s, sp_process *process, sp_error *error) {
    int cause = start->cpus ? spawn_on(start, s, &process->pid) : spawn(start, s, &process->pid);
    if (start->may_be_missing && (cause == ENOENT || cause == EACCES)) {
        *process = (sp_process){.pid = NONE, .watch = NONE, .status = SP_PROCESS_MISSING};
        return SP_OK;
    }
    if (cause)
        return sp_fail(error, SP_FAILED, "%s: cannot be started (%s); see that it is installed and may run",
                       start->arguments[0], strerror(cause));
    process->watch = watch_of(process->pid);
    process->status = SP_PROCESS_RUNS;
    return SP_OK;
}

sp_status sp_process_create(const sp_process_start *start, sp_process **process, sp_error *error) {
    scene s = {.file = {NONE, NONE, NONE}};
    sp_process *made = malloc(sizeof *made);
    *process = NULL;
    if (!made) return sp_fail_memory(error, start->arguments[0], sizeof *made);
    sp_status status = prepare(start, &s, error);
    if (!status) status = launch(start, &s, made, error);
    clear(&s);
    if (status)
        free(made);
    else
        *process = made;
    return status;
}

void sp_process_destroy(sp_process *process) {
    if (!process) return;
    sp_process_signal(process, SIGKILL);
    sp_process_join(process);
    close_file(&process->watch);
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

void sp_process_join(sp_process *process) {
    while (process->status == SP_PROCESS_RUNS) sp_process_wait(&process, 1, -1);
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
    sp_process_join(process);
}

void sp_process_follow(long parent, int number) {
    prctl(PR_SET_PDEATHSIG, (unsigned long)number, 0, 0, 0);
    if (getppid() != (pid_t)parent) raise(number); /* it had ended before */
}
