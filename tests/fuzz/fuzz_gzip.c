/*
 * Any bytes as a gzipped file, in parts of a size that the first one says. Where the second is even, the rest is a
 * deflate stream alone, to which header and trailer are made, for no mutation finds a CRC that fits. What comes out is
 * what zlib makes of it.
 */
#include "base/file.h"
#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* No more is read, and what comes to more is not compared: the 64 KiB at ISA-L's hand have been moved on twice by then.
 * A deflate stream may come to a thousand times its size. */
enum { LONGEST = 100 << 10, HEADER = 10, TRAILER = 8 };

/* After so many parts of one size they are larger. */
enum { PARTS = 16, TIMES_LARGER = 4 };

/* Bits of a gzip header that ISA-L passes over, and zlib checks: reserved ones, a checksum of the header. */
enum { FLAGS_OF_NOTE = 0xe2 };

static uint8_t *expected, *found;
static z_stream stream; /* one for all inputs: to make one takes longer than most of them */

void fuzz_prepare(void) {
    expected = malloc(LONGEST);
    found = malloc(LONGEST);
    fuzz_expect(expected && found && inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "no memory");
}

/* Unpacks by zlib: gzip, or a deflate stream alone. Negative: it cannot, or there is more than that; *used: bytes. */
static long unpack(const uint8_t *bytes, size_t size, int window, size_t *used) {
    fuzz_expect(inflateReset2(&stream, window) == Z_OK, "zlib does not begin anew");
    stream.next_in = (uint8_t *)bytes;
    stream.avail_in = (unsigned)size;
    stream.next_out = expected;
    stream.avail_out = LONGEST;
    int outcome = inflate(&stream, Z_FINISH);
    long got = outcome == Z_STREAM_END ? (long)(LONGEST - stream.avail_out) : -1;
    *used = size - stream.avail_in;
    return got;
}

static void put_word(uint8_t *at, uint32_t word) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(word >> 8 * i);
}

/* Header, stream and trailer as fresh memory; NULL: it is no stream. */
static uint8_t *wrap(const uint8_t *bytes, size_t size, size_t *length, long *got) {
    size_t used;
    *got = unpack(bytes, size, -MAX_WBITS, &used);
    uint8_t *whole = *got < 0 ? NULL : calloc(1, HEADER + used + TRAILER);
    if (!whole) return NULL;
    memcpy(whole, "\x1f\x8b\x08", 3);
    memcpy(whole + HEADER, bytes, used);
    put_word(whole + HEADER + used, (uint32_t)crc32(0, expected, (unsigned)*got));
    put_word(whole + HEADER + used + 4, (uint32_t)*got);
    *length = HEADER + used + TRAILER;
    return whole;
}

/* Reads PARTS of one size, each into memory of its own, so that nothing is written behind it unseen. Whether there may
 * be more. */
static bool read_some(sp_input *input, size_t part, size_t *all, sp_error *error) {
    size_t got = part;
    uint8_t *piece = malloc(part);
    fuzz_expect(piece != NULL, "no memory");
    for (int i = 0; i < PARTS && got == part && !error->status; i++) {
        sp_input_read(input, piece, part, &got, error);
        if (*all + got <= LONGEST) memcpy(found + *all, piece, got);
        *all += got;
    }
    free(piece);
    return got == part && *all <= LONGEST && !error->status;
}

/* Reads all, or LONGEST and more, in parts; negative: it cannot be read. */
static long read_parts(const uint8_t *bytes, size_t size, size_t part) {
    sp_error error = {0};
    sp_input *input;
    size_t all = 0;
    if (sp_input_open(fuzz_file(0, bytes, size), &input, &error)) return -1;
    while (read_some(input, part, &all, &error)) part *= TIMES_LARGER;
    sp_input_close(input);
    return error.status ? -1 : (long)all;
}

/* Of the first member alone. ISA-L takes distance codes that are not complete, where none of them is used. */
static void expect_members(const uint8_t *bytes, size_t size, size_t got) {
    size_t used;
    long first = (bytes[3] & FLAGS_OF_NOTE) ? -1 : unpack(bytes, size, 16 + MAX_WBITS, &used);
    if (first < 0) return;
    fuzz_expect((size_t)first <= got, "zlib unpacks more than was read");
    fuzz_expect(memcmp(found, expected, (size_t)first) == 0, "zlib unpacks it to other bytes");
}

void fuzz_input(const uint8_t *bytes, size_t size) {
    if (size < 2) return;
    size_t part = 1 + 37u * bytes[0], length = size - 2;
    bool alone = bytes[1] % 2 == 0;
    long wanted = -1;
    bytes += 2;
    uint8_t *whole = alone ? wrap(bytes, length, &length, &wanted) : NULL;
    long got = read_parts(whole ? whole : bytes, length, part);
    bool packed = length > 3 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    if (whole) {
        fuzz_expect(got == wanted, "a stream that zlib unpacks is not read whole");
        fuzz_expect(memcmp(found, expected, (size_t)got) == 0, "zlib unpacks it to other bytes");
    } else if (packed && got >= 0 && got <= LONGEST) {
        expect_members(bytes, length, (size_t)got);
    } else if (!packed && length > 3) {
        fuzz_expect(got == (long)length, "a plain file is not read whole");
        fuzz_expect(memcmp(found, bytes, length) == 0, "a plain file is read as other bytes");
    }
    free(whole);
}
