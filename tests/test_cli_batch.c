/* Batches as a user runs them: sweeps, what is left after kills, failures, jobs, halving. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(cli_batch, .timeout = 240);

/* Writes a config of the digits, small and quick, with these lines behind its section [train]. */
static const char *config(const char *name, const char *lines) {
    return write_text(name,
                      format_text("[data]\ntrain=data/digits.csv\ntarget=label\ntest=0.2\nvalidation=0.1\n"
                                  "normalize=standard\n[network]\nhidden=16\n[optimizer]\nlearning_rate=0.2\n"
                                  "[schedule]\nname=cosine\n[output]\ncheckpoint_every=30\n[train]\nbatch_size=32\n%s",
                                  lines));
}

/* Twelve trainings, of four combinations. */
static const char *twelve(int epochs) {
    return config("twelve.ini", format_text("epochs=%d\n[sweep]\noptimizer.learning_rate = 0.02 | 0.3\n"
                                            "network.hidden = 8 | 24\ntrain.seed = 1 | 2 | 3\n",
                                            epochs));
}

/* The files that rank, without what is a matter of time. */
static char *ranking_in(const char *folder) {
    outcome result = run("cd '%s' && sed 's/,[^,]*$//' ranking.csv && grep -v train_seconds ranking.json | "
                         "sed 's,%s,DIR,'",
                         folder, folder);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return result.out;
}

static void expect_same_ranking(const char *folder, const char *other) {
    char *one = ranking_in(folder), *two = ranking_in(other);
    cr_assert_gt(strlen(one), 1000);
    cr_expect_str_eq(one, two, "%s\n%s", one, two);
}

static size_t finished_in(const char *folder) {
    outcome result = run("grep -l '\"completed\"' '%s'/*/summary.json | wc -l", folder);
    return strtoul(result.out, NULL, 10);
}

/*
 * Starts a batch, and sends it the signal as soon as the summaries of `count` of its trainings hold `word`. What it
 * prints, and how it ends, is that of the batch.
 */
static outcome disturbed(const char *arguments, const char *folder, size_t count, const char *word,
                         const char *signal) {
    return run("\"%s\" batch %s -o '%s' & batch=$!\n"
               "for i in $(seq 1200); do\n"
               "    [ \"$(cat '%s'/*/summary.json 2>/dev/null | grep -c '\"%s\"')\" -ge %zu ] && break\n"
               "    sleep 0.02\n"
               "done\n"
               "kill -%s $batch; wait $batch",
               SHARDPROP_PROGRAM, arguments, folder, folder, word, count, signal);
}

/* Waits until nobody trains below the folder any more. */
static void expect_nobody_left(const char *folder) {
    outcome result =
        run("for i in $(seq 600); do pgrep -f 'trai[n] %s' >/dev/null || exit 0; sleep 0.05; done; exit 1", folder);
    cr_expect_eq(result.status, 0, "trainings outlive the batch");
}

/* ---- Killed, and gone on with -------------------------------------------------------------------- */

