/* What predictions are judged by, against scikit-learn (tests/reference/metrics.json) and the definitions. */
#include "base/memory.h"
#include "golden.h"
#include "score.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Predictions of a case; all of it is freed by the end of the test's process. */
typedef struct example {
    const char *name;
    sp_predictions predictions;
    size_t items;
    const char *task;
} example;

static size_t whole(const sp_json *one, const char *name) {
    return (size_t)golden_number(sp_json_member(one, name));
}

static example read_case(const sp_json *one) {
    example made = {sp_json_text(sp_json_member(one, "name")),
                    {.rows = whole(one, "rows"), .outputs = whole(one, "outputs")},
                    sp_json_items(sp_json_member(one, "items")),
                    sp_json_text(sp_json_member(one, "task"))};
    size_t outputs = made.predictions.rows * made.predictions.outputs;
    bool classes = strcmp(made.task, "classes") == 0;
    size_t truths = classes ? made.predictions.rows : outputs;
    double *numbers = malloc(outputs * sizeof *numbers);
    float *output = keep(malloc(outputs * sizeof *output)), *values = keep(malloc(outputs * sizeof *values));
    int32_t *labels = keep(malloc(outputs * sizeof *labels));
    golden_numbers(sp_json_member(one, "output"), numbers, outputs);
    for (size_t i = 0; i < outputs; i++) output[i] = (float)numbers[i];
    golden_numbers(sp_json_member(one, "truth"), numbers, truths);
    for (size_t i = 0; i < truths; i++) {
        values[i] = (float)numbers[i];
        labels[i] = (int32_t)numbers[i];
    }
    made.predictions.output = output;
    made.predictions.truth = (sp_truth){.classes = classes ? labels : NULL, .values = classes ? NULL : values};
    free(numbers);
    return made;
}

static sp_metric metric_named(const char *name) {
    int m = 0;
    while (m < SP_METRICS && strcmp(sp_metric_name((sp_metric)m), name) != 0) m++;
    cr_assert_lt(m, SP_METRICS, "no metric %s", name);
    return (sp_metric)m;
}

/* Every number of the reference, to 1e-12 of its size; null is NaN. Returns how many there are. */
static size_t expect_values(const double *found, const sp_json *expected, const char *what) {
    size_t count = 0;
    for (const sp_json *one = sp_json_first(expected); one; one = sp_json_next(one), count++) {
        double number, value = found[metric_named(sp_json_name(one))];
        if (sp_json_number(one, &number))
            cr_expect_leq(fabs(value - number), 1e-12 * fabs(number), "%s: %s is %.17g, not %.17g", what,
                          sp_json_name(one), value, number);
        else
            cr_expect(isnan(value), "%s: %s is %.17g, not NaN", what, sp_json_name(one), value);
    }
    return count;
}

static void score(const example *e, sp_scores *scores) {
    if (strcmp(e->task, "classes") == 0) sp_score_classes(scores, &e->predictions, true);
    if (strcmp(e->task, "labels") == 0) sp_score_labels(scores, &e->predictions);
    if (strcmp(e->task, "values") == 0) sp_score_values(scores, &e->predictions);
}

/* The confusion matrix, and how often the class is among the k largest outputs. */
static void expect_counts(const example *e, const sp_json *one) {
    size_t counts[64] = {0}, places[8] = {0}, among = 0;
    double expected[64];
    if (strcmp(e->task, "classes") != 0) return;
    cr_assert_eq(whole(one, "classes"), e->items);
    golden_numbers(sp_json_member(one, "confusion"), expected, e->items * e->items);
    sp_count_confusions(&e->predictions, e->items, counts);
    for (size_t i = 0; i < e->items * e->items; i++) cr_expect_eq((double)counts[i], expected[i], "%s", e->name);
    sp_count_places(&e->predictions, places);
    const sp_json *top = sp_json_first(sp_json_member(one, "top"));
    for (size_t k = 0; k < e->items; k++) {
        among += places[k];
        double share = (double)among / (double)e->predictions.rows;
        if (top) cr_expect_float_eq(share, golden_number(top), 1e-15, "%s: top %zu", e->name, k + 1);
        if (top) top = sp_json_next(top);
    }
    cr_expect_eq(among, e->predictions.rows);
}

Test(metrics, as_scikit_learn_has_them) {
    char *text = read_text("tests/reference/metrics.json");
    sp_json *reference = sp_json_parse(text, strlen(text));
    size_t cases = 0, numbers = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one;
         one = sp_json_next(one), cases++) {
        sp_error error = {0};
        sp_scores *scores;
        example e = read_case(one);
        must(sp_scores_create(e.predictions.rows, e.items, &scores, &error), error);
        score(&e, scores);
        score(&e, scores); /* nothing is left of the last time */
        numbers += expect_values(scores->value, sp_json_member(one, "value"), e.name);
        const sp_json *item = sp_json_first(sp_json_member(one, "items"));
        for (size_t k = 0; k < e.items; k++, item = sp_json_next(item))
            numbers += expect_values(scores->item[k].value, item, e.name);
        expect_counts(&e, one);
        sp_scores_destroy(scores);
    }
    cr_expect_eq(cases, 10);
    cr_expect_geq(numbers, 200);
    sp_json_destroy(reference);
    free(text);
}

