/* shardprop scale CONFIG */
#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "cmd/findings.h"
#include "cmd/scale_plan.h"
#include "cmd/scale_runs.h"
#include "cmd/scale_table.h"
#include "cmd/scale_train.h"
#include "cmd/signals.h"
#include "cmd/terminal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME = 120, MOST_EPOCHS = 10000, MOST_REPETITIONS = 1000 };

/* All that an experiment needs. */
typedef struct experiment {
    const sp_options *options;
    sp_findings findings;
    sp_scaling scaling;
    char name[NAME], folder[NAME + 20];
    size_t done, all;    /* trainings */
    bool terminal, line; /* line: one stands there, to be drawn over */
    sp_lock *lock;
} experiment;

/* ---- Telling how it goes ---------------------------------------------------------------------------- */

/* The line that is drawn over; before anything else is printed. */
static void erase_line(experiment *e) {
    if (e->line) fprintf(stderr, "\r\x1b[K");
    e->line = false;
}

/* One line that is drawn over, on a terminal; else a line each. */
static void tell(experiment *e, const sp_scale_run *run) {
    char line[200];
    size_t columns, rows;
    e->done++;
    if (e->options->quiet) return;
    snprintf(line, sizeof line, "%zu of %zu: %s, %zu thread%s, %.0f samples/s%s", e->done, e->all, run->name,
             run->threads, run->threads == 1 ? "" : "s", run->rate,
             sp_scale_was_disturbed(&e->scaling, run) ? ", disturbed" : "");
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    erase_line(e);
    fprintf(stderr, "%.*s%s", e->terminal ? (int)columns - 1 : (int)sizeof line, line, e->terminal ? "" : "\n");
    e->line = e->terminal;
}

static void warn_of_threads(const experiment *e) {
    char line[200];
    const sp_scale_curve *curve = &e->scaling.curve[0];
    size_t most = 0, cpus = 0;
    for (size_t i = 0; i < curve->points; i++) {
        if (curve->point[i].oversubscribed)
            most = curve->point[i].threads;
        else
            cpus = curve->point[i].threads;
    }
    if (most == 0) return;
    snprintf(line, sizeof line,
             "%zu threads are more than the CPUs that are granted: they take turns, and show nothing of the scaling; "
             "the fits leave out what is above %zu",
             most, cpus);
    sp_warn(e->options, line);
}

static void warn_of_others(const experiment *e) {
    char line[200];
    size_t disturbed = 0, all = 0;
    double most = 0;
    for (size_t c = 0; c < e->scaling.curves; c++)
        for (size_t i = 0; i < e->scaling.curve[c].points; i++)
            for (size_t r = 0; r < e->scaling.curve[c].point[i].runs; r++) {
                const sp_scale_run *run = &e->scaling.curve[c].point[i].run[r];
                if (run->kind != SP_SCALE_MEASURED) continue;
                all++;
                if (!sp_scale_was_disturbed(&e->scaling, run)) continue;
                disturbed++;
                if (run->others > most) most = run->others;
            }
    if (disturbed == 0) return;
    snprintf(line, sizeof line,
             "%zu of %zu measurements were disturbed: other processes kept up to %.1f CPUs busy; repeat it on a quiet "
             "machine",
             disturbed, all, most);
    sp_warn(e->options, line);
}

/* ---- Measuring -------------------------------------------------------------------------------------- */

static sp_status measure_ceilings(experiment *e, sp_error *error) {
    const sp_scaling *s = &e->scaling;
    const double seconds = fmin(0.6, s->seconds);
    sp_status status = SP_OK;
    for (size_t i = 0; i < s->curve[0].points && !status; i++) {
        sp_ceiling ceiling;
        status = sp_ceiling_measure(s->curve[0].point[i].threads, e->findings.machine.topology.cache, seconds, &ceiling,
                                    error);
        for (size_t c = 0; c < s->curves; c++) s->curve[c].point[i].ceiling = ceiling; /* all have the same threads */
    }
    return status;
}

/* How many epochs take about so many seconds, of which one takes `epoch`. */
static size_t epochs_in(double seconds, double epoch) {
    double epochs = ceil(seconds / epoch);
    return epochs < 1 ? 1 : epochs > MOST_EPOCHS ? MOST_EPOCHS : (size_t)epochs;
}

/* Epochs for `point`, by short trainings on `threads` threads that nobody counts: a tenth more to warm up. */
static sp_status choose_epochs(experiment *e, size_t threads, sp_scale_point *point, sp_error *error) {
    sp_scale_run trial = {.kind = SP_SCALE_CHECK, .threads = threads};
    sp_scale_name_run(point, 0, &trial);
    point->warm = 1;
    point->epochs = 2;
    sp_status status = sp_scale_train(e->options, &e->scaling, point, &trial, error);
    for (int i = 0; i < 2 && !status && trial.seconds < fmin(0.02, e->scaling.seconds / 2); i++) {
        point->epochs = 1 + epochs_in(fmin(0.05, e->scaling.seconds), trial.epoch);
        status = sp_scale_train(e->options, &e->scaling, point, &trial, error);
    }
    if (status) return status;
    point->warm = epochs_in(e->scaling.seconds / 10, trial.epoch);
    point->epochs = point->warm + epochs_in(e->scaling.seconds, trial.epoch);
    return SP_OK;
}

