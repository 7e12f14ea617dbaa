/* An evaluation as tables of at most 80 columns. */
#include "cmd/evaluated.h"
#include "cmd/fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SCREEN = 80,
    LONGEST_NAME = 28, /* of an item, in columns */
    MOST_ITEMS = 100,  /* with more, the worst are listed */
    MOST_MATRIX_CLASSES = 20,
    MOST_LISTED = 20
};

static const sp_metric rates[] = {SP_METRIC_PRECISION, SP_METRIC_RECALL, SP_METRIC_F1, SP_METRIC_AUC};
static const sp_metric errors[] = {SP_METRIC_R2, SP_METRIC_MAE, SP_METRIC_RMSE};

const char *sp_item_name(const sp_evaluated *found, size_t item) {
    return found->names->text[item];
}

/* The widest name, but never wider than `most`. */
static size_t name_columns(const sp_evaluated *found, size_t least, size_t most) {
    size_t widest = least;
    for (size_t k = 0; k < sp_evaluation_items(found->evaluation); k++) {
        size_t columns = sp_columns_of(sp_item_name(found, k));
        if (columns > widest) widest = columns;
    }
    return widest < most ? widest : most;
}

static void print_line(const char *name, double value, const char *format) {
    printf("%-18s ", name);
    if (isnan(value))
        putchar('-');
    else
        printf(format, value);
    putchar('\n');
}

static void print_value(const sp_evaluated *found, sp_metric metric) {
    print_line(sp_metric_name(metric), sp_evaluation_value(found->evaluation, metric), "%.6f");
}

static void print_cell(double value, int width, const char *format) {
    if (isnan(value))
        printf("%*s", width, "-");
    else
        printf(format, value);
}

/* ---- The greatest few ---- */

typedef struct place {
    double key;
    size_t truth, predicted;
} place;

/* Takes a place among the `most` with the greatest keys, of equal ones those that came first; returns how many there
 * are. */
static size_t keep(place *list, size_t count, size_t most, place one) {
    size_t at = count;
    while (at > 0 && list[at - 1].key < one.key) at--;
    if (at == most) return count;
    if (count < most) count++;
    memmove(list + at + 1, list + at, (count - at - 1) * sizeof *list);
    list[at] = one;
    return count;
}

/* ---- Classes ---- */

static void print_rates(const sp_evaluated *found, size_t item, size_t columns) {
    sp_write_fitted(stdout, sp_item_name(found, item), columns, false);
    for (size_t m = 0; m < sizeof rates / sizeof *rates; m++)
        print_cell(sp_evaluation_item(found->evaluation, item, rates[m]), 10, "%10.4f");
    printf("%10zu\n", sp_evaluation_support(found->evaluation, item));
}

/* Precision, recall and F1 over all, of which `first` is the first. */
static void print_mean(const sp_evaluated *found, const char *name, size_t columns, sp_metric first) {
    sp_write_fitted(stdout, name, columns, false);
    for (int m = 0; m < 3; m++)
        print_cell(sp_evaluation_value(found->evaluation, (sp_metric)((int)first + m)), 10, "%10.4f");
    printf("%10s%10zu\n", "", sp_evaluation_rows(found->evaluation));
}

/* The classes with the lowest F1, of those that occur. */
static void print_worst_classes(const sp_evaluated *found, size_t columns) {
    place worst[MOST_LISTED];
    size_t count = 0;
    for (size_t k = 0; k < sp_evaluation_items(found->evaluation); k++)
        if (sp_evaluation_support(found->evaluation, k) > 0)
            count =
                keep(worst, count, MOST_LISTED, (place){-sp_evaluation_item(found->evaluation, k, SP_METRIC_F1), k, k});
    for (size_t i = 0; i < count; i++) print_rates(found, worst[i].truth, columns);
    printf("(the %zu lowest F1 of %zu classes; --json has all)\n", count, sp_evaluation_items(found->evaluation));
}

static void print_class_table(const sp_evaluated *found, const char *title) {
    size_t classes = sp_evaluation_items(found->evaluation), columns = name_columns(found, 13, LONGEST_NAME);
    putchar('\n');
    sp_write_fitted(stdout, title, columns, false);
    printf("%10s%10s%10s%10s%10s\n", "precision", "recall", "f1", "auc", "rows");
    if (classes > MOST_ITEMS) print_worst_classes(found, columns);
    for (size_t k = 0; k < classes && classes <= MOST_ITEMS; k++) print_rates(found, k, columns);
    print_mean(found, "macro mean", columns, SP_METRIC_MACRO_PRECISION);
    print_mean(found, "weighted mean", columns, SP_METRIC_WEIGHTED_PRECISION);
}

/* ---- Confusions ---- */

/* Columns of the widest count, and a blank. */
static size_t count_columns(const sp_evaluation *evaluation) {
    size_t most = 0, classes = sp_evaluation_items(evaluation);
    for (size_t i = 0; i < classes; i++)
        for (size_t j = 0; j < classes; j++) {
            size_t count = sp_evaluation_confusion(evaluation, i, j);
            most = count > most ? count : most;
        }
    return 1 + (size_t)snprintf(NULL, 0, "%zu", most);
}

