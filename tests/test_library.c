/* The library as a C program uses it: through shardprop.h alone. */
#include "support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A training of iris into `dir`, with more assignments. */
static sp_status train_iris(const char *dir, const char *const *more, sp_summary *summary, sp_error *error) {
    char output[300];
    snprintf(output, sizeof output, "output.dir=%s", dir);
    const char *const all[] = {"data.train=data/iris.csv", "data.normalize=standard", "network.hidden=8",
                               "train.epochs=30",          "train.batch_size=16",     output};
    sp_config *config = sp_config_create();
    sp_status status = SP_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && !status; i++) status = sp_config_set(config, all[i], error);
    for (; *more && !status; more++) status = sp_config_set(config, *more, error);
    if (!status) status = sp_train(config, NULL, summary, error);
    sp_config_destroy(config);
    return status;
}

static const char *const nothing[] = {NULL};

Test(library, trains_loads_and_predicts) {
    sp_error error = {0};
    sp_summary summary;
    sp_score score;
    sp_model *model;
    must(train_iris(scratch_path("run"), nothing, &summary, &error), error);
    cr_expect_str_eq(summary.status, "completed");
    cr_expect_gt(summary.train_accuracy, 0.95);
    cr_expect(isnan(summary.test_loss));
    must(sp_model_load(scratch_path("run"), &model, &error), error);
    cr_expect(sp_model_inputs(model) == 4 && sp_model_outputs(model) == 3 && sp_model_classes(model) == 3);
    cr_expect_eq(sp_model_parameters(model), summary.parameters);
    cr_expect_str_eq(sp_model_class_name(model, 2), "virginica");
    must(sp_evaluate(model, "data/iris.csv", NULL, 2, &score, &error), error);
    cr_expect_eq(score.rows, 150);
    cr_expect_float_eq(score.loss, summary.train_loss, 1e-12);
    cr_expect_float_eq(score.accuracy, summary.train_accuracy, 1e-12);
    sp_model_destroy(model);
}

Test(library, evaluations_hold_every_metric) {
    sp_error error = {0};
    sp_summary summary;
    sp_score score;
    sp_model *model;
    sp_evaluation *evaluation;
    must(train_iris(scratch_path("run"), (const char *[]){"train.epochs=4", NULL}, &summary, &error), error);
    must(sp_model_load(scratch_path("run"), &model, &error), error);
    must(sp_evaluate(model, "data/iris.csv", NULL, 2, &score, &error), error);
    must(sp_evaluation_create(model, "data/iris.csv", NULL, 3, &evaluation, &error), error);
    sp_model_destroy(model);
    cr_assert(sp_evaluation_rows(evaluation) == 150 && sp_evaluation_items(evaluation) == 3);
    cr_expect_eq(sp_evaluation_value(evaluation, SP_METRIC_LOSS), score.loss);
    cr_expect_eq(sp_evaluation_value(evaluation, SP_METRIC_ACCURACY), score.accuracy);
    cr_expect_eq(sp_evaluation_top_k(evaluation, 1), score.accuracy);
    cr_expect_eq(sp_evaluation_top_k(evaluation, 3), 1);
    cr_expect(isnan(sp_evaluation_value(evaluation, SP_METRIC_R2)));
    double right = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t predicted = 0;
        for (size_t j = 0; j < 3; j++) predicted += sp_evaluation_confusion(evaluation, j, i);
        right += (double)sp_evaluation_confusion(evaluation, i, i);
        cr_expect_eq(sp_evaluation_support(evaluation, i), 50);
        cr_expect_eq(sp_evaluation_predicted(evaluation, i), predicted);
        cr_expect_eq(sp_evaluation_item(evaluation, i, SP_METRIC_RECALL),
                     (double)sp_evaluation_confusion(evaluation, i, i) / 50);
    }
    cr_expect_float_eq(right / 150, score.accuracy, 1e-15);
    cr_expect_lt(right, 150, "errors to agree on");
    sp_evaluation_destroy(evaluation);
}

