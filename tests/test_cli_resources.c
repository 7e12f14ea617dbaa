/* Whatever a training runs out of: one line, no success, and the last good checkpoint is as it was. */
#include "base/safetensors.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

/* A training without end, with a checkpoint as often as it can. */
static const char endless[] = "configs/digits.ini -q -s schedule.name=constant -s train.epochs=1000000 "
                              "-s output.checkpoint_every=1 -s parallel.threads=2";

/* Waits in a script, some minutes at most, until there is a checkpoint in "$run". */
static const char wait_for_checkpoint[] =
    "for i in $(seq 1200); do [ -e \"$run/checkpoint.safetensors\" ] && break; sleep 0.05; done";

static void expect_one_line(const outcome *result, int status, const char *says) {
    cr_expect_eq(result->status, status, "%s", result->err);
    cr_expect_str_empty(result->out);
    cr_expect_eq(lines_of(result->err), 1, "%s", result->err);
    cr_expect(strncmp(result->err, "shardprop: ", 11) == 0, "%s", result->err);
    cr_expect(strstr(result->err, says), "expected '%s', got %s", says, result->err);
}

static void expect_whole(const char *path) {
    sp_error error = {0};
    sp_safetensors *file;
    must(sp_safetensors_read(path, &file, &error), error);
    cr_expect(sp_safetensors_is_sealed(file), "%s", path);
    sp_safetensors_destroy(file);
}

/* A folder of so many KiB, in which the script in `format` finds itself; skipped where nobody may mount. */
static bool may_mount(void) {
    if (run("unshare -m mount -t tmpfs -o size=64k none '%s'", scratch()).status == 0) return true;
    fprintf(stderr, "skipped, because nothing can be mounted here\n");
    return false;
}

Test(cli_resources, disk_full) {
    if (!may_mount()) cr_skip_test("no mount");
    outcome result =
        run("mkdir '%s/m'; unshare -m sh -c 'mount -t tmpfs -o size=400k none \"$1/m\" && run=\"$1/m/run\"\n"
            "\"$2\" train %s -s output.dir=\"$run\" & program=$!\n%s\n"
            "head -c 1000000 /dev/zero > \"$1/m/filler\" 2> \"$1/ignored\"; wait $program; status=$?\n"
            "cp \"$run/checkpoint.safetensors\" \"$run/metrics.csv\" \"$1\"; exit $status' sh '%s' '%s'",
            scratch(), endless, wait_for_checkpoint, scratch(), SHARDPROP_PROGRAM);
    expect_one_line(&result, 1, "writing failed (No space left on device)");
    expect_whole(scratch_path("checkpoint.safetensors"));
    char *metrics = read_text(scratch_path("metrics.csv"));
    cr_expect_eq(metrics[strlen(metrics) - 1], '\n', "no row in part");
}

/* A row of metrics.csv, or a checkpoint, that would be longer than a file may be. */
Test(cli_resources, file_too_large) {
    outcome result = run("bash -c 'ulimit -f 64; exec \"$0\" train %s -s output.dir=\"$1\"' '%s' '%s'", endless,
                         SHARDPROP_PROGRAM, scratch_path("run"));
    expect_one_line(&result, 1, "writing failed (File too large)");
}

Test(cli_resources, directory_that_vanishes) {
    outcome result = run("run='%s'; '%s' train %s -s output.dir=\"$run\" & program=$!\n%s\n"
                         "mv \"$run\" \"$run.away\"; wait $program",
                         scratch_path("run"), SHARDPROP_PROGRAM, endless, wait_for_checkpoint);
    expect_one_line(&result, 1, "/run/checkpoint.safetensors: ");
    cr_expect(strstr(result.err, "(No such file or directory)"), "%s", result.err);
    expect_whole(scratch_path("run.away/checkpoint.safetensors"));
}

/* As a user who has rights on nothing but what is his. */
static const char humble[] = "setpriv --bounding-set=-dac_override,-dac_read_search,-sys_resource "
                             "--inh-caps=-dac_override,-dac_read_search,-sys_resource";

static bool may_be_humble(void) {
    if (run("[ $(id -u) != 0 ] || %s true", humble).status == 0) return true;
    fprintf(stderr, "skipped, because setpriv(1) is refused\n");
    return false;
}

Test(cli_resources, directory_that_becomes_read_only) {
    if (!may_be_humble()) cr_skip_test("no setpriv");
    outcome result = run("run='%s'; [ $(id -u) = 0 ] && humble='%s'\n"
                         "$humble '%s' train %s -s output.dir=\"$run\" & program=$!\n%s\n"
                         "chmod 555 \"$run\"; wait $program; status=$?; chmod 755 \"$run\"; exit $status",
                         scratch_path("run"), humble, SHARDPROP_PROGRAM, endless, wait_for_checkpoint);
    /* The folder may refuse the new file, or, when that is written, its name. */
    expect_one_line(&result, 1,
                    strstr(result.err, "cannot be written") ? "cannot be written (Permission denied)"
                                                            : "writing failed (Permission denied)");
    expect_whole(scratch_path("run/checkpoint.safetensors"));
}

