#include "runs/queue.h"

#include "base/cores.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/process.h"
#include "runs/halving.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

/* How often the observer is asked, in seconds. */
static const double tick = 0.2;

/* One of the places side by side. */
typedef struct place {
    long trial; /* SP_QUEUE_FREE: none */
    bool resumed;
} place;

struct sp_queue {
    const sp_trials *trials;
    sp_queue_options options;
    const sp_queue_observer *observer; /* while it runs */
    sp_lock *lock;                     /* owned; NULL: the file system knows none */
    sp_trial_record *record;           /* owned [trials->count] */
    bool *anew;                        /* owned: its checkpoint is of another training */
    bool *there;                       /* owned [trials->groups]: not dropped */
    double *worth;                     /* owned [trials->groups]: at the end of a rung */
    size_t *seeds;                     /* owned [trials->groups]: trials of each */
    size_t rungs, rung;
    size_t slots;
    place *slot;          /* owned [jobs] */
    sp_process **process; /* owned [jobs]; NULL: free */
    sp_cores *cores;      /* owned: of `slots` shares */
    bool stopping;
};

/* ---- Life ------------------------------------------------------------------------------------ */

static size_t fewest_epochs(const sp_trials *trials) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < trials->count; i++) {
        size_t epochs = (size_t)trials->trial[i].config->train.epochs;
        if (epochs < least) least = epochs;
    }
    return least;
}

static sp_status make_room(sp_queue *q, sp_error *error) {
    size_t count = q->trials->count, groups = q->trials->groups, jobs = q->options.jobs;
    q->record = calloc(count, sizeof *q->record);
    q->anew = calloc(count, sizeof *q->anew);
    q->there = malloc(groups * sizeof *q->there);
    q->worth = calloc(groups, sizeof *q->worth);
    q->seeds = calloc(groups, sizeof *q->seeds);
    q->slot = calloc(jobs, sizeof *q->slot);
    q->process = calloc(jobs, sizeof(sp_process *));
    if (!q->record || !q->anew || !q->there || !q->worth || !q->seeds || !q->slot || !q->process)
        return sp_fail_memory(error, "the queue", count * sizeof *q->record);
    for (size_t i = 0; i < groups; i++) q->there[i] = true;
    for (size_t i = 0; i < count; i++) q->seeds[q->trials->trial[i].group]++;
    return SP_OK;
}

sp_status sp_queue_create(const sp_trials *trials, const sp_queue_options *options, sp_queue **queue, sp_error *error) {
    sp_queue *q = calloc(1, sizeof *q);
    if (!q) return sp_fail_memory(error, "the queue", sizeof *q);
    q->trials = trials;
    q->options = *options;
    q->rungs = options->eta > 1 ? sp_halving_rungs(trials->groups, fewest_epochs(trials), options->eta) : 1;
    if (q->rungs > SP_MOST_RUNGS) q->rungs = SP_MOST_RUNGS;
    sp_status status = make_room(q, error);
    if (!status) status = sp_lock_folder(trials->folder, ".batch.lock", "batch", &q->lock, error);
    if (status) {
        sp_queue_destroy(q);
        return status;
    }
    sp_ledger_read(trials, q->options.eta, q->record);
    *queue = q;
    return SP_OK;
}

void sp_queue_destroy(sp_queue *q) {
    if (!q) return;
    const double grace = 10; /* to write a checkpoint */
    for (size_t i = 0; q->process && i < q->options.jobs; i++)
        if (q->process[i]) sp_process_stop(q->process[i], grace);
    for (size_t i = 0; q->process && i < q->options.jobs; i++) sp_process_destroy(q->process[i]);
    sp_cores_destroy(q->cores);
    free(q->process);
    free(q->slot);
    free(q->seeds);
    free(q->worth);
    free(q->there);
    free(q->anew);
    free(q->record);
    sp_lock_release(q->lock);
    free(q);
}

/* ---- Looking at it --------------------------------------------------------------------------- */

const sp_trials *sp_queue_trials(const sp_queue *q) {
    return q->trials;
}

const sp_trial_record *sp_queue_record(const sp_queue *q, size_t trial) {
    return &q->record[trial];
}

size_t sp_queue_count(const sp_queue *q, sp_trial_state state) {
    size_t count = 0;
    for (size_t i = 0; i < q->trials->count; i++) count += q->record[i].state == state;
    return count;
}

size_t sp_queue_slots(const sp_queue *q) {
    return q->slots;
}

long sp_queue_slot(const sp_queue *q, size_t at) {
    return q->slot[at].trial;
}

size_t sp_queue_rungs(const sp_queue *q) {
    return q->rungs;
}

size_t sp_queue_rung(const sp_queue *q) {
    return q->rung;
}

