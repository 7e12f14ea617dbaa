/* What doctor tells to change, of machines and settings that are made up. */
#include "base/advice.h"
#include "support.h"

#include <math.h>
#include <string.h>

/* Eight cores with two hardware threads each, in good order. */
static sp_machine machine(void) {
    return (sp_machine){.topology = {.sockets = 1,
                                     .nodes = 1,
                                     .cores = 8,
                                     .cpus = 16,
                                     .allowed_nodes = 1,
                                     .allowed_cores = 8,
                                     .allowed_cpus = 8,
                                     .allowed = "0-7"},
                        .frequency = {.governor = "performance", .driver = "acpi-cpufreq"},
                        .openmp = {.threads = 8, .limit = 1u << 30, .bind = "false"},
                        .huge_pages = "madvise",
                        .threads = 8};
}

static sp_situation situation(const sp_machine *of) {
    return (sp_situation){.machine = of, .others = 0, .stolen = 0, .blas = "pthread", .specialised = true};
}

static sp_advice advise(const sp_situation *s) {
    sp_advice advice;
    sp_advise(s, &advice);
    return advice;
}

/* The one line that there is, about `about`. */
static void expect_only(const sp_situation *s, const char *about, const char *what, const char *remedy) {
    static sp_advice advice;
    advice = advise(s);
    cr_assert_eq(advice.count, 1, "about %s: %zu lines, the first '%s'", about, advice.count, advice.item[0].line);
    cr_expect_str_eq(advice.item[0].about, about);
    cr_expect(strstr(advice.item[0].line, what), "%s", advice.item[0].line);
    cr_expect(strstr(advice.item[0].line, remedy), "%s", advice.item[0].line);
}

Test(advice, nothing_where_all_is_well) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    cr_expect_eq(advise(&s).count, 0, "%s", advise(&s).item[0].line);
    cr_expect_str_eq(sp_threads_reason(&s), "the affinity mask");
    m.topology.allowed_cpus = m.threads = 16;
    m.topology.allowed_cores = 16;
    cr_expect_str_eq(sp_threads_reason(&s), "every CPU there is");
}

Test(advice, threads_above_the_quota) {
    sp_machine m = machine();
    sp_variable set[] = {{"OMP_NUM_THREADS", "8"}};
    sp_situation s = situation(&m);
    s.variables = set;
    s.variable_count = 1;
    m.quota = 2;
    m.threads = 2;
    expect_only(&s, "quota", "8 threads, the control group grants 2 CPUs", "OMP_NUM_THREADS=2");
    cr_expect_str_eq(sp_threads_reason(&s), "the CPU quota of the control group");
    m.openmp.threads = 2;
    cr_expect_eq(advise(&s).count, 0);
    m.openmp.threads = m.threads = 1;
    expect_only(&s, "unused", "leaves 1 of 2 cores", "unset it");
    cr_expect_str_eq(sp_threads_reason(&s), "OMP_NUM_THREADS");
}

Test(advice, a_quota_of_a_cpu_and_a_half) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    m.quota = 1.5;
    m.threads = 2;
    expect_only(&s, "quota", "the quota of 1.5 CPUs", "one lower");
    m.threads = 1;
    cr_expect_eq(advise(&s).count, 0, "one thread is never held back");
}

Test(advice, threads_above_the_mask) {
    sp_machine m = machine();
    sp_variable set[] = {{"OMP_NUM_THREADS", "12"}};
    sp_situation s = situation(&m);
    s.variables = set;
    s.variable_count = 1;
    m.openmp.threads = 12;
    expect_only(&s, "affinity", "12 threads, 8 CPUs are allowed (0-7)", "OMP_NUM_THREADS=8");
}

Test(advice, binding) {
    sp_machine m = machine();
    sp_variable set[] = {{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", NULL}};
    sp_situation s = situation(&m);
    s.variables = set;
    s.variable_count = 2;
    m.openmp.bind = "close";
    expect_only(&s, "binding", "OMP_PROC_BIND without OMP_PLACES", "OMP_PLACES=cores");
    set[1].value = "cores";
    cr_expect_eq(advise(&s).count, 0);
    set[1].value = NULL;
    m.openmp.bind = "false";
    cr_expect_eq(advise(&s).count, 0, "OMP_PROC_BIND=false asks for none");
}

Test(advice, neighbours) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    s.others = 3;
    expect_only(&s, "load", "keep 3.0 of 8 CPUs busy", "wait");
    m.openmp.bind = "spread";
    cr_expect_eq(advise(&s).count, 2, "who is bound cannot move away");
    cr_expect_str_eq(advise(&s).item[0].about, "binding");
    m.openmp.bind = "false";
    sp_variable set[] = {{"OMP_WAIT_POLICY", "ACTIVE"}};
    s.variables = set;
    s.variable_count = 1;
    cr_expect_str_eq(advise(&s).item[0].about, "waiting");
    s.others = NAN;
    cr_expect_eq(advise(&s).count, 0, "what is not known is no fault");
    s.stolen = 1;
    expect_only(&s, "steal", "hypervisor takes 1.0", "CPUs of its own");
}

Test(advice, governors) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    strcpy(m.frequency.governor, "powersave");
    expect_only(&s, "governor", "powersave", "cpupower frequency-set --governor performance");
    /* There powersave is what is usual, and means that the hardware chooses. */
    strcpy(m.frequency.driver, "intel_pstate");
    strcpy(m.frequency.preference, "balance_performance");
    cr_expect_eq(advise(&s).count, 0);
    strcpy(m.frequency.preference, "power");
    expect_only(&s, "governor", "power", "cpupower set --epp performance");
}

Test(advice, two_threads_a_core) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    m.topology.allowed_cpus = m.threads = m.openmp.threads = 16;
    expect_only(&s, "smt", "16 threads", "OMP_NUM_THREADS=8 and OMP_PLACES=cores");
}

Test(advice, libraries_and_pages) {
    sp_machine m = machine();
    sp_situation s = situation(&m);
    s.blas = "serial";
    expect_only(&s, "blas", "the serial build, which is wrong when threads share it", "libopenblas0-pthread");
    s.blas = "openmp";
    expect_only(&s, "blas", "other bits", "libopenblas0-pthread");
    s.blas = "pthread";
    s.specialised = false;
    expect_only(&s, "kernels", "libxsmm", "libxsmm-dev");
    s.specialised = true;
    strcpy(m.huge_pages, "never");
    expect_only(&s, "pages", "huge pages are off", "echo madvise");
    strcpy(m.huge_pages, "always");
    m.openmp.limit = 4;
    expect_only(&s, "limit", "OMP_THREAD_LIMIT grants 4 threads", "unset");
    m.openmp.limit = 8;
    m.openmp.dynamic = true;
    expect_only(&s, "dynamic", "OMP_DYNAMIC", "unset");
}
