/* shardprop batch CONFIG... */
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/memory.h"
#include "base/text.h"
#include "cmd/batch_view.h"
#include "cmd/command.h"
#include "cmd/ranking_table.h"
#include "cmd/signals.h"
#include "runs/halving.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Configs --------------------------------------------------------------------------------- */

/* All that the operands come to. */
typedef struct plan {
    size_t count;
    sp_config **config;      /* owned [count] */
    sp_sweep_lines *lines;   /* owned [count] */
    sp_trial_source *source; /* owned [count]; their sweeps, too */
    sp_trials *trials;       /* owned */
    const char *folder;
} plan;

static void clear(plan *p) {
    sp_trials_destroy(p->trials);
    for (size_t i = 0; i < p->count; i++) {
        if (p->source) sp_sweep_destroy((sp_sweep *)p->source[i].sweep);
        if (p->lines) sp_sweep_lines_clear(&p->lines[i]);
        if (p->config) sp_config_destroy(p->config[i]);
    }
    free(p->source);
    free(p->lines);
    free(p->config);
}

/* --set sweep.KEY=VALUE is a line of the sweep. */
static void set_sweep(const char *assignment, sp_sweep_lines *lines, sp_error *error) {
    char name[80];
    const char *equals = strchr(assignment, '='), *start = assignment + strlen("sweep.");
    if (!equals || equals <= start || (size_t)(equals - start) >= sizeof name) {
        sp_fail(error, SP_BAD_CONFIG, "--set %.100s: is not an assignment; write sweep.section.key=value|value",
                assignment);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - start), start);
    if (!sp_sweep_lines_set(lines, name, equals + 1, -1)) sp_fail_memory(error, "the sweep", strlen(assignment));
}

static void refuse_swept(const char *assignment, const sp_sweep_lines *lines, const sp_config *config,
                         sp_error *error) {
    size_t length = strcspn(assignment, "=");
    for (size_t i = 0; i < lines->count; i++)
        if (strlen(lines->line[i].name) == length && strncmp(lines->line[i].name, assignment, length) == 0)
            sp_fail(error, SP_BAD_CONFIG, "--set %.100s: [sweep] varies that in %s:%d; use --set sweep.%.100s",
                    assignment, config->path, lines->line[i].line, assignment);
}

static void apply_sets(const sp_options *options, sp_config *config, sp_sweep_lines *lines, sp_error *error) {
    for (size_t i = 0; i < options->sets; i++) {
        const char *set = options->set[i];
        if (strncmp(set, "sweep.", strlen("sweep.")) == 0) {
            set_sweep(set, lines, error);
        } else if (strncmp(set, "output.dir=", strlen("output.dir=")) == 0) {
            sp_fail(error, SP_BAD_CONFIG, "--set %.100s: a batch has many run directories; use --output DIR", set);
        } else {
            refuse_swept(set, lines, config, error);
            sp_config_set(config, set, error);
        }
    }
}

static void load(const sp_options *options, plan *p, size_t i, sp_error *error) {
    size_t before = error->faults;
    sp_sweep *sweep;
    p->config[i] = sp_config_create();
    if (!p->config[i]) {
        sp_fail_memory(error, "the configuration", 1);
        return;
    }
    sp_config_load_sweep(p->config[i], options->operand[i], &p->lines[i], error);
    if (sp_config_was_read(p->config[i])) apply_sets(options, p->config[i], &p->lines[i], error);
    /* Faults of the sweep are told beside those of the keys, but not where there was nothing to read. */
    if (!sp_config_was_read(p->config[i]) || sp_sweep_create(&p->lines[i], p->config[i], &sweep, error)) return;
    p->source[i] = (sp_trial_source){p->config[i], sweep};
    if (error->faults > before) sp_config_check(p->config[i], error);
}

/* --output; else of one config with a sweep its output.dir, of others runs/batch. */
static const char *folder_of(const sp_options *options, const plan *p) {
    if (options->output) return options->output;
    return p->count == 1 && p->lines[0].count > 0 ? p->config[0]->output.dir : "runs/batch";
}

