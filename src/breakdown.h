/* Where a loss that is not finite comes from. */
#ifndef SP_BREAKDOWN_H
#define SP_BREAKDOWN_H

#include "data/dataset.h"
#include "pass.h"

/*
 * Says, in `text`, in which layer of the mini-batch at hand numbers first ran over, from which rows of the data file,
 * and what is likely to blame: "the outputs of layer 2 are not finite in the mini-batch of digits.csv:12, 57, 310 and
 * 29 more; weights have grown to 1e+30: the learning rate (5) is likely too high; ...". `workspace` holds its passes.
 */
void sp_breakdown_describe(const sp_weights *weights, const sp_workspace *workspace, const sp_part *rows,
                           const sp_preprocess *preprocess, sp_batch batch, double eta, char *text, size_t size);

#endif
