/* XXH64 (Collet), through libxxhash. */
#ifndef SP_BASE_HASH_H
#define SP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 with seed 0 of `count` float32 as they lie in memory (little-endian). */
uint64_t sp_hash_floats(const float *values, size_t count);

#endif
