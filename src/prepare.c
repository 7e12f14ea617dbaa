#include "run.h"

#include "base/error.h"
#include "base/host.h"
#include "base/jobs.h"
#include "base/memory.h"
#include "initial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sp_run_warn(const sp_run *r, const char *line) {
    if (r->observer && r->observer->on_warning) r->observer->on_warning(r->observer->context, line);
}

bool sp_run_rolls_back(const sp_run *r) {
    return r->config->train.on_nan == SP_ON_NAN_ROLLBACK;
}

/* From the configuration to data, plan and model. */
static sp_status read_and_plan(sp_run *r, const sp_config *config, sp_error *error) {
    r->config = sp_config_copy(config);
    if (!r->config) return sp_fail_memory(error, "the configuration", sizeof *config);
    sp_status status = sp_config_check(r->config, error);
    if (!status) status = sp_data_load(r->config, &r->data, error);
    if (!status) status = sp_plan_create(r->config, r->data, &r->plan, error);
    if (status) return status;
    sp_origin_describe(r->config, r->data, r->plan.kernels, &r->origin);
    status = sp_model_create(r->plan.net, r->data, &r->model, error);
    if (status) return status;
    r->plan.net = NULL; /* the model's now */
    char doubt[300];
    if (sp_data_doubt(r->data, doubt, sizeof doubt)) sp_run_warn(r, doubt);
    r->best = sp_best_create(r->config, r->data->validation.rows.count > 0);
    return SP_OK;
}

/* Memory that is asked for is not memory that is there: better no training than one that is killed. */
static sp_status check_memory(const sp_run *r, sp_error *error) {
    size_t needed = r->plan.total_bytes - r->plan.data_bytes; /* the data are there already */
    needed += sp_checkpoint_bytes(&r->plan, r->model->net, sp_run_rolls_back(r));
    sp_status status = sp_plan_check_memory(r->config, needed, error);
    if (status || sp_kernels_fit(r->plan.kernels, r->plan.threads, needed)) return status;
    return sp_fail(
        error, SP_FAILED,
        "parallel.kernels: %s maps %zu MiB for each of %zu threads, and %zu MiB of addresses are left; raise "
        "that limit (ulimit -v), use fewer threads, or other kernels",
        r->plan.kernels->name, r->plan.kernels->addresses >> 20, r->plan.threads, sp_host_addresses() >> 20);
}

/* OpenMP ends the program where the system refuses a thread. */
static sp_status check_threads(sp_run *r, sp_error *error) {
    size_t wanted = r->plan.threads, granted = wanted > 1 ? 1 + sp_jobs_grant(wanted - 1) : 1;
    char line[200];
    if (granted >= wanted) return SP_OK;
    if (!r->plan.threads_follow)
        return sp_fail(error, SP_FAILED,
                       "parallel.threads: the system grants %zu of %zu threads; set it to fewer, or raise the limit of "
                       "processes (ulimit -u)",
                       granted, wanted);
    r->plan.threads = granted;
    snprintf(line, sizeof line, "the system grants %zu of %zu threads (see ulimit -u); going on with those", granted,
             wanted);
    sp_run_warn(r, line);
    return SP_OK;
}

/* ---- Where it goes on from -------------------------------------------------------------------- */

/* Opens the directory and looks for a checkpoint there. */
static sp_status find_checkpoint(sp_run *r, sp_error *error) {
    char line[SP_ERROR_TEXT];
    sp_status status = sp_rundir_open(r->config, &r->rundir, error);
    if (!status) status = sp_checkpoint_open(r->rundir, &r->file, line, error);
    if (status) return status;
    if (*line) sp_run_warn(r, line);
    if (r->file) return sp_checkpoint_check(r->file, r->config, &r->origin, &r->plan, &r->at, error);
    if (sp_rundir_has(r->rundir, "summary.json"))
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: holds a run that ended without a checkpoint; train anew without --resume",
                       r->config->output.dir);
    snprintf(line, sizeof line, "%s: holds no checkpoint; training starts from the beginning", r->config->output.dir);
    sp_run_warn(r, line);
    return SP_OK;
}

/* The weights before the first step. */
static sp_status start_weights(sp_run *r, sp_error *error) {
    const sp_net *net = r->model->net;
    r->parameters = sp_allocate(net->floats, sizeof *r->parameters);
    r->order = sp_allocate(r->plan.rows, sizeof *r->order);
    if (!r->parameters || !r->order) return sp_fail_memory(error, "the weights", sp_bytes(net->floats, sizeof(float)));
    sp_status status = SP_OK;
    if (r->file)
        sp_net_neutral(net, r->parameters); /* the checkpoint has the others */
    else
        status = sp_initial_weights(r->config, net, r->parameters, error);
    if (status) return status;
    memcpy(r->model->parameters, r->parameters, net->floats * sizeof *r->parameters);
    status = sp_weights_create(r->plan.layout, &r->weights, error);
    if (!status) sp_weights_load(r->weights, r->parameters);
    return status;
}

