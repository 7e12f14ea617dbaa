/* Images as a training sees them: what each range does, the field against its definition, bits, the contact sheet. */
#include "augment.h"
#include "base/random.h"
#include "golden.h"
#include "math/kernels.h"
#include "support.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, DRAWS = 2000 };

static void augment(sp_augment ranges, size_t row, const uint8_t *image, float *result) {
    sp_error error = {0};
    sp_augmenter *made;
    must(sp_augmenter_create(&ranges, SIDE, SIDE, 1, &made, &error), error);
    sp_augmenter_apply(made, 0, (sp_draw){.seed = 3, .step = 5}, row, image, result);
    sp_augmenter_destroy(made);
}

/* A blot in the image, and where its middle is afterwards, from the middle of the image. */
static void place_of_blot(sp_augment ranges, size_t row, int x, int y, double *right, double *down) {
    static uint8_t image[PIXELS];
    float result[PIXELS];
    double sum = 0;
    memset(image, 0, sizeof image);
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            image[(y + i) * SIDE + x + j] = i == 0 && j == 0 ? 200 : i == 0 || j == 0 ? 100 : 50;
    augment(ranges, row, image, result);
    *right = *down = 0;
    for (int i = 0; i < PIXELS; i++) {
        sum += result[i];
        *right += result[i] * (i % SIDE);
        *down += result[i] * (i / SIDE);
    }
    *right = *right / sum - (SIDE - 1) / 2.0;
    *down = *down / sum - (SIDE - 1) / 2.0;
}

Test(augment, nothing_changes_nothing) {
    uint8_t image[PIXELS];
    float result[PIXELS];
    for (int i = 0; i < PIXELS; i++) image[i] = (uint8_t)(i * 7);
    augment((sp_augment){.sigma = 4}, 0, image, result);
    for (int i = 0; i < PIXELS; i++) cr_assert_eq(result[i], image[i], "pixel %d", i);
    cr_expect_not(sp_augment_is_on(&(sp_augment){.sigma = 4}));
    cr_expect(sp_augment_is_on(&(sp_augment){.shear = 0.1}));
}

/* Evenly spread in -3 .. 3: mean 0, deviation sqrt(3), in both directions and apart from each other. */
Test(augment, shifts_are_even_and_bounded) {
    double sum[2] = {0}, squares[2] = {0}, product = 0;
    for (size_t row = 0; row < DRAWS; row++) {
        double at[2];
        place_of_blot((sp_augment){.shift = 3, .sigma = 4}, row, 14, 14, &at[0], &at[1]);
        for (int i = 0; i < 2; i++) {
            double moved = at[i] - 0.5;
            cr_assert(fabs(moved) <= 3.01, "%g", moved);
            sum[i] += moved;
            squares[i] += moved * moved;
        }
        product += (at[0] - 0.5) * (at[1] - 0.5);
    }
    for (int i = 0; i < 2; i++) {
        cr_expect_float_eq(sum[i] / DRAWS, 0, 0.13); /* 3.4 deviations of the mean */
        cr_expect_float_eq(squares[i] / DRAWS, 3, 0.25);
    }
    cr_expect_float_eq(product / DRAWS, 0, 0.25);
}

Test(augment, turning_keeps_the_distance_and_scaling_the_direction) {
    double most_angle = 0, most_scale = 0, least_scale = 2;
    for (size_t row = 0; row < 300; row++) {
        double right, down, was = atan2(0.5, 8.5), radius = hypot(8.5, 0.5);
        place_of_blot((sp_augment){.rotate = 30, .sigma = 4}, row, 22, 14, &right, &down);
        double angle = fabs(atan2(down, right) - was) * 180 / 3.14159265358979;
        cr_expect_float_eq(hypot(right, down), radius, 0.05);
        cr_expect_leq(angle, 30.3);
        most_angle = fmax(most_angle, angle);
        place_of_blot((sp_augment){.scale = 0.25, .sigma = 4}, row, 22, 14, &right, &down);
        cr_expect_float_eq(down, 0.5, 0.2, "%g", down);
        most_scale = fmax(most_scale, 8.5 / right);
        least_scale = fmin(least_scale, 8.5 / right);
    }
    cr_expect_geq(most_angle, 29);
    cr_expect_float_eq(most_scale, 1.25, 0.02);
    cr_expect_float_eq(least_scale, 0.75, 0.02);
}

