/* What layers are like, and the rules that tell why a training stalls. */
#include "base/memory.h"
#include "diagnose.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Figures ------------------------------------------------------------------------------------- */

static training prepare(const char *const *settings) {
    const char *all[16] = {"data.train=data/digits.csv", "data.normalize=unit"};
    for (int i = 2; *settings; settings++) all[i++] = *settings;
    return training_prepare(all);
}

static double norm(const float *values, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
    return sqrt(sum);
}

/* One step over all rows: the gradient is the one that sp_stepper_gradients gives, the update eta times that. */
Test(health, norms_are_those_of_gradient_and_update) {
    training made = prepare((const char *[]){"network.hidden=33,20", "train.batch_size=full", "parallel.shards=3",
                                             "network.activation=tanh", NULL});
    training_start(&made);
    const sp_net *net = made.plan.net;
    sp_layer_health health[3];
    sp_error error = {0};
    sp_tally tally;
    const sp_rows *rows = &made.data->train.rows;
    float *gradients = sp_allocate(net->floats, sizeof *gradients);
    sp_batch batch = {.rows = rows->index, .count = rows->count};
    must(sp_stepper_gradients(made.stepper, batch, gradients, &tally, &error), error);
    training_epoch(&made, 0.25);
    sp_stepper_health(made.stepper, health);
    for (size_t l = 0; l < 3; l++) {
        const sp_layer *layer = &net->layers[l];
        size_t count = layer->inputs * layer->outputs + layer->outputs;
        double expected = norm(gradients + layer->weights, count),
               weights = norm(made.parameters + layer->weights, count);
        cr_expect_float_eq(health[l].gradient_norm / expected, 1, 1e-6, "layer %zu", l + 1);
        cr_expect_float_eq(health[l].update_ratio / (0.25 * expected / weights), 1, 1e-4, "layer %zu", l + 1);
        cr_expect(isnan(health[l].dead));
    }
    cr_expect(isnan(health[2].saturated), "softmax");
    free(gradients);
    training_release(&made);
}

/* Inputs are 0 or more: units whose incoming weights are all negative never speak. */
Test(health, dead_units_are_counted) {
    training made = prepare((const char *[]){"network.hidden=40", "train.batch_size=50", "parallel.shards=4", NULL});
    const sp_layer *layer = &made.plan.net->layers[0];
    for (size_t j = 0; j < 40; j++)
        for (size_t i = 0; i < layer->inputs; i++) {
            float *w = &made.parameters[layer->weights + i * layer->outputs + j];
            *w = j < 12 ? -fabsf(*w) : fabsf(*w);
        }
    training_start(&made);
    sp_layer_health health[2];
    training_epoch(&made, 0);
    sp_stepper_health(made.stepper, health);
    cr_expect_eq(health[0].dead, 0.3);
    cr_expect(isnan(health[0].saturated) && isnan(health[1].dead));
    training_epoch(&made, 0);
    sp_stepper_health(made.stepper, health);
    cr_expect_eq(health[0].dead, 0.3, "an epoch forgets the one before");
    training_release(&made);
}

/* Weights a hundred times as large push sigmoids to their ends; none at all leaves them at 1/2. */
Test(health, saturated_units_are_counted) {
    static const float by[] = {0, 300};
    for (int k = 0; k < 2; k++) {
        training made = prepare((const char *[]){"network.hidden=40", "network.activation=sigmoid",
                                                 "train.batch_size=50", "parallel.shards=4", NULL});
        for (size_t i = 0; i < made.plan.net->parameters; i++) made.parameters[i] *= by[k];
        training_start(&made);
        sp_layer_health health[2];
        training_epoch(&made, 0);
        sp_stepper_health(made.stepper, health);
        if (k == 0) cr_expect_eq(health[0].saturated, 0);
        if (k == 1) cr_expect_geq(health[0].saturated, 0.7);
        training_release(&made);
    }
}

Test(health, figures_do_not_depend_on_threads) {
    static const char *const threads[] = {"parallel.threads=1", "parallel.threads=2", "parallel.threads=3",
                                          "parallel.threads=4", "parallel.threads=7"};
    static const char *const reductions[] = {"parallel.reduction=fused", "parallel.reduction=private"};
    sp_layer_health first[4], health[4];
    for (int i = 0; i < 10; i++) {
        training made = prepare((const char *[]){"network.hidden=300,280,21", "network.activation=relu,tanh,sigmoid",
                                                 "train.batch_size=37", "parallel.shards=5", threads[i / 2],
                                                 reductions[i % 2], NULL});
        training_start(&made);
        training_epoch(&made, 0.1);
        sp_stepper_health(made.stepper, i ? health : first);
        for (int l = 0; l < 4 && i; l++) {
            cr_expect_eq(health[l].gradient_norm, first[l].gradient_norm);
            cr_expect_eq(health[l].update_ratio, first[l].update_ratio);
            cr_expect(health[l].saturated == first[l].saturated || isnan(first[l].saturated));
            cr_expect(health[l].dead == first[l].dead || isnan(first[l].dead));
        }
        training_release(&made);
    }
}

