/*
 * Unpacking gzip (RFC 1952), by ISA-L, which takes less than half the time of zlib.
 *
 * A file may have several members behind one another, as `cat a.gz b.gz` makes them; what follows the last one and is
 * no member is left alone, as gzip does.
 */
#ifndef SP_BASE_GUNZIP_H
#define SP_BASE_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sp_gunzip sp_gunzip;

/* NULL: no memory. */
sp_gunzip *sp_gunzip_create(void);
void sp_gunzip_destroy(sp_gunzip *gunzip);

/* Whether these bytes, the first of a file, are those of gzip. */
bool sp_gunzip_recognise(const unsigned char *bytes, size_t count);

/* Packed bytes and room for the unpacked ones; sp_gunzip_run moves all four on. */
typedef struct sp_gunzip_buffers {
    const unsigned char *in;
    size_t in_left;
    unsigned char *out;
    size_t out_left;
} sp_gunzip_buffers;

/*
 * Unpacks until `out` is full or `in` is used up. NULL, or what is wrong with the stream. `end`: nothing follows `in`
 * in the file; *finished: all is unpacked.
 */
const char *sp_gunzip_run(sp_gunzip *gunzip, sp_gunzip_buffers *buffers, bool end, bool *finished);

#endif
