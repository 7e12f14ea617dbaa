/* Scaling experiments as a user runs them. */
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Short ones, on digits; numbers are noise, what is made of them is not. */
static outcome scale(const char *options) {
    return run("shardprop scale configs/digits.ini --seconds 0.001 --repetitions 2 --output '%s' %s",
               scratch_path("scale"), options);
}

static const cJSON *document(void) {
    cJSON *root = cJSON_Parse(read_text(scratch_path("scale/scale.json")));
    cr_assert_not_null(root);
    return keep(root);
}

static const cJSON *at(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    cr_assert_not_null(item, "no %s", name);
    return item;
}

static double number(const cJSON *object, const char *name) {
    const cJSON *item = at(object, name);
    cr_assert(cJSON_IsNumber(item) || cJSON_IsNull(item), "%s is no number", name);
    return cJSON_IsNull(item) ? NAN : item->valuedouble;
}

static const cJSON *item(const cJSON *array, int index) {
    const cJSON *found = cJSON_GetArrayItem(array, index);
    cr_assert_not_null(found, "no item %d", index);
    return found;
}

static const cJSON *point_of(const cJSON *root, int curve, int index) {
    return item(at(item(at(root, "curves"), curve), "points"), index);
}

static void expect_80_columns(const char *text) {
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "saved in ", 9) != 0) /* a path is as long as it is */
            cr_expect_leq(strcspn(line, "\n"), 80, "too long: %.100s", line);
}

Test(cli_scale, strong_scaling_with_all_that_it_leaves_behind) {
    static const char *const files[] = {"scale.csv",
                                        "speedup.png",
                                        "speedup.svg",
                                        "efficiency.png",
                                        "efficiency.svg",
                                        "phases.png",
                                        "phases.svg",
                                        "runs/b32-s2-t2-1/summary.json",
                                        "runs/b32-s2-t2-phases/config.ini"};
    outcome result = scale("--threads 2,1");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "processor "), "it begins with what doctor finds");
    cr_expect(strstr(result.out, "\nthreads  samples/s  spread  speed-up  efficiency  Karp-Flatt"), "%s", result.out);
    cr_expect(strstr(result.out, "imbalance\n"));
    cr_expect(strstr(result.out, "\nAmdahl: "));
    cr_expect(strstr(result.out, "bits: the same weights at each number of threads, in 6 trainings\n"), "%s",
              result.out);
    expect_80_columns(result.out);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        cr_expect_eq(access(format_text("%s/%s", scratch_path("scale"), files[i]), R_OK), 0, "no %s", files[i]);
    const char *csv = read_text(scratch_path("scale/scale.csv"));
    cr_expect_eq(lines_of(csv), 3);
    cr_expect_eq(strncmp(csv, "batch_size,shards,threads,", 26), 0);
}

/* What the table says can be computed from what is saved, and the bits are those of training by hand. */
Test(cli_scale, numbers_agree) {
    cr_assert_eq(scale("--threads 1,2 --quiet").status, 0);
    const cJSON *root = document(), *one = point_of(root, 0, 0), *two = point_of(root, 0, 1);
    double median = number(at(one, "samples_per_second"), "median");
    const cJSON *runs = at(one, "runs");
    double mean = 0, phases = 0;
    cr_expect_eq(cJSON_GetArraySize(runs), 3);
    for (int i = 1; i < 3; i++) mean += number(item(runs, i), "samples_per_second") / 2;
    cr_expect_float_eq(median, mean, 1e-6 * mean, "the median of two");
    double speedup = number(at(two, "samples_per_second"), "median") / median;
    cr_expect_float_eq(number(two, "speedup"), speedup, 1e-9);
    cr_expect_float_eq(number(two, "efficiency"), speedup / 2, 1e-9);
    cr_expect_float_eq(number(two, "karp_flatt"), (1 / speedup - 0.5) / 0.5, 1e-9);
    const cJSON *phase;
    cJSON_ArrayForEach(phase, at(two, "phases")) phases += phase->valuedouble;
    cr_expect_float_eq(phases, 1, 1e-9);
    cr_expect_geq(number(two, "imbalance"), 0);
    cr_expect_gt(number(one, "peak_flops"), 1e6);
    cr_expect_gt(number(one, "copy_bytes"), 1e6);
    cr_expect_eq(number(one, "oversubscribed"), 0);
    outcome again = run("shardprop train --quiet configs/digits.ini -s train.epochs=%.0f -s output.dir='%s'",
                        number(one, "epochs"), scratch_path("again"));
    cr_expect_str_eq(hash_of(&again), cJSON_GetStringValue(at(item(at(two, "runs"), 1), "weights_xxh64")));
}

