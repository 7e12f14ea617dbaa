#include "data/preprocess.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const sp_normalize_names[] = {"none", "unit", "minmax", "standard", NULL};

/* Room for `features` factors. */
static sp_status create_maps(size_t features, sp_preprocess *preprocess, sp_error *error) {
    preprocess->features = features;
    preprocess->shift = sp_allocate_zeroed(features, sizeof *preprocess->shift);
    preprocess->scale = sp_allocate(features, sizeof *preprocess->scale);
    if (!preprocess->shift || !preprocess->scale) {
        sp_preprocess_clear(preprocess);
        return sp_fail_memory(error, "the normalisation", sp_bytes(features, 2 * sizeof(float)));
    }
    for (size_t j = 0; j < features; j++) preprocess->scale[j] = 1.0f;
    return SP_OK;
}

sp_status sp_preprocess_create(size_t columns, sp_preprocess *preprocess, sp_error *error) {
    *preprocess = (sp_preprocess){.columns = columns};
    return create_maps(columns, preprocess, error);
}

sp_status sp_preprocess_create_onehot(size_t columns, const size_t *widths, sp_preprocess *preprocess,
                                      sp_error *error) {
    size_t features = 0;
    *preprocess = (sp_preprocess){.columns = columns};
    preprocess->onehot = sp_allocate_zeroed(columns, sizeof *preprocess->onehot);
    bool good = preprocess->onehot != NULL;
    for (size_t j = 0; j < columns && good; j++) {
        sp_onehot *onehot = &preprocess->onehot[j];
        features += widths[j] > 0 ? widths[j] : 1;
        if (widths[j] == 0) continue;
        onehot->codes = onehot->width = widths[j];
        good = (onehot->place = sp_allocate(widths[j], sizeof *onehot->place));
        for (size_t code = 0; code < widths[j] && good; code++) onehot->place[code] = (int32_t)code;
    }
    if (good) return create_maps(features, preprocess, error);
    sp_preprocess_clear(preprocess);
    return sp_fail_memory(error, "the categories", sp_bytes(columns, sizeof(sp_onehot)));
}

void sp_preprocess_clear(sp_preprocess *preprocess) {
    for (size_t j = 0; preprocess->onehot && j < preprocess->columns; j++) free(preprocess->onehot[j].place);
    free(preprocess->onehot);
    free(preprocess->fill);
    free(preprocess->shift);
    free(preprocess->scale);
    *preprocess = (sp_preprocess){0};
}

/* ---- Raw values of the training rows ----------------------------------------------------------------- */

/* Rows of a table, one after another: where they lie, or read from its store a block at a time. */
typedef struct scan {
    const sp_table *table;
    const sp_rows *rows;
    float *block;              /* owned [most, features]; NULL: they are in memory */
    size_t first, count, most; /* rows first .. first + count - 1 of `rows` are in the block */
} scan;

enum { SCAN_BYTES = 1 << 20 };

static sp_status scan_open(scan *s, const sp_table *table, const sp_rows *rows, sp_error *error) {
    size_t bytes = table->features * sizeof(float);
    *s = (scan){.table = table, .rows = rows, .most = 1 + SCAN_BYTES / bytes};
    if (!table->store) return SP_OK;
    s->block = sp_allocate(s->most, bytes);
    return s->block ? SP_OK : sp_fail_memory(error, table->path, sp_bytes(s->most, bytes));
}

/* One row: bytes or floats. */
typedef struct raw_row {
    const uint8_t *bytes; /* NULL: floats */
    const float *floats;
} raw_row;

static raw_row row_at(scan *s, size_t i) {
    const sp_table *table = s->table;
    if (!s->block) {
        size_t at = s->rows->index[i] * table->features;
        if (table->bytes) return (raw_row){(const uint8_t *)table->values + at, NULL};
        return (raw_row){NULL, (const float *)table->values + at};
    }
    if (i < s->first || i >= s->first + s->count) {
        s->first = i;
        s->count = s->rows->count - i < s->most ? s->rows->count - i : s->most;
        sp_store_gather(table->store, s->rows->index + i, s->count, s->block, table->features);
    }
    return (raw_row){NULL, s->block + (i - s->first) * table->features};
}