/* ---- The area under the ROC curve by its definition -------------------------------------------- */

/* The share of pairs in which the row of class 1 scores higher, ties counting a half. */
static double pairs_won(size_t rows, const float *output, const int32_t *classes) {
    double won = 0, pairs = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++) {
            if (classes[i] != 1 || classes[j] != 0) continue;
            won += output[i] > output[j] ? 1 : output[i] == output[j] ? 0.5 : 0;
            pairs++;
        }
    return won / pairs;
}

static double auc_of(size_t rows, const float *output, const int32_t *classes) {
    sp_error error = {0};
    sp_scores *scores;
    must(sp_scores_create(rows, 2, &scores, &error), error);
    sp_score_classes(scores, &(sp_predictions){rows, 1, output, {.classes = classes}}, false);
    double auc = scores->value[SP_METRIC_AUC];
    sp_scores_destroy(scores);
    return auc;
}

/* Numbers of all sizes and signs, with ties: what sorting by their bits could get wrong. */
Test(metrics, auc_of_any_outputs) {
    enum { ROWS = 5000 };
    static float output[ROWS];
    static int32_t classes[ROWS];
    static const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, 1e-45f, -1e-45f, 3.4e38f, -3.4e38f, 1e-38f, -1e-38f};
    uint32_t state = 1;
    for (size_t i = 0; i < ROWS; i++) {
        state = state * 1664525 + 1013904223;
        classes[i] = state >> 31;
        int step = (int)(state >> 8) % 1000 + 60 * classes[i];
        output[i] = i < 300 ? odd[i % 10] : ldexpf((float)(step - 500), step % 40 - 20);
    }
    double expected = pairs_won(ROWS, output, classes);
    cr_expect(expected > 0.51 && expected < 0.99, "%g", expected);
    cr_expect_float_eq(auc_of(ROWS, output, classes), expected, 1e-14);
    output[ROWS / 2] = NAN;
    cr_expect(isnan(auc_of(ROWS, output, classes)), "there is no order with NaN");
}

Test(metrics, auc_needs_both_kinds) {
    const float output[] = {0.1f, 0.9f, 0.9f};
    cr_expect(isnan(auc_of(3, output, (const int32_t[]){1, 1, 1})));
    cr_expect(isnan(auc_of(3, output, (const int32_t[]){0, 0, 0})));
    cr_expect_eq(auc_of(3, output, (const int32_t[]){0, 1, 1}), 1.0);
    cr_expect_eq(auc_of(3, output, (const int32_t[]){1, 0, 0}), 0.0);
    cr_expect_eq(auc_of(3, output, (const int32_t[]){0, 1, 0}), 0.75);
}

/* ---- Edges -------------------------------------------------------------------------------------- */

Test(metrics, of_no_rows_nothing_is_known) {
    sp_error error = {0};
    sp_scores *scores;
    const sp_predictions none = {.rows = 0, .outputs = 3};
    must(sp_scores_create(0, 3, &scores, &error), error);
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 0) sp_score_classes(scores, &none, true);
        if (kind == 1) sp_score_labels(scores, &none);
        if (kind == 2) sp_score_values(scores, &none);
        for (int m = 0; m < SP_METRICS; m++) cr_expect(isnan(scores->value[m]), "%s", sp_metric_name((sp_metric)m));
        cr_expect(isnan(scores->item[2].value[SP_METRIC_F1]) && scores->item[2].support == 0);
    }
    sp_scores_destroy(scores);
}

Test(metrics, log_loss_stays_finite_and_wants_probabilities) {
    sp_error error = {0};
    sp_scores *scores;
    const float output[] = {1, 0, 0, 1};
    const sp_predictions wrong = {2, 2, output, {.classes = (const int32_t[]){1, 0}}};
    must(sp_scores_create(2, 2, &scores, &error), error);
    sp_score_classes(scores, &wrong, true);
    cr_expect_float_eq(scores->value[SP_METRIC_LOG_LOSS], 52 * log(2), 1e-12);
    cr_expect_eq(scores->value[SP_METRIC_ACCURACY], 0);
    sp_score_classes(scores, &wrong, false);
    cr_expect(isnan(scores->value[SP_METRIC_LOG_LOSS]));
    sp_scores_destroy(scores);
}

Test(metrics, one_row_has_errors_but_no_r2) {
    sp_error error = {0};
    sp_scores *scores;
    const float output[] = {2}, truth[] = {5};
    must(sp_scores_create(1, 1, &scores, &error), error);
    sp_score_values(scores, &(sp_predictions){1, 1, output, {.values = truth}});
    cr_expect(isnan(scores->value[SP_METRIC_R2]));
    cr_expect_eq(scores->value[SP_METRIC_MAE], 3);
    cr_expect_eq(scores->item[0].value[SP_METRIC_RMSE], 3);
    sp_scores_destroy(scores);
}
