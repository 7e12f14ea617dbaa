/* A training from its configuration to its run directory. */
#include "base/error.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/memory.h"
#include "breakdown.h"
#include "config.h"
#include "diagnose.h"
#include "initial.h"
#include "judge.h"
#include "math/finite.h"
#include "model.h"
#include "plan.h"
#include "rundir.h"
#include "step.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that a training holds; made by prepare, used by run, judged by finish. */
typedef struct run {
    sp_config *config; /* owned: a copy, with what was resolved */
    sp_data *data;     /* owned */
    sp_plan plan;
    sp_model *model;             /* owned: its parameters are the best so far */
    sp_weights *weights;         /* owned: in training */
    float *parameters;           /* owned: the same as a plain vector, after each epoch */
    uint32_t *order;             /* owned [rows]: of the epoch */
    sp_schedule schedule;        /* and where it is */
    sp_stepper *stepper;         /* owned */
    const sp_weights *judged;    /* the stepper's: those in training, or their average */
    float *judged_parameters;    /* owned, of the average: as a plain vector; NULL: there is none */
    sp_evaluator *evaluator;     /* owned */
    sp_judge *judge;             /* owned: of the test rows, and of the validation rows where a metric is monitored */
    sp_rundir *rundir;           /* owned */
    const sp_observer *observer; /* NULL: nobody watches */
    sp_progress progress;
    double epoch_started, steps_before; /* for the seconds of progress */
    size_t samples;                     /* rows trained on; an interrupted epoch has fewer than the others */
    bool stopped;                       /* the observer asked for the end */
    double best;                        /* monitored value of the best epoch, larger is better */
    size_t since_best;
    sp_epoch last;
    sp_layer_health *health; /* owned [depth]: of the last epoch */
    sp_diagnosis *diagnosis; /* owned */
    size_t rollbacks;
    char breakdown[4096]; /* why a loss, a gradient or a weight is not finite; empty: all are */
} run;

/* What makes an epoch the best, where that is not loss or accuracy; SP_METRICS: it is. */
static sp_metric monitored_metric(const run *r) {
    static const sp_metric metrics[] = {
        [SP_MONITOR_AUTO] = SP_METRICS,
        [SP_MONITOR_LOSS] = SP_METRICS,
        [SP_MONITOR_ACCURACY] = SP_METRICS,
        [SP_MONITOR_BALANCED_ACCURACY] = SP_METRIC_BALANCED_ACCURACY,
        [SP_MONITOR_MACRO_F1] = SP_METRIC_MACRO_F1,
        [SP_MONITOR_AUC] = SP_METRIC_AUC,
        [SP_MONITOR_R2] = SP_METRIC_R2,
    };
    return metrics[r->config->train.monitor];
}

/* ---- Preparing ---------------------------------------------------------------------------- */

/* From the configuration to data, plan and model. */
static sp_status read_and_plan(run *r, const sp_config *config, sp_error *error) {
    r->config = sp_config_copy(config);
    if (!r->config) return sp_fail_memory(error, "the configuration", sizeof *config);
    sp_status status = sp_config_check(r->config, error);
    if (!status) status = sp_data_load(r->config, &r->data, error);
    if (!status) status = sp_plan_create(r->config, r->data, &r->plan, error);
    if (status) return status;
    status = sp_model_create(r->plan.net, r->data, &r->model, error);
    r->plan.net = NULL; /* the model's now */
    return status;
}

/* The weights before the first step. */
static sp_status start_weights(run *r, sp_error *error) {
    const sp_net *net = r->model->net;
    r->parameters = sp_allocate(net->floats, sizeof *r->parameters);
    r->order = sp_allocate(r->plan.rows, sizeof *r->order);
    if (!r->parameters || !r->order) return sp_fail_memory(error, "the weights", sp_bytes(net->floats, sizeof(float)));
    sp_status status = sp_initial_weights(r->config, net, r->parameters, error);
    if (status) return status;
    memcpy(r->model->parameters, r->parameters, net->floats * sizeof *r->parameters);
    status = sp_weights_create(r->plan.layout, &r->weights, error);
    if (!status) sp_weights_load(r->weights, r->parameters);
    return status;
}

