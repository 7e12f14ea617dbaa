/*
 * Runs the tests one after the other in this process, where Criterion has each in a process of its own.
 *
 * The sanitizers and valgrind speak at the end of a process: a worker of Criterion that leaks still counts as passed,
 * and under ThreadSanitizer it does not even start. This stands in for Criterion's own runner: it walks the list of
 * tests that Criterion's macros make, and takes the calls that they send.
 *
 * Usage: inprocess [PREFIX]...: only the tests whose SUITE/NAME begins so; -PREFIX: not those; +K/N: of these every
 * N-th, from the K-th on, so that N processes do all; +times: tells how long each took. Exit status: 0 all passed, 1
 * some failed or there was none to choose.
 */
#include "support.h"

#include <criterion/event.h>
#include <locale.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What the linker collects of the macro Test(). */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];

enum { PASSED, FAILED, SKIPPED };

static struct criterion_test *current;
static int outcome_of_current;
static jmp_buf out_of_test;

/* ---- What Criterion's macros call ---- */

void criterion_internal_test_setup(void) {
    if (current->data->init) current->data->init();
}

void criterion_internal_test_teardown(void) {
    if (current->data->fini) current->data->fini();
}

void criterion_internal_test_main(void (*test)(void)) {
    if (setjmp(out_of_test) == 0) test();
}

void criterion_abort_test(void) {
    outcome_of_current = FAILED;
    longjmp(out_of_test, 1);
}

void criterion_continue_test(void) {
    outcome_of_current = FAILED;
}

void criterion_skip_test(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    outcome_of_current = SKIPPED;
    longjmp(out_of_test, 1);
}

void cri_asserts_passed_incr(void) {}

void criterion_send_assert(struct criterion_assert_stats *stats) {
    if (stats->passed) return;
    outcome_of_current = FAILED;
    fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "failed");
}

/* ---- The runner ---- */

static bool begins_with(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool wanted(const char *name, char **filters) {
    bool any = false, chosen = false;
    for (; *filters; filters++) {
        if (**filters == '+') continue;
        bool without = **filters == '-';
        if (without && begins_with(name, *filters + 1)) return false;
        any = any || !without;
        chosen = chosen || (!without && begins_with(name, *filters));
    }
    return chosen || !any;
}

/* libomp binds the thread that it begins in, to one CPU; what later tests start would have that alone. */
static cpu_set_t allowed;
static bool is_allowed_known;

static void unbind(void) {
    if (is_allowed_known) sched_setaffinity(0, sizeof allowed, &allowed);
}

static int run_one(const char *name, bool timed) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    outcome_of_current = PASSED;
    current->test();
    scratch_forget();
    setlocale(LC_ALL, "C"); /* some test others */
    unbind();
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (outcome_of_current == FAILED) fprintf(stderr, "FAILED %s\n", name);
    double seconds = (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
    if (timed) fprintf(stderr, "%8.3f s %s\n", seconds, name);
    return outcome_of_current;
}

int main(int count, char **arguments) {
    int outcomes[3] = {0}, chosen = 0, first = 1, every = 1;
    bool timed = false;
    is_allowed_known = sched_getaffinity(0, sizeof allowed, &allowed) == 0; /* not where CPUs are beyond a thousand */
    for (int i = 1; i < count; i++) {
        sscanf(arguments[i], "+%d/%d", &first, &every);
        timed = timed || strcmp(arguments[i], "+times") == 0;
    }
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        char name[300];
        if (!*test) continue;
        current = *test;
        snprintf(name, sizeof name, "%s/%s", current->category, current->name);
        if (!wanted(name, arguments + 1) || chosen++ % every != first - 1) continue;
        outcomes[run_one(name, timed)]++;
    }
    printf("in one process: %d passed, %d failed, %d skipped\n", outcomes[PASSED], outcomes[FAILED], outcomes[SKIPPED]);
    return outcomes[FAILED] > 0 || chosen == 0;
}
