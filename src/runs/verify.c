#include "runs/verify.h"

#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/json.h"
#include "config.h"
#include "origin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 4096 };

typedef struct verifier {
    const char *run, *again;
    sp_config *config; /* owned: of the run, as it is trained again */
    sp_json *summary;  /* owned: of the run */
    const sp_observer *observer;
    sp_verification *result;
} verifier;

__attribute__((format(printf, 2, 3))) static void note(verifier *v, const char *format, ...) {
    va_list arguments;
    if (v->result->notes == SP_MOST_NOTES) return;
    va_start(arguments, format);
    vsnprintf(v->result->note[v->result->notes++], SP_NOTE, format, arguments);
    va_end(arguments);
}

/* ---- What the run says of itself ---------------------------------------------------------------- */

static sp_status read_summary(verifier *v, sp_error *error) {
    char path[PATH];
    if (!sp_path_join(path, PATH, v->run, "summary.json"))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", v->run);
    if (!sp_file_exists(path))
        return sp_fail(
            error, SP_BAD_CONFIG,
            "%s: holds no summary.json: the run goes on still, or was cut off; end it first: shardprop train "
            "--resume %s",
            v->run, v->run);
    sp_status status = sp_json_load(path, &v->summary, error);
    const char *text = status ? NULL : sp_json_text(sp_json_member(v->summary, "status"));
    if (status) return status;
    if (!text) return sp_fail(error, SP_BAD_DATA, "%s: does not say how the run ended; train it anew", path);
    snprintf(v->result->status, sizeof v->result->status, "%s", text);
    v->result->epochs = sp_json_count_of(v->summary, "epochs");
    v->result->steps = sp_json_count_of(v->summary, "steps");
    bool known = sp_json_member(v->summary, "steps") != NULL;
    if (strcmp(text, "interrupted") != 0 || known) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG,
                   "%s: was interrupted, and its version did not note at which step; end it first: shardprop train "
                   "--resume %s",
                   v->run, v->run);
}

