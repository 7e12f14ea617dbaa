/*
 * What the numbers of a run come from: the data as they are used, the model that its weights start from, the kernels.
 * Kept with the run, so that it can be told later whether these are still the same.
 */
#ifndef SP_ORIGIN_H
#define SP_ORIGIN_H

#include "base/json.h"
#include "config.h"
#include "data/dataset.h"
#include "math/kernels.h"

/* Of the rows for one purpose: their file's size and content, as they are after reading; how many, and which. */
enum { SP_PRINT_ROWS, SP_PRINT_FEATURES, SP_PRINT_CONTENT, SP_PRINT_TAKEN, SP_PRINT_WHICH, SP_PRINT_FIGURES };

typedef struct sp_fingerprint {
    const char *path;   /* borrowed from the data; NULL: there are no rows, and all figures are 0 */
    const char *labels; /* borrowed from the configuration: the file of an IDX file's labels; NULL: none */
    uint64_t figure[SP_PRINT_FIGURES];
    uint64_t inputs; /* hash of the features alone, where content is of the targets and weights, too */
} sp_fingerprint;

enum { SP_PARTS = 3, SP_KERNELS_NAME = 80 };

typedef struct sp_origin {
    sp_fingerprint parts[SP_PARTS]; /* training, validation, test */
    char kernels[SP_KERNELS_NAME];  /* with the type of processor, where others have other bits */
    const char *init_from;          /* borrowed from the configuration; empty: none */
    uint64_t init_xxh64;            /* of that file; 0: it cannot be read */
} sp_origin;

void sp_origin_describe(const sp_config *config, const sp_data *data, const sp_kernels *kernels, sp_origin *origin);

/* "data.train", "data.validation", "data.test". */
const char *sp_origin_part_name(int part);

/* Adds what it is to a summary.json: kernels, compiler, data. False when memory runs out. */
bool sp_origin_add(const sp_origin *origin, sp_json *summary);

/*
 * Holds the data against those of a summary.json. SP_BAD_DATA: a line for every file that has changed since. Where the
 * summary has none (an older version's), *known is false, with SP_OK.
 */
sp_status sp_origin_check_data(const sp_origin *origin, const sp_json *summary, bool *known, sp_error *error);

#endif
