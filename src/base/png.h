/* Pictures out: PNG, by libpng. */
#ifndef SP_BASE_PNG_H
#define SP_BASE_PNG_H

#include "shardprop.h"

/* Replaces the file at `path` by a picture of `pixels` [height, width], 0 black to 255 white. SP_FAILED: not written.
 */
sp_status sp_png_write(const char *path, size_t height, size_t width, const uint8_t *pixels, sp_error *error);

#endif
