/* What targets mean: the task, the classes and their order, labels that are none of them. */
#include "data/classes.h"
#include "faults.h"

#include <math.h>
#include <stdlib.h>

/* A table with one feature and these targets, between blanks; `line` of the first is 2. */
static sp_table *table_of(const char *name, const char *targets) {
    char text[4096];
    size_t used = (size_t)snprintf(text, sizeof text, "x,y\n");
    while (*targets) {
        size_t length = strcspn(targets, " ");
        used += (size_t)snprintf(text + used, sizeof text - used, "0,%.*s\n", (int)length, targets);
        targets += length + strspn(targets + length, " ");
    }
    sp_error error = {0};
    sp_table *table;
    must(sp_table_read(write_text(name, text), NULL, &(sp_table_options){.target = "last"}, &table, &error), error);
    return table;
}

static sp_task task_of(const char *targets) {
    sp_table *table = table_of("f", targets);
    sp_task task = sp_task_of(table);
    sp_table_destroy(table);
    return task;
}

/* So many different whole numbers, each `times`. */
static sp_task task_of_numbers(int different, int times) {
    char targets[4096];
    size_t used = 0;
    for (int i = 0; i < different * times; i++) used += (size_t)sprintf(targets + used, "%d ", i % different);
    return task_of(targets);
}

Test(classes, the_task_follows_the_targets) {
    cr_expect_eq(task_of("a b a b"), SP_CLASSIFICATION);
    cr_expect_eq(task_of("0 1 1 0"), SP_CLASSIFICATION);
    cr_expect_eq(task_of("-1 1.0 1e0 -1"), SP_CLASSIFICATION, "whole, however written");
    cr_expect_eq(task_of("0 1 1 0.5 0.5 0"), SP_REGRESSION);
    cr_expect_eq(task_of("1 1 2 2 3"), SP_REGRESSION, "less than twice each");
    cr_expect_eq(task_of("1 2 3 4 a"), SP_CLASSIFICATION);
    cr_expect_eq(task_of_numbers(100, 2), SP_CLASSIFICATION);
    cr_expect_eq(task_of_numbers(101, 2), SP_REGRESSION);
    sp_table bytes = {.bytes = true, .rows = 2, .targets = (double[]){3, 200}};
    cr_expect_eq(sp_task_of(&bytes), SP_CLASSIFICATION);
}

/* The classes of a table, joined by '|'. */
static const char *classes_of(const char *targets) {
    static char joined[200];
    sp_error error = {0};
    sp_names classes = {0};
    sp_table *table = table_of("f", targets);
    must(sp_classes_find(table, &classes, &error), error);
    joined[0] = '\0';
    for (size_t i = 0; i < classes.count; i++) {
        if (i > 0) strcat(joined, "|");
        strcat(joined, classes.text[i]);
    }
    sp_names_clear(&classes);
    sp_table_destroy(table);
    return joined;
}

Test(classes, numbers_by_value_and_text_by_bytes) {
    cr_expect_str_eq(classes_of("10 2 2.0 -1 10 100"), "-1|2|10|100");
    cr_expect_str_eq(classes_of("0.5 1e3 0.25"), "0.25|0.5|1000");
    cr_expect_str_eq(classes_of("b a B b a"), "B|a|b");
    cr_expect_str_eq(classes_of("é z a"), "a|z|é");
    cr_expect_str_eq(classes_of("10 2 a"), "10|2|a", "one text, and all are");
    cr_expect_str_eq(classes_of("nan 10 2"), "10|2|nan", "no number that can be ordered");
}

Test(classes, one_class_is_too_few) {
    sp_error error;
    sp_names classes = {0};
    sp_table *table = table_of("f", "7 7 7");
    expect_fault(sp_classes_find(table, &classes, &error), error, SP_BAD_DATA,
                 "f: every row has the label '7'; classification needs two classes");
    sp_names_clear(&classes);
    sp_table_destroy(table);
}

/* Expects the targets of a file, read as the classes of another, to become `labels`. */
static void expect_labels(const char *trained, const char *targets, const int32_t *expected) {
    sp_error error = {0};
    sp_names classes = {0};
    int32_t *labels;
    sp_table *first = table_of("trained", trained), *second = table_of("f", targets);
    must(sp_classes_find(first, &classes, &error), error);
    must(sp_classes_assign(second, &classes, &labels, &error), error);
    for (size_t i = 0; i < second->rows; i++) cr_expect_eq(labels[i], expected[i], "%s as %s", targets, trained);
    free(labels);
    sp_names_clear(&classes);
    sp_table_destroy(first);
    sp_table_destroy(second);
}

