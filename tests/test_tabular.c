/* Trainings on tables: weights of rows, several targets, labels, normalised targets, texts and missing values. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trains what the assignments say into folder `name`, and loads the model. */
static sp_summary trained(const char *name, const char *const *assignments, sp_model **model) {
    sp_error error = {0};
    sp_summary summary;
    sp_config *config = sp_config_create();
    must(sp_config_set(config, format_text("output.dir=%s", scratch_path(name)), &error), error);
    for (; *assignments; assignments++) must(sp_config_set(config, *assignments, &error), error);
    must(sp_train(config, NULL, &summary, &error), error);
    sp_config_destroy(config);
    if (model) must(sp_model_load(scratch_path(name), model, &error), error);
    return summary;
}

#define TRAINED(name, model, ...) trained(name, (const char *[]){__VA_ARGS__, NULL}, model)

static const char *data(const char *name, const char *text) {
    return format_text("data.train=%s", write_text(name, text));
}

static void predict(const sp_model *model, size_t rows, const float *inputs, float *outputs) {
    sp_error error = {0};
    must(sp_model_predict(model, rows, inputs, outputs, &error), error);
}

/* ---- Weights of rows ---- */

/* sum w l / sum w over all rows is what rows that stand there w times come to. */
Test(tabular, weights_are_as_good_as_repeated_rows) {
    const char *const weighted = data("weighted", "a,b,w,y\n1,2,1,0.5\n-1,0.5,3,1.25\n0.5,-1,2,-0.75\n2,1,0,100.5\n");
    const char *const repeated =
        data("repeated", "a,b,y\n1,2,0.5\n-1,0.5,1.25\n-1,0.5,1.25\n-1,0.5,1.25\n0.5,-1,-0.75\n"
                         "0.5,-1,-0.75\n");
    sp_model *models[2];
#define ALIKE                                                                                                          \
    "network.hidden=4", "network.activation=tanh", "train.epochs=50", "train.batch_size=full", "data.task=regression", \
        "optimizer.learning_rate=0.05"
    TRAINED("w", &models[0], weighted, "data.sample_weight=w", ALIKE);
    TRAINED("r", &models[1], repeated, ALIKE);
    const float inputs[] = {1, 2, -1, 0.5f, 0.5f, -1, 2, 1};
    float outputs[2][4], untrained[4];
    for (int m = 0; m < 2; m++) predict(models[m], 4, inputs, outputs[m]);
    for (int m = 0; m < 2; m++) sp_model_destroy(models[m]);
    sp_model *plain;
    TRAINED("p", &plain, repeated, ALIKE, "train.epochs=1");
    predict(plain, 4, inputs, untrained);
    sp_model_destroy(plain);
    for (int i = 0; i < 4; i++) {
        cr_expect_float_eq(outputs[0][i], outputs[1][i], 2e-6, "row %d: %g and %g", i, (double)outputs[0][i],
                           (double)outputs[1][i]);
        cr_expect(fabsf(outputs[0][i] - untrained[i]) > 1e-3, "nothing was learned");
    }
}

/* Their unit is nothing to the training, and to evaluation nothing at all. */
Test(tabular, weights_are_relative_and_of_training_alone) {
    char text[2][2000] = {"a,w,y\n", "a,w,y\n"};
    for (int i = 0; i < 60; i++)
        for (int t = 0; t < 2; t++)
            sprintf(text[t] + strlen(text[t]), "%d,%g,%d\n", i % 17, (1 + i % 3) * (t ? 16.0 : 1.0), i % 17 > 8);
    sp_summary summaries[3];
    sp_model *model;
#define WEIGHTED "data.sample_weight=w", "train.epochs=5", "data.normalize=standard", "data.test=0.25"
    summaries[0] = TRAINED("a", &model, data("a.csv", text[0]), WEIGHTED);
    summaries[1] = TRAINED("b", NULL, data("b.csv", text[1]), WEIGHTED);
    summaries[2] = TRAINED("c", NULL, data("a.csv", text[0]), "data.ignore=w", "train.epochs=5",
                           "data.normalize=standard", "data.test=0.25");
    cr_expect_eq(summaries[0].weights_xxh64, summaries[1].weights_xxh64);
    cr_expect_eq(summaries[0].train_loss, summaries[1].train_loss);
    cr_expect_neq(summaries[0].weights_xxh64, summaries[2].weights_xxh64, "weights count");
    /* The loss of all rows of the file, each once. */
    sp_error error = {0};
    sp_score score;
    must(sp_evaluate(model, scratch_path("a.csv"), NULL, 2, &score, &error), error);
    double loss = 0;
    for (int i = 0; i < 60; i++) {
        float input = (float)(i % 17), output[2];
        predict(model, 1, &input, output);
        loss -= log((double)output[i % 17 > 8]) / 60;
    }
    cr_expect_float_eq(score.loss, loss, 1e-6);
    sp_model_destroy(model);
}

