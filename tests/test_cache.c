/* A cache file whose checksums are right says anything else it likes: it is refused or read, and nothing breaks. */
#include "base/hash.h"
#include "data/cache_format.h"
#include "data/preprocess.h"
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "kind,a,w,b,y\nred,1,1,2,yes\n1,?,2,3,no\nblue,3,1,4,yes\nred,4,3,?,no\n";

static sp_table *read_table(size_t most) {
    sp_error error = {0};
    sp_table *table;
    sp_cache_options cache = {.mode = SP_CACHE_ALWAYS, .most = most};
    sp_table_options options = {.target = "last",
                                .weight = "w",
                                .categorical = SP_CATEGORICAL_ONEHOT,
                                .missing = SP_MISSING_MEAN,
                                .cache = &cache};
    must(sp_table_read(scratch_path("t.csv"), NULL, &options, &table, &error), error);
    return table;
}

/* The first row, by the map that all rows give. */
static void use(const sp_table *table) {
    sp_error error = {0};
    sp_preprocess preprocess;
    sp_rows rows;
    char place[300];
    cr_assert(sp_rows_all(table->rows, &rows));
    if (sp_preprocess_fit(SP_NORMALIZE_STANDARD, table, &rows, &preprocess, &error) == SP_OK) {
        float *features = keep(calloc(table->rows * preprocess.features, sizeof *features));
        sp_preprocess_gather(&preprocess, table, rows.index, rows.count, features, preprocess.features);
        sp_preprocess_clear(&preprocess);
    }
    for (size_t i = 0; i < table->rows; i++) sp_table_place(table, i, place, sizeof place);
    for (size_t i = 0; i < table->rows; i++) cr_expect(strlen(table->target_texts + table->target_at[i]) < 1000);
    sp_rows_clear(&rows);
}

static const char *find_cache(void) {
    const char *found = NULL;
    DIR *opened = opendir(scratch());
    cr_assert_not_null(opened);
    for (struct dirent *entry; (entry = readdir(opened));)
        if (strstr(entry->d_name, ".spcache")) found = scratch_path(entry->d_name);
    closedir(opened);
    cr_assert_not_null(found);
    return found;
}

/* Makes all checksums of a file right. */
static void seal(char *bytes) {
    uint64_t *header = (uint64_t *)(void *)bytes, end = header[SP_CACHE_SIZE], lines = header[SP_CACHE_LINES_AT];
    if (lines >= SP_CACHE_HEADER && lines <= end && end <= 1 << 16) {
        header[SP_CACHE_VALUES_HASH] = sp_hash_bytes(bytes + SP_CACHE_HEADER, lines - SP_CACHE_HEADER, 0);
        header[SP_CACHE_REST_HASH] = sp_hash_bytes(bytes + lines, end - lines, 0);
    }
    header[SP_CACHE_CHECK] = sp_hash_bytes(header, SP_CACHE_CHECK * sizeof *header, 0);
}

static void put(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

Test(cache, lies_under_right_checksums) {
    static const unsigned char lies[] = {0, 1, 5, 0x7f, 0xff};
    write_text("t.csv", text);
    sp_table_destroy(read_table(0));
    const char *path = find_cache();
    char *bytes = read_text(path), *changed = keep(malloc(1 << 16));
    size_t size = (size_t)((uint64_t *)(void *)bytes)[SP_CACHE_SIZE], refused = 0;
    for (size_t at = 0; at < size; at++) {
        if (at == SP_CACHE_FIELDS * sizeof(uint64_t)) at = SP_CACHE_HEADER;
        for (size_t i = 0; i < sizeof lies; i++) {
            if ((unsigned char)bytes[at] == lies[i]) continue;
            memset(changed, 0, 1 << 16);
            memcpy(changed, bytes, size);
            changed[at] = (char)lies[i];
            seal(changed);
            put(path, changed, size);
            sp_table *table = read_table(i % 2 ? 0 : SIZE_MAX);
            refused += table->remark != NULL;
            use(table);
            sp_table_destroy(table);
        }
    }
    cr_expect(refused > 100, "%zu", refused); /* lengths, places and the like; values may be any */
}

/* The layout, as it is documented. */
Test(cache, layout) {
    write_text("t.csv", text);
    sp_table *loaded = read_table(SIZE_MAX), *stored = read_table(0);
    char *bytes = read_text(find_cache());
    const uint64_t *header = (const uint64_t *)(void *)bytes;
    cr_expect_eq(memcmp(bytes, "sPCache\n", 8), 0);
    cr_expect_eq(header[SP_CACHE_ROWS], 4);
    cr_expect_eq(header[SP_CACHE_FEATURES], 3);
    cr_expect_eq(header[SP_CACHE_TEXT_HASH], sp_hash_bytes(text, sizeof text - 1, 0));
    const float *values = (const float *)(void *)(bytes + 4096);
    cr_expect_eq(memcmp(values, loaded->values, 12 * sizeof *values), 0);
    cr_expect_eq(values[0], 0);
    cr_expect_eq(values[2], 2);
    cr_expect_eq(values[9], 0); /* red again */
    const uint64_t *lines = (const uint64_t *)(void *)(bytes + 4096 + 48);
    for (size_t i = 0; i < 4; i++) cr_expect_eq(lines[i], i + 2);
    cr_expect_null(stored->values);
    cr_expect_null(stored->lines);
    char place[300];
    sp_table_place(stored, 2, place, sizeof place);
    cr_expect_not_null(strstr(place, "t.csv:4"));
    sp_table_destroy(loaded);
    sp_table_destroy(stored);
}