Test(cli_resources, memory_is_counted_before_training_starts) {
    outcome result = run("bash -c 'ulimit -v 4000000; exec \"$0\" train configs/iris.ini -q -s output.dir=\"$1\" "
                         "-s network.hidden=20000,20000' '%s' '%s'",
                         SHARDPROP_PROGRAM, scratch_path("run"));
    expect_one_line(&result, 1, "configs/iris.ini: training needs about ");
    cr_expect_neq(run("ls '%s'", scratch_path("run")).status, 0, "before anything is written");
    /* More than any machine has, and more than a plan can list. */
    result = run("shardprop train configs/iris.ini -q -s output.dir='%s' -s network.hidden=1000000,1000000",
                 scratch_path("run"));
    expect_one_line(&result, 1, "configs/iris.ini: training needs about ");
}

/* Where OpenBLAS, which has threads before main(), would try for ever to map what each of them wants. */
Test(cli_resources, addresses_are_few) {
    static const char few[] = "bash -c 'ulimit -v 160000; exec timeout 60 \"$0\" train configs/digits.ini -q "
                              "-s train.epochs=1 -s parallel.threads=2 -s parallel.kernels=%s -s output.dir=\"$1\"' "
                              "'%s' '%s'";
    outcome result = run(few, "reference", SHARDPROP_PROGRAM, scratch_path("run"));
    cr_expect(result.status == 0 && lines_of(result.err) == 0, "%d: %s", result.status, result.err);
    result = run(few, "blas", SHARDPROP_PROGRAM, scratch_path("blas"));
    expect_one_line(&result, 1, "parallel.kernels: blas maps 128 MiB for each of 2 threads, and ");
}

/* The same of a model in use, whose threads are as many as there is room for; by BLAS, as on processors without AVX2.
 */
Test(cli_resources, addresses_are_few_for_a_model) {
    static const char few[] = "LIBXSMM_TARGET=wsm bash -c 'ulimit -v %d; exec timeout 60 \"$0\" %s \"$1\" "
                              "data/digits.csv -q' '%s' '%s'";
    static const char *const commands[] = {"evaluate", "predict"};
    outcome trained = run("shardprop train configs/digits.ini -q -s network.hidden=800,800 -s train.epochs=1 "
                          "-s output.dir='%s'",
                          scratch_path("run"));
    cr_assert_eq(trained.status, 0, "%s", trained.err);
    for (int i = 0; i < 2; i++) {
        outcome plain =
            run("LIBXSMM_TARGET=wsm shardprop %s '%s' data/digits.csv -q", commands[i], scratch_path("run"));
        outcome result = run(few, 280000, commands[i], SHARDPROP_PROGRAM, scratch_path("run"));
        cr_expect(result.status == 0 && lines_of(result.err) == 0, "%d: %s", result.status, result.err);
        cr_expect_str_eq(result.out, plain.out, "%s", commands[i]);
        result = run(few, 160000, commands[i], SHARDPROP_PROGRAM, scratch_path("run"));
        expect_one_line(&result, 1, "kernels: blas maps 128 MiB, and ");
    }
}

/* A user of no name, so that nobody else's processes count. */
Test(cli_resources, threads_that_are_refused) {
    static const char as_other[] = "setpriv --reuid=62011 --regid=62011 --clear-groups";
    run("chmod 755 '%s'; mkdir '%s'; chmod 777 '%s'", scratch(), scratch_path("dir"), scratch_path("dir"));
    char program[4096]; /* by its whole path, as it finds itself: a home folder may be closed to others */
    cr_assert_not_null(realpath(SHARDPROP_PROGRAM, program));
    /* By way of a shell: setpriv itself keeps root's right to go anywhere until it starts something. */
    if (run("%s sh -c 'exec \"$0\" --version' '%s'", as_other, program).status != 0)
        cr_skip_test("this is not root, or others may not come here");
    outcome result = run("%s bash -c 'ulimit -u 3; exec \"$0\" train configs/digits.ini -q -s parallel.threads=8 "
                         "-s output.dir=\"$1/run\"' '%s' '%s'",
                         as_other, SHARDPROP_PROGRAM, scratch_path("dir"));
    expect_one_line(&result, 1, "parallel.threads: the system grants 3 of 8 threads; ");
    /* OpenBLAS starts threads of its own before main(). */
    result = run("%s bash -c 'ulimit -u 1; exec \"$0\" --version' '%s'", as_other, SHARDPROP_PROGRAM);
    cr_expect(result.status == 0 && lines_of(result.err) == 0, "%d: %s", result.status, result.err);
    result = run("%s bash -c 'ulimit -u 1; exec \"$0\" train configs/digits.ini -q -s train.epochs=2 "
                 "-s output.checkpoint_every=1 -s output.dir=\"$1/run\"' '%s' '%s'",
                 as_other, SHARDPROP_PROGRAM, scratch_path("dir"));
    cr_expect_eq(result.status, 0, "auto takes what there is, and writes checkpoints itself: %s", result.err);
    expect_whole(scratch_path("dir/run/checkpoint.safetensors"));
}
