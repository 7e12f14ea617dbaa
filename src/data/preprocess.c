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

/* ---- Categories of the training rows -------------------------------------------------------------- */

static float raw_at(const sp_table *table, size_t row, size_t column) {
    size_t at = row * table->features + column;
    return table->bytes ? ((const uint8_t *)table->values)[at] : ((const float *)table->values)[at];
}

static int compare_texts(const void *left, const void *right, void *texts) {
    char *const *text = texts;
    return strcmp(text[*(const int32_t *)left], text[*(const int32_t *)right]);
}

/* Gives each category that a training row has its place in their order; the others have none. */
static sp_status place_categories(const sp_table *table, const sp_rows *rows, size_t column, sp_onehot *onehot,
                                  sp_error *error) {
    const sp_names *names = &table->columns.categories[column].names;
    int32_t *met = sp_allocate(names->count, sizeof *met);
    onehot->place = sp_allocate(names->count, sizeof *onehot->place);
    if (!met || !onehot->place) {
        free(met);
        return sp_fail_memory(error, "the categories", sp_bytes(names->count, 2 * sizeof *met));
    }
    onehot->codes = names->count;
    for (size_t code = 0; code < names->count; code++) onehot->place[code] = -1;
    for (size_t i = 0; i < rows->count; i++) {
        float code = raw_at(table, rows->index[i], column);
        if (!(code >= 0) || onehot->place[(size_t)code] >= 0) continue;
        onehot->place[(size_t)code] = 0;
        met[onehot->width++] = (int32_t)code;
    }
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
static sp_status fit_columns(const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess, sp_error *error) {
    size_t features = 0;
    if (!sp_columns_have_text(&table->columns)) return sp_preprocess_create(table->features, preprocess, error);
    *preprocess = (sp_preprocess){.columns = table->features};
    preprocess->onehot = sp_allocate_zeroed(table->features, sizeof *preprocess->onehot);
    if (!preprocess->onehot)
        return sp_fail_memory(error, "the categories", sp_bytes(table->features, sizeof(sp_onehot)));
    for (size_t j = 0; j < table->features; j++) {
        sp_onehot *onehot = &preprocess->onehot[j];
        bool text = table->columns.categories[j].names.count > 0;
        sp_status status = text ? place_categories(table, rows, j, onehot, error) : SP_OK;
        if (!status && text && onehot->width == 0) status = no_value(table, j, error);
        if (status) {
            sp_preprocess_clear(preprocess);
            return status;
        }
        features += text ? onehot->width : 1;
    }
    return create_maps(features, preprocess, error);
}

static bool is_text(const sp_preprocess *preprocess, size_t column) {
    return preprocess->onehot && preprocess->onehot[column].codes > 0;
}

/* ---- Statistics of the training rows --------------------------------------------------------------- */

/* Means in place of what is missing. */
static sp_status fit_means(const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess, sp_error *error) {
    size_t columns = table->features;
    double *sum = sp_allocate_zeroed(columns, sizeof *sum);
    size_t *count = sp_allocate_zeroed(columns, sizeof *count);
    sp_status status = SP_OK;
    preprocess->fill = sp_allocate_zeroed(columns, sizeof *preprocess->fill);
    if (!sum || !count || !preprocess->fill)
        status = sp_fail_memory(error, "the means of the columns", sp_bytes(columns, 2 * sizeof *sum));
    for (size_t i = 0; i < rows->count && !status; i++)
        for (size_t j = 0; j < columns; j++) {
            float value = raw_at(table, rows->index[i], j);
            if (isnan(value)) continue;
            sum[j] += value;
            count[j]++;
        }
    for (size_t j = 0; j < columns && !status; j++) {
        if (is_text(preprocess, j)) continue;
        if (count[j] == 0) status = no_value(table, j, error);
        preprocess->fill[j] = (float)(sum[j] / (double)count[j]);
    }
    free(sum);
    free(count);
    return status;
}

/* What stands in the place of a value once none is missing. */
static double value_at(const sp_preprocess *preprocess, const sp_table *table, size_t row, size_t column) {
    float value = raw_at(table, row, column);
    return preprocess->fill && isnan(value) ? preprocess->fill[column] : value;
}

/* Adds each row to `sum`; with `centre`, its squared distance from that. */
static void accumulate(const sp_preprocess *preprocess, const sp_table *table, const sp_rows *rows,
                       const double *centre, double *sum) {
    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < table->features; j++) {
            double value = value_at(preprocess, table, rows->index[i], j);
            sum[j] += centre ? (value - centre[j]) * (value - centre[j]) : value;
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
static void fit_standard(const sp_table *table, const sp_rows *rows, double *mean, double *variance,
                         sp_preprocess *preprocess) {
    accumulate(preprocess, table, rows, NULL, mean);
    for (size_t j = 0; j < table->features; j++) mean[j] /= (double)rows->count;
    accumulate(preprocess, table, rows, mean, variance);
    for (size_t j = 0, feature = 0; j < table->features; j++)
        set_map(preprocess, j, &feature, (float)mean[j],
                scale_of(sqrt(variance[j] / (double)rows->count), fabs(mean[j])));
}

static void fit_minmax(const sp_table *table, const sp_rows *rows, double *least, double *most,
                       sp_preprocess *preprocess) {
    for (size_t j = 0; j < table->features; j++) least[j] = most[j] = value_at(preprocess, table, rows->index[0], j);
    for (size_t i = 1; i < rows->count; i++)
        for (size_t j = 0; j < table->features; j++) {
            double value = value_at(preprocess, table, rows->index[i], j);
            if (value < least[j]) least[j] = value;
            if (value > most[j]) most[j] = value;
        }
    for (size_t j = 0, feature = 0; j < table->features; j++)
        set_map(preprocess, j, &feature, (float)least[j], scale_of(most[j] - least[j], 0));
}

static sp_status fit_maps(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                          sp_error *error) {
    preprocess->kind = kind;
    if (kind == SP_NORMALIZE_NONE) return SP_OK;
    if (kind == SP_NORMALIZE_UNIT) {
        for (size_t j = 0, feature = 0; j < table->features; j++) set_map(preprocess, j, &feature, 0, 1.0f / 255.0f);
        preprocess->alike = !preprocess->onehot;
        return SP_OK;
    }
    double *first = sp_allocate_zeroed(table->features, sizeof *first);
    double *second = sp_allocate_zeroed(table->features, sizeof *second);
    sp_status status = SP_OK;
    if (!first || !second)
        status = sp_fail_memory(error, "the statistics of the features", sp_bytes(table->features, 2 * sizeof *first));
    else if (kind == SP_NORMALIZE_STANDARD)
        fit_standard(table, rows, first, second, preprocess);
    else
        fit_minmax(table, rows, first, second, preprocess);
    free(first);
    free(second);
    return status;
}

sp_status sp_preprocess_fit(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                            sp_error *error) {
    sp_status status = fit_columns(table, rows, preprocess, error);
    if (status) return status;
    if (table->columns.missing == SP_MISSING_MEAN) status = fit_means(table, rows, preprocess, error);
    if (!status) status = fit_maps(kind, table, rows, preprocess, error);
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

void sp_preprocess_gather(const sp_preprocess *preprocess, const sp_table *table, const uint32_t *rows, size_t count,
                          float *result, size_t stride) {
    size_t features = table->features;
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
