#include "base/safetensors.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* No model in memory is larger than this, whatever a file says. */
static const size_t largest_file = (size_t)1 << 40;

static size_t tensor_items(const sp_tensor *tensor) {
    return tensor->dimensions == 1 ? tensor->shape[0] : tensor->shape[0] * tensor->shape[1];
}

/* ---- The checksum ---------------------------------------------------------------------------- */

/* In a JSON string every quotation mark has a backslash before it, so that this stands for nothing else. */
static const char seal[] = "\"xxh64\":\"", unsealed[] = "0000000000000000";
enum { DIGITS = 16 };

/* Its digits in the first `length` bytes of a file; NULL: there is none. */
static char *find_seal(char *bytes, size_t length) {
    char *at = memmem(bytes, length, seal, strlen(seal));
    if (!at) return NULL;
    at += strlen(seal);
    return (size_t)(bytes + length - at) > DIGITS && at[DIGITS] == '"' ? at : NULL;
}

static void print_digits(uint64_t value, char digits[DIGITS + 1]) {
    snprintf(digits, DIGITS + 1, "%016llx", (unsigned long long)value);
}

/* Sets the digits in the first `length` bytes of a file, behind which come these tensors; false: no memory. */
static bool set_seal(char *bytes, size_t length, const sp_tensor *tensors, size_t count) {
    char digits[DIGITS + 1], *at = find_seal(bytes, length);
    sp_hasher *hasher = sp_hasher_create();
    if (!at || !hasher) {
        sp_hasher_destroy(hasher);
        return false;
    }
    sp_hasher_add(hasher, bytes, length);
    for (size_t i = 0; i < count; i++)
        sp_hasher_add(hasher, tensors[i].values, tensor_items(&tensors[i]) * sizeof(float));
    print_digits(sp_hasher_value(hasher), digits);
    sp_hasher_destroy(hasher);
    memcpy(at, digits, DIGITS);
    return true;
}

/* Whether the digits in a file are right; they are zeros then. */
static bool break_seal(char *bytes, size_t size, char *at) {
    char found[DIGITS + 1] = "", right[DIGITS + 1];
    memcpy(found, at, DIGITS);
    memcpy(at, unsealed, DIGITS);
    print_digits(sp_hash_bytes(bytes, size, 0), right);
    return strcmp(found, right) == 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The header as fresh text; NULL when memory runs out. */
static char *header_text(const sp_tensor *tensors, size_t count, const sp_metadata *metadata, size_t texts) {
    sp_json *root = sp_json_object();
    sp_json *about = sp_json_add_object(root, "__metadata__");
    bool good = about != NULL;
    for (size_t i = 0; i < texts; i++) good = sp_json_add_text(about, metadata[i].name, metadata[i].text) && good;
    good = sp_json_add_text(about, "xxh64", unsealed) && good;
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        sp_json *entry = sp_json_add_object(root, tensors[i].name);
        size_t end = offset + tensor_items(&tensors[i]) * sizeof(float);
        good = sp_json_add_text(entry, "dtype", "F32") && good;
        good = sp_json_add_counts(entry, "shape", tensors[i].shape, tensors[i].dimensions) && good;
        good = sp_json_add_counts(entry, "data_offsets", (size_t[]){offset, end}, 2) && good;
        offset = end;
    }
    char *text = good ? sp_json_print(root, false) : NULL;
    sp_json_destroy(root);
    return text;
}

/* All that stands before the tensors: the header padded with blanks so that they start aligned, and its checksum. */
static char *sealed_header(const sp_tensor *tensors, size_t count, const sp_metadata *metadata, size_t texts,
                           size_t *length) {
    char *text = header_text(tensors, count, metadata, texts);
    size_t used = text ? strlen(text) : 0, padded = (used + 7) / 8 * 8;
    *length = LENGTH_BYTES + padded;
    char *bytes = text ? malloc(*length) : NULL;
    for (int i = 0; bytes && i < LENGTH_BYTES; i++) bytes[i] = (char)((uint64_t)padded >> (8 * i));
    if (bytes) {
        memset(bytes + LENGTH_BYTES, ' ', padded);
        memcpy(bytes + LENGTH_BYTES, text, used);
    }
    free(text);
    if (bytes && set_seal(bytes, *length, tensors, count)) return bytes;
    free(bytes);
    return NULL;
}

