/* shardprop check CONFIG */
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "cmd/command.h"
#include "cmd/fit.h"
#include "config.h"
#include "data/spread.h"
#include "gradcheck.h"
#include "initial.h"
#include "plan.h"
#include "sheet.h"
#include "step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 20 }; /* weights, biases and scales compared in each layer */

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void print_part(const char *name, const sp_part *part) {
    if (part->rows.count == 0) return;
    char rows[60];
    const char *path = part->data->table->path;
    int used = snprintf(rows, sizeof rows, "%-11s %zu row%s of", name, part->rows.count, plural(part->rows.count));
    printf("%s%s%s\n", rows, used + strlen(path) < 79 ? " " : "\n            ", path); /* a terminal has 80 columns */
}

/* What becomes of columns, where that is not a feature each. */
static void print_columns(const sp_data *data) {
    const sp_preprocess *preprocess = &data->preprocess;
    size_t texts = 0, features = 0;
    for (size_t j = 0; preprocess->onehot && j < preprocess->columns; j++) {
        texts += preprocess->onehot[j].codes > 0;
        features += preprocess->onehot[j].width;
    }
    if (texts > 0)
        printf("%-11s %zu, of them %zu of text, one-hot in %zu features\n", "columns", preprocess->columns, texts,
               features);
    for (int i = 0; i < 3; i++) {
        char line[600];
        if (data->files[i] && sp_table_remark(data->files[i]->table, line, sizeof line)) printf("%-11s %s\n", "", line);
    }
    if (data->train.data->weights) printf("%-11s by a column, in training\n", "weights");
}

/* Files whose values stay on the disk. */
static void print_stores(const sp_data *data) {
    for (int i = 0; i < 3; i++) {
        const sp_table *table = data->files[i] ? data->files[i]->table : NULL;
        if (!table || !table->store) continue;
        printf("%-11s %zu MiB on disk, in %s\n", "values", sp_bytes(table->rows, table->features * sizeof(float)) >> 20,
               sp_store_path(table->store));
    }
}

static void print_task(const sp_data *data) {
    size_t targets = data->train.data->targets;
    if (data->task == SP_CLASSIFICATION)
        printf("%-11s classification, %zu classes (%s to %s)\n", "task", data->classes.count, data->classes.text[0],
               data->classes.text[data->classes.count - 1]);
    else if (data->task == SP_MULTILABEL)
        printf("%-11s multilabel, %zu label%s\n", "task", targets, plural(targets));
    else if (targets > 1)
        printf("%-11s regression, %zu targets\n", "task", targets);
    else
        printf("%-11s regression\n", "task");
    if (data->target_scale.features > 0)
        printf("%-11s %s; losses are of normalised targets\n", "targets", sp_normalize_names[data->target_scale.kind]);
}

static void print_targets(const sp_data *data) {
    const sp_columns *columns = &data->train.data->table->columns;
    size_t targets = columns->targets;
    if (!columns->target_at) return; /* IDX */
    sp_item_line line = {.stream = stdout, .used = (size_t)printf("%-11s", targets == 1 ? "target" : "targets")};
    for (size_t k = 0; k < targets; k++) {
        char index[40];
        snprintf(index, sizeof index, "column %zu", columns->target_at[k]);
        sp_add_item(&line, columns->target_names.count > k ? columns->target_names.text[k] : index, "",
                    k + 1 == targets);
    }
    putchar('\n');
}

/* Of how many training rows each class is. */
static void print_class_rows(const sp_data *data, const size_t *rows) {
    sp_item_line line = {.stream = stdout, .used = (size_t)printf("%-11s", "class rows")};
    for (size_t k = 0; k < data->classes.count; k++) {
        char count[40];
        snprintf(count, sizeof count, ": %zu", rows[k]);
        sp_add_item(&line, data->classes.text[k], count, k + 1 == data->classes.count);
    }
    putchar('\n');
}

static sp_status print_classes(const sp_data *data, sp_error *error) {
    size_t *rows = calloc(data->classes.count + 1, sizeof *rows);
    if (!rows) return sp_fail_memory(error, "the classes", data->classes.count * sizeof *rows);
    for (size_t i = 0; i < data->train.rows.count; i++) rows[data->train.data->classes[data->train.rows.index[i]]]++;
    print_class_rows(data, rows);
    free(rows);
    return SP_OK;
}

