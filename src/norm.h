/*
 * Normalised layers in a pass.
 *
 * Batch normalisation takes the moments of a shard, not of the whole mini-batch (ghost batch normalisation: Hoffer,
 * Hubara, Soudry, NIPS 2017): no thread waits for another, and the result depends on the shards alone. A column needs
 * no other one, so that whoever has a panel of z(l), or a strip of its errors, for all rows of a shard normalises it
 * at once. Layer normalisation needs whole rows: it is an operation of its own behind all panels (see stage.h).
 *
 * Layers are counted from 0. Where the workspace goes forward only, batch normalisation takes the running moments.
 */
#ifndef SP_NORM_LAYERS_H
#define SP_NORM_LAYERS_H

#include "pass.h"

/* Floats that a layer keeps in sp_workspace.statistics[layer + 1] for so many rows and slices. */
size_t sp_norm_floats(const sp_layout *layout, size_t layer, size_t rows, size_t slices);

/* z of columns first .. first + columns - 1 of one slice becomes scale * xhat. */
void sp_norm_batch(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                   size_t first, size_t columns, sp_slice slice);

/* dJ/d(scale * xhat + b) of these becomes e = dJ/dz; the gradients of their biases and scales are kept. */
void sp_norm_batch_back(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                        size_t first, size_t columns, sp_slice slice);

/* The same for all columns of some rows, by their own moments; and backward, for all rows of a slice. */
void sp_norm_layer(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                   size_t row, size_t rows);
void sp_norm_layer_back(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                        sp_slice slice);

/* Gradients of a tile's biases and scales over one slice that went backward: one behind the other into `sum`. */
void sp_norm_gradient(const sp_layout *layout, const sp_workspace *workspace, const sp_tile *tile, sp_slice slice,
                      float *sum);

/*
 * Running moments of the columns of a tile under batch normalisation, at the end of a step: running := (1 - momentum)
 * running + momentum * that of the mini-batch, whose mean and (unbiased) variance over all its rows come of those of
 * its slices, added in their order (Chan, Golub, LeVeque, Am. Stat. 37 (1983)). A single row has no variance: then the
 * running one stays.
 */
void sp_norm_follow(sp_weights *weights, const sp_workspace *workspace, const sp_tile *tile, const sp_slice *slices,
                    size_t count, double momentum);

#endif
