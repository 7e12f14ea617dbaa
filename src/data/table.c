#include "data/table.h"

#include "base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void sp_table_destroy(sp_table *table) {
    if (!table) return;
    free(table->path);
    free(table->values);
    sp_names_clear(&table->feature_names);
    free(table->target_name);
    free(table->targets);
    free(table->target_texts);
    free(table->target_at);
    free(table->lines);
    free(table);
}

void sp_table_place(const sp_table *table, size_t row, char *text, size_t size) {
    if (table->lines)
        snprintf(text, size, "%s:%zu", table->path, table->lines[row]);
    else
        snprintf(text, size, "%s: row %zu", table->path, row + 1);
}

/* Text has no control characters but white space, and no byte that UTF-8 never starts with. IDX, PNG and other
 * binary files do. */
static bool looks_like_text(const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] < ' ' && !isspace(bytes[i])) || (i == 0 && bytes[i] >= 0x80 && bytes[i] < 0xc2)) return false;
    return true;
}

static sp_status read_known(sp_input *input, const char *labels_path, const sp_table_options *options, sp_table *table,
                            sp_error *error) {
    unsigned char start[SP_PEEK] = {0};
    size_t count;
    sp_status status = sp_input_peek(input, start, &count, error);
    if (status) return status;
    if (count == 0) return sp_fail(error, SP_BAD_DATA, "%s: is empty; give it at least one row", table->path);
    if (sp_idx_recognise(start, count)) return sp_idx_read(input, labels_path, options, table, error);
    if (!looks_like_text(start, count))
        return sp_fail(error, SP_BAD_DATA,
                       "%s: starts with %02x %02x %02x %02x, the magic number of neither IDX (00 00 08 and the "
                       "dimensions) nor text; name a CSV or IDX file",
                       table->path, start[0], start[1], start[2], start[3]);
    if (labels_path)
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: is a CSV, whose labels are a column, but %s is given too; leave that out", table->path,
                       labels_path);
    return sp_csv_read(input, options, table, error);
}

sp_status sp_table_read(const char *path, const char *labels_path, const sp_table_options *options, sp_table **table,
                        sp_error *error) {
    sp_input *input;
    sp_status status = sp_input_open(path, &input, error);
    if (status) return status;
    sp_table *read = calloc(1, sizeof *read);
    if (read) read->path = strdup(path);
    if (!read || !read->path)
        status = sp_fail_memory(error, path, sizeof *read);
    else
        status = read_known(input, labels_path, options, read, error);
    sp_input_close(input);
    if (status) {
        sp_table_destroy(read);
        return status;
    }
    *table = read;
    return SP_OK;
}
