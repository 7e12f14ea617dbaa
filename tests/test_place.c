/* Threads on NUMA nodes: machines made of files, and the real affinity of the threads of this one. */
#include "base/file.h"
#include "base/place.h"
#include "faults.h"

#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Machines made of files ------------------------------------------------------------- */

/* Writes `text` into ROOT/FOLDER/NAME. */
static void put(const char *root, const char *folder, const char *name, const char *text) {
    char path[400];
    sp_error error = {0};
    snprintf(path, sizeof path, "%s/%s", root, folder);
    must(sp_folder_create(path, "output.dir", &error), error);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

static void put_node(const char *root, int number, const char *cpus) {
    char folder[40];
    snprintf(folder, sizeof folder, "node/node%d", number);
    put(root, folder, "cpulist", cpus);
}

static void put_siblings(const char *root, int cpu, const char *cpus) {
    char folder[60];
    snprintf(folder, sizeof folder, "cpu/cpu%d/topology", cpu);
    put(root, folder, "thread_siblings_list", cpus);
}

/* A machine of `nodes` nodes 0, 1, ... with these CPUs, no two of which share a core. */
static const char *machine(const char *name, int nodes, const char *const cpus[]) {
    char online[40];
    const char *root = scratch_path(name);
    snprintf(online, sizeof online, nodes > 1 ? "0-%d\n" : "%d\n", nodes - 1);
    put(root, "node", "online", online);
    put(root, "cpu/smt", "active", "0\n");
    for (int i = 0; i < nodes; i++) put_node(root, i, cpus[i]);
    return root;
}

/* Two nodes of four cores of two hardware threads, which the kernel numbers 0-7 and 8-15. */
static const char *smt_machine(const char *name) {
    const char *root = machine(name, 2, (const char *const[]){"0-3,8-11\n", "4-7,12-15\n"});
    put(root, "cpu/smt", "active", "1\n");
    for (int cpu = 0; cpu < 16; cpu++) {
        char both[32];
        snprintf(both, sizeof both, "%d,%d\n", cpu % 8, cpu % 8 + 8);
        put_siblings(root, cpu, both);
    }
    return root;
}

/* ---- Where threads come to lie on them -------------------------------------------------- */

enum { CPUS = 4096 }; /* in sets of the tests */

/* The set of the ranges FIRST, LAST, ..., -1. */
static cpu_set_t *set_of(const int *ranges) {
    cpu_set_t *set = CPU_ALLOC(CPUS);
    cr_assert_not_null(set);
    CPU_ZERO_S(CPU_ALLOC_SIZE(CPUS), set);
    for (; *ranges >= 0; ranges += 2)
        for (int cpu = ranges[0]; cpu <= ranges[1]; cpu++) CPU_SET_S((size_t)cpu, CPU_ALLOC_SIZE(CPUS), set);
    return set;
}

#define allowed(...) ((const int[]){__VA_ARGS__, -1})

/* The nodes of threads 0, 1, ... as "0 0 1 1"; "none" without a place. */
static const char *nodes_of(const char *root, const int *ranges, int here, size_t threads) {
    static char text[1000];
    sp_error error = {0};
    sp_place *place = (sp_place *)text; /* must be set */
    cpu_set_t *set = set_of(ranges);
    must(sp_place_create_for(root, set, CPUS, here, threads, &place, &error), error);
    char *end = text + sprintf(text, "%s", place ? "" : "none");
    for (size_t thread = 0; place && thread < threads; thread++)
        end += sprintf(end, thread > 0 ? " %ld" : "%ld", sp_place_node(place, thread));
    cr_expect_eq(sp_place_node(place, threads), SP_PLACE_NONE, "there is no such thread");
    sp_place_destroy(place);
    CPU_FREE(set);
    return text;
}

#define expect_nodes(nodes, root, ranges, here, threads)                                                               \
    cr_expect_str_eq(nodes_of(root, ranges, here, threads), nodes, "%d threads: %s", (int)(threads),                   \
                     nodes_of(root, ranges, here, threads))

Test(place, one_node_leaves_threads_alone) {
    const char *one = machine("one", 1, (const char *const[]){"0-7\n"});
    expect_nodes("none", one, allowed(0, 7), 0, 4);
    const char *two = machine("two", 2, (const char *const[]){"0-3\n", "4-7\n"});
    expect_nodes("none", two, allowed(4, 7), 4, 4);
    expect_nodes("0 0 0 0", two, allowed(0, 4), 4, 4);
}

Test(place, as_few_nodes_as_hold_the_threads) {
    const char *two = machine("two", 2, (const char *const[]){"0-3\n", "4-7\n"});
    expect_nodes("0", two, allowed(0, 7), -1, 1);
    expect_nodes("0 0 0 0", two, allowed(0, 7), -1, 4);
    expect_nodes("0 0 1 1 1", two, allowed(0, 7), -1, 5);
    expect_nodes("0 0 0 0 1 1 1 1", two, allowed(0, 7), -1, 8);
    const char *three = machine("three", 3, (const char *const[]){"0-3\n", "4-7\n", "8-11\n"});
    expect_nodes("0 0 0 1 1 1", three, allowed(0, 11), -1, 6);
    expect_nodes("0 0 0 1 1 1 2 2 2", three, allowed(0, 11), -1, 9);
}

Test(place, larger_nodes_come_first_and_get_more) {
    const char *root = machine("uneven", 2, (const char *const[]){"0-1\n", "2-7\n"});
    expect_nodes("1 1", root, allowed(0, 7), 0, 2);
    expect_nodes("1 1 1 1 1 1", root, allowed(0, 7), 0, 6);
    expect_nodes("1 1 1 1 1 0 0", root, allowed(0, 7), 0, 7);
    expect_nodes("1 1 1 1 1 1 0 0", root, allowed(0, 7), 0, 8);
}

Test(place, of_equal_nodes_the_one_we_are_on) {
    const char *root = machine("two", 2, (const char *const[]){"0-3\n", "4-7\n"});
    expect_nodes("0 0", root, allowed(0, 7), 3, 2);
    expect_nodes("1 1", root, allowed(0, 7), 4, 2);
    expect_nodes("1 1 0 0 0", root, allowed(0, 7), 4, 5);
}

Test(place, more_threads_than_cpus_lie_in_proportion) {
    const char *root = machine("uneven", 2, (const char *const[]){"0-2\n", "3-3\n"});
    expect_nodes("0 0 0 1", root, allowed(0, 3), -1, 4);
    expect_nodes("0 0 0 0 0 0 1 1", root, allowed(0, 3), -1, 8);
    expect_nodes("0 0 0 0 1 1", root, allowed(0, 3), -1, 6);
}

Test(place, cores_before_hardware_threads) {
    const char *root = smt_machine("smt");
    expect_nodes("0 0 0 0", root, allowed(0, 15), -1, 4);
    expect_nodes("0 0 1 1 1", root, allowed(0, 15), -1, 5);
    expect_nodes("0 0 0 0 1 1 1 1", root, allowed(0, 15), -1, 8);
    expect_nodes("0 0 0 0 0 1 1 1 1 1", root, allowed(0, 15), -1, 10);
    expect_nodes("0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1", root, allowed(0, 15), -1, 16);
    expect_nodes("0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1 1", root, allowed(0, 15), -1, 18);
    put(root, "cpu/smt", "active", "0\n");
    expect_nodes("0 0 0 0 0", root, allowed(0, 15), -1, 5);
}

/* Of node 0 one core with both its hardware threads, of node 1 three cores with one each. */
Test(place, only_allowed_cpus_count) {
    const char *root = smt_machine("smt");
    const int *part = allowed(0, 0, 8, 8, 4, 6);
    expect_nodes("1 1 1", root, part, 0, 3);
    expect_nodes("1 1 1 0", root, part, 0, 4);
    expect_nodes("1 1 1 0 0", root, part, 0, 5);
    /* More CPUs on node 0, more cores on node 1. */
    expect_nodes("1 1 1", root, allowed(0, 1, 8, 9, 4, 6), 0, 3);
    expect_nodes("0 0", root, allowed(0, 2, 4, 5), 4, 2);
    expect_nodes("0 0 0 0 1 1", root, allowed(0, 3, 4, 5), 4, 6);
}

Test(place, nodes_of_memory_alone_hold_no_thread) {
    const char *three = machine("three", 3, (const char *const[]){"0-3\n", "\n", "4-7\n"});
    expect_nodes("0 0 0 0 2 2 2 2", three, allowed(0, 7), -1, 8);
    const char *two = machine("two", 2, (const char *const[]){"0-3\n", "\n"});
    expect_nodes("none", two, allowed(0, 3), -1, 2);
}

Test(place, numbers_with_gaps) {
    const char *root = machine("gaps", 1, (const char *const[]){"0,2,4,6\n"});
    put(root, "node", "online", "0,9\n");
    put_node(root, 9, "64,66,128-129\n");
    const int *all = allowed(0, 0, 2, 2, 4, 4, 6, 6, 64, 64, 66, 66, 128, 129);
    expect_nodes("9 9 9", root, all, 129, 3);
    expect_nodes("0 0 0 0 9 9 9 9", root, all, -1, 8);
}

Test(place, more_cpus_than_a_plain_set_holds) {
    const char *root = machine("large", 2, (const char *const[]){"0-1499\n", "1500-4095\n"});
    expect_nodes("1 1", root, allowed(0, 4095), 0, 2);
    expect_nodes("0 0", root, allowed(1023, 1025, 4095, 4095), -1, 2);
    expect_nodes("1 1", root, allowed(1023, 1023, 4094, 4095), -1, 2);
}

/* Whether a set is read to its end: every second of 4096 CPUs, a list longer than a page. */
Test(place, long_lists) {
    char lists[2][20000], *end[2] = {lists[0], lists[1]};
    for (int cpu = 0; cpu < CPUS; cpu++) end[cpu % 2] += sprintf(end[cpu % 2], cpu < CPUS - 2 ? "%d," : "%d\n", cpu);
    const char *root = machine("long", 2, (const char *const[]){lists[0], lists[1]});
    expect_nodes("0 1", root, allowed(4094, 4095), -1, 2);
}

/* Each of these files, in the place of a good one, costs the placement and nothing else. */
Test(place, malformed_files_mean_no_place) {
    const struct {
        const char *folder, *name, *text;
    } cases[] = {{"node", "online", "x\n"},
                 {"node", "online", "0-\n"},
                 {"node/node1", "cpulist", "4-7,12-15,3-2\n"},
                 {"node", "online", "0,,1\n"},
                 {"node", "online", "0,1,\n"},
                 {"node", "online", "0 1\n"},
                 {"node", "online", "0-1\n\n"},
                 {"node", "online", "-1\n"},
                 {"node", "online", "0-99999999999999999999999\n"},
                 {"node", "online", "0-2\n"}, /* there is no node 2 */
                 {"node/node1", "cpulist", "4-7,12-15;\n"},
                 {"node/node1", "cpulist", "4-7,12-14\n"},   /* CPU 15 is of no node */
                 {"node/node1", "cpulist", "3-7,12-15\n"},   /* CPU 3 is of two */
                 {"node/node1", "cpulist", "4-7,12-0x15\n"}, /* decimal alone */
                 {"cpu/cpu5/topology", "thread_siblings_list", ""},
                 {"cpu/cpu5/topology", "thread_siblings_list", "5,x\n"},
                 {"cpu/cpu5/topology", "thread_siblings_list", "4,12\n"}}; /* does not hold the CPU itself */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[20];
        snprintf(name, sizeof name, "machine-%zu", i);
        const char *root = smt_machine(name);
        expect_nodes("0 0 0 0 1 1 1 1", root, allowed(0, 15), -1, 8);
        put(root, cases[i].folder, cases[i].name, cases[i].text);
        cr_expect_str_eq(nodes_of(root, allowed(0, 15), -1, 8), "none", "case %zu: %s of %s: '%s'", i, cases[i].name,
                         cases[i].folder, cases[i].text);
    }
}

