#include "golden.h"

#include "base/memory.h"
#include "eval.h"
#include "step.h"
#include "support.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200, FEATURES = 7, BATCH = 10, EPOCH = ROWS / BATCH, MOST_STEPS = 60 };

double golden_number(const sp_json *value) {
    double number;
    cr_assert(sp_json_number(value, &number));
    return number;
}

void golden_numbers(const sp_json *array, double *numbers, size_t count) {
    cr_assert_eq(sp_json_items(array), count);
    const sp_json *item = sp_json_first(array);
    for (size_t i = 0; i < count; i++, item = sp_json_next(item)) numbers[i] = golden_number(item);
}

/* The reference's rows as a CSV with the label last. */
static const char *write_rows(const sp_json *reference) {
    const char *path = scratch_path("rows.csv");
    FILE *file = fopen(path, "w");
    const sp_json *row = sp_json_first(sp_json_member(reference, "inputs"));
    const sp_json *label = sp_json_first(sp_json_member(reference, "labels"));
    for (int i = 0; i < ROWS; i++, row = sp_json_next(row), label = sp_json_next(label)) {
        double values[FEATURES];
        golden_numbers(row, values, FEATURES);
        for (int j = 0; j < FEATURES; j++) fprintf(file, "%.17g,", values[j]);
        fprintf(file, "%.9g\n", golden_number(label));
    }
    cr_assert_eq(fclose(file), 0);
    return path;
}

void golden_set(sp_config *config, const char *format, ...) {
    char assignment[300];
    sp_error error = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(assignment, sizeof assignment, format, arguments);
    va_end(arguments);
    must(sp_config_set(config, assignment, &error), error);
}

void golden_set_all(sp_config *config, const sp_json *settings) {
    for (const sp_json *one = settings ? sp_json_first(settings) : NULL; one; one = sp_json_next(one))
        golden_set(config, "%s", sp_json_text(one));
}

/* The running moments behind the parameters, and what the network predicts by them. */
static void check_moments(const sp_json *one, const char *name, const sp_plan *plan, const sp_data *data,
                          const sp_weights *weights, const float *parameters) {
    const sp_part *const parts[] = {&data->train};
    size_t moments = plan->net->floats - plan->net->parameters, values = ROWS * plan->net->outputs;
    double *numbers = malloc((moments + values) * sizeof *numbers);
    float *outputs = sp_allocate(values, sizeof *outputs);
    sp_evaluator *evaluator;
    sp_error error = {0};
    golden_numbers(sp_json_member(one, "moments"), numbers, moments);
    for (size_t i = 0; i < moments; i++)
        cr_expect_float_eq(parameters[plan->net->parameters + i], numbers[i], 1e-5 * fmax(1, fabs(numbers[i])),
                           "%s, running moment %zu: %.9g, PyTorch %.9g", name, i, parameters[plan->net->parameters + i],
                           numbers[i]);
    golden_numbers(sp_json_member(one, "outputs"), numbers, values);
    must(sp_evaluator_create(plan->layout, 2, parts, 1, &evaluator, &error), error);
    sp_predict_part(evaluator, weights, &data->preprocess, parts[0], outputs);
    for (size_t i = 0; i < values; i++) cr_expect_float_eq(outputs[i], numbers[i], 2e-5, "%s, output %zu", name, i);
    sp_evaluator_destroy(evaluator);
    free(outputs);
    free(numbers);
}

/*
 * Each loss within 1e-5 of PyTorch's, relatively. Rates of a schedule, where the case has them, are those of every
 * step; behind each epoch the schedule is told of its mean loss.
 */
static void check_losses(const sp_json *one, const char *name, const char *kernels, sp_plan *plan, const sp_data *data,
                         sp_stepper *stepper) {
    const sp_json *told = sp_json_member(one, "rates");
    double losses[MOST_STEPS], rates[MOST_STEPS], sum = 0;
    size_t steps = sp_json_items(sp_json_member(one, "losses"));
    cr_assert(steps >= EPOCH && steps <= MOST_STEPS);
    golden_numbers(sp_json_member(one, "losses"), losses, steps);
    if (told) golden_numbers(told, rates, steps);
    for (size_t step = 0; step < steps; step++) {
        double rate = told ? sp_schedule_rate(&plan->schedule, step) : plan->schedule.rate;
        if (told) cr_expect_float_eq(rate, rates[step], 1e-12, "%s, rate of step %zu: %.17g", name, step + 1, rate);
        sp_tally tally = sp_stepper_step(stepper, sp_batch_at(data->train.rows.index, ROWS, BATCH, step % EPOCH), rate);
        double found = sp_tally_loss(&tally);
        cr_expect_float_eq(found / losses[step], 1, 1e-5, "%s, %s, step %zu: %.9g, PyTorch %.9g", name, kernels,
                           step + 1, found, losses[step]);
        sum += found / EPOCH;
        if ((step + 1) % EPOCH > 0) continue;
        sp_schedule_observe(&plan->schedule, (step + 1) / EPOCH, -sum);
        sum = 0;
    }
}

