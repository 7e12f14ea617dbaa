/* Trainings that are killed, signalled or damaged, and go on, as a user runs them. */
#include "base/host.h"
#include "base/safetensors.h"
#include "support.h"

#include <string.h>

static const char digits[] = "configs/digits.ini -q -s train.epochs=60 -s network.hidden=24 -s data.validation=0.1 "
                             "-s optimizer.name=adam -s optimizer.learning_rate=0.002 -s network.dropout=0.2";

/*
 * Killed at moments that nobody chose, it goes on each time; the files are those of a run without a break. The moments
 * are shares of what that took on this machine, a tenth to three tenths, so that the first comes in the midst of it.
 */
Test(cli_resume, survives_being_killed_at_any_moment) {
    const char *one = scratch_path("one"), *other = scratch_path("other");
    double before = sp_host_seconds();
    outcome whole = run("shardprop train %s -s output.dir='%s' -s parallel.threads=1", digits, one);
    int took = (int)(1e6 * (sp_host_seconds() - before)); /* microseconds */
    cr_assert_eq(whole.status, 0, "%s", whole.err);
    int killed = 0;
    outcome part = {.status = 137};
    for (int i = 0; i < 20 && (part.status == 137 || killed == 0); i++) {
        int delay = took / 1000 * (100 + i * 37 % 200);
        part = run("LC_ALL=C timeout -s KILL %d.%06d '%s' train %s -s output.dir='%s' -s output.checkpoint_every=1 "
                   "-s output.checkpoint_seconds=0.005 -s parallel.threads=%d --resume",
                   delay / 1000000, delay % 1000000, SHARDPROP_PROGRAM, digits, other, 1 + i % 3);
        killed += part.status == 137;
        cr_expect(part.status == 137 || part.status == 0, "%d: %d, %s", i, part.status, part.err);
        if (killed > 0) continue;
        run("rm -r '%s'", other); /* the machine was busy when it was timed, and is no more */
        took /= 2;
    }
    cr_expect_gt(killed, 0, "no attempt was cut short");
    outcome last = run("shardprop train %s -s output.dir='%s' --resume", digits, other);
    cr_assert_eq(last.status, 0, "%s", last.err);
    cr_expect_str_eq(hash_of(&last), hash_of(&whole));
    expect_same_runs(one, other, "after kills");
}

/* Starts a long training, waits for its first epoch, does `what` with $program, and waits for its end. */
static outcome disturb(const char *options, const char *what) {
    return run("rm -rf '%s'; env --default-signal=HUP '%s' train configs/digits.ini -s schedule.name=constant -s "
               "train.epochs=1000000 "
               "-s parallel.threads=2 %s "
               "-s output.dir='%s' &\nprogram=$!\n"
               "for i in $(seq 600); do [ \"$(cat '%s/metrics.csv' 2>&1 | wc -l)\" -gt 1 ] && break; sleep 0.1; done\n"
               "%s\nwait $program",
               scratch_path("run"), SHARDPROP_PROGRAM, options, scratch_path("run"), scratch_path("run"), what);
}

static void expect_interrupted(const outcome *result, int status) {
    cr_expect_eq(result->status, status, "%s", result->err);
    cr_expect_not_null(strstr(read_text(scratch_path("run/summary.json")), "\"interrupted\""));
    cr_expect_eq(run("shardprop info '%s'", scratch_path("run")).status, 0);
    /* A resumed training takes up where this one left off. */
    size_t epochs = lines_of(read_text(scratch_path("run/metrics.csv"))) - 1;
    outcome next = run("shardprop train '%s' --resume -s train.epochs=%zu", scratch_path("run"), epochs + 2);
    cr_expect_eq(next.status, 0, "%s", next.err);
    cr_expect_not_null(strstr(next.err, format_text("goes on behind epoch %zu, step ", epochs)), "%s", next.err);
    cr_expect_eq(lines_of(read_text(scratch_path("run/metrics.csv"))), epochs + 3, "each epoch once");
}

