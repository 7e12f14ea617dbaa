/* XXH64 (Collet), through libxxhash. */
#ifndef SP_BASE_HASH_H
#define SP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 with seed 0 of `count` float32 as they lie in memory (little-endian). */
uint64_t sp_hash_floats(const float *values, size_t count);

/* XXH64 of some bytes with that seed. The hash of what came before as the seed makes one of a list of pieces. */
uint64_t sp_hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* XXH64 with seed 0 of bytes that are not all at hand at once; NULL: no memory. */
typedef struct XXH64_state_s sp_hasher;
sp_hasher *sp_hasher_create(void);
void sp_hasher_add(sp_hasher *hasher, const void *bytes, size_t size);
uint64_t sp_hasher_value(const sp_hasher *hasher);
void sp_hasher_destroy(sp_hasher *hasher);

#endif
