#include "checkpoint.h"

#include "base/error.h"
#include "base/file.h"
#include "base/jobs.h"
#include "base/memory.h"
#include "identity.h"
#include "update.h"

#include <stdlib.h>
#include <string.h>

/* Another number for every change of what stands in the file. */
static const char format_name[] = "shardprop checkpoint 1";

struct sp_checkpoint {
    sp_checkpoint_of of;
    sp_record *record; /* owned: the copy; the writer's, while it is busy */
    sp_helper *writer; /* owned */
    sp_error error;    /* the writer's, as the record */
    bool failed;       /* seen */
};

static bool is_undoable(const sp_config *config) {
    return config->train.on_nan == SP_ON_NAN_ROLLBACK;
}

/* ---- The copy ---------------------------------------------------------------------------------- */

enum { COUNTS = 4, SECONDS = 3 };

_Static_assert(sizeof(sp_standing) == COUNTS * sizeof(size_t) + SECONDS * sizeof(double), "all of it is recorded");

static void record_standing(sp_record *record, const sp_standing *standing, sp_metrics_mark mark) {
    sp_record_put_counts(record, "standing",
                         (uint64_t[COUNTS]){standing->epochs, standing->steps, standing->samples, standing->rollbacks},
                         COUNTS);
    sp_record_put_reals(record, "standing.seconds",
                        (double[SECONDS]){standing->step_seconds, standing->epoch_seconds, standing->seconds}, SECONDS);
    sp_record_put_counts(record, "metrics", (uint64_t[]){mark.bytes, mark.xxh64}, 2);
}

static void copy_state(sp_checkpoint *c, const sp_standing *standing) {
    const sp_checkpoint_of *of = &c->of;
    record_standing(c->record, standing, sp_rundir_mark(of->rundir));
    sp_best_record(of->best, c->record);
    sp_schedule_record(of->schedule, c->record);
    sp_diagnosis_record(of->diagnosis, c->record);
    sp_stepper_record(of->stepper, standing->steps, is_undoable(of->config), c->record);
    float *best = sp_record_floats(c->record, "best", of->net->floats);
    if (best) memcpy(best, of->best_weights, of->net->floats * sizeof *best);
}

sp_status sp_checkpoint_create(sp_checkpoint_of of, sp_checkpoint **checkpoint, sp_error *error) {
    sp_checkpoint *made = calloc(1, sizeof *made);
    if (made) {
        made->of = of;
        made->record = sp_record_create();
        made->writer = sp_helper_create();
    }
    bool good = made && made->record && made->writer;
    if (good) {
        sp_record_put_text(made->record, "format", format_name, sizeof format_name);
        sp_record_put_text(made->record, "version", sp_version(), strlen(sp_version()));
        sp_identity_record(of.config, of.origin, made->record);
        copy_state(made, &(sp_standing){0});
        good = sp_record_is_whole(made->record);
    }
    if (!good) {
        sp_checkpoint_destroy(made);
        return sp_fail_memory(error, "the checkpoint", sp_checkpoint_bytes(of.plan, of.net, is_undoable(of.config)));
    }
    *checkpoint = made;
    return SP_OK;
}

void sp_checkpoint_destroy(sp_checkpoint *checkpoint) {
    if (!checkpoint) return;
    sp_helper_destroy(checkpoint->writer);
    sp_record_destroy(checkpoint->record);
    free(checkpoint);
}

size_t sp_checkpoint_bytes(const sp_plan *plan, const sp_net *net, bool undoable) {
    size_t vectors = 1 + sp_optim_states(plan->optim.name) + (plan->average > 0);
    return sp_bytes((undoable ? 2 * vectors : vectors) + 1, sp_bytes(net->floats, sizeof(float)));
}

/* ---- The file ---------------------------------------------------------------------------------- */

/* By the writer. First the epochs that the checkpoint counts on, then the file, beside the one that it replaces. */
static void write_copy(void *context) {
    sp_checkpoint *c = context;
    char path[SP_RUNDIR_PATH], before[SP_RUNDIR_PATH];
    sp_status status = sp_rundir_sync(c->of.rundir, &c->error);
    if (!status) status = sp_rundir_path(c->of.rundir, SP_CHECKPOINT_NAME, path, &c->error);
    if (!status) status = sp_rundir_path(c->of.rundir, SP_CHECKPOINT_BEFORE, before, &c->error);
    if (status) return;
    sp_file_keep(path, before);
    sp_record_write(c->record, path, &c->error);
}

void sp_checkpoint_take(sp_checkpoint *c, const sp_standing *standing) {
    sp_helper_wait(c->writer);
    if (sp_checkpoint_has_failed(c)) return;
    copy_state(c, standing);
    sp_helper_start(c->writer, write_copy, c);
}

bool sp_checkpoint_is_busy(sp_checkpoint *c) {
    return sp_helper_is_busy(c->writer);
}

