/* shardprop train CONFIG */
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/signals.h"
#include "config.h"
#include "out/chart.h"
#include "out/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sp_interrupted_by;

/* What the observer is handed: the display, and what the layers were like last. */
typedef struct view {
    sp_display display;
    size_t epoch, layers;
    sp_layer_health *health; /* owned [layers]; NULL: nobody wants to know, or no memory */
} view;

/* From now on there is something to lose. */
static void on_start(void *context, const char *plan) {
    sp_signals_watch();
    sp_display_start(&((view *)context)->display, plan);
}

static bool on_step(void *context, const sp_progress *progress) {
    sp_display_step(&((view *)context)->display, progress);
    return sp_signals_seen() != 0;
}

static bool wants_checkpoint(void *context) {
    (void)context;
    return sp_signals_take_wish();
}

static void on_epoch(void *context, const sp_epoch *epoch, const sp_progress *progress) {
    view *v = context;
    sp_display_epoch(&v->display, epoch, progress);
    if (v->layers == 0) return;
    v->health = v->health ? v->health : calloc(epoch->layers, sizeof *v->health);
    v->layers = epoch->layers;
    v->epoch = epoch->epoch;
    if (v->health) memcpy(v->health, epoch->health, epoch->layers * sizeof *v->health);
}

static void on_warning(void *context, const char *line) {
    sp_display_warning(&((view *)context)->display, line);
}

static void print_share(double share) {
    if (isnan(share))
        printf("  %9s", "-");
    else
        printf("  %7.1f %%", 100 * share);
}

static void print_health(const view *v) {
    if (!v->health) return;
    printf("\nlayer  gradient norm  update/weights  saturated       dead   (epoch %zu)\n", v->epoch);
    for (size_t l = 0; l < v->layers; l++) {
        printf("%5zu  %13.3e  %14.3e", l + 1, v->health[l].gradient_norm, v->health[l].update_ratio);
        print_share(v->health[l].saturated);
        print_share(v->health[l].dead);
        putchar('\n');
    }
}

/* NaN: not measured. */
static void print_part(const char *name, double loss, double accuracy, double r2) {
    if (isnan(loss)) return;
    if (!isnan(accuracy))
        printf("%-10s accuracy %.4f  loss %.4g\n", name, accuracy, loss);
    else if (!isnan(r2))
        printf("%-10s loss %.6g  r2 %.4f\n", name, loss, r2);
    else
        printf("%-10s loss %.6g\n", name, loss);
}

/* Where the time of all threads went. */
static void print_phases(const sp_summary *summary) {
    double sum = 0;
    if (isnan(summary->phase_seconds[0])) return;
    for (int i = 0; i < SP_PHASES; i++) sum += summary->phase_seconds[i];
    printf("phase        seconds   share   (of %zu thread%s together)\n", summary->threads,
           summary->threads == 1 ? "" : "s");
    for (int i = 0; i < SP_PHASES; i++)
        printf("%-10s %9.4f  %4.1f %%\n", sp_phase_name((sp_phase)i), summary->phase_seconds[i],
               sum > 0 ? 100 * summary->phase_seconds[i] / sum : 0);
    if (summary->threads > 1)
        printf("the busiest thread worked %.1f %% more than the mean\n", 100 * summary->imbalance);
}

static void print_summary(const sp_summary *summary, const char *dir) {
    const char *status = strcmp(summary->status, "stopped_early") == 0 ? "stopped early" : summary->status;
    printf("%s after %zu epoch%s", status, summary->epochs, summary->epochs == 1 ? "" : "s");
    if (summary->steps > 0) printf(" and %zu step%s", summary->steps, summary->steps == 1 ? "" : "s");
    printf(" in %.*f s, %.0f samples/s", summary->train_seconds < 1 ? 4 : 2, summary->train_seconds,
           summary->samples_per_second);
    if (!isnan(summary->validation_loss)) printf("; best epoch %zu", summary->best_epoch);
    putchar('\n');
    print_phases(summary);
    print_part("train", summary->train_loss, summary->train_accuracy, NAN);
    print_part("validation", summary->validation_loss, summary->validation_accuracy, NAN);
    print_part("test", summary->test_loss, summary->test_accuracy, summary->test_metrics[SP_METRIC_R2]);
    if (summary->peak_rss_bytes > 0) printf("memory     %zu MiB at most\n", summary->peak_rss_bytes >> 20);
    /* Of the last step, as the promise has it; saved may be those of an earlier epoch. */
    printf("weights_xxh64 %016llx%s\n", (unsigned long long)summary->weights_xxh64,
           summary->best_epoch < summary->epochs ? " after the last step" : "");
    if (summary->best_epoch < summary->epochs)
        printf("saved in %s: the weights of epoch %zu\n", dir, summary->best_epoch);
    else
        printf("saved in %s\n", dir);
}

/* Exactly as many as the config says, but not without a word. */
static void warn_of_threads(const sp_config *config, bool quiet) {
    size_t allowed = sp_host_threads();
    if (quiet || config->parallel.threads <= (long long)allowed) return;
    fprintf(stderr,
            "shardprop: warning: parallel.threads is %lld and %zu core%s allowed; they will wait for each other\n",
            config->parallel.threads, allowed, allowed == 1 ? " is" : "s are");
}

