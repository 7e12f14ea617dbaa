#include "runs/compare.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/safetensors.h"
#include "base/text.h"
#include "history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

/* Counts a difference; the first is described. */
__attribute__((format(printf, 3, 4))) static void differ(size_t *count, char *text, const char *format, ...) {
    va_list arguments;
    if ((*count)++ > 0) return;
    va_start(arguments, format);
    vsnprintf(text, SP_DIFFERENCE, format, arguments);
    va_end(arguments);
}

static sp_status path_of(const char *run, const char *name, char path[PATH], sp_error *error) {
    if (sp_path_join(path, PATH, run, name)) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", run);
}

/* ---- metrics.csv ------------------------------------------------------------------------------- */

static bool is_of_the_clock(const char *column) {
    return strcmp(column, "seconds") == 0 || strcmp(column, "samples_per_second") == 0;
}

static const char *shown(const char *cell) {
    return *cell ? cell : "not measured";
}

/* Columns that only one of two versions writes are left alone. */
static void compare_row(const sp_history *run, const sp_history *again, size_t row, sp_comparison *c) {
    size_t columns = 0, off = 0;
    for (size_t i = 0; i < sp_history_columns(run); i++) {
        const char *name = sp_history_name(run, i), *cell = sp_history_cell(run, row, i);
        long other = sp_history_find(again, name);
        if (other == SP_NOT_FOUND || is_of_the_clock(name)) continue;
        columns++;
        const char *now = sp_history_cell(again, row, (size_t)other);
        if (strcmp(cell, now) == 0) continue;
        if (c->epochs_off == 0)
            differ(&off, c->metrics, "epoch %s: %s is %s, trained again %s", sp_history_cell(run, row, 0), name,
                   shown(cell), shown(now));
        off = 1;
    }
    c->columns = columns;
    c->epochs_off += off;
}

static void compare_rows(const sp_history *run, const sp_history *again, sp_comparison *c) {
    size_t rows = sp_history_rows(run), others = sp_history_rows(again), common = rows < others ? rows : others;
    for (size_t i = 0; i < common; i++) compare_row(run, again, i, c);
    c->epochs = common;
    if (rows == others) return;
    differ(&c->epochs_off, c->metrics, "epoch %zu: the run has %zu epochs, trained again %zu", common + 1, rows,
           others);
}

static sp_status compare_metrics(const char *run, const char *again, sp_comparison *c, sp_error *error) {
    char one[PATH], other[PATH];
    sp_history *then = NULL, *now = NULL;
    sp_status status = path_of(run, "metrics.csv", one, error);
    if (!status) status = path_of(again, "metrics.csv", other, error);
    if (!status) status = sp_history_read(one, &then, error);
    if (!status) status = sp_history_read(other, &now, error);
    if (!status) compare_rows(then, now, c);
    sp_history_destroy(then);
    sp_history_destroy(now);
    return status;
}

/* ---- model.safetensors ------------------------------------------------------------------------- */

static bool read_shape(const sp_json *entry, size_t shape[2]) {
    const sp_json *counts = sp_json_member(entry, "shape"), *item = sp_json_first(counts);
    size_t dimensions = sp_json_items(counts);
    shape[0] = shape[1] = 0;
    if (dimensions < 1 || dimensions > 2) return false;
    for (size_t i = 0; i < dimensions; i++, item = sp_json_next(item)) {
        double number;
        if (!sp_json_number(item, &number) || !(number >= 0 && number <= (double)(1ull << 40))) return false;
        shape[i] = (size_t)number;
    }
    return dimensions == 1 || shape[1] > 0;
}

/* "[row, column]" or "[index]", from zero as numpy counts. */
static void print_place(size_t at, size_t columns, char text[60]) {
    if (columns > 0)
        snprintf(text, 60, "[%zu, %zu]", at / columns, at % columns);
    else
        snprintf(text, 60, "[%zu]", at);
}

static void compare_values(const char *name, size_t columns, size_t count, const float *one, const float *other,
                           sp_comparison *c) {
    for (size_t i = 0; i < count; i++) {
        char place[60], then[40], now[40];
        uint32_t bits[2];
        if (memcmp(&one[i], &other[i], sizeof *one) == 0) continue;
        print_place(i, columns, place);
        sp_print_real(one[i], then, sizeof then);
        sp_print_real(other[i], now, sizeof now);
        memcpy(&bits[0], &one[i], sizeof *one);
        memcpy(&bits[1], &other[i], sizeof *other);
        differ(&c->values_off, c->model, "%.40s%s is %s (%08x), trained again %s (%08x)", name, place, then,
               (unsigned)bits[0], now, (unsigned)bits[1]);
    }
    c->values += count;
}

