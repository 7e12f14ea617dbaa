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
    size_t depth;
    size_t rows, slices; /* room for so many; slices 0: forward only */
    float **activations; /* a(0) .. a(L), each [rows, stride]; the caller fills a(0) */
    float **errors;      /* e(1) .. e(L) at [1] .. [L], likewise; NULL: forward only */
    float **slopes;      /* da(l)/dz(l) where the activation of layer l keeps it or some is dropped; else NULL */
    float **normals;     /* xhat(l) where layer l is normalised, likewise; else NULL */
    float **statistics;  /* of normalised layers, going backward; see norm.h */
    float *memory;       /* owned: all of the above but the statistics lies in it */
} sp_workspace;

/*
 * To go forward and, with up to `slices` slices, backward; 0: forward only. Its memory is untouched, so that a page of
 * it can be put on the NUMA node of the thread that clears it.
 */
sp_status sp_workspace_create(const sp_layout *layout, size_t rows, size_t slices, sp_workspace **workspace,
                              sp_error *error);

/* Sets rows first .. first + rows - 1 to zero; every row once, before its first use. */
void sp_workspace_clear(sp_workspace *workspace, const sp_layout *layout, size_t first, size_t rows);

void sp_workspace_destroy(sp_workspace *workspace);

/* Bytes that a workspace takes. */
size_t sp_workspace_bytes(const sp_layout *layout, size_t rows, size_t slices);

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
 * first .. last - 1. The last layer's may be logits: see math/loss.h. Under layer normalisation, they are z(l) so far.
 * Of a training step, which then goes backward, units are dropped as `draw` has it; NULL: of none.
 */
void sp_pass_forward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                     size_t first, size_t last, const sp_slice *slices, size_t count, const sp_draw *draw);

/* Under layer normalisation, behind all panels of the layer: z(l) becomes a(l), over `count` slices. */
void sp_pass_normalise(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                       const sp_slice *slices, size_t count, const sp_draw *draw);

/* All of it for all layers, of no training step. */
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
 * `scratch` has sp_pass_scratch() floats, and is the calling thread's. Where layer l-1 is normalised row by row, the
 * errors are those behind the normalisation so far.
 */
void sp_pass_backward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                      size_t first, size_t last, const sp_slice *slices, size_t count, float *scratch);

/* Under layer normalisation, behind all strips of the layer above: they become e(l), over `count` slices. */
void sp_pass_normalise_back(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                            const sp_slice *slices, size_t count);

/*
 * dJ/dw of one tile over the rows of one slice: a(l-1)^T e(l) into sum [tile->count], and behind it those of its
 * biases (of a plain layer the sum of the rows of e(l)) and of its scales.
 */
void sp_pass_gradient(const sp_pass *pass, const sp_workspace *workspace, const sp_tile *tile, sp_slice slice,
                      float *sum);

#endif
