#include "base/png.h"

#include "base/error.h"
#include "base/file.h"

#include <png.h>
#include <setjmp.h>

/* libpng jumps back here out of a fault. */
static bool write_picture(FILE *stream, size_t height, size_t width, const uint8_t *pixels) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t row = 0; row < height; row++) png_write_row(png, pixels + row * width);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}

sp_status sp_png_write(const char *path, size_t height, size_t width, const uint8_t *pixels, sp_error *error) {
    sp_output *output;
    sp_status status = sp_output_open(path, &output, error);
    if (status) return status;
    if (!write_picture(sp_output_stream(output), height, width, pixels)) {
        sp_output_discard(output);
        return sp_fail(error, SP_FAILED, "%s: the picture cannot be written; free some space, or name another file",
                       path);
    }
    return sp_output_commit(output, error);
}
