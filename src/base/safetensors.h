/*
 * The safetensors format (Hugging Face, format specification 0.4): 8 bytes length of
 * the header (little-endian), the header in JSON, padded with blanks, then the raw
 * tensors. Here: float32 tensors of one or two dimensions, and text metadata.
 *
 * The last metadata text, "xxh64", is a checksum: XXH64 (seed 0, 16 hex digits) of the whole file, with '0' for each of
 * its own digits. A file that has one is refused where it is wrong; others' files have none.
 */
#ifndef SP_BASE_SAFETENSORS_H
#define SP_BASE_SAFETENSORS_H

#include "base/json.h"
#include "shardprop.h"

/* A tensor to be written; `values` is borrowed. */
typedef struct sp_tensor {
    char name[40];
    size_t dimensions, shape[2];
    const float *values;
} sp_tensor;

/* A name with its text, for the metadata; borrowed. */
typedef struct sp_metadata {
    const char *name, *text;
} sp_metadata;

/* Replaces the file at `path`; tensors lie in it in the order given. */
sp_status sp_safetensors_write(const char *path, const sp_tensor *tensors, size_t count, const sp_metadata *metadata,
                               size_t texts, sp_error *error);

typedef struct sp_safetensors sp_safetensors;

/*
 * Reads the file at `path`. Every offset, shape and length in it has been checked
 * against the bytes that are there. SP_BAD_DATA: anything else than such a file.
 */
sp_status sp_safetensors_read(const char *path, sp_safetensors **file, sp_error *error);

const char *sp_safetensors_path(const sp_safetensors *file);

/* Whether the file has a checksum, which was then right. */
bool sp_safetensors_is_sealed(const sp_safetensors *file);

/* The metadata text `name`; NULL: there is none. Owned by the file. */
const char *sp_safetensors_text(const sp_safetensors *file, const char *name);

/* All of the header as it stands: members are the tensors, and __metadata__. Nothing in it has been checked. */
const sp_json *sp_safetensors_header(const sp_safetensors *file);

/* Bytes of all tensors together. */
size_t sp_safetensors_bytes(const sp_safetensors *file);

/* Copies the tensor `name` of the shape given (a vector: columns 0). SP_BAD_DATA: none such. */
sp_status sp_safetensors_copy(const sp_safetensors *file, const char *name, size_t rows, size_t columns, float *values,
                              sp_error *error);
void sp_safetensors_destroy(sp_safetensors *file);

#endif
