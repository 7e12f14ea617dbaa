/* Files in, plain and gzipped, whole and damaged; files out, whole or not at all. */
#include "base/file.h"
#include "base/random.h"
#include "faults.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- In ---- */

/* Bytes that gzip cannot make small, so that damage has something to hit. */
static unsigned char *noise(size_t size) {
    unsigned char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)sp_random_below(1, SP_RANDOM_SAMPLE, i, 0, 256);
    return bytes;
}

static sp_status read_whole(const char *path, char **bytes, size_t *size, sp_error *error) {
    return sp_file_read(path, 1 << 30, bytes, size, error);
}

Test(file, gzip_is_known_by_content_and_read_as_the_plain_file) {
    enum { SIZE = 700001 }; /* several buffers, and a rest */
    unsigned char *bytes = noise(SIZE);
    const char *const paths[] = {write_bytes("plain.gz", bytes, SIZE), write_gzip("packed.csv", bytes, SIZE)};
    for (int i = 0; i < 2; i++) {
        sp_error error = {0};
        char *content;
        size_t size;
        must(read_whole(paths[i], &content, &size, &error), error);
        cr_assert_eq(size, SIZE);
        cr_assert_arr_eq(content, bytes, SIZE);
        cr_assert_eq(content[SIZE], '\0');
        free(content);
    }
    free(bytes);
}

/* A first read asks for what the file is said to have, up to 64 KiB. */
Test(file, a_whole_file_is_read_at_any_size) {
    static const size_t sizes[] = {0, 1, 2, 4095, 4096, 65533, 65534, 65535, 65536, 65537, 131073};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        sp_error error = {0};
        char *content;
        size_t size, wanted = sizes[i / 2];
        unsigned char *bytes = calloc(wanted + 1, 1); /* which gzip makes a thousand times smaller */
        if (wanted > 0) bytes[wanted - 1] = 'z';
        must(read_whole(i % 2 ? write_gzip("packed", bytes, wanted) : write_bytes("plain", bytes, wanted), &content,
                        &size, &error),
             error);
        cr_expect_eq(size, wanted);
        cr_expect_arr_eq(content, bytes, wanted + 1);
        free(content);
        free(bytes);
    }
}

Test(file, reads_in_pieces_with_a_peek_before) {
    enum { SIZE = 1000 };
    unsigned char *bytes = noise(SIZE), ahead[SP_PEEK], pieces[SIZE + 7];
    const char *const paths[] = {write_bytes("plain", bytes, SIZE), write_gzip("packed", bytes, SIZE)};
    for (int i = 0; i < 2; i++) {
        sp_error error = {0};
        sp_input *input;
        size_t got, used = 0;
        must(sp_input_open(paths[i], &input, &error), error);
        must(sp_input_peek(input, ahead, &got, &error), error);
        cr_expect_eq(got, SP_PEEK);
        cr_expect_arr_eq(ahead, bytes, SP_PEEK);
        do { /* the first pieces end within what was peeked at */
            must(sp_input_read(input, pieces + used, used < 6 ? 3 : 7, &got, &error), error);
            used += got;
        } while (got > 0 && used < SIZE);
        cr_expect_eq(used, SIZE);
        cr_expect_arr_eq(pieces, bytes, SIZE);
        must(sp_input_read(input, pieces, 7, &got, &error), error);
        cr_expect_eq(got, 0, "the end");
        sp_input_close(input);
    }
    free(bytes);
}

Test(file, a_peek_at_a_short_file_gives_what_is_there) {
    for (size_t length = 0; length < SP_PEEK; length++) {
        sp_error error = {0};
        sp_input *input;
        unsigned char ahead[SP_PEEK], again[SP_PEEK];
        size_t got, read;
        must(sp_input_open(write_bytes("short", "abc", length), &input, &error), error);
        must(sp_input_peek(input, ahead, &got, &error), error);
        must(sp_input_read(input, again, SP_PEEK, &read, &error), error);
        cr_expect_eq(got, length);
        cr_expect_eq(read, length);
        cr_expect_arr_eq(again, "abc", length);
        sp_input_close(input);
    }
}

/* A gzip file in memory; its size is that of the file. */
static char *packed(size_t size, size_t *length) {
    unsigned char *bytes = noise(size);
    const char *path = write_gzip("whole.gz", bytes, size);
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    *length = (size_t)about.st_size;
    free(bytes);
    return read_text(path);
}

Test(file, a_gzip_stream_cut_anywhere_is_refused) {
    size_t length, size;
    char *gzip = packed(500, &length), *content;
    sp_error error;
    for (size_t cut = 2; cut < length; cut++) /* 2: the magic number is there */
        expect_fault(read_whole(write_bytes("cut.gz", gzip, cut), &content, &size, &error), error, SP_BAD_DATA,
                     "cut.gz: the gzip stream is truncated");
    free(gzip);
}

