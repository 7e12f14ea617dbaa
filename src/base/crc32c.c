#include "base/crc32c.h"

#include <isa-l/crc.h>

uint32_t sp_crc32c(const void *bytes, size_t size) {
    /* Which does not write, though it takes no const; and neither inverts what it starts from nor what comes out. */
    return ~crc32_iscsi((unsigned char *)bytes, (int)size, 0xffffffffu);
}