/* The steps, and which weights are judged: those in training, or their average. */
static sp_status prepare_steps(run *r, sp_error *error) {
    r->schedule = r->plan.schedule;
    sp_status status = sp_stepper_create(&r->plan, r->data, r->weights, &r->stepper, error);
    if (status) return status;
    if (r->observer && r->observer->time_phases) sp_stepper_time(r->stepper);
    const sp_weights *average = sp_stepper_average(r->stepper);
    r->judged = average ? average : r->weights;
    if (average) r->judged_parameters = sp_allocate(r->model->net->floats, sizeof *r->judged_parameters);
    return average && !r->judged_parameters
               ? sp_fail_memory(error, "the average of the weights", r->model->net->floats * sizeof(float))
               : SP_OK;
}

static sp_status prepare_judging(run *r, sp_error *error) {
    const sp_part *const parts[] = {&r->data->train, &r->data->validation, &r->data->test};
    size_t judged = monitored_metric(r) < SP_METRICS ? 2 : 1;
    sp_status status = sp_evaluator_create(r->plan.layout, r->plan.threads, parts, 3, &r->evaluator, error);
    return status ? status
                  : sp_judge_create(r->model->net, r->data->task, r->data->classes.count, parts + 3 - judged, judged,
                                    &r->judge, error);
}

static sp_status prepare_diagnosis(run *r, sp_error *error) {
    size_t depth = r->model->net->depth;
    r->health = calloc(depth, sizeof *r->health);
    r->diagnosis = sp_diagnosis_create(r->model->net);
    return r->health && r->diagnosis ? SP_OK : sp_fail_memory(error, "the diagnosis", depth * sizeof *r->health);
}

static sp_status prepare(run *r, const sp_config *config, sp_error *error) {
    sp_status status = read_and_plan(r, config, error);
    if (!status) status = start_weights(r, error);
    if (!status) status = prepare_steps(r, error);
    if (!status) status = prepare_judging(r, error);
    if (!status) status = prepare_diagnosis(r, error);
    return status ? status : sp_rundir_create(r->config, r->model->net->depth, &r->rundir, error);
}

/* ---- The loop ------------------------------------------------------------------------------- */

static sp_tally evaluate(run *r, const sp_part *part) {
    return sp_evaluate_part(r->evaluator, r->judged, &r->data->preprocess, part, NULL);
}

/* The same, with every metric: in the judge's scores. */
static sp_tally judge(run *r, const sp_part *part) {
    return sp_judge_part(r->judge, r->evaluator, r->judged, &r->data->preprocess, part);
}

/* Called within the step; hands on where the training stands. */
static bool on_step(void *context, size_t steps) {
    run *r = context;
    r->progress.step = steps;
    r->progress.samples = (r->progress.epoch - 1) * r->plan.rows + steps * r->plan.batch_size;
    if (steps == r->plan.steps) r->progress.samples = r->progress.epoch * r->plan.rows;
    r->progress.seconds = r->steps_before + sp_host_seconds() - r->epoch_started;
    r->stopped = r->observer->on_step(r->observer->context, &r->progress);
    return r->stopped;
}

/*
 * Where a loss, a gradient or, behind the last step, a weight was not finite: while the passes of that mini-batch are
 * still there.
 */
static void describe_breakdown(run *r) {
    size_t step, layer, floats = r->model->net->floats;
    char text[3800];
    bool broken = sp_stepper_broken(r->stepper, &step, &layer);
    if (!broken && sp_all_finite(floats, r->parameters)) return;
    size_t steps = (r->progress.epoch - 1) * r->plan.steps + step;
    sp_breakdown breakdown = {.weights = r->weights,
                              .workspace = sp_stepper_passes(r->stepper),
                              .rows = &r->data->train,
                              .preprocess = &r->data->preprocess,
                              .batch = sp_batch_at(r->order, r->plan.rows, r->plan.batch_size, step - 1),
                              .eta = sp_schedule_rate(&r->schedule, steps - 1),
                              .gradient = layer};
    sp_breakdown_describe(&breakdown, text, sizeof text);
    snprintf(r->breakdown, sizeof r->breakdown, "step %zu: %s", step, text);
    r->progress.step = step;
}