Test(cli_batch, goes_on_after_kills_to_the_same_ranking) {
    const char *batch = format_text("'%s' --jobs 2", twelve(200));
    const char *whole = scratch_path("whole"), *parts = scratch_path("parts");
    outcome result = run("shardprop batch %s -o '%s'", batch, whole);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(
        strstr(result.out, "rank  validation_accuracy   deviation  seeds  test_accuracy  epochs  name\n   1"), "%s",
        result.out);
    cr_expect_eq(finished_in(whole), 12);

    result = disturbed(batch, parts, 3, "completed", "INT");
    cr_expect_eq(result.status, 128 + 2, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "of 12 have ended, the same command goes on"), "%s", result.err);
    size_t first = finished_in(parts);
    cr_expect(first >= 3 && first < 12, "%zu", first);
    cr_expect_neq(run("test -e '%s/ranking.csv'", parts).status, 0, "there is nothing to rank yet");

    result = run("cd '%s'; find . -name model.safetensors -path '*_seed*' | xargs grep -l . | sort | xargs stat -c "
                 "'%%n %%i' > ../inodes; "
                 "grep -l completed */summary.json | sed 's,/.*,,' > ../finished",
                 parts);
    result = disturbed(batch, parts, first + 1, "completed", "KILL");
    cr_expect_eq(result.status, 128 + 9);
    cr_expect_not_null(strstr(result.err, format_text("; %zu have ended already", first)), "%s", result.err);
    expect_nobody_left(parts);
    cr_expect_eq(run("cd '%s'; for run in $(cat ../finished); do grep -q \"$run/model.safetensors $(stat -c %%i "
                     "$run/model.safetensors)$\" ../inodes || exit 1; done",
                     parts)
                     .status,
                 0, "what was done is as it was");

    result = run("shardprop batch %s -o '%s'", batch, parts);
    cr_assert_eq(result.status, 0, "%s", result.err);
    expect_same_ranking(whole, parts);
    /* And once more: nothing is left to do. */
    result = run("shardprop batch %s -o '%s'", batch, parts);
    cr_expect_eq(result.status, 0);
    cr_expect_not_null(strstr(result.err, "; 12 have ended already"), "%s", result.err);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
    expect_same_ranking(whole, parts);
    /* Without what the batch has noted, the checkpoints tell. */
    cr_expect_eq(run("rm '%s/batch.json'; shardprop batch %s -o '%s'; grep -c completed.already '%s'/*/train.log",
                     parts, batch, parts, parts)
                     .status,
                 1, "quiet trainings say nothing");
    expect_same_ranking(whole, parts);
}

/* The long one, as soon as it has a checkpoint. */
Test(cli_batch, a_killed_training_does_not_stop_the_rest) {
    const char *path = config("c.ini", "[sweep]\ntrain.epochs = 1500 | 20 | 30\n");
    const char *folder = scratch_path("batch");
    run("sed -i s/checkpoint_every=30/checkpoint_every=150/ '%s'", path);
    outcome result = run("\"%s\" batch '%s' -o '%s' & batch=$!\n"
                         "until [ -e '%s/epochs=1500/checkpoint.safetensors' ]; do sleep 0.01; done\n"
                         "kill -KILL $(cat '%s/epochs=1500/.lock')\n"
                         "wait $batch",
                         SHARDPROP_PROGRAM, path, folder, folder, folder);
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect_eq(finished_in(folder), 2);
    cr_expect_not_null(
        strstr(result.err, format_text("shardprop: %s/epochs=1500: failed: was ended by signal 9 (Killed)\n", folder)),
        "%s", result.err);
    cr_expect_not_null(strstr(result.out, "   2  "), "the others are ranked: %s", result.out);
    result = run("shardprop batch '%s' -o '%s'", path, folder);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "; 2 have ended already"), "%s", result.err);
    run("shardprop train '%s/epochs=1500/batch.ini' -q -s output.dir='%s'", folder, scratch_path("alone"));
    cr_expect_eq(
        run("cmp '%s/epochs=1500/model.safetensors' '%s/model.safetensors'", folder, scratch_path("alone")).status, 0,
        "from its checkpoint to the same bits");
}

/* ---- Known by what they are ---------------------------------------------------------------------- */

static char *weights_in(const char *folder) {
    return run("grep -h weights_xxh64 '%s'/*/summary.json", folder).out;
}

Test(cli_batch, trainings_are_known_by_config_and_data) {
    run("cp data/digits.csv '%s'", scratch());
    const char *batch =
        format_text("'%s' -q -o '%s' -s data.train='%s'", config("c.ini", "epochs=3\n[sweep]\ntrain.seed=1|2\n"),
                    scratch_path("batch"), scratch_path("digits.csv"));
    const char *folder = scratch_path("batch");
    cr_assert_eq(run("shardprop batch %s", batch).status, 0);
    char *before = weights_in(folder);
    cr_expect_eq(lines_of(before), 2);
    cr_assert_eq(run("shardprop batch %s -s train.batch_size=64", batch).status, 0);
    char *other = weights_in(folder);
    cr_expect_str_neq(other, before, "another config under the same names");
    cr_assert_eq(run("shardprop batch %s", batch).status, 0);
    cr_expect_str_eq(weights_in(folder), before);
    run("sed -i '$ d' '%s'", scratch_path("digits.csv"));
    cr_assert_eq(run("shardprop batch %s", batch).status, 0);
    cr_expect_str_neq(weights_in(folder), before, "other data in the same file");
    /* A directory that somebody else has trained into. */
    run("cp data/digits.csv '%s'; shardprop batch %s; shardprop train '%s/seed=1/batch.ini' -q -s train.seed=7",
        scratch(), batch, folder);
    cr_expect_str_neq(weights_in(folder), before);
    cr_assert_eq(run("shardprop batch %s", batch).status, 0);
    cr_expect_str_eq(weights_in(folder), before);
}

