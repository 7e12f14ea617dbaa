#include "base/png.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stream.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

/* Faults are told once, by the caller: libpng would print them. */
static void on_fault(png_structp png, png_const_charp what) {
    (void)what;
    png_longjmp(png, 1);
}

static void on_remark(png_structp png, png_const_charp what) {
    (void)png, (void)what;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t size) {
    if (fwrite(bytes, 1, size, png_get_io_ptr(png)) != size) png_error(png, "");
}

/* libpng jumps back here where memory runs out, or writing fails. */
bool sp_png_put(FILE *stream, size_t height, size_t width, sp_pixel pixel, const uint8_t *pixels) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_fault, on_remark);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, stream, write_bytes, NULL);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8,
                 pixel == SP_PIXEL_GRAY ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t row = 0; row < height; row++) png_write_row(png, pixels + row * width * pixel);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return true;
}

sp_status sp_png_write(const char *path, size_t height, size_t width, const uint8_t *pixels, sp_error *error) {
    char *bytes = NULL;
    size_t size = 0;
    sp_output *output;
    FILE *stream = sp_stream_into_memory(&bytes, &size);
    bool good = stream && sp_png_put(stream, height, width, SP_PIXEL_GRAY, pixels) && !ferror(stream);
    if (stream && fclose(stream)) good = false;
    sp_status status = good ? sp_output_open(path, &output, error) : sp_fail_memory(error, path, height * width);
    if (!status) {
        sp_output_write(output, bytes, size);
        status = sp_output_commit(output, error);
    }
    free(bytes);
    return status;
}