static float raw_at(raw_row row, size_t column) {
    return row.bytes ? row.bytes[column] : row.floats[column];
}

/* ---- Categories of the training rows -------------------------------------------------------------- */

static bool is_text(const sp_preprocess *preprocess, size_t column) {
    return preprocess->onehot && preprocess->onehot[column].codes > 0;
}

/* Places for the codes of each column of text; none has one yet. */
static sp_status create_places(const sp_table *table, sp_preprocess *preprocess, sp_error *error) {
    preprocess->onehot = sp_allocate_zeroed(table->features, sizeof *preprocess->onehot);
    if (!preprocess->onehot)
        return sp_fail_memory(error, "the categories", sp_bytes(table->features, sizeof(sp_onehot)));
    for (size_t j = 0; j < table->features; j++) {
        size_t codes = table->columns.categories[j].names.count;
        sp_onehot *onehot = &preprocess->onehot[j];
        if (codes == 0) continue;
        onehot->place = sp_allocate(codes, sizeof *onehot->place);
        if (!onehot->place) return sp_fail_memory(error, "the categories", sp_bytes(codes, sizeof *onehot->place));
        onehot->codes = codes;
        for (size_t code = 0; code < codes; code++) onehot->place[code] = -1;
    }
    return SP_OK;
}

/* Marks each category that a training row has with the place 0. */
static void mark_categories(scan *s, sp_preprocess *preprocess) {
    for (size_t i = 0; i < s->rows->count; i++) {
        raw_row row = row_at(s, i);
        for (size_t j = 0; j < s->table->features; j++) {
            if (!is_text(preprocess, j)) continue;
            float code = raw_at(row, j);
            if (code >= 0 && code < (float)preprocess->onehot[j].codes) preprocess->onehot[j].place[(size_t)code] = 0;
        }
    }
}

static int compare_texts(const void *left, const void *right, void *texts) {
    char *const *text = texts;
    return strcmp(text[*(const int32_t *)left], text[*(const int32_t *)right]);
}

/* Gives each category that was marked its place in their order; the others have none. */
static sp_status place_categories(const sp_table *table, size_t column, sp_onehot *onehot, sp_error *error) {
    const sp_names *names = &table->columns.categories[column].names;
    int32_t *met = sp_allocate(names->count, sizeof *met);
    if (!met) return sp_fail_memory(error, "the categories", sp_bytes(names->count, sizeof *met));
    for (size_t code = 0; code < names->count; code++)
        if (onehot->place[code] == 0) met[onehot->width++] = (int32_t)code;
    qsort_r(met, onehot->width, sizeof *met, compare_texts, names->text);
    for (size_t k = 0; k < onehot->width; k++) onehot->place[met[k]] = (int32_t)k;
    free(met);
    return SP_OK;
}

/* A column that no training row has a value of. */
static sp_status no_value(const sp_table *table, size_t column, sp_error *error) {
    const sp_names *names = &table->columns.feature_names;
    char name[80];
    snprintf(name, sizeof name, "column %zu", table->columns.feature_at ? table->columns.feature_at[column] : column);
    if (names->count > 0) snprintf(name, sizeof name, "column '%.60s'", names->text[column]);
    return sp_fail(error, SP_BAD_DATA, "%s: %s has no value in any training row; leave it out by data.ignore",
                   table->path, name);
}

/* Which features come of the columns. */
static sp_status fit_columns(scan *s, sp_preprocess *preprocess, sp_error *error) {
    const sp_table *table = s->table;
    size_t features = 0;
    if (!sp_columns_have_text(&table->columns)) return sp_preprocess_create(table->features, preprocess, error);
    *preprocess = (sp_preprocess){.columns = table->features};
    sp_status status = create_places(table, preprocess, error);
    if (!status) mark_categories(s, preprocess);
    for (size_t j = 0; j < table->features && !status; j++) {
        bool text = is_text(preprocess, j);
        if (text) status = place_categories(table, j, &preprocess->onehot[j], error);
        if (!status && text && preprocess->onehot[j].width == 0) status = no_value(table, j, error);
        features += text ? preprocess->onehot[j].width : 1;
    }
    if (!status) return create_maps(features, preprocess, error);
    sp_preprocess_clear(preprocess);
    return status;
}