/* ---- Faults ---------------------------------------------------------------------------------------- */

Test(cli_batch, faults_of_all_configs_are_found_before_anything_runs) {
    const char *good = config("good.ini", "epochs=2\n"), *folder = scratch_path("batch");
    const char *bad = config("bad.ini", "epoch=2\n[sweep]\ntrain.sed=1|2\noptimizer.learning_rate=0.1|fast\n");
    const char *missing = config("missing.ini", "epochs=2\n");
    outcome result = run("shardprop batch '%s' '%s' -o '%s'", good, bad, folder);
    cr_expect_eq(result.status, 2);
    cr_expect_eq(lines_of(result.err), 3, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "bad.ini:17: unknown key 'epoch' in [train]; did you mean 'epochs'?"), "%s",
                       result.err);
    cr_expect_not_null(strstr(result.err, "bad.ini:19: unknown key 'sed' in [train]"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "bad.ini:20: optimizer.learning_rate = 'fast' is not valid"), "%s",
                       result.err);
    result = run("shardprop batch '%s' '%s' '%s' -o '%s' -s data.train=nowhere.csv", good, missing,
                 scratch_path("none.ini"), folder);
    cr_expect_eq(result.status, 2);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
    result = run("shardprop batch '%s' '%s' -o '%s' -s data.train=nowhere.csv", good, missing, folder);
    cr_expect_eq(result.status, 2);
    cr_expect_str_eq(result.err,
                     "shardprop: nowhere.csv: cannot be opened (No such file or directory), named by data.train of "
                     "--set; name a file "
                     "that can be read; its path is relative to the current folder\n",
                     "once: %s", result.err);
    cr_expect_neq(run("test -e '%s'", folder).status, 0, "nothing was begun");
    static const char *const usage[] = {"",
                                        "CONFIG --jobs 0",
                                        "CONFIG --jobs many",
                                        "CONFIG --halving=1",
                                        "CONFIG -s output.dir=a",
                                        "CONFIG -s sweep.x",
                                        "CONFIG --resume"};
    for (size_t i = 0; i < sizeof usage / sizeof *usage; i++) {
        result =
            run("CONFIG='%s'; shardprop batch $(echo '%s' | sed s,CONFIG,$CONFIG,) -o '%s'", good, usage[i], folder);
        cr_expect_eq(result.status, 2, "%s", usage[i]);
        cr_expect_eq(lines_of(result.err), 1, "%s: %s", usage[i], result.err);
    }
}

Test(cli_batch, train_says_what_a_sweep_is_for) {
    outcome result = run("shardprop train configs/digits-sweep.ini");
    cr_expect_eq(result.status, 2);
    cr_expect_str_eq(result.err, "shardprop: configs/digits-sweep.ini:24: [sweep] makes many trainings of this config; "
                                 "run them with: shardprop batch configs/digits-sweep.ini\n");
}

Test(cli_batch, failures_are_named_and_the_rest_is_ranked) {
    run("cp data/digits.csv '%s'; sed -i '$ s/.*/1,2,3/' '%s'", scratch(), scratch_path("digits.csv"));
    const char *sweep = config("sweep.ini", "epochs=3\n[sweep]\noptimizer.learning_rate = 0.1 | 1e6 | 0.2\n");
    const char *broken = config("broken.ini", "epochs=3\n");
    run("sed -i 's,data/digits.csv,%s,' '%s'", scratch_path("digits.csv"), broken);
    const char *folder = scratch_path("batch");
    outcome result = run("shardprop batch '%s' '%s' -o '%s'", broken, sweep, folder);
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(
        strstr(result.err, format_text("shardprop: %s/broken: failed: %s", folder, scratch_path("digits.csv"))), "%s",
        result.err);
    cr_expect_not_null(strstr(result.err, format_text("shardprop: %s/sweep/learning_rate=1000000: failed: ", folder)),
                       "%s", result.err);
    cr_expect_not_null(strstr(result.err, "the training diverged in epoch 1, step "), "%s", result.err);
    cr_expect_not_null(strstr(result.out, "   1  "), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "   2  "), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "   -  -"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "  broken (failed)\n"), "%s", result.out);
    char *csv = read_text(format_text("%s/ranking.csv", folder));
    cr_expect_eq(lines_of(csv), 5, "%s", csv);
    cr_expect_not_null(strstr(csv, "\n,broken,0.2,,,,0,1,,,,,\n"), "%s", csv);
    /* What was mended is trained; what diverged would again. */
    run("cp data/digits.csv '%s'", scratch());
    result = run("shardprop batch '%s' '%s' -o '%s'", broken, sweep, folder);
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.err, "; 3 have ended already"), "%s", result.err);
    cr_expect_null(strstr(result.err, "broken: failed"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "1000000: failed"), "%s", result.err);
}