/* One epoch: an order, a step a mini-batch, a look at the validation rows. */
static void run_epoch(run *r, size_t epoch, sp_epoch *result) {
    const sp_rows *rows = &r->data->train.rows;
    bool watched = r->observer && r->observer->on_step;
    r->progress.epoch = epoch;
    r->progress.step = 0;

    sp_batch_order(rows->index, rows->count, r->config->train.shuffle, (uint64_t)r->config->train.seed, epoch,
                   r->order);
    r->epoch_started = sp_host_seconds();
    sp_tally train = sp_stepper_epoch(r->stepper, r->order, rows->count, &r->schedule, watched ? on_step : NULL, r);
    double seconds = sp_host_seconds() - r->epoch_started;
    r->steps_before += seconds;
    r->samples += train.rows;
    r->progress.seconds = r->steps_before;
    sp_stepper_health(r->stepper, r->health);
    sp_weights_store(r->weights, r->parameters);
    describe_breakdown(r);
    if (r->judged_parameters) sp_weights_store(r->judged, r->judged_parameters);
    sp_tally validation =
        monitored_metric(r) < SP_METRICS ? judge(r, &r->data->validation) : evaluate(r, &r->data->validation);

    bool classes = r->data->task == SP_CLASSIFICATION;
    *result = (sp_epoch){
        .epoch = epoch,
        .seconds = seconds,
        .learning_rate = sp_schedule_rate(&r->schedule, epoch * r->plan.steps - 1),
        .train_loss = sp_tally_loss(&train),
        .train_accuracy = classes ? sp_tally_accuracy(&train) : NAN,
        .validation_loss = sp_tally_loss(&validation),
        .validation_accuracy = classes ? sp_tally_accuracy(&validation) : NAN,
        .samples_per_second = (double)train.rows / seconds,
        .layers = r->model->net->depth,
        .health = r->health,
    };
}

/* What an epoch came to, larger is better: as monitored; without validation rows, by the training loss. */
static double value_of(const run *r, const sp_epoch *epoch) {
    sp_metric metric = monitored_metric(r);
    if (r->data->validation.rows.count == 0) return -epoch->train_loss;
    if (metric < SP_METRICS) return r->judge->scores->value[metric];
    return r->config->train.monitor == SP_MONITOR_LOSS ? -epoch->validation_loss : epoch->validation_accuracy;
}

/* Keeps the weights of the best epoch; without validation rows the last is the best. */
static void keep_best(run *r, const sp_epoch *epoch, sp_summary *summary) {
    double value = value_of(r, epoch);
    bool measured = r->data->validation.rows.count > 0;
    if (isnan(value)) value = -INFINITY; /* any number is better */
    r->since_best++;
    if (measured && summary->best_epoch > 0 && !(value > r->best)) return;
    r->best = value;
    r->since_best = 0;
    summary->best_epoch = epoch->epoch;
    memcpy(r->model->parameters, r->judged_parameters ? r->judged_parameters : r->parameters,
           r->model->net->floats * sizeof *r->parameters);
}

static bool out_of_patience(const run *r) {
    return r->config->train.patience > 0 && r->since_best >= (size_t)r->config->train.patience;
}

/* One line for people: "64-32-10 relu softmax, 2410 parameters; 1437 rows, ...". */
static void announce(const run *r) {
    char network[400], line[700];
    if (!r->observer || !r->observer->on_start) return;
    sp_net_describe(r->model->net, network, sizeof network);
    snprintf(line, sizeof line, "%s, %zu parameters; %zu rows in mini-batches of %zu; %zu shard%s on %s%zu thread%s",
             network, r->model->net->parameters, r->plan.rows, r->plan.batch_size, r->plan.shards,
             r->plan.shards == 1 ? "" : "s", r->plan.threads_follow && r->plan.threads > 1 ? "up to " : "",
             r->plan.threads, r->plan.threads == 1 ? "" : "s");
    r->observer->on_start(r->observer->context, line);
}

static void warn(const run *r, const char *line) {
    if (r->observer && r->observer->on_warning) r->observer->on_warning(r->observer->context, line);
}

enum { MOST_ROLLBACKS = 5 };

/* Whether an epoch that broke down is undone, to be tried again at half the rate. */
static bool roll_back(run *r, size_t epoch) {
    char line[sizeof r->breakdown + 200];
    if (!*r->breakdown || r->config->train.on_nan != SP_ON_NAN_ROLLBACK || r->rollbacks == MOST_ROLLBACKS) return false;
    r->rollbacks++;
    sp_stepper_undo(r->stepper);
    r->schedule.rate /= 2;
    snprintf(line, sizeof line, "epoch %zu, %s; back to its beginning, with half the learning rate (%g)", epoch,
             r->breakdown, r->schedule.rate);
    warn(r, line);
    *r->breakdown = '\0';
    return true;
}

/* Hands on what was left out of the files, or not known in them. */
static void remark_on_files(const run *r, sp_summary *summary) {
    char line[600];
    for (int i = 0; i < 3; i++) {
        const sp_dataset *file = r->data->files[i];
        if (!file) continue;
        summary->dropped_rows += file->table->dropped;
        if (sp_table_remark(file->table, line, sizeof line)) warn(r, line);
    }
}

