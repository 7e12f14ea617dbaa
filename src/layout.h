/*
 * How weights lie in memory while they are used: panels, padding, tiles.
 *
 * W(l) [d(l-1), d(l)] is cut into panels of columns. A panel is a row-major matrix [d(l-1), width]
 * without gaps; columns beyond d(l) are zero, and stay zero. Activations and errors of a layer are
 * row-major with `stride` floats from one row to the next, padded like the panels. What
 * files and hashes see is the plain vector of net.h.
 */
#ifndef SP_LAYOUT_H
#define SP_LAYOUT_H

#include "math/kernels.h"
#include "net.h"

typedef struct sp_panel {
    size_t first, columns; /* of the matrix that is cut */
    size_t width;          /* columns with padding */
    size_t offset;         /* in sp_weights.packed */
} sp_panel;

typedef struct sp_layer_layout {
    size_t stride;   /* of a(l) and e(l) */
    size_t panels;   /* of W(l), over its columns */
    sp_panel *panel; /* owned */
    size_t bias;     /* in sp_weights.packed; padded like the panels together */
    size_t scale;    /* likewise, of a normalised layer */
    size_t strips;   /* of W(l), over its rows: e(l-1) is computed strip by strip; 0 in layer 1 */
} sp_layer_layout;

/* Rows row .. row + rows - 1 of a panel, and the panel's part of the bias, and of the scale, where row is 0. */
typedef struct sp_tile {
    size_t layer, panel; /* from 0 */
    size_t row, rows;
    size_t offset, count; /* its weights, in sp_weights.packed */
    size_t bias, biases;  /* its biases, there; biases 0: not this tile's */
    size_t scale, scales; /* its scales, likewise */
    size_t at;            /* in a vector of all tiles' weights, biases and scales, tile by tile */
} sp_tile;

/* Weights, biases and scales of a tile; in its gradient they lie in this order. */
static inline size_t sp_tile_floats(const sp_tile *tile) {
    return tile->count + tile->biases + tile->scales;
}

typedef struct sp_layout {
    const sp_net *net;         /* borrowed */
    const sp_kernels *kernels; /* borrowed */
    size_t input_stride;       /* of a(0) */
    sp_layer_layout *layers;   /* owned [depth] */
    size_t strip;              /* most rows of a strip; 0: all rows are one */
    size_t statistics;         /* in sp_weights.packed: all running means and variances, as in the plain vector */
    size_t packed;             /* floats of all weights, biases and scales, and of these */
    size_t tiles, most_tile;   /* most_tile: floats of the largest */
    size_t all_tiles;          /* floats of all */
    sp_tile *tile;             /* owned [tiles] */
} sp_layout;

sp_status sp_layout_create(const sp_net *net, const sp_kernels *kernels, sp_layout **layout, sp_error *error);
void sp_layout_destroy(sp_layout *layout);

/* Rows first .. first + rows - 1 of W(l), layer l from 0, are its strip `strip`. */
void sp_layout_strip(const sp_layout *layout, size_t l, size_t strip, size_t *first, size_t *rows);

/* From a vector of all tiles, tile by tile, to the plain one of net.h. */
void sp_layout_unpack(const sp_layout *layout, const float *tiles, float *plain);

/* Weights, biases, scales and running statistics in use. Where panels are whole layers, `packed` is the plain vector
 * itself. */
typedef struct sp_weights {
    const sp_layout *layout; /* borrowed */
    float *packed;           /* owned */
} sp_weights;

sp_status sp_weights_create(const sp_layout *layout, sp_weights **weights, sp_error *error);
void sp_weights_destroy(sp_weights *weights);

/* From and to the plain vector [net->floats]. */
void sp_weights_load(sp_weights *weights, const float *parameters);
void sp_weights_store(const sp_weights *weights, float *parameters);

#endif
