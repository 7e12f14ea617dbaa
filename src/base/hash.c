#include "base/hash.h"

#include <xxhash.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the weights' hash and the model file are little-endian, and so must the machine be"
#endif

uint64_t sp_hash_floats(const float *values, size_t count) {
    return XXH64(values, count * sizeof *values, 0);
}

uint64_t sp_hash_bytes(const void *bytes, size_t size, uint64_t seed) {
    return XXH64(bytes, size, seed);
}

sp_hasher *sp_hasher_create(void) {
    sp_hasher *made = XXH64_createState();
    if (made) XXH64_reset(made, 0);
    return made;
}

void sp_hasher_add(sp_hasher *hasher, const void *bytes, size_t size) {
    XXH64_update(hasher, bytes, size);
}

uint64_t sp_hasher_value(const sp_hasher *hasher) {
    return XXH64_digest(hasher);
}

void sp_hasher_destroy(sp_hasher *hasher) {
    XXH64_freeState(hasher);
}