Test(cli_scale, weak_scaling_over_batch_sizes) {
    outcome result = scale("--threads 1,2 --weak --batch-sizes 16,48 --repetitions 1");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "mini-batches of 16 rows a thread (shards: 1, 2)"), "%s", result.out);
    cr_expect(strstr(result.out, "\nGustafson: "));
    expect_80_columns(result.out);
    const cJSON *two = point_of(document(), 1, 1);
    cr_expect_eq(number(two, "batch_size"), 96);
    cr_expect_eq(number(two, "threads"), 2);
    cr_expect_eq(cJSON_GetArraySize(at(two, "runs")), 3,
                 "one for its phases, one on one thread for its bits, one measured");
    cr_expect_eq(access(scratch_path("scale/phases-b48-s3.png"), R_OK), 0);
}

Test(cli_scale, settings_and_shards_are_handed_on) {
    outcome result = scale("--threads 1 --shards 3 --set network.hidden=5 --quiet");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_str_empty(result.err);
    const char *config = read_text(scratch_path("scale/runs/b32-s3-t1-1/config.ini"));
    cr_expect(strstr(config, "\nhidden = 5"), "%s", config);
    cr_expect(strstr(config, "\nshards = 3"));
    cr_expect(strstr(config, "\nthreads = 1"));
    cr_expect_null(strstr(result.out, "processor"), "results alone");
    outcome verified = run("shardprop verify --quiet '%s'", scratch_path("scale/runs/b32-s3-t1-1"));
    cr_expect_eq(verified.status, 0, "%s%s", verified.out, verified.err);
}

Test(cli_scale, more_threads_than_cpus_are_marked_and_not_fitted) {
    outcome result = scale("--threads 1,64 --repetitions 1");
    cr_assert_eq(result.status, 0, "%s", result.err);
    if (sysconf(_SC_NPROCESSORS_ONLN) >= 64) return;
    cr_expect(strstr(result.out, "\n    64!"), "%s", result.out);
    cr_expect(strstr(result.err, "64 threads are more than the CPUs that are granted"), "%s", result.err);
    const cJSON *curve = item(at(document(), "curves"), 0);
    cr_expect_eq(number(curve, "fitted_points"), 1);
    cr_expect(isnan(number(curve, "amdahl_serial")));
    cr_expect_eq(number(point_of(document(), 0, 1), "oversubscribed"), 1);
}

/* hwloc takes a description for the machine. */
Test(cli_scale, threads_that_share_a_core_are_marked) {
    outcome result = run("HWLOC_SYNTHETIC='core:1 pu:2' shardprop scale configs/digits.ini --seconds 0.001 "
                         "--repetitions 1 --quiet --threads 1,2 --output '%s'",
                         scratch_path("scale"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "\n     2+"), "%s", result.out);
    cr_expect(strstr(result.out, "+ more threads than cores"));
    cr_expect_eq(number(item(at(document(), "curves"), 0), "fitted_points"), 1);
}

