#include "augment.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Taps of a Gaussian on one side of its middle; beyond 3 sigma it is nothing. */
enum { MOST_TAPS = 96 };

/* Around the image: a row and column before it and two behind, all 0. */
enum { BORDER = 3 };

/* What one image takes on its way. */
typedef struct room {
    float *padded;   /* [height + BORDER, width + BORDER] */
    float *x, *y;    /* [height, width]: where each pixel comes from */
    float *scratch;  /* likewise */
    uint64_t *words; /* [blocks, 4]: random bits */
    float *memory;   /* owned: all of the above lies in it */
} room;

struct sp_augmenter {
    sp_augment ranges;
    size_t height, width, blocks, rooms;
    room *room; /* owned [rooms] */
};

/* source = matrix (target - middle) + middle + move, in (x, y) */
typedef struct affine {
    float matrix[2][2], move[2];
} affine;

bool sp_augment_is_on(const sp_augment *r) {
    return r->shift > 0 || r->rotate > 0 || r->scale > 0 || r->shear > 0 || r->alpha > 0;
}

/* ---- Random numbers: blocks of 256 bits ---- */

/* Block 0 is for the affine map, with 32 bits a number; the rest for the field, with 16. */
enum { FIELD_NUMBERS = 16 };

static size_t blocks_of_field(size_t pixels) {
    return (2 * pixels + FIELD_NUMBERS - 1) / FIELD_NUMBERS;
}

/* Number i of some words, evenly from -most to most. */
static double between(const uint64_t *words, size_t i, double most) {
    uint32_t bits = (uint32_t)(words[i / 2] >> 32 * (i % 2));
    return most * (2 * ((double)bits + 0.5) * 0x1p-32 - 1);
}

/* Turned by a, scaled by s and t, sheared by k (as one of these for all, Ciresan et al. 2010). */
static affine draw_affine(const sp_augment *r, const uint64_t *words) {
    double a = between(words, 0, r->rotate) * 3.14159265358979323846 / 180, k = between(words, 1, r->shear);
    double s = 1 + between(words, 2, r->scale), t = 1 + between(words, 3, r->scale);
    return (affine){.matrix = {{(float)(cos(a) * s), (float)(cos(a) * k - sin(a) * t)},
                               {(float)(sin(a) * s), (float)(sin(a) * k + cos(a) * t)}},
                    .move = {(float)between(words, 4, r->shift), (float)between(words, 5, r->shift)}};
}

/* ---- Where pixels come from ---- */

static void place_affine(const affine *map, size_t height, size_t width, float *x, float *y) {
    float middle_x = (float)(width - 1) / 2, middle_y = (float)(height - 1) / 2;
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++) {
            float u = (float)j - middle_x, v = (float)i - middle_y;
            x[i * width + j] = map->matrix[0][0] * u + map->matrix[0][1] * v + middle_x + map->move[0];
            y[i * width + j] = map->matrix[1][0] * u + map->matrix[1][1] * v + middle_y + map->move[1];
        }
}

/* Numbers first .. first + count - 1 of some words, 16 bits each, evenly from -1 to 1. */
static void spread(size_t count, const uint64_t *words, size_t first, float *values) {
    for (size_t i = 0, n = first; i < count; i++, n++) {
        uint16_t bits = (uint16_t)(words[n / 4] >> 16 * (n % 4));
        values[i] = ((float)bits - 32767.5f) * (1.0f / 32767.5f);
    }
}

/* sum += weight * values */
SP_VECTOR static void add_scaled(size_t count, float weight, const float *restrict values, float *restrict sum) {
    for (size_t i = 0; i < count; i++) sum[i] += weight * values[i];
}

/* Weights of the taps 0 .. taps of a Gaussian, whose sum over both sides is 1; returns taps. */
static size_t gaussian(double sigma, float weights[MOST_TAPS + 1]) {
    double sum = 0, value[MOST_TAPS + 1];
    size_t taps = (size_t)ceil(3 * sigma);
    if (taps > MOST_TAPS) taps = MOST_TAPS;
    for (size_t k = 0; k <= taps; k++) {
        value[k] = exp(-0.5 * (double)(k * k) / (sigma * sigma));
        sum += k > 0 ? 2 * value[k] : value[k];
    }
    for (size_t k = 0; k <= taps; k++) weights[k] = (float)(value[k] / sum);
    return taps;
}

/* result [count] is field [count] moved by -taps .. taps places of `step` and weighted. */
static void convolve(size_t count, size_t taps, size_t step, const float *weights, const float *field, float *result) {
    memset(result, 0, count * sizeof *result);
    for (size_t k = taps; k > 0; k--) {
        size_t by = k * step;
        if (by >= count) continue;
        add_scaled(count - by, weights[k], field + by, result);
        add_scaled(count - by, weights[k], field, result + by);
    }
    add_scaled(count, weights[0], field, result);
}