/* It could be read to where the room ends, and would look whole. */
Test(place, a_file_without_end_means_no_place) {
    enum { TIMES = 40000 };
    const char *root = machine("endless", 2, (const char *const[]){"0-3\n", "4-7\n"});
    char *text = malloc(2 * TIMES + 4), *end = text + sprintf(text, "0-1");
    for (int i = 0; i < TIMES; i++) end += sprintf(end, ",1");
    expect_nodes("0 0", root, allowed(0, 7), -1, 2);
    put(root, "node", "online", text);
    expect_nodes("none", root, allowed(0, 7), -1, 2);
    free(text);
}

Test(place, missing_files_mean_no_place) {
    static const char *const files[] = {"node/online", "node/node1/cpulist", "cpu/cpu5/topology/thread_siblings_list"};
    for (int i = 0; i < 3; i++) {
        char name[20], path[400];
        snprintf(name, sizeof name, "machine-%d", i);
        const char *root = smt_machine(name);
        expect_nodes("0 0 0 0 1 1 1 1", root, allowed(0, 15), -1, 8);
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        cr_assert_eq(unlink(path), 0);
        cr_expect_str_eq(nodes_of(root, allowed(0, 15), -1, 8), "none", "without %s", files[i]);
    }
}

/* One file a core is what takes time: none with a thread for every CPU, else as many a node as there are threads. */
Test(place, cores_are_not_asked_for_in_vain) {
    const char *root = machine("two", 2, (const char *const[]){"0-3\n", "4-7\n"});
    put(root, "cpu/smt", "active", "1\n");
    expect_nodes("none", root, allowed(0, 7), -1, 7);
    expect_nodes("0 0 0 0 1 1 1 1", root, allowed(0, 7), -1, 8);
    const char *smt = smt_machine("smt");
    put_siblings(smt, 7, "x\n");
    expect_nodes("0 0 0", smt, allowed(0, 15), -1, 3);
    expect_nodes("none", smt, allowed(0, 15), -1, 4);
}

