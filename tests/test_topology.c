/* Machines as hwloc describes them, what of them is allowed, how their frequency is set, and who keeps them busy. */
#include "base/cores.h"
#include "base/host.h"
#include "base/load.h"
#include "base/machine.h"
#include "support.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <sys/stat.h>

static sp_topology topology_of(const char *description, const char *allowed) {
    sp_topology topology;
    sp_error error = {0};
    must(sp_topology_of(description, allowed, &topology, &error), error);
    return topology;
}

Test(topology, two_sockets_with_two_hardware_threads_a_core) {
    sp_topology t = topology_of("package:2 numa:1 l3:1(size=33554432) core:4 pu:2", NULL);
    cr_expect_eq(t.sockets, 2);
    cr_expect_eq(t.nodes, 2);
    cr_expect_eq(t.cores, 8);
    cr_expect_eq(t.cpus, 16);
    cr_expect_eq(t.allowed_cores, 8);
    cr_expect_eq(t.allowed_cpus, 16);
    cr_expect_eq(t.cache, 2 * (32u << 20));
    cr_expect_str_eq(t.allowed, "0-15");
}

Test(topology, a_mask_that_leaves_parts) {
    /* CPUs 0 and 1 are of one core, 8 is of the other socket, 99 there is not. */
    sp_topology t = topology_of("package:2 numa:1 core:4 pu:2", "0-1,8,99");
    cr_expect_eq(t.cpus, 16, "the machine is as large as it was");
    cr_expect_eq(t.allowed_cpus, 3);
    cr_expect_eq(t.allowed_cores, 2);
    cr_expect_eq(t.allowed_nodes, 2);
    cr_expect_eq(t.first, 0);
    cr_expect_str_eq(t.allowed, "0-1,8");
    cr_expect_eq(topology_of("package:2 numa:1 core:4 pu:2", "8-11").allowed_nodes, 1);
}

Test(topology, a_description_without_cores) {
    sp_topology t = topology_of("pu:3", NULL);
    cr_expect_eq(t.sockets, 1);
    cr_expect_eq(t.cores, 3);
    cr_expect_eq(t.allowed_cores, 3);
}

Test(topology, what_is_no_description_is_a_fault) {
    sp_topology topology;
    sp_error error = {0};
    cr_expect_eq(sp_topology_of("kore:4", NULL, &topology, &error), SP_FAILED);
    cr_expect_eq(error.faults, 1);
}

Test(topology, this_machine_agrees_with_openmp) {
    sp_machine machine;
    sp_error error = {0};
    must(sp_machine_read(&machine, &error), error);
    cr_expect_eq(machine.topology.allowed_cpus, (size_t)omp_get_num_procs());
    cr_expect_leq(machine.topology.allowed_cpus, machine.topology.cpus);
    cr_expect_leq(machine.topology.allowed_cores, machine.topology.cores);
    cr_expect_eq(machine.threads, sp_host_threads());
    cr_expect(strstr(machine.openmp.library, "omp"), "%s", machine.openmp.library);
}

/* ---- Shares of the CPUs ----------------------------------------------------------------------- */

static char *list_of(const sp_cores *cores, size_t share) {
    char *text = format_text("%s", "");
    for (size_t cpu = 0; cpu < 8 * sp_cores_bytes(cores); cpu++)
        if (CPU_ISSET_S(cpu, sp_cores_bytes(cores), sp_cores_share(cores, share)))
            text = format_text("%s%s%zu", text, *text ? "," : "", cpu);
    return text;
}

static void expect_shares(const char *description, const cpu_set_t *allowed, size_t shares,
                          const char *const expected[]) {
    sp_cores *cores;
    sp_error error = {0};
    must(sp_cores_create_for(description, allowed, sizeof *allowed, shares, &cores, &error), error);
    for (size_t i = 0; i < shares; i++)
        cr_expect_str_eq(list_of(cores, i), expected[i], "%zu of %zu: %s", i, shares, list_of(cores, i));
    sp_cores_destroy(cores);
}