/* ---- Statistics of the training rows --------------------------------------------------------------- */

/* Means in place of what is missing. */
static sp_status fit_means(scan *s, sp_preprocess *preprocess, sp_error *error) {
    size_t columns = s->table->features;
    double *sum = sp_allocate_zeroed(columns, sizeof *sum);
    size_t *count = sp_allocate_zeroed(columns, sizeof *count);
    sp_status status = SP_OK;
    preprocess->fill = sp_allocate_zeroed(columns, sizeof *preprocess->fill);
    if (!sum || !count || !preprocess->fill)
        status = sp_fail_memory(error, "the means of the columns", sp_bytes(columns, 2 * sizeof *sum));
    for (size_t i = 0; i < s->rows->count && !status; i++) {
        raw_row row = row_at(s, i);
        for (size_t j = 0; j < columns; j++) {
            float value = raw_at(row, j);
            if (isnan(value)) continue;
            sum[j] += value;
            count[j]++;
        }
    }
    for (size_t j = 0; j < columns && !status; j++) {
        if (is_text(preprocess, j)) continue;
        if (count[j] == 0) status = no_value(s->table, j, error);
        preprocess->fill[j] = (float)(sum[j] / (double)count[j]);
    }
    free(sum);
    free(count);
    return status;
}

/* What stands in the place of a value once none is missing. */
static double value_at(const sp_preprocess *preprocess, raw_row row, size_t column) {
    float value = raw_at(row, column);
    return preprocess->fill && isnan(value) ? preprocess->fill[column] : value;
}

/* Adds each row to `sum`; with `centre`, its squared distance from that. */
static void accumulate(const sp_preprocess *preprocess, scan *s, const double *centre, double *sum) {
    for (size_t i = 0; i < s->rows->count; i++) {
        raw_row row = row_at(s, i);
        for (size_t j = 0; j < s->table->features; j++) {
            double value = value_at(preprocess, row, j);
            sum[j] += centre ? (value - centre[j]) * (value - centre[j]) : value;
        }
    }
}

/* The map of column `column`, whose first feature is `feature`. Texts are left as they are. */
static void set_map(sp_preprocess *preprocess, size_t column, size_t *feature, float shift, float scale) {
    if (!is_text(preprocess, column)) {
        preprocess->shift[*feature] = shift;
        preprocess->scale[*feature] = scale;
    }
    *feature += is_text(preprocess, column) ? preprocess->onehot[column].width : 1;
}

/* 1 / spread, or 1 where there is none to speak of: a constant feature becomes 0, not infinity. */
static float scale_of(double spread, double magnitude) {
    float scale = (float)(1.0 / spread);
    return spread > 1e-12 * magnitude && isfinite(scale) ? scale : 1.0f;
}

/* Two passes: mean, then deviations from it. One pass loses digits where the mean is large. */
static void fit_standard(scan *s, double *mean, double *variance, sp_preprocess *preprocess) {
    accumulate(preprocess, s, NULL, mean);
    for (size_t j = 0; j < s->table->features; j++) mean[j] /= (double)s->rows->count;
    accumulate(preprocess, s, mean, variance);
    for (size_t j = 0, feature = 0; j < s->table->features; j++)
        set_map(preprocess, j, &feature, (float)mean[j],
                scale_of(sqrt(variance[j] / (double)s->rows->count), fabs(mean[j])));
}

static void fit_minmax(scan *s, double *least, double *most, sp_preprocess *preprocess) {
    size_t columns = s->table->features;
    raw_row first = row_at(s, 0);
    for (size_t j = 0; j < columns; j++) least[j] = most[j] = value_at(preprocess, first, j);
    for (size_t i = 1; i < s->rows->count; i++) {
        raw_row row = row_at(s, i);
        for (size_t j = 0; j < columns; j++) {
            double value = value_at(preprocess, row, j);
            if (value < least[j]) least[j] = value;
            if (value > most[j]) most[j] = value;
        }
    }
    for (size_t j = 0, feature = 0; j < columns; j++)
        set_map(preprocess, j, &feature, (float)least[j], scale_of(most[j] - least[j], 0));
}

