/*
 * Matrix products behind one interface, so that one library can take another's place.
 *
 * Every kernel is single-threaded, allocates nothing, cannot fail, and may be called
 * from any number of threads at once. Its result depends on its arguments alone (not
 * on the thread, on what other threads do, or on alignment).
 */
#ifndef SP_MATH_KERNELS_H
#define SP_MATH_KERNELS_H

#include "shardprop.h"

typedef enum sp_kernel_choice { SP_KERNELS_AUTO, SP_KERNELS_BLAS, SP_KERNELS_REFERENCE } sp_kernel_choice;

/* All matrices are row-major and without gaps; C is overwritten and overlaps nothing. */
typedef struct sp_kernels {
    const char *name;
    /* C [m, n] = A [m, k] B [k, n]: forward. */
    void (*multiply)(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);
    /* C [m, n] = A^T B, A [k, m], B [k, n]: the gradient of the weights. */
    void (*multiply_at)(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);
    /* C [m, n] = A B^T, A [m, k], B [n, k]: the error of the layer below. */
    void (*multiply_bt)(size_t m, size_t n, size_t k, const float *a, const float *b, float *c);
} sp_kernels;

/*
 * The kernels for `choice`. SP_FAILED when the library that was found at run time
 * cannot keep the promise above. Sets OpenBLAS, where it is used, to one thread.
 */
sp_status sp_kernels_choose(sp_kernel_choice choice, const sp_kernels **kernels, sp_error *error);

/* Plain loops: what every other kernel is tested against. */
extern const sp_kernels sp_kernels_reference;

/* CBLAS, by OpenBLAS. */
extern const sp_kernels sp_kernels_blas;

/* Makes the BLAS single-threaded; SP_FAILED when its build is not fit to be shared by threads. */
sp_status sp_blas_prepare(sp_error *error);

/* Version, build and processor type of the BLAS in use. */
const char *sp_blas_description(void);

#endif