void sp_augment_smooth(double sigma, size_t height, size_t width, float *field, float *scratch) {
    float weights[MOST_TAPS + 1];
    size_t taps = gaussian(sigma, weights);
    convolve(height * width, taps, width, weights, field, scratch); /* down and up: whole rows at a time */
    for (size_t i = 0; i < height; i++) convolve(width, taps, 1, weights, scratch + i * width, field + i * width);
}

/* Adds alpha times smoothed noise to where the pixels come from. */
static void displace(const sp_augmenter *a, room *r) {
    size_t pixels = a->height * a->width;
    float *const places[] = {r->x, r->y};
    for (int axis = 0; axis < 2; axis++) {
        float *field = r->scratch, *other = r->scratch + pixels;
        spread(pixels, r->words + 4, (size_t)axis * pixels, field);
        sp_augment_smooth(a->ranges.sigma, a->height, a->width, field, other);
        add_scaled(pixels, (float)a->ranges.alpha, field, places[axis]);
    }
}

/* ---- The image ---- */

static void pad(size_t height, size_t width, const uint8_t *image, float *padded) {
    for (size_t i = 0; i < height; i++)
        for (size_t j = 0; j < width; j++) padded[(i + 1) * (width + BORDER) + j + 1] = image[i * width + j];
}

/* Bilinear; places outside of the image fall onto its border of zeros. */
SP_VECTOR static void interpolate(size_t height, size_t width, const float *restrict padded, const float *restrict x,
                                  const float *restrict y, float *restrict result) {
    float most_x = (float)width + 1, most_y = (float)height + 1;
    int stride = (int)width + BORDER;
    for (size_t i = 0; i < height * width; i++) {
        float u = x[i] + 1, v = y[i] + 1;
        u = u > 0 ? u : 0;
        v = v > 0 ? v : 0;
        u = u < most_x ? u : most_x;
        v = v < most_y ? v : most_y;
        int left = (int)u, above = (int)v, at = above * stride + left;
        float right = u - (float)left, below = v - (float)above;
        float top = padded[at] + right * (padded[at + 1] - padded[at]);
        float bottom = padded[at + stride] + right * (padded[at + stride + 1] - padded[at + stride]);
        result[i] = top + below * (bottom - top);
    }
}

void sp_augmenter_apply(const sp_augmenter *a, size_t room_number, sp_draw draw, size_t row, const uint8_t *image,
                        float *result) {
    room *r = &a->room[room_number];
    sp_counter counter = {{draw.step, row, 0}};
    sp_random_blocks(draw.seed, SP_RANDOM_AUGMENT, counter, 0, 1 + (a->ranges.alpha > 0 ? a->blocks : 0), r->words);
    affine map = draw_affine(&a->ranges, r->words);
    place_affine(&map, a->height, a->width, r->x, r->y);
    if (a->ranges.alpha > 0) displace(a, r);
    pad(a->height, a->width, image, r->padded);
    interpolate(a->height, a->width, r->padded, r->x, r->y, result);
}

/* ---- Life ---- */

static size_t padded_floats(size_t height, size_t width) {
    return (height + BORDER) * (width + BORDER);
}

/* Of one room: the padded image, four fields, and the words, in floats; whole cache lines. */
static size_t floats_of_room(size_t height, size_t width) {
    size_t pixels = height * width, words = 4 * (1 + blocks_of_field(pixels));
    size_t line = SP_ALIGNMENT / sizeof(float), floats = padded_floats(height, width) + 4 * pixels + 2 * words;
    return (floats + line - 1) / line * line;
}

size_t sp_augmenter_bytes(size_t height, size_t width, size_t rooms) {
    return sp_bytes(rooms, sp_bytes(floats_of_room(height, width), sizeof(float)));
}

static bool make_room(const sp_augmenter *a, room *r) {
    size_t pixels = a->height * a->width;
    r->memory = sp_allocate_zeroed(floats_of_room(a->height, a->width), sizeof(float));
    if (!r->memory) return false;
    r->words = (uint64_t *)r->memory; /* first: it is aligned */
    r->x = r->memory + 8 * (1 + a->blocks);
    r->y = r->x + pixels;
    r->scratch = r->y + pixels;
    r->padded = r->scratch + 2 * pixels;
    return true;
}

sp_status sp_augmenter_create(const sp_augment *ranges, size_t height, size_t width, size_t rooms,
                              sp_augmenter **augmenter, sp_error *error) {
    sp_augmenter *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_augmenter){.ranges = *ranges, .height = height, .width = width, .rooms = rooms};
        made->blocks = blocks_of_field(height * width);
        made->room = calloc(rooms, sizeof *made->room);
    }
    bool good = made && made->room;
    for (size_t i = 0; good && i < rooms; i++) good = make_room(made, &made->room[i]);
    if (!good) {
        sp_augmenter_destroy(made);
        return sp_fail_memory(error, "the augmentation", sp_augmenter_bytes(height, width, rooms));
    }
    *augmenter = made;
    return SP_OK;
}

void sp_augmenter_destroy(sp_augmenter *a) {
    if (!a) return;
    for (size_t i = 0; a->room && i < a->rooms; i++) free(a->room[i].memory);
    free(a->room);
    free(a);
}
