/* The checksum of safetensors, for the fuzzers: no mutation finds one that fits. */
#ifndef FUZZ_SEAL_H
#define FUZZ_SEAL_H

#include <stddef.h>
#include <stdint.h>

/* A copy with a checksum that fits, if there is one, of 16 characters that do not begin with an x; NULL: no memory. */
uint8_t *fuzz_seal(const uint8_t *bytes, size_t size);

#endif
