/* Model files: what is written comes back, and no malformed file is believed. */
#include "base/safetensors.h"
#include "faults.h"

#include <stdlib.h>
#include <sys/stat.h>

static const float weights[] = {1, -2, 3.5f, 0, 1e-40f, -1e38f}, biases[] = {0.25f, 7, -0.0f};

static const char *write_good(void) {
    static const sp_tensor tensors[] = {{"layer1.weight", 2, {2, 3}, weights}, {"layer1.bias", 1, {3}, biases}};
    static const sp_metadata about[] = {{"format", "shardprop"}, {"classes", "[\"a \\\"b\\\"\",\"é\"]"}};
    sp_error error = {0};
    const char *path = scratch_path("model.safetensors");
    must(sp_safetensors_write(path, tensors, 2, about, 2, &error), error);
    return path;
}

/* Reads the file and its two tensors. */
static sp_status read_good(const char *path, float weight[6], float bias[3], sp_error *error) {
    sp_safetensors *file;
    sp_status status = sp_safetensors_read(path, &file, error);
    if (status) return status;
    status = sp_safetensors_copy(file, "layer1.weight", 2, 3, weight, error);
    if (!status) status = sp_safetensors_copy(file, "layer1.bias", 3, 0, bias, error);
    sp_safetensors_destroy(file);
    return status;
}

static size_t size_of(const char *path) {
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    return (size_t)about.st_size;
}

Test(safetensors, tensors_and_metadata_come_back) {
    sp_error error = {0};
    sp_safetensors *file;
    float weight[6], bias[3];
    const char *path = write_good();
    must(read_good(path, weight, bias, &error), error);
    cr_expect_arr_eq(weight, weights, sizeof weights);
    cr_expect_arr_eq(bias, biases, sizeof biases, "-0 too");
    must(sp_safetensors_read(path, &file, &error), error);
    cr_expect_str_eq(sp_safetensors_text(file, "format"), "shardprop");
    cr_expect_str_eq(sp_safetensors_text(file, "classes"), "[\"a \\\"b\\\"\",\"é\"]");
    cr_expect_null(sp_safetensors_text(file, "none"));
    cr_expect_eq(sp_safetensors_bytes(file), sizeof weights + sizeof biases);
    sp_safetensors_destroy(file);
}

/* As the format's specification has it, so that others can read it. */
Test(safetensors, layout_is_that_of_the_format) {
    const char *path = write_good();
    char *bytes = read_text(path);
    uint64_t length;
    memcpy(&length, bytes, sizeof length); /* little-endian, as every machine that this runs on */
    cr_assert_eq(8 + length + sizeof weights + sizeof biases, size_of(path));
    cr_expect_eq(length % 8, 0, "the tensors are aligned");
    cr_expect_eq(bytes[8], '{');
    cr_expect_arr_eq(bytes + 8 + length, weights, sizeof weights);
    cr_expect_arr_eq(bytes + 8 + length + sizeof weights, biases, sizeof biases);
    bytes[8 + length] = '\0';
    cr_expect_not_null(strstr(bytes + 8, "\"__metadata__\":{\"format\":\"shardprop\","));
    cr_expect_not_null(
        strstr(bytes + 8, "\"layer1.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"));
    cr_expect_not_null(strstr(bytes + 8, "\"layer1.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]}"));
    free(bytes);
}

/* ---- Malformed ---- */

static const char *write_raw(uint64_t length, const char *header, size_t data_bytes) {
    char bytes[1024] = {0};
    size_t size = strlen(header);
    cr_assert_leq(8 + size + data_bytes, sizeof bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, size);
    memcpy(bytes + 8 + size, weights, data_bytes < sizeof weights ? data_bytes : sizeof weights);
    return write_bytes("raw", bytes, 8 + size + data_bytes);
}

/* Reads tensor w of 2 x 3, 24 bytes, from a file with such a header and 28 bytes of data. */
static sp_status read_w(const char *header, float w[6], sp_error *error) {
    sp_safetensors *file;
    sp_status status =
        sp_safetensors_read(write_raw(strlen(header), header, sizeof weights + sizeof(float)), &file, error);
    if (status) return status;
    status = sp_safetensors_copy(file, "w", 2, 3, w, error);
    sp_safetensors_destroy(file);
    return status;
}

#define ENTRY(dtype, shape, offsets) "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

