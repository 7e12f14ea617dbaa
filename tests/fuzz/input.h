/* What the fuzzers share: the bytes at hand as a file with a name. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Path of a file in memory that holds just these bytes, until the next call for the same `slot` (0 or 1). */
const char *fuzz_file(int slot, const uint8_t *bytes, size_t size);

#endif