/* Values that are far from 1 are hard to learn, and to learn from. */
static void advise(const char *what, const char *name, const sp_spread *spread, const char *key) {
    printf("%-11s ", what);
    if (*name) {
        size_t columns = sp_columns_of(name);
        sp_write_fitted(stdout, name, columns < 20 ? columns : 20, false);
        putchar(' ');
    }
    printf("has mean %.3g, deviation %.3g;\n%-11s set %s to standard\n", spread->mean, spread->deviation, "", key);
}

static sp_status print_spreads(const sp_config *config, const sp_data *data, sp_error *error) {
    const sp_columns *columns = &data->train.data->table->columns;
    sp_spread spread;
    sp_status status = SP_OK;
    if (data->task == SP_REGRESSION && data->target_scale.features == 0) {
        status = sp_spread_of_targets(data, &spread, error);
        const char *name = columns->target_names.count > 0 ? columns->target_names.text[spread.column] : "";
        if (!status && sp_spread_is_large(&spread)) advise("targets", name, &spread, "data.normalize_targets");
    }
    if (!status && config->data.normalize == SP_NORMALIZE_NONE && !data->train.data->table->store) {
        status = sp_spread_of_features(data, &spread, error);
        const char *name = columns->feature_names.count > 0 ? columns->feature_names.text[spread.column] : "";
        if (!status && sp_spread_is_large(&spread)) advise("features", name, &spread, "data.normalize");
    }
    return status;
}

static sp_status print_data(const sp_config *config, const sp_data *data, sp_error *error) {
    print_part("training", &data->train);
    print_part("validation", &data->validation);
    print_part("test", &data->test);
    printf("%-11s %zu, normalize = %s\n", "features", data->preprocess.features,
           sp_normalize_names[config->data.normalize]);
    print_columns(data);
    print_stores(data);
    print_task(data);
    print_targets(data);
    sp_status status = data->task == SP_CLASSIFICATION ? print_classes(data, error) : SP_OK;
    printf("%-11s %s\n", "loss", sp_loss_names[config->train.loss - 1]);
    return status ? status : print_spreads(config, data, error);
}

static void print_network(const sp_net *net) {
    printf("\nlayer   inputs  outputs  normalization  activation  parameters\n");
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        size_t vectors = layer->norm == SP_NORM_NONE ? 1 : 2;
        printf("%5zu  %7zu  %7zu  %-13s  %-10s  %10zu\n", l + 1, layer->inputs, layer->outputs,
               sp_norm_names[layer->norm], sp_activation_names[layer->activation],
               (layer->inputs + vectors) * layer->outputs);
    }
    printf("%5s  %7s  %7s  %-13s  %-10s  %10zu\n\n", "all", "", "", "", "", net->parameters);
}

static void print_bytes(const char *name, size_t bytes) {
    if (bytes >= 10u << 20)
        printf("%-11s %zu MiB\n", name, bytes >> 20);
    else
        printf("%-11s %zu KiB\n", name, (bytes + 1023) >> 10);
}

static void print_steps(const sp_plan *plan) {
    printf("%-11s %zu rows; %zu step%s an epoch\n", "mini-batch", plan->batch_size, plan->steps, plural(plan->steps));
    printf("%-11s %zu of at most %zu row%s\n", "shards", plan->shards, plan->shard_rows, plural(plan->shard_rows));
    printf("%-11s %s%zu\n", "threads", plan->threads_follow && plan->threads > 1 ? "up to " : "", plan->threads);
    printf("%-11s %s, %s reduction\n", "kernels", plan->kernels->name,
           plan->reduction == SP_REDUCTION_FUSED ? "fused" : "private");
    printf("%-11s %.4g MFLOP\n", "step", plan->step_flops / 1e6);
    print_bytes("memory", plan->total_bytes);
}