/* The most threads that have a CPU each: the fastest, as far as one can know. */
static size_t likely_fastest(const sp_scale_curve *curve) {
    size_t threads = curve->point[0].threads;
    for (size_t i = 0; i < curve->points; i++)
        if (!curve->point[i].oversubscribed) threads = curve->point[i].threads;
    return threads;
}

/* The fastest of a strong curve takes as long as it was asked for, and all train as many epochs: to the same weights.
 */
static sp_status calibrate(experiment *e, sp_scale_curve *curve, sp_error *error) {
    sp_status status = SP_OK;
    for (size_t i = 0; i < curve->points && !status; i++) {
        sp_scale_point *point = &curve->point[i];
        if (i == 0 || e->scaling.weak) {
            status = choose_epochs(e, e->scaling.weak ? point->threads : likely_fastest(curve), point, error);
        } else {
            point->warm = curve->point[0].warm;
            point->epochs = curve->point[0].epochs;
        }
    }
    return status;
}

/* Trains once more; the run is the point's. */
static sp_status train(experiment *e, sp_scale_point *point, sp_scale_kind kind, size_t threads, size_t repetition,
                       sp_error *error) {
    sp_scale_run *run = &point->run[point->runs];
    *run = (sp_scale_run){.kind = kind, .threads = threads};
    sp_scale_name_run(point, repetition, run);
    sp_status status = sp_scale_train(e->options, &e->scaling, point, run, error);
    if (status) return status;
    point->runs++;
    tell(e, run);
    return SP_OK;
}

/* Once with a clock around the phases, which brings data and code into caches, too; and, where no other point trains
 * the same, on another number of threads. */
static sp_status train_aside(experiment *e, sp_scale_point *point, sp_error *error) {
    sp_status status = train(e, point, SP_SCALE_TIMED, point->threads, 0, error);
    if (status || !e->scaling.weak) return status;
    return train(e, point, SP_SCALE_CHECK, point->threads > 1 ? 1 : 2, 1, error);
}

/* A round has every point once, every second one backwards: what drifts hits all alike. */
static sp_status measure_rounds(experiment *e, sp_scale_point **points, size_t count, sp_error *error) {
    sp_status status = SP_OK;
    for (size_t i = 0; i < count && !status; i++) status = train_aside(e, points[i], error);
    for (size_t r = 0; r < e->scaling.repetitions; r++)
        for (size_t i = 0; i < count && !status; i++) {
            sp_scale_point *point = points[r % 2 == 0 ? i : count - 1 - i];
            status = train(e, point, SP_SCALE_MEASURED, point->threads, r + 1, error);
        }
    return status;
}

static sp_status measure_all(experiment *e, sp_error *error) {
    sp_scaling *s = &e->scaling;
    size_t count = s->curves * s->curve[0].points, runs = s->repetitions + 2, at = 0;
    sp_scale_point **points = calloc(count, sizeof(sp_scale_point *));
    sp_status status = points ? SP_OK : sp_fail_memory(error, "the scaling", count * sizeof *points);
    e->all = count * (s->repetitions + (s->weak ? 2 : 1));
    for (size_t c = 0; c < s->curves && !status; c++)
        for (size_t i = 0; i < s->curve[c].points && !status; i++) {
            points[at] = &s->curve[c].point[i];
            points[at]->run = calloc(runs, sizeof *points[at]->run);
            if (!points[at]->run) status = sp_fail_memory(error, "the scaling", runs * sizeof *points[at]->run);
            at++;
        }
    for (size_t c = 0; c < s->curves && !status; c++) status = calibrate(e, &s->curve[c], error);
    if (!status) status = measure_rounds(e, points, count, error);
    free(points);
    return status;
}

/* ---- The command ------------------------------------------------------------------------------------ */

/* The config's name, without folder and ending, and runs/scale- and that, unless another folder is asked for. */
static void name_it(experiment *e) {
    sp_path_stem(e->options->operand[0], e->name, sizeof e->name);
    snprintf(e->folder, sizeof e->folder, "runs/scale-%s", e->name);
    e->scaling.name = e->name;
    e->scaling.folder = e->options->output ? e->options->output : e->folder;
}

static sp_status read_numbers(experiment *e, sp_error *error) {
    const sp_options *o = e->options;
    long long repetitions = 5;
    e->scaling.seconds = 1;
    if (o->seconds &&
        (!sp_parse_real(o->seconds, &e->scaling.seconds) || !(e->scaling.seconds > 0) || e->scaling.seconds > 3600))
        return sp_fail(error, SP_BAD_CONFIG, "--seconds: '%s' is not valid; it takes: number above 0, up to 3600",
                       o->seconds);
    if (o->repetitions &&
        (!sp_parse_whole(o->repetitions, &repetitions) || repetitions < 1 || repetitions > MOST_REPETITIONS))
        return sp_fail(error, SP_BAD_CONFIG, "--repetitions: '%s' is not valid; it takes: whole number from 1 to %d",
                       o->repetitions, MOST_REPETITIONS);
    e->scaling.repetitions = (size_t)repetitions;
    return SP_OK;
}

