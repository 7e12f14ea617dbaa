#include "sheet.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/png.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 10, COLUMNS = 16, GAP = 2, BACKGROUND = 96, SMALL = 48 };

/* The picture under way; each pixel of an image is `zoom` by `zoom` of its own. */
typedef struct sheet {
    size_t image_height, image_width, zoom, height, width;
    uint8_t *pixels; /* owned [height, width] */
} sheet;

static void paint(sheet *s, size_t row, size_t column, const float *image) {
    size_t top = GAP + row * (s->image_height * s->zoom + GAP), left = GAP + column * (s->image_width * s->zoom + GAP);
    for (size_t i = 0; i < s->image_height * s->zoom; i++)
        for (size_t j = 0; j < s->image_width * s->zoom; j++) {
            float value = image[i / s->zoom * s->image_width + j / s->zoom];
            value = value > 0 ? value + 0.5f : 0;
            s->pixels[(top + i) * s->width + left + j] = (uint8_t)(value < 255 ? value : 255);
        }
}

/* The training row to show in row `row` of the sheet: the next of the class whose turn it is. */
static uint32_t row_to_show(const sp_data *data, size_t row) {
    const uint32_t *index = data->train.rows.index;
    size_t count = data->train.rows.count, classes = data->classes.count, round = classes > 0 ? row / classes : 0;
    if (classes == 0) return index[row % count];
    for (size_t i = 0; i < count; i++)
        if ((size_t)data->train.data->classes[index[i]] == row % classes && round-- == 0) return index[i];
    return index[row % count];
}

static void paint_row(const sp_plan *plan, const sp_data *data, const sp_augmenter *augmenter, size_t row, float *image,
                      sheet *s) {
    const sp_table *table = data->train.data->table;
    const uint8_t *bytes = (const uint8_t *)table->values + row_to_show(data, row) * table->features;
    for (size_t i = 0; i < table->features; i++) image[i] = bytes[i];
    paint(s, row, 0, image);
    for (size_t step = 0; step + 1 < COLUMNS; step++) {
        if (augmenter) sp_augmenter_apply(augmenter, 0, (sp_draw){plan->seed, step}, row, bytes, image);
        paint(s, row, step + 1, image);
    }
}

sp_status sp_sheet_write(const sp_plan *plan, const sp_data *data, const char *path, sp_error *error) {
    const sp_table *table = data->train.data->table;
    sp_augmenter *augmenter = NULL;
    sp_status status = SP_OK;
    if (table->height == 0)
        return sp_fail(error, SP_BAD_CONFIG, "%s: is no file of images (IDX of three dimensions); leave --samples out",
                       table->path);
    sheet s = {.image_height = table->height, .image_width = table->width};
    s.zoom = table->height < SMALL && table->width < SMALL ? 2 : 1;
    s.height = ROWS * (s.image_height * s.zoom + GAP) + GAP;
    s.width = COLUMNS * (s.image_width * s.zoom + GAP) + GAP;
    s.pixels = sp_allocate(s.height, s.width);
    float *image = sp_allocate(table->features, sizeof *image);
    if (!s.pixels || !image) status = sp_fail_memory(error, "the picture", sp_bytes(s.height, s.width));
    if (!status && sp_augment_is_on(&plan->augment))
        status = sp_augmenter_create(&plan->augment, table->height, table->width, 1, &augmenter, error);
    if (!status) {
        memset(s.pixels, BACKGROUND, s.height * s.width);
        for (size_t row = 0; row < ROWS; row++) paint_row(plan, data, augmenter, row, image, &s);
        status = sp_png_write(path, s.height, s.width, s.pixels, error);
    }
    sp_augmenter_destroy(augmenter);
    free(image);
    free(s.pixels);
    return status;
}
