/* What tests share: scratch folders, files, and the program run as a user runs it. */
#ifndef SP_TESTS_SUPPORT_H
#define SP_TESTS_SUPPORT_H

#include "shardprop.h"

#include <criterion/criterion.h>

/* A fresh folder for this test, removed when the test process ends. */
const char *scratch(void);

/* Removes it; the next test gets another. Only needed where tests share a process. */
void scratch_forget(void);

/* PATH of `name` in the scratch folder; the text lives until the process ends. */
const char *scratch_path(const char *name);

/* Writes a file into the scratch folder and returns its path. */
const char *write_text(const char *name, const char *text);
const char *write_bytes(const char *name, const void *bytes, size_t size);

/* Writes it gzipped. */
const char *write_gzip(const char *name, const void *bytes, size_t size);

/* What lives until the process ends stays in reach, so that no tool takes it for lost. NULL fails the test. */
void *keep(void *memory);

/* Formats a text (printf-style) that lives until the process ends. */
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The whole file as text with a '\0' behind it; fails the test where there is none. It
 * lives until the process ends, too. */
char *read_text(const char *path);

/* What a run of the program left behind. */
typedef struct outcome {
    int status;      /* exit status, or 128 + signal */
    char *out, *err; /* stdout and stderr */
} outcome;

/*
 * Runs the shell command `format` (printf-style) in the repository's top folder, with
 * `shardprop` as the program just built. What it prints is kept whole.
 */
outcome run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number behind `name` in a text such as summary.json or the program's output; NAN: none. */
double number_after(const char *text, const char *name);

/* The 16 hex digits behind weights_xxh64 in the output of `train`. */
const char *hash_of(const outcome *result);

/* Expects that status, no result, and one line "shardprop: ..." that holds `says`. */
void expect_refused_line(const outcome *result, int status, const char *says);

/* Expects two run directories to have the same model, and the same metrics but for what a clock has measured. */
void expect_same_runs(const char *one, const char *other, const char *what);

/* Lines of a text. */
size_t lines_of(const char *text);

/* The longest line that stands at any time on a terminal that is shown this. */
size_t widest(const char *shown);

/* Whether the files of MNIST are there. Where they are not, says so once and returns false. */
bool have_mnist(void);

/* For functions of the library that can fail: shows the fault. */
#define must(call, error) cr_assert_eq((call), SP_OK, "%s", (error).text)

#endif