/* A list has commas; none has nothing between its own. */
Test(cli_batch, values_with_commas_are_one_cell) {
    const char *sweep = write_text("sweep.ini", "[data]\ntrain=data/iris.csv\n[train]\nepochs=1\n[sweep]\n"
                                                "network.hidden = 4,3 | 5 |\n");
    const char *folder = scratch_path("batch");
    cr_assert_eq(run("shardprop batch '%s' -o '%s'", sweep, folder).status, 0);
    const char *csv = read_text(format_text("%s/ranking.csv", folder));
    cr_expect_not_null(strstr(csv, ",hidden=4-3,\"4, 3\",train_loss,"), "%s", csv);
    cr_expect_not_null(strstr(csv, ",hidden=5,5,train_loss,"), "%s", csv);
    cr_expect_not_null(strstr(csv, ",hidden=,,train_loss,"), "%s", csv);
}

/* ---- Many at once ---------------------------------------------------------------------------------- */

/* Of two trainings of `batch` side by side, where each may run, in a line; then what `then` prints; then the end. */
static outcome side_by_side(const char *environment, const char *batch, const char *folder, const char *then) {
    return run("unset OMP_NUM_THREADS; %s \"%s\" batch '%s' --jobs 2 -o '%s' -q & batch=$!\n"
               "for i in $(seq 1200); do\n"
               "    [ \"$(cat '%s'/*/metrics.csv 2>/dev/null | grep -c ^1,)\" -gt 1 ] && break\n"
               "    sleep 0.05\n"
               "done\n"
               "for child in $(pgrep -P $batch); do grep Cpus_allowed_list /proc/$child/status | cut -f 2; done\n"
               "%s\n"
               "kill -TERM $batch; wait $batch",
               environment, SHARDPROP_PROGRAM, batch, folder, folder, then);
}

Test(cli_batch, each_has_its_share_of_the_cores) {
    if (strtol(run("nproc").out, NULL, 10) < 2) cr_skip_test("there is one core");
    const char *folder = scratch_path("batch");
    const char *both = config("two.ini", "epochs=1000000\n[parallel]\nthreads=64\n[sweep]\ntrain.seed=1|2|3\n");
    outcome result =
        side_by_side("", both, folder, format_text("shardprop batch '%s' -o '%s'; echo second $?", both, folder));
    cr_expect_eq(result.status, 128 + 15, "%s", result.err);
    cr_expect_eq(lines_of(result.out), 3, "two trainings: %s", result.out);
    char *first = strtok(result.out, "\n"), *second = strtok(NULL, "\n"), *other = strtok(NULL, "\n");
    cr_assert(first && second && other);
    cr_expect_str_neq(first, second, "apart");
    cr_expect_str_eq(other, "second 1");
    cr_expect_not_null(
        strstr(result.err, "batch: another batch (process ") ? "" : strstr(result.err, ": another batch (process "),
        "%s", result.err);
    result = run("grep -h '^threads =' '%s'/seed=1/config.ini '%s'/seed=2/config.ini; ls -d '%s'/seed=*", folder,
                 folder, folder);
    long cores = strtol(
        run("unset OMP_NUM_THREADS; shardprop --version | sed -n 's/^threads *\\([0-9]*\\).*/\\1/p'").out, NULL, 10);
    double threads = number_after(result.out, "threads =");
    cr_expect(threads >= 1 && threads <= (double)(cores + 1) / 2, "%g of %ld: %s", threads, cores, result.out);
    cr_expect_null(strstr(result.out, "seed=3"), "the third waits: %s", result.out);
}

