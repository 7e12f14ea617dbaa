#include "cmd/scale_train.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/load.h"
#include "base/process.h"
#include "cmd/signals.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096, OURS = 12, TEXT = PATH + 40, MOST_FILE = 1 << 28 };

/* ---- The process ---------------------------------------------------------------------------------- */

/* What the child is called with. */
typedef struct call {
    char program[PATH], own[OURS][TEXT], threads[40], errors[PATH];
    const char *arguments[2 * SP_MOST_SETS + 2 * OURS + 8];
    size_t count, owned;
} call;

static void add(call *c, const char *argument) {
    c->arguments[c->count++] = argument;
}

__attribute__((format(printf, 2, 3))) static void set(call *c, const char *format, ...) {
    va_list arguments;
    char *text = c->own[c->owned++];
    va_start(arguments, format);
    vsnprintf(text, TEXT, format, arguments);
    va_end(arguments);
    add(c, "-s");
    add(c, text);
}

/* The user's own settings, then what makes it a measurement: all epochs, nothing written meanwhile. */
static void arrange(call *c, const sp_options *options, const sp_scale_point *point, const sp_scale_run *run,
                    const char *folder) {
    add(c, c->program);
    add(c, "train");
    add(c, options->operand[0]);
    add(c, "--quiet");
    if (run->kind == SP_SCALE_TIMED) add(c, "--phases");
    for (size_t i = 0; i < options->sets; i++) {
        add(c, "-s");
        add(c, options->set[i]);
    }
    set(c, "output.dir=%s", folder);
    set(c, "parallel.threads=%zu", run->threads);
    set(c, "parallel.shards=%zu", point->shards);
    set(c, "train.batch_size=%zu", point->batch_size);
    set(c, "train.epochs=%zu", point->epochs);
    set(c, "train.patience=0");
    set(c, "output.checkpoint_every=0");
    set(c, "output.checkpoint_seconds=0");
    add(c, NULL);
}

/* The child's own message, without the program's name, which is put before it again. */
static sp_status pass_on(const call *c, int status, const sp_scale_run *run, sp_error *error) {
    static const char name[] = "shardprop: ";
    char *text = NULL;
    size_t size;
    sp_error unread = {0};
    if (sp_file_read(c->errors, MOST_FILE, &text, &size, &unread)) text = NULL;
    char *line = text && strncmp(text, name, strlen(name)) == 0 ? text + strlen(name) : text;
    if (line) line[strcspn(line, "\n")] = '\0';
    if (line && *line)
        sp_fail(error, status <= SP_BAD_DATA ? (sp_status)status : SP_FAILED, "%s", line);
    else
        sp_fail(error, SP_FAILED, "%s: the training ended with status %d; try it: shardprop train", run->name, status);
    free(text);
    return error->status;
}

static sp_status run_process(const call *c, const sp_scale_run *run, sp_error *error) {
    const char *environment[] = {c->threads, NULL};
    sp_process *process;
    sp_process_start start = {.arguments = c->arguments,
                              .environment = environment,
                              .output = "/dev/null",
                              .errors = c->errors,
                              .own_group = true};
    sp_status status = sp_process_create(&start, &process, error);
    if (status) return status;
    while (sp_process_status(process) == SP_PROCESS_RUNS && !sp_signals_seen()) sp_process_wait(&process, 1, 1);
    if (sp_signals_seen()) {
        sp_process_stop(process, 5);
        sp_interrupted_by = sp_signals_seen();
        status = sp_fail(error, SP_FAILED, "interrupted; what was measured so far is not kept");
    } else if (sp_process_status(process) != 0) {
        status = pass_on(c, sp_process_status(process), run, error);
    }
    sp_process_destroy(process);
    return status;
}

/* ---- What it left behind -------------------------------------------------------------------------- */

static sp_status read_file(const char *folder, const char *name, char **text, size_t *size, sp_error *error) {
    char path[PATH];
    if (sp_path_join(path, sizeof path, folder, name)) return sp_file_read(path, MOST_FILE, text, size, error);
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", folder);
}

