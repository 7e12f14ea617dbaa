/*
 * Any bytes as the cache of a CSV, behind a header whose sizes and checksums fit: the first two say how many rows and
 * features it has, the third whether values stay in the file. Where that is 255, the rest is a whole file as it is. A
 * table that is read is fitted to and gathered.
 */
#include "base/hash.h"
#include "data/cache_format.h"
#include "fuzzed_table.h"
#include "input.h"

#include <stdlib.h>
#include <string.h>

void fuzz_prepare(void) {}

enum { KEY = 7 };

/* The file in fresh memory; NULL: values and lines would not be in it. */
static uint8_t *make_file(const uint8_t *bytes, size_t size, size_t rows, size_t features, size_t *length) {
    size_t values = rows * features * sizeof(float), lines = rows * sizeof(uint64_t);
    uint8_t *file = size < values + lines ? NULL : calloc(1, SP_CACHE_HEADER + size);
    if (!file) return NULL;
    uint64_t *header = (uint64_t *)file;
    memcpy(file + SP_CACHE_HEADER, bytes, size);
    *length = SP_CACHE_HEADER + size;
    header[SP_CACHE_MAGIC] = SP_CACHE_MAGIC_NUMBER;
    header[SP_CACHE_VERSION] = SP_CACHE_VERSION_NUMBER;
    header[SP_CACHE_KEY] = KEY;
    header[SP_CACHE_ROWS] = rows;
    header[SP_CACHE_FEATURES] = features;
    header[SP_CACHE_LINES_AT] = SP_CACHE_HEADER + values;
    header[SP_CACHE_SIZE] = *length;
    header[SP_CACHE_VALUES_HASH] = sp_hash_bytes(bytes, values, 0);
    header[SP_CACHE_REST_HASH] = sp_hash_bytes(bytes + values, size - values, 0);
    header[SP_CACHE_CHECK] = sp_hash_bytes(header, SP_CACHE_CHECK * sizeof *header, 0);
    return file;
}

static void read_file(const uint8_t *bytes, size_t size, bool stays, sp_normalize kind) {
    const char *path = fuzz_file(0, bytes, size), *why;
    sp_error error = {0};
    sp_cache_file *file;
    sp_table *table = calloc(1, sizeof *table);
    if (table) table->path = strdup(path);
    if (table && table->path && !sp_cache_file_open(path, KEY, &file, &why, &error) && file) {
        sp_status status = sp_cache_file_read(file, stays ? 0 : size, false, table, &why, &error);
        if (!status && !why) fuzz_gather(table, kind);
        sp_cache_file_close(file);
    }
    sp_table_destroy(table);
}

void fuzz_input(const uint8_t *bytes, size_t size) {
    size_t length;
    if (size < 3) return;
    sp_normalize kind = (sp_normalize)(bytes[2] >> 1 & 3);
    if (bytes[2] == 255) {
        read_file(bytes + 3, size - 3, false, kind);
        return;
    }
    uint8_t *file = make_file(bytes + 3, size - 3, 1 + bytes[0] % 16, 1 + bytes[1] % 16, &length);
    if (!file) return;
    read_file(file, length, bytes[2] & 1, kind);
    free(file);
}