/* As `cat a.gz b.gz` makes it; some end where a buffer does, and what follows the last one is left alone. */
Test(file, several_gzip_members_are_one_file) {
    enum { MEMBERS = 9, SIZE = 131050 };
    unsigned char *bytes = noise(MEMBERS * SIZE), *all = malloc(2 * MEMBERS * SIZE);
    size_t packed_size = 0, size;
    for (int i = 0; i < MEMBERS; i++) {
        const char *path = write_gzip("one.gz", bytes + i * SIZE, SIZE);
        struct stat about;
        cr_assert_eq(stat(path, &about), 0);
        char *one = read_text(path);
        memcpy(all + packed_size, one, (size_t)about.st_size);
        packed_size += (size_t)about.st_size;
        free(one);
    }
    memcpy(all + packed_size, "\0\0\0garbage", 10);
    for (size_t more = 0; more <= 10; more += 5) {
        sp_error error = {0};
        char *content;
        must(read_whole(write_bytes("all.gz", all, packed_size + more), &content, &size, &error), error);
        cr_assert_eq(size, MEMBERS * SIZE);
        cr_expect_arr_eq(content, bytes, size);
        free(content);
        /* Each byte of its own read. */
        sp_input *input;
        size_t got, count = 0;
        unsigned char byte;
        must(sp_input_open(scratch_path("all.gz"), &input, &error), error);
        while (!sp_input_read(input, &byte, 1, &got, &error) && got == 1 && count < size)
            cr_assert_eq(byte, bytes[count++]);
        cr_expect_eq(count, size);
        sp_input_close(input);
    }
    free(all), free(bytes);
}

Test(file, a_gzip_stream_with_any_byte_damaged_is_refused) {
    enum { GZIP_HEADER = 10 }; /* its time and system may be anything */
    size_t length, size;
    char *gzip = packed(500, &length), *content;
    sp_error error;
    for (size_t at = GZIP_HEADER; at < length; at++) {
        gzip[at] = (char)~gzip[at];
        expect_fault(read_whole(write_bytes("bad.gz", gzip, length), &content, &size, &error), error, SP_BAD_DATA,
                     "bad.gz: the gzip stream is ");
        gzip[at] = (char)~gzip[at];
    }
    free(gzip);
}

/* Appends `size` bytes of the file at `path` (all: SIZE_MAX) to `content`. */
static size_t append_file(const char *path, size_t size, unsigned char *content, size_t used) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    used += fread(content + used, 1, size, file);
    fclose(file);
    return used;
}

enum { ROOM = 2 << 20 };

/* Members of all sizes, so that some end where a buffer does, an empty one among them. */
Test(file, members_of_a_gzip_file_follow_each_other) {
    static const size_t sizes[] = {1, 262100, 0, 30, 500000, 7};
    unsigned char *bytes = noise(500000), *whole = malloc(ROOM), *wanted = malloc(ROOM);
    for (size_t first = 262000; first < 262160; first += 3) {
        size_t used = 0, total = 0, size;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t part = i == 1 ? first : sizes[i];
            used = append_file(write_gzip("member", bytes, part), ROOM - used, whole, used);
            memcpy(wanted + total, bytes, part);
            total += part;
        }
        sp_error error = {0};
        char *content;
        must(read_whole(write_bytes("members.gz", whole, used), &content, &size, &error), error);
        cr_assert_eq(size, total);
        cr_assert_arr_eq(content, wanted, total);
        free(content);
        expect_fault(read_whole(write_bytes("members.gz", whole, used - 1), &content, &size, &error), error,
                     SP_BAD_DATA, "members.gz: the gzip stream is truncated");
        whole[used - 1] ^= 1;
        expect_fault(read_whole(write_bytes("members.gz", whole, used), &content, &size, &error), error, SP_BAD_DATA,
                     "members.gz: the gzip stream is damaged (");
    }
    free(bytes);
    free(whole);
    free(wanted);
}

/* As gzip(1) has it: padding of a tape, say. */
Test(file, what_follows_the_last_member_of_gzip_and_is_none_is_left_aside) {
    static const struct {
        const char *bytes;
        size_t size;
    } tails[] = {{"\0\0\0\0", 4}, {"x", 1}, {"\x1f", 1}, {"\x1f\x8c", 2}, {"text", 4}};
    unsigned char whole[1000];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t used = append_file(write_gzip("packed", "content", 7), sizeof whole, whole, 0), size;
        memcpy(whole + used, tails[i].bytes, tails[i].size);
        sp_error error = {0};
        char *content;
        must(read_whole(write_bytes("tail.gz", whole, used + tails[i].size), &content, &size, &error), error);
        cr_expect_str_eq(content, "content");
        free(content);
    }
}

