#include "math/kernels.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"

#include <string.h>

sp_status sp_kernels_choose(sp_kernel_choice choice, const sp_kernels **kernels, sp_error *error) {
    if (choice == SP_KERNELS_AUTO) choice = sp_xsmm_usable() ? SP_KERNELS_XSMM : SP_KERNELS_BLAS;
    switch (choice) {
    case SP_KERNELS_REFERENCE: *kernels = &sp_kernels_reference; return SP_OK;
    case SP_KERNELS_XSMM:
        *kernels = &sp_kernels_xsmm;
        if (sp_xsmm_usable()) return SP_OK;
        return sp_fail(error, SP_FAILED,
                       "kernels: libxsmm makes no code for this processor; set parallel.kernels=blas");
    default: *kernels = &sp_kernels_blas; return sp_blas_prepare(error);
    }
}

const char *sp_kernels_target(const sp_kernels *kernels) {
    if (kernels == &sp_kernels_xsmm) return sp_xsmm_target();
    return kernels == &sp_kernels_blas ? sp_blas_processor() : "";
}

bool sp_kernels_fit(const sp_kernels *kernels, size_t threads, size_t needed) {
    enum { STACK = 8 << 20 }; /* of a thread, as systems have it */
    if (kernels->addresses == 0) return true;
    size_t left = sp_host_addresses(), mapped = sp_bytes(threads, kernels->addresses + STACK);
    return left == 0 || (needed <= left && mapped <= left - needed);
}

bool sp_product_prepare(const sp_kernels *kernels, sp_form form, size_t m, size_t n, size_t k, size_t lda, size_t ldb,
                        size_t ldc, sp_product *product) {
    *product = (sp_product){.form = form, .m = m, .n = n, .k = k, .lda = lda, .ldb = ldb, .ldc = ldc};
    return kernels->prepare(product);
}

/* ---- Plain loops: the innermost runs along rows; each sum goes up in k ---- */

static void multiply(const sp_product *p, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < p->m; i++) {
        memset(c + i * p->ldc, 0, p->n * sizeof *c);
        for (size_t q = 0; q < p->k; q++)
            for (size_t j = 0; j < p->n; j++) c[i * p->ldc + j] += a[i * p->lda + q] * b[q * p->ldb + j];
    }
}

static void multiply_at(const sp_product *p, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < p->m; i++) memset(c + i * p->ldc, 0, p->n * sizeof *c);
    for (size_t q = 0; q < p->k; q++)
        for (size_t i = 0; i < p->m; i++)
            for (size_t j = 0; j < p->n; j++) c[i * p->ldc + j] += a[q * p->lda + i] * b[q * p->ldb + j];
}

static void multiply_bt(const sp_product *p, const float *a, const float *b, float *c) {
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            float sum = 0;
            for (size_t q = 0; q < p->k; q++) sum += a[i * p->lda + q] * b[j * p->ldb + q];
            c[i * p->ldc + j] = sum;
        }
}

static bool prepare(sp_product *product) {
    product->run = product->form == SP_A_B ? multiply : product->form == SP_AT_B ? multiply_at : multiply_bt;
    return true;
}

const sp_kernels sp_kernels_reference = {
    .name = "reference", .multiple = 1, .least = 1, .tile_floats = 4096, .prepare = prepare};
