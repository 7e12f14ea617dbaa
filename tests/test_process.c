/* Children: what they are given, how they end, and that they end. */
#include "base/process.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A shell that does `script`. */
static sp_process *start(const char *script, sp_process_start how) {
    const char *arguments[] = {"sh", "-c", script, NULL};
    sp_process *process;
    sp_error error = {0};
    how.arguments = arguments;
    must(sp_process_create(&how, &process, &error), error);
    return process;
}

static int end_of(sp_process *process) {
    cr_assert_eq(sp_process_wait(&process, 1, -1), 0);
    int status = sp_process_status(process);
    sp_process_destroy(process);
    return status;
}

static char *said(const char *script, int expected) {
    static const char *const additions[] = {"SP_NEW=one two", "HOME=elsewhere", NULL};
    sp_process_start how = {.environment = additions, .output = scratch_path("said"), .errors = scratch_path("said")};
    int status = end_of(start(script, how));
    cr_expect_eq(status, expected, "%s: %d", script, status);
    return read_text(how.output);
}

/* No child is left, nor one that nobody has waited for. */
static void expect_no_children(void) {
    cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

Test(process, ends_as_a_shell_says_it) {
    cr_expect_eq(end_of(start("exit 0", (sp_process_start){0})), 0);
    cr_expect_eq(end_of(start("exit 7", (sp_process_start){0})), 7);
    cr_expect_eq(end_of(start("kill -TERM $$", (sp_process_start){0})), 128 + SIGTERM);
    expect_no_children();
}

Test(process, has_the_environment_with_additions) {
    cr_expect_str_eq(said("echo \"$SP_NEW,$HOME,${PATH:+path}\"; env | grep -c '^HOME='", 0),
                     "one two,elsewhere,path\n1\n");
    cr_expect_str_neq(getenv("HOME") ? getenv("HOME") : "", "elsewhere", "this program keeps its own");
}

Test(process, reads_nothing_unless_told) {
    cr_expect_str_eq(said("cat; exit 3", 3), "");
    sp_process_start how = {.input = write_text("in", "a line\n"), .output = scratch_path("out")};
    cr_expect_eq(end_of(start("cat", how)), 0);
    cr_expect_str_eq(read_text(how.output), "a line\n");
}

Test(process, writes_into_files) {
    sp_process_start how = {.output = scratch_path("out"), .errors = scratch_path("err")};
    cr_expect_eq(end_of(start("echo o; echo e >&2", how)), 0);
    cr_expect_str_eq(read_text(how.output), "o\n");
    cr_expect_str_eq(read_text(how.errors), "e\n");
    how.errors = scratch_path("out");
    cr_expect_eq(end_of(start("echo 1; echo 2 >&2; echo 3", how)), 0);
    cr_expect_str_eq(read_text(how.output), "1\n2\n3\n", "one file for both, made anew");
}

/* The second begins where the first, which has the same open file, came to. */
Test(process, has_the_open_files_it_is_given) {
    const char *path = scratch_path("both");
    int in = open(write_text("in", "a line\n"), O_RDONLY | O_CLOEXEC),
        out = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    cr_assert(in >= 0 && out >= 0);
    sp_process_start how = {.streams = (const int[]){in, out, out}, .output = "/nowhere/file"};
    cr_expect_eq(end_of(start("cat; echo e >&2", how)), 0);
    cr_expect_eq(end_of(start("cat; echo f >&2", how)), 0);
    cr_expect_str_eq(read_text(path), "a line\ne\nf\n");
    cr_expect_eq(lseek(out, 0, SEEK_CUR), 11, "they stay open");
    close(in);
    close(out);
}

Test(process, that_is_missing_has_ended_where_that_is_no_fault) {
    const char *nobody[] = {"no-such-program", NULL};
    sp_process *process;
    sp_error error = {0};
    must(sp_process_create(&(sp_process_start){.arguments = nobody, .may_be_missing = true}, &process, &error), error);
    cr_expect_eq(sp_process_status(process), SP_PROCESS_MISSING);
    sp_process_signal(process, SIGKILL); /* to nobody */
    sp_process_stop(process, 60);
    cr_expect_eq(end_of(process), SP_PROCESS_MISSING);
}

Test(process, faults_are_values) {
    const char *nobody[] = {"/nowhere/at/all", NULL};
    sp_process_start how = {.arguments = nobody};
    sp_process *process;
    sp_error error = {0};
    cr_expect_eq(sp_process_create(&how, &process, &error), SP_FAILED);
    cr_expect_null(process);
    cr_expect(strstr(error.text, "/nowhere/at/all: cannot be started (No such file"), "%s", error.text);
    const char *someone[] = {"true", NULL};
    how = (sp_process_start){.arguments = someone, .output = "/nowhere/file"};
    error = (sp_error){0};
    cr_expect_eq(sp_process_create(&how, &process, &error), SP_FAILED);
    cr_expect(strstr(error.text, "/nowhere/file: cannot be written (No such file"), "%s", error.text);
    cpu_set_t nothing;
    CPU_ZERO(&nothing);
    how = (sp_process_start){.arguments = someone, .cpus = &nothing};
    error = (sp_error){0};
    cr_expect_eq(sp_process_create(&how, &process, &error), SP_FAILED, "no CPU at all");
    cr_expect(strstr(error.text, "true: cannot be started"), "%s", error.text);
    expect_no_children();
}

Test(process, any_of_several_is_waited_for) {
    sp_process *all[4] = {start("exec sleep 1000", (sp_process_start){0}), NULL, start("exit 5", (sp_process_start){0}),
                          start("exec sleep 1000", (sp_process_start){0})};
    cr_expect_eq(sp_process_wait(all, 4, -1), 2);
    cr_expect_eq(sp_process_status(all[2]), 5);
    sp_process_destroy(all[2]);
    all[2] = NULL;
    cr_expect_eq(sp_process_wait(all, 4, 0), 4, "none has ended");
    cr_expect_eq(sp_process_wait(all, 4, 0.01), 4);
    cr_expect_eq(sp_process_status(all[3]), SP_PROCESS_RUNS);
    sp_process_signal(all[3], SIGKILL);
    cr_expect_eq(sp_process_wait(all, 4, -1), 3);
    cr_expect_eq(sp_process_status(all[3]), 128 + SIGKILL);
    sp_process_signal(all[3], SIGTERM); /* to nobody */
    sp_process_destroy(all[3]);
    sp_process_destroy(all[0]);
    expect_no_children();
    cr_expect_eq(sp_process_wait((sp_process *[]){NULL}, 1, 0.01), 1);
}

static void wait_for_text(const char *path) {
    for (int i = 0; i < 60000 && !*read_text(path); i++) usleep(1000);
    cr_assert(*read_text(path));
}

Test(process, is_stopped_gently_or_not) {
    sp_process_start how = {.output = scratch_path("gentle")};
    sp_process *gentle = start("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done", how);
    wait_for_text(how.output); /* by now it listens */
    sp_process_stop(gentle, 60);
    cr_expect_eq(sp_process_status(gentle), 9);
    sp_process_destroy(gentle);
    how.output = scratch_path("deaf");
    sp_process *deaf = start("trap '' TERM; echo up; while :; do sleep 0.01; done", how);
    wait_for_text(how.output);
    sp_process_stop(deaf, 0.02);
    cr_expect_eq(sp_process_status(deaf), 128 + SIGKILL);
    sp_process_destroy(deaf);
    expect_no_children();
}

static void note(int number) {
    (void)number;
}

Test(process, a_signal_ends_the_waiting) {
    struct sigaction action = {.sa_handler = note}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGUSR2, &action, &before);
    char *script = format_text("while :; do sleep 0.02; kill -USR2 %ld; done", (long)getpid());
    sp_process *process = start(script, (sp_process_start){0});
    cr_expect_eq(sp_process_wait(&process, 1, -1), 1, "it still runs");
    sp_process_destroy(process);
    sigaction(SIGUSR2, &before, NULL);
}

/* ---- Where it runs, and with whom -------------------------------------------------------------- */

Test(process, runs_on_the_cpus_it_is_given) {
    cpu_set_t own, one, after;
    int last = 0;
    cr_assert_eq(sched_getaffinity(0, sizeof own, &own), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &own)) last = cpu;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    sp_process_start how = {.output = scratch_path("cpus"), .cpus = &one};
    cr_expect_eq(end_of(start("grep Cpus_allowed_list /proc/self/status | cut -f2", how)), 0);
    cr_expect_str_eq(read_text(how.output), format_text("%d\n", last));
    cr_assert_eq(sched_getaffinity(0, sizeof after, &after), 0);
    cr_expect(CPU_EQUAL(&own, &after), "this thread is where it was");
}

Test(process, a_group_of_its_own) {
    const char *script = "ps -o pgid= -p $$ | tr -d ' '";
    char *theirs = said(script, 0);
    cr_expect_eq(strtol(theirs, NULL, 10), (long)getpgrp());
    sp_process *process = start(script, (sp_process_start){.own_group = true, .output = scratch_path("group")});
    long own = sp_process_id(process);
    cr_expect_eq(end_of(process), 0);
    cr_expect_eq(strtol(read_text(scratch_path("group")), NULL, 10), own);
}
