/* shardprop train CONFIG */
#include "base/host.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "config.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int sp_interrupted_by;

/* A handler can only leave a note; the step that is under way is finished. */
static volatile sig_atomic_t signal_seen, first_signal_at; /* the latter in seconds */

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

static void watch_signals(void) {
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void on_start(void *context, const char *plan) {
    sp_display_start(context, plan);
}

static bool on_step(void *context, const sp_progress *progress) {
    sp_display_step(context, progress);
    return signal_seen != 0;
}

static void on_epoch(void *context, const sp_epoch *epoch, const sp_progress *progress) {
    sp_display_epoch(context, epoch, progress);
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
}

static void print_summary(const sp_summary *summary, const char *dir) {
    const char *status = strcmp(summary->status, "stopped_early") == 0 ? "stopped early" : summary->status;
    printf("%s after %zu epoch%s in %.*f s, %.0f samples/s", status, summary->epochs, summary->epochs == 1 ? "" : "s",
           summary->train_seconds < 1 ? 4 : 2, summary->train_seconds, summary->samples_per_second);
    if (!isnan(summary->validation_loss)) printf("; best epoch %zu", summary->best_epoch);
    putchar('\n');
    print_phases(summary);
    print_part("train", summary->train_loss, summary->train_accuracy, NAN);
    print_part("validation", summary->validation_loss, summary->validation_accuracy, NAN);
    print_part("test", summary->test_loss, summary->test_accuracy, summary->test_metrics[SP_METRIC_R2]);
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

static sp_status run(const sp_options *options, sp_error *error) {
    if (options->help_config) {
        sp_config_help(stdout);
        return SP_OK;
    }
    sp_config *config;
    sp_status status = sp_options_config(options, &config, error);
    if (status) return status;
    sp_display display = {.quiet = options->quiet, .terminal = isatty(STDERR_FILENO)};
    sp_observer observer = {&display, on_start, on_step, on_epoch, options->phases};
    sp_summary summary = {0};
    warn_of_threads(config, options->quiet);
    watch_signals();
    status = sp_train(config, &observer, &summary, error);
    sp_display_end(&display);
    if (!status) {
        print_summary(&summary, config->output.dir);
        if (strcmp(summary.status, "interrupted") == 0) sp_interrupted_by = signal_seen;
    }
    sp_config_destroy(config);
    return status;
}

const sp_command sp_command_train = {
    .name = "train",
    .operands = "CONFIG",
    .summary = "train as an INI file says, write a run directory",
    .help = "The run directory (output.dir, by default runs/ and the config's name) then\n"
            "holds config.ini, metrics.csv, summary.json and model.safetensors. Files of an\n"
            "earlier run move to its folder previous/. OMP_NUM_THREADS limits the threads; it\n"
            "never changes a result.\n",
    .operand_count = 1,
    .options = SP_OPTION_SET | SP_OPTION_HELP_CONFIG | SP_OPTION_PHASES,
    .run = run,
};