bool sp_checkpoint_has_failed(sp_checkpoint *c) {
    c->failed = c->failed || (!sp_helper_is_busy(c->writer) && c->error.status != SP_OK);
    return c->failed;
}

sp_status sp_checkpoint_finish(sp_checkpoint *c, sp_error *error) {
    sp_helper_wait(c->writer);
    return c->error.status ? sp_fail(error, c->error.status, "%s", c->error.text) : SP_OK;
}

/* ---- Back --------------------------------------------------------------------------------------- */

static sp_status open_file(const sp_rundir *rundir, const char *name, sp_safetensors **file, sp_error *error) {
    char path[SP_RUNDIR_PATH];
    sp_status status = sp_rundir_path(rundir, name, path, error);
    if (!status) status = sp_safetensors_read(path, file, error);
    if (status) return status;
    const char *format = sp_safetensors_text(*file, "format"), *version = sp_safetensors_text(*file, "version");
    if (!sp_safetensors_is_sealed(*file) || !format || !version)
        status = sp_fail(error, SP_BAD_DATA, "%s: is no checkpoint, or damaged; train anew without --resume", path);
    else if (strcmp(format, format_name) != 0 || strcmp(version, sp_version()) != 0)
        status =
            sp_fail(error, SP_BAD_CONFIG,
                    "%s: was written by shardprop %.20s, and this is %s, which may come to other bits; resume with "
                    "that, or train anew without --resume",
                    path, version, sp_version());
    if (!status) return SP_OK;
    sp_safetensors_destroy(*file);
    *file = NULL;
    return status;
}

sp_status sp_checkpoint_open(const sp_rundir *rundir, sp_safetensors **file, char *warning, sp_error *error) {
    static const char *const names[] = {SP_CHECKPOINT_NAME, SP_CHECKPOINT_BEFORE};
    sp_error first = {0};
    *file = NULL;
    *warning = '\0';
    for (int i = 0; i < 2; i++) {
        sp_error fault = {0};
        if (!sp_rundir_has(rundir, names[i])) continue;
        sp_status status = open_file(rundir, names[i], file, &fault);
        if (!status && i > 0)
            snprintf(warning, SP_ERROR_TEXT, "%.4000s; going on from the one before",
                     first.status ? first.text : SP_CHECKPOINT_NAME " is missing");
        if (!status) return SP_OK;
        if (first.status == SP_OK) first = fault;
        if (status != SP_BAD_DATA) break; /* the one before is no better */
    }
    return first.status ? sp_fail(error, first.status, "%s", first.text) : SP_OK;
}

static sp_status malformed(const sp_safetensors *file, sp_error *error) {
    return sp_fail(error, SP_BAD_DATA, "%s: where it stands is no place of this training; train anew without --resume",
                   sp_safetensors_path(file));
}

sp_status sp_checkpoint_check(const sp_safetensors *file, const sp_config *config, const sp_origin *origin,
                              const sp_plan *plan, sp_standing *standing, sp_error *error) {
    uint64_t counts[COUNTS];
    double seconds[SECONDS];
    sp_status status = sp_record_take_counts(file, "standing", counts, COUNTS, error);
    if (!status) status = sp_record_take_reals(file, "standing.seconds", seconds, SECONDS, error);
    if (status) return status;
    *standing = (sp_standing){.epochs = counts[0],
                              .steps = counts[1],
                              .samples = counts[2],
                              .rollbacks = counts[3],
                              .step_seconds = seconds[0],
                              .epoch_seconds = seconds[1],
                              .seconds = seconds[2]};
    size_t begun = standing->epochs + (standing->steps > 0);
    status = sp_identity_check(config, origin, plan, begun, file, error);
    if (status) return status;
    bool within = standing->epochs < SIZE_MAX && begun <= (size_t)config->train.epochs; /* and `begun` is no overflow */
    return within && standing->steps < plan->steps ? SP_OK : malformed(file, error);
}

sp_status sp_checkpoint_load(const sp_safetensors *file, sp_checkpoint_of of, const sp_standing *standing,
                             sp_error *error) {
    uint64_t mark[2];
    sp_status status = sp_record_take_counts(file, "metrics", mark, 2, error);
    if (!status) status = sp_best_take(of.best, file, error);
    if (!status) status = sp_schedule_take(of.schedule, file, error);
    if (!status) status = sp_diagnosis_take(of.diagnosis, file, error);
    if (!status)
        status = sp_stepper_take(of.stepper, standing->epochs, standing->steps, is_undoable(of.config), file, error);
    if (!status) status = sp_safetensors_copy(file, "best", of.net->floats, 0, of.best_weights, error);
    if (!status)
        status = sp_rundir_continue(of.rundir, of.config, of.net->depth, (sp_metrics_mark){mark[0], mark[1]}, error);
    return status;
}
