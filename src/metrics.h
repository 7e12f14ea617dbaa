/* Tallies of loss and hits, added in a fixed order. */
#ifndef SP_METRICS_H
#define SP_METRICS_H

#include <stddef.h>

/* Over some rows: sums, not means, so that tallies of any size add up. */
typedef struct sp_tally {
    double loss;
    size_t correct, rows;
} sp_tally;

void sp_tally_add(sp_tally *tally, const sp_tally *other);

/* NaN for no rows. */
double sp_tally_loss(const sp_tally *tally);
double sp_tally_accuracy(const sp_tally *tally);

#endif