/* OpenMP then binds the batch's own thread to a core, which is not all that there is. */
Test(cli_batch, each_has_its_share_where_openmp_binds) {
    if (strtol(run("nproc").out, NULL, 10) < 2) cr_skip_test("there is one core");
    const char *both = config("two.ini", "epochs=1000000\n[sweep]\ntrain.seed=1|2\n");
    outcome result = side_by_side("OMP_PROC_BIND=true OMP_PLACES=cores", both, scratch_path("batch"), "");
    cr_expect_eq(lines_of(result.out), 2, "two trainings: %s", result.out);
    char *first = strtok(result.out, "\n"), *second = strtok(NULL, "\n");
    cr_assert(first && second, "%s", result.err);
    cr_expect_str_neq(first, second, "apart");
}

Test(cli_batch, no_more_side_by_side_than_cores) {
    outcome result =
        run("OMP_NUM_THREADS=1 shardprop batch '%s' --jobs 5 --dry-run -o '%s'", twelve(2), scratch_path("batch"));
    cr_expect_eq(result.status, 0);
    cr_expect_not_null(strstr(result.err, "warning: --jobs 5: 1 core is allowed, so as many are trained side by side"),
                       "%s", result.err);
    cr_expect_not_null(strstr(result.out, "12 trainings in "), "%s", result.out);
    cr_expect_not_null(strstr(result.out, ", 1 side by side on 1 thread in all\n"), "%s", result.out);
}

/* ---- Dry run --------------------------------------------------------------------------------------- */

Test(cli_batch, a_dry_run_lists_what_would_be_trained) {
    const char *folder = scratch_path("batch");
    outcome result = run("OMP_NUM_THREADS=2 shardprop batch configs/iris.ini '%s' --dry-run -o '%s' --halving -s "
                         "'sweep.network.hidden=8|24, 4'",
                         twelve(8), folder);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_eq(lines_of(result.out), 2 + 2 + 12, "%s", result.out);
    cr_expect_not_null(
        strstr(result.out, "halving: 6 combinations to epoch 2, 3 combinations to epoch 4, 1 combination to epoch 8\n"),
        "%s", result.out);
    cr_expect_not_null(strstr(result.out,
                              "\ntwelve/learning_rate=0.02_hidden=24-4_seed=3: waiting, network.hidden='24, 4' "
                              "optimizer.learning_rate=0.02 train.seed=3\n"),
                       "%s", result.out);
    cr_expect_not_null(strstr(result.out, "\niris/hidden=8: waiting, "), "%s", result.out);
    cr_expect_neq(run("test -e '%s'", folder).status, 0, "nothing was made");
    result = run("shardprop batch configs/digits-sweep.ini --dry-run");
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.out, "12 trainings in runs/digits-sweep, "), "%s", result.out);
}

/* ---- Halving --------------------------------------------------------------------------------------- */

/* The first 8 epochs of 40, then the rest: learning rates are those of 40 all the time. */
Test(cli_batch, a_training_is_stopped_behind_an_epoch_and_gone_on_with) {
    const char *path = config("c.ini", "epochs=40\n");
    outcome whole = run("shardprop train '%s' -s output.dir='%s'", path, scratch_path("whole"));
    outcome first = run("shardprop train '%s' -q -s output.dir='%s' --stop-after 8", path, scratch_path("parts"));
    cr_expect_eq(first.status, 0, "%s", first.err);
    cr_expect_not_null(strstr(first.out, "interrupted after 8 epochs in "), "%s", first.out);
    cr_expect_eq(lines_of(read_text(scratch_path("parts/metrics.csv"))), 9);
    /* There already. */
    first = run("shardprop train '%s' -q -s output.dir='%s' --stop-after 8 --resume", path, scratch_path("parts"));
    cr_expect_not_null(strstr(first.out, "interrupted after 8 epochs"), "%s", first.out);
    outcome rest = run("shardprop train '%s' -q -s output.dir='%s' --resume", path, scratch_path("parts"));
    cr_expect_eq(rest.status, 0);
    cr_expect_str_eq(hash_of(&rest), hash_of(&whole));
    cr_expect_eq(
        run("cmp '%s' '%s'", scratch_path("whole/model.safetensors"), scratch_path("parts/model.safetensors")).status,
        0);
    cr_expect_eq(run("shardprop train '%s' --stop-after 0", path).status, 2);
}