static sp_status fit_maps(sp_normalize kind, scan *s, sp_preprocess *preprocess, sp_error *error) {
    size_t columns = s->table->features;
    preprocess->kind = kind;
    if (kind == SP_NORMALIZE_NONE) return SP_OK;
    if (kind == SP_NORMALIZE_UNIT) {
        for (size_t j = 0, feature = 0; j < columns; j++) set_map(preprocess, j, &feature, 0, 1.0f / 255.0f);
        preprocess->alike = !preprocess->onehot;
        return SP_OK;
    }
    double *first = sp_allocate_zeroed(columns, sizeof *first);
    double *second = sp_allocate_zeroed(columns, sizeof *second);
    sp_status status = SP_OK;
    if (!first || !second)
        status = sp_fail_memory(error, "the statistics of the features", sp_bytes(columns, 2 * sizeof *first));
    else if (kind == SP_NORMALIZE_STANDARD)
        fit_standard(s, first, second, preprocess);
    else
        fit_minmax(s, first, second, preprocess);
    free(first);
    free(second);
    return status;
}

sp_status sp_preprocess_fit(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                            sp_error *error) {
    scan s;
    sp_status status = scan_open(&s, table, rows, error);
    if (!status) status = fit_columns(&s, preprocess, error);
    if (status) {
        free(s.block);
        return status;
    }
    if (table->columns.missing == SP_MISSING_MEAN) status = fit_means(&s, preprocess, error);
    if (!status) status = fit_maps(kind, &s, preprocess, error);
    if (!status) status = sp_table_check(table, error);
    free(s.block);
    if (status) sp_preprocess_clear(preprocess);
    return status;
}

/* ---- Rows ------------------------------------------------------------------------------------------- */

SP_VECTOR static void normalize_bytes(size_t count, const uint8_t *restrict values, const float *restrict shift,
                                      const float *restrict scale, float *restrict result) {
    for (size_t j = 0; j < count; j++) result[j] = ((float)values[j] - shift[j]) * scale[j];
}

/* The same where all features are scaled alike: without a look at the tables, twice as fast. */
SP_VECTOR static void scale_bytes(size_t count, const uint8_t *restrict values, float scale, float *restrict result) {
    for (size_t j = 0; j < count; j++) result[j] = (float)values[j] * scale;
}

SP_VECTOR static void normalize_floats(size_t count, const float *values, const float *restrict shift,
                                       const float *restrict scale, float *result) {
    for (size_t j = 0; j < count; j++) result[j] = (values[j] - shift[j]) * scale[j];
}

/* Shuffled rows are wherever they are in memory: a few are asked for before they are needed. */
enum { AHEAD = 4, CACHE_LINE = 64 };

static void ask_for_row(const sp_table *table, size_t row) {
    size_t bytes = table->features * (table->bytes ? 1 : sizeof(float));
    const char *values = (const char *)table->values + row * bytes;
    for (size_t at = 0; at < bytes; at += CACHE_LINE) __builtin_prefetch(values + at);
}

/* Numbers, of which some may be missing. */
SP_VECTOR static void normalize_filled(size_t count, const float *values, const float *restrict fill,
                                       const float *restrict shift, const float *restrict scale, float *result) {
    for (size_t j = 0; j < count; j++) {
        float value = values[j] == values[j] ? values[j] : fill[j];
        result[j] = (value - shift[j]) * scale[j];
    }
}

/* Numbers and texts. */
static void encode(const sp_preprocess *preprocess, const float *values, float *result) {
    for (size_t j = 0, feature = 0; j < preprocess->columns; j++) {
        const sp_onehot *onehot = &preprocess->onehot[j];
        float value = values[j];
        if (onehot->codes == 0) {
            if (preprocess->fill && isnan(value)) value = preprocess->fill[j];
            result[feature] = (value - preprocess->shift[feature]) * preprocess->scale[feature];
            feature++;
            continue;
        }
        memset(result + feature, 0, onehot->width * sizeof *result);
        bool known = value >= 0 && value < (float)onehot->codes;
        if (known && onehot->place[(size_t)value] >= 0) result[feature + (size_t)onehot->place[(size_t)value]] = 1;
        feature += onehot->width;
    }
}

