/*
 * Normalisation of what goes into an activation: xhat = (z - mean) / sqrt(variance + epsilon), and then scale * xhat,
 * to which the activation adds its bias, the shift.
 *
 * Over the rows of each column (batch: Ioffe, Szegedy, ICML 2015), or over the columns of each row (layer: Ba, Kiros,
 * Hinton 2016). Variances are biased: divided by the count. Sums are in double precision, in an order that depends on
 * the sizes alone. Matrices have `stride` floats from one row to the next.
 */
#ifndef SP_MATH_NORMALISE_H
#define SP_MATH_NORMALISE_H

#include <stddef.h>

typedef enum sp_norm { SP_NORM_NONE, SP_NORM_BATCH, SP_NORM_LAYER } sp_norm;

/* Names in the order above, NULL at the end. */
extern const char *const sp_norm_names[];

/* ---- Columns ---- */

/* Mean and variance [width] of each column of z [rows, width]; rows at least 1. */
void sp_column_moments(size_t rows, size_t width, size_t stride, const float *z, float *mean, float *variance);

/* How columns are normalised; each [width]. */
typedef struct sp_column_norm {
    const float *mean, *variance, *scale;
    double epsilon;
} sp_column_norm;

/* In place, z [rows, width] becomes scale * xhat; `normal` receives xhat, likewise; NULL: not wanted. */
void sp_normalise_columns(const sp_column_norm *norm, size_t rows, size_t width, size_t stride, float *z,
                          float *normal);

/* With e = dJ/d(scale xhat + shift) [rows, width]: dJ/dshift and dJ/dscale [width], the sums of e and of e * xhat. */
void sp_normalise_sums(size_t rows, size_t width, size_t stride, const float *e, const float *normal, float *shift_sum,
                       float *scale_sum);

/* In place, e becomes dJ/dz, of columns that were normalised by moments of the same rows. */
void sp_normalise_columns_back(const sp_column_norm *norm, const float *shift_sum, const float *scale_sum, size_t rows,
                               size_t width, size_t stride, const float *normal, float *e);

/* ---- Rows ---- */

/*
 * The same for each row by its own moments; scale [width]. `inverse` [rows] receives 1 / sqrt(variance + epsilon);
 * NULL, like `normal`: not wanted.
 */
void sp_normalise_rows(const float *scale, double epsilon, size_t rows, size_t width, size_t stride, float *z,
                       float *normal, float *inverse);

/* In place, e becomes dJ/dz. */
void sp_normalise_rows_back(const float *scale, size_t rows, size_t width, size_t stride, const float *normal,
                            const float *inverse, float *e);

#endif
