/* The same bits on any number of threads, however that is said. */
#include "support.h"

#include <stdio.h>
#include <string.h>

/* Two epochs of digits; `more` says how. Sleeping instead of spinning: more threads than processors. */
static const char *digits_hash(const char *environment, const char *more) {
    outcome result = run("OMP_WAIT_POLICY=passive %s \"%s\" train -q configs/digits.ini -s train.epochs=2 "
                         "-s network.hidden=24 -s data.validation=0.1 -s output.dir=%s %s",
                         environment, SHARDPROP_PROGRAM, scratch_path("run"), more);
    cr_assert_eq(result.status, 0, "%s %s: %s", environment, more, result.err);
    return hash_of(&result);
}

static double threads_of_run(void) {
    return number_after(read_text(scratch_path("run/summary.json")), "\"threads\":");
}

/* Expects one hash at every number of threads, however it is said; returns it. */
static const char *same_at_all_threads(const char *how) {
    static const int threads[] = {1, 2, 3, 4, 7};
    const char *expected = digits_hash("", how), *loss = NULL;
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        char environment[40], more[300];
        snprintf(environment, sizeof environment, "OMP_NUM_THREADS=%d", threads[i]);
        cr_expect_str_eq(digits_hash(environment, how), expected, "%s, %s", how, environment);
        cr_expect_leq(threads_of_run(), threads[i], "auto is at most what OMP_NUM_THREADS says");
        snprintf(more, sizeof more, "%s -s parallel.threads=%d", how, threads[i]);
        cr_expect_str_eq(digits_hash("", more), expected, "%s", more);
        cr_expect_eq(threads_of_run(), threads[i], "a number is exactly that many");
        char *value = strstr(read_text(scratch_path("run/summary.json")), "\"validation_loss\"");
        value[strcspn(value, "\n")] = '\0';
        if (loss) cr_expect_str_eq(value, loss, "the validation loss, to the last digit");
        loss = value;
    }
    return expected;
}

Test(cli_threads, batches_that_shards_do_not_divide) {
    same_at_all_threads("-s train.batch_size=37");
}

Test(cli_threads, five_shards) {
    same_at_all_threads("-s train.batch_size=37 -s parallel.shards=5");
}

Test(cli_threads, full_batch) {
    same_at_all_threads("-s train.batch_size=full");
}

Test(cli_threads, batch_larger_than_the_data_is_the_full_batch) {
    const char *larger = same_at_all_threads("-s train.batch_size=99999");
    cr_expect_str_eq(larger, digits_hash("", "-s train.batch_size=full"));
}

Test(cli_threads, fused_and_private_sums_are_the_same) {
    static const char *const kernels[] = {"auto", "blas", "reference"};
    for (int i = 0; i < 3; i++) {
        char more[160];
        const char *how = "-s train.batch_size=37 -s parallel.shards=5 -s parallel.kernels=%s -s parallel.reduction=%s";
        snprintf(more, sizeof more, how, kernels[i], "private");
        const char *private = same_at_all_threads(more);
        snprintf(more, sizeof more, how, kernels[i], "fused");
        cr_expect_str_eq(same_at_all_threads(more), private, "%s", kernels[i]);
    }
}

Test(cli_threads, stochastic) {
    const char *expected = NULL;
    for (int threads = 1; threads <= 7; threads += 2) {
        outcome result = run("OMP_WAIT_POLICY=passive \"%s\" train -q configs/iris.ini -s train.epochs=3 "
                             "-s train.batch_size=1 -s parallel.threads=%d -s output.dir=%s",
                             SHARDPROP_PROGRAM, threads, scratch_path("run"));
        cr_assert_eq(result.status, 0, "%s", result.err);
        if (expected) cr_expect_str_eq(hash_of(&result), expected, "%d threads", threads);
        expected = hash_of(&result);
    }
}

Test(cli_threads, seed_and_shards_are_part_of_the_result) {
    const char *hash = digits_hash("", "");
    cr_expect_str_eq(digits_hash("", ""), hash);
    cr_expect_str_neq(digits_hash("", "-s train.seed=2"), hash);
    cr_expect_str_neq(digits_hash("", "-s parallel.shards=5"), hash);
    cr_expect_str_neq(digits_hash("", "-s train.shuffle=no"), hash);
}

Test(cli_threads, evaluate_and_predict_do_not_depend_on_them) {
    digits_hash("", "");
    const char *model = scratch_path("run");
    outcome result =
        run("for t in 1 2 3 7; do\n"
            "    export OMP_NUM_THREADS=$t\n"
            "    { shardprop evaluate %s data/digits.csv; shardprop predict -p %s data/digits.csv; } | cksum\n"
            "done",
            model, model);
    size_t line = strcspn(result.out, "\n") + 1;
    cr_expect_eq(lines_of(result.out), 4);
    cr_expect_gt(number_after(strchr(result.out, ' '), " "), 100000, "cksum saw the output: %s", result.out);
    for (size_t i = 1; i < 4; i++) cr_expect_arr_eq(result.out + i * line, result.out, line, "%s", result.out);
}