/* ---- Rules --------------------------------------------------------------------------------------- */

/* What a network of two hidden layers is told after epochs of these losses, with layers like this; fresh text. */
static const char *told(sp_activation hidden, sp_layer_health first, const double *train, const double *validation,
                        size_t epochs) {
    const sp_activation activations[] = {hidden, hidden, SP_SOFTMAX};
    sp_error error = {0};
    sp_net *net;
    must(sp_net_create(3, (size_t[]){4, 8, 8, 3}, activations, NULL, SP_CROSS_ENTROPY, &net, &error), error);
    sp_diagnosis *diagnosis = sp_diagnosis_create(net);
    sp_layer_health health[3] = {first,
                                 {.gradient_norm = 0.1, .update_ratio = 0.01, .saturated = NAN, .dead = NAN},
                                 {.gradient_norm = 0.1, .update_ratio = 0.01, .saturated = NAN, .dead = NAN}};
    char *text = format_text("%s", "");
    for (size_t i = 0; i < epochs; i++) {
        sp_epoch epoch = {.epoch = i + 1,
                          .train_loss = train ? train[i] : 1 / (1.0 + (double)i),
                          .validation_loss = validation ? validation[i] : NAN,
                          .layers = 3,
                          .health = health};
        sp_diagnosis_epoch(diagnosis, &epoch, NULL, NULL);
    }
    for (size_t i = 0; i < sp_diagnosis_count(diagnosis); i++)
        text = format_text("%s%s\n", text, sp_diagnosis_line(diagnosis, i));
    sp_diagnosis_destroy(diagnosis);
    sp_net_destroy(net);
    return text;
}

static const sp_layer_health healthy = {.gradient_norm = 0.1, .update_ratio = 0.01, .saturated = 0.1, .dead = 0.1};

static void expect_told(const char *text, const char *says) {
    cr_expect(strstr(text, says), "'%s' is not in '%s'", says, text);
    cr_expect_eq(lines_of(text), 1, "told once: %s", text);
}

Test(diagnose, nothing_is_said_of_a_healthy_training) {
    cr_expect_str_empty(told(SP_RELU, healthy, NULL, NULL, 30));
    const double train[] = {2, 1, 0.6, 0.5, 0.51, 0.4, 0.35, 0.36, 0.3, 0.29, 0.28},
                 validation[] = {2, 1.1, 0.7, 0.6, 0.61, 0.59, 0.6, 0.58, 0.59, 0.58, 0.59};
    cr_expect_str_empty(told(SP_TANH, healthy, train, validation, 11));
}

Test(diagnose, silent_units) {
    sp_layer_health ill = healthy;
    ill.dead = 0.61;
    expect_told(told(SP_RELU, ill, NULL, NULL, 9),
                "layer 1: 61 % of its ReLU units have been silent for 5 epochs; lower optimizer.learning_rate, or use "
                "leaky_relu");
    cr_expect_str_empty(told(SP_RELU, ill, NULL, NULL, 4), "not yet for five epochs");
}

Test(diagnose, saturated_units) {
    sp_layer_health ill = healthy;
    ill.saturated = 0.7;
    expect_told(told(SP_TANH, ill, NULL, NULL, 9), "layer 1: 70 % of its tanh units have been saturated for 5 epochs");
}

Test(diagnose, vanishing_gradients) {
    sp_layer_health ill = healthy;
    ill.gradient_norm = 1e-6;
    expect_told(told(SP_SIGMOID, ill, NULL, NULL, 9),
                "layers 1 to 1: the gradient vanishes, from 1.0e-01 at the output to 1.0e-06 (sigmoid)");
    cr_expect_str_empty(told(SP_RELU, ill, NULL, NULL, 9), "of relu it is no disease of the activation");
}

Test(diagnose, losses) {
    const double swings[] = {2, 1, 1.4, 0.9, 1.3, 0.8, 1.2},
                 flat[12] = {2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3};
    expect_told(told(SP_RELU, healthy, swings, NULL, 7), "the training loss goes up and down (0.9, 1.3, 0.8, 1.2)");
    expect_told(told(SP_RELU, healthy, flat, NULL, 12), "the training loss has stayed at 2.3 for 10 epochs");
    const double train[] = {1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1},
                 validation[] = {1, 0.9, 0.8, 0.85, 0.9, 0.95, 1, 1.05};
    expect_told(told(SP_RELU, healthy, train, validation, 8), "the validation loss rises, from 0.8 to 1.05, while the");
}