/* Extra field, name, comment and checksum of the header (RFC 1952, 2.3.1), whole and cut anywhere. */
Test(file, all_fields_of_a_gzip_header) {
    static const unsigned char fields[] = "\x1f\x8b\x08\x1e\0\0\0\0\0\x03"
                                          "\x03\0xyz"
                                          "name\0"
                                          "comment\0"
                                          "\xa4\xbb";
    enum { PLAIN_HEADER = 10, FIELDS = sizeof fields - 1 };
    unsigned char packed_text[100], whole[200];
    size_t length = append_file(write_gzip("packed", "content", 7), sizeof packed_text, packed_text, 0), size;
    memcpy(whole, fields, FIELDS);
    memcpy(whole + FIELDS, packed_text + PLAIN_HEADER, length - PLAIN_HEADER);
    length += FIELDS - PLAIN_HEADER;
    sp_error error = {0};
    char *content;
    must(read_whole(write_bytes("fields.gz", whole, length), &content, &size, &error), error);
    cr_expect_str_eq(content, "content");
    free(content);
    for (size_t cut = 2; cut < length; cut++)
        expect_fault(read_whole(write_bytes("cut.gz", whole, cut), &content, &size, &error), error, SP_BAD_DATA,
                     "cut.gz: the gzip stream is truncated");
}

/* A pipe hands out its bytes as they come, and has no size. */
Test(file, a_pipe_is_read_to_its_end) {
    unsigned char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * i);
    const char *const paths[] = {write_bytes("plain", bytes, sizeof bytes), write_gzip("packed", bytes, sizeof bytes)};
    const char *pipe_path = scratch_path("pipe");
    cr_assert_eq(mkfifo(pipe_path, 0666), 0);
    for (int i = 0; i < 2; i++) {
        char command[1000], *content;
        snprintf(command, sizeof command, "{ head -c 1 '%s'; sleep 0.05; tail -c +2 '%s'; } >'%s' &", paths[i],
                 paths[i], pipe_path);
        cr_assert_eq(system(command), 0);
        sp_error error = {0};
        size_t size;
        must(read_whole(pipe_path, &content, &size, &error), error);
        cr_assert_eq(size, sizeof bytes);
        cr_expect_arr_eq(content, bytes, sizeof bytes);
        free(content);
    }
}

Test(file, what_cannot_be_read_is_named) {
    sp_error error;
    char *content;
    size_t size;
    expect_fault(read_whole(scratch(), &content, &size, &error), error, SP_BAD_CONFIG, "is a folder");
    expect_fault(read_whole(scratch_path("none"), &content, &size, &error), error, SP_BAD_CONFIG,
                 "none: cannot be opened (No such file or directory)");
    /* Address 0 of this process: the file opens, and reading it fails. */
    expect_fault(read_whole("/proc/self/mem", &content, &size, &error), error, SP_FAILED,
                 "/proc/self/mem: reading failed");
}

Test(file, a_limit_is_a_limit) {
    enum { PACKED = 3000000 };
    sp_error error = {0};
    char *content, *zeros = calloc(PACKED, 1);
    size_t size;
    const char *ten = write_text("ten", "0123456789"), *bomb = write_gzip("bomb.gz", zeros, PACKED);
    must(sp_file_read(ten, 10, &content, &size, &error), error);
    cr_expect_str_eq(content, "0123456789");
    free(content);
    expect_fault(sp_file_read(ten, 9, &content, &size, &error), error, SP_BAD_DATA, "ten: is longer than 9 bytes");
    expect_fault(sp_file_read(bomb, 1000, &content, &size, &error), error, SP_BAD_DATA, "is longer than 1000 bytes");
    free(zeros);
}

/* ---- Out ---- */

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

static sp_status write_whole(const char *path, const char *text, sp_error *error) {
    sp_output *output;
    sp_status status = sp_output_open(path, &output, error);
    if (status) return status;
    fputs(text, sp_output_stream(output));
    return sp_output_commit(output, error);
}

Test(file, output_takes_the_place_of_the_old_file_at_the_commit) {
    sp_error error = {0};
    sp_output *output;
    const char *path = write_text("model", "old"), *temporary = scratch_path("model.tmp");
    write_text("model.tmp", "left behind by a process that was killed");
    must(sp_output_open(path, &output, &error), error);
    fputs("new", sp_output_stream(output));
    fflush(sp_output_stream(output));
    cr_expect_str_eq(read_text(path), "old", "not yet");
    cr_expect_str_eq(read_text(temporary), "new");
    must(sp_output_commit(output, &error), error);
    cr_expect_str_eq(read_text(path), "new");
    cr_expect_not(exists(temporary));
}