Test(cli_resume, signals_end_with_a_checkpoint) {
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"INT", 2}, {"TERM", 15}, {"HUP", 1}};
    for (int i = 0; i < 3; i++) {
        outcome result = disturb("", format_text("kill -%s $program", signals[i].name));
        expect_interrupted(&result, 128 + signals[i].number);
    }
}

Test(cli_resume, a_checkpoint_is_saved_whatever_the_config_says) {
    outcome result = disturb("-s output.checkpoint_seconds=0", "kill -TERM $program");
    expect_interrupted(&result, 128 + 15);
}

/* nohup has SIGHUP ignored, and the program keeps to that. */
Test(cli_resume, nohup_is_heeded) {
    outcome result = run("trap '' HUP; '%s' train configs/iris.ini -q -s train.epochs=20000 -s output.dir='%s' &\n"
                         "program=$!; sleep 0.1; kill -HUP $program; wait $program",
                         SHARDPROP_PROGRAM, scratch_path("run"));
    cr_expect_eq(result.status, 0, "%s", result.err);
}

Test(cli_resume, usr1_saves_and_goes_on) {
    const char *checkpoint = scratch_path("run/checkpoint.safetensors");
    outcome result = disturb("-s output.checkpoint_seconds=0",
                             format_text("[ -e '%s' ] && echo too early\nkill -USR1 $program\n"
                                         "for i in $(seq 600); do [ -e '%s' ] && break; sleep 0.1; done\n"
                                         "[ -e '%s' ] && echo saved; kill -0 $program && echo runs; kill -9 $program",
                                         checkpoint, checkpoint, checkpoint));
    cr_expect_eq(result.status, 137);
    cr_expect_str_eq(result.out, "saved\nruns\n", "%s%s", result.out, result.err);
}

/* A second signal, later, ends it where it stands; what is there is whole. */
Test(cli_resume, a_second_signal_ends_at_once) {
    outcome result = run("'%s' train configs/digits.ini -s train.epochs=1000000 -s train.batch_size=full "
                         "-s network.hidden=4096,4096 -s output.checkpoint_seconds=0.01 -s output.dir='%s' &\n"
                         "program=$!\n"
                         "for i in $(seq 600); do [ -e '%s/checkpoint.safetensors' ] && break; sleep 0.1; done\n"
                         "kill -STOP $program; kill -TERM $program; kill -CONT $program; sleep 0.01\n"
                         "kill -0 $program && { sleep 2.2; kill -TERM $program; }; wait $program",
                         SHARDPROP_PROGRAM, scratch_path("run"), scratch_path("run"));
    cr_expect_eq(result.status, 128 + 15, "%s", result.err);
    sp_error error = {0};
    sp_safetensors *file;
    must(sp_safetensors_read(scratch_path("run/checkpoint.safetensors"), &file, &error), error);
    cr_expect(sp_safetensors_is_sealed(file));
    sp_safetensors_destroy(file);
}

/* ---- One at a time ---------------------------------------------------------------------------- */

Test(cli_resume, a_second_training_into_the_directory_is_refused) {
    static const char *const how[] = {"", "--resume"};
    for (int i = 0; i < 2; i++) {
        outcome result = disturb("", format_text("echo $program\nshardprop train configs/digits.ini -s output.dir='%s' "
                                                 "-s train.epochs=1000000 %s; echo $?\nkill -TERM $program",
                                                 scratch_path("run"), how[i]));
        cr_expect_eq(result.status, 128 + 15);
        char *pid = keep(strndup(result.out, strcspn(result.out, "\n")));
        cr_expect_not_null(strstr(result.err, format_text("shardprop: %s: process %s is training into it; ",
                                                          scratch_path("run"), pid)),
                           "%s", result.err);
        cr_expect_not_null(strstr(result.out, "\n1\n"), "%s", result.out);
        cr_expect_not_null(strstr(result.out, "interrupted after "), "the first one does not notice");
        cr_expect_neq(run("ls '%s/.lock'", scratch_path("run")).status, 0, "it is gone with the training");
    }
}