Test(safetensors, malformed_headers_are_refused) {
    static const char *const bad[] = {
        ENTRY("\"F16\"", "[2,3]", "[0,24]"),
        ENTRY("\"f32\"", "[2,3]", "[0,24]"),
        ENTRY("32", "[2,3]", "[0,24]"),
        ENTRY("\"F32\"", "[3,2]", "[0,24]"),
        ENTRY("\"F32\"", "[6]", "[0,24]"),
        ENTRY("\"F32\"", "[2,3,1]", "[0,24]"),
        ENTRY("\"F32\"", "[-2,-3]", "[0,24]"),
        ENTRY("\"F32\"", "[2,3.5]", "[0,24]"),
        ENTRY("\"F32\"", "[2,\"3\"]", "[0,24]"),
        ENTRY("\"F32\"", "[]", "[0,24]"),
        ENTRY("\"F32\"", "6", "[0,24]"),
        ENTRY("\"F32\"", "[2,3]", "[0,20]"),
        ENTRY("\"F32\"", "[2,3]", "[4,24]"),
        ENTRY("\"F32\"", "[2,3]", "[8,32]"),
        ENTRY("\"F32\"", "[2,3]", "[0,28]"),
        ENTRY("\"F32\"", "[2,3]", "[-4,20]"),
        ENTRY("\"F32\"", "[2,3]", "[24,0]"),
        ENTRY("\"F32\"", "[2,3]", "[0.5,24.5]"),
        ENTRY("\"F32\"", "[2,3]", "[-0.5,23.5]"),
        ENTRY("\"F32\"", "[2,3]", "[18446744073709551592,18446744073709551616]"),
        ENTRY("\"F32\"", "[2,3]", "[1e300,1e300]"),
        ENTRY("\"F32\"", "[2,3]", "[0,1e999]"),
        ENTRY("\"F32\"", "[2,3]", "[-1e999,24]"),
        ENTRY("\"F32\"", "[2,3]", "[\"0\",\"24\"]"),
        ENTRY("\"F32\"", "[2,3]", "[24]"),
        ENTRY("\"F32\"", "[2,3]", "[0,24,24]"),
        ENTRY("\"F32\"", "[2,3]", "null"),
        "{\"w\":{\"shape\":[2,3],\"data_offsets\":[0,24]}}",
        "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,24]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3]}}",
        "{\"w\":{}}",
        "{\"w\":\"F32\"}",
        "{\"w\":null}",
    };
    float w[6];
    sp_error error = {0};
    must(read_w(ENTRY("\"F32\"", "[2,3]", "[0,24]"), w, &error), error); /* what the others miss narrowly */
    cr_expect_arr_eq(w, weights, sizeof weights);
    must(read_w(ENTRY("\"F32\"", "[2,3]", "[4,28]"), w, &error), error);
    cr_expect_arr_eq(w, weights + 1, sizeof weights - sizeof *weights);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_fault(read_w(bad[i], w, &error), error, SP_BAD_DATA, "raw: tensor w is not float32 of the shape");
    expect_fault(read_w("{\"v\":{}}", w, &error), error, SP_BAD_DATA, "raw: has no tensor w");
    expect_fault(read_w("{}", w, &error), error, SP_BAD_DATA, "raw: has no tensor w");
}

Test(safetensors, headers_that_are_no_json_are_refused) {
    static const char *const bad[] = {"", "{", "[]", "null", "\"w\"", "{}x", "{\"w\":", "\xff\xfe"};
    float w[6];
    sp_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_fault(read_w(bad[i], w, &error), error, SP_BAD_DATA, "its header is not JSON");
}

Test(safetensors, header_lengths_beyond_the_file_are_refused) {
    static const uint64_t lengths[] = {3, 1000, 1ull << 31, 1ull << 63, UINT64_MAX - 7, UINT64_MAX};
    sp_safetensors *file;
    sp_error error;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect_fault(sp_safetensors_read(write_raw(lengths[i], "{}", 0), &file, &error), error, SP_BAD_DATA,
                     "its header is longer than the file");
}

Test(safetensors, a_file_cut_anywhere_is_refused) {
    const char *path = write_good();
    size_t size = size_of(path);
    char *bytes = read_text(path);
    float weight[6], bias[3];
    sp_error error;
    for (size_t cut = 0; cut < size; cut++)
        expect_fault(read_good(write_bytes("cut", bytes, cut), weight, bias, &error), error, SP_BAD_DATA, "cut: ");
    expect_fault(read_good(write_bytes("cut", bytes, 7), weight, bias, &error), error, SP_BAD_DATA,
                 "cut: is not a safetensors file (shorter than 8 bytes)");
    free(bytes);
}

/* Whatever a damaged byte of the header makes of the file: it is refused, or read within its bounds. */
Test(safetensors, damaged_headers_do_no_harm) {
    const char *path = write_good();
    size_t size = size_of(path), refused = 0;
    char *bytes = read_text(path);
    float weight[6], bias[3];
    for (size_t at = 0; at < size - sizeof weights - sizeof biases; at++)
        for (int bit = 0; bit < 8; bit++) {
            sp_error error = {0};
            bytes[at] ^= (char)(1 << bit);
            sp_status status = read_good(write_bytes("damaged", bytes, size), weight, bias, &error);
            cr_assert(status == SP_OK || one_fault(&error, status, SP_BAD_DATA, "damaged: "), "%s", error.text);
            refused += status != SP_OK;
            bytes[at] ^= (char)(1 << bit);
        }
    cr_expect_gt(refused, 500, "names, types, shapes and offsets are checked");
    free(bytes);
}

Test(safetensors, a_folder_or_nothing_is_no_file) {
    sp_safetensors *file;
    sp_error error;
    expect_fault(sp_safetensors_read(scratch(), &file, &error), error, SP_BAD_CONFIG, "is a folder");
    expect_fault(sp_safetensors_read(scratch_path("none"), &file, &error), error, SP_BAD_CONFIG, "cannot be opened");
}
