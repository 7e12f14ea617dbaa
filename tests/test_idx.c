/* IDX files: what they claim is checked against what is there. */
#include "base/memory.h"
#include "data/table.h"
#include "faults.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const sp_table_options any = {.target = "last"};

/* An IDX file in memory: its header, then `size` bytes 0, 1, 2, ... */
static size_t make_idx(unsigned char *bytes, unsigned type, unsigned dimensions, const uint32_t *shape, size_t size) {
    size_t used = 0;
    bytes[used++] = 0;
    bytes[used++] = 0;
    bytes[used++] = (unsigned char)type;
    bytes[used++] = (unsigned char)dimensions;
    for (unsigned i = 0; i < dimensions; i++)
        for (int shift = 24; shift >= 0; shift -= 8) bytes[used++] = (unsigned char)(shape[i] >> shift);
    for (size_t i = 0; i < size; i++) bytes[used++] = (unsigned char)i;
    return used;
}

static const char *write_idx(const char *name, unsigned dimensions, const uint32_t *shape, size_t size) {
    unsigned char bytes[1024];
    return write_bytes(name, bytes, make_idx(bytes, 8, dimensions, shape, size));
}

static const char *images(void) {
    return write_idx("images", 3, (uint32_t[]){4, 2, 3}, 24);
}

static const char *labels(uint32_t count) {
    return write_idx("labels", 1, &count, count);
}

static sp_status try(const char *path, const char *labels_path, const sp_table_options *options, sp_error *error) {
    sp_table *table;
    sp_status status = sp_table_read(path, labels_path, options, &table, error);
    if (!status) sp_table_destroy(table);
    return status;
}

Test(idx, samples_of_two_and_more_dimensions) {
    static const struct {
        unsigned dimensions;
        uint32_t shape[4];
        size_t rows, features;
    } cases[] = {{2, {8, 3}, 8, 3}, {3, {4, 2, 3}, 4, 6}, {4, {2, 3, 2, 2}, 2, 12}, {2, {24, 1}, 24, 1}};
    unsigned char bytes[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t rows = (uint32_t)cases[i].rows;
        size_t size = make_idx(bytes, 8, cases[i].dimensions, cases[i].shape, 24);
        const char *const paths[] = {write_bytes("plain.gz", bytes, size), write_gzip("packed", bytes, size)};
        size = make_idx(bytes, 8, 1, &rows, rows);
        const char *const label_paths[] = {write_gzip("packed-labels", bytes, size), write_bytes("l", bytes, size)};
        for (int packed = 0; packed < 2; packed++) {
            sp_error error = {0};
            sp_table *table;
            must(sp_table_read(paths[packed], label_paths[packed], &any, &table, &error), error);
            cr_expect(table->bytes && table->labelled);
            cr_expect_eq(table->rows, cases[i].rows);
            cr_expect_eq(table->features, cases[i].features);
            for (int j = 0; j < 24; j++) cr_expect_eq(((const uint8_t *)table->values)[j], j);
            for (size_t row = 0; row < rows; row++) cr_expect_eq(table->targets[row], row);
            sp_table_destroy(table);
        }
    }
}

Test(idx, samples_without_labels_where_none_are_needed) {
    sp_error error = {0};
    sp_table *table;
    sp_columns six = {.features = 6};
    sp_table_options options = {.known = &six, .target_optional = true};
    must(sp_table_read(images(), NULL, &options, &table, &error), error);
    cr_expect(table->rows == 4 && !table->labelled);
    char place[300];
    sp_table_place(table, 2, place, sizeof place);
    cr_expect_not_null(strstr(place, "/images: row 3"), "rows have no lines: %s", place);
    sp_table_destroy(table);
    expect_fault(try(images(), NULL, &any, &error), error, SP_BAD_CONFIG, "images: is IDX, which holds no labels");
    six.features = 7;
    expect_fault(try(images(), NULL, &options, &error), error, SP_BAD_DATA,
                 "images: has samples of 6 values; 7 are wanted");
}

Test(idx, other_magic_numbers_are_refused) {
    static const struct {
        unsigned char bytes[4];
        const char *says;
    } cases[] = {{{0, 0, 9, 2}, "f: holds IDX values of type 09; only unsigned bytes"},
                 {{0, 0, 13, 2}, "f: holds IDX values of type 0d"},
                 {{0, 0, 7, 2}, "f: starts with 00 00 07 02"},
                 {{0, 0, 15, 2}, "f: starts with 00 00 0f 02"},
                 {{0, 0, 8, 0}, "f: starts with 00 00 08 00"},
                 {{0, 0, 8, 5}, "f: starts with 00 00 08 05"},
                 {{0, 1, 8, 2}, "f: starts with 00 01 08 02"},
                 {{3, 8, 0, 0}, "f: starts with 03 08 00 00"}};
    unsigned char bytes[64];
    size_t size = make_idx(bytes, 8, 2, (uint32_t[]){8, 3}, 24);
    sp_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bytes, cases[i].bytes, 4);
        expect_fault(try(write_bytes("f", bytes, size), labels(8), &any, &error), error, SP_BAD_DATA, cases[i].says);
    }
}

