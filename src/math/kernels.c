#include "math/kernels.h"

#include <string.h>

sp_status sp_kernels_choose(sp_kernel_choice choice, const sp_kernels **kernels, sp_error *error) {
    if (choice == SP_KERNELS_REFERENCE) {
        *kernels = &sp_kernels_reference;
        return SP_OK;
    }
    *kernels = &sp_kernels_blas;
    return sp_blas_prepare(error);
}

/* The loops stand so that the innermost runs along rows; each sum goes up in k. */

static void multiply(size_t m, size_t n, size_t k, const float *a, const float *b, float *c) {
    memset(c, 0, m * n * sizeof *c);
    for (size_t i = 0; i < m; i++)
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++) c[i * n + j] += a[i * k + p] * b[p * n + j];
}

static void multiply_at(size_t m, size_t n, size_t k, const float *a, const float *b, float *c) {
    memset(c, 0, m * n * sizeof *c);
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) c[i * n + j] += a[p * m + i] * b[p * n + j];
}

static void multiply_bt(size_t m, size_t n, size_t k, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0;
            for (size_t p = 0; p < k; p++) sum += a[i * k + p] * b[j * k + p];
            c[i * n + j] = sum;
        }
}

const sp_kernels sp_kernels_reference = {"reference", multiply, multiply_at, multiply_bt};
