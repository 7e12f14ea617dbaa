/* doctor as a user runs it. */
#include "support.h"

#include <cjson/cJSON.h>
#include <omp.h>
#include <string.h>

static const cJSON *parse(const char *text) {
    cJSON *root = cJSON_Parse(text);
    cr_assert_not_null(root, "not JSON: %s", text);
    return keep(root);
}

static double number(const cJSON *root, const char *object, const char *key) {
    const cJSON *of = object ? cJSON_GetObjectItemCaseSensitive(root, object) : root;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(of, key);
    cr_assert(cJSON_IsNumber(item), "%s is no number", key);
    return item->valuedouble;
}

static bool advises(const cJSON *root, const char *about) {
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "advice")) {
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "about")), about) == 0) return true;
    }
    return false;
}

Test(cli_doctor, says_what_there_is_in_80_columns) {
    static const char *const facts[] = {"processor ", "cores ", "allowed ", "quota ",   "governor ",
                                        "memory ",    "load ",  "OpenMP ",  "kernels ", "training "};
    outcome result = run("OMP_NUM_THREADS=3 OMP_PROC_BIND=true shardprop doctor");
    cr_expect_eq(result.status, 0, "advice is no fault: %s", result.err);
    cr_expect_str_empty(result.err);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        cr_expect(strstr(result.out, facts[i]), "no '%s' in:\n%s", facts[i], result.out);
    cr_expect(strstr(result.out, "OMP_NUM_THREADS=3"));
    cr_expect(strstr(result.out, "\nto change:\n 1. "));
    cr_expect(strstr(result.out, "OMP_PLACES=cores"), "%s", result.out);
    for (const char *line = result.out; *line; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 80, "too long: %.100s", line);
}

Test(cli_doctor, the_number_of_threads_is_that_of_training) {
    const cJSON *found = parse(run("OMP_NUM_THREADS=1 shardprop doctor --json").out);
    cr_expect_eq(number(found, NULL, "threads"), 1);
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(found, "threads_reason")),
                     "OMP_NUM_THREADS");
    cr_expect_eq(number(found, "openmp", "max_threads"), 1);
    cr_expect_eq(advises(found, "unused"), omp_get_num_procs() > 1);
    outcome checked = run("OMP_NUM_THREADS=1 shardprop check configs/digits.ini");
    cr_expect(strstr(checked.out, "threads     1\n"), "%s", checked.out);
}

Test(cli_doctor, a_mask_of_one_cpu) {
    outcome result = run("cpu=$(taskset -pc $$ | sed 's/.*: \\([0-9]*\\).*/\\1/') && "
                         "taskset -c \"$cpu\" \"%s\" doctor --json",
                         SHARDPROP_PROGRAM);
    const cJSON *found = parse(result.out);
    cr_expect_eq(number(found, "machine", "allowed_cpus"), 1);
    cr_expect_eq(number(found, NULL, "threads"), 1);
}

Test(cli_doctor, threads_that_openmp_binds_do_not_hide_the_machine) {
    const cJSON *free = parse(run("shardprop doctor --json").out);
    const cJSON *bound = parse(run("OMP_PROC_BIND=true OMP_PLACES=threads shardprop doctor --json").out);
    cr_expect_eq(number(free, "machine", "allowed_cpus"), number(bound, "machine", "allowed_cpus"));
    cr_expect_eq(number(bound, "openmp", "places"), omp_get_num_procs());
    cr_expect_not(advises(bound, "affinity"));
}

/* hwloc takes a description for the machine. */
Test(cli_doctor, a_machine_with_two_sockets) {
    outcome result = run("HWLOC_SYNTHETIC='package:2 numa:1 core:4 pu:2' shardprop doctor");
    cr_expect(strstr(result.out, "8 in 2 sockets, 2 hardware threads each; 2 NUMA nodes"), "%s", result.out);
}

Test(cli_doctor, takes_no_arguments) {
    cr_expect_eq(run("shardprop doctor me").status, 2);
    outcome help = run("shardprop doctor --help");
    cr_expect_eq(help.status, 0);
    cr_expect(strstr(help.out, "Usage: shardprop doctor [OPTION]..."), "%s", help.out);
}