size_t sp_queue_rung_epochs(const sp_queue *q, size_t trial, size_t rung) {
    size_t epochs = (size_t)q->trials->trial[trial].config->train.epochs;
    return q->rungs == 1 ? epochs : sp_halving_epochs(epochs, q->options.eta, q->rungs, rung);
}

/* ---- Starting a training --------------------------------------------------------------------- */

static const char *dir_of(const sp_queue *q, size_t trial) {
    return q->trials->trial[trial].config->output.dir;
}

static bool path_in(const sp_queue *q, size_t trial, const char *name, char path[PATH]) {
    return sp_path_join(path, PATH, dir_of(q, trial), name);
}

/* Whoever is still training into its directory: 0: nobody. A training that outlives its batch writes a checkpoint. */
static long holder_of(const sp_queue *q, size_t trial) {
    char path[PATH];
    sp_error unlocked = {0};
    sp_lock *lock = NULL;
    long holder = 0;
    if (!sp_is_folder(dir_of(q, trial)) || !path_in(q, trial, ".lock", path) || !sp_file_exists(path)) return 0;
    sp_lock_take(path, &lock, &holder, &unlocked);
    sp_lock_release(lock);
    return holder;
}

/* The files that a training is started with: its config, as the batch has it. */
static sp_status write_files(const sp_queue *q, size_t trial, bool *resumes, sp_error *error) {
    char path[PATH];
    if (!path_in(q, trial, "summary.json", path)) return sp_fail(error, SP_BAD_CONFIG, "%s: is too long", path);
    sp_status status = sp_folder_create(dir_of(q, trial), "--output", error);
    if (status) return status;
    remove(path); /* it tells how an earlier one ended */
    path_in(q, trial, "config.ini", path);
    *resumes = !q->anew[trial] && sp_file_exists(path);
    path_in(q, trial, "batch.ini", path);
    return sp_config_save(q->trials->trial[trial].config, path, error);
}

static sp_status start(sp_queue *q, size_t trial, size_t at, sp_error *error) {
    char config[PATH], log[PATH], threads[60], epochs[24], limit[40], follow[40];
    size_t own = sp_cores_threads(q->cores, at, q->options.threads), used = 4;
    place *slot = &q->slot[at];
    sp_status status = write_files(q, trial, &slot->resumed, error);
    if (status) return status;
    path_in(q, trial, "batch.ini", config);
    path_in(q, trial, "train.log", log);
    snprintf(limit, sizeof limit, "OMP_NUM_THREADS=%zu", own);
    snprintf(follow, sizeof follow, "SHARDPROP_PARENT=%ld", q->options.follow);
    snprintf(threads, sizeof threads, "parallel.threads=%zu", own);
    snprintf(epochs, sizeof epochs, "%zu", sp_queue_rung_epochs(q, trial, q->rung));
    const char *arguments[12] = {"shardprop", "train", config, "--quiet"};
    const char *environment[] = {limit, q->options.follow ? follow : NULL, NULL};
    if (q->trials->trial[trial].config->parallel.threads > (long long)own) { /* no bit depends on that */
        arguments[used++] = "--set";
        arguments[used++] = threads;
    }
    if (slot->resumed) arguments[used++] = "--resume";
    if (q->rung + 1 < q->rungs) {
        arguments[used++] = "--stop-after";
        arguments[used++] = epochs;
    }
    sp_process_start how = {.program = q->options.program,
                            .arguments = arguments,
                            .environment = environment,
                            .output = log,
                            .errors = log,
                            .own_group = true,
                            .cpus = sp_cores_share(q->cores, at),
                            .cpu_bytes = sp_cores_bytes(q->cores)};
    status = sp_process_create(&how, &q->process[at], error);
    if (status) return status;
    slot->trial = (long)trial;
    q->record[trial].state = SP_TRIAL_RUNNING;
    return SP_OK;
}

/* ---- When one has ended ---------------------------------------------------------------------- */

/* The first fault that it has written, without the program's name. */
static void find_cause(const sp_queue *q, size_t trial, int code, char *why, size_t size) {
    enum { LARGEST = 1 << 22 };
    static const char start_of_fault[] = "shardprop: ";
    char path[PATH], *text = NULL;
    size_t length;
    sp_error unread = {0};
    if (code > SP_PROCESS_SIGNALLED)
        snprintf(why, size, "was ended by signal %d (%s)", code - SP_PROCESS_SIGNALLED,
                 strsignal(code - SP_PROCESS_SIGNALLED));
    else
        snprintf(why, size, "exit status %d", code);
    if (!path_in(q, trial, "train.log", path) || sp_file_read(path, LARGEST, &text, &length, &unread)) return;
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, start_of_fault, strlen(start_of_fault)) == 0) {
            line += strlen(start_of_fault);
            snprintf(why, size, "%.*s", (int)strcspn(line, "\n"), line);
            break;
        }
    free(text);
}

