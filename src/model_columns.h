/* What a model file says of the columns of data files. */
#ifndef SP_MODEL_COLUMNS_H
#define SP_MODEL_COLUMNS_H

#include "base/safetensors.h"
#include "model.h"

enum { SP_MOST_COLUMN_TEXTS = 16 };

/* Texts of the metadata, which are owned. Start with {0}. */
typedef struct sp_column_texts {
    sp_metadata metadata[SP_MOST_COLUMN_TEXTS];
    char *owned[SP_MOST_COLUMN_TEXTS]; /* the value of each */
    size_t count;
} sp_column_texts;

/* Writes what prediction needs to know of columns, categories, means and targets. False when memory runs out; the
 * texts can then be cleared. */
bool sp_column_texts_create(const sp_model *model, sp_column_texts *texts);
void sp_column_texts_clear(sp_column_texts *texts);

/*
 * Reads it into model->columns, model->preprocess and model->target_scale, for a network of so many inputs. Files from
 * before have less of it. Returns what is malformed, NULL: nothing. Nothing in the file is believed: memory is only
 * asked for what the inputs of the network, which the file has the weights of, or the text itself account for.
 */
const char *sp_column_texts_read(const sp_safetensors *file, size_t inputs, sp_model *model);

/* One number when all are alike, else all, between blanks; fresh memory, NULL when it runs out. */
char *sp_print_floats(const float *values, size_t count);

/* False: not one number, nor `count`. */
bool sp_parse_floats(const char *text, float *values, size_t count);

/* A JSON array of strings. */
char *sp_print_names(const sp_names *names);
bool sp_parse_names(const char *text, sp_names *names);

#endif