/* Two nodes of 100 cores of two hardware threads; what lies behind the first 32 cores of a node is not looked at. */
Test(place, many_cores_are_known_by_some) {
    const char *root = machine("many", 2, (const char *const[]){"0-199\n", "200-399\n"});
    put(root, "cpu/smt", "active", "1\n");
    for (int cpu = 0; cpu < 400; cpu++) {
        char both[32];
        snprintf(both, sizeof both, "%d-%d\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        put_siblings(root, cpu, cpu % 200 < 64 ? both : "x\n");
    }
    const struct { size_t threads, on_node_0; } cases[] = {{100, 100}, {101, 50}, {200, 100}, {300, 150}};
    for (int i = 0; i < 4; i++) {
        const char *nodes = nodes_of(root, allowed(0, 399), -1, cases[i].threads);
        size_t zeros = 0;
        for (; *nodes; nodes++) zeros += *nodes == '0';
        cr_expect_eq(zeros, cases[i].on_node_0, "%zu threads: %zu on node 0", cases[i].threads, zeros);
    }
}

Test(place, out_of_memory_is_a_fault) {
    const char *root = machine("two", 2, (const char *const[]){"0-3\n", "4-7\n"});
    cpu_set_t *set = set_of(allowed(0, 7));
    sp_place *place;
    sp_error error;
    expect_fault(sp_place_create_for(root, set, CPUS, -1, SIZE_MAX / 2, &place, &error), error, SP_FAILED, "memory");
    cr_expect_null(place);
    CPU_FREE(set);
}

/* ---- The threads of this machine --------------------------------------------------------- */

static cpu_set_t affinity(void) {
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

static void bind(const cpu_set_t *set) {
    cr_assert_eq(sched_setaffinity(0, sizeof *set, set), 0);
}

/* Our CPUs, cut into two nodes, and a CPU that is not ours in each. */
typedef struct halves {
    cpu_set_t all, node[2];
    const char *root;
    char places[8192]; /* for OMP_PLACES: one place of all our CPUs */
} halves;

static void cut_in_halves(halves *cut) {
    char lists[2][8192], *end[2] = {lists[0], lists[1]};
    cut->all = affinity();
    int count = CPU_COUNT(&cut->all), seen = 0;
    if (count < 2) cr_skip_test("needs two CPUs"); /* cr_log_warn would make the run a failure */
    for (int half = 0; half < 2; half++) {
        CPU_ZERO(&cut->node[half]);
        end[half] += sprintf(end[half], "%d", 2000 + half);
    }
    char *place = cut->places;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &cut->all)) continue;
        place += sprintf(place, "%c%d", seen > 0 ? ',' : '{', cpu);
        int half = seen++ >= count / 2;
        CPU_SET(cpu, &cut->node[half]);
        end[half] += sprintf(end[half], ",%d", cpu);
    }
    sprintf(place, "}");
    cut->root = machine("halves", 2, (const char *const[]){lists[0], lists[1]});
}