/* Notes what it had come to at the rung it has reached, and at those behind, if it is done. */
static void reach(sp_queue *q, size_t trial) {
    sp_trial_record *r = &q->record[trial];
    while (r->rungs <= q->rung) r->rung[r->rungs++] = sp_trial_worth(&r->result);
}

static void note_end(sp_queue *q, size_t trial, int code, bool resumed) {
    sp_trial_record *r = &q->record[trial];
    sp_trial_result_read(&q->trials->trial[trial], &r->result);
    bool done = strcmp(r->result.status, "completed") == 0 || strcmp(r->result.status, "stopped_early") == 0;
    bool refused = code == SP_BAD_CONFIG || code == SP_BAD_DATA;
    *r->why = '\0';
    if (code == SP_OK && done) {
        r->state = SP_TRIAL_DONE;
        reach(q, trial);
    } else if (code == SP_OK && q->rung + 1 < q->rungs) {
        r->state = SP_TRIAL_PAUSED;
        reach(q, trial);
    } else if (q->stopping && code == SP_PROCESS_SIGNALLED + SIGTERM) {
        r->state = SP_TRIAL_WAITING;
    } else if (resumed && refused) { /* what the directory holds is another training, or damaged */
        r->state = SP_TRIAL_WAITING;
        q->anew[trial] = true;
    } else {
        r->state = SP_TRIAL_FAILED;
        find_cause(q, trial, code, r->why, sizeof r->why);
    }
}

static sp_status finish(sp_queue *q, size_t at, sp_error *error) {
    size_t trial = (size_t)q->slot[at].trial;
    int code = sp_process_status(q->process[at]);
    sp_process_destroy(q->process[at]);
    q->process[at] = NULL;
    q->slot[at].trial = SP_QUEUE_FREE;
    note_end(q, trial, code, q->slot[at].resumed);
    sp_status status = sp_ledger_write(q->trials, q->options.eta, q->record, error);
    if (!status && q->record[trial].state != SP_TRIAL_WAITING && q->observer->on_end)
        q->observer->on_end(q->observer->context, q, trial);
    return status;
}

/* ---- A rung ---------------------------------------------------------------------------------- */

/* Whether a trial has still to be trained, up to this rung. */
static bool is_due(const sp_queue *q, size_t trial) {
    const sp_trial_record *r = &q->record[trial];
    if (!q->there[q->trials->trial[trial].group] || r->state > SP_TRIAL_PAUSED || r->state == SP_TRIAL_RUNNING)
        return false;
    return q->rung + 1 == q->rungs || r->rungs <= q->rung;
}

static size_t count_due(const sp_queue *q) {
    size_t due = 0;
    for (size_t i = 0; i < q->trials->count; i++) due += is_due(q, i);
    return due;
}

/* Starts a training, or has it failed. */
static void start_or_fail(sp_queue *q, size_t trial, size_t at) {
    sp_error fault = {0};
    if (!start(q, trial, at, &fault)) return;
    q->record[trial].state = SP_TRIAL_FAILED;
    snprintf(q->record[trial].why, sizeof q->record[trial].why, "%.*s", (int)strcspn(fault.text, "\n"), fault.text);
    if (q->observer->on_end) q->observer->on_end(q->observer->context, q, trial);
}

/* Fills a free slot with the first trial whose directory is free. *blocked: there is one, but another has it. */
static void fill(sp_queue *q, size_t at, long *blocked) {
    *blocked = SP_QUEUE_FREE;
    for (size_t i = 0; i < q->trials->count && !q->process[at]; i++) {
        if (!is_due(q, i)) continue;
        if (holder_of(q, i) == 0)
            start_or_fail(q, i, at);
        else if (*blocked == SP_QUEUE_FREE)
            *blocked = (long)i;
    }
}

static void stop_all(sp_queue *q) {
    q->stopping = true;
    for (size_t i = 0; i < q->slots; i++)
        if (q->process[i]) sp_process_signal(q->process[i], SIGTERM);
}

static size_t count_running(const sp_queue *q) {
    size_t running = 0;
    for (size_t i = 0; i < q->slots; i++) running += q->process[i] != NULL;
    return running;
}

/* *told: of which trial the observer knows that it waits. */
static void fill_all(sp_queue *q, long *told) {
    long blocked;
    for (size_t i = 0; i < q->slots && !q->stopping; i++) {
        if (q->process[i]) continue;
        fill(q, i, &blocked);
        if (blocked == SP_QUEUE_FREE || blocked == *told || count_running(q) > 0) continue;
        *told = blocked;
        if (q->observer->on_wait)
            q->observer->on_wait(q->observer->context, &q->trials->trial[blocked], holder_of(q, (size_t)blocked));
    }
}