Test(augment, shear_moves_by_the_distance_from_the_middle) {
    double most = 0;
    for (size_t row = 0; row < 300; row++) {
        double right, down;
        place_of_blot((sp_augment){.shear = 0.3, .sigma = 4}, row, 14, 22, &right, &down);
        cr_expect_float_eq(down, 8.5, 0.02);
        cr_expect_leq(fabs(right - 0.5), 0.3 * 8.5 + 0.02);
        most = fmax(most, fabs(right - 0.5));
    }
    cr_expect_geq(most, 0.29 * 8.5);
}

/* exp(-d^2 / 2 sigma^2) over the square of three deviations, in double, by its definition. */
static double smoothed(const double *field, int height, int width, double sigma, int at_y, int at_x) {
    int reach = (int)ceil(3 * sigma);
    double sum = 0, weights = 0;
    for (int i = -reach; i <= reach; i++)
        for (int j = -reach; j <= reach; j++) {
            double weight = exp(-(i * i + j * j) / (2 * sigma * sigma));
            int y = at_y + i, x = at_x + j;
            weights += weight;
            if (y >= 0 && y < height && x >= 0 && x < width) sum += weight * field[y * width + x];
        }
    return sum / weights;
}

Test(augment, smoothing_is_a_gaussian) {
    enum { HEIGHT = 11, WIDTH = 17, ALL = HEIGHT * WIDTH };
    static const double sigmas[] = {0.7, 2, 5};
    double exact[ALL];
    float field[ALL], scratch[ALL];
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < ALL; i++)
            exact[i] = field[i] = (float)(2 * sp_random_uniform(1, SP_RANDOM_SAMPLE, i, k) - 1);
        sp_augment_smooth(sigmas[k], HEIGHT, WIDTH, field, scratch);
        for (int i = 0; i < ALL; i++)
            cr_expect_float_eq(field[i], smoothed(exact, HEIGHT, WIDTH, sigmas[k], i / WIDTH, i % WIDTH), 1e-6,
                               "sigma %g, pixel %d", sigmas[k], i);
    }
}

/* An image whose value says how far to the right a pixel is tells where the pixels came from. */
Test(augment, elastic_displacement_is_alpha_times_smoothed_noise) {
    const double alpha = 20, sigma = 3;
    const size_t row = 9;
    uint64_t words[4 * (1 + PIXELS / 8)];
    uint8_t image[PIXELS];
    float result[PIXELS];
    double noise[PIXELS];
    sp_random_blocks(3, SP_RANDOM_AUGMENT, (sp_counter){{5, row, 0}}, 0, 1 + PIXELS / 8, words);
    for (int i = 0; i < PIXELS; i++) {
        image[i] = (uint8_t)(8 * (i % SIDE));
        noise[i] = (double)(words[4 + i / 4] >> 16 * (i % 4) & 0xffff) / 32767.5 - 1;
    }
    augment((sp_augment){.alpha = alpha, .sigma = sigma}, row, image, result);
    double most = 0;
    for (int y = 6; y < SIDE - 6; y++)
        for (int x = 6; x < SIDE - 6; x++) {
            double moved = alpha * smoothed(noise, SIDE, SIDE, sigma, y, x);
            cr_expect_float_eq(result[y * SIDE + x] / 8 - x, moved, 1e-4, "(%d, %d)", y, x);
            most = fmax(most, fabs(moved));
        }
    cr_expect_geq(most, 0.5, "it does move");
}

/* ---- numpy and scipy, in double precision ---- */