static sp_status read_summary(const char *folder, sp_scale_run *run, sp_error *error) {
    char *text;
    size_t size;
    sp_status status = read_file(folder, "summary.json", &text, &size, error);
    if (status) return status;
    sp_json *root = sp_json_parse(text, size);
    const char *hash = sp_json_text(sp_json_member(root, "weights_xxh64"));
    const sp_json *phases = sp_json_member(root, "phases");
    bool good = hash != NULL;
    run->hash = hash ? strtoull(hash, NULL, 16) : 0;
    run->imbalance = NAN;
    for (int i = 0; i < SP_PHASES; i++) {
        run->phases[i] = NAN;
        if (phases) good = sp_json_number(sp_json_member(phases, sp_phase_name((sp_phase)i)), &run->phases[i]) && good;
    }
    if (phases) good = sp_json_number(sp_json_member(root, "imbalance"), &run->imbalance) && good;
    sp_json_destroy(root);
    free(text);
    return good ? SP_OK : sp_fail(error, SP_FAILED, "%s/summary.json: is not what train writes; try again", folder);
}

/* The number in column `column`, from 0, of a row of metrics.csv; 0: none. */
static double cell_of(const char *row, size_t column) {
    for (; column > 0 && row; column--) {
        row = strchr(row, ',');
        row = row ? row + 1 : NULL;
    }
    return row ? strtod(row, NULL) : 0;
}

/* Which column of the header is `name`. */
static size_t column_of(const char *header, const char *name) {
    size_t column = 0, length = strlen(name);
    for (const char *at = header; strncmp(at, name, length) != 0; column++) {
        at = strpbrk(at, ",\n");
        if (!at || *at == '\n') break;
        at++;
    }
    return column;
}

/* The epochs behind the warm-up, as they were timed within the process: steps alone. */
static sp_status read_metrics(const char *folder, const sp_scaling *scaling, const sp_scale_point *point,
                              sp_scale_run *run, sp_error *error) {
    char *text;
    size_t size, epochs = 0;
    sp_status status = read_file(folder, "metrics.csv", &text, &size, error);
    if (status) return status;
    size_t column = column_of(text, "samples_per_second");
    run->seconds = 0;
    run->epoch = INFINITY;
    for (const char *row = strchr(text, '\n'); row && row[1]; row = strchr(row + 1, '\n'))
        if (++epochs > point->warm) {
            double epoch = (double)scaling->rows / cell_of(row + 1, column);
            run->seconds += epoch;
            run->epoch = fmin(run->epoch, epoch);
        }
    free(text);
    run->rate = (double)((point->epochs - point->warm) * scaling->rows) / run->seconds;
    if (epochs == point->epochs && isfinite(run->rate)) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s/metrics.csv: has %zu epochs; %zu would be right", folder, epochs,
                   point->epochs);
}

sp_status sp_scale_train(const sp_options *options, const sp_scaling *scaling, const sp_scale_point *point,
                         sp_scale_run *run, sp_error *error) {
    call c = {0};
    char folder[PATH];
    sp_load before, after;
    ssize_t length = readlink("/proc/self/exe", c.program, sizeof c.program - 1);
    if (length <= 0 || snprintf(folder, sizeof folder, "%s/runs/%s", scaling->folder, run->name) >= PATH ||
        !sp_path_join(c.errors, sizeof c.errors, scaling->folder, "errors.txt"))
        return sp_fail(error, SP_FAILED, "%s: the program does not find itself, or the path is too long", run->name);
    snprintf(c.threads, sizeof c.threads, "OMP_NUM_THREADS=%zu", run->threads);
    arrange(&c, options, point, run, folder);
    bool watched = sp_load_now(&before);
    sp_status status = run_process(&c, run, error);
    watched = sp_load_now(&after) && watched;
    run->others = watched ? sp_load_others(&before, &after) : NAN;
    remove(c.errors);
    if (!status) status = read_summary(folder, run, error);
    if (!status) status = read_metrics(folder, scaling, point, run, error);
    return status;
}
