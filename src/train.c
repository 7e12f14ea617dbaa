/* A training from its configuration to its run directory. */
#include "base/error.h"
#include "base/hash.h"
#include "base/host.h"
#include "breakdown.h"
#include "math/finite.h"
#include "run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The loop ------------------------------------------------------------------------------- */

static sp_tally evaluate(sp_run *r, const sp_part *part) {
    return sp_evaluate_part(r->evaluator, r->judged, &r->data->preprocess, part, NULL);
}

/* The same, with every metric: in the judge's scores. */
static sp_tally judge(sp_run *r, const sp_part *part) {
    return sp_judge_part(r->judge, r->evaluator, r->judged, &r->data->preprocess, part);
}

/* ---- Checkpoints ---- */

/* Copies where it stands, `steps` steps into the epoch under way. */
static void save(sp_run *r, size_t steps) {
    double now = sp_host_seconds();
    sp_standing here = r->at;
    here.steps = steps;
    here.seconds += now - r->started;
    if (steps > 0) here.epoch_seconds += now - r->epoch_started;
    sp_checkpoint_take(r->checkpoint, &here);
    r->due = false;
    r->next_checkpoint = now + r->config->output.checkpoint_seconds;
}

static bool is_due(sp_run *r) {
    if (r->config->output.checkpoint_seconds > 0 && sp_host_seconds() >= r->next_checkpoint) r->due = true;
    return r->due && !sp_checkpoint_is_busy(r->checkpoint); /* else as soon as that is done */
}

/* Whether the observer wants no more than the epochs that are done. */
static bool is_enough(const sp_run *r) {
    const sp_observer *o = r->observer;
    return r->stopped || (o && o->until_epoch > 0 && r->at.epochs >= o->until_epoch);
}

/* At the end of an epoch; `last`: nothing comes behind it. */
static void save_epoch(sp_run *r, bool last) {
    long long every = r->config->output.checkpoint_every;
    bool off = every == 0 && r->config->output.checkpoint_seconds == 0;
    if (every > 0 && r->at.epochs % (size_t)every == 0) r->due = true;
    if (is_enough(r) || (last && !off) || is_due(r)) save(r, 0);
}

/* ---- Steps ---- */

/* Hands on where the training stands, and takes what the observer wants. */
static void tell_step(sp_run *r, size_t steps) {
    const sp_observer *o = r->observer;
    r->progress.step = steps;
    r->progress.samples = (r->progress.epoch - 1) * r->plan.rows + steps * r->plan.batch_size;
    if (steps == r->plan.steps) r->progress.samples = r->progress.epoch * r->plan.rows;
    r->progress.seconds = r->at.step_seconds + r->at.epoch_seconds + sp_host_seconds() - r->epoch_started;
    if (o && o->on_step && o->on_step(o->context, &r->progress)) r->stopped = true;
    if (o && o->wants_checkpoint && o->wants_checkpoint(o->context)) r->due = true;
}

/* Called within the step, while all other threads wait: the state stands still. True: no step follows. */
static bool on_step(void *context, size_t steps) {
    sp_run *r = context;
    tell_step(r, steps);
    if (steps == r->plan.steps) return true;
    if (sp_checkpoint_has_failed(r->checkpoint) || sp_data_has_failed(r->data)) return true;
    if (!sp_stepper_can_pause(r->stepper, steps)) return false; /* at the end of the epoch, which is near */
    if (r->stopped || is_due(r)) save(r, steps);
    return r->stopped;
}

/*
 * Where a loss, a gradient or, behind the last step, a weight was not finite: while the passes of that mini-batch are
 * still there.
 */
