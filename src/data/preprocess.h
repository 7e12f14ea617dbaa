/*
 * From the values of a table to features: missing numbers become the mean of the training rows, a text one feature a
 * category, which is 1 or 0; numbers are normalised by one affine map each. All of it is fitted on training rows alone
 * and kept with the model.
 */
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

/* A column of text: of each code the feature, counted from the column's first. */
typedef struct sp_onehot {
    size_t codes;   /* 0: the column has numbers */
    size_t width;   /* features */
    int32_t *place; /* owned [codes]; -1: no training row had it, all features are 0 */
} sp_onehot;

/* Feature j becomes (x - shift[j]) * scale[j]. A feature without spread has scale 1, and so has one of a text. */
typedef struct sp_preprocess {
    sp_normalize kind;
    size_t columns;       /* values of a row */
    size_t features;      /* what becomes of them: d(0) */
    float *shift, *scale; /* owned [features] */
    bool alike;           /* no shift, and one scale for all; false: perhaps */
    float *fill;          /* owned [columns]: in place of NaN; NULL: nothing is */
    sp_onehot *onehot;    /* owned [columns]; NULL: all columns have numbers */
} sp_preprocess;

/* Numbers alone, as they are. SP_FAILED when memory runs out; `preprocess` is then empty. */
sp_status sp_preprocess_create(size_t columns, sp_preprocess *preprocess, sp_error *error);

/* The same with text: column j has widths[j] categories, each with a feature in their order; 0: numbers. */
sp_status sp_preprocess_create_onehot(size_t columns, const size_t *widths, sp_preprocess *preprocess, sp_error *error);
void sp_preprocess_clear(sp_preprocess *preprocess);

/* Fits to the given rows of the table. SP_BAD_DATA: a column has no value in any of them. */
sp_status sp_preprocess_fit(sp_normalize kind, const sp_table *table, const sp_rows *rows, sp_preprocess *preprocess,
                            sp_error *error);

/* Gathers `count` rows of the table into `result` [count, features], with `stride`. */
void sp_preprocess_gather(const sp_preprocess *preprocess, const sp_table *table, const uint32_t *rows, size_t count,
                          float *result, size_t stride);

/* The same for samples [rows, columns] from elsewhere than a table; where there is no text, `result` may be `samples`,
 * with stride = features. */
void sp_preprocess_apply(const sp_preprocess *preprocess, size_t rows, const float *samples, float *result,
                         size_t stride);

/* Takes back the maps of numbers [rows, features], in place: x = y / scale + shift. */
void sp_preprocess_undo(const sp_preprocess *preprocess, size_t rows, float *values);

/* A copy that knows only the categories of training rows, whose codes are their places. SP_FAILED: no memory. */
sp_status sp_preprocess_copy(const sp_preprocess *from, sp_preprocess *to, sp_error *error);

#endif
