/* Normalisation: one affine map a feature, fitted on training rows, kept with the model. */
#ifndef SP_DATA_PREPROCESS_H
#define SP_DATA_PREPROCESS_H

#include "data/split.h"
#include "data/table.h"

typedef enum sp_normalize {
    SP_NORMALIZE_NONE,    /* x */
    SP_NORMALIZE_UNIT,    /* x / 255 */
    SP_NORMALIZE_MINMAX,  /* (x - least) / (most - least) */
    SP_NORMALIZE_STANDARD /* (x - mean) / standard deviation (of the population) */
} sp_normalize;

/* Names in the order above, NULL at the end. */
extern const char *const sp_normalize_names[];

/* Feature j becomes (x - shift[j]) * scale[j]. A feature without spread has scale 1. */
typedef struct sp_preprocess {
    sp_normalize kind;
    size_t features;
    float *shift, *scale; /* owned [features] */
    bool alike;           /* no shift, and one scale for all; false: perhaps */
} sp_preprocess;

/* SP_FAILED when memory runs out; `preprocess` is then empty. */
sp_status sp_preprocess_create(size_t features, sp_preprocess *preprocess, sp_error *error);
void sp_preprocess_clear(sp_preprocess *preprocess);

/* Fits to the given rows of the table. */
sp_status sp_preprocess_fit(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                            sp_error *error);

/* Gathers `count` rows of the table, normalised, into `result` [count, features], with `stride`. */
void sp_preprocess_gather(const sp_preprocess *preprocess, const sp_table *table, const uint32_t *rows, size_t count,
                          float *result, size_t stride);

/* The same for samples [rows, features] from elsewhere than a table; `result` may be `samples`, with stride = features.
 */
void sp_preprocess_apply(const sp_preprocess *preprocess, size_t rows, const float *samples, float *result,
                         size_t stride);

#endif
