/*
 * IDX, the format of MNIST (LeCun, Cortes, Burges): two zero bytes, the type of the
 * values (08: unsigned byte), the number of dimensions, each dimension as a big-endian
 * 32-bit number, then the values. Here the first dimension counts samples.
 */
#include "data/table.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_BYTE = 8, MOST_DIMENSIONS = 4 };

typedef struct header {
    size_t rows, features; /* features: product of all other dimensions */
    unsigned dimensions;
} header;

bool sp_idx_recognise(const unsigned char bytes[SP_PEEK], size_t count) {
    if (count < 4 || bytes[0] != 0 || bytes[1] != 0) return false;
    return bytes[2] >= 0x08 && bytes[2] <= 0x0e && bytes[3] >= 1 && bytes[3] <= MOST_DIMENSIONS;
}

static sp_status truncated(const char *path, sp_error *error) {
    return sp_fail(error, SP_BAD_DATA, "%s: its IDX header is truncated; fetch the file again", path);
}

static sp_status read_header(sp_input *input, header *read, sp_error *error) {
    const char *path = sp_input_path(input);
    unsigned char magic[4], dimension[4];
    size_t got;
    sp_status status = sp_input_read(input, magic, sizeof magic, &got, error);
    if (status) return status;
    if (got < sizeof magic) return truncated(path, error);
    if (!sp_idx_recognise(magic, got))
        return sp_fail(
            error, SP_BAD_DATA,
            "%s: starts with %02x %02x %02x %02x, not the magic number of IDX (00 00 08 and the dimensions); "
            "name an IDX file",
            path, magic[0], magic[1], magic[2], magic[3]);
    if (magic[2] != TYPE_BYTE)
        return sp_fail(error, SP_BAD_DATA, "%s: holds IDX values of type %02x; only unsigned bytes (08) are read", path,
                       magic[2]);

    *read = (header){.features = 1, .dimensions = magic[3]};
    for (unsigned i = 0; i < read->dimensions; i++) {
        status = sp_input_read(input, dimension, sizeof dimension, &got, error);
        if (status) return status;
        if (got < sizeof dimension) return truncated(path, error);
        size_t size =
            (size_t)dimension[0] << 24 | (size_t)dimension[1] << 16 | (size_t)dimension[2] << 8 | (size_t)dimension[3];
        if (i == 0)
            read->rows = size;
        else if (size == 0 || read->features > SP_MOST_FEATURES / size)
            return sp_fail(error, SP_BAD_DATA,
                           "%s: its header claims samples of absurd size (dimension %u is %zu); at most %d values "
                           "a sample",
                           path, i + 1, size, SP_MOST_FEATURES);
        else
            read->features *= size;
    }
    if (read->rows == 0) return sp_fail(error, SP_BAD_DATA, "%s: holds no samples; give it at least one", path);
    return SP_OK;
}

/* Room for `size` bytes, of which `used` are filled; false: no memory. */
static bool make_room(unsigned char **bytes, size_t used, size_t *room, size_t size) {
    unsigned char *more = sp_allocate(size, 1);
    if (!more) return false;
    if (used > 0) memcpy(more, *bytes, used);
    free(*bytes);
    *bytes = more;
    *room = size;
    return true;
}

/* Reads the values; beyond a first part, memory follows the bytes that really come, not what the header claims. */
static sp_status read_values(sp_input *input, const header *about, unsigned char **values, sp_error *error) {
    enum { FIRST_PART = 64 << 20 };
    const char *path = sp_input_path(input);
    size_t total = about->rows * about->features, used = 0, room = 0, got;
    unsigned char *bytes = NULL, extra;
    sp_status status = SP_OK;
    while (used < total && !status) {
        size_t next = room == 0 ? FIRST_PART : 2 * room;
        if (next > total) next = total;
        if (!make_room(&bytes, used, &room, next)) {
            status = sp_fail_memory(error, path, next);
        } else if (!(status = sp_input_read(input, bytes + used, room - used, &got, error))) {
            used += got;
            if (used < room)
                status = sp_fail(error, SP_BAD_DATA,
                                 "%s: is truncated in row %zu: its header claims %zu rows of %zu bytes; fetch the "
                                 "file again",
                                 path, used / about->features + 1, about->rows, about->features);
        }
    }
    if (!status && !(status = sp_input_read(input, &extra, 1, &got, error)) && got > 0)
        status = sp_fail(error, SP_BAD_DATA,
                         "%s: goes on after row %zu, the last that its header claims; fetch the file again", path,
                         about->rows);
    if (status) {
        free(bytes);
        return status;
    }
    *values = bytes;
    return SP_OK;
}

static sp_status read_labels(const char *path, sp_table *table, sp_error *error) {
    sp_input *input;
    header about;
    unsigned char *bytes = NULL;
    sp_status status = sp_input_open(path, &input, error);
    if (status) return status;
    status = read_header(input, &about, error);
    if (!status && about.dimensions != 1)
        status =
            sp_fail(error, SP_BAD_DATA, "%s: has %u dimensions, as images have; labels have 1", path, about.dimensions);
    if (!status && about.rows != table->rows)
        status =
            sp_fail(error, SP_BAD_DATA, "%s: has %zu labels for the %zu samples of %s; name the two files of one set",
                    path, about.rows, table->rows, table->path);
    if (!status) status = read_values(input, &about, &bytes, error);
    sp_input_close(input);
    if (status) return status;

    table->targets = sp_allocate(table->rows, sizeof *table->targets);
    if (!table->targets) {
        free(bytes);
        return sp_fail_memory(error, path, sp_bytes(table->rows, sizeof *table->targets));
    }
    for (size_t i = 0; i < table->rows; i++) table->targets[i] = bytes[i];
    free(bytes);
    table->labelled = true;
    return SP_OK;
}

sp_status sp_idx_read(sp_input *input, const char *labels_path, const sp_table_options *options, sp_table *table,
                      sp_error *error) {
    header about;
    unsigned char *bytes;
    sp_status status = read_header(input, &about, error);
    if (status) return status;
    if (about.dimensions < 2)
        return sp_fail(error, SP_BAD_DATA, "%s: has 1 dimension, as labels have; samples have 2 or more", table->path);
    if (options->features > 0 && about.features != options->features)
        return sp_fail(error, SP_BAD_DATA, "%s: has samples of %zu values; %zu are wanted", table->path, about.features,
                       options->features);
    if (!labels_path && !options->target_optional)
        return sp_fail(
            error, SP_BAD_CONFIG,
            "%s: is IDX, which holds no labels; name the label file too (data.train_labels and its like, or --labels)",
            table->path);
    status = read_values(input, &about, &bytes, error);
    if (status) return status;
    table->rows = about.rows;
    table->features = about.features;
    table->bytes = true;
    table->values = bytes;
    return labels_path ? read_labels(labels_path, table, error) : SP_OK;
}
