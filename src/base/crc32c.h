/* CRC-32C (Castagnoli; RFC 3720), through ISA-L. */
#ifndef SP_BASE_CRC32C_H
#define SP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of at most INT_MAX bytes. */
uint32_t sp_crc32c(const void *bytes, size_t size);

#endif