/* One row of floats. */
static void take_floats(const sp_preprocess *preprocess, const float *values, float *result) {
    if (preprocess->onehot)
        encode(preprocess, values, result);
    else if (preprocess->fill)
        normalize_filled(preprocess->features, values, preprocess->fill, preprocess->shift, preprocess->scale, result);
    else
        normalize_floats(preprocess->features, values, preprocess->shift, preprocess->scale, result);
}

/*
 * Rows of a store are read to where they are wanted. Each lies at the end of its place first, where what becomes of
 * its columns, one after the other, never reaches one that is still to be looked at: none becomes less than a feature.
 */
static void gather_stored(const sp_preprocess *preprocess, const sp_table *table, const uint32_t *rows, size_t count,
                          float *result, size_t stride) {
    float *raw = result + (preprocess->features - preprocess->columns);
    sp_store_gather(table->store, rows, count, raw, stride);
    for (size_t i = 0; i < count; i++) take_floats(preprocess, raw + i * stride, result + i * stride);
}

void sp_preprocess_gather(const sp_preprocess *preprocess, const sp_table *table, const uint32_t *rows, size_t count,
                          float *result, size_t stride) {
    size_t features = table->features;
    if (table->store) {
        gather_stored(preprocess, table, rows, count, result, stride);
        return;
    }
    for (size_t i = 0; i < count && i < AHEAD; i++) ask_for_row(table, rows[i]);
    for (size_t i = 0; i < count; i++, result += stride) {
        size_t at = rows[i] * features;
        if (i + AHEAD < count) ask_for_row(table, rows[i + AHEAD]);
        if (table->bytes && preprocess->alike)
            scale_bytes(features, (const uint8_t *)table->values + at, preprocess->scale[0], result);
        else if (table->bytes)
            normalize_bytes(features, (const uint8_t *)table->values + at, preprocess->shift, preprocess->scale,
                            result);
        else
            take_floats(preprocess, (const float *)table->values + at, result);
    }
}

void sp_preprocess_apply(const sp_preprocess *preprocess, size_t rows, const float *samples, float *result,
                         size_t stride) {
    for (size_t i = 0; i < rows; i++, samples += preprocess->columns, result += stride)
        take_floats(preprocess, samples, result);
}

void sp_preprocess_undo(const sp_preprocess *preprocess, size_t rows, float *values) {
    size_t features = preprocess->features;
    for (size_t i = 0; i < rows * features; i++) {
        size_t j = i % features;
        values[i] = (float)((double)values[i] / preprocess->scale[j] + preprocess->shift[j]);
    }
}

sp_status sp_preprocess_copy(const sp_preprocess *from, sp_preprocess *to, sp_error *error) {
    size_t *widths = sp_allocate_zeroed(from->columns, sizeof *widths);
    if (!widths) return sp_fail_memory(error, "the categories", sp_bytes(from->columns, sizeof *widths));
    for (size_t j = 0; from->onehot && j < from->columns; j++) widths[j] = from->onehot[j].width;
    sp_status status = from->onehot ? sp_preprocess_create_onehot(from->columns, widths, to, error)
                                    : sp_preprocess_create(from->columns, to, error);
    free(widths);
    if (status) return status;
    to->kind = from->kind;
    memcpy(to->shift, from->shift, from->features * sizeof *to->shift);
    memcpy(to->scale, from->scale, from->features * sizeof *to->scale);
    if (!from->fill) return SP_OK;
    to->fill = sp_allocate(from->columns, sizeof *to->fill);
    if (!to->fill) return sp_fail_memory(error, "the means of the columns", sp_bytes(from->columns, sizeof(float)));
    memcpy(to->fill, from->fill, from->columns * sizeof *to->fill);
    return SP_OK;
}