/* The operand's; of a run directory, which may have been moved since, the config.ini in it. */
static sp_status load_config(const sp_options *options, sp_config **config, sp_error *error) {
    enum { PATH = 4096 };
    char path[PATH];
    const char *folder = options->operand[0];
    sp_options inside = *options;
    if (!options->resume || !sp_is_folder(folder)) return sp_options_config(options, config, error);
    if (!sp_path_join(path, PATH, folder, "config.ini"))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", folder);
    if (!sp_file_exists(path))
        return sp_fail(error, SP_BAD_CONFIG, "%s: holds no config.ini; name a run directory, or a config", folder);
    char *operand[] = {path};
    inside.operand = operand;
    char assignment[PATH + sizeof "output.dir="];
    snprintf(assignment, sizeof assignment, "output.dir=%s", folder);
    if (inside.sets == SP_MOST_SETS) return sp_fail(error, SP_BAD_CONFIG, "train: more --set than can be held");
    inside.set[inside.sets++] = assignment;
    return sp_options_config(&inside, config, error);
}

/*
 * A training that is whole is not spoiled by what comes after it: the report's fault is told, and the exit status stays
 * the training's. Of one that was interrupted, and is to go on, there is none.
 */
static void make_report(const char *dir) {
    char path[4096];
    sp_names runs = {0};
    sp_error fault = {0};
    sp_status status = SP_OK;
    if (!sp_path_join(path, sizeof path, dir, SP_REPORT_NAME)) return;
    if (!sp_names_add(&runs, dir)) status = sp_fail_memory(&fault, path, 1);
    if (!status) status = sp_report_write(&runs, path, NULL, &fault);
    if (status)
        fprintf(stderr, "shardprop: the training is whole, but there is no report of it: %.*s\n",
                (int)strcspn(fault.text, "\n"), fault.text);
    else
        printf("report in %s\n", path);
    sp_names_clear(&runs);
}

static sp_status read_stop_after(const sp_options *options, size_t *epochs, sp_error *error) {
    long long whole;
    if (!options->stop_after) return SP_OK;
    if (!sp_parse_whole(options->stop_after, &whole) || whole < 1)
        return sp_fail(error, SP_BAD_CONFIG, "train: --stop-after %s: is no number of epochs; give 1 or more",
                       options->stop_after);
    *epochs = (size_t)whole;
    return SP_OK;
}

static sp_status run(const sp_options *options, sp_error *error) {
    if (options->help_config) return sp_config_help(stdout, error);
    sp_config *config;
    size_t until_epoch = 0;
    sp_status status = options->report ? sp_chart_check(error) : SP_OK; /* before any work */
    if (!status) status = read_stop_after(options, &until_epoch, error);
    if (!status) status = load_config(options, &config, error);
    if (status) return status;
    view v = {.display = sp_display_create(options->quiet), .layers = options->diagnose};
    sp_observer observer = {&v,         on_start,         on_step,     on_epoch,
                            on_warning, wants_checkpoint, until_epoch, options->phases};
    sp_summary summary = {0};
    warn_of_threads(config, options->quiet);
    sp_signals_leave();
    sp_signals_watch_wishes();
    status = options->resume ? sp_train_resume(config, &observer, &summary, error)
                             : sp_train(config, &observer, &summary, error);
    sp_display_end(&v.display);
    if (!status) {
        print_summary(&summary, config->output.dir);
        if (strcmp(summary.status, "interrupted") == 0) sp_interrupted_by = sp_signals_seen();
    }
    if (!status || (summary.status && strcmp(summary.status, "diverged") == 0)) print_health(&v);
    if (options->report && summary.status && strcmp(summary.status, "interrupted") != 0)
        make_report(config->output.dir);
    free(v.health);
    sp_config_destroy(config);
    return status;
}

const sp_command sp_command_train = {
    .name = "train",
    .operands = "CONFIG",
    .summary = "train as an INI file says, write a run directory",
    .help = "The run directory (output.dir, by default runs/ and the config's name) then\n"
            "holds config.ini, metrics.csv, summary.json, model.safetensors and, for\n"
            "--resume, checkpoint.safetensors. Files of an earlier run move to its folder\n"
            "previous/. OMP_NUM_THREADS limits the threads; it never changes a result.\n"
            "\n"
            "With --resume (CONFIG may be the run directory then) the training in the run\n"
            "directory goes on from its checkpoint, to the same bits; without one it starts\n"
            "from the beginning. SIGINT (Ctrl-C), SIGTERM and SIGHUP finish the step and\n"
            "write a checkpoint; a second one ends at once, and so does any while the data\n"
            "are read, when nothing is changed yet. SIGUSR1 writes one and goes on.\n"
            "--stop-after does likewise behind that epoch, with exit status 0: the learning\n"
            "rates stay those of a training of train.epochs epochs, which --resume goes on\n"
            "with.\n"
            "\n"
            "With --report there is a report.html at the end (see shardprop report), unless\n"
            "the training was interrupted. Should that fail, a line says so, and the exit\n"
            "status stays that of the training, whose files are all there.\n",
    .operand_count = 1,
    .options = SP_OPTION_SET | SP_OPTION_HELP_CONFIG | SP_OPTION_PHASES | SP_OPTION_DIAGNOSE | SP_OPTION_RESUME |
               SP_OPTION_REPORT | SP_OPTION_STOP_AFTER,
    .run = run,
};
