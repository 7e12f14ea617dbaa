/* Streams into memory. */
#ifndef SP_BASE_STREAM_H
#define SP_BASE_STREAM_H

#include <stddef.h>
#include <stdio.h>

/*
 * As open_memstream(), of which glibc loses what memory is not there for and says nothing: here ferror(), or fclose(),
 * tells. *text and *size are right once the stream is closed; a '\0' stands behind. Free *text with free(), whatever
 * came of it. NULL: no memory; *text is NULL then.
 */
FILE *sp_stream_into_memory(char **text, size_t *size);

#endif