static sp_status set(sp_config *config, sp_error *error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static sp_status set(sp_config *config, sp_error *error, const char *format, ...) {
    char assignment[PATH + 40];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(assignment, sizeof assignment, format, arguments);
    va_end(arguments);
    return sp_config_set(config, assignment, error);
}

/* The run's, but for where it goes, and what is no part of the result. */
static sp_status read_config(verifier *v, size_t threads, sp_error *error) {
    char path[PATH];
    if (!sp_path_join(path, PATH, v->run, "config.ini"))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", v->run);
    if (!sp_file_exists(path))
        return sp_fail(error, SP_BAD_CONFIG, "%s: holds no config.ini; name a run directory", v->run);
    v->config = sp_config_create();
    if (!v->config) return sp_fail_memory(error, "the configuration", 1);
    sp_status status = sp_config_load(v->config, path, error);
    if (!status) status = set(v->config, error, "output.dir=%s", v->again);
    if (!status) status = set(v->config, error, "output.checkpoint_every=0");
    if (!status) status = set(v->config, error, "output.checkpoint_seconds=0");
    if (!status) status = set(v->config, error, "output.tensorboard=no");
    if (!status && threads == 0) return set(v->config, error, "parallel.threads=auto");
    return status ? status : set(v->config, error, "parallel.threads=%zu", threads);
}

/* ---- Files that it was trained on --------------------------------------------------------------- */

static void check_file(const verifier *v, const char *key, const char *path, sp_error *error) {
    char place[SP_PLACE];
    if (!*path || sp_config_share(path) > 0 || sp_file_exists(path)) return;
    sp_config_place(v->config, key, place, sizeof place);
    sp_fail(error, SP_BAD_CONFIG, "%s: %s = '%.200s': there is no such file%s", place, key, path,
            *path == '/' ? "; put it back"
                         : " from this folder; call shardprop from the folder in which the run was trained");
}

static sp_status check_files(const verifier *v, sp_error *error) {
    const sp_config *c = v->config;
    check_file(v, "data.train", c->data.train, error);
    check_file(v, "data.train_labels", c->data.train_labels, error);
    check_file(v, "data.validation", c->data.validation, error);
    check_file(v, "data.validation_labels", c->data.validation_labels, error);
    check_file(v, "data.test", c->data.test, error);
    check_file(v, "data.test_labels", c->data.test_labels, error);
    check_file(v, "network.init_from", c->network.init_from, error);
    return error->status;
}

static sp_status check_data(verifier *v, sp_error *error) {
    sp_origin origin = {0};
    sp_data *data = NULL;
    const sp_kernels *kernels;
    bool known;
    sp_status status = sp_kernels_choose((sp_kernel_choice)v->config->parallel.kernels, &kernels, error);
    if (!status) status = sp_data_load(v->config, &data, error);
    if (status) return status;
    sp_origin_describe(v->config, data, kernels, &origin);
    status = sp_origin_check_data(&origin, v->summary, &known, error);
    if (!known) note(v, "%.200s: an older version did not note what its data were; they may be others now", v->run);
    sp_data_destroy(data);
    const char *then = sp_json_text(sp_json_member(v->summary, "kernels"));
    if (then && strcmp(then, origin.kernels) != 0)
        note(v, "the run was trained with kernels %.60s, here they are %.60s: bits may be others", then,
             origin.kernels);
    return status;
}

/* The promise is of one build. */
static void check_build(verifier *v) {
    const char *version = sp_json_text(sp_json_member(v->summary, "version"));
    const char *compiler = sp_json_text(sp_json_member(v->summary, "compiler"));
    if (!version || strcmp(version, sp_version()) != 0)
        note(v, "the run was trained by shardprop %.20s, this is %s: bits may be others", version ? version : "?",
             sp_version());
    if (compiler && strcmp(compiler, sp_host_compiler()) != 0)
        note(v, "the run was trained by a build of %.80s, this is one of %.80s: bits may be others", compiler,
             sp_host_compiler());
}

/* ---- Again ------------------------------------------------------------------------------------- */

/* Ends where the run was interrupted, or where the caller wants. */
static bool on_step(void *context, const sp_progress *progress) {
    verifier *v = context;
    const sp_verification *r = v->result;
    const sp_observer *o = v->observer;
    if (o && o->on_step && o->on_step(o->context, progress)) {
        v->result->interrupted = true;
        return true;
    }
    if (strcmp(r->status, "interrupted") != 0) return false;
    if (r->steps == 0) return progress->epoch >= r->epochs && progress->step == progress->steps;
    return progress->epoch > r->epochs && progress->step >= r->steps;
}

static void on_start(void *context, const char *plan) {
    const sp_observer *o = ((verifier *)context)->observer;
    if (o && o->on_start) o->on_start(o->context, plan);
}

static void on_epoch(void *context, const sp_epoch *epoch, const sp_progress *progress) {
    const sp_observer *o = ((verifier *)context)->observer;
    if (o && o->on_epoch) o->on_epoch(o->context, epoch, progress);
}

static sp_status train(verifier *v, sp_error *error) {
    sp_observer observer = {.context = v, .on_start = on_start, .on_step = on_step, .on_epoch = on_epoch};
    sp_summary summary = {0};
    sp_error fault = {0};
    sp_status status = sp_train(v->config, &observer, &summary, &fault);
    v->result->threads = summary.threads;
    bool diverged = summary.status && strcmp(summary.status, "diverged") == 0;
    if (!status || diverged) return SP_OK;
    *error = fault; /* which was empty, or we would not be here */
    return status;
}

sp_status sp_verify(const char *run, const char *again, size_t threads, const sp_observer *observer,
                    sp_verification *verification, sp_error *error) {
    verifier v = {.run = run, .again = again, .observer = observer, .result = verification};
    *verification = (sp_verification){0};
    sp_status status = read_config(&v, threads, error);
    if (!status) status = read_summary(&v, error);
    if (!status) status = check_files(&v, error);
    if (!status) status = check_data(&v, error);
    if (!status) check_build(&v);
    if (!status) status = train(&v, error);
    if (!status && !verification->interrupted) status = sp_compare_runs(run, again, &verification->comparison, error);
    sp_json_destroy(v.summary);
    sp_config_destroy(v.config);
    return status;
}