static void check_against_reference(const sp_json *one) {
    double sizes[2], ranges[9], image[PIXELS], expected[PIXELS], most = 0;
    uint8_t bytes[PIXELS];
    float result[PIXELS];
    sp_augmenter *made;
    sp_error error = {0};
    sizes[0] = golden_number(sp_json_member(one, "height"));
    sizes[1] = golden_number(sp_json_member(one, "width"));
    size_t height = (size_t)sizes[0], width = (size_t)sizes[1], pixels = height * width;
    cr_assert_leq(pixels, PIXELS);
    golden_numbers(sp_json_member(one, "ranges"), ranges, 9);
    golden_numbers(sp_json_member(one, "image"), image, pixels);
    golden_numbers(sp_json_member(one, "result"), expected, pixels);
    for (size_t i = 0; i < pixels; i++) bytes[i] = (uint8_t)image[i];
    sp_augment about = {ranges[0], ranges[1], ranges[2], ranges[3], ranges[4], ranges[5]};
    must(sp_augmenter_create(&about, height, width, 1, &made, &error), error);
    sp_augmenter_apply(made, 0, (sp_draw){.seed = (uint64_t)ranges[6], .step = (uint64_t)ranges[7]}, (size_t)ranges[8],
                       bytes, result);
    sp_augmenter_destroy(made);
    /* Places are float32, some 1e-5 pixels off, and neighbours differ by up to 255. */
    for (size_t i = 0; i < pixels; i++) {
        cr_expect_float_eq(result[i], expected[i], 2e-3, "%s, pixel %zu: %.9g, not %.9g",
                           sp_json_text(sp_json_member(one, "name")), i, result[i], expected[i]);
        most = fmax(most, fabs(expected[i] - image[i]));
    }
    cr_expect_geq(most, 50, "it is another picture");
}

Test(augment, images_are_those_of_numpy_and_scipy) {
    char *text = read_text("tests/reference/augment.json");
    sp_json *reference = sp_json_parse(text, strlen(text));
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one; one = sp_json_next(one), cases++)
        check_against_reference(one);
    cr_expect_eq(cases, 4);
    sp_json_destroy(reference);
}

/* ---- The program -------------------------------------------------------------------------------- */

enum { IMAGES = 90, SMALL = 12 };

/* IDX images of stripes, whose direction is their class. */
static const char *write_images(void) {
    unsigned char bytes[16 + IMAGES * SMALL * SMALL] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, SMALL, 0, 0, 0, SMALL};
    unsigned char labels[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES};
    for (int n = 0; n < IMAGES; n++) {
        labels[8 + n] = (unsigned char)(n % 2);
        for (int i = 0; i < SMALL * SMALL; i++)
            bytes[16 + n * SMALL * SMALL + i] = (n % 2 ? i % SMALL : i / SMALL) % 4 == n % 4 ? 250 : 5;
    }
    write_bytes("images", bytes, sizeof bytes);
    write_bytes("labels", labels, sizeof labels);
    return format_text("-s data.train='%s' -s data.train_labels='%s' -s data.normalize=unit -s output.dir='%s'",
                       scratch_path("images"), scratch_path("labels"), scratch_path("run"));
}

static const char config[] = "[network]\nhidden = 20\n[augment]\nshift = 2\nrotate = 20\nelastic_alpha = 8\n"
                             "[train]\nepochs = 3\nbatch_size = 25\n[parallel]\nshards = 4\n";

Test(cli_augment, same_bits_at_every_number_of_threads) {
    const char *data = write_images(), *path = write_text("c.ini", config), *first = NULL;
    static const char *const reductions[] = {"fused", "private"};
    for (int i = 0; i < 10; i++) {
        outcome result = run("shardprop train %s %s --quiet -s parallel.threads=%d -s parallel.reduction=%s", path,
                             data, (const int[]){1, 2, 3, 4, 7}[i / 2], reductions[i % 2]);
        cr_assert_eq(result.status, 0, "%s", result.err);
        if (!first) first = hash_of(&result);
        cr_expect_str_eq(hash_of(&result), first);
    }
    outcome plain = run("shardprop train %s %s --quiet -s augment.shift=0 -s augment.rotate=0 "
                        "-s augment.elastic_alpha=0",
                        path, data);
    cr_expect_str_neq(hash_of(&plain), first);
}