/* ---- Several targets, labels, normalised targets: a layer of weights against plain sums ---- */

enum { ROWS = 6, STEPS = 4 };
static const double inputs_of[ROWS][2] = {{1, 2}, {-1, 0.5}, {0.5, -1}, {2, 1}, {-0.5, -2}, {0, 1.5}};
static const double values_of[ROWS][3] = {{3, 20, 7}, {1, -10, 7}, {0.5, 30, 7}, {-2, 5, 7}, {4, 0, 7}, {2.5, 15, 7}};

static const char *rows_as_csv(const char *name, bool labels) {
    char text[1000] = "x0,x1,p,q,r\n";
    for (int i = 0; i < ROWS; i++) {
        sprintf(text + strlen(text), "%g,%g", inputs_of[i][0], inputs_of[i][1]);
        for (int k = 0; k < 3; k++) sprintf(text + strlen(text), ",%g", labels ? values_of[i][k] > 2 : values_of[i][k]);
        strcat(text, "\n");
    }
    return data(name, text);
}

#define LINEAR                                                                                                         \
    "data.target=p,q,r", "network.hidden=", "network.init=constant", "network.init_value=0.25", "train.epochs=4",      \
        "train.batch_size=full", "optimizer.learning_rate=0.05"

/* Gradient descent of one layer on wanted [ROWS, 3]: of squared error, or of the logits' binary cross-entropy. */
static void descend(const double wanted[ROWS][3], bool labels, double output[ROWS][3]) {
    double weight[2][3], bias[3] = {0}, error[ROWS][3];
    for (int j = 0; j < 6; j++) weight[j / 3][j % 3] = 0.25;
    for (int step = 0; step <= STEPS; step++) {
        for (int i = 0; i < 3 * ROWS; i++) {
            int row = i / 3, k = i % 3;
            double z = bias[k] + inputs_of[row][0] * weight[0][k] + inputs_of[row][1] * weight[1][k];
            output[row][k] = labels ? 1 / (1 + exp(-z)) : z;
            error[row][k] = (labels ? 1 : 2) * (output[row][k] - wanted[row][k]) / ROWS;
        }
        if (step == STEPS) break;
        for (int i = 0; i < 3 * ROWS; i++) {
            int row = i / 3, k = i % 3;
            bias[k] -= 0.05 * error[row][k];
            for (int j = 0; j < 2; j++) weight[j][k] -= 0.05 * error[row][k] * inputs_of[row][j];
        }
    }
}

/* Predictions of all rows, as numbers. */
static void predict_rows(const sp_model *model, float outputs[ROWS][3]) {
    float inputs[ROWS][2];
    for (int i = 0; i < 2 * ROWS; i++) inputs[i / 2][i % 2] = (float)inputs_of[i / 2][i % 2];
    cr_assert(sp_model_inputs(model) == 2 && sp_model_outputs(model) == 3 && sp_model_targets(model) == 3);
    predict(model, ROWS, inputs[0], outputs[0]);
}

static void expect_close(float found[ROWS][3], double expected[ROWS][3], double bound) {
    for (int i = 0; i < 3 * ROWS; i++)
        cr_expect_float_eq(found[i / 3][i % 3], expected[i / 3][i % 3], bound, "row %d, target %d: %g, not %g", i / 3,
                           i % 3, (double)found[i / 3][i % 3], expected[i / 3][i % 3]);
}