static void print_matrix(const sp_evaluated *found, size_t left, size_t cell) {
    size_t classes = sp_evaluation_items(found->evaluation);
    printf("\nconfusion: a row for each class, a column for what it was taken for\n%*s", (int)left, "");
    for (size_t j = 0; j < classes; j++) {
        putchar(' ');
        sp_write_fitted(stdout, sp_item_name(found, j), cell - 1, true);
    }
    for (size_t i = 0; i < classes; i++) {
        putchar('\n');
        sp_write_fitted(stdout, sp_item_name(found, i), left, false);
        for (size_t j = 0; j < classes; j++)
            printf("%*zu", (int)cell, sp_evaluation_confusion(found->evaluation, i, j));
    }
    putchar('\n');
}

/* Written out, what a matrix of many classes would not show at a glance. */
static void print_most_confused(const sp_evaluated *found) {
    size_t classes = sp_evaluation_items(found->evaluation), count = 0;
    place most[MOST_LISTED];
    for (size_t i = 0; i < classes; i++)
        for (size_t j = 0; j < classes; j++) {
            size_t rows = i == j ? 0 : sp_evaluation_confusion(found->evaluation, i, j);
            if (rows > 0) count = keep(most, count, MOST_LISTED, (place){(double)rows, i, j});
        }
    printf("\nconfusion: the matrix of %zu classes is too wide for this table; see --json and\n"
           "--confusion FILE\n",
           classes);
    if (count > 0) puts("most often confused:");
    for (size_t i = 0; i < count; i++) {
        fputs("  ", stdout);
        const char *truth = sp_item_name(found, most[i].truth), *predicted = sp_item_name(found, most[i].predicted);
        size_t columns = sp_columns_of(truth), others = sp_columns_of(predicted);
        sp_write_fitted(stdout, truth, columns < LONGEST_NAME ? columns : LONGEST_NAME, false);
        fputs(" as ", stdout);
        sp_write_fitted(stdout, predicted, others < LONGEST_NAME ? others : LONGEST_NAME, false);
        printf(", %.0f time%s\n", most[i].key, most[i].key == 1 ? "" : "s");
    }
}

static void print_confusion(const sp_evaluated *found) {
    size_t classes = sp_evaluation_items(found->evaluation), left = name_columns(found, 1, SCREEN / 5);
    size_t room = (SCREEN - left) / classes, least = count_columns(found->evaluation);
    size_t wanted = name_columns(found, 1, SCREEN) + 1;
    if (classes > MOST_MATRIX_CLASSES || least > room) {
        print_most_confused(found);
        return;
    }
    if (wanted < least) wanted = least;
    if (wanted < 4) wanted = 4;
    print_matrix(found, left, wanted < room ? wanted : room);
}

static void print_classification(const sp_evaluated *found) {
    char name[40];
    double log_loss = sp_evaluation_value(found->evaluation, SP_METRIC_LOG_LOSS);
    if (!isnan(log_loss)) printf("%-18s %.9g\n", "log_loss", log_loss);
    print_value(found, SP_METRIC_ACCURACY);
    print_value(found, SP_METRIC_BALANCED_ACCURACY);
    snprintf(name, sizeof name, "top_%zu_accuracy", found->top_k);
    if (found->top_k > 0) print_line(name, sp_evaluation_top_k(found->evaluation, found->top_k), "%.6f");
    print_value(found, SP_METRIC_AUC);
    print_class_table(found, "class");
    print_confusion(found);
}

/* ---- Labels ---- */

static void print_multilabel(const sp_evaluated *found) {
    static const sp_metric metrics[] = {SP_METRIC_SUBSET_ACCURACY, SP_METRIC_HAMMING_LOSS, SP_METRIC_AUC,
                                        SP_METRIC_MICRO_PRECISION, SP_METRIC_MICRO_RECALL, SP_METRIC_MICRO_F1};
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) print_value(found, metrics[m]);
    print_class_table(found, "label");
}

/* ---- Targets ---- */

static void print_regression(const sp_evaluated *found) {
    size_t columns = name_columns(found, 13, LONGEST_NAME), count = sizeof errors / sizeof *errors;
    size_t targets = sp_evaluation_items(found->evaluation);
    for (size_t m = 0; m < count; m++)
        print_line(sp_metric_name(errors[m]), sp_evaluation_value(found->evaluation, errors[m]), "%.9g");
    if (targets == 1) return;
    putchar('\n');
    sp_write_fitted(stdout, "target", columns, false);
    printf("%14s%14s%14s\n", "r2", "mae", "rmse");
    for (size_t k = 0; k < targets; k++) {
        sp_write_fitted(stdout, sp_item_name(found, k), columns, false);
        for (size_t m = 0; m < count; m++)
            print_cell(sp_evaluation_item(found->evaluation, k, errors[m]), 14, "%14.6g");
        putchar('\n');
    }
}

void sp_print_evaluation(const sp_evaluated *found) {
    printf("%-18s %zu\n", "rows", sp_evaluation_rows(found->evaluation));
    size_t dropped = sp_evaluation_dropped(found->evaluation);
    if (dropped > 0) printf("%-18s %zu, with missing values\n", "rows left out", dropped);
    printf("%-18s %.9g\n", "loss", sp_evaluation_value(found->evaluation, SP_METRIC_LOSS));
    if (found->model->task == SP_CLASSIFICATION)
        print_classification(found);
    else if (found->model->task == SP_MULTILABEL)
        print_multilabel(found);
    else
        print_regression(found);
}