static sp_status make_plan(const sp_options *options, plan *p, sp_error *error) {
    for (size_t i = 0; i < options->operands && options->halving && !*options->halving; i++) {
        long long eta;
        const char *operand = options->operand[i];
        if (sp_parse_whole(operand, &eta) && !sp_file_exists(operand))
            sp_fail(error, SP_BAD_CONFIG, "%s: there is no such config; as ETA it is written --halving=%s", operand,
                    operand);
    }
    if (error->status) return error->status;
    p->count = options->operands;
    p->config = calloc(p->count, sizeof(sp_config *));
    p->lines = calloc(p->count, sizeof *p->lines);
    p->source = calloc(p->count, sizeof *p->source);
    if (!p->config || !p->lines || !p->source) return sp_fail_memory(error, "the configurations", p->count);
    for (size_t i = 0; i < p->count; i++) load(options, p, i, error);
    if (error->status) return error->status;
    p->folder = folder_of(options, p);
    return sp_trials_create(p->source, p->count, p->folder, &p->trials, error);
}

/* ---- How many at once ------------------------------------------------------------------------ */

static sp_status read_number(const char *option, const char *text, long long least, size_t *number, sp_error *error) {
    long long whole;
    if (!sp_parse_whole(text, &whole) || whole < least || whole > 1000000)
        return sp_fail(error, SP_BAD_CONFIG, "batch: --%s %s: is no such number; give a whole one of %lld or more",
                       option, text, least);
    *number = (size_t)whole;
    return SP_OK;
}

/* By default as many trainings as cores: side by side they need not wait for each other, as threads do. */
static sp_status read_queue_options(const sp_options *options, const plan *p, sp_queue_options *queue,
                                    sp_error *error) {
    sp_status status = SP_OK;
    char line[200];
    *queue = (sp_queue_options){.threads = sp_host_threads(), .follow = getpid(), .program = "/proc/self/exe"};
    queue->jobs = queue->threads;
    if (options->jobs) status = read_number("jobs", options->jobs, 1, &queue->jobs, error);
    if (!status && options->halving) {
        queue->eta = 2;
        if (*options->halving) status = read_number("halving", options->halving, 2, &queue->eta, error);
    }
    if (status) return status;
    if (queue->jobs > queue->threads) {
        snprintf(line, sizeof line, "--jobs %zu: %zu core%s allowed, so as many are trained side by side", queue->jobs,
                 queue->threads, queue->threads == 1 ? " is" : "s are");
        sp_warn(options, line);
        queue->jobs = queue->threads;
    }
    if (queue->jobs > p->trials->count) queue->jobs = p->trials->count;
    return SP_OK;
}

/* ---- Dry run --------------------------------------------------------------------------------- */

static void print_overrides(const sp_trials *trials, const sp_trial *trial) {
    char value[SP_VALUE_ROOM];
    for (size_t i = 0; i < trials->keys; i++) {
        sp_config_print(trial->config, trials->key[i], value, sizeof value);
        bool quoted = value[strcspn(value, " ")] != '\0' || !*value;
        printf(" %s.%s=%s%s%s", trials->key[i]->section, trials->key[i]->name, quoted ? "'" : "", value,
               quoted ? "'" : "");
    }
    printf(" train.seed=%lld\n", trial->config->train.seed);
}

static void print_halving(const sp_trials *trials, size_t eta) {
    size_t arms = trials->groups, epochs = (size_t)trials->trial[0].config->train.epochs;
    for (size_t i = 0; i < trials->count; i++)
        if ((size_t)trials->trial[i].config->train.epochs < epochs)
            epochs = (size_t)trials->trial[i].config->train.epochs;
    size_t rungs = sp_halving_rungs(arms, epochs, eta);
    for (size_t rung = 0; rung<rungs; rung++, arms = arms / eta> 0 ? arms / eta : 1)
        printf("%s%zu combination%s to epoch %zu", rung == 0 ? "halving: " : ", ", arms, arms == 1 ? "" : "s",
               sp_halving_epochs(epochs, eta, rungs, rung));
    putchar('\n');
}

static sp_status dry_run(const plan *p, const sp_queue_options *queue, sp_error *error) {
    sp_trial_record *records = calloc(p->trials->count, sizeof *records);
    if (!records) return sp_fail_memory(error, "the queue", p->trials->count * sizeof *records);
    sp_ledger_read(p->trials, queue->eta, records);
    printf("%zu training%s in %s, %zu side by side on %zu thread%s in all\n", p->trials->count,
           p->trials->count == 1 ? "" : "s", p->folder, queue->jobs, queue->threads, queue->threads == 1 ? "" : "s");
    if (queue->eta > 0) print_halving(p->trials, queue->eta);
    for (size_t i = 0; i < p->trials->count; i++) {
        const sp_trial *trial = &p->trials->trial[i];
        printf("%s: %s,", trial->name, sp_trial_state_name(records[i].state));
        print_overrides(p->trials, trial);
    }
    free(records);
    return SP_OK;
}

