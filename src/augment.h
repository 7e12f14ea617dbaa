/*
 * Images as a training sees them: moved, turned, sheared, scaled, and bent like rubber, each time another way.
 *
 * Every output pixel looks up where it comes from: an affine map about the middle of the image, and a displacement of
 * its own, which is uniform noise smoothed by a Gaussian (Simard, Steinkraus, Platt: Best Practices for Convolutional
 * Neural Networks Applied to Visual Document Analysis; ICDAR 2003). The image is interpolated once, bilinearly; outside
 * of it all is 0.
 */
#ifndef SP_AUGMENT_H
#define SP_AUGMENT_H

#include "math/noise.h"
#include "shardprop.h"

/* How far at most; each is drawn evenly from both sides of 0 (scale: of 1). All 0: images stay as they are. */
typedef struct sp_augment {
    double shift;  /* pixels, down and to the right each */
    double rotate; /* degrees */
    double scale;  /* share of the height and of the width */
    double shear;  /* pixels to the right for one down */
    double alpha;  /* pixels: what the smoothed noise, at first from -1 to 1, is multiplied by */
    double sigma;  /* pixels: deviation of the Gaussian that smooths it */
} sp_augment;

bool sp_augment_is_on(const sp_augment *ranges);

/* Ready for images of one size, with room for several who work at once. */
typedef struct sp_augmenter sp_augmenter;

/* `rooms` of them. SP_FAILED: no memory. */
sp_status sp_augmenter_create(const sp_augment *ranges, size_t height, size_t width, size_t rooms,
                              sp_augmenter **augmenter, sp_error *error);
void sp_augmenter_destroy(sp_augmenter *augmenter);

/* Bytes that it takes. */
size_t sp_augmenter_bytes(size_t height, size_t width, size_t rooms);

/*
 * Writes `image` [height, width] to `result`, as row `row` of the mini-batch of a step sees it: a function of those,
 * the seed and the image alone. `room`: nobody else's at the time.
 */
void sp_augmenter_apply(const sp_augmenter *augmenter, size_t room, sp_draw draw, size_t row, const uint8_t *image,
                        float *result);

/* ---- Its parts, for tests ---- */

/* Smooths a field [height, width] in place by a Gaussian of deviation sigma, 0 outside; `scratch` as large. */
void sp_augment_smooth(double sigma, size_t height, size_t width, float *field, float *scratch);

#endif
