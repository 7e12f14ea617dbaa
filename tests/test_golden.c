/*
 * Twenty steps of training against PyTorch in double precision: the same initial weights, the
 * same mini-batches; and the learning rates of its schedules. tools/make-reference wrote the numbers.
 */
#include "base/json.h"
#include "base/memory.h"
#include "config.h"
#include "step.h"
#include "support.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 200, FEATURES = 7, BATCH = 10, STEPS = 20 };

static double number_of(const sp_json *value) {
    double number;
    cr_assert(sp_json_number(value, &number));
    return number;
}

static void read_numbers(const sp_json *array, double *numbers, size_t count) {
    cr_assert_eq(sp_json_items(array), count);
    const sp_json *item = sp_json_first(array);
    for (size_t i = 0; i < count; i++, item = sp_json_next(item)) numbers[i] = number_of(item);
}

/* The reference's rows as a CSV with the label last. */
static const char *write_rows(const sp_json *reference) {
    const char *path = scratch_path("rows.csv");
    FILE *file = fopen(path, "w");
    const sp_json *row = sp_json_first(sp_json_member(reference, "inputs"));
    const sp_json *label = sp_json_first(sp_json_member(reference, "labels"));
    for (int i = 0; i < ROWS; i++, row = sp_json_next(row), label = sp_json_next(label)) {
        double values[FEATURES];
        read_numbers(row, values, FEATURES);
        for (int j = 0; j < FEATURES; j++) fprintf(file, "%.17g,", values[j]);
        fprintf(file, "%.0f\n", number_of(label));
    }
    cr_assert_eq(fclose(file), 0);
    return path;
}

static void set(sp_config *config, const char *format, ...) {
    char assignment[300];
    sp_error error = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(assignment, sizeof assignment, format, arguments);
    va_end(arguments);
    must(sp_config_set(config, assignment, &error), error);
}

static void set_all(sp_config *config, const sp_json *settings) {
    for (const sp_json *one = settings ? sp_json_first(settings) : NULL; one; one = sp_json_next(one))
        set(config, "%s", sp_json_text(one));
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
    set(config, "data.train=%s", rows_path);
    set(config, "network.activation=%s", activation_name);
    set(config, "train.loss=%s", loss_name);
    if (rate) set(config, "optimizer.learning_rate=%.17g", number_of(rate));
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++) set(config, "%s", assignments[i]);
    set_all(config, sp_json_member(one, "settings"));
    if (!name) name = loss_name;
    sp_data *data;
    sp_plan plan;
    sp_weights *weights;
    sp_stepper *stepper;
    must(sp_data_load(config, &data, &error), error);
    must(sp_plan_create(config, data, &plan, &error), error);
    size_t count = plan.net->parameters;
    float *parameters = sp_allocate(count, sizeof *parameters);
    double *numbers = malloc(count * sizeof *numbers), losses[STEPS];
    must(sp_weights_create(plan.layout, &weights, &error), error);
    must(sp_stepper_create(&plan, data, weights, &stepper, &error), error);

    read_numbers(sp_json_member(one, "initial"), numbers, count);
    for (size_t i = 0; i < count; i++) parameters[i] = (float)numbers[i];
    sp_weights_load(weights, parameters);
    read_numbers(sp_json_member(one, "losses"), losses, STEPS);
    read_numbers(sp_json_member(one, "final"), numbers, count);
    for (size_t step = 0; step < STEPS; step++) {
        sp_tally tally =
            sp_stepper_step(stepper, sp_batch_at(data->train.rows.index, ROWS, BATCH, step), plan.schedule.rate);
        double found = sp_tally_loss(&tally);
        cr_expect_float_eq(found / losses[step], 1, 1e-5, "%s %s, %s, step %zu: %.9g, PyTorch %.9g", activation_name,
                           name, kernels, step + 1, found, losses[step]);
    }
    sp_weights_store(weights, parameters);
    for (size_t i = 0; i < count; i++)
        cr_expect_float_eq(parameters[i], numbers[i], 1e-5, "%s %s, %s, parameter %zu", activation_name, name, kernels,
                           i);
    sp_stepper_destroy(stepper);
    sp_weights_destroy(weights);
    free(numbers);
    free(parameters);
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
}