Test(file, discarded_output_leaves_the_old_file) {
    sp_error error = {0};
    sp_output *output;
    const char *path = write_text("model", "old");
    must(sp_output_open(path, &output, &error), error);
    fputs("half", sp_output_stream(output));
    sp_output_discard(output);
    cr_expect_str_eq(read_text(path), "old");
    cr_expect_not(exists(scratch_path("model.tmp")));
    sp_output_discard(NULL);
}

Test(file, output_that_cannot_be_written_says_so_at_once) {
    sp_output *output;
    sp_error error;
    mkdir(scratch_path("folder"), 0777);
    expect_fault(sp_output_open(scratch_path("folder"), &output, &error), error, SP_FAILED,
                 "folder: cannot be written (Is a directory)");
    expect_fault(sp_output_open(scratch_path("no/model"), &output, &error), error, SP_FAILED,
                 "no/model: cannot be written (No such file or directory)");
    expect_fault(sp_output_open("/proc/self/model", &output, &error), error, SP_FAILED,
                 "/proc/self/model: cannot be written");
}

/* A folder comes in the way of the rename: all is written, and nothing of it may stay. */
Test(file, output_that_fails_at_the_end_leaves_nothing_behind) {
    sp_error error = {0};
    sp_output *output;
    const char *path = scratch_path("model");
    must(sp_output_open(path, &output, &error), error);
    fputs("text", sp_output_stream(output));
    mkdir(path, 0777);
    expect_fault(sp_output_commit(output, &error), error, SP_FAILED, "model: writing failed (Is a directory)");
    cr_expect_not(exists(scratch_path("model.tmp")));
}

/* A device is written as it stands: it must not be replaced by a file, least of all for root. */
Test(file, a_device_is_written_and_never_replaced) {
    sp_error error = {0};
    struct stat about;
    expect_fault(write_whole("/dev/full", "text", &error), error, SP_FAILED,
                 "/dev/full: writing failed (No space left on device)");
    cr_expect(stat("/dev/full", &about) == 0 && S_ISCHR(about.st_mode));
    error = (sp_error){0};
    must(write_whole("/dev/null", "text", &error), error);
    cr_expect(stat("/dev/null", &about) == 0 && S_ISCHR(about.st_mode));
}

/* ---- Folders ---- */

Test(file, folders_come_with_their_parents) {
    sp_error error = {0};
    must(sp_folder_create(scratch_path("a/b//c/"), "output.dir", &error), error);
    cr_expect(sp_is_folder(scratch_path("a/b/c")));
    must(sp_folder_create(scratch_path("a/b"), "output.dir", &error), error);
    write_text("a/file", "");
    expect_fault(sp_folder_create(scratch_path("a/file"), "output.dir", &error), error, SP_FAILED,
                 "a/file: cannot be created (File exists)");
    expect_fault(sp_folder_create(scratch_path("a/file/b"), "output.dir", &error), error, SP_FAILED,
                 "a/file/b: cannot be created (");
    expect_fault(sp_folder_create("", "output.dir", &error), error, SP_FAILED, "cannot be created");
}

Test(file, files_folders_and_nothing) {
    const char *file = write_text("file", "");
    cr_expect(sp_file_exists(file) && !sp_is_folder(file));
    cr_expect(sp_file_exists(scratch()) && sp_is_folder(scratch()));
    cr_expect(!sp_file_exists(scratch_path("none")) && !sp_is_folder(scratch_path("none")));
}

Test(file, joined_paths_fit_or_are_refused) {
    char path[8];
    cr_expect(sp_path_join(path, sizeof path, "abc", "def"));
    cr_expect_str_eq(path, "abc/def");
    cr_expect_not(sp_path_join(path, sizeof path, "abc", "defg"));
}

Test(file, the_stem_of_a_path) {
    static const char *const cases[][2] = {{"configs/digits.ini", "digits"},
                                           {"digits.ini", "digits"},
                                           {"a.b/c", "c"},
                                           {"/x/a.b.ini", "a.b"},
                                           {"x/.hidden", ".hidden"},
                                           {"x/.hidden.ini", ".hidden"},
                                           {"x/", ""},
                                           {"", ""},
                                           {"longer-than-that.ini", "longer-th"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char stem[10] = "before";
        sp_path_stem(cases[i][0], stem, sizeof stem);
        cr_expect_str_eq(stem, cases[i][1], "%s: %s", cases[i][0], stem);
    }
}