Test(tabular, several_targets_against_plain_sums) {
    sp_model *model;
    float found[ROWS][3];
    double expected[ROWS][3], loss = 0;
    sp_summary summary = TRAINED("run", &model, rows_as_csv("t", false), LINEAR);
    predict_rows(model, found);
    descend(values_of, false, expected);
    expect_close(found, expected, 1e-5);
    for (int i = 0; i < 3 * ROWS; i++) loss += pow(expected[i / 3][i % 3] - values_of[i / 3][i % 3], 2) / ROWS;
    cr_expect_float_eq(summary.train_loss, loss, 1e-5 * loss, "summed over targets");
    cr_expect_eq(sp_model_classes(model), 0);
    cr_expect_str_eq(sp_model_target_name(model, 1), "q");
    sp_model_destroy(model);
}

Test(tabular, labels_against_plain_sums) {
    sp_model *model;
    float found[ROWS][3];
    double expected[ROWS][3], wanted[ROWS][3], loss = 0;
    sp_summary summary = TRAINED("run", &model, rows_as_csv("t", true), LINEAR);
    for (int i = 0; i < 3 * ROWS; i++) wanted[i / 3][i % 3] = values_of[i / 3][i % 3] > 2;
    predict_rows(model, found);
    descend(wanted, true, expected);
    expect_close(found, expected, 1e-6);
    for (int i = 0; i < 3 * ROWS; i++)
        loss -= log(wanted[i / 3][i % 3] == 1 ? expected[i / 3][i % 3] : 1 - expected[i / 3][i % 3]) / ROWS;
    cr_expect_float_eq(summary.train_loss, loss, 1e-6);
    cr_expect(isnan(summary.train_accuracy));
    sp_model_destroy(model);
}

/* Mean and deviation, or least and span, of a target; of the last, which never changes, the scale is 1. */
static void scale_of(bool standard, int k, double *shift, double *spread) {
    double mean = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int i = 0; i < ROWS; i++) {
        mean += values_of[i][k] / ROWS;
        least = fmin(least, values_of[i][k]);
        most = fmax(most, values_of[i][k]);
    }
    for (int i = 0; i < ROWS; i++) squares += pow(values_of[i][k] - mean, 2) / ROWS;
    *shift = standard ? mean : least;
    *spread = k == 2 ? 1 : standard ? sqrt(squares) : most - least;
}

Test(tabular, normalised_targets_are_taken_back) {
    static const char *const kinds[] = {"data.normalize_targets=standard", "data.normalize_targets=minmax"};
    for (int kind = 0; kind < 2; kind++) {
        sp_model *model;
        sp_error error = {0};
        float found[ROWS][3];
        double expected[ROWS][3], wanted[ROWS][3], loss = 0, absolute[3] = {0};
        sp_summary summary = TRAINED("run", &model, rows_as_csv("t", false), LINEAR, kinds[kind]);
        double shift[3], spread[3];
        for (int k = 0; k < 3; k++) scale_of(kind == 0, k, &shift[k], &spread[k]);
        for (int i = 0; i < 3 * ROWS; i++)
            wanted[i / 3][i % 3] = (values_of[i / 3][i % 3] - shift[i % 3]) / spread[i % 3];
        descend(wanted, false, expected);
        for (int i = 0; i < 3 * ROWS; i++) {
            double *output = &expected[i / 3][i % 3];
            loss += pow(*output - wanted[i / 3][i % 3], 2) / ROWS;
            *output = *output * spread[i % 3] + shift[i % 3];
            absolute[i % 3] += fabs(*output - values_of[i / 3][i % 3]) / ROWS;
        }
        predict_rows(model, found);
        expect_close(found, expected, 1e-4);
        cr_expect_float_eq(summary.train_loss, loss, 1e-5, "of normalised targets");
        sp_evaluation *evaluation;
        must(sp_evaluation_create(model, scratch_path("t"), NULL, 2, &evaluation, &error), error);
        cr_expect_float_eq(sp_evaluation_value(evaluation, SP_METRIC_LOSS), loss, 1e-5);
        for (size_t k = 0; k < 3; k++)
            cr_expect_float_eq(sp_evaluation_item(evaluation, k, SP_METRIC_MAE), absolute[k], 1e-4,
                               "in the file's units");
        sp_evaluation_destroy(evaluation);
        sp_model_destroy(model);
    }
}

