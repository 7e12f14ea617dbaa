/* shardprop verify RUN... */
#include "runs/verify.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/progress.h"
#include "cmd/signals.h"
#include "runs/rundirs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096 };

typedef struct verifying {
    const sp_options *options;
    size_t threads; /* 0: as many as pay off */
    sp_names runs;
    size_t same, different;
    sp_json *found; /* owned; an array in it holds what was found of each run; NULL: for people */
    sp_json *list;  /* that array */
} verifying;

/* ---- A folder to train in ---------------------------------------------------------------------- */

static sp_status make_folder(char path[PATH], sp_error *error) {
    const char *base = getenv("TMPDIR");
    if (!base || !*base) base = "/tmp";
    if (!sp_path_join(path, PATH, base, "shardprop-verify-XXXXXX"))
        return sp_fail(error, SP_BAD_CONFIG, "TMPDIR: is too long a path; use a shorter one");
    if (mkdtemp(path)) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: no folder can be made there (%s); set TMPDIR to one that can be written",
                   base, strerror(errno));
}

/* ---- What the training is watched by ----------------------------------------------------------- */

static void on_start(void *context, const char *plan) {
    sp_display_start(context, plan);
}

static bool on_step(void *context, const sp_progress *progress) {
    sp_display_step(context, progress);
    return sp_signals_seen() != 0;
}

static void on_epoch(void *context, const sp_epoch *epoch, const sp_progress *progress) {
    sp_display_epoch(context, epoch, progress);
}

/* ---- What is printed --------------------------------------------------------------------------- */

static void print_part(const char *name, const char *what, size_t off, const char *unit, const char *difference) {
    if (off == 0)
        printf("  %-18s %s: the same\n", name, what);
    else
        printf("  %-18s %s: %zu %s differ%s; %s\n", name, what, off, unit, off == 1 ? "s" : "", difference);
}

static void print_result(const char *run, const sp_verification *v) {
    char what[100];
    const sp_comparison *c = &v->comparison;
    printf("%s: %s after %zu epoch%s", run, strcmp(v->status, "stopped_early") == 0 ? "stopped early" : v->status,
           v->epochs, v->epochs == 1 ? "" : "s");
    if (v->steps > 0) printf(" and %zu step%s", v->steps, v->steps == 1 ? "" : "s");
    printf("; trained again with %zu thread%s\n", v->threads, v->threads == 1 ? "" : "s");
    for (size_t i = 0; i < v->notes; i++) printf("  note: %s\n", v->note[i]);
    snprintf(what, sizeof what, "%zu epochs of %zu figures", c->epochs, c->columns);
    print_part("metrics.csv", what, c->epochs_off, c->epochs_off == 1 ? "epoch" : "epochs", c->metrics);
    snprintf(what, sizeof what, "%zu tensors of %zu values", c->tensors, c->values);
    print_part("model.safetensors", what, c->values_off, c->values_off == 1 ? "value" : "values", c->model);
    snprintf(what, sizeof what, "%zu figures", c->figures);
    print_part("summary.json", what, c->figures_off, c->figures_off == 1 ? "figure" : "figures", c->summary);
}

static bool add_difference(sp_json *differences, const char *name, size_t off, const char *first) {
    if (off == 0) return true;
    sp_json *part = sp_json_add_object(differences, name);
    return sp_json_add_count(part, "count", off) && sp_json_add_text(part, "first", sp_is_utf8(first) ? first : "?");
}

/* `fault` NULL: it could be compared. */
static bool add_result(sp_json *list, const char *run, const sp_verification *v, const char *fault) {
    const sp_comparison *c = &v->comparison;
    const char *notes[SP_MOST_NOTES];
    sp_json *entry = sp_json_append_object(list);
    bool good = sp_json_add_text(entry, "run", sp_is_utf8(run) ? run : "?");
    if (fault) return sp_json_add_text(entry, "error", sp_is_utf8(fault) ? fault : "?") && good;
    for (size_t i = 0; i < v->notes; i++) notes[i] = v->note[i];
    good = sp_json_add_text(entry, "status", v->status) && good;
    good = sp_json_add_count(entry, "epochs", v->epochs) && good;
    good = sp_json_add_count(entry, "steps", v->steps) && good;
    good = sp_json_add_count(entry, "threads", v->threads) && good;
    good = sp_json_add_count(entry, "values", c->values) && good;
    good = sp_json_add_flag(entry, "same", !sp_comparison_first(c)) && good;
    good = sp_json_add_texts(entry, "notes", notes, v->notes) && good;
    sp_json *differences = sp_json_add_object(entry, "differences");
    good = add_difference(differences, "metrics", c->epochs_off, c->metrics) && good;
    good = add_difference(differences, "model", c->values_off, c->model) && good;
    return add_difference(differences, "summary", c->figures_off, c->summary) && good && differences;
}

