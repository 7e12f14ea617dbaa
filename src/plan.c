#include "plan.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "batch.h"
#include "inputs.h"
#include "judge.h"
#include "objective.h"
#include "pass.h"
#include "shard.h"
#include "update.h"

#include <stdlib.h>

/* What a training step drops and adds. */
static void set_noise(const sp_config *config, sp_net *net) {
    const sp_reals *dropout = &config->network.dropout;
    for (size_t l = 0; l + 1 < net->depth; l++) net->layers[l].dropout = dropout->item[dropout->count > 1 ? l : 0];
    net->input_dropout = config->network.input_dropout;
    net->input_noise = config->network.input_noise;
}

static sp_status create_net(const sp_config *config, const sp_data *data, sp_net **net, sp_error *error) {
    size_t hidden = config->network.hidden.count, widths[SP_MOST_LAYERS + 1];
    sp_activation activations[SP_MOST_LAYERS];
    sp_norm norms[SP_MOST_LAYERS];
    sp_loss loss = (sp_loss)(config->train.loss - 1);
    widths[0] = data->preprocess.features;
    for (size_t l = 0; l < hidden; l++) {
        bool one_each = config->network.activation.count > 1;
        widths[l + 1] = (size_t)config->network.hidden.item[l];
        activations[l] = (sp_activation)config->network.activation.item[one_each ? l : 0];
        norms[l] = (sp_norm)config->network.normalization.item[config->network.normalization.count > 1 ? l : 0];
    }
    /* Two classes need one output, y is 0 or 1; but softmax wants one each. */
    bool one_output = data->classes.count == 2 && loss != SP_CROSS_ENTROPY;
    widths[hidden + 1] = one_output                        ? 1
                         : data->task == SP_CLASSIFICATION ? data->classes.count
                                                           : data->train.data->targets;
    activations[hidden] = (sp_activation)(config->network.output_activation - 1);
    const sp_norms normalised = {norms, config->network.norm_epsilon};
    sp_status status = sp_net_create(hidden + 1, widths, activations, &normalised, loss, net, error);
    if (status) return status;
    set_noise(config, *net);
    (*net)->shape.delta = (float)config->train.huber_delta;
    return status;
}

/* Batch normalisation of single rows leaves nothing of them: xhat = 0, whatever the row. */
static sp_status check_norms(const sp_config *config, const sp_plan *plan, sp_error *error) {
    bool batch = false;
    for (size_t l = 0; l < plan->net->depth; l++) batch = batch || plan->net->layers[l].norm == SP_NORM_BATCH;
    if (!batch || plan->batch_size >= 2 * plan->shards) return SP_OK;
    char place[SP_PLACE];
    sp_config_place(config, plan->batch_size > 1 ? "parallel.shards" : "train.batch_size", place, sizeof place);
    return sp_fail(
        error, SP_BAD_CONFIG,
        "%s: batch normalization needs two rows or more in each shard, but mini-batches of %zu row%s are cut "
        "into %zu shard%s; use larger mini-batches, fewer shards, or normalization = layer",
        place, plan->batch_size, plan->batch_size == 1 ? "" : "s", plan->shards, plan->shards == 1 ? "" : "s");
}

static size_t table_bytes(const sp_dataset *dataset) {
    if (!dataset) return 0;
    return sp_table_value_bytes(dataset->table) +
           sp_bytes(dataset->table->rows, (dataset->targets + 1) * sizeof(float));
}

/* More threads than there are shards, or tiles, never have anything to do. */
static size_t useful_threads(const sp_plan *plan) {
    size_t allowed = sp_host_threads();
    size_t useful = plan->shards > plan->layout->tiles ? plan->shards : plan->layout->tiles;
    return useful < allowed ? useful : allowed;
}