Test(cli_resume, a_killed_training_leaves_no_lock) {
    disturb("", "kill -9 $program");
    cr_expect_eq(
        run("shardprop train configs/digits.ini -s train.epochs=1 -s output.dir='%s'", scratch_path("run")).status, 0);
}

/* ---- Damage --------------------------------------------------------------------------------------- */

/* The one before is taken, with a word; and where that is damaged too, training is refused. */
Test(cli_resume, a_damaged_checkpoint_gives_way_to_the_one_before) {
    const char *dir = scratch_path("run"), *how = "configs/iris.ini -s train.epochs=6 -s output.checkpoint_every=1";
    cr_assert_eq(run("shardprop train %s -s output.dir='%s'", how, dir).status, 0);
    cr_assert_eq(run("shardprop train %s -s train.epochs=7 -s output.dir='%s' --resume", how, dir).status, 0);
    run("cp '%s/checkpoint.safetensors' '%s/good'", dir, scratch());
    static const char *const damages[] = {"truncate -s -4", "truncate -s 100", "truncate -s 0",
                                          "sed -i 's/config.train.seed/config.train.sead/'", "rm"};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        run("rm -rf '%s/copy' && cp -r '%s' '%s/copy' && %s '%s/copy/checkpoint.safetensors'", scratch(), dir,
            scratch(), damages[i], scratch());
        outcome next = run("shardprop train %s -s train.epochs=7 -s output.dir='%s/copy' --resume", how, scratch());
        cr_expect_eq(next.status, 0, "%s: %s", damages[i], next.err);
        cr_expect_not_null(strstr(next.err, "; going on from the one before"), "%s: %s", damages[i], next.err);
        expect_same_runs(dir, scratch_path("copy"), damages[i]);
    }
    run("cd '%s'; truncate -s -4 checkpoint.safetensors checkpoint.previous.safetensors", dir);
    outcome refused = run("shardprop train %s -s train.epochs=7 -s output.dir='%s' --resume", how, dir);
    cr_expect_eq(refused.status, 3);
    cr_expect_eq(lines_of(refused.err), 1, "%s", refused.err);
    cr_expect_not_null(strstr(refused.err, "checkpoint.safetensors: is damaged or was altered"), "%s", refused.err);
}

/* ---- Nothing to resume ------------------------------------------------------------------------------ */

Test(cli_resume, without_a_checkpoint_it_starts_from_the_beginning) {
    outcome result = run("shardprop train configs/iris.ini -s output.dir='%s' --resume", scratch_path("run"));
    cr_expect_eq(result.status, 0);
    cr_expect_not_null(strstr(result.err, "run: holds no checkpoint; training starts from the beginning"), "%s",
                       result.err);
    run("rm '%s'", scratch_path("run/checkpoint.safetensors"));
    result = run("shardprop train configs/iris.ini -s output.dir='%s' --resume", scratch_path("run"));
    cr_expect_eq(result.status, 2, "a finished run is not thrown away");
    cr_expect_not_null(strstr(result.err, "run: holds a run that ended without a checkpoint"), "%s", result.err);
    result = run("shardprop train '%s' --resume", scratch());
    cr_expect_eq(result.status, 2);
    cr_expect_not_null(strstr(result.err, ": holds no config.ini; name a run directory"), "%s", result.err);
}

Test(cli_resume, a_completed_run_stays_so) {
    outcome result = run("shardprop train configs/iris.ini -s output.dir='%s'", scratch_path("run"));
    const char *hash = hash_of(&result);
    run("cd '%s'; cp -r run before; rm run/model.safetensors run/summary.json", scratch());
    result = run("shardprop train '%s' --resume", scratch_path("run"));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_not_null(strstr(result.err, "run: completed already, after 100 epochs; there is nothing left to train"),
                       "%s", result.err);
    cr_expect_str_eq(hash_of(&result), hash);
    expect_same_runs(scratch_path("run"), scratch_path("before"), "completed");
    cr_expect_not_null(strstr(read_text(scratch_path("run/summary.json")), "\"completed\""));
}
