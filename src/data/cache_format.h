/* The header of a cache file, which its writer and its reader share; see data/cache_file.h. */
#ifndef SP_DATA_CACHE_FORMAT_H
#define SP_DATA_CACHE_FORMAT_H

#include "data/cache_file.h"

enum { SP_CACHE_HEADER = 4096 }; /* bytes before the values: a page, so that rows lie in as few of them as can be */

/* Its 64-bit numbers; the rest of the bytes are 0. */
typedef enum sp_cache_field {
    SP_CACHE_MAGIC,
    SP_CACHE_VERSION,
    SP_CACHE_KEY,
    SP_CACHE_ROWS,
    SP_CACHE_FEATURES,
    SP_CACHE_LINES_AT,
    SP_CACHE_SIZE, /* of the file */
    SP_CACHE_VALUES_HASH,
    SP_CACHE_REST_HASH, /* of all behind the values */
    SP_CACHE_TEXT_HASH,
    SP_CACHE_STAMP, /* seven numbers */
    SP_CACHE_CHECK = SP_CACHE_STAMP + sizeof(sp_stamp) / sizeof(uint64_t),
    SP_CACHE_FIELDS
} sp_cache_field;

#define SP_CACHE_MAGIC_NUMBER   0x0a65686361435073u /* "sPCache\n" */
#define SP_CACHE_VERSION_NUMBER 1u

#endif