static void describe_breakdown(sp_run *r) {
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
static void run_epoch(sp_run *r, size_t epoch, sp_epoch *result) {
    const sp_rows *rows = &r->data->train.rows;
    r->progress.epoch = epoch;
    r->progress.step = r->at.steps;

    sp_batch_order(rows->index, rows->count, r->config->train.shuffle, (uint64_t)r->config->train.seed, epoch,
                   r->order);
    r->epoch_started = sp_host_seconds();
    sp_tally train = sp_stepper_epoch(r->stepper, r->order, rows->count, &r->schedule, on_step, r);
    double seconds = r->at.epoch_seconds + sp_host_seconds() - r->epoch_started;
    r->at.steps = 0;
    r->at.epoch_seconds = 0;
    r->at.step_seconds += seconds;
    r->at.samples += train.rows;
    r->progress.seconds = r->at.step_seconds;
    sp_stepper_health(r->stepper, r->health);
    sp_weights_store(r->weights, r->parameters);
    describe_breakdown(r);
    if (r->judged_parameters) sp_weights_store(r->judged, r->judged_parameters);
    sp_tally validation =
        sp_best_metric(&r->best) < SP_METRICS ? judge(r, &r->data->validation) : evaluate(r, &r->data->validation);

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

/* Keeps the weights of the best epoch; returns what this one came to. */
static double keep_best(sp_run *r) {
    double value = sp_best_value(&r->best, &r->last, r->judge->scores);
    if (sp_best_observe(&r->best, r->last.epoch, value))
        memcpy(r->model->parameters, r->judged_parameters ? r->judged_parameters : r->parameters,
               r->model->net->floats * sizeof *r->parameters);
    return value;
}

/* One line for people: "64-32-10 relu softmax, 2410 parameters; 1437 rows, ...". */
static void announce(const sp_run *r) {
    char network[400], line[800 + SP_RUNDIR_PATH], goes_on[100 + SP_RUNDIR_PATH] = "";
    const char *stored = r->data->files[0]->table->store ? "; values on disk" : "";
    if (!r->observer || !r->observer->on_start) return;
    sp_net_describe(r->model->net, network, sizeof network);
    if (r->at.epochs > 0 || r->at.steps > 0)
        snprintf(goes_on, sizeof goes_on, "; goes on behind epoch %zu, step %zu", r->at.epochs, r->at.steps);
    else if (sp_rundir_kept(r->rundir))
        snprintf(goes_on, sizeof goes_on, "\nthe run that was there is in %s/previous", r->config->output.dir);
    snprintf(line, sizeof line,
             "%s, %zu parameters; %zu rows in mini-batches of %zu; %zu shard%s on %s%zu thread%s%s%s", network,
             r->model->net->parameters, r->plan.rows, r->plan.batch_size, r->plan.shards,
             r->plan.shards == 1 ? "" : "s", r->plan.threads_follow && r->plan.threads > 1 ? "up to " : "",
             r->plan.threads, r->plan.threads == 1 ? "" : "s", stored, goes_on);
    r->observer->on_start(r->observer->context, line);
}

enum { MOST_ROLLBACKS = 5 };

/* Whether an epoch that broke down is undone, to be tried again at half the rate. */
static bool roll_back(sp_run *r, size_t epoch) {
    char line[sizeof r->breakdown + 200];
    if (!*r->breakdown || !sp_run_rolls_back(r) || r->at.rollbacks == MOST_ROLLBACKS) return false;
    r->at.rollbacks++;
    sp_stepper_undo(r->stepper);
    r->schedule.rate /= 2;
    snprintf(line, sizeof line, "epoch %zu, %s; back to its beginning, with half the learning rate (%g)", epoch,
             r->breakdown, r->schedule.rate);
    sp_run_warn(r, line);
    *r->breakdown = '\0';
    return true;
}

/* Hands on what was left out of the files, or not known in them. */
static void remark_on_files(const sp_run *r, sp_summary *summary) {
    char line[600];
    for (int i = 0; i < 3; i++) {
        const sp_dataset *file = r->data->files[i];
        if (!file) continue;
        summary->dropped_rows += file->table->dropped;
        if (sp_table_remark(file->table, line, sizeof line)) sp_run_warn(r, line);
    }
}

/* An epoch is over and whole: its row, and those who want to know. */
static sp_status tell_epoch(sp_run *r, sp_error *error) {
    const sp_observer *o = r->observer;
    sp_status status = sp_rundir_add_epoch(r->rundir, &r->last, error);
    if (status) return status;
    if (o && o->on_epoch) o->on_epoch(o->context, &r->last, &r->progress);
    sp_diagnosis_epoch(r->diagnosis, &r->last, o ? o->on_warning : NULL, o ? o->context : NULL);
    return SP_OK;
}

/* How the training has ended; NULL: it goes on. */
static const char *ending_of(const sp_run *r) {
    if (r->at.epochs == (size_t)r->config->train.epochs) return "completed";
    if (sp_best_is_out_of_patience(&r->best)) return "stopped_early";
    return is_enough(r) ? "interrupted" : NULL;
}

/* The next epoch, or the rest of it. *ending: as above, or "diverged". */
static sp_status next_epoch(sp_run *r, const char **ending, sp_error *error) {
    size_t epoch = r->at.epochs + 1;
    if (sp_run_rolls_back(r) && r->at.steps == 0) sp_stepper_save(r->stepper); /* its memory is there */
    do run_epoch(r, epoch, &r->last);
    while (roll_back(r, epoch));
    if (sp_checkpoint_has_failed(r->checkpoint)) return sp_checkpoint_finish(r->checkpoint, error);
    sp_status read = sp_data_check(r->data, error);
    if (read) return read;
    bool whole = !*r->breakdown && r->progress.step == r->plan.steps;
    if (whole) { /* what an interrupted epoch measured is not an epoch's */
        r->at.epochs = epoch;
        sp_status status = tell_epoch(r, error);
        if (status) return status;
    }
    if (*r->breakdown) {
        *ending = "diverged";
        return SP_OK;
    }
    double value = keep_best(r);
    sp_schedule_observe(&r->schedule, epoch, value);
    *ending = whole ? ending_of(r) : "interrupted"; /* then the checkpoint was taken before it was judged */
    if (whole) save_epoch(r, *ending != NULL);
    return SP_OK;
}

/* A training that had ended before: its last files are written once more, in case they were not. */
static void tell_ended(const sp_run *r, const char *ending) {
    char line[400];
    snprintf(line, sizeof line,
             "%.200s: %s already, after %zu epochs; there is nothing left to train, raise %s for that",
             r->config->output.dir, strcmp(ending, "completed") == 0 ? "completed" : "stopped early", r->at.epochs,
             strcmp(ending, "completed") == 0 ? "train.epochs" : "train.patience");
    sp_run_warn(r, line);
}

static sp_status run_epochs(sp_run *r, sp_summary *summary, sp_error *error) {
    sp_status status = SP_OK;
    r->progress.epochs = (size_t)r->config->train.epochs;
    r->progress.steps = r->plan.steps;
    r->next_checkpoint = sp_host_seconds() + r->config->output.checkpoint_seconds;
    summary->status = ending_of(r);
    announce(r);
    remark_on_files(r, summary);
    if (summary->status && strcmp(summary->status, "interrupted") != 0) tell_ended(r, summary->status);
    while (!status && !summary->status) status = next_epoch(r, &summary->status, error);
    summary->epochs = r->at.epochs;
    summary->best_epoch = r->best.epoch;
    summary->steps = r->progress.epoch > r->at.epochs ? r->progress.step : 0;
    summary->monitor = sp_best_name(&r->best);
    return status ? status : sp_checkpoint_finish(r->checkpoint, error);
}

/* ---- Judging -------------------------------------------------------------------------------- */

static void note(const sp_run *r, sp_tally tally, double *loss, double *accuracy) {
    *loss = sp_tally_loss(&tally);
    *accuracy = r->data->task == SP_CLASSIFICATION ? sp_tally_accuracy(&tally) : NAN;
}

static sp_status finish(sp_run *r, sp_summary *summary, sp_error *error) {
    sp_weights_load(r->weights, r->model->parameters); /* the best */
    r->judged = r->weights;
    note(r, evaluate(r, &r->data->train), &summary->train_loss, &summary->train_accuracy);
    note(r, evaluate(r, &r->data->validation), &summary->validation_loss, &summary->validation_accuracy);
    note(r, judge(r, &r->data->test), &summary->test_loss, &summary->test_accuracy);
    sp_status status = sp_data_check(r->data, error);
    if (status) return status;
    memcpy(summary->test_metrics, r->judge->scores->value, sizeof summary->test_metrics);
    summary->monitor_value = r->best.measured ? sp_best_reached(&r->best) : summary->train_loss;
    summary->train_seconds = r->at.step_seconds;
    summary->samples_per_second = (double)r->at.samples / r->at.step_seconds;
    summary->threads = sp_stepper_threads(r->stepper);
    summary->shards = r->plan.shards;
    sp_stepper_phases(r->stepper, summary->phase_seconds);
    summary->imbalance = sp_stepper_imbalance(r->stepper);
    summary->parameters = r->model->net->parameters;
    summary->weights_xxh64 = sp_hash_floats(r->parameters, r->model->net->parameters);
    status = sp_rundir_save_model(r->rundir, r->model, error);
    summary->peak_rss_bytes = sp_host_peak_bytes();
    summary->total_seconds = r->at.seconds + sp_host_seconds() - r->started;
    if (!status) status = sp_rundir_save_summary(r->rundir, summary, r->diagnosis, &r->origin, error);
    if (status || strcmp(summary->status, "diverged") != 0) return status;
    return sp_fail(error, SP_FAILED, "%s: the training diverged in epoch %zu, %s",
                   r->config->path ? r->config->path : "config", r->last.epoch, r->breakdown);
}

static sp_status train(const sp_config *config, const sp_observer *observer, bool resumes, sp_summary *summary,
                       sp_error *error) {
    sp_run r = {.observer = observer};
    *summary = (sp_summary){0};
    sp_status status = sp_run_prepare(&r, config, resumes, error);
    if (!status) status = run_epochs(&r, summary, error);
    if (!status) status = finish(&r, summary, error);
    sp_run_clear(&r);
    return status;
}

sp_status sp_train(const sp_config *config, const sp_observer *observer, sp_summary *summary, sp_error *error) {
    return train(config, observer, false, summary, error);
}

sp_status sp_train_resume(const sp_config *config, const sp_observer *observer, sp_summary *summary, sp_error *error) {
    return train(config, observer, true, summary, error);
}