/* Two processors of two cores of two hardware threads each, which the kernel numbers across. */
static const char *const across = "package:2 core:2 pu:2(indexes=0,4,2,6,1,5,3,7)";

Test(cores, shares_keep_what_belongs_together) {
    cpu_set_t all, some;
    CPU_ZERO(&all);
    for (int cpu = 0; cpu < 8; cpu++) CPU_SET(cpu, &all);
    some = all;
    CPU_CLR(4, &some);
    CPU_CLR(1, &some);
    expect_shares(across, &all, 1, (const char *const[]){"0,1,2,3,4,5,6,7"});
    expect_shares(across, &all, 2, (const char *const[]){"0,2,4,6", "1,3,5,7"});
    expect_shares(across, &all, 4, (const char *const[]){"0,4", "2,6", "1,5", "3,7"});
    expect_shares(across, &some, 2, (const char *const[]){"0,2,6", "3,5,7"});
    expect_shares(across, &some, 4, (const char *const[]){"0", "2,6", "5", "3,7"});
}

/* Cores 0 and 2, 1 and 3 have a cache together. */
Test(cores, shares_keep_to_caches) {
    static const char *const caches = "package:1 l3:2 core:2 pu:1(indexes=0,2,1,3)";
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int cpu = 0; cpu < 4; cpu++) CPU_SET(cpu, &all);
    expect_shares(caches, &all, 2, (const char *const[]){"0,2", "1,3"});
}

/* Of 9 and 11 nobody knows where they are; a description that is none says nothing of any. */
Test(cores, no_cpu_is_lost) {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int cpu = 1; cpu < 12; cpu += 2) CPU_SET(cpu, &all);
    expect_shares(across, &all, 3, (const char *const[]){"1,5", "3,7", "9,11"});
    expect_shares("kore:4", &all, 3, (const char *const[]){"1,3", "5,7", "9,11"});
    CPU_ZERO(&all);
    CPU_SET(1023, &all);
    expect_shares(across, &all, 2, (const char *const[]){"1023", "1023"});
}

/* Those of this machine are all dealt, each to one. */
Test(cores, this_machine_is_dealt_out) {
    cpu_set_t *allowed = sp_host_allowed();
    size_t bytes = CPU_ALLOC_SIZE(SP_HOST_CPUS), count = (size_t)CPU_COUNT_S(bytes, allowed), seen = 0;
    sp_cores *cores;
    sp_error error = {0};
    must(sp_cores_create(count, &cores, &error), error);
    for (size_t i = 0; i < count; i++) {
        const cpu_set_t *share = sp_cores_share(cores, i);
        cr_assert_eq(CPU_COUNT_S(sp_cores_bytes(cores), share), 1);
        for (size_t cpu = 0; cpu < SP_HOST_CPUS; cpu++)
            if (CPU_ISSET_S(cpu, sp_cores_bytes(cores), share)) {
                seen += CPU_ISSET_S(cpu, bytes, allowed) != 0;
                CPU_CLR_S(cpu, bytes, allowed);
            }
    }
    cr_expect_eq(seen, count);
    sp_cores_destroy(cores);
    CPU_FREE(allowed);
}