static sp_status print_json(const verifying *all, sp_error *error) {
    char *text = sp_json_print(all->found, true);
    if (!text) return sp_fail_memory(error, "the document", 1);
    printf("%s\n", text);
    free(text);
    return SP_OK;
}

/* ---- Runs -------------------------------------------------------------------------------------- */

/* The faults of one run behind those of others. */
static void hand_on(const sp_error *fault, sp_error *error) {
    const char *line = fault->text;
    while (*line) {
        size_t length = strcspn(line, "\n");
        sp_fail(error, fault->status, "%.*s", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

/* Trains it again and tells what came of it; false: a signal has ended that. */
static bool verify_run(verifying *all, const char *run, sp_error *error) {
    char folder[PATH];
    sp_error fault = {0};
    sp_verification v = {0};
    sp_display display = sp_display_create(all->options->quiet);
    sp_observer observer = {.context = &display, .on_start = on_start, .on_step = on_step, .on_epoch = on_epoch};
    sp_status status = make_folder(folder, &fault);
    if (!status) {
        sp_signals_remove(folder);
        if (!display.quiet) fprintf(stderr, "%s\n", run);
        status = sp_verify(run, folder, all->threads, &observer, &v, &fault);
        sp_display_end(&display);
        sp_folder_remove(folder);
        sp_signals_remove(NULL);
    }
    if (v.interrupted) return false;
    const char *first = status ? NULL : sp_comparison_first(&v.comparison);
    all->same += !status && !first;
    all->different += !status && first;
    if (all->list && !add_result(all->list, run, &v, status ? fault.text : NULL))
        sp_fail_memory(error, "the document", 1);
    if (!all->list && !status) print_result(run, &v);
    if (first)
        sp_fail(error, SP_FAILED, "%s: comes to other bits when it is trained again: %s%s", run, first,
                v.notes > 0 ? "; see the notes" : "");
    hand_on(&fault, error);
    return true;
}

static void tell_interrupted(size_t done, size_t runs) {
    if (done == 0)
        fprintf(stderr, "shardprop: interrupted: nothing was compared\n");
    else
        fprintf(stderr, "shardprop: interrupted: %zu of %zu runs were compared\n", done, runs);
}

static sp_status verify_all(verifying *all, sp_error *error) {
    for (size_t i = 0; i < all->runs.count; i++)
        if (!verify_run(all, all->runs.text[i], error)) {
            sp_interrupted_by = sp_signals_seen();
            tell_interrupted(i, all->runs.count);
            return SP_OK;
        }
    if (all->list) {
        sp_json_add_flag(all->found, "same", all->same == all->runs.count);
        print_json(all, error);
    } else if (all->runs.count > 1)
        printf("%zu runs: %zu the same, %zu different, %zu that could not be compared\n", all->runs.count, all->same,
               all->different, all->runs.count - all->same - all->different);
    else if (all->same == 1)
        printf("every bit is the same\n");
    return error->status;
}

static sp_status run(const sp_options *options, sp_error *error) {
    verifying all = {.options = options};
    long long threads = 0;
    if (options->threads && (!sp_parse_whole(options->threads, &threads) || threads < 1 || threads > 4096))
        return sp_fail(error, SP_BAD_CONFIG, "--threads: '%s' is not valid; it takes: whole number from 1 to 4096",
                       options->threads);
    all.threads = (size_t)threads;
    sp_status status = SP_OK;
    for (size_t i = 0; i < options->operands && !status; i++)
        status = sp_rundirs_find(options->operand[i], &all.runs, error);
    if (!status && options->json) {
        all.found = sp_json_object();
        all.list = sp_json_add_array(all.found, "runs");
        if (!all.list) status = sp_fail_memory(error, "the document", 1);
    }
    sp_signals_watch();
    if (!status) status = verify_all(&all, error);
    sp_json_destroy(all.found);
    sp_names_clear(&all.runs);
    return status;
}

const sp_command sp_command_verify = {
    .name = "verify",
    .operands = "RUN...",
    .summary = "train runs again and compare every bit",
    .help = "RUN is a run directory, or a folder of such. Its config.ini is trained again, in\n"
            "a temporary folder (below TMPDIR), at any number of threads; figures of every\n"
            "epoch, all values of the model and how it ended are compared. A run that was\n"
            "interrupted is trained as far as it came. Paths of a config are relative to the\n"
            "folder in which the run was trained: call it from there. Data that have changed\n"
            "since are named before anything is trained.\n"
            "\n"
            "Exit status: 0 every bit is the same, 1 some is not (the first difference is\n"
            "named), 2 the run cannot be trained from here, 3 its data have changed.\n",
    .operand_count = 1,
    .more_operands = true,
    .options = SP_OPTION_THREADS | SP_OPTION_JSON,
    .run = run,
};
