/* Which rows of a data set are for what. */
#ifndef SP_DATA_SPLIT_H
#define SP_DATA_SPLIT_H

#include "shardprop.h"

/* Row numbers of a data set, ascending. */
typedef struct sp_rows {
    uint32_t *index; /* owned */
    size_t count;
} sp_rows;

/* All rows 0 .. count-1. False when memory runs out. */
bool sp_rows_all(size_t count, sp_rows *rows);
void sp_rows_clear(sp_rows *rows);

/*
 * Moves a share of `from` into `taken` (fresh): round(share * rows), of every class its
 * part, to within one row. Which ones is drawn from (seed, round). `labels` of all rows of
 * the data set; NULL: no classes. SP_BAD_DATA: a side would be empty.
 */
sp_status sp_rows_take_share(sp_rows *from, double share, const int32_t *labels, size_t classes, uint64_t seed,
                             uint64_t round, sp_rows *taken, sp_error *error);

#endif