/*
 * Weights against PyTorch's: each within 1e-5, and all of them, as a vector, within 1e-5 of its length and within 1e-4
 * of the way that they have come.
 */
static void check_weights(const char *name, const char *kernels, size_t count, const float *weights,
                          const double *initial, const double *expected) {
    double off = 0, length = 0, way = 0;
    for (size_t i = 0; i < count; i++) {
        cr_expect_float_eq(weights[i], expected[i], 1e-5, "%s, %s, parameter %zu: %.9g, PyTorch %.9g", name, kernels, i,
                           weights[i], expected[i]);
        off += pow(weights[i] - expected[i], 2);
        length += pow(expected[i], 2);
        way += pow(expected[i] - initial[i], 2);
    }
    cr_expect_leq(sqrt(off / length), 1e-5, "%s, %s: %g", name, kernels, sqrt(off / length));
    cr_expect_leq(sqrt(off / way), 1e-4, "%s, %s, of the way: %g", name, kernels, sqrt(off / way));
}

static void check_case(const sp_json *one, const char *rows_path, const char *shards, const char *kernels) {
    const char *activation_name = sp_json_text(sp_json_member(one, "activation"));
    const char *loss_name = sp_json_text(sp_json_member(one, "loss"));
    const char *name = sp_json_text(sp_json_member(one, "name"));
    const sp_json *rate = sp_json_member(one, "learning_rate");
    const char *const assignments[] = {
        "network.hidden=9,6", "train.batch_size=10", "data.header=no", "parallel.threads=2", shards, kernels};
    sp_error error = {0};
    sp_config *config = sp_config_create();
    golden_set(config, "data.train=%s", rows_path);
    golden_set(config, "network.activation=%s", activation_name);
    golden_set(config, "train.loss=%s", loss_name);
    if (rate) golden_set(config, "optimizer.learning_rate=%.17g", golden_number(rate));
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++) golden_set(config, "%s", assignments[i]);
    golden_set_all(config, sp_json_member(one, "settings"));
    name = format_text("%s %s", activation_name, name ? name : loss_name);
    sp_data *data;
    sp_plan plan;
    sp_weights *weights;
    sp_stepper *stepper;
    must(sp_data_load(config, &data, &error), error);
    must(sp_plan_create(config, data, &plan, &error), error);
    size_t count = plan.net->parameters;
    float *parameters = sp_allocate(plan.net->floats, sizeof *parameters);
    double *numbers = malloc(count * sizeof *numbers), *initial = malloc(count * sizeof *initial);
    must(sp_weights_create(plan.layout, &weights, &error), error);
    must(sp_stepper_create(&plan, data, weights, &stepper, &error), error);

    sp_net_initialise(plan.net, SP_INIT_CONSTANT, 0, 1, parameters); /* what is not told: the running moments */
    golden_numbers(sp_json_member(one, "initial"), initial, count);
    for (size_t i = 0; i < count; i++) parameters[i] = (float)initial[i];
    sp_weights_load(weights, parameters);
    check_losses(one, name, kernels, &plan, data, stepper);
    sp_weights_store(weights, parameters);
    golden_numbers(sp_json_member(one, "final"), numbers, count);
    check_weights(name, kernels, count, parameters, initial, numbers);
    if (sp_json_member(one, "moments")) check_moments(one, name, &plan, data, weights, parameters);
    if (sp_json_member(one, "average")) {
        golden_numbers(sp_json_member(one, "average"), numbers, count);
        sp_weights_store(sp_stepper_average(stepper), parameters);
        check_weights(format_text("%s, average", name), kernels, count, parameters, initial, numbers);
    }
    sp_stepper_destroy(stepper);
    sp_weights_destroy(weights);
    free(initial);
    free(numbers);
    free(parameters);
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
}

size_t golden_cases(const char *file) {
    char *text = read_text(file);
    sp_json *reference = sp_json_parse(text, strlen(text));
    const char *path = write_rows(reference);
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one;
         one = sp_json_next(one), cases++) {
        const sp_json *only = sp_json_member(one, "shards");
        const char *shards = only && golden_number(only) == 1 ? "parallel.shards=1" : "parallel.shards=3";
        if (!only) check_case(one, path, "parallel.shards=1", "parallel.kernels=blas");
        check_case(one, path, shards, "parallel.kernels=blas");
        check_case(one, path, shards, "parallel.kernels=reference");
        if (sp_xsmm_usable()) check_case(one, path, shards, "parallel.kernels=xsmm");
    }
    sp_json_destroy(reference);
    free(text);
    return cases;
}