/* Prints the comparison; SP_FAILED where a layer's gradient is off. */
static sp_status print_gradients(const sp_config *config, const sp_net *net, const sp_gradcheck *found,
                                 sp_error *error) {
    static const char *const names[] = {"weights", "biases", "scales"};
    sp_status status = SP_OK;
    printf("\nBackpropagation against central differences (bound %g):\n", SP_GRADCHECK_BOUND);
    printf("layer  of       checked  at a kink  relative error\n");
    for (size_t i = 0; i < SP_GRADCHECK_TENSORS * net->depth; i++) {
        size_t l = i / SP_GRADCHECK_TENSORS, tensor = i % SP_GRADCHECK_TENSORS;
        if (tensor == SP_GRADCHECK_SCALES && net->layers[l].norm == SP_NORM_NONE) continue;
        bool off = !(found[i].error < SP_GRADCHECK_BOUND);
        printf("%5zu  %-7s  %7zu  %9zu  %14.2e%s\n", l + 1, names[tensor], found[i].checked, found[i].skipped,
               found[i].error, off ? "  WRONG" : "");
        if (off && !status)
            status =
                sp_fail(error, SP_FAILED, "%s: the gradient of layer %zu's %s is off by %.2g; below %g would be right",
                        config->path, l + 1, names[tensor], found[i].error, SP_GRADCHECK_BOUND);
    }
    if (!status) printf("the gradients agree\n");
    return status;
}

/*
 * Biases start at zero. Where no unit of the layer below answers to a row, that is right on
 * the kink of relu, and no bias could be compared. Scales start at one, where a factor too few is not seen.
 */
static void move_biases(const sp_net *net, uint64_t seed, float *parameters) {
    for (size_t l = 0; l < net->depth; l++)
        for (size_t j = 0; j < net->layers[l].outputs; j++) {
            size_t i = net->layers[l].bias + j;
            parameters[i] = (float)(0.2 * sp_random_uniform(seed, SP_RANDOM_WEIGHTS, i, 0) - 0.1);
            if (net->layers[l].norm == SP_NORM_NONE) continue;
            i = net->layers[l].scale + j;
            parameters[i] = (float)(0.8 + 0.4 * sp_random_uniform(seed, SP_RANDOM_WEIGHTS, i, 0));
        }
}

static sp_status check_gradients(const sp_config *config, const sp_data *data, sp_plan *plan, sp_error *error) {
    const sp_net *net = plan->net;
    plan->augment = (sp_augment){0};
    uint64_t seed = (uint64_t)config->train.seed;
    sp_stepper *stepper = NULL;
    sp_weights *weights = NULL;
    float *parameters = sp_allocate(net->floats, sizeof *parameters);
    sp_gradcheck *found = calloc(SP_GRADCHECK_TENSORS * net->depth, sizeof *found);
    sp_status status = SP_OK;
    if (!parameters || !found) {
        status = sp_fail_memory(error, "the gradients", sp_bytes(net->floats, sizeof *parameters));
        goto done;
    }
    status = sp_initial_weights(config, net, parameters, error);
    if (status) goto done;
    move_biases(net, seed, parameters);
    status = sp_weights_create(plan->layout, &weights, error);
    if (status) goto done;
    sp_weights_load(weights, parameters);
    status = sp_stepper_create(plan, data, weights, &stepper, error);
    if (!status) status = sp_gradcheck_run(plan, net, data, stepper, parameters, SAMPLE, seed, found, error);
    if (!status) status = print_gradients(config, net, found, error);
done:
    sp_stepper_destroy(stepper);
    sp_weights_destroy(weights);
    free(found);
    free(parameters);
    return status;
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_config *config;
    sp_data *data = NULL;
    sp_plan plan = {0};
    sp_status status = sp_options_config(options, &config, error);
    if (status) return status;
    status = sp_data_load(config, &data, error);
    if (!status) status = sp_plan_create(config, data, &plan, error);
    if (!status) status = sp_initial_check(config, plan.net, error);
    char doubt[300];
    if (!status && sp_data_doubt(data, doubt, sizeof doubt)) sp_warn(options, doubt);
    if (!status && !options->quiet) status = print_data(config, data, error);
    if (!status && !options->quiet) {
        print_network(plan.net);
        print_steps(&plan);
    }
    if (!status && options->samples) status = sp_sheet_write(&plan, data, options->samples, error);
    if (!status && options->gradients) status = check_gradients(config, data, &plan, error);
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
    return status;
}

const sp_command sp_command_check = {
    .name = "check",
    .operands = "CONFIG",
    .summary = "validate a config and its data, print the plan",
    .help = "Nothing is trained, and nothing is written but the cache of a large CSV (see\n"
            "data.cache) and what --samples names: training images, each beside what\n"
            "augmentation makes of it. With --gradients, exit\n"
            "status 1 says that backpropagation and central differences disagree; images\n"
            "are then taken as they are.\n",
    .operand_count = 1,
    .options = SP_OPTION_SET | SP_OPTION_GRADIENTS | SP_OPTION_SAMPLES,
    .run = run,
};
