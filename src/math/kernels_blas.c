#include "math/kernels.h"

#include "base/error.h"

#include <cblas.h>

/* The builds of OpenBLAS, as openblas_get_parallel names them. */
enum { BUILD_SERIAL = 0, BUILD_PTHREAD = 1 };

sp_status sp_blas_prepare(sp_error *error) {
    /*
     * The serial build has no locks and computes wrong results when threads share it.
     * The OpenMP build gives other bits at one thread than at two, and telling it to
     * use one thread changes the OpenMP settings of the whole program.
     */
    int build = openblas_get_parallel();
    if (build != BUILD_PTHREAD)
        return sp_fail(error, SP_FAILED,
                       "kernels: the OpenBLAS found at run time is the %s build, which %s; let the program find "
                       "the pthread build (check LD_LIBRARY_PATH) or set parallel.kernels=reference",
                       build == BUILD_SERIAL ? "serial" : "OpenMP",
                       build == BUILD_SERIAL ? "is wrong when threads share it"
                                             : "gives other bits at one thread than at two");
    openblas_set_num_threads(1);
    return SP_OK;
}

/* Exported by the pthread build for its own use around fork; other builds have no such threads. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

void sp_blas_quiet(void) {
    openblas_set_num_threads(1);
    if (blas_thread_shutdown_) blas_thread_shutdown_();
}

const char *sp_blas_description(void) {
    return openblas_get_config();
}

const char *sp_blas_processor(void) {
    return openblas_get_corename();
}

const char *sp_blas_build(void) {
    int build = openblas_get_parallel();
    return build == BUILD_SERIAL ? "serial" : build == BUILD_PTHREAD ? "pthread" : "openmp";
}

static void run(const sp_product *p, const float *a, const float *b, float *c) {
    cblas_sgemm(CblasRowMajor, p->form == SP_AT_B ? CblasTrans : CblasNoTrans,
                p->form == SP_A_BT ? CblasTrans : CblasNoTrans, (blasint)p->m, (blasint)p->n, (blasint)p->k, 1, a,
                (blasint)p->lda, b, (blasint)p->ldb, 0, c, (blasint)p->ldc);
}

static bool prepare(sp_product *product) {
    product->run = run;
    return true;
}

/* BLAS packs its operands in every call: large tiles, so that it does so seldom. */
const sp_kernels sp_kernels_blas = {.name = "blas",
                                    .multiple = 1,
                                    .least = 1,
                                    .tile_floats = 32768,
                                    .addresses = (size_t)128 << 20,
                                    .prepare = prepare};
