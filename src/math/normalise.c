#include "math/normalise.h"

#include "base/vector.h"

#include <math.h>

const char *const sp_norm_names[] = {"none", "batch", "layer", NULL};

/* Columns at once: their sums stay in L1. */
enum { CHUNK = 128 };

static size_t chunk_of(size_t width, size_t first) {
    return width - first < CHUNK ? width - first : CHUNK;
}

/* ---- Columns ---------------------------------------------------------------------------------- */

SP_VECTOR static void add_rows(size_t rows, size_t width, size_t stride, const float *restrict z,
                               double *restrict sum) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) sum[j] += z[i * stride + j];
}

SP_VECTOR static void add_squares(size_t rows, size_t width, size_t stride, const float *restrict z,
                                  const double *restrict mean, double *restrict sum) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) {
            double off = z[i * stride + j] - mean[j];
            sum[j] += off * off;
        }
}

SP_VECTOR static void add_products(size_t rows, size_t width, size_t stride, const float *restrict a,
                                   const float *restrict b, double *restrict sum) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) sum[j] += (double)a[i * stride + j] * b[i * stride + j];
}

/* In two passes: the mean of the squares minus the square of the mean would lose the digits they share. */
void sp_column_moments(size_t rows, size_t width, size_t stride, const float *z, float *mean, float *variance) {
    for (size_t first = 0, count; first < width; first += count) {
        double centre[CHUNK] = {0}, squares[CHUNK] = {0};
        count = chunk_of(width, first);
        add_rows(rows, count, stride, z + first, centre);
        for (size_t j = 0; j < count; j++) centre[j] /= (double)rows;
        add_squares(rows, count, stride, z + first, centre, squares);
        for (size_t j = 0; j < count; j++) {
            mean[first + j] = (float)centre[j];
            variance[first + j] = (float)(squares[j] / (double)rows);
        }
    }
}

SP_VECTOR static void inverse_deviations(size_t width, const float *restrict variance, double epsilon,
                                         float *restrict inverse) {
    for (size_t j = 0; j < width; j++) inverse[j] = (float)(1 / sqrt(variance[j] + epsilon));
}

SP_VECTOR static void normalise_and_keep(size_t rows, size_t width, size_t stride, const float *restrict mean,
                                         const float *restrict inverse, const float *restrict scale, float *restrict z,
                                         float *restrict normal) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) {
            float x = (z[i * stride + j] - mean[j]) * inverse[j];
            normal[i * stride + j] = x;
            z[i * stride + j] = scale[j] * x;
        }
}

SP_VECTOR static void normalise_only(size_t rows, size_t width, size_t stride, const float *restrict mean,
                                     const float *restrict by, float *restrict z) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) z[i * stride + j] = (z[i * stride + j] - mean[j]) * by[j];
}

void sp_normalise_columns(const sp_column_norm *norm, size_t rows, size_t width, size_t stride, float *z,
                          float *normal) {
    for (size_t first = 0, count; first < width; first += count) {
        float by[CHUNK];
        const float *mean = norm->mean + first, *scale = norm->scale + first;
        count = chunk_of(width, first);
        inverse_deviations(count, norm->variance + first, norm->epsilon, by);
        if (normal) {
            normalise_and_keep(rows, count, stride, mean, by, scale, z + first, normal + first);
            continue;
        }
        for (size_t j = 0; j < count; j++) by[j] *= scale[j];
        normalise_only(rows, count, stride, mean, by, z + first);
    }
}

void sp_normalise_sums(size_t rows, size_t width, size_t stride, const float *e, const float *normal, float *shift_sum,
                       float *scale_sum) {
    for (size_t first = 0, count; first < width; first += count) {
        double errors[CHUNK] = {0}, products[CHUNK] = {0};
        count = chunk_of(width, first);
        add_rows(rows, count, stride, e + first, errors);
        add_products(rows, count, stride, e + first, normal + first, products);
        for (size_t j = 0; j < count; j++) {
            shift_sum[first + j] = (float)errors[j];
            scale_sum[first + j] = (float)products[j];
        }
    }
}

