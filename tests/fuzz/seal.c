#include "seal.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *fuzz_seal(const uint8_t *bytes, size_t size) {
    static const char seal[] = "\"xxh64\":\"";
    enum { DIGITS = 16 };
    uint8_t *copy = malloc(size + 1); /* none is of 0 bytes */
    if (!copy) return NULL;
    if (size > 0) memcpy(copy, bytes, size);
    uint8_t *at = size > 0 ? memmem(copy, size, seal, strlen(seal)) : NULL;
    if (at) at += strlen(seal);
    if (!at || (size_t)(copy + size - at) <= DIGITS || *at == 'x') return copy;
    char digits[DIGITS + 1];
    memset(at, '0', DIGITS);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)sp_hash_bytes(copy, size, 0));
    memcpy(at, digits, DIGITS);
    return copy;
}