static sp_optim optim_of(const sp_config *config) {
    return (sp_optim){.name = (sp_optimizer)config->optimizer.name,
                      .momentum = config->optimizer.momentum,
                      .rho = config->optimizer.rho,
                      .beta1 = config->optimizer.beta1,
                      .beta2 = config->optimizer.beta2,
                      .epsilon = config->optimizer.epsilon,
                      .weight_decay = config->optimizer.weight_decay,
                      .decoupled = config->optimizer.decay == SP_DECAY_DECOUPLED ||
                                   (config->optimizer.decay == SP_AUTO && config->optimizer.name == SP_ADAMW),
                      .l1 = config->optimizer.l1,
                      .l2 = config->optimizer.l2,
                      .clip_value = config->optimizer.clip_value,
                      .shrink = config->optimizer.rprop_shrink,
                      .grow = config->optimizer.rprop_grow,
                      .least = config->optimizer.rprop_least,
                      .most = config->optimizer.rprop_most};
}

static sp_schedule schedule_of(const sp_config *config, size_t epoch_steps) {
    return (sp_schedule){.name = (sp_schedule_name)config->schedule.name,
                         .rate = config->optimizer.learning_rate,
                         .factor = config->schedule.factor,
                         .final = config->schedule.final,
                         .power = config->schedule.power,
                         .every = (size_t)(config->schedule.name == SP_SCHEDULE_STEP ? config->schedule.step_epochs
                                                                                     : config->schedule.cycle_epochs),
                         .growth = (size_t)config->schedule.cycle_growth,
                         .peak = config->schedule.peak,
                         .patience = (size_t)config->schedule.plateau_patience,
                         .warmup = config->schedule.warmup_epochs,
                         .epoch_steps = epoch_steps,
                         .steps = epoch_steps * (size_t)config->train.epochs,
                         .lowered = 1};
}

/* Images only: other rows have no neighbours to be bent with. */
static sp_status plan_augment(const sp_config *config, const sp_data *data, sp_plan *plan, sp_error *error) {
    static const char *const keys[] = {"augment.shift", "augment.rotate", "augment.scale", "augment.shear",
                                       "augment.elastic_alpha"};
    const sp_augment *a = &config->augment;
    const double ranges[] = {a->shift, a->rotate, a->scale, a->shear, a->alpha};
    plan->augment = *a;
    if (data->train.data->table->height > 0) return SP_OK;
    for (int i = 0; i < 5; i++) {
        if (ranges[i] == 0) continue;
        char place[SP_PLACE];
        sp_config_place(config, keys[i], place, sizeof place);
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: %s is for images, IDX files of three dimensions, which %s is not; leave it out", place,
                       keys[i], config->data.train);
    }
    return SP_OK;
}

/* What it takes to judge the parts of the data: all by loss, the smaller ones by other metrics. */
static size_t judging_bytes(const sp_plan *plan, const sp_data *data) {
    const sp_part *const parts[] = {&data->train, &data->validation, &data->test};
    return sp_evaluator_bytes(plan->layout, plan->threads, parts, 3) + sp_judge_bytes(plan->net, parts + 1, 2);
}

/* Weights, in training and as they were best, and what the optimizer keeps of them; rows, their numbers and order;
 * shards; judging; the data. */
static size_t memory_of(const sp_plan *plan, const sp_data *data) {
    const sp_layout *layout = plan->layout;
    size_t bytes = sp_bytes(2 * plan->net->floats + layout->packed, sizeof(float)) + sp_update_bytes(plan) +
                   sp_bytes(plan->rows, 2 * sizeof(uint32_t)) +
                   sp_workspace_bytes(layout, plan->batch_size, plan->shards);
    if (plan->reduction == SP_REDUCTION_PRIVATE) bytes += sp_bytes(plan->shards, layout->all_tiles * sizeof(float));
    const sp_table *table = data->train.data->table;
    if (plan->threads > 1 &&
        sp_inputs_may_own(layout, plan->batch_size, sp_augment_is_on(&plan->augment) || table->store))
        bytes += sp_bytes(plan->threads, sp_inputs_bytes(layout, plan->batch_size));
    if (sp_augment_is_on(&plan->augment)) bytes += sp_augmenter_bytes(table->height, table->width, plan->shards);
    bytes += sp_bytes(layout->all_tiles, 2 * sizeof(float)); /* of which the layers' figures are made */
    return bytes + judging_bytes(plan, data) + plan->data_bytes;
}