sp_status sp_safetensors_write(const char *path, const sp_tensor *tensors, size_t count, const sp_metadata *metadata,
                               size_t texts, sp_error *error) {
    size_t length;
    char *header = sealed_header(tensors, count, metadata, texts, &length);
    if (!header) return sp_fail_memory(error, path, sp_bytes(count, sizeof(sp_tensor)));
    sp_output *output;
    if (sp_output_open(path, &output, error)) {
        free(header);
        return error->status;
    }
    sp_output_write(output, header, length);
    for (size_t i = 0; i < count; i++)
        sp_output_write(output, tensors[i].values, tensor_items(&tensors[i]) * sizeof(float));
    free(header);
    return sp_output_commit(output, error);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct sp_safetensors {
    char *path;       /* owned */
    char *bytes;      /* owned: the whole file */
    const char *data; /* in bytes: the first tensor */
    size_t data_bytes;
    sp_json *header; /* owned */
    bool sealed;
};

static sp_status not_safetensors(const char *path, const char *why, sp_error *error) {
    return sp_fail(error, SP_BAD_DATA, "%s: is not a safetensors file (%s); name a model or a run directory", path,
                   why);
}

static sp_status parse(sp_safetensors *file, size_t size, sp_error *error) {
    if (size < LENGTH_BYTES) return not_safetensors(file->path, "shorter than 8 bytes", error);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++) length |= (uint64_t)(unsigned char)file->bytes[i] << (8 * i);
    if (length > size - LENGTH_BYTES) return not_safetensors(file->path, "its header is longer than the file", error);
    char *header = file->bytes + LENGTH_BYTES;
    file->header = sp_json_parse(header, length);
    if (!file->header && errno == ENOMEM) return sp_fail_memory(error, file->path, length);
    if (!sp_json_is_object(file->header)) return not_safetensors(file->path, "its header is not JSON", error);
    char *digits = find_seal(file->bytes, LENGTH_BYTES + length);
    file->sealed = digits != NULL;
    if (digits && !break_seal(file->bytes, size, digits))
        return sp_fail(error, SP_BAD_DATA, "%s: is damaged or was altered (its checksum is another); copy it again",
                       file->path);
    file->data = file->bytes + LENGTH_BYTES + length;
    file->data_bytes = size - LENGTH_BYTES - length;
    return SP_OK;
}

sp_status sp_safetensors_read(const char *path, sp_safetensors **file, sp_error *error) {
    sp_safetensors *opened = calloc(1, sizeof *opened);
    if (opened) opened->path = strdup(path);
    if (!opened || !opened->path) {
        free(opened);
        return sp_fail_memory(error, path, sizeof *opened);
    }
    size_t size = 0;
    sp_status status = sp_file_read(path, largest_file, &opened->bytes, &size, error);
    if (!status) status = parse(opened, size, error);
    if (status) {
        sp_safetensors_destroy(opened);
        return status;
    }
    *file = opened;
    return SP_OK;
}

const char *sp_safetensors_path(const sp_safetensors *file) {
    return file->path;
}

bool sp_safetensors_is_sealed(const sp_safetensors *file) {
    return file->sealed;
}

const char *sp_safetensors_text(const sp_safetensors *file, const char *name) {
    return sp_json_text(sp_json_member(sp_json_member(file->header, "__metadata__"), name));
}

const sp_json *sp_safetensors_header(const sp_safetensors *file) {
    return file->header;
}

size_t sp_safetensors_bytes(const sp_safetensors *file) {
    return file->data_bytes;
}

/* Whether `value` is the array of counts `wanted`. */
static bool counts_are(const sp_json *value, const size_t *wanted, size_t count) {
    if (sp_json_items(value) != count) return false;
    const sp_json *item = sp_json_first(value);
    for (size_t i = 0; i < count; i++, item = sp_json_next(item)) {
        double number;
        if (!item || !sp_json_number(item, &number) || number != (double)wanted[i]) return false;
    }
    return true;
}

/* Where the tensor's bytes start, when its two offsets hold exactly `bytes` of the file. */
static bool offsets_hold(const sp_json *value, size_t bytes, size_t data_bytes, size_t *start) {
    double from, to;
    const sp_json *first = sp_json_first(value);
    if (sp_json_items(value) != 2 || !sp_json_number(first, &from) || !sp_json_number(sp_json_next(first), &to))
        return false;
    if (!(from >= 0) || !(to >= from) || !(to <= (double)data_bytes) || from != (double)(size_t)from) return false;
    *start = (size_t)from;
    return to - from == (double)bytes;
}

sp_status sp_safetensors_copy(const sp_safetensors *file, const char *name, size_t rows, size_t columns, float *values,
                              sp_error *error) {
    size_t shape[2] = {rows, columns}, dimensions = columns > 0 ? 2 : 1, start;
    size_t bytes = sp_bytes(sp_bytes(rows, columns > 0 ? columns : 1), sizeof(float));
    const sp_json *entry = sp_json_member(file->header, name);
    const char *type = sp_json_text(sp_json_member(entry, "dtype"));
    if (!entry) return sp_fail(error, SP_BAD_DATA, "%s: has no tensor %s; name a model of shardprop", file->path, name);
    if (!type || strcmp(type, "F32") != 0 || !counts_are(sp_json_member(entry, "shape"), shape, dimensions) ||
        !offsets_hold(sp_json_member(entry, "data_offsets"), bytes, file->data_bytes, &start))
        return sp_fail(error, SP_BAD_DATA,
                       "%s: tensor %s is not float32 of the shape that the metadata says, or is cut off; "
                       "copy the file again",
                       file->path, name);
    memcpy(values, file->data + start, bytes);
    return SP_OK;
}

void sp_safetensors_destroy(sp_safetensors *file) {
    if (!file) return;
    sp_json_destroy(file->header);
    free(file->bytes);
    free(file->path);
    free(file);
}