Test(cli_scale, auto_ends_at_what_is_allowed) {
    outcome result = run("OMP_NUM_THREADS=1 shardprop scale configs/digits.ini --seconds 0.001 --repetitions 1 --quiet "
                         "--output '%s'",
                         scratch_path("scale"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_eq(cJSON_GetArraySize(at(item(at(document(), "curves"), 0), "points")), 1);
    cr_expect_str_eq(cJSON_GetStringValue(at(at(at(document(), "openmp"), "variables"), "OMP_NUM_THREADS")), "1");
}

Test(cli_scale, wrong_usage) {
    static const char *const cases[][2] = {
        {"--threads 1,x", "--threads: '1,x' is not valid; it takes: whole numbers from 1 to 4096"},
        {"--threads ''", "--threads: '' is not valid"},
        {"--threads 0", "--threads: '0' is not valid"},
        {"--threads 1,", "--threads: '1,' is not valid"},
        {"--batch-sizes 8,-1", "--batch-sizes: '8,-1' is not valid"},
        {"--shards 99999", "--shards: '99999' is not valid"},
        {"--seconds 0", "--seconds: '0' is not valid; it takes: number above 0"},
        {"--seconds nan", "--seconds: 'nan' is not valid"},
        {"--repetitions 0", "--repetitions: '0' is not valid"},
        {"--batch-sizes 5000", "scale: mini-batches of 5000 rows want more than the 1438 training rows"},
        {"--set train.epoch=3", "unknown key 'epoch'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("shardprop scale configs/digits.ini --output '%s' %s", scratch_path("wrong"), cases[i][0]);
        cr_expect_eq(result.status, 2, "%s: %d", cases[i][0], result.status);
        cr_expect(strstr(result.err, cases[i][1]), "%s: %s", cases[i][0], result.err);
        cr_expect_neq(access(scratch_path("wrong"), F_OK), 0, "nothing is left behind");
    }
}

/* A training that fails says why, once, and with its own exit status. */
Test(cli_scale, a_training_that_fails) {
    outcome result = scale("--threads 1 --quiet -s optimizer.learning_rate=1e6");
    cr_expect_eq(result.status, 1);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
    cr_expect(strstr(result.err, "diverged"), "%s", result.err);
}

Test(cli_scale, a_signal_ends_it_and_its_training) {
    outcome result = run("\"%s\" scale configs/digits.ini --threads 1 --seconds 60 --quiet --output '%s' & child=$!; "
                         "i=0; while [ $i -lt 200 ] && [ ! -e '%s' ]; do sleep 0.05; i=$((i + 1)); done; "
                         "kill -TERM $child; wait $child",
                         SHARDPROP_PROGRAM, scratch_path("scale"), scratch_path("scale/runs/b32-s2-t1-phases"));
    cr_expect_eq(result.status, 128 + SIGTERM, "%d: %s", result.status, result.err);
    cr_expect(strstr(result.err, "interrupted"), "%s", result.err);
    cr_expect_neq(access(scratch_path("scale"), F_OK), 0, "what it made is of no use");
}

/* A folder that was there stays, with what others have put into it. */
Test(cli_scale, works_alone_in_its_folder) {
    const char *folder = scratch_path("scale");
    run("mkdir -p '%s/runs/b32-s2-t1-1'; echo mine > '%s/runs/notes.txt'; touch '%s/runs/b32-s2-t1-1/.lock'", folder,
        folder, folder); /* the latter of a training that was ended before it began */
    outcome result = run("\"%s\" scale configs/digits.ini --threads 1 --seconds 60 --quiet --output '%s' & child=$!; "
                         "for i in $(seq 600); do [ -e '%s/.scale.lock' ] && break; sleep 0.05; done; "
                         "\"%s\" scale configs/digits.ini --threads 1 --quiet --output '%s' 2>&1; echo \"$? $child\"; "
                         "kill -INT $child; wait $child",
                         SHARDPROP_PROGRAM, folder, folder, SHARDPROP_PROGRAM, folder);
    cr_expect_eq(result.status, 128 + SIGINT, "%d: %s", result.status, result.err);
    const char *last = strrchr(result.out, ' ');
    cr_assert_not_null(last, "%s", result.out);
    cr_expect_str_eq(result.out,
                     format_text("shardprop: %s: another scale (process %ld) works here; wait for that, or choose "
                                 "another --output\n1 %ld\n",
                                 folder, atol(last), atol(last)));
    cr_expect_str_eq(run("ls -A '%s' '%s/runs'", folder, folder).out,
                     format_text("%s:\nruns\n\n%s/runs:\nnotes.txt\n", folder, folder));
}

Test(cli_scale, its_runs_take_the_place_of_earlier_ones) {
    const char *runs = scratch_path("scale/runs"), *other = scratch_path("other");
    run("mkdir -p '%s/b9-s9-t9-1/previous' '%s/b9-s9-t9-phases' '%s/b9-s9-t9-2' '%s/b9-s9-t9' '%s/mine' '%s'; "
        "cd '%s'; for run in b9-s9-t9-1 b9-s9-t9-phases b9-s9-t9 mine; do echo > $run/config.ini; done; "
        "echo > b9-s9-t9-2/notes.txt; echo > '%s/config.ini'; ln -s '%s' b9-s9-t9-3",
        runs, runs, runs, runs, runs, other, runs, other, other);
    cr_assert_eq(scale("--threads 1 --quiet --repetitions 1").status, 0);
    cr_expect_str_eq(run("ls '%s' '%s'", runs, other).out,
                     format_text("%s:\nconfig.ini\n\n%s:\nb32-s2-t1-1\nb32-s2-t1-phases\nb32-s2-t1-trial\n"
                                 "b9-s9-t9\nb9-s9-t9-2\nb9-s9-t9-3\nmine\n",
                                 other, runs));
}