/* ---- Run ------------------------------------------------------------------------------------- */

static void on_end(void *context, const sp_queue *queue, size_t trial) {
    sp_batch_view_end(context, queue, trial);
}

static void on_rung(void *context, const sp_queue *queue, size_t dropped) {
    sp_batch_view_rung(context, queue, dropped);
}

static void on_wait(void *context, const sp_trial *trial, long process) {
    sp_batch_view_wait(context, trial, process);
}

static bool on_tick(void *context, const sp_queue *queue) {
    sp_batch_view_tick(context, queue);
    return sp_signals_seen() != 0;
}

static sp_status rank(const sp_queue *queue, sp_error *error) {
    sp_ranking *ranking;
    const sp_trials *trials = sp_queue_trials(queue);
    sp_status status = sp_ranking_create(queue, &ranking, error);
    if (status) return status;
    status = sp_ranking_save(ranking, error);
    sp_print_ranking(ranking, trials);
    if (!status) printf("saved in %s: ranking.csv, ranking.json\n", trials->folder);
    sp_ranking_destroy(ranking);
    return status;
}

static sp_status work(const sp_options *options, const plan *p, const sp_queue_options *how, sp_error *error) {
    sp_batch_view view = sp_batch_view_create(options->quiet);
    sp_queue_observer observer = {&view, on_end, on_rung, on_wait, on_tick};
    sp_queue *queue;
    bool interrupted;
    sp_status status = sp_queue_create(p->trials, how, &queue, error);
    if (status) return status;
    sp_signals_watch();
    sp_batch_view_start(&view, queue, how->threads);
    status = sp_queue_run(queue, &observer, &interrupted, error);
    sp_batch_view_clear(&view);
    size_t failed = sp_queue_count(queue, SP_TRIAL_FAILED);
    if (interrupted && !options->quiet)
        fprintf(stderr, "interrupted; %zu of %zu have ended, the same command goes on\n",
                failed + sp_queue_count(queue, SP_TRIAL_DONE), p->trials->count);
    if (interrupted && !status) sp_interrupted_by = sp_signals_seen();
    if (!interrupted && (!status || (status == SP_FAILED && failed > 0))) {
        sp_status ranked = rank(queue, error); /* of the others, where some have failed */
        status = status ? status : ranked;
    }
    sp_queue_destroy(queue);
    return status;
}

static sp_status run(const sp_options *options, sp_error *error) {
    plan p = {0};
    sp_queue_options queue = {0};
    sp_status status = make_plan(options, &p, error);
    if (!status) status = read_queue_options(options, &p, &queue, error);
    if (!status) status = options->dry_run ? dry_run(&p, &queue, error) : work(options, &p, &queue, error);
    clear(&p);
    return status;
}

const sp_command sp_command_batch = {
    .name = "batch",
    .operands = "CONFIG...",
    .summary = "train many configs and sweeps, rank what they come to",
    .help = "Every config is trained once, or, where it has a section [sweep], once for each\n"
            "combination of its values:\n"
            "\n"
            "  [sweep]\n"
            "  optimizer.learning_rate = log(1e-3..1e-1, 5)     or a | b | c, linear(a..b, n)\n"
            "  network.hidden = 64 | 128 | 128, 64\n"
            "  train.seed = 1 | 2 | 3                           ranked by mean, with spread\n"
            "\n"
            "With `samples = 20` (and `seed`) so many combinations are drawn, of lists and of\n"
            "uniform(a..b) and loguniform(a..b), each trained with all of train.seed.\n"
            "--set sweep.KEY=VALUE changes such a line.\n"
            "\n"
            "Run directories, batch.json, ranking.csv and ranking.json go into the folder of\n"
            "the batch: --output; else of one sweep its output.dir, of several configs\n"
            "runs/batch. The same command goes on with what is not done, from checkpoints,\n"
            "and repeats nothing that is. Ctrl-C has checkpoints written.\n"
            "\n"
            "J trainings run side by side, by default one a core; threads never change a\n"
            "result. With --halving all are trained for a few epochs, the best half (third,\n"
            "...) goes on to twice (three times, ...) as many, and so on (Jamieson,\n"
            "Talwalkar 2016).\n",
    .operand_count = 1,
    .more_operands = true,
    .options = SP_OPTION_SET | SP_OPTION_BATCH | SP_OPTION_FOLDER,
    .run = run,
};