/* As many slots as there is work for, so that the last ones get more threads each. */
static sp_status make_slots(sp_queue *q, sp_error *error) {
    size_t due = count_due(q);
    q->slots = due < q->options.jobs ? due : q->options.jobs;
    for (size_t i = 0; i < q->options.jobs; i++) q->slot[i].trial = SP_QUEUE_FREE;
    sp_cores_destroy(q->cores);
    q->cores = NULL;
    return q->slots > 0 ? sp_cores_create(q->slots, &q->cores, error) : SP_OK;
}

static sp_status climb(sp_queue *q, sp_error *error) {
    long told = SP_QUEUE_FREE;
    sp_status status = make_slots(q, error);
    for (size_t i = 0; i < q->trials->count; i++)
        if (q->record[i].state == SP_TRIAL_DONE && q->there[q->trials->trial[i].group]) reach(q, i);
    while (!status && (count_running(q) > 0 || (!q->stopping && count_due(q) > 0))) {
        fill_all(q, &told);
        size_t ended = sp_process_wait(q->process, q->slots, tick);
        if (ended < q->slots) status = finish(q, ended, error);
        bool wanted = q->observer->on_tick && q->observer->on_tick(q->observer->context, q);
        if (wanted && !q->stopping) stop_all(q);
    }
    return status;
}

/* ---- Between rungs --------------------------------------------------------------------------- */

/* One metric for all, or there is nothing to compare. */
static sp_status check_monitors(const sp_queue *q, sp_error *error) {
    const sp_trial *first = NULL;
    const char *monitor = "";
    for (size_t i = 0; i < q->trials->count; i++) {
        const sp_trial_record *r = &q->record[i];
        if (r->rungs <= q->rung) continue;
        if (first && strcmp(monitor, r->result.monitor) != 0)
            return sp_fail(error, SP_BAD_CONFIG,
                           "halving compares by one metric, but %s is judged by %s and %s by %s; set train.monitor, or "
                           "make two batches",
                           first->name, monitor, q->trials->trial[i].name, r->result.monitor);
        first = &q->trials->trial[i];
        monitor = r->result.monitor;
    }
    return SP_OK;
}

/* What each group has come to in this rung: the mean over its seeds; NaN where one of them has failed. */
static void judge_groups(sp_queue *q) {
    for (size_t g = 0; g < q->trials->groups; g++) q->worth[g] = 0;
    for (size_t i = 0; i < q->trials->count; i++) {
        const sp_trial_record *r = &q->record[i];
        size_t group = q->trials->trial[i].group;
        bool good = r->rungs > q->rung && r->state != SP_TRIAL_FAILED;
        q->worth[group] += good ? r->rung[q->rung] / (double)q->seeds[group] : NAN;
    }
}

static sp_status drop(sp_queue *q, sp_error *error) {
    size_t dropped = 0;
    sp_status status = check_monitors(q, error);
    if (status) return status;
    judge_groups(q);
    for (size_t g = 0; g < q->trials->groups; g++) dropped += q->there[g];
    sp_halving_keep(q->worth, q->there, q->trials->groups, q->options.eta);
    for (size_t g = 0; g < q->trials->groups; g++) dropped -= q->there[g];
    for (size_t i = 0; i < q->trials->count; i++)
        if (!q->there[q->trials->trial[i].group] && q->record[i].state < SP_TRIAL_DROPPED)
            q->record[i].state = SP_TRIAL_DROPPED;
    if (q->observer->on_rung) q->observer->on_rung(q->observer->context, q, dropped);
    return sp_ledger_write(q->trials, q->options.eta, q->record, error);
}

static sp_status name_failures(const sp_queue *q, sp_error *error) {
    for (size_t i = 0; i < q->trials->count; i++)
        if (q->record[i].state == SP_TRIAL_FAILED)
            sp_fail(error, SP_FAILED, "%s: failed: %s", dir_of(q, i), q->record[i].why);
    return error->status;
}

sp_status sp_queue_run(sp_queue *q, const sp_queue_observer *observer, bool *interrupted, sp_error *error) {
    static const sp_queue_observer nobody = {0};
    q->observer = observer ? observer : &nobody;
    sp_status status = sp_ledger_write(q->trials, q->options.eta, q->record, error);
    for (q->rung = 0; q->rung < q->rungs && !status; q->rung++) {
        status = climb(q, error);
        if (!status && !q->stopping && q->rung + 1 < q->rungs) status = drop(q, error);
        if (q->stopping) break;
    }
    *interrupted = q->stopping;
    return status || q->stopping ? status : name_failures(q, error);
}