SP_VECTOR static void columns_back(size_t rows, size_t width, size_t stride, const float *restrict by,
                                   const float *restrict mean, const float *restrict mean_product,
                                   const float *restrict normal, float *restrict e) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) {
            size_t at = i * stride + j;
            e[at] = by[j] * (e[at] - mean[j] - normal[at] * mean_product[j]);
        }
}

/* Mean and variance move with z: dJ/dz = scale / deviation (e - mean of e - xhat * mean of e xhat). */
void sp_normalise_columns_back(const sp_column_norm *norm, const float *shift_sum, const float *scale_sum, size_t rows,
                               size_t width, size_t stride, const float *normal, float *e) {
    for (size_t first = 0, count; first < width; first += count) {
        float by[CHUNK], mean[CHUNK], mean_product[CHUNK];
        count = chunk_of(width, first);
        inverse_deviations(count, norm->variance + first, norm->epsilon, by);
        for (size_t j = 0; j < count; j++) {
            by[j] *= norm->scale[first + j];
            mean[j] = shift_sum[first + j] / (float)rows;
            mean_product[j] = scale_sum[first + j] / (float)rows;
        }
        columns_back(rows, count, stride, by, mean, mean_product, normal + first, e + first);
    }
}

/* ---- Rows --------------------------------------------------------------------------------------- */

enum { LANES = 8 }; /* partial sums: the order is theirs, whatever registers there are */

static double sum_of(const double *lane) {
    double sum = 0;
    for (size_t j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

SP_VECTOR static double row_sum(size_t width, const float *z) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= width; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += z[i + j];
    for (; i < width; i++) lane[i % LANES] += z[i];
    return sum_of(lane);
}

SP_VECTOR static double row_squares(size_t width, const float *z, double mean) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= width; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += (z[i + j] - mean) * (z[i + j] - mean);
    for (; i < width; i++) lane[i % LANES] += (z[i] - mean) * (z[i] - mean);
    return sum_of(lane);
}

SP_VECTOR static double row_products(size_t width, const float *a, const float *b) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= width; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += (double)a[i + j] * b[i + j];
    for (; i < width; i++) lane[i % LANES] += (double)a[i] * b[i];
    return sum_of(lane);
}

SP_VECTOR static void normalise_row(size_t width, float mean, float inverse, float *z) {
    for (size_t j = 0; j < width; j++) z[j] = (z[j] - mean) * inverse;
}

SP_VECTOR static void multiply(size_t width, const float *restrict by, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] *= by[j];
}

SP_VECTOR static void row_back(size_t width, float inverse, float mean, float mean_product,
                               const float *restrict normal, float *restrict e) {
    for (size_t j = 0; j < width; j++) e[j] = inverse * (e[j] - mean - normal[j] * mean_product);
}

void sp_normalise_rows(const float *scale, double epsilon, size_t rows, size_t width, size_t stride, float *z,
                       float *normal, float *inverse) {
    for (size_t i = 0; i < rows; i++) {
        float *row = z + i * stride;
        double mean = row_sum(width, row) / (double)width;
        double variance = row_squares(width, row, mean) / (double)width;
        float by = (float)(1 / sqrt(variance + epsilon));
        normalise_row(width, (float)mean, by, row);
        for (size_t j = 0; normal && j < width; j++) normal[i * stride + j] = row[j];
        if (inverse) inverse[i] = by;
        multiply(width, scale, row);
    }
}

/* With g = scale * e: dJ/dz = (g - mean of g - xhat * mean of g xhat) / deviation. */
void sp_normalise_rows_back(const float *scale, size_t rows, size_t width, size_t stride, const float *normal,
                            const float *inverse, float *e) {
    for (size_t i = 0; i < rows; i++) {
        float *row = e + i * stride;
        const float *x = normal + i * stride;
        multiply(width, scale, row);
        float mean = (float)(row_sum(width, row) / (double)width);
        float mean_product = (float)(row_products(width, row, x) / (double)width);
        row_back(width, inverse[i], mean, mean_product, x, row);
    }
}
