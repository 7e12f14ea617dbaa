#include "support.h"

#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static char folder[200];

void *keep(void *memory) {
    static void **kept;
    static size_t count;
    cr_assert_not_null(memory);
    void **grown = realloc(kept, (count + 1) * sizeof *kept);
    cr_assert_not_null(grown);
    kept = grown;
    kept[count++] = memory;
    return memory;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static void remove_scratch(void) {
    if (*folder) nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void scratch_forget(void) {
    remove_scratch();
    *folder = '\0';
}

const char *scratch(void) {
    if (*folder) return folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/shardprop-test-XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(folder), "no scratch folder");
    static bool registered;
    if (!registered) atexit(remove_scratch);
    registered = true;
    return folder;
}

const char *scratch_path(const char *name) {
    char *path = keep(malloc(strlen(scratch()) + strlen(name) + 2));
    sprintf(path, "%s/%s", scratch(), name);
    return path;
}

const char *write_bytes(const char *name, const void *bytes, size_t size) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *write_text(const char *name, const char *text) {
    return write_bytes(name, text, strlen(text));
}

const char *write_gzip(const char *name, const void *bytes, size_t size) {
    const char *path = scratch_path(name);
    gzFile file = gzopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(gzwrite(file, bytes, (unsigned)size), (int)size);
    cr_assert_eq(gzclose(file), Z_OK);
    return path;
}

char *format_text(const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    cr_assert(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    return keep(text);
}

static char *read_stream(FILE *stream) {
    size_t used = 0, room = 1 << 12;
    char *text = malloc(room);
    for (size_t got = 1; got > 0;) {
        if (room - used < 2) text = realloc(text, room *= 2);
        cr_assert_not_null(text);
        got = fread(text + used, 1, room - used - 1, stream);
        used += got;
    }
    text[used] = '\0';
    return keep(text);
}

char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "no file %s", path);
    char *text = read_stream(file);
    fclose(file);
    return text;
}

outcome run(const char *format, ...) {
    static int runs;
    char name[40], *command = NULL, *whole = NULL;
    snprintf(name, sizeof name, "stderr-%d", runs++);
    const char *err_path = scratch_path(name);
    va_list arguments;
    va_start(arguments, format);
    cr_assert(vasprintf(&command, format, arguments) > 0);
    va_end(arguments);
    cr_assert(asprintf(&whole, "shardprop() { \"%s\" \"$@\"; }\n{ %s\n} 2>'%s'", SHARDPROP_PROGRAM, command, err_path) >
              0);
    fflush(NULL);
    FILE *pipe = popen(whole, "re");
    cr_assert_not_null(pipe);
    outcome result = {.out = read_stream(pipe)};
    int ended = pclose(pipe);
    result.status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    result.err = read_text(err_path);
    free(command);
    free(whole);
    return result;
}

double number_after(const char *text, const char *name) {
    const char *at = strstr(text, name);
    if (!at) return NAN;
    at += strlen(name);
    at += strspn(at, "\": \t");
    char *end;
    double value = strtod(at, &end);
    return end == at ? NAN : value;
}

const char *hash_of(const outcome *result) {
    const char *at = strstr(result->out, "weights_xxh64 ");
    cr_assert_not_null(at, "no hash in the output: %s%s", result->out, result->err);
    char *hash = keep(strndup(at + strlen("weights_xxh64 "), 16));
    cr_assert_eq(strlen(hash), 16);
    return hash;
}

void expect_refused_line(const outcome *result, int status, const char *says) {
    cr_expect_eq(result->status, status, "status %d for '%s'\n%s", result->status, says, result->err);
    cr_expect_str_empty(result->out);
    cr_expect_eq(lines_of(result->err), 1, "%s", result->err);
    cr_expect(strncmp(result->err, "shardprop: ", 11) == 0, "%s", result->err);
    cr_expect(strstr(result->err, says), "expected '%s'\ngot %s", says, result->err);
}

/* metrics.csv without what is measured by the clock: columns 2 and 8. */
static char *figures_of(const char *path) {
    char *text = read_text(path), *to = text;
    int column = 1;
    for (const char *at = text; *at; at++) {
        if (*at == ',') column++;
        if (*at == '\n') column = 1;
        if (column != 2 && column != 8) *to++ = *at;
    }
    *to = '\0';
    return text;
}

void expect_same_runs(const char *one, const char *other, const char *what) {
    char *a = format_text("%s/metrics.csv", one), *b = format_text("%s/metrics.csv", other);
    cr_expect_str_eq(figures_of(a), figures_of(b), "%s: metrics.csv", what);
    outcome same = run("cmp '%s/model.safetensors' '%s/model.safetensors'", one, other);
    cr_expect_eq(same.status, 0, "%s: %s", what, same.err);
}

size_t lines_of(const char *text) {
    size_t lines = 0;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

size_t widest(const char *shown) {
    size_t most = 0, column = 0;
    for (; *shown; shown++) {
        if (*shown == '\033') { /* an escape sequence up to its letter */
            shown += strcspn(shown, "ABCDEFGHJKm");
            if (!*shown) break;
        } else if (*shown == '\r' || *shown == '\n') {
            column = 0;
        } else if (++column > most) {
            most = column;
        }
    }
    return most;
}

bool have_mnist(void) {
    static const char *const files[] = {"train-images-idx3", "train-labels-idx1", "t10k-images-idx3",
                                        "t10k-labels-idx1"};
    for (int i = 0; i < 4; i++) {
        char path[80];
        snprintf(path, sizeof path, "data/mnist/%s-ubyte.gz", files[i]);
        if (access(path, R_OK) == 0) continue;
        /* Not by cr_log_warn: Criterion counts a warning as a failure. */
        fprintf(stderr, "skipped, because %s is not there; tools/fetch-mnist fetches it\n", path);
        return false;
    }
    return true;
}