Test(cli_batch, halving_stops_the_worst_early) {
    const char *sweep = config("sweep.ini", "epochs=16\n[sweep]\n"
                                            "optimizer.learning_rate = 0.0001 | 0.3 | 0.001 | 0.003 | 0.1 | 0.0003\n"
                                            "train.seed = 1 | 2\n");
    const char *all = scratch_path("all"), *halved = scratch_path("halved"), *parts = scratch_path("parts");
    cr_assert_eq(run("shardprop batch '%s' -o '%s' -q", sweep, all).status, 0);
    outcome result = run("shardprop batch '%s' -o '%s' --halving", sweep, halved);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "rung 1 of 3 is climbed: 3 combinations are dropped\n"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "rung 2 of 3 is climbed: 2 combinations are dropped\n"), "%s", result.err);
    /* 6 to epoch 4, 3 to 8, 1 to 16; that one is trained as if it had been alone. */
    outcome epochs = run("cut -d, -f1,9 '%s/ranking.csv' | tail -n +2 | tr '\\n' ' '", halved);
    cr_expect_str_eq(epochs.out, "1,16 2,8 3,8 4,4 5,4 6,4 ");
    outcome first = run("sed -n 's/^1,\\([^,]*\\),.*/\\1/p' '%s/ranking.csv'", halved);
    char *name = format_text("%.*s_seed=2/model.safetensors", (int)strcspn(first.out, "\n"), first.out);
    cr_expect_eq(run("cmp '%s/%s' '%s/%s'", all, name, halved, name).status, 0, "%s", name);
    /* Interrupted between, it is the same. */
    result = disturbed(format_text("'%s' --halving", sweep), parts, 3, "status", "INT");
    if (result.status != 0) cr_expect_eq(result.status, 128 + 2, "%s", result.err);
    cr_assert_eq(run("shardprop batch '%s' -o '%s' --halving -q", sweep, parts).status, 0);
    expect_same_ranking(halved, parts);
    /* Without it, the rest is trained on, from where it was. */
    cr_assert_eq(run("shardprop batch '%s' -o '%s' -q", sweep, halved).status, 0);
    expect_same_ranking(all, halved);
}

/* ---- What is shown --------------------------------------------------------------------------------- */

Test(cli_batch, the_ranking_is_of_means_over_seeds) {
    const char *folder = scratch_path("batch");
    outcome result = run("shardprop batch '%s' -o '%s' -q", twelve(3), folder);
    cr_expect_eq(result.status, 0);
    cr_expect_str_empty(result.err);
    cr_expect_eq(lines_of(result.out), 1 + 4 + 1, "%s", result.out);
    /* Recomputed from the run directories. */
    outcome again = run(
        "cd '%s'; export LC_ALL=C; awk -F, 'NR > 1 { print $2, $6, $7, $1 }' ranking.csv | while read name mean "
        "deviation rank; do\n"
        "    grep -h monitor_value $name*/summary.json | tr -dc '0-9.\\n' | awk -v mean=$mean -v deviation=$deviation "
        "'{ n++; s += $1; q[n] = $1 } END { m = s / n; for (i = 1; i <= n; i++) v += (q[i] - m) ^ 2; d = sqrt(v / (n - "
        "1)); "
        "print n, (m - mean) ^ 2 < 1e-18, (d - deviation) ^ 2 < 1e-12 }'\n"
        "done",
        folder);
    cr_expect_str_eq(again.out, "3 1 1\n3 1 1\n3 1 1\n3 1 1\n", "%s%s", again.out, again.err);
    outcome sorted = run("cd '%s'; export LC_ALL=C; awk -F, 'NR > 1 { print $6 }' ranking.csv | sort -g -r -c && awk "
                         "-F, 'NR > 1 { print $1 }' "
                         "ranking.csv | tr -d '\\n'",
                         folder);
    cr_expect_str_eq(sorted.out, "1234", "%s", sorted.err);
    cr_expect_eq(
        run("python3 -c 'import json; r = json.load(open(\"%s/ranking.json\"))[\"ranking\"]; assert len(r) == 4 and "
            "all(len(e[\"trainings\"]) == 3 for e in r)'",
            folder)
            .status,
        0);
}