static sp_status compare_tensor(const sp_safetensors *run, const sp_safetensors *again, const sp_json *entry,
                                sp_comparison *c, sp_error *error) {
    size_t shape[2], other[2];
    const char *name = sp_json_name(entry);
    const sp_json *found = sp_json_member(sp_safetensors_header(again), name);
    c->tensors++;
    if (!found || !read_shape(entry, shape) || !read_shape(found, other) || memcmp(shape, other, sizeof shape) != 0) {
        differ(&c->values_off, c->model, "%.40s: trained again there is none of that shape", name);
        return SP_OK;
    }
    size_t count = sp_bytes(shape[0], shape[1] > 0 ? shape[1] : 1);
    if (sp_bytes(count, sizeof(float)) > sp_safetensors_bytes(again)) count = 0; /* the copy says what is wrong */
    float *one = sp_allocate(count, sizeof *one), *two = sp_allocate(count, sizeof *two);
    sp_status status = one && two ? SP_OK : sp_fail_memory(error, name, sp_bytes(2 * count, sizeof *one));
    if (!status) status = sp_safetensors_copy(run, name, shape[0], shape[1], one, error);
    if (!status) status = sp_safetensors_copy(again, name, shape[0], shape[1], two, error);
    if (!status) compare_values(name, shape[1], count, one, two, c);
    free(one);
    free(two);
    return status;
}

/* Of what the metadata say, all but which version wrote them, and the checksum. */
static void compare_texts(const sp_safetensors *run, const sp_safetensors *again, sp_comparison *c) {
    const sp_json *texts = sp_json_member(sp_safetensors_header(run), "__metadata__");
    for (const sp_json *item = sp_json_first(texts); item; item = sp_json_next(item)) {
        const char *name = sp_json_name(item), *then = sp_json_text(item), *now = sp_safetensors_text(again, name);
        if (strcmp(name, "xxh64") == 0 || strcmp(name, "version") == 0) continue;
        if (then && now && strcmp(then, now) == 0) continue;
        differ(&c->values_off, c->model, "%.40s is '%.60s', trained again '%.60s'", name, then ? then : "",
               now ? now : "");
    }
}

static sp_status compare_models(const char *run, const char *again, sp_comparison *c, sp_error *error) {
    char one[PATH], other[PATH];
    sp_safetensors *then = NULL, *now = NULL;
    sp_status status = path_of(run, "model.safetensors", one, error);
    if (!status) status = path_of(again, "model.safetensors", other, error);
    if (!status) status = sp_safetensors_read(one, &then, error);
    if (!status) status = sp_safetensors_read(other, &now, error);
    const sp_json *entry = status ? NULL : sp_json_first(sp_safetensors_header(then));
    for (; entry && !status; entry = sp_json_next(entry))
        if (strcmp(sp_json_name(entry), "__metadata__") != 0) status = compare_tensor(then, now, entry, c, error);
    if (!status) compare_texts(then, now, c);
    sp_safetensors_destroy(then);
    sp_safetensors_destroy(now);
    return status;
}

/* ---- summary.json ------------------------------------------------------------------------------ */

static bool begins_with(const char *name, const char *start) {
    return strncmp(name, start, strlen(start)) == 0;
}

/* What the training came to; not how long it took, nor by what. */
static bool is_result(const char *name) {
    static const char *const counts[] = {"status", "epochs",     "steps",        "best_epoch",
                                         "shards", "parameters", "dropped_rows", "weights_xxh64"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(name, counts[i]) == 0) return true;
    if (strcmp(name, "train_seconds") == 0) return false;
    return begins_with(name, "train_") || begins_with(name, "validation_") || begins_with(name, "test_");
}

static void print_value(const sp_json *value, char text[60]) {
    double number;
    if (sp_json_number(value, &number))
        sp_print_real(number, text, 60);
    else
        snprintf(text, 60, "%.50s", sp_json_text(value) ? sp_json_text(value) : "not measured");
}

static void compare_figures(const sp_json *run, const sp_json *again, sp_comparison *c) {
    for (const sp_json *item = sp_json_first(run); item; item = sp_json_next(item)) {
        const char *name = sp_json_name(item);
        const sp_json *other = sp_json_member(again, name);
        char then[60], now[60];
        if (!other || !is_result(name)) continue;
        print_value(item, then);
        print_value(other, now);
        c->figures++;
        if (strcmp(then, now) != 0)
            differ(&c->figures_off, c->summary, "%.40s is %s, trained again %s", name, then, now);
    }
}

static sp_status compare_summaries(const char *run, const char *again, sp_comparison *c, sp_error *error) {
    char path[PATH];
    sp_json *then = NULL, *now = NULL;
    sp_status status = path_of(run, "summary.json", path, error);
    if (!status) status = sp_json_load(path, &then, error);
    if (!status) status = path_of(again, "summary.json", path, error);
    if (!status) status = sp_json_load(path, &now, error);
    if (!status) compare_figures(then, now, c);
    sp_json_destroy(then);
    sp_json_destroy(now);
    return status;
}

/* ---- All --------------------------------------------------------------------------------------- */

sp_status sp_compare_runs(const char *run, const char *again, sp_comparison *comparison, sp_error *error) {
    *comparison = (sp_comparison){0};
    sp_status status = compare_metrics(run, again, comparison, error);
    if (!status) status = compare_models(run, again, comparison, error);
    return status ? status : compare_summaries(run, again, comparison, error);
}

const char *sp_comparison_first(const sp_comparison *c) {
    const char *const texts[] = {c->metrics, c->model, c->summary};
    for (int i = 0; i < 3; i++)
        if (*texts[i]) return texts[i];
    return NULL;
}