/* A place for as many threads as there are CPUs. */
static sp_place *place_in(const halves *cut) {
    sp_error error = {0};
    sp_place *place;
    must(sp_place_create_in(cut->root, (size_t)CPU_COUNT(&cut->all), &place, &error), error);
    cr_assert_not_null(place);
    cr_expect_eq(sp_place_nodes(place), 2);
    return place;
}

Test(place, threads_are_kept_to_their_node_and_get_their_affinity_back) {
    halves cut;
    cut_in_halves(&cut);
    sp_place *place = place_in(&cut);
    int threads = CPU_COUNT(&cut.all), ran = 0, right = 0, restored = 0;
    for (int region = 0; region < 3; region++) {
#pragma omp parallel num_threads(threads) reduction(+ : ran, right, restored)
        {
            size_t thread = (size_t)omp_get_thread_num();
            sp_place_saved saved;
            sp_place_enter(place, thread, &saved);
            cpu_set_t inside = affinity();
            sp_place_leave(place, &saved);
            cpu_set_t after = affinity();
            ran++;
            right += CPU_EQUAL(&inside, &cut.node[sp_place_node(place, thread)]);
            restored += CPU_EQUAL(&after, &cut.all);
        }
    }
    cr_expect_eq(ran, 3 * threads);
    cr_expect_eq(right, ran);
    cr_expect_eq(restored, ran);
    sp_place_destroy(place);
}

