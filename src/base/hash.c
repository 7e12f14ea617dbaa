#include "base/hash.h"

#include <xxhash.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the weights' hash and the model file are little-endian, and so must the machine be"
#endif

uint64_t sp_hash_floats(const float *values, size_t count) {
    return XXH64(values, count * sizeof *values, 0);
}