/* Every case of a file; returns how many there are. */
static size_t check_cases(const char *file) {
    char *text = read_text(file);
    sp_json *reference = sp_json_parse(text, strlen(text));
    const char *path = write_rows(reference);
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one;
         one = sp_json_next(one), cases++) {
        check_case(one, path, "parallel.shards=1", "parallel.kernels=blas");
        check_case(one, path, "parallel.shards=3", "parallel.kernels=blas");
        check_case(one, path, "parallel.shards=3", "parallel.kernels=reference");
        if (sp_xsmm_usable()) check_case(one, path, "parallel.shards=3", "parallel.kernels=xsmm");
    }
    sp_json_destroy(reference);
    free(text);
    return cases;
}

Test(golden, twenty_steps_as_pytorch) {
    cr_assert_eq(check_cases("tests/reference/trajectories.json"), 18,
                 "nine activations x squared_error, cross_entropy");
}

Test(golden, every_optimizer_as_pytorch) {
    cr_assert_eq(check_cases("tests/reference/optimizers.json"), 10);
}

/* ---- Schedules ---- */

static sp_schedule schedule_of(const sp_json *reference, const sp_json *settings) {
    sp_error error = {0};
    sp_config *config = sp_config_create();
    set(config, "data.train=data/iris.csv");
    set(config, "optimizer.learning_rate=%.17g", number_of(sp_json_member(reference, "rate")));
    set(config, "train.epochs=%.0f", number_of(sp_json_member(reference, "epochs")));
    /* 150 rows: as many steps an epoch as there. */
    set(config, "train.batch_size=%.0f", 150 / number_of(sp_json_member(reference, "epoch_steps")));
    set_all(config, settings);
    sp_data *data;
    sp_plan plan;
    must(sp_data_load(config, &data, &error), error);
    must(sp_plan_create(config, data, &plan, &error), error);
    sp_schedule schedule = plan.schedule;
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
    return schedule;
}

Test(golden, every_schedule_as_pytorch) {
    char *text = read_text("tests/reference/schedules.json");
    sp_json *reference = sp_json_parse(text, strlen(text));
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one; one = sp_json_next(one)) {
        sp_schedule schedule = schedule_of(reference, sp_json_member(one, "settings"));
        double rates[60];
        cr_assert_eq(schedule.steps, 60);
        read_numbers(sp_json_member(one, "rates"), rates, 60);
        for (size_t step = 0; step < 60; step++)
            cr_expect_float_eq(sp_schedule_rate(&schedule, step), rates[step], 1e-12,
                               "case %zu, step %zu: %.17g, not %.17g", cases, step, sp_schedule_rate(&schedule, step),
                               rates[step]);
        cases++;
    }
    cr_expect_eq(cases, 8);

    enum { EPOCHS = 17 };
    const sp_json *plateau = sp_json_member(reference, "plateau");
    sp_schedule schedule = schedule_of(reference, sp_json_member(plateau, "settings"));
    double losses[EPOCHS], rates[EPOCHS];
    read_numbers(sp_json_member(plateau, "losses"), losses, EPOCHS);
    read_numbers(sp_json_member(plateau, "rates"), rates, EPOCHS);
    for (size_t epoch = 1; epoch <= EPOCHS; epoch++) {
        cr_expect_float_eq(sp_schedule_rate(&schedule, epoch), rates[epoch - 1], 1e-12, "plateau, epoch %zu", epoch);
        sp_schedule_observe(&schedule, epoch, -losses[epoch - 1]);
    }
    sp_json_destroy(reference);
    free(text);
}

/* What PyTorch has no schedule for. */
Test(schedule, warm_up_rises_in_equal_steps_and_the_rest_follows) {
    sp_schedule schedule = {
        .name = SP_SCHEDULE_LINEAR, .rate = 1, .final = 0, .warmup = 1.5, .epoch_steps = 6, .steps = 29, .lowered = 1};
    for (size_t step = 0; step < 9; step++)
        cr_expect_float_eq(sp_schedule_rate(&schedule, step), (double)(step + 1) / 10, 1e-15);
    for (size_t step = 9; step < 29; step++)
        cr_expect_float_eq(sp_schedule_rate(&schedule, step), 1 - (double)(step - 9) / 20, 1e-15);
}

Test(schedule, polynomial_falls_to_its_final_share) {
    sp_schedule schedule = {.name = SP_SCHEDULE_POLYNOMIAL,
                            .rate = 2,
                            .final = 0.1,
                            .power = 3,
                            .epoch_steps = 10,
                            .steps = 40,
                            .lowered = 1};
    cr_expect_float_eq(sp_schedule_rate(&schedule, 0), 2, 1e-15);
    cr_expect_float_eq(sp_schedule_rate(&schedule, 20), 2 * (0.1 + 0.9 * 0.125), 1e-15);
    cr_expect_float_eq(sp_schedule_rate(&schedule, 40), 0.2, 1e-15);
}