Test(place, who_is_bound_by_hand_stays_bound) {
    halves cut;
    cut_in_halves(&cut);
    sp_place *place = place_in(&cut);
    const size_t last = (size_t)CPU_COUNT(&cut.all) - 1;
    for (int i = 0; i < 4; i++) { /* within its node, and outside */
        const cpu_set_t *chosen = &cut.node[i % 2];
        sp_place_saved saved;
        bind(chosen);
        sp_place_enter(place, i < 2 ? 0 : last, &saved);
        cpu_set_t inside = affinity();
        sp_place_leave(place, &saved);
        cpu_set_t after = affinity();
        cr_expect(CPU_EQUAL(&inside, chosen), "case %d: moved", i);
        cr_expect(CPU_EQUAL(&after, chosen), "case %d: set free", i);
    }
    sp_place_destroy(place);
}

/* As taskset does to a running process, and as a shrinking cpuset does. */
Test(place, what_others_bind_meanwhile_is_kept_if_it_cannot_be_ours) {
    halves cut;
    cut_in_halves(&cut);
    sp_place *place = place_in(&cut);
    const long mine = sp_place_node(place, 0);
    sp_place_saved saved;
    sp_place_enter(place, 0, &saved);
    bind(&cut.node[1 - mine]);
    sp_place_leave(place, &saved);
    cpu_set_t after = affinity();
    cr_expect(CPU_EQUAL(&after, &cut.node[1 - mine]), "another's choice was undone");

    bind(&cut.all);
    sp_place_enter(place, 0, &saved);
    cpu_set_t one = cut.node[mine];
    for (int cpu = 0; CPU_COUNT(&one) > 1; cpu++) CPU_CLR(cpu, &one);
    bind(&one);
    sp_place_leave(place, &saved);
    after = affinity();
    cr_expect(CPU_EQUAL(&after, &cut.all), "a thread stays behind on its node");
    sp_place_destroy(place);
}

Test(place, without_a_place_or_a_number_threads_stay) {
    halves cut;
    cut_in_halves(&cut);
    sp_place *place = place_in(&cut), *const places[] = {NULL, place};
    for (int i = 0; i < 2; i++) {
        sp_place_saved saved = {.placed = true};
        sp_place_enter(places[i], (size_t)CPU_COUNT(&cut.all), &saved);
        cpu_set_t inside = affinity();
        sp_place_leave(places[i], &saved);
        cr_expect(CPU_EQUAL(&inside, &cut.all));
        cr_expect_not(saved.placed);
    }
    cr_expect_eq(sp_place_nodes(NULL), 0);
    sp_place_destroy(place);
    sp_place_destroy(NULL);
}

/*
 * OpenMP reads its environment when a process starts, so it takes a fresh one: this program again, which says
 * whether threads are placed on the machine PLACE_PROBE, and ends before any test.
 */
__attribute__((constructor)) static void probe(void) {
    const char *root = getenv("PLACE_PROBE");
    if (!root) return;
    sp_error error = {0};
    sp_place *place;
    sp_status status = sp_place_create_in(root, 2, &place, &error);
    printf("%s", status ? error.text : place ? "placed" : "left alone");
    fflush(stdout);
    _exit(0);
}

Test(place, who_binds_by_openmp_keeps_it) {
    halves cut;
    cut_in_halves(&cut);
    char whole[8300], program[400] = "";
    snprintf(whole, sizeof whole, "OMP_PLACES='%s'", cut.places); /* which leaves the first thread all CPUs */
    const struct {
        const char *setting, *answer;
    } cases[] = {{"", "placed"},
                 {"OMP_NUM_THREADS=2", "placed"},
                 {whole, "left alone"},
                 {"OMP_PLACES=cores", "left alone"},
                 {"OMP_PROC_BIND=true", "left alone"},
                 {"OMP_PROC_BIND=spread OMP_PLACES=threads", "left alone"},
                 {"GOMP_CPU_AFFINITY=0-1023", "left alone"}};
    cr_assert_gt(readlink("/proc/self/exe", program, sizeof program - 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("env -u OMP_PLACES -u OMP_PROC_BIND -u GOMP_CPU_AFFINITY -u KMP_AFFINITY PLACE_PROBE='%s' "
                             "%s sh -c 'exec \"$0\"' '%s'",
                             cut.root, cases[i].setting, program); /* for env, a path with a = in it is a variable */
        cr_expect_str_eq(result.out, cases[i].answer, "%s: %s%s", cases[i].setting, result.out, result.err);
    }
}
