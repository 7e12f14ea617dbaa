/* Pictures out: PNG, by libpng. */
#ifndef SP_BASE_PNG_H
#define SP_BASE_PNG_H

#include "shardprop.h"

#include <stdio.h>

/* Bytes of a pixel: from 0 black to 255 white; or red, green, blue, and 0 nothing to 255 opaque. */
typedef enum sp_pixel { SP_PIXEL_GRAY = 1, SP_PIXEL_COLOUR = 4 } sp_pixel;

/* Writes a picture of `pixels` [height, width] to `stream`; false: that failed, or memory ran out. What the stream
 * still holds back may fail later. */
bool sp_png_put(FILE *stream, size_t height, size_t width, sp_pixel pixel, const uint8_t *pixels);

/* Replaces the file at `path` by a picture of `pixels` [height, width], 0 black to 255 white. SP_FAILED: not written.
 */
sp_status sp_png_write(const char *path, size_t height, size_t width, const uint8_t *pixels, sp_error *error);

#endif
