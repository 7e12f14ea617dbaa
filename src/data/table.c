#include "data/table.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "data/cached.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void sp_table_clear(sp_table *table) {
    char *path = table->path;
    free(table->values);
    sp_store_destroy(table->store);
    sp_columns_clear(&table->columns);
    free(table->weights);
    free(table->targets);
    free(table->target_texts);
    free(table->target_at);
    free(table->lines);
    free(table->remark);
    *table = (sp_table){.path = path};
}

void sp_table_destroy(sp_table *table) {
    if (!table) return;
    sp_table_clear(table);
    free(table->path);
    free(table);
}

size_t sp_table_value_bytes(const sp_table *table) {
    return table->store ? sp_store_held_bytes(table->store)
                        : sp_bytes(table->rows, table->features * (table->bytes ? 1 : sizeof(float)));
}

sp_status sp_table_check(const sp_table *table, sp_error *error) {
    return table->store ? sp_store_check(table->store, error) : SP_OK;
}

void sp_table_place(const sp_table *table, size_t row, char *text, size_t size) {
    size_t line = table->lines ? table->lines[row] : table->store ? sp_store_line(table->store, row) : 0;
    if (line > 0)
        snprintf(text, size, "%s:%zu", table->path, line);
    else
        snprintf(text, size, "%s: row %zu", table->path, row + 1);
}

bool sp_table_remark(const sp_table *table, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "%s: ", table->path);
    const char *joined = "";
    if (table->dropped > 0 && used < size) {
        used += (size_t)snprintf(text + used, size - used, "%zu row%s with missing values left out", table->dropped,
                                 table->dropped == 1 ? "" : "s");
        joined = "; ";
    }
    if (table->unseen > 0 && used < size) {
        used += (size_t)snprintf(
            text + used, size - used,
            "%s%zu text%s not in the training file count as no category (the first in line %zu: '%.40s')", joined,
            table->unseen, table->unseen == 1 ? " that is" : "s that are", table->unseen_line, table->unseen_text);
        joined = "; ";
    }
    if (table->remark && used < size) snprintf(text + used, size - used, "%s%s", joined, table->remark);
    return table->dropped > 0 || table->unseen > 0 || table->remark;
}

/* Text has no control characters but white space, and no byte that UTF-8 never starts with. IDX, PNG and other
 * binary files do. */
static bool looks_like_text(const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] < ' ' && !isspace(bytes[i])) || (i == 0 && bytes[i] >= 0x80 && bytes[i] < 0xc2)) return false;
    return true;
}

/* By its magic number, which packing a file is of that is not read; NULL: none. */
static const char *packing_of(const unsigned char *bytes, size_t count) {
    static const struct {
        const char *name, *magic;
        size_t size;
    } known[] = {{"zip, as xlsx is", "PK\3\4", 4},
                 {"bzip2", "BZh", 3},
                 {"xz",
                  "\xfd"
                  "7zX",
                  4},
                 {"zstd", "\x28\xb5\x2f\xfd", 4},
                 {"7z", "7z\xbc\xaf", 4}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (count >= known[i].size && memcmp(bytes, known[i].magic, known[i].size) == 0) return known[i].name;
    return NULL;
}

static sp_status take_known(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table *table,
                            sp_error *error) {
    unsigned char start[SP_PEEK] = {0};
    size_t count;
    sp_status status = sp_source_start(source, start, &count, error);
    if (status) return status;
    if (count == 0) return sp_fail(error, SP_BAD_DATA, "%s: is empty; give it at least one row", table->path);
    if (sp_idx_recognise(start, count)) return sp_idx_take(source, labels, options, table, error);
    const char *packing = packing_of(start, count);
    if (packing)
        return sp_fail(error, SP_BAD_DATA, "%s: is packed (%s); unpack it, or pack it with gzip", table->path, packing);
    if (!looks_like_text(start, count))
        return sp_fail(error, SP_BAD_DATA,
                       "%s: starts with %02x %02x %02x %02x, the magic number of neither IDX (00 00 08 and the "
                       "dimensions) nor text; name a CSV or IDX file",
                       table->path, start[0], start[1], start[2], start[3]);
    if (labels)
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: is a CSV, whose labels are a column, but %s is given too; leave that out", table->path,
                       sp_source_path(labels));
    return sp_cached_csv_read(sp_source_input(source), options, table, error);
}

sp_status sp_table_take(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table **table,
                        sp_error *error) {
    const char *path = sp_source_path(source);
    sp_table *taken = calloc(1, sizeof *taken);
    if (taken) taken->path = strdup(path);
    sp_status status = !taken || !taken->path ? sp_fail_memory(error, path, sizeof *taken)
                                              : take_known(source, labels, options, taken, error);
    if (status) {
        sp_table_destroy(taken);
        return status;
    }
    *table = taken;
    return SP_OK;
}

sp_status sp_table_read(const char *path, const char *labels_path, const sp_table_options *options, sp_table **table,
                        sp_error *error) {
    sp_source *sources[] = {sp_source_create(path), labels_path ? sp_source_create(labels_path) : NULL};
    sp_status status;
    if (!sources[0] || (labels_path && !sources[1])) {
        status = sp_fail_memory(error, path, sizeof(sp_error));
    } else {
        sp_sources_read(sources, 2, sp_host_threads());
        status = sp_table_take(sources[0], sources[1], options, table, error);
    }
    for (int i = 0; i < 2; i++) sp_source_destroy(sources[i]);
    return status;
}
