/*
 * Any bytes as the checkpoint of a small training, which goes on from it by a step; its checksum is made to fit, unless
 * it begins with an x. That training's own checkpoint is left in the folder that FUZZ_RUN names, as a seed.
 *
 * The texts of the configuration, most of the file, are compared only where it has any; metrics.csv is another file.
 */
#include "input.h"
#include "run.h"
#include "seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char data[] = "0,0,0\n0,1,1\n1,0,1\n1,1,0\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n";
static const char *const assignments[] = {"data.train=/fuzz/1",
                                          "data.validation=0.25",
                                          "data.task=classification",
                                          "network.hidden=3",
                                          "network.normalization=layer",
                                          "optimizer.name=adam",
                                          "optimizer.ema=0.9",
                                          "train.batch_size=2",
                                          "train.epochs=9",
                                          "train.on_nan=rollback",
                                          "train.patience=4",
                                          "schedule.name=plateau",
                                          "parallel.threads=1",
                                          "parallel.shards=2",
                                          "parallel.kernels=reference"};

static sp_run run;
static char path[SP_RUNDIR_PATH], before[SP_RUNDIR_PATH];
static bool compared;

/* Of a file without the texts of a configuration it is not asked for them. */
sp_status __real_sp_identity_check(const sp_config *, const sp_data *, const sp_plan *, size_t, const sp_safetensors *,
                                   sp_error *);
sp_status __wrap_sp_identity_check(const sp_config *, const sp_data *, const sp_plan *, size_t, const sp_safetensors *,
                                   sp_error *);
sp_status __wrap_sp_rundir_continue(sp_rundir *, const sp_config *, size_t, sp_metrics_mark, sp_error *);

sp_status __wrap_sp_identity_check(const sp_config *config, const sp_data *of, const sp_plan *plan, size_t epochs,
                                   const sp_safetensors *file, sp_error *error) {
    return compared ? __real_sp_identity_check(config, of, plan, epochs, file, error) : SP_OK;
}

sp_status __wrap_sp_rundir_continue(sp_rundir *rundir, const sp_config *config, size_t layers, sp_metrics_mark mark,
                                    sp_error *error) {
    (void)rundir, (void)config, (void)layers, (void)mark, (void)error;
    return SP_OK;
}

static bool set(sp_config *config, const char *name, const char *value) {
    char text[SP_RUNDIR_PATH];
    sp_error error = {0};
    snprintf(text, sizeof text, "%s%s", name, value);
    return sp_config_set(config, text, &error) == SP_OK;
}

void fuzz_prepare(void) {
    sp_error error = {0};
    const char *folder = getenv("FUZZ_RUN");
    sp_config *config = sp_config_create();
    fuzz_expect(config && folder, "FUZZ_RUN has to name a folder");
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++)
        fuzz_expect(set(config, assignments[i], ""), assignments[i]);
    fuzz_expect(set(config, "output.dir=", folder), folder);
    fuzz_file(1, (const uint8_t *)data, sizeof data - 1);
    fuzz_expect(sp_run_prepare(&run, config, false, &error) == SP_OK, error.text);
    sp_config_destroy(config);
    sp_checkpoint_take(run.checkpoint, &(sp_standing){.epochs = 3});
    fuzz_expect(sp_checkpoint_finish(run.checkpoint, &error) == SP_OK, error.text);
    snprintf(path, sizeof path, "%s/" SP_CHECKPOINT_NAME, folder);
    snprintf(before, sizeof before, "%s/" SP_CHECKPOINT_BEFORE, folder);
}

/* What a training does between its checkpoint and the next one. */
static void go_on(const sp_standing *at) {
    fuzz_expect(at->epochs <= 9 && at->steps < run.plan.steps, "it stands beyond the end of the training");
    double eta = sp_schedule_rate(&run.schedule, at->epochs * run.plan.steps + at->steps);
    sp_batch batch = sp_batch_at(run.data->train.rows.index, run.plan.rows, run.plan.batch_size, at->steps);
    sp_stepper_step(run.stepper, batch, eta);
    sp_stepper_undo(run.stepper);
    run.last = (sp_epoch){.epoch = at->epochs + 1, .train_loss = 0.5, .validation_loss = 0.5};
    sp_diagnosis_epoch(run.diagnosis, &run.last, NULL, NULL);
    sp_schedule_observe(&run.schedule, run.last.epoch, -0.5);
    sp_best_observe(&run.best, run.last.epoch, -0.5);
}

void fuzz_input(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_safetensors *file;
    sp_standing at;
    char warning[SP_ERROR_TEXT];
    uint8_t *sealed = fuzz_seal(bytes, size);
    if (!sealed) return;
    compared = memmem(bytes, size, "\"config.", 8) != NULL;
    fuzz_name(0, path); /* not before: libFuzzer asks for the size of its seeds first */
    fuzz_file(0, sealed, size);
    fuzz_name(1, before); /* asked for where this one is damaged: it is spared the system */
    fuzz_no_file(1);
    sp_checkpoint_of of = {run.config, &run.origin,   &run.plan,   run.model->net, run.model->parameters,
                           &run.best,  &run.schedule, run.stepper, run.diagnosis,  run.rundir};
    if (!sp_checkpoint_open(run.rundir, &file, warning, &error) && file) {
        sp_status status = sp_checkpoint_check(file, run.config, &run.origin, &run.plan, &at, &error);
        if (!status && !sp_checkpoint_load(file, of, &at, &error)) go_on(&at);
        sp_safetensors_destroy(file);
    }
    free(sealed);
}