/* The steps, and which weights are judged: those in training, or their average. */
static sp_status prepare_steps(sp_run *r, sp_error *error) {
    r->schedule = r->plan.schedule;
    sp_status status = sp_stepper_create(&r->plan, r->data, r->weights, &r->stepper, error);
    if (status) return status;
    if (r->observer && r->observer->time_phases) sp_stepper_time(r->stepper);
    if (sp_run_rolls_back(r) && !sp_stepper_save(r->stepper))
        return sp_fail_memory(error, "a copy of the weights", sp_bytes(r->plan.layout->packed, sizeof(float)));
    const sp_weights *average = sp_stepper_average(r->stepper);
    r->judged = average ? average : r->weights;
    if (average) r->judged_parameters = sp_allocate(r->model->net->floats, sizeof *r->judged_parameters);
    return average && !r->judged_parameters
               ? sp_fail_memory(error, "the average of the weights", r->model->net->floats * sizeof(float))
               : SP_OK;
}

static sp_status prepare_judging(sp_run *r, sp_error *error) {
    const sp_part *const parts[] = {&r->data->train, &r->data->validation, &r->data->test};
    size_t judged = sp_best_metric(&r->best) < SP_METRICS ? 2 : 1;
    sp_status status = sp_evaluator_create(r->plan.layout, r->plan.threads, parts, 3, &r->evaluator, error);
    return status ? status
                  : sp_judge_create(r->model->net, r->data->task, r->data->classes.count, parts + 3 - judged, judged,
                                    &r->judge, error);
}

static sp_status prepare_diagnosis(sp_run *r, sp_error *error) {
    size_t depth = r->model->net->depth;
    r->health = calloc(depth, sizeof *r->health);
    r->diagnosis = sp_diagnosis_create(r->model->net);
    return r->health && r->diagnosis ? SP_OK : sp_fail_memory(error, "the diagnosis", depth * sizeof *r->health);
}

/* A new run's files, or those of the one that goes on. */
static sp_status prepare_files(sp_run *r, sp_error *error) {
    const sp_net *net = r->model->net;
    sp_status status = r->rundir ? SP_OK : sp_rundir_open(r->config, &r->rundir, error);
    sp_checkpoint_of of = {.config = r->config,
                           .origin = &r->origin,
                           .plan = &r->plan,
                           .net = net,
                           .best_weights = r->model->parameters,
                           .best = &r->best,
                           .schedule = &r->schedule,
                           .stepper = r->stepper,
                           .diagnosis = r->diagnosis,
                           .rundir = r->rundir};
    if (!status) status = sp_checkpoint_create(of, &r->checkpoint, error);
    if (status) return status;
    if (!r->file) return sp_rundir_begin(r->rundir, r->config, net->depth, error);
    status = sp_checkpoint_load(r->file, of, &r->at, error);
    sp_weights_store(r->weights, r->parameters);
    sp_safetensors_destroy(r->file);
    r->file = NULL;
    return status;
}

sp_status sp_run_prepare(sp_run *r, const sp_config *config, bool resumes, sp_error *error) {
    r->started = sp_host_seconds();
    sp_status status = read_and_plan(r, config, error);
    if (!status) status = check_memory(r, error);
    if (!status) status = check_threads(r, error);
    if (!status && resumes) status = find_checkpoint(r, error);
    if (!status) status = start_weights(r, error);
    if (!status) status = prepare_steps(r, error);
    if (!status) status = prepare_judging(r, error);
    if (!status) status = prepare_diagnosis(r, error);
    return status ? status : prepare_files(r, error);
}

void sp_run_clear(sp_run *r) {
    sp_checkpoint_destroy(r->checkpoint); /* which may still be writing into the directory */
    sp_rundir_destroy(r->rundir);
    sp_safetensors_destroy(r->file);
    sp_judge_destroy(r->judge);
    sp_evaluator_destroy(r->evaluator);
    sp_stepper_destroy(r->stepper);
    sp_weights_destroy(r->weights);
    free(r->order);
    free(r->health);
    sp_diagnosis_destroy(r->diagnosis);
    free(r->parameters);
    free(r->judged_parameters);
    sp_plan_clear(&r->plan); /* its layout borrows the model's network */
    sp_model_destroy(r->model);
    sp_data_destroy(r->data);
    sp_config_destroy(r->config);
}