/* ---- The program --------------------------------------------------------------------------------- */

static outcome train(const char *more) {
    return run("shardprop train configs/digits.ini -s output.dir='%s' %s", scratch_path("run"), more);
}

Test(cli_diagnose, a_good_training_has_nothing_to_be_told) {
    outcome result = train("");
    cr_assert_eq(result.status, 0);
    cr_expect_null(strstr(result.err, "warning"), "%s", result.err);
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), "\"warnings\":\t[]"));
}

Test(cli_diagnose, ten_sigmoid_layers_are_told_of_vanishing_gradients) {
    outcome result = train("--diagnose -s network.hidden=16,16,16,16,16,16,16,16,16,16 -s network.activation=sigmoid");
    cr_assert_eq(result.status, 0);
    const char *warning = strstr(result.err, "shardprop: warning: layers 1 to ");
    cr_assert(warning, "%s", result.err);
    cr_expect(strstr(warning, ": the gradient vanishes, from "), "%s", warning);
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), "the gradient vanishes"));
    cr_expect(strstr(result.out, "layer  gradient norm  update/weights  saturated       dead   (epoch 60)"));
    cr_expect(number_after(strstr(result.out, "\n    1 "), "    1 ") < 1e-3 * number_after(result.out, "\n   11 "));
    for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n")) cr_expect_leq(strlen(line), 79);
}

Test(cli_diagnose, a_learning_rate_of_5_is_named) {
    outcome result = train("-s optimizer.weight_decay=0 -s optimizer.learning_rate=5");
    bool diverged = result.status == 1 && strstr(result.err, "is likely too high; lower optimizer.learning_rate");
    bool silent = result.status == 0 && strstr(result.err, "of its ReLU units have been silent for 5 epochs; lower "
                                                           "optimizer.learning_rate");
    cr_expect(diverged || silent, "%s", result.err);
}

/* The step, the rows, and what became of the weights; the best weights so far are saved. */
Test(cli_diagnose, a_loss_that_is_not_finite_is_traced) {
    outcome result = train("-s optimizer.weight_decay=0 -s optimizer.learning_rate=1e6 --quiet");
    cr_expect_eq(result.status, 1);
    cr_expect(strstr(result.err, "configs/digits.ini: the training diverged in epoch 1, step "), "%s", result.err);
    cr_expect(strstr(result.err, " are not finite in the mini-batch of data/digits.csv:"), "%s", result.err);
    cr_expect(strstr(result.err, " and 29 more; weights have grown "), "%s", result.err);
    cr_expect_eq(run("shardprop evaluate '%s' data/digits.csv", scratch_path("run")).status, 0, "weights were saved");
}

Test(cli_diagnose, huge_values_of_the_data_are_named) {
    write_text("rows.csv", "a,b,y\n1,2,0\n3,4,1\n5,3e38,0\n2,1,1\n4,4,0\n2,3,1\n");
    outcome result = run("shardprop train configs/iris.ini --quiet -s data.train='%s' -s data.normalize=none "
                         "-s network.activation=relu -s data.target=last -s data.test= -s data.validation= -s "
                         "train.batch_size=full -s output.dir='%s'",
                         scratch_path("rows.csv"), scratch_path("run"));
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect(strstr(result.err, "rows.csv:4, feature 2 is 3e+38: mend the data, or normalize it"), "%s", result.err);
}

/* A step over two rows of one input, 10, and an output e^(10 w); the hash of the weights behind it in *hash. */
static outcome exponential_step(const char *weight, const char *rate, const char *more, char **hash) {
    const char *rows = write_text("counts.csv", "a,y\n10,1\n10,2\n");
    outcome result =
        run("shardprop train configs/iris.ini --quiet -s data.train='%s' -s data.normalize=none "
            "-s data.task=regression -s data.target=y -s data.test= -s data.validation= -s network.hidden= "
            "-s network.init=constant -s network.init_value=%s -s train.loss=poisson -s train.epochs=1 "
            "-s train.batch_size=full -s optimizer.learning_rate=%s -s output.dir='%s' %s",
            rows, weight, rate, scratch_path("run"), more);
    *hash = strstr(read_text(scratch_path("run/summary.json")), "weights_xxh64");
    cr_assert_not_null(*hash);
    (*hash)[strcspn(*hash, "\n")] = '\0';
    return result;
}

