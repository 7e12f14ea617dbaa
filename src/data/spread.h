/* How large values are that are learned, or learned from, as they are: far from 1 they make steps too long. */
#ifndef SP_DATA_SPREAD_H
#define SP_DATA_SPREAD_H

#include "data/dataset.h"

/* Of the target, or the column of numbers, whose mean or deviation is furthest from 0, over the training rows. */
typedef struct sp_spread {
    size_t column;
    double mean, deviation;
} sp_spread;

sp_status sp_spread_of_targets(const sp_data *data, sp_spread *spread, sp_error *error);
sp_status sp_spread_of_features(const sp_data *data, sp_spread *spread, sp_error *error);

/* Values beyond this are better normalised. */
#define SP_LARGE_VALUE 10

bool sp_spread_is_large(const sp_spread *spread);

#endif