Test(cli_batch, a_table_on_a_terminal_and_lines_elsewhere) {
    outcome result = run("shardprop batch '%s' -o '%s'", twelve(3), scratch_path("plain"));
    cr_expect_null(strpbrk(result.err, "\r\033"), "neither carriage returns nor escapes");
    cr_expect_eq(lines_of(result.err), 1 + 12, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "[12/12] learning_rate="), "%s", result.err);
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    result = run(
        "TERM=xterm script -qec \"'%s' batch '%s' -s train.epochs=400 -o '%s' 2>&1 >/dev/null\" /dev/null < /dev/null",
        SHARDPROP_PROGRAM, twelve(3), scratch_path("terminal"));
    cr_assert_eq(result.status, 0, "%s", result.out);
    cr_expect_not_null(strstr(result.out, "/400"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "of 12"), "%s", result.out);
    cr_expect_not_null(strstr(result.out, "A\r\033[J"), "what was drawn is taken away");
    for (const char *line = result.out; (line = strstr(line, "/12] ")); line++) {
        static const char figure[] = ", validation_accuracy 0.";
        const char *end = line + strcspn(line, "\r\n"),
                   *at = memmem(line, (size_t)(end - line), figure, strlen(figure));
        cr_expect(at && at + strlen(figure) < end, "lines that stay are whole: %.120s", line);
    }
}

/* What stands before `saved in` when that many columns are there. */
static char *ranking_at(int columns, const char *batch) {
    write_text("batch.sh",
               format_text("stty cols %d rows 24; exec '%s' batch %s\n", columns, SHARDPROP_PROGRAM, batch));
    outcome result = run("TERM=xterm script -qec \"sh '%s'\" /dev/null < /dev/null", scratch_path("batch.sh"));
    cr_assert_eq(result.status, 0, "%s", result.out);
    char *end = strstr(result.out, "saved in ");
    cr_assert_not_null(end, "%s", result.out);
    *end = '\0';
    cr_expect_leq(widest(result.out), (size_t)columns, "%zu columns: %s", widest(result.out), result.out);
    return result.out;
}

/* On a terminal the ranking is no wider than that: names are cut, or, where they would be the same then, stand below.
 */
Test(cli_batch, a_ranking_fits_the_terminal) {
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    const char *four = format_text("'%s' -q --jobs 2 -o '%s'", twelve(3), scratch_path("four"));
    const char *eight = format_text("'%s' -q --jobs 2 -s sweep.optimizer.weight_decay='0 | 0.001' -o '%s'", twelve(3),
                                    scratch_path("eight"));
    outcome whole = run("shardprop batch %s && shardprop batch %s", four, eight);
    cr_assert_eq(whole.status, 0, "%s", whole.err);
    cr_expect_not_null(strstr(whole.out, "  learning_rate=0.02_hidden=24_weight_decay=0.001\n"), "%s", whole.out);
    char *cut = ranking_at(80, four), *below = ranking_at(80, eight), *wide = ranking_at(200, eight);
    cr_expect(strstr(cut, "...") && lines_of(cut) == 4 + 2, "%s", cut);
    cr_expect(!strstr(below, "...") && strstr(below, "\n      learning_rate=0.02_hidden=24_weight_decay=0.001\r\n") &&
                  lines_of(below) == 2 * 8 + 2,
              "%s", below);
    cr_expect(!strstr(wide, "...") && lines_of(wide) == 8 + 1, "%s", wide);
    below = ranking_at(60, eight);
    cr_expect(strstr(below, "\n      learning_rate=0.02_hidden=24_weight_decay=0.001\r\n") &&
                  lines_of(below) == 2 * 8 + 3,
              "the figures are narrow, too: %s", below);
}

Test(cli_batch, eta_behind_a_blank) {
    outcome result = run("shardprop batch --halving 3 '%s' -o '%s'", twelve(3), scratch_path("none"));
    cr_expect_eq(result.status, 2);
    cr_expect_str_eq(result.err, "shardprop: 3: there is no such config; as ETA it is written --halving=3\n");
}
