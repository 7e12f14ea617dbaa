/*
 * Matrix products behind one interface, so that one library can take another's place.
 *
 * A product of a fixed shape is prepared once and run many times. Running it is
 * single-threaded, allocates nothing, cannot fail, and may be done from any number of
 * threads at once. Its result depends on its arguments alone (not on the thread, on what
 * other threads do, or on alignment).
 *
 * How weights lie in memory is the kernels' affair, within one scheme: W(l) [d(l-1), d(l)] is cut
 * into panels of columns, each row-major and contiguous, its columns padded with zeros. One
 * panel of all columns without padding is plain row-major. See layout.h.
 */
#ifndef SP_MATH_KERNELS_H
#define SP_MATH_KERNELS_H

#include "shardprop.h"

typedef enum sp_kernel_choice {
    SP_KERNELS_AUTO, /* xsmm where the processor has AVX2 or more, else blas */
    SP_KERNELS_XSMM,
    SP_KERNELS_BLAS,
    SP_KERNELS_REFERENCE
} sp_kernel_choice;

/* What is multiplied; C [m, n] is overwritten and overlaps nothing. */
typedef enum sp_form {
    SP_A_B,  /* C = A B,   A [m, k], B [k, n]: forward */
    SP_AT_B, /* C = A^T B, A [k, m], B [k, n]: the gradient of the weights */
    SP_A_BT  /* C = A B^T, A [m, k], B [n, k]: the error of the layer below */
} sp_form;

typedef struct sp_product sp_product;
struct sp_product {
    void (*run)(const sp_product *product, const float *a, const float *b, float *c);
    sp_form form;
    size_t m, n, k, lda, ldb, ldc; /* ld: floats from one row to the next */
    void (*code)(void);            /* what the library made for it; NULL: nothing */
};

typedef struct sp_kernels {
    const char *name;
    size_t panel;    /* most columns of a panel; 0: all columns are one */
    size_t multiple; /* columns of a panel are padded to a multiple of this, */
    size_t least;    /* and to this many at least */
    size_t
        addresses; /* bytes that each thread maps besides, of which it uses few; where it cannot, it tries for ever */
    size_t tile_floats; /* gradients are computed and weights updated in tiles of about this size */
    /*
     * Writes the transpose of from [rows, columns] to `to`; strides in floats. NULL: not needed, the
     * library has A B^T. Otherwise that is had as A (B^T), with a strip of B transposed for each use:
     * a copy kept up to date would cost more, in every update.
     */
    void (*transpose)(size_t rows, size_t columns, const float *from, size_t from_stride, float *to, size_t to_stride);
    /* False: this library has none for such a shape. */
    bool (*prepare)(sp_product *product);
} sp_kernels;

/*
 * The kernels for `choice`. SP_FAILED when the library that was found at run time
 * cannot keep the promise above, or the processor lacks what was asked for. Sets OpenBLAS, where
 * it is used, to one thread.
 */
sp_status sp_kernels_choose(sp_kernel_choice choice, const sp_kernels **kernels, sp_error *error);

/* Whether a limit of addresses leaves room for what each of the threads maps, beside `needed` bytes. */
bool sp_kernels_fit(const sp_kernels *kernels, size_t threads, size_t needed);

/* Prepares a product; false: the kernels have none for such a shape. */
bool sp_product_prepare(const sp_kernels *kernels, sp_form form, size_t m, size_t n, size_t k, size_t lda, size_t ldb,
                        size_t ldc, sp_product *product);

static inline void sp_product_run(const sp_product *product, const float *a, const float *b, float *c) {
    product->run(product, a, b, c);
}

/* Plain loops: what every other kernel is tested against. */
extern const sp_kernels sp_kernels_reference;

/* CBLAS, by OpenBLAS. */
extern const sp_kernels sp_kernels_blas;

/* Code made at run time for each shape, by libxsmm. */
extern const sp_kernels sp_kernels_xsmm;

/* Makes the BLAS single-threaded; SP_FAILED when its build is not fit to be shared by threads. */
sp_status sp_blas_prepare(sp_error *error);

/*
 * Ends the threads that OpenBLAS starts when it is loaded, which spin for a while on the cores that
 * training is about to use. For a program that has started nothing yet, never for a library.
 */
void sp_blas_quiet(void);

/* Version and build of the BLAS in use, and the type of processor whose kernels it chose. */
const char *sp_blas_description(void);
const char *sp_blas_processor(void);

/* How that build takes threads: "serial", "pthread", "openmp". */
const char *sp_blas_build(void);

/* The type of processor that such kernels are made for: other types have other bits. "" where all have the same. */
const char *sp_kernels_target(const sp_kernels *kernels);

/* Whether libxsmm is built in and makes code for AVX2 or more on this processor; its version; its name for the
 * processor. */
bool sp_xsmm_usable(void);
const char *sp_xsmm_description(void);
const char *sp_xsmm_target(void);

#endif
