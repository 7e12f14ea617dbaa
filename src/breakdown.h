/* Where a loss, a gradient or a weight that is not finite comes from. */
#ifndef SP_BREAKDOWN_H
#define SP_BREAKDOWN_H

#include "data/dataset.h"
#include "pass.h"

/* The mini-batch at which a training broke down, and what it left behind; all borrowed. */
typedef struct sp_breakdown {
    const sp_weights *weights;     /* the last good ones, or those that are not finite */
    const sp_workspace *workspace; /* the passes of the mini-batch */
    const sp_part *rows;           /* what its rows are rows of */
    const sp_preprocess *preprocess;
    sp_batch batch;
    double eta;      /* its learning rate */
    size_t gradient; /* the highest layer, from 1, whose gradient is not finite; 0: all are, or nobody looked */
} sp_breakdown;

/*
 * Says, in `text`, in which layer of the mini-batch numbers first ran over, from which rows of the data file, and what
 * is likely to blame, the data, the learning rate or numbers too large for float32: "the outputs of layer 2 are not
 * finite in the mini-batch of digits.csv:12, 57, 310 and 29 more; weights have grown to 1e+30: the learning rate (5) is
 * likely too high; ...".
 */
void sp_breakdown_describe(const sp_breakdown *breakdown, char *text, size_t size);

#endif