sp_status sp_plan_check_memory(const sp_config *config, size_t bytes, sp_error *error) {
    size_t there = sp_host_memory();
    if (there == 0 || bytes <= there) return SP_OK;
    return sp_fail(
        error, SP_FAILED,
        "%s: training needs about %zu MiB of memory, and %zu MiB are available; use fewer or smaller layers, "
        "smaller mini-batches, or another machine",
        config->path ? config->path : "config", bytes >> 20, there >> 20);
}

sp_status sp_plan_create(sp_config *config, const sp_data *data, sp_plan *plan, sp_error *error) {
    *plan = (sp_plan){0};
    sp_status status = sp_kernels_choose((sp_kernel_choice)config->parallel.kernels, &plan->kernels, error);
    if (!status) status = sp_objective_resolve(config, data, error);
    if (!status) status = create_net(config, data, &plan->net, error);
    if (status) return status;

    plan->rows = data->train.rows.count;
    plan->batch_size = (size_t)config->train.batch_size;
    if (plan->batch_size == SP_AUTO || plan->batch_size > plan->rows) plan->batch_size = plan->rows;
    plan->steps = sp_batch_count(plan->rows, plan->batch_size);
    plan->step_flops = sp_net_flops(plan->net) * (double)plan->batch_size;
    if (config->parallel.shards == SP_AUTO)
        config->parallel.shards = (long long)sp_shard_auto(plan->batch_size, plan->step_flops);
    plan->shards = (size_t)config->parallel.shards;
    plan->shard_rows = sp_shard_most_rows(plan->batch_size, plan->shards);
    plan->seed = (uint64_t)config->train.seed;
    plan->optim = optim_of(config);
    plan->shape = plan->net->shape;
    plan->shape.smoothing = (float)config->train.label_smoothing;
    plan->clip_norm = config->optimizer.clip_norm;
    plan->max_norm = config->optimizer.max_norm;
    plan->norm_momentum = config->network.norm_momentum;
    plan->average = config->optimizer.ema;
    plan->schedule = schedule_of(config, plan->steps);
    plan->reduction = (sp_reduction)config->parallel.reduction;
    /*
     * The model behind auto: both do the same products and sums. Private gradients are also written and read
     * again, S times as many floats as there are weights, and one thread computes all of a shard's; fused ones
     * stay in cache, and any thread takes the next tile. Nothing is in the other scale.
     */
    if (plan->reduction == SP_REDUCTION_AUTO) plan->reduction = SP_REDUCTION_FUSED;
    status = check_norms(config, plan, error);
    if (!status) status = plan_augment(config, data, plan, error);
    if (!status) status = sp_objective_class_weights(config, data, &plan->class_weights, error);
    /* The least that there will be of it; how it is laid out is memory, too. */
    if (!status) status = sp_plan_check_memory(config, sp_bytes(plan->net->floats, 2 * sizeof(float)), error);
    if (!status) status = sp_layout_create(plan->net, plan->kernels, &plan->layout, error);
    if (status) return status;
    plan->threads_follow = config->parallel.threads == SP_AUTO;
    plan->threads = plan->threads_follow ? useful_threads(plan) : (size_t)config->parallel.threads;
    for (int i = 0; i < 3; i++) plan->data_bytes += table_bytes(data->files[i]);
    plan->total_bytes = memory_of(plan, data);
    return SP_OK;
}

void sp_plan_clear(sp_plan *plan) {
    sp_layout_destroy(plan->layout);
    sp_net_destroy(plan->net);
    free(plan->class_weights);
    *plan = (sp_plan){0};
}
