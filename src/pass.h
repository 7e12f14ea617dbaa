/* Forward and backward through all layers, for slices of the rows of a workspace. */
#ifndef SP_PASS_H
#define SP_PASS_H

#include "batch.h"
#include "layout.h"
#include "math/noise.h"

/*
 * What a pass needs besides the weights, for the rows of one mini-batch or evaluation block.
 * Rows lie behind each other; whoever works on some rows writes only those.
 */
typedef struct sp_workspace {
    size_t rows;         /* room for so many */
    float **activations; /* a(0) .. a(L), each [rows, stride]; the caller fills a(0) */
    float **errors;      /* e(1) .. e(L) at [1] .. [L], likewise; NULL: forward only */
    float **slopes;      /* da(l)/dz(l) where the activation of layer l keeps it or some is dropped; else NULL */
    float *memory;       /* owned: all of the above lies in it */
} sp_workspace;

/* Its memory is untouched, so that a page of it can be put on the NUMA node of the thread that clears it. */
sp_status sp_workspace_create(const sp_layout *layout, size_t rows, bool backward, sp_workspace **workspace,
                              sp_error *error);

/* Sets rows first .. first + rows - 1 to zero; every row once, before its first use. */
void sp_workspace_clear(sp_workspace *workspace, const sp_layout *layout, size_t first, size_t rows);

void sp_workspace_destroy(sp_workspace *workspace);

/* Bytes that a workspace takes. */
size_t sp_workspace_bytes(const sp_layout *layout, size_t rows, bool backward);

/* A network's products, prepared for slices of certain sizes. */
typedef struct sp_pass sp_pass;

/* For `layout`, which it borrows; with gradients, or forward only. */
sp_status sp_pass_create(const sp_layout *layout, bool gradients, sp_pass **pass, sp_error *error);
void sp_pass_destroy(sp_pass *pass);

/*
 * Prepares for slices of `rows` rows; what was prepared stays. Before, not while, passes run.
 * SP_FAILED: no memory, or the kernels have no product of such a shape.
 */
sp_status sp_pass_prepare(sp_pass *pass, size_t rows, sp_error *error);

/*
 * a(l) = f(W(l)^T a(l-1) + b(l)) of layer l (from 0, here and below), over `count` slices: the columns of panels
 * first .. last - 1. The last layer's may be logits: see math/loss.h. Of a training step, which then goes backward,
 * units are dropped as `draw` has it; NULL: of none.
 */
void sp_pass_forward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                     size_t first, size_t last, const sp_slice *slices, size_t count, const sp_draw *draw);

/* The same for all panels of all layers, of no training step. */
void sp_pass_outputs(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, const sp_slice *slices,
                     size_t count);

/*
 * Loss of one slice that went forward, and e(L). `inverse_n` is 1/N of the whole mini-batch. Returns
 * the sum of the rows' losses; `truth` is that of the slice's rows; *correct: see math/loss.h.
 */
double sp_pass_loss(const sp_pass *pass, sp_workspace *workspace, sp_slice slice, sp_shape shape, sp_truth truth,
                    float inverse_n, size_t *correct);

/* Floats of scratch that a thread needs to go backward. */
size_t sp_pass_scratch(const sp_layout *layout);

/*
 * e(l-1) = (W(l) e(l)) * f'(z(l-1)) of layer l >= 1, over `count` slices: the columns of strips first .. last - 1.
 * `scratch` has sp_pass_scratch() floats, and is the calling thread's.
 */
void sp_pass_backward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                      size_t first, size_t last, const sp_slice *slices, size_t count, float *scratch);

/*
 * dJ/dw of one tile over the rows of one slice: a(l-1)^T e(l) into sum [tile->count], and the sum
 * of the rows of e(l) behind it [tile->biases].
 */
void sp_pass_gradient(const sp_pass *pass, const sp_workspace *workspace, const sp_tile *tile, sp_slice slice,
                      float *sum);

#endif