static void expect_unknown(const char *trained, const char *targets, const char *says) {
    sp_error error = {0};
    sp_names classes = {0};
    int32_t *labels;
    sp_table *first = table_of("trained", trained), *second = table_of("f", targets);
    must(sp_classes_find(first, &classes, &error), error);
    expect_fault(sp_classes_assign(second, &classes, &labels, &error), error, SP_BAD_DATA, says);
    sp_names_clear(&classes);
    sp_table_destroy(first);
    sp_table_destroy(second);
}

Test(classes, labels_are_class_numbers) {
    expect_labels("10 2 7 2 10", "10 2 7 2.0 1e1", (int32_t[]){2, 0, 1, 0, 2});
    expect_labels("setosa virginica versicolor", "virginica setosa", (int32_t[]){2, 0});
    expect_labels("10 2 none", "2 10 none", (int32_t[]){1, 0, 2});
    expect_labels("10 2 nan", "nan 10 2", (int32_t[]){2, 0, 1});
    expect_labels("10 2 inf", "2 inf 10", (int32_t[]){1, 2, 0});
}

Test(classes, unknown_labels_are_named_with_their_line) {
    expect_unknown("10 2 7", "2 3 7", "f:3: the label '3' is none of the 3 classes trained on (2 to 10)");
    expect_unknown("10 2 7", "2 7 nan", "f:4: the label 'nan' is none");
    expect_unknown("10 2 7", "2 7 10 inf", "f:5: the label 'inf' is none");
    expect_unknown("10 2 7", "two 7", "f:2: the label 'two' is none");
    expect_unknown("a b", "a b A", "f:4: the label 'A' is none of the 2 classes trained on (a to b)");
    expect_unknown("1 2 x", "1.0", "f:2: the label '1.0' is none");
}

/* Models of CSV labels, scored on the bytes of IDX, which have rows and no lines. */
Test(classes, idx_labels_meet_classes_of_numbers_and_of_text) {
    static const struct {
        const char *names[3];
        int32_t of_10, of_2;
    } cases[] = {{{"2", "7", "10"}, 2, 0}, {{"10", "2", "x"}, 0, 1}};
    double targets[] = {10, 2, 3};
    sp_table idx = {.path = (char *)"images", .bytes = true, .targets = targets};
    sp_error error = {0};
    for (int i = 0; i < 2; i++) {
        sp_names classes = {0};
        int32_t *labels;
        for (int j = 0; j < 3; j++) cr_assert(sp_names_add(&classes, cases[i].names[j]));
        idx.rows = 2;
        must(sp_classes_assign(&idx, &classes, &labels, &error), error);
        cr_expect(labels[0] == cases[i].of_10 && labels[1] == cases[i].of_2, "%d, %d", labels[0], labels[1]);
        free(labels);
        idx.rows = 3;
        expect_fault(sp_classes_assign(&idx, &classes, &labels, &error), error, SP_BAD_DATA,
                     "images: row 3: the label '3' is none");
        error = (sp_error){0};
        sp_names_clear(&classes);
    }
}

Test(classes, values_are_finite_float32) {
    sp_error error = {0};
    float *values;
    sp_table *table = table_of("f", "0.1 -2 1e-3");
    must(sp_values_assign(table, false, &values, &error), error);
    cr_expect(values[0] == 0.1f && values[1] == -2 && values[2] == 1e-3f);
    free(values);
    sp_table_destroy(table);
    static const char *const bad[] = {"1 x", "1 nan", "1 inf", "1 1e39", "1 -1e999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char says[60];
        snprintf(says, sizeof says, "f:3: the target '%s' is not a finite number", bad[i] + 2);
        table = table_of("f", bad[i]);
        expect_fault(sp_values_assign(table, false, &values, &error), error, SP_BAD_DATA, says);
        sp_table_destroy(table);
    }
}

/* One missing value among numbers is a fault of its row, not a reason to make a class of every number. */
Test(classes, a_text_among_values_makes_no_classes_of_them) {
    sp_error error = {0};
    sp_table *table;
    sp_table_options options = {.target = "last"};
    must(sp_table_read(write_text("f", "a,y\n1,0.5\n2,NA\n3,1.25\n4,0.5\n"), NULL, &options, &table, &error), error);
    cr_expect_eq(sp_task_of(table), SP_REGRESSION);
    float *values;
    cr_expect_eq(sp_values_assign(table, false, &values, &error), SP_BAD_DATA);
    cr_expect_not_null(strstr(error.text, "f:3: the target 'NA'"), "%s", error.text);
    sp_table_destroy(table);
}
