/* What the fuzzers share: the bytes at hand as files, and a bound on the memory that reading them may take. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls; in input.c. */
int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What each fuzzer is: what comes once before all inputs, and what is done with one of them. */
void fuzz_prepare(void);
void fuzz_input(const uint8_t *bytes, size_t size);

/*
 * Path of a file that holds just these bytes, until the next call for the same `slot` (0 or 1). It is no file of the
 * system's: the library's open, read and so on are caught by the linker (--wrap), which is ten times as fast.
 */
const char *fuzz_file(int slot, const uint8_t *bytes, size_t size);

/* Whether such a file begins as a gzipped one. */
int fuzz_is_gzip(const char *path);

/* Gives the file of a slot another path. Borrowed. */
void fuzz_name(int slot, const char *path);

/* There is none in that slot: opening it fails. */
void fuzz_no_file(int slot);

/* Ends the program, so that the input is kept as one that broke something. */
void fuzz_expect(int holds, const char *what);

#endif