static sp_status run_epochs(run *r, sp_summary *summary, sp_error *error) {
    size_t epochs = (size_t)r->config->train.epochs;
    r->progress.epochs = epochs;
    r->progress.steps = r->plan.steps;
    summary->status = "completed";
    announce(r);
    remark_on_files(r, summary);
    for (size_t epoch = 1; epoch <= epochs; epoch++) {
        if (r->config->train.on_nan == SP_ON_NAN_ROLLBACK && !sp_stepper_save(r->stepper))
            return sp_fail_memory(error, "a copy of the weights", sp_bytes(r->plan.layout->packed, sizeof(float)));
        do run_epoch(r, epoch, &r->last);
        while (roll_back(r, epoch));
        bool whole = !*r->breakdown && (!r->stopped || r->progress.step == r->plan.steps);
        if (whole) { /* what an interrupted epoch measured is not an epoch's */
            summary->epochs = epoch;
            sp_status status = sp_rundir_add_epoch(r->rundir, &r->last, error);
            if (status) return status;
            if (r->observer && r->observer->on_epoch)
                r->observer->on_epoch(r->observer->context, &r->last, &r->progress);
        }
        if (whole)
            sp_diagnosis_epoch(r->diagnosis, &r->last, r->observer ? r->observer->on_warning : NULL,
                               r->observer ? r->observer->context : NULL);
        if (*r->breakdown) {
            summary->status = "diverged";
            break;
        }
        keep_best(r, &r->last, summary);
        sp_schedule_observe(&r->schedule, epoch, value_of(r, &r->last));
        if (r->stopped || out_of_patience(r)) {
            if (r->stopped || epoch < epochs) summary->status = r->stopped ? "interrupted" : "stopped_early";
            break;
        }
    }
    return SP_OK;
}

/* ---- Judging -------------------------------------------------------------------------------- */

static void note(const run *r, sp_tally tally, double *loss, double *accuracy) {
    *loss = sp_tally_loss(&tally);
    *accuracy = r->data->task == SP_CLASSIFICATION ? sp_tally_accuracy(&tally) : NAN;
}

static sp_status finish(run *r, double started, sp_summary *summary, sp_error *error) {
    sp_weights_load(r->weights, r->model->parameters); /* the best */
    r->judged = r->weights;
    note(r, evaluate(r, &r->data->train), &summary->train_loss, &summary->train_accuracy);
    note(r, evaluate(r, &r->data->validation), &summary->validation_loss, &summary->validation_accuracy);
    note(r, judge(r, &r->data->test), &summary->test_loss, &summary->test_accuracy);
    memcpy(summary->test_metrics, r->judge->scores->value, sizeof summary->test_metrics);
    summary->train_seconds = r->steps_before;
    summary->samples_per_second = (double)r->samples / r->steps_before;
    summary->threads = sp_stepper_threads(r->stepper);
    summary->shards = r->plan.shards;
    sp_stepper_phases(r->stepper, summary->phase_seconds);
    summary->parameters = r->model->net->parameters;
    summary->weights_xxh64 = sp_hash_floats(r->parameters, r->model->net->parameters);
    sp_status status = sp_rundir_save_model(r->rundir, r->model, error);
    summary->total_seconds = sp_host_seconds() - started;
    if (!status) status = sp_rundir_save_summary(r->rundir, summary, r->diagnosis, error);
    if (status || strcmp(summary->status, "diverged") != 0) return status;
    return sp_fail(error, SP_FAILED, "%s: the training diverged in epoch %zu, %s",
                   r->config->path ? r->config->path : "config", r->last.epoch, r->breakdown);
}

sp_status sp_train(const sp_config *config, const sp_observer *observer, sp_summary *summary, sp_error *error) {
    double started = sp_host_seconds();
    run r = {.observer = observer};
    *summary = (sp_summary){0};
    sp_status status = prepare(&r, config, error);
    if (!status) status = run_epochs(&r, summary, error);
    if (!status) status = finish(&r, started, summary, error);

    sp_rundir_destroy(r.rundir);
    sp_judge_destroy(r.judge);
    sp_evaluator_destroy(r.evaluator);
    sp_stepper_destroy(r.stepper);
    sp_weights_destroy(r.weights);
    free(r.order);
    free(r.health);
    sp_diagnosis_destroy(r.diagnosis);
    free(r.parameters);
    free(r.judged_parameters);
    sp_plan_clear(&r.plan); /* its layout borrows the model's network */
    sp_model_destroy(r.model);
    sp_data_destroy(r.data);
    sp_config_destroy(r.config);
    return status;
}
