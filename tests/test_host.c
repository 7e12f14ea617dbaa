/* Cores that are allowed, and faults as values. */
#include "base/error.h"
#include "base/host.h"
#include "support.h"

#include <omp.h>
#include <sched.h>
#include <string.h>

Test(host, quotas_of_control_groups) {
    cr_expect_eq(sp_host_quota("max 100000"), 0);
    cr_expect_eq(sp_host_quota("200000 100000"), 2);
    cr_expect_eq(sp_host_quota("150000 100000"), 2, "one and a half CPUs keep two threads busy");
    cr_expect_eq(sp_host_quota("50000 100000"), 1);
    cr_expect_eq(sp_host_quota("-1 100000"), 0, "version 1 without a quota");
    cr_expect_eq(sp_host_quota(""), 0);
    cr_expect_eq(sp_host_quota("100000"), 0);
}

Test(host, threads_follow_openmp_and_affinity) {
    omp_set_num_threads(1);
    cr_expect_eq(sp_host_threads(), 1);
    omp_set_num_threads(4096);
    cr_expect_leq(sp_host_threads(), (size_t)omp_get_num_procs());
}

Test(error, one_line_a_fault_whatever_the_text) {
    sp_error error = {0};
    cr_expect_eq(sp_fail(&error, SP_BAD_DATA, "%s: bad", "a\nb\x1b[2J"), SP_BAD_DATA);
    cr_expect_eq(sp_fail(&error, SP_FAILED, "second"), SP_FAILED);
    cr_expect_eq(error.status, SP_BAD_DATA, "the first fault's");
    cr_expect_eq(error.faults, 2);
    cr_expect_str_eq(error.text, "a?b?[2J: bad\nsecond");
}

Test(error, a_flood_of_faults_is_cut_and_counted) {
    static sp_error error;
    for (int i = 0; i < 5000; i++) sp_fail(&error, SP_BAD_CONFIG, "fault number %d of a long, long list", i);
    cr_expect_eq(error.faults, 5000);
    cr_expect_lt(strlen(error.text), SP_ERROR_TEXT);
    cr_expect_not_null(strstr(error.text, "more faults"));
}
