#include "data/classes.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NUMBER_CLASSES = 100 };

const char *const sp_task_names[] = {"auto", "classification", "regression", "multilabel", NULL};

/* A label: by its text where that is not NULL, else by its number. */
typedef struct label {
    double number;
    const char *text;
} label;

static int compare_labels(const void *left, const void *right) {
    const label *a = left, *b = right;
    if (a->text) return strcmp(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

static bool any_text(const sp_table *table) {
    for (size_t i = 0; i < table->rows && table->target_texts; i++)
        if (!isfinite(table->targets[i])) return true;
    return false;
}

static label label_of(const sp_table *table, size_t row, bool as_text) {
    return (label){table->targets[row], as_text ? table->target_texts + table->target_at[row] : NULL};
}

/* Most labels are small whole numbers: many rows can be told apart without comparing. NONE: it is another. */
enum { SMALL_LABELS = 256, NONE = -1 };

static int small_label(label wanted) {
    if (wanted.text || !(wanted.number >= 0 && wanted.number < SMALL_LABELS)) return NONE;
    int small = (int)wanted.number;
    return small == wanted.number ? small : NONE;
}

/* The labels of all rows but for small ones that came before; their count. */
static size_t gather_labels(const sp_table *table, label *labels) {
    bool as_text = any_text(table), seen[SMALL_LABELS] = {false};
    size_t count = 0;
    for (size_t i = 0; i < table->rows; i++) {
        label found = label_of(table, i, as_text);
        int small = small_label(found);
        if (small != NONE && seen[small]) continue;
        if (small != NONE) seen[small] = true;
        labels[count++] = found;
    }
    return count;
}

/* The different labels of a table, ascending; fresh memory, NULL when it runs out. */
static label *distinct_labels(const sp_table *table, size_t *count) {
    label *labels = sp_allocate(table->rows, sizeof *labels);
    if (!labels) return NULL;
    size_t gathered = gather_labels(table, labels), kept = 0;
    qsort(labels, gathered, sizeof *labels, compare_labels);
    for (size_t i = 0; i < gathered; i++)
        if (kept == 0 || compare_labels(&labels[i], &labels[kept - 1]) != 0) labels[kept++] = labels[i];
    *count = kept;
    return labels;
}

static sp_task task_of_several(const sp_table *table) {
    for (size_t i = 0; i < table->rows * table->columns.targets; i++)
        if (table->targets[i] != 0 && table->targets[i] != 1) return SP_REGRESSION;
    return SP_MULTILABEL;
}

sp_task sp_task_of(const sp_table *table) {
    if (table->bytes) return SP_CLASSIFICATION;
    if (table->columns.targets > 1) return task_of_several(table);
    double seen[MOST_NUMBER_CLASSES];
    size_t count = 0;
    for (size_t i = 0; i < table->rows; i++) {
        double number = table->targets[i];
        if (!isfinite(number)) continue; /* text */
        size_t j = 0;
        while (j < count && seen[j] != number) j++;
        if (j < count) continue;
        if (number != floor(number) || count == MOST_NUMBER_CLASSES) return SP_REGRESSION;
        seen[count++] = number;
    }
    return any_text(table) || table->rows >= 2 * count ? SP_CLASSIFICATION : SP_REGRESSION;
}

sp_status sp_classes_find(const sp_table *table, sp_names *classes, sp_error *error) {
    size_t count = 0;
    label *labels = distinct_labels(table, &count);
    bool good = labels != NULL;
    for (size_t i = 0; i < count && good; i++) {
        char number[32];
        if (!labels[i].text) sp_print_real(labels[i].number, number, sizeof number);
        good = sp_names_add(classes, labels[i].text ? labels[i].text : number);
    }
    free(labels);
    if (!good) return sp_fail_memory(error, "the classes", sp_bytes(table->rows, sizeof(label)));
    if (classes->count >= 2) return SP_OK;
    return sp_fail(error, SP_BAD_DATA, "%s: every row has the label '%.40s'; classification needs two classes",
                   table->path, classes->text[0]);
}

/* Class names as labels: numbers where all of them are (finite ones, as in any_text). */
static label *labels_of_names(const sp_names *classes, bool *as_text) {
    label *labels = sp_allocate(classes->count, sizeof *labels);
    if (!labels) return NULL;
    *as_text = false;
    for (size_t i = 0; i < classes->count; i++) {
        labels[i].text = classes->text[i];
        if (!sp_parse_real(classes->text[i], &labels[i].number) || !isfinite(labels[i].number)) *as_text = true;
    }
    for (size_t i = 0; i < classes->count && !*as_text; i++) labels[i].text = NULL;
    return labels;
}

static sp_status unknown_label(const sp_table *table, size_t row, const sp_names *classes, sp_error *error) {
    char place[600], number[32] = "";
    sp_table_place(table, row, place, sizeof place);
    sp_print_real(table->targets[row], number, sizeof number);
    return sp_fail(error, SP_BAD_DATA, "%s: the label '%.40s' is none of the %zu classes trained on (%.40s to %.40s)",
                   place, table->target_texts ? table->target_texts + table->target_at[row] : number, classes->count,
                   classes->text[0], classes->text[classes->count - 1]);
}

sp_status sp_classes_assign(const sp_table *table, const sp_names *classes, int32_t **labels, sp_error *error) {
    bool as_text = false;
    label *known = labels_of_names(classes, &as_text);
    int32_t *assigned = sp_allocate(table->rows, sizeof *assigned);
    sp_status status =
        known && assigned ? SP_OK : sp_fail_memory(error, "the labels", sp_bytes(table->rows, sizeof *assigned));
    const label *small_found[SMALL_LABELS] = {NULL}; /* in `known` */
    char number[32];
    for (size_t i = 0; i < table->rows && !status; i++) {
        label wanted = {table->targets[i], NULL};
        if (as_text && table->target_texts) wanted.text = table->target_texts + table->target_at[i];
        if (as_text && !table->target_texts) { /* a model of text labels, scored on IDX */
            sp_print_real(table->targets[i], number, sizeof number);
            wanted.text = number;
        }
        int small = small_label(wanted);
        const label *found = small != NONE ? small_found[small] : NULL;
        if (!found) found = bsearch(&wanted, known, classes->count, sizeof *known, compare_labels);
        if (small != NONE) small_found[small] = found;
        if (!found || (!as_text && isnan(wanted.number)))
            status = unknown_label(table, i, classes, error);
        else
            assigned[i] = (int32_t)(found - known);
    }
    free(known);
    if (status) {
        free(assigned);
        return status;
    }
    *labels = assigned;
    return SP_OK;
}

/* A target that the task does not take. */
static sp_status wrong_value(const sp_table *table, size_t row, size_t target, bool labels, sp_error *error) {
    char place[600], number[32], name[60] = "";
    const sp_names *names = &table->columns.target_names;
    sp_table_place(table, row, place, sizeof place);
    sp_print_real(table->targets[row * table->columns.targets + target], number, sizeof number);
    if (names->count > 1) snprintf(name, sizeof name, " %.50s", names->text[target]);
    return sp_fail(error, SP_BAD_DATA, "%s: the target%s '%.40s' is not %s", place, name,
                   table->target_texts ? table->target_texts + table->target_at[row] : number,
                   labels ? "0 or 1, as multilabel needs" : "a finite number, as regression needs");
}

sp_status sp_values_assign(const sp_table *table, bool labels, float **values, sp_error *error) {
    size_t targets = table->columns.targets;
    float *assigned = sp_allocate(table->rows, sp_bytes(targets, sizeof *assigned));
    if (!assigned) return sp_fail_memory(error, "the targets", sp_bytes(table->rows, targets * sizeof *assigned));
    for (size_t i = 0; i < table->rows * targets; i++) {
        assigned[i] = (float)table->targets[i];
        if (labels ? assigned[i] == 0 || assigned[i] == 1 : isfinite(assigned[i])) continue;
        free(assigned);
        return wrong_value(table, i / targets, i % targets, labels, error);
    }
    *values = assigned;
    return SP_OK;
}