Test(cores, threads_are_shared_out_whole) {
    static const struct { size_t shares, threads; } cases[] = {{1, 1}, {2, 2}, {2, 5}, {3, 8}, {7, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_cores *cores;
        sp_error error = {0};
        size_t sum = 0, least = SIZE_MAX, most = 0;
        must(sp_cores_create(cases[i].shares, &cores, &error), error);
        for (size_t s = 0; s < cases[i].shares; s++) {
            size_t own = sp_cores_threads(cores, s, cases[i].threads);
            sum += own;
            least = own < least ? own : least;
            most = own > most ? own : most;
        }
        cr_expect_eq(sum, cases[i].threads);
        cr_expect_leq(most - least, 1);
        sp_cores_destroy(cores);
    }
}

/* ---- Files of the kernel ---------------------------------------------------------------------- */

static const char *folder_of(const char *name) {
    const char *path = scratch_path(name);
    mkdir(path, 0777);
    return path;
}

Test(frequency, as_the_kernel_tells_it) {
    sp_frequency frequency;
    static const char *const folders[] = {"devices", "devices/system", "devices/system/cpu", "devices/system/cpu/cpu3",
                                          "devices/system/cpu/cpu3/cpufreq"};
    for (int i = 0; i < 5; i++) folder_of(folders[i]);
    write_text("devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n");
    write_text("devices/system/cpu/cpu3/cpufreq/scaling_driver", "acpi-cpufreq\n");
    write_text("devices/system/cpu/cpu3/cpufreq/scaling_cur_freq", "1200500\n");
    write_text("devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq", "3600000\n");
    sp_frequency_read(scratch(), 3, &frequency);
    cr_expect_str_eq(frequency.governor, "powersave");
    cr_expect_str_eq(frequency.driver, "acpi-cpufreq");
    cr_expect_str_eq(frequency.preference, "");
    cr_expect_float_eq(frequency.now, 1200.5, 1e-9);
    cr_expect_float_eq(frequency.most, 3600, 1e-9);
    sp_frequency_read(scratch(), 4, &frequency);
    cr_expect_str_eq(frequency.governor, "", "no such CPU");
    cr_expect_eq(frequency.now, 0);
}

Test(frequency, huge_pages) {
    char text[16];
    static const char *const folders[] = {"kernel", "kernel/mm", "kernel/mm/transparent_hugepage"};
    for (int i = 0; i < 3; i++) folder_of(folders[i]);
    sp_huge_pages_read(scratch(), text, sizeof text);
    cr_expect_str_eq(text, "", "no such file");
    write_text("kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    sp_huge_pages_read(scratch(), text, sizeof text);
    cr_expect_str_eq(text, "never");
}

/* ---- Load ---------------------------------------------------------------------------------------- */

static const char stat_text[] = "cpu  1 2 3 4 5 6 7 8 0 0\n"
                                "cpu0 100 20 30 1000 9 4 5 6 50 0\n"
                                "cpu1 1000 0 0 0 0 0 0 0 0 0\n"
                                "cpu10 7 0 0 0 0 0 0 2 0 0\n"
                                "intr 12 cpu0 1 2 3\n";

static bool is_even(void *context, long cpu) {
    (void)context;
    return cpu % 2 == 0;
}

static bool is_none(void *context, long cpu) {
    (void)context, (void)cpu;
    return false;
}

Test(load, counts_work_on_allowed_cpus) {
    double busy, stolen;
    cr_assert(sp_load_parse(stat_text, is_even, NULL, &busy, &stolen));
    cr_expect_float_eq(busy, 100 + 20 + 30 + 4 + 5 + 7, 1e-9, "user, nice, system, irq, softirq; guests are in user");
    cr_expect_float_eq(stolen, 8, 1e-9);
    cr_expect_not(sp_load_parse(stat_text, is_none, NULL, &busy, &stolen));
}

Test(load, others_are_who_is_not_us) {
    sp_load before = {.at = 10, .busy = 100, .stolen = 1, .own = 5},
            after = {.at = 12, .busy = 104, .stolen = 2, .own = 6};
    cr_expect_float_eq(sp_load_others(&before, &after), 1.5, 1e-12);
    cr_expect_float_eq(sp_load_stolen(&before, &after), 0.5, 1e-12);
    after.own = 20;
    cr_expect_eq(sp_load_others(&before, &after), 0, "ticks are coarser than our own clock");
    cr_expect_eq(sp_load_others(&before, &before), 0, "no time has gone by");
}

Test(load, our_own_work_is_not_others) {
    sp_load before, after;
    if (!sp_load_now(&before)) return;
    volatile double sum = 0;
    while (sp_host_seconds() < before.at + 0.1) sum = sum + 1;
    cr_assert(sp_load_now(&after));
    cr_expect_gt(after.own, before.own);
    cr_expect_geq(after.busy, before.busy);
    cr_expect_not(isnan(sp_load_average()));
}