/* All that is drawn or is of a shard, at once: narrow layers, and wide ones whose columns threads share out. */
Test(cli_augment, same_bits_with_everything_that_is_drawn_and_batch_normalisation) {
    static const char *const kernels[] = {"xsmm", "blas"}, *const hidden[] = {"24,17", "420,300"},
                             *const reductions[] = {"fused", "private"};
    const char *data = write_images(), *path = write_text("c.ini", config);
    for (int k = sp_xsmm_usable() ? 0 : 2; k < 4; k++) {
        const char *first = NULL, *model = NULL;
        for (int i = 0; i < 10; i++) {
            outcome result =
                run("shardprop train %s %s --quiet -s train.epochs=2 -s network.hidden=%s -s augment.scale=0.1 "
                    "-s augment.shear=0.2 -s network.dropout=0.4,0.2 -s network.input_dropout=0.1 "
                    "-s network.input_noise=0.2 -s network.normalization=batch -s parallel.kernels=%s "
                    "-s parallel.threads=%d -s parallel.reduction=%s",
                    path, data, hidden[k % 2], kernels[k / 2], (const int[]){1, 2, 3, 4, 7}[i / 2], reductions[i % 2]);
            cr_assert_eq(result.status, 0, "%s", result.err);
            /* The hash is of the weights; the file has the running moments, too. */
            const char *sum = run("cksum < '%s'", scratch_path("run/model.safetensors")).out;
            if (!first) first = hash_of(&result), model = sum;
            cr_expect_str_eq(hash_of(&result), first, "%s, %s", kernels[k / 2], hidden[k % 2]);
            cr_expect_str_eq(sum, model, "%s, %s", kernels[k / 2], hidden[k % 2]);
        }
    }
}

/* What is judged is the images as they are: without a step, augmentation makes no difference. */
Test(cli_augment, evaluation_takes_images_as_they_are) {
    const char *data = write_images(), *path = write_text("c.ini", config);
    outcome with = run("shardprop train %s %s --quiet -s optimizer.learning_rate=0", path, data);
    outcome without = run("shardprop train %s %s --quiet -s optimizer.learning_rate=0 -s augment.shift=0 "
                          "-s augment.rotate=0 -s augment.elastic_alpha=0",
                          path, data);
    cr_assert_eq(with.status, 0, "%s", with.err);
    cr_expect_eq(number_after(with.out, "loss"), number_after(without.out, "loss"));
}

Test(cli_augment, samples_are_a_picture_of_originals_and_what_becomes_of_them) {
    const char *data = write_images(), *path = write_text("c.ini", config), *picture = scratch_path("samples.png");
    outcome result = run("shardprop check %s %s --quiet --samples '%s'", path, data, picture);
    cr_assert_eq(result.status, 0, "%s", result.err);
    png_image png = {.version = PNG_IMAGE_VERSION};
    cr_assert(png_image_begin_read_from_file(&png, picture));
    cr_expect_eq(png.width, 16 * (2 * SMALL + 2) + 2);
    cr_expect_eq(png.height, 10 * (2 * SMALL + 2) + 2);
    png.format = PNG_FORMAT_GRAY;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(png));
    cr_assert(png_image_finish_read(&png, NULL, pixels, 0, NULL));
    size_t differ = 0;
    for (size_t y = 0; y < 2 * SMALL; y++)
        for (size_t x = 0; x < 2 * SMALL; x++) { /* the first of class 0: rows of stripes */
            cr_expect_eq(pixels[(2 + y) * png.width + 2 + x], y / 2 % 4 == 0 ? 250 : 5);
            differ += pixels[(2 + y) * png.width + 2 + x] != pixels[(2 + y) * png.width + 2 * SMALL + 4 + x];
        }
    cr_expect_geq(differ, SMALL * SMALL, "the second is another picture");
    free(pixels);
    result = run("shardprop check %s %s --quiet --samples '%s/none/s.png'", path, data, scratch());
    cr_expect_neq(result.status, 0);
    cr_expect(strstr(result.err, "none/s.png"), "%s", result.err);
}

Test(cli_augment, only_images_can_be_augmented) {
    write_text("c.ini", "[data]\ntrain = data/iris.csv\n[augment]\nrotate = 10\n");
    outcome result = run("shardprop check '%s'", scratch_path("c.ini"));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "c.ini:4: augment.rotate is for images, IDX files of three dimensions, which "
                                 "data/iris.csv is not; leave it out"),
              "%s", result.err);
    result = run("shardprop check configs/iris.ini --quiet --samples '%s'", scratch_path("s.png"));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "data/iris.csv: is no file of images"), "%s", result.err);
}