/* Raw values in, probabilities out; a row alone and among others, as the program predicts them. */
Test(library, predicts_raw_rows_as_the_program_does) {
    enum { ROWS = 300 }; /* more than a block of evaluation */
    sp_error error = {0};
    sp_summary summary;
    sp_model *model;
    must(train_iris(scratch_path("run"), nothing, &summary, &error), error);
    must(sp_model_load(scratch_path("run"), &model, &error), error);
    float inputs[ROWS][4], outputs[ROWS][3], alone[3];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < 4; j++) inputs[i][j] = (float)((i * 7 + j * 13) % 70) / 10.0f;
    FILE *file = fopen(scratch_path("rows.csv"), "w");
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "%g,%g,%g,%g\n", inputs[i][0], inputs[i][1], inputs[i][2], inputs[i][3]);
    cr_assert_eq(fclose(file), 0);

    must(sp_model_predict(model, ROWS, inputs[0], outputs[0], &error), error);
    outcome program = run("shardprop predict '%s' '%s' --probabilities", scratch_path("run"), scratch_path("rows.csv"));
    cr_assert_eq(program.status, 0, "%s", program.err);
    char *line = strchr(program.out, '\n') + 1;
    for (int i = 0; i < ROWS; i++, line = strchr(line, '\n') + 1) {
        double p[3];
        cr_assert_eq(sscanf(strchr(line, ','), ",%lf,%lf,%lf", &p[0], &p[1], &p[2]), 3);
        must(sp_model_predict(model, 1, inputs[i], alone, &error), error);
        for (int j = 0; j < 3; j++) {
            cr_assert_float_eq(outputs[i][j], p[j], 1e-6, "row %d", i);
            cr_assert_float_eq(alone[j], p[j], 1e-6, "row %d alone", i);
        }
    }
    sp_model_destroy(model);
}

typedef struct host_thread {
    const char *dir, *seed;
    sp_summary summary;
    sp_error error;
    sp_status status;
} host_thread;

static void *train_in_thread(void *context) {
    host_thread *t = context;
    t->status = train_iris(t->dir, (const char *[]){t->seed, "parallel.threads=2", NULL}, &t->summary, &t->error);
    return NULL;
}

/* Nothing is shared by two trainings in one process, one after the other or at once. */
Test(library, two_trainings_at_once_are_two_trainings) {
    static host_thread threads[4];
    const char *const seeds[] = {"train.seed=1", "train.seed=2"};
    uint64_t alone[2];
    for (int i = 0; i < 2; i++) {
        sp_error error = {0};
        sp_summary summary;
        must(train_iris(scratch_path("alone"), (const char *[]){seeds[i], NULL}, &summary, &error), error);
        alone[i] = summary.weights_xxh64;
    }
    cr_expect_neq(alone[0], alone[1]);
    pthread_t ids[4];
    for (int i = 0; i < 4; i++) {
        char name[20];
        snprintf(name, sizeof name, "run%d", i);
        threads[i] = (host_thread){.dir = scratch_path(name), .seed = seeds[i % 2]};
        cr_assert_eq(pthread_create(&ids[i], NULL, train_in_thread, &threads[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
        cr_expect_eq(threads[i].status, SP_OK, "%s", threads[i].error.text);
        cr_expect_eq(threads[i].summary.weights_xxh64, alone[i % 2]);
    }
}

Test(library, faults_are_values) {
    sp_error error = {0};
    sp_summary summary;
    sp_model *model;
    cr_expect_eq(train_iris(scratch_path("run"), (const char *[]){"data.target=colour", NULL}, &summary, &error),
                 SP_BAD_CONFIG);
    cr_expect_not_null(strstr(error.text, "colour"));
    error = (sp_error){0};
    cr_expect_eq(sp_model_load(scratch(), &model, &error), SP_BAD_CONFIG);
    sp_config *config = sp_config_create();
    error = (sp_error){0};
    cr_expect_eq(sp_config_check(config, &error), SP_BAD_CONFIG);
    cr_expect_eq(error.faults, 2, "no data and no folder: %s", error.text);
    sp_config_destroy(config);
}
