/*
 * IDX, the format of MNIST (LeCun, Cortes, Burges): two zero bytes, the type of the
 * values (08: unsigned byte), the number of dimensions, each dimension as a big-endian
 * 32-bit number, then the values. Here the first dimension counts samples.
 */
#include "data/table.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

enum { TYPE_BYTE = 8, MOST_DIMENSIONS = 4 };

bool sp_idx_recognise(const unsigned char bytes[SP_PEEK], size_t count) {
    if (count < 4 || bytes[0] != 0 || bytes[1] != 0) return false;
    return bytes[2] >= 0x08 && bytes[2] <= 0x0e && bytes[3] >= 1 && bytes[3] <= MOST_DIMENSIONS;
}

static sp_status truncated(const char *path, sp_error *error) {
    return sp_fail(error, SP_BAD_DATA, "%s: its IDX header is truncated; fetch the file again", path);
}

static sp_status parse_header(sp_input *input, sp_idx *read, sp_error *error) {
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

    *read = (sp_idx){.features = 1, .dimensions = magic[3]};
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
        if (read->dimensions == 3 && i == 1) read->height = size;
        if (read->dimensions == 3 && i == 2) read->width = size;
    }
    if (read->rows == 0) return sp_fail(error, SP_BAD_DATA, "%s: holds no samples; give it at least one", path);
    return SP_OK;
}

static size_t total_of(const sp_idx *idx) {
    return idx->rows * idx->features;
}

bool sp_idx_has_room(const sp_idx *idx) {
    return idx->room >= total_of(idx);
}

static sp_status make_room(const char *path, sp_idx *idx, size_t bytes, sp_error *error) {
    return sp_grow((void **)&idx->values, &idx->room, bytes, 1) ? SP_OK : sp_fail_memory(error, path, bytes);
}

enum { FIRST_PART = 1 << 16 };

sp_status sp_idx_read_header(sp_input *input, sp_idx *idx, sp_error *error) {
    sp_status status = parse_header(input, idx, error);
    if (status) return status;
    /* What the header claims, but not much more than the file can hold. */
    size_t total = total_of(idx), likely = sp_input_likely_size(input);
    if (likely < FIRST_PART) likely = FIRST_PART;
    return make_room(sp_input_path(input), idx, total < likely ? total : likely, error);
}

/* Beyond the room that was made, memory follows the bytes that really come, not what the header claims. */
sp_status sp_idx_read_values(sp_input *input, sp_idx *idx, sp_error *error) {
    const char *path = sp_input_path(input);
    size_t total = total_of(idx), used = 0, got;
    unsigned char extra;
    while (used < total) {
        size_t part = used < idx->room ? idx->room - used : used;
        if (part > total - used) part = total - used;
        sp_status status = make_room(path, idx, used + part, error);
        if (!status) status = sp_input_read(input, idx->values + used, part, &got, error);
        if (status) return status;
        used += got;
        if (got < part)
            return sp_fail(error, SP_BAD_DATA,
                           "%s: is truncated in row %zu: its header claims %zu rows of %zu bytes; fetch the file again",
                           path, used / idx->features + 1, idx->rows, idx->features);
    }
    sp_status status = sp_input_read(input, &extra, 1, &got, error);
    if (status || got == 0) return status;
    return sp_fail(error, SP_BAD_DATA,
                   "%s: goes on after row %zu, the last that its header claims; fetch the file again", path, idx->rows);
}

static sp_status take_labels(sp_source *source, sp_table *table, sp_error *error) {
    const char *path = sp_source_path(source);
    const sp_idx *about;
    unsigned char *bytes;
    sp_status status = sp_source_header(source, &about, error);
    if (status) return status;
    if (about->dimensions != 1)
        return sp_fail(error, SP_BAD_DATA, "%s: has %u dimensions, as images have; labels have 1", path,
                       about->dimensions);
    if (about->rows != table->rows)
        return sp_fail(error, SP_BAD_DATA,
                       "%s: has %zu labels for the %zu samples of %s; name the two files of one set", path, about->rows,
                       table->rows, table->path);
    status = sp_source_take_values(source, &bytes, error);
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

sp_status sp_idx_take(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table *table,
                      sp_error *error) {
    const sp_idx *about;
    unsigned char *bytes;
    sp_status status = sp_source_header(source, &about, error);
    if (status) return status;
    if (about->dimensions < 2)
        return sp_fail(error, SP_BAD_DATA, "%s: has 1 dimension, as labels have; samples have 2 or more", table->path);
    size_t wanted = options->known ? options->known->features : 0;
    if (wanted > 0 && about->features != wanted)
        return sp_fail(error, SP_BAD_DATA, "%s: has samples of %zu values; %zu are wanted", table->path,
                       about->features, wanted);
    if (options->known && (sp_columns_have_text(options->known) || (labels && options->known->targets > 1)))
        return sp_fail(
            error, SP_BAD_DATA,
            "%s: is IDX, bytes and a label each; a CSV with columns like those of the training file is wanted",
            table->path);
    if (!labels && !options->target_optional)
        return sp_fail(
            error, SP_BAD_CONFIG,
            "%s: is IDX, which holds no labels; name the label file too (data.train_labels and its like, or --labels)",
            table->path);
    status = sp_source_take_values(source, &bytes, error);
    if (status) return status;
    table->rows = about->rows;
    table->features = about->features;
    table->columns = (sp_columns){.features = about->features, .targets = 1, .weight_at = SP_NOT_FOUND};
    table->height = about->height;
    table->width = about->width;
    table->bytes = true;
    table->values = bytes;
    return labels ? take_labels(labels, table, error) : SP_OK;
}
