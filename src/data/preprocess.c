#include "data/preprocess.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/vector.h"

#include <math.h>
#include <stdlib.h>

const char *const sp_normalize_names[] = {"none", "unit", "minmax", "standard", NULL};

sp_status sp_preprocess_create(size_t features, sp_preprocess *preprocess, sp_error *error) {
    *preprocess = (sp_preprocess){.features = features};
    preprocess->shift = sp_allocate_zeroed(features, sizeof *preprocess->shift);
    preprocess->scale = sp_allocate(features, sizeof *preprocess->scale);
    if (!preprocess->shift || !preprocess->scale) {
        sp_preprocess_clear(preprocess);
        return sp_fail_memory(error, "the normalisation", sp_bytes(features, 2 * sizeof(float)));
    }
    for (size_t j = 0; j < features; j++) preprocess->scale[j] = 1.0f;
    return SP_OK;
}

void sp_preprocess_clear(sp_preprocess *preprocess) {
    free(preprocess->shift);
    free(preprocess->scale);
    *preprocess = (sp_preprocess){0};
}

static double value_at(const sp_table *table, size_t row, size_t feature) {
    size_t at = row * table->features + feature;
    return table->bytes ? ((const uint8_t *)table->values)[at] : ((const float *)table->values)[at];
}

/* Adds each row to `sum`, and its squared distance from `centre` to `squares` (NULL: not wanted). */
static void accumulate(const sp_table *table, const sp_rows *rows, const double *centre, double *sum) {
    for (size_t i = 0; i < rows->count; i++)
        for (size_t j = 0; j < table->features; j++) {
            double value = value_at(table, rows->index[i], j);
            sum[j] += centre ? (value - centre[j]) * (value - centre[j]) : value;
        }
}

/* 1 / spread, or 1 where there is none to speak of: a constant feature becomes 0, not infinity. */
static float scale_of(double spread, double magnitude) {
    float scale = (float)(1.0 / spread);
    return spread > 1e-12 * magnitude && isfinite(scale) ? scale : 1.0f;
}

/* Two passes: mean, then deviations from it. One pass loses digits where the mean is large. */
static void fit_standard(const sp_table *table, const sp_rows *rows, double *mean, double *variance,
                         sp_preprocess *preprocess) {
    accumulate(table, rows, NULL, mean);
    for (size_t j = 0; j < table->features; j++) mean[j] /= (double)rows->count;
    accumulate(table, rows, mean, variance);
    for (size_t j = 0; j < table->features; j++) {
        preprocess->shift[j] = (float)mean[j];
        preprocess->scale[j] = scale_of(sqrt(variance[j] / (double)rows->count), fabs(mean[j]));
    }
}

static void fit_minmax(const sp_table *table, const sp_rows *rows, double *least, double *most,
                       sp_preprocess *preprocess) {
    for (size_t j = 0; j < table->features; j++) least[j] = most[j] = value_at(table, rows->index[0], j);
    for (size_t i = 1; i < rows->count; i++)
        for (size_t j = 0; j < table->features; j++) {
            double value = value_at(table, rows->index[i], j);
            if (value < least[j]) least[j] = value;
            if (value > most[j]) most[j] = value;
        }
    for (size_t j = 0; j < table->features; j++) {
        preprocess->shift[j] = (float)least[j];
        preprocess->scale[j] = scale_of(most[j] - least[j], 0);
    }
}

sp_status sp_preprocess_fit(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                            sp_error *error) {
    sp_status status = sp_preprocess_create(table->features, preprocess, error);
    if (status) return status;
    preprocess->kind = kind;
    if (kind == SP_NORMALIZE_NONE) return SP_OK;
    if (kind == SP_NORMALIZE_UNIT) {
        for (size_t j = 0; j < table->features; j++) preprocess->scale[j] = 1.0f / 255.0f;
        preprocess->alike = true;
        return SP_OK;
    }
    double *first = sp_allocate_zeroed(table->features, sizeof *first);
    double *second = sp_allocate_zeroed(table->features, sizeof *second);
    if (!first || !second) {
        sp_preprocess_clear(preprocess);
        status = sp_fail_memory(error, "the statistics of the features", sp_bytes(table->features, 2 * sizeof *first));
    } else if (kind == SP_NORMALIZE_STANDARD) {
        fit_standard(table, rows, first, second, preprocess);
    } else {
        fit_minmax(table, rows, first, second, preprocess);
    }
    free(first);
    free(second);
    return status;
}

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
            normalize_floats(features, (const float *)table->values + at, preprocess->shift, preprocess->scale, result);
    }
}

void sp_preprocess_apply(const sp_preprocess *preprocess, size_t rows, const float *samples, float *result,
                         size_t stride) {
    for (size_t i = 0; i < rows; i++, samples += preprocess->features, result += stride)
        normalize_floats(preprocess->features, samples, preprocess->shift, preprocess->scale, result);
}