static void expect_overflow(const char *weight, const char *rate, const char *more, bool moves, const char *says) {
    char *before, *behind;
    exponential_step(weight, "0", "-s train.epochs=1 -s optimizer.name=sgd -s train.on_nan=stop", &before);
    outcome result = exponential_step(weight, rate, more, &behind);
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect(strstr(result.err, says), "'%s' is not in '%s'", says, result.err);
    cr_expect(strstr(result.err, "counts.csv:"), "%s", result.err);
    cr_expect(strstr(result.err, "the training diverged in epoch 1, step 1: "), "%s", result.err);
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), "\"status\":\t\"diverged\""));
    cr_expect((strcmp(before, behind) != 0) == moves, "%s, %s: the weights", weight, more);
    outcome saved = run("shardprop evaluate '%s' '%s'", scratch_path("run"), scratch_path("counts.csv"));
    cr_expect_eq(saved.status, 0, "the last good weights are saved: %s", saved.err);
}

/* e^100 is no float32; of e^88 the gradient, 10 e^88, is none; of e^77 the update, 1e6 times that, is none. */
Test(cli_diagnose, what_overflows_is_told_apart_and_moves_no_weight) {
    const char *small = "so numbers overflow float32 on their way: the learning rate (", *name;
    name = "the outputs are finite, but their loss is not in the mini-batch of ";
    expect_overflow("10", "1e-3", "", false, name);
    expect_overflow("10", "1e-3", "", false, small);
    name = "the loss is finite, but the gradient of layer 1 is not in the mini-batch of ";
    expect_overflow("8.8", "1e-3", "", false, name);
    expect_overflow("8.8", "1e-3", "", false, small);
    expect_overflow("8.8", "1e-3", "-s optimizer.clip_norm=1 -s optimizer.max_norm=100 -s optimizer.ema=0.5", false,
                    name);
    expect_overflow("8.8", "1e-3", "-s optimizer.name=rprop", false, name);
    expect_overflow("8.8", "1e-3", "-s parallel.reduction=private -s parallel.threads=3", false, name);
    name = "the loss is finite, but the weights of layer 1 are not in the mini-batch of ";
    expect_overflow("7.7", "1e6", "", true, name);
    expect_overflow("7.7", "1e6", "", true, "weights have grown beyond all bounds: the learning rate (1e+06) is");
    expect_overflow("7.7", "1e6", "-s train.on_nan=rollback", true, "the learning rate (31250) is"); /* after five */
}

Test(cli_diagnose, huge_targets_are_named) {
    write_text("rows.csv", "a,y\n1,2\n3,4\n5,-1e30\n2,1\n");
    outcome result = run("shardprop train configs/iris.ini --quiet -s data.train='%s' -s data.task=regression "
                         "-s data.target=y -s data.test= -s data.validation= -s train.batch_size=full "
                         "-s train.loss=squared_error -s output.dir='%s'",
                         scratch_path("rows.csv"), scratch_path("run"));
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect(strstr(result.err, "rows.csv:4, a target is 1e+30: mend the data, or scale it down"), "%s", result.err);
}

/* Back to where the epoch began, at half the rate, until it goes well; the same bits at every number of threads. */
Test(cli_diagnose, rollback_halves_the_learning_rate) {
    const char *first = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        outcome result = run("shardprop train configs/digits.ini -s output.dir='%s' -s train.on_nan=rollback "
                             "-s optimizer.weight_decay=0 -s optimizer.learning_rate=8 "
                             "-s train.epochs=12 -s parallel.threads=%d",
                             scratch_path("run"), threads);
        cr_assert_eq(result.status, 0, "%s", result.err);
        cr_expect(strstr(result.err, "back to its beginning, with half the learning rate (4)"), "%s", result.err);
        if (!first) first = hash_of(&result);
        cr_expect_str_eq(hash_of(&result), first);
    }
    outcome result =
        train("--quiet -s train.on_nan=rollback -s optimizer.weight_decay=0 -s optimizer.learning_rate=1e6");
    cr_expect_eq(result.status, 1, "five times, and no more");
}

/* Of a file that others wrote, in which the last line has no end. */
Test(diagnose, lines_are_taken_as_far_as_the_text_goes) {
    sp_error error = {0};
    sp_safetensors *file;
    const char *path = scratch_path("record");
    training made = prepare((const char *[]){"network.hidden=4", NULL});
    sp_diagnosis *diagnosis = sp_diagnosis_create(made.plan.net);
    sp_record *record = sp_record_create();
    cr_assert(diagnosis && record);
    sp_diagnosis_record(diagnosis, record);
    sp_record_put_text(record, "diagnosis.lines", "one\ntwo", 8);
    must(sp_record_write(record, path, &error), error);
    must(sp_safetensors_read(path, &file, &error), error);
    must(sp_diagnosis_take(diagnosis, file, &error), error);
    cr_assert_eq(sp_diagnosis_count(diagnosis), 2);
    cr_expect_str_eq(sp_diagnosis_line(diagnosis, 0), "one");
    cr_expect_str_eq(sp_diagnosis_line(diagnosis, 1), "two");
    sp_safetensors_destroy(file);
    sp_record_destroy(record);
    sp_diagnosis_destroy(diagnosis);
    training_release(&made);
}