static sp_status save(experiment *e, sp_error *error) {
    sp_json *root = sp_json_object();
    if (!sp_findings_add(&e->findings, root)) {
        sp_json_destroy(root);
        return sp_fail_memory(error, "scale.json", 1);
    }
    sp_status status = sp_scaling_save_json(&e->scaling, root, error);
    return status ? status : sp_scaling_save_csv(&e->scaling, error);
}

/* A machine without gnuplot still has its numbers. */
static void draw(experiment *e) {
    sp_error failed = {0};
    if (sp_scaling_draw(&e->scaling, &failed)) sp_warn(e->options, failed.text);
}

/* Everything is measured: says and saves what it came to. */
static sp_status conclude(experiment *e, sp_error *error) {
    sp_status status = sp_scaling_evaluate(&e->scaling, error);
    if (status) return status;
    sp_print_scaling(&e->scaling);
    warn_of_others(e);
    status = save(e, error);
    if (status) return status;
    draw(e);
    status = sp_scaling_check_bits(&e->scaling, error);
    if (status) return status;
    printf("bits: the same weights at each number of threads, in %zu trainings\n", sp_scaling_compared(&e->scaling));
    printf("saved in %s\n", e->scaling.folder);
    return SP_OK;
}

static sp_status carry_out(experiment *e, sp_error *error) {
    sp_status status = read_numbers(e, error);
    if (!status) status = sp_findings_gather(&e->findings, error);
    if (!status) status = sp_scale_plan(e->options, &e->findings, &e->scaling, error);
    e->scaling.cache = e->findings.machine.topology.cache;
    if (status) return status;
    bool made = !sp_file_exists(e->scaling.folder);
    status = sp_lock_folder(e->scaling.folder, ".scale.lock", "scale", &e->lock, error);
    if (status) return status;
    if (!e->options->quiet) sp_print_findings(&e->findings);
    warn_of_threads(e);
    fflush(stdout);
    sp_scale_remove_runs(e->scaling.folder); /* of an earlier one */
    status = measure_ceilings(e, error);
    if (!status) status = measure_all(e, error);
    erase_line(e);
    if (!status) status = conclude(e, error);
    if (sp_interrupted_by) sp_scale_remove_runs(e->scaling.folder);
    sp_lock_release(e->lock);
    if (status && made) rmdir(e->scaling.folder); /* where nothing is in it */
    return status;
}

static sp_status run(const sp_options *options, sp_error *error) {
    experiment *e = calloc(1, sizeof *e);
    if (!e) return sp_fail_memory(error, "the scaling", sizeof *e);
    e->options = options;
    e->terminal = sp_terminal_can_redraw(STDERR_FILENO);
    e->scaling.weak = options->weak;
    name_it(e);
    sp_signals_watch();
    sp_status status = carry_out(e, error);
    sp_scaling_clear(&e->scaling);
    free(e);
    if (!sp_interrupted_by) return status;
    fprintf(stderr, "shardprop: interrupted: a scaling experiment is whole or not at all\n");
    *error = (sp_error){0};
    return SP_OK;
}

const sp_command sp_command_scale = {
    .name = "scale",
    .operands = "CONFIG",
    .summary = "measure how training scales with the threads",
    .help = "Trains at each number of threads, again and again in turns, and prints samples a\n"
            "second (median and spread), speed-up, efficiency, where the time goes, the\n"
            "serial share by Karp and Flatt and by a fit of Amdahl's law (weak: Gustafson's),\n"
            "and what it is of a matrix product and of copying memory on this machine. All\n"
            "numbers of threads must come to the same weights, bit by bit.\n"
            "\n"
            "LIST is numbers with commas between. --threads auto, the default, takes powers\n"
            "of two up to what is allowed. With --weak, batch size and shards grow with the\n"
            "threads. Epochs are chosen so that the fastest measurement takes SECONDS (1),\n"
            "and a tenth of that, at least an epoch, to warm up; there are N (5) of each.\n"
            "\n"
            "Each measurement is a process of its own with OMP_NUM_THREADS set; OMP_PLACES,\n"
            "OMP_PROC_BIND and so on are handed on. DIR (runs/scale- and the config's name)\n"
            "gets scale.csv, scale.json, plots as PNG and SVG, and a run directory for each\n"
            "training, in runs/, in the place of those of an earlier call. When it is\n"
            "interrupted, its run directories are removed.\n"
            "\n"
            "Exit status 1: weights differ, or a training failed.\n",
    .operand_count = 1,
    .options = SP_OPTION_SET | SP_OPTION_THREAD_LIST | SP_OPTION_BATCH_SIZES | SP_OPTION_SHARDS | SP_OPTION_WEAK |
               SP_OPTION_SECONDS | SP_OPTION_REPETITIONS | SP_OPTION_FOLDER,
    .run = run,
};
