/*
 * libxsmm (Heinecke, Henry, Hutchinson, Pabst: LIBXSMM: Accelerating Small Matrix Multiplications
 * by Runtime Code Generation; SC 2016). It makes code for each shape when that is prepared.
 * Every element of a result is one chain of fused multiply-adds over k.
 */
#include "math/kernels.h"

#ifdef SP_WITH_XSMM

#include <libxsmm.h>

/* libxsmm is column-major: a row-major C = A B is its C^T = B^T A^T, operands in turn. */
static void run(const sp_product *p, const float *a, const float *b, float *c) {
    ((libxsmm_smmfunction)p->code)(b, a, c);
}

static bool prepare(sp_product *product) {
    if (product->form == SP_A_BT) return false; /* it has none */
    int flags = product->form == SP_AT_B ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    int prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
    float alpha = 1, beta = 0;
    libxsmm_blasint lda = (libxsmm_blasint)product->ldb, ldb = (libxsmm_blasint)product->lda,
                    ldc = (libxsmm_blasint)product->ldc;
    product->code = (void (*)(void))libxsmm_smmdispatch((libxsmm_blasint)product->n, (libxsmm_blasint)product->m,
                                                        (libxsmm_blasint)product->k, &lda, &ldb, &ldc, &alpha, &beta,
                                                        &flags, &prefetch);
    product->run = run;
    return product->code != NULL;
}

static void transpose(size_t rows, size_t columns, const float *from, size_t from_stride, float *to, size_t to_stride) {
    libxsmm_otrans(to, from, sizeof(float), (libxsmm_blasint)columns, (libxsmm_blasint)rows,
                   (libxsmm_blasint)from_stride, (libxsmm_blasint)to_stride);
}

bool sp_xsmm_usable(void) {
    return libxsmm_get_target_archid() >= LIBXSMM_X86_AVX2;
}

const char *sp_xsmm_description(void) {
    return LIBXSMM_VERSION;
}

const char *sp_xsmm_target(void) {
    return libxsmm_get_target_arch();
}

#else

static bool prepare(sp_product *product) {
    (void)product;
    return false;
}

static void transpose(size_t rows, size_t columns, const float *from, size_t from_stride, float *to, size_t to_stride) {
    (void)rows, (void)columns, (void)from, (void)from_stride, (void)to, (void)to_stride;
}

bool sp_xsmm_usable(void) {
    return false;
}

const char *sp_xsmm_description(void) {
    return "not built in";
}

const char *sp_xsmm_target(void) {
    return "";
}

#endif

/*
 * Columns in whole AVX-512 registers. For a panel of 16 columns and less than 12 rows the code for AVX-512 splits the
 * sum: shapes are the plan's, so that training has the same bits all the same; eval.c fills up short blocks.
 */
const sp_kernels sp_kernels_xsmm = {.name = "xsmm",
                                    .panel = 64,
                                    .multiple = 16,
                                    .least = 16,
                                    .tile_floats = 4096,
                                    .prepare = prepare,
                                    .transpose = transpose};
