/* Text into HTML and SVG. */
#ifndef SP_OUT_MARKUP_H
#define SP_OUT_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes `text` so that it is shown as it is, between tags and between quotes: what has a meaning there is escaped,
 * what is not UTF-8 and control characters but tabs and line ends are shown as U+FFFD.
 */
void sp_put_escaped(FILE *page, const char *text);

/* Base64 (RFC 4648), without line breaks. */
void sp_put_base64(FILE *page, const void *bytes, size_t size);

#endif
