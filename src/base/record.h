/*
 * A record of a state: named numbers, texts and vectors, filled again and again, and written as a safetensors file.
 *
 * What is put under a name for the first time makes its place, which needs memory; from then on, putting it again
 * copies and no more. Exact: what is read is what was put, to the last bit, in any locale.
 */
#ifndef SP_BASE_RECORD_H
#define SP_BASE_RECORD_H

#include "base/safetensors.h"

typedef struct sp_record sp_record;

/* NULL: no memory. */
sp_record *sp_record_create(void);
void sp_record_destroy(sp_record *record);

/* Whether all that was put has found a place: asked once, when everything has been. */
bool sp_record_is_whole(const sp_record *record);

/* Bytes of its vectors. */
size_t sp_record_bytes(const sp_record *record);

/* The place of a vector, for the caller to fill; NULL: no memory. The name is copied, as are all. */
float *sp_record_floats(sp_record *record, const char *name, size_t count);
void sp_record_put_text(sp_record *record, const char *name, const char *text, size_t most);
void sp_record_put_counts(sp_record *record, const char *name, const uint64_t *values, size_t count);
void sp_record_put_reals(sp_record *record, const char *name, const double *values, size_t count);

/* Replaces the file at `path`. */
sp_status sp_record_write(const sp_record *record, const char *path, sp_error *error);

/* ---- Back, from the file. SP_BAD_DATA: it has none of that name and so many ---- */

sp_status sp_record_take_counts(const sp_safetensors *file, const char *name, uint64_t *values, size_t count,
                                sp_error *error);
sp_status sp_record_take_reals(const sp_safetensors *file, const char *name, double *values, size_t count,
                               sp_error *error);

#endif