/* A file cut anywhere, or with anything behind it, plain and packed. */
Test(idx, truncated_and_overlong_files_are_refused) {
    unsigned char bytes[64];
    size_t size = make_idx(bytes, 8, 3, (uint32_t[]){4, 2, 3}, 25);
    sp_error error;
    for (size_t cut = 1; cut <= size; cut++) {
        if (cut == size - 1) continue; /* whole */
        const char *says = cut < 4          ? "f: starts with"
                           : cut < 16       ? "f: its IDX header is truncated"
                           : cut < size - 1 ? "f: is truncated in row "
                                            : "f: goes on after row 4";
        expect_fault(try(write_bytes("f", bytes, cut), labels(4), &any, &error), error, SP_BAD_DATA, says);
        expect_fault(try(write_gzip("f", bytes, cut), labels(4), &any, &error), error, SP_BAD_DATA, says);
    }
    expect_fault(try(write_bytes("f", bytes, 16 + 6 + 5), labels(4), &any, &error), error, SP_BAD_DATA,
                 "f: is truncated in row 2: its header claims 4 rows of 6 bytes");
    expect_fault(try(write_text("f", ""), labels(4), &any, &error), error, SP_BAD_DATA, "f: is empty");
}

Test(idx, no_rows_and_absurd_shapes_are_refused) {
    static const struct {
        unsigned dimensions;
        uint32_t shape[4];
        const char *says;
    } cases[] = {{2, {0, 3}, "f: holds no samples"},
                 {2, {4, 0}, "f: its header claims samples of absurd size (dimension 2 is 0)"},
                 {3, {4, 6, 0}, "(dimension 3 is 0)"},
                 {2, {1, 0x01000001}, "(dimension 2 is 16777217)"},
                 {3, {1, 4097, 4096}, "(dimension 3 is 4096)"},
                 {4, {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, "(dimension 2 is 4294967295)"},
                 {3, {1, 65536, 65536}, "(dimension 3 is 65536)"}};
    sp_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(try(write_idx("f", cases[i].dimensions, cases[i].shape, 24), labels(4), &any, &error), error,
                     SP_BAD_DATA, cases[i].says);
}

Test(idx, labels_must_be_those_of_the_samples) {
    sp_error error;
    uint32_t four = 4;
    expect_fault(try(images(), labels(3), &any, &error), error, SP_BAD_DATA,
                 "labels: has 3 labels for the 4 samples of ");
    expect_fault(try(images(), labels(5), &any, &error), error, SP_BAD_DATA, "labels: has 5 labels for the 4 samples");
    expect_fault(try(images(), images(), &any, &error), error, SP_BAD_DATA,
                 "images: has 3 dimensions, as images have; labels have 1");
    expect_fault(try(labels(4), images(), &any, &error), error, SP_BAD_DATA,
                 "labels: has 1 dimension, as labels have; samples have 2 or more");
    expect_fault(try(images(), scratch_path("none"), &any, &error), error, SP_BAD_CONFIG, "none: cannot be opened");
    expect_fault(try(images(), write_text("text", "5\n0\n4\n1\n"), &any, &error), error, SP_BAD_DATA,
                 "text: starts with 35 0a 30 0a, not the magic number");
    expect_fault(try(images(), write_idx("cut", 1, &four, 3), &any, &error), error, SP_BAD_DATA,
                 "cut: is truncated in row 4");
    expect_fault(try(images(), write_idx("more", 1, &four, 5), &any, &error), error, SP_BAD_DATA,
                 "more: goes on after row 4");
}

/* No more memory than the process has, and a little; returns what it was before. */
static struct rlimit limit_memory(void) {
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_AS, &before), 0);
    rlim_t pages = strtoull(read_text("/proc/self/statm"), NULL, 10), page = (rlim_t)sysconf(_SC_PAGESIZE);
    rlim_t room = 64 << 20, most = pages * page + room;
    if (pages * page >> 40 > 0) return before; /* a sanitizer's: it needs terabytes of addresses */
    cr_assert_eq(setrlimit(RLIMIT_AS, &(struct rlimit){most, before.rlim_max}), 0);
    cr_assert_null(sp_allocate(2 * room, 1), "the limit holds");
    return before;
}

/* Memory follows the bytes that are there. */
Test(idx, a_small_file_with_a_large_claim_is_refused_without_its_memory) {
    static const uint32_t shapes[][3] = {{1u << 31, 28, 28}, {1u << 31, 1, 1}, {UINT32_MAX, 4096, 4096}};
    unsigned char bytes[116];
    sp_error error;
    struct rlimit before = limit_memory();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t size = make_idx(bytes, 8, 3, shapes[i], 100);
        expect_fault(try(write_bytes("f", bytes, size), labels(4), &any, &error), error, SP_BAD_DATA,
                     "f: is truncated in row ");
        expect_fault(try(write_gzip("f", bytes, size), labels(4), &any, &error), error, SP_BAD_DATA,
                     "f: is truncated in row ");
    }
    cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
}
