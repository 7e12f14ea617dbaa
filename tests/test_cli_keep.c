/* What people have is not lost by what they did not mean. */
#include "support.h"

#include <signal.h>
#include <string.h>

static outcome train(const char *options) {
    outcome result = run("shardprop train configs/iris.ini -s output.dir=%s %s", scratch_path("run"), options);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return result;
}

static bool at_once(void *context, const sp_progress *progress) {
    (void)context, (void)progress;
    return true;
}

/* As Ctrl-C in the first epoch. */
static void train_a_step(void) {
    sp_error error = {0};
    sp_summary summary = {0};
    sp_observer observer = {.on_step = at_once};
    sp_config *config = sp_config_create();
    must(sp_config_load(config, "configs/iris.ini", &error), error);
    must(sp_config_set(config, format_text("output.dir=%s", scratch_path("run")), &error), error);
    must(sp_train(config, &observer, &summary, &error), error);
    cr_assert_str_eq(summary.status, "interrupted");
    cr_assert_eq(summary.epochs, 0);
    sp_config_destroy(config);
}

Test(cli_keep, a_run_ended_in_its_first_epoch_takes_no_place_of_a_whole_one) {
    outcome whole = train("-s train.epochs=2");
    for (int i = 0; i < 2; i++) train_a_step();
    cr_expect(strstr(read_text(scratch_path("run/previous/summary.json")), hash_of(&whole)));
    outcome next = train("-s train.epochs=3");
    cr_expect(strstr(read_text(scratch_path("run/previous/summary.json")), hash_of(&whole)));
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), hash_of(&next)));
}

Test(cli_keep, says_where_the_run_before_has_gone) {
    outcome first = train("-s train.epochs=1"), second = train("-s train.epochs=1");
    cr_expect_null(strstr(first.err, "previous"), "%s", first.err);
    cr_expect(strstr(second.err, format_text("\nthe run that was there is in %s\n", scratch_path("run/previous"))),
              "%s", second.err);
}

Test(cli_keep, a_config_that_no_run_has_written_stays) {
    const char *mine = "; mine\n[data]\ntrain = data/iris.csv\n[train]\nepochs = 1\n";
    run("mkdir %s", scratch_path("run"));
    const char *path = write_text("run/config.ini", mine);
    outcome result = run("shardprop train -q %s -s output.dir=%s", path, scratch_path("run"));
    cr_expect_eq(result.status, SP_BAD_CONFIG);
    cr_expect(strstr(result.err, path) && strstr(result.err, "another name"), "%s", result.err);
    cr_expect_str_eq(read_text(path), mine);
    cr_expect_str_eq(run("ls %s", scratch_path("run")).out, "config.ini\n");
}

/* The pipe has a reader once it is open for writing: the training is reading then. */
Test(cli_keep, a_signal_while_data_are_read_changes_nothing) {
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP}};
    outcome whole = train("-s train.epochs=1");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        outcome result = run("rm -f %s; mkfifo %s; %s train -q configs/iris.ini -s output.dir=%s -s data.train=%s & "
                             "exec 3>%s; kill -%s $!; wait $!",
                             scratch_path("pipe"), scratch_path("pipe"), SHARDPROP_PROGRAM, scratch_path("run"),
                             scratch_path("pipe"), scratch_path("pipe"), signals[i].name);
        cr_expect_eq(result.status, 128 + signals[i].number, "%s: %d: %s", signals[i].name, result.status, result.err);
        cr_expect_str_eq(result.err, "shardprop: interrupted before training began: nothing is changed\n");
        cr_expect(strstr(read_text(scratch_path("run/summary.json")), hash_of(&whole)));
        cr_expect_eq(run("test -e %s", scratch_path("run/previous")).status, 1);
    }
}

Test(cli_keep, no_command_writes_over_what_it_reads) {
    train("-s train.epochs=1");
    const char *data = scratch_path("iris.csv"), *directory = scratch_path("run");
    run("cp data/iris.csv %s; ln %s %s", data, data, scratch_path("hard.csv"));
    char *before = read_text(data), *model = run("cksum %s/model.safetensors", directory).out;
    const char *const commands[] = {
        format_text("predict %s %s -o %s", directory, data, data),
        format_text("predict %s %s -o %s", directory, data, scratch_path("hard.csv")),
        format_text("predict %s %s -o %s/../run/model.safetensors", directory, data, directory),
        format_text("evaluate %s %s --confusion %s", directory, data, data),
        format_text("report %s -o %s/config.ini", directory, directory),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        outcome result = run("shardprop %s", commands[i]);
        cr_expect_eq(result.status, SP_BAD_CONFIG, "%s: %s", commands[i], result.err);
        cr_expect(strstr(result.err, "would be lost"), "%s: %s", commands[i], result.err);
    }
    cr_expect_str_eq(read_text(data), before);
    cr_expect_str_eq(run("cksum %s/model.safetensors", directory).out, model);
}