/* ---- All together ---- */

/* 120 rows with a text, holes, weights and three labels. */
static const char *mixed(void) {
    static const char *const texts[] = {"red", "blue", "green", "", "3"};
    char *text = keep(malloc(8000));
    strcpy(text, "c,n,w,p,q,r\n");
    for (int i = 0; i < 120; i++) {
        char number[20] = "";
        if (i % 7 != 0) sprintf(number, "%g", i % 11 - 4.5);
        sprintf(text + strlen(text), "%s,%s,%d,%d,%d,%d\n", texts[i % 5], number, 1 + i % 4, i % 5 == 0, i % 11 > 5,
                i % 3 == 0);
    }
    return data("mixed.csv", text);
}

#define MIXED                                                                                                          \
    mixed(), "data.target=p,q,r", "data.sample_weight=w", "data.categorical=onehot", "data.missing=mean",              \
        "data.normalize=standard", "data.validation=0.2", "network.hidden=9,7", "train.epochs=6",                      \
        "train.batch_size=24", "parallel.shards=5", "train.monitor=validation_macro_f1"

Test(tabular, the_same_bits_at_every_number_of_threads) {
    static const char *const threads[] = {"1", "2", "3", "4", "7"};
    uint64_t first = 0;
    char *model = NULL;
    for (int i = 0; i < 5; i++) {
        sp_summary summary = TRAINED("run", NULL, MIXED, format_text("parallel.threads=%s", threads[i]));
        char *now = read_text(scratch_path("run/model.safetensors"));
        if (i == 0) first = summary.weights_xxh64, model = now;
        cr_expect_eq(summary.weights_xxh64, first, "%s threads", threads[i]);
        cr_expect_str_eq(now, model);
    }
}

static size_t size_of(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return (size_t)size;
}

/* What is loaded is what was saved: written again, the file is the same. */
Test(tabular, models_come_back) {
    static const char *const more[] = {"data.separator=comma", "data.separator=auto"};
    for (int i = 0; i < 2; i++) {
        sp_error error = {0};
        sp_model *model;
        const char *one = scratch_path("run/model.safetensors"), *other = scratch_path("again");
        if (i == 0)
            TRAINED("run", &model, MIXED, more[0]);
        else
            TRAINED("run", &model, rows_as_csv("t", false), LINEAR, "data.normalize_targets=minmax",
                    "data.missing=drop");
        must(sp_model_save(model, other, &error), error);
        size_t size = size_of(one);
        cr_assert_eq(size_of(other), size);
        cr_expect_arr_eq(read_text(one), read_text(other), size);
        sp_model_destroy(model);
    }
}

/* Raw values, as the library takes them, come to what the file comes to. */
Test(tabular, raw_values_of_texts_and_holes) {
    sp_error error = {0};
    sp_model *model;
    sp_evaluation *evaluation;
    TRAINED("run", &model, MIXED);
    cr_assert(sp_model_inputs(model) == 2 && sp_model_outputs(model) == 3);
    cr_expect_eq(sp_model_category(model, 1, "red"), -1, "a column of numbers");
    static const char *const ordered[] = {"3", "blue", "green", "red"};
    for (int k = 0; k < 4; k++) cr_expect_eq(sp_model_category(model, 0, ordered[k]), k, "%s", ordered[k]);
    cr_expect_eq(sp_model_category(model, 0, "pink"), -1);
    must(sp_evaluation_create(model, write_text("one", "c,n,p,q,r\ngreen,,1,0,1\n"), NULL, 1, &evaluation, &error),
         error);
    float outputs[3];
    predict(model, 1, (const float[]){sp_model_category(model, 0, "green"), NAN}, outputs);
    double loss = -log(outputs[0]) - log(1 - outputs[1]) - log(outputs[2]);
    cr_expect_float_eq(sp_evaluation_value(evaluation, SP_METRIC_LOSS), loss, 1e-5);
    cr_expect_null(sp_evaluation_remark(evaluation));
    sp_evaluation_destroy(evaluation);
    sp_model_destroy(model);
}
