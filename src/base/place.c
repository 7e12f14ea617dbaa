#include "base/place.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's own limit on x86 is 8192 CPUs; a runaway loop ends here. */
enum { LEAST_CPUS = 1024, MOST_CPUS = 1 << 20 };

/* A list of every second of 8192 CPUs is shorter. */
enum { LIST_TEXT = 32768 };

/* Files read about cores, over all nodes: half a millisecond. */
enum { MOST_FILES = 64 };

/* One NUMA node, as far as its CPUs are allowed. */
typedef struct node {
    long number;
    size_t cpus, cores; /* cores: counted up to the number of threads, more does not matter */
    bool here;          /* the creating thread ran on it */
    cpu_set_t *set;     /* borrowed from sp_place.sets */
    size_t threads;     /* that are kept to it; their numbers follow those of the node before */
} node;

struct sp_place {
    size_t threads, nodes;
    size_t bytes;       /* of a set */
    size_t stride;      /* from set to set: whole cache lines, so that threads write none of another's */
    cpu_set_t *allowed; /* owned: of a thread that nobody has bound */
    node *node;         /* owned [nodes], in the order in which they fill */
    char *sets;         /* owned: one set a node */
    char *rooms;        /* owned: one set a thread, for its affinity when it enters and leaves */
};

/* ---- What the machine says ------------------------------------------------------------- */

/* The whole of a small file; false where it cannot be read or is longer than `text`. */
static bool read_text(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    size_t got = fread(text, 1, size - 1, file);
    bool whole = !ferror(file) && got < size - 1;
    fclose(file);
    text[got] = '\0';
    return whole && strlen(text) == got;
}

/* Reads decimal digits at *text and moves behind them. Numbers above MOST_CPUS are nobody's. */
static bool take_number(const char **text, size_t *number) {
    const char *digit = *text;
    for (*number = 0; *digit >= '0' && *digit <= '9' && *number <= MOST_CPUS; digit++)
        *number = *number * 10 + (size_t)(*digit - '0');
    bool took = digit > *text && *number <= MOST_CPUS;
    *text = digit;
    return took;
}

/* Reads "NUMBER" or "FIRST-LAST" likewise. */
static bool take_range(const char **text, size_t *first, size_t *last) {
    if (!take_number(text, first)) return false;
    *last = *first;
    if (**text != '-') return true;
    ++*text;
    return take_number(text, last) && *first <= *last;
}

/* Reads a list of the kernel, as "0-3,8,10-11"; empty for none. What a set of `cpus` bits cannot hold is left out. */
static bool parse_list(const char *text, size_t cpus, cpu_set_t *set) {
    CPU_ZERO_S(CPU_ALLOC_SIZE(cpus), set);
    bool more = *text != '\n' && *text != '\0';
    while (more) {
        size_t first, last;
        if (!take_range(&text, &first, &last)) return false;
        for (size_t cpu = first; cpu <= last && cpu < cpus; cpu++) CPU_SET_S(cpu, CPU_ALLOC_SIZE(cpus), set);
        more = *text == ',';
        if (more) text++;
    }
    return strcmp(text, "\n") == 0 || *text == '\0';
}

/* The list in the file `root`/`folder``number`/`name`; SP_PLACE_NONE: no number. */
static bool read_list(const char *root, const char *folder, long number, const char *name, size_t cpus,
                      cpu_set_t *set) {
    char path[1024], text[LIST_TEXT], digits[24] = "";
    if (number != SP_PLACE_NONE) snprintf(digits, sizeof digits, "%ld", number);
    int length = snprintf(path, sizeof path, "%s/%s%s/%s", root, folder, digits, name);
    if (length < 0 || (size_t)length >= sizeof path) return false;
    return read_text(path, text, sizeof text) && parse_list(text, cpus, set);
}

/* Where the kernel says that no two CPUs share a core, a file for every CPU need not be read. */
static bool cores_are_shared(const char *root) {
    char path[1024], text[8];
    snprintf(path, sizeof path, "%s/cpu/smt/active", root);
    return !read_text(path, text, sizeof text) || strcmp(text, "0\n") != 0;
}

/* ---- Nodes and their cores -------------------------------------------------------------- */

/* The nodes of `online` that have allowed CPUs. False where the files are not to be trusted. */
static bool find_nodes(sp_place *place, const char *root, size_t cpus, int here, const cpu_set_t *online) {
    size_t found = 0;
    for (size_t number = 0; number < cpus; number++) {
        if (!CPU_ISSET_S(number, place->bytes, online)) continue;
        cpu_set_t *set = (cpu_set_t *)(place->sets + place->nodes * place->stride);
        if (!read_list(root, "node/node", (long)number, "cpulist", cpus, set)) return false;
        CPU_AND_S(place->bytes, set, set, place->allowed);
        size_t count = (size_t)CPU_COUNT_S(place->bytes, set);
        if (count == 0) continue; /* memory alone, or not for us */
        place->node[place->nodes++] = (node){.number = (long)number,
                                             .cpus = count,
                                             .cores = count,
                                             .here = here >= 0 && CPU_ISSET_S((size_t)here, place->bytes, set),
                                             .set = set};
        found += count;
    }
    /* A CPU of two nodes, or of none: threads would lose it. */
    return found == (size_t)CPU_COUNT_S(place->bytes, place->allowed);
}

/*
 * Counts a node's cores that have an allowed CPU, up to `enough`; after `files` of them the rest is taken to be alike.
 * `seen` and `siblings` are scratch.
 */
static bool count_cores(node *at, const char *root, size_t cpus, size_t enough, size_t files, cpu_set_t *seen,
                        cpu_set_t *siblings) {
    size_t bytes = CPU_ALLOC_SIZE(cpus), cores = 0;
    CPU_ZERO_S(bytes, seen);
    for (size_t cpu = 0; cpu < cpus && cores < enough && cores < files; cpu++) {
        if (!CPU_ISSET_S(cpu, bytes, at->set) || CPU_ISSET_S(cpu, bytes, seen)) continue;
        if (!read_list(root, "cpu/cpu", (long)cpu, "topology/thread_siblings_list", cpus, siblings)) return false;
        if (!CPU_ISSET_S(cpu, bytes, siblings)) return false;
        CPU_OR_S(bytes, seen, seen, siblings);
        cores++;
    }
    CPU_AND_S(bytes, seen, seen, at->set);
    cores = cores * at->cpus / (size_t)CPU_COUNT_S(bytes, seen);
    at->cores = cores < enough ? cores : enough;
    return true;
}

/* Where there is a thread for every CPU, nobody asks for cores. */
static bool find_cores(sp_place *place, const char *root, size_t cpus, cpu_set_t *seen, cpu_set_t *siblings) {
    if (place->threads >= (size_t)CPU_COUNT_S(place->bytes, place->allowed) || !cores_are_shared(root)) return true;
    size_t files = place->nodes < MOST_FILES ? MOST_FILES / place->nodes : 1;
    for (size_t i = 0; i < place->nodes; i++)
        if (!count_cores(&place->node[i], root, cpus, place->threads, files, seen, siblings)) return false;
    return true;
}

/* ---- Threads on nodes ------------------------------------------------------------------- */

static size_t cores_of(const node *at) {
    return at->cores;
}

static size_t second_threads_of(const node *at) {
    return at->cpus - at->cores;
}

static size_t cpus_of(const node *at) {
    return at->cpus;
}

static size_t sum_of(const sp_place *place, size_t (*size)(const node *)) {
    size_t sum = 0;
    for (size_t i = 0; i < place->nodes; i++) sum += size(&place->node[i]);
    return sum;
}

/* Cores, then CPUs, then where we are; numbers make the order one. */
static int larger_first(const void *left, const void *right) {
    const node *a = left, *b = right;
    if (a->cores != b->cores) return a->cores > b->cores ? -1 : 1;
    if (a->cpus != b->cpus) return a->cpus > b->cpus ? -1 : 1;
    if (a->here != b->here) return a->here ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

/*
 * Gives `threads` more to the first `nodes` in proportion to `size`: node i gets floor(threads C(i + 1) / C(nodes)) -
 * floor(threads C(i) / C(nodes)), C(i) the sum of the sizes before it. That is at most its size, unless there are more
 * threads than C(nodes).
 */
static void hand_out(sp_place *place, size_t nodes, size_t threads, size_t (*size)(const node *)) {
    size_t all = 0, before = 0;
    for (size_t i = 0; i < nodes; i++) all += size(&place->node[i]);
    for (size_t i = 0; i < nodes; i++) {
        size_t behind = before + size(&place->node[i]);
        place->node[i].threads += threads * behind / all - threads * before / all;
        before = behind;
    }
}

/* The fewest nodes, largest first, whose cores are enough for `threads`. */
static size_t fewest_nodes(const sp_place *place, size_t threads) {
    size_t nodes = 0;
    for (size_t cores = 0; cores < threads; nodes++) cores += place->node[nodes].cores;
    return nodes;
}

static void share_threads(sp_place *place) {
    size_t threads = place->threads, cores = sum_of(place, cores_of), cpus = sum_of(place, cpus_of);
    qsort(place->node, place->nodes, sizeof *place->node, larger_first);
    if (threads <= cores) {
        place->nodes = fewest_nodes(place, threads);
        hand_out(place, place->nodes, threads, cores_of);
    } else if (threads <= cpus) {
        hand_out(place, place->nodes, cores, cores_of);
        hand_out(place, place->nodes, threads - cores, second_threads_of);
    } else {
        hand_out(place, place->nodes, threads, cpus_of);
    }
}

static const node *node_of(const sp_place *place, size_t thread) {
    if (!place || thread >= place->threads) return NULL;
    const node *at = place->node;
    for (; thread >= at->threads; at++) thread -= at->threads;
    return at;
}

/* ---- Create and destroy ------------------------------------------------------------------ */

static sp_status allocate(sp_place *place, size_t nodes, sp_error *error) {
    place->node = calloc(nodes, sizeof *place->node);
    place->sets = sp_allocate(nodes, place->stride);
    place->rooms = sp_allocate(place->threads, place->stride);
    if (place->node && place->sets && place->rooms) return SP_OK;
    return sp_fail_memory(error, "the place of the threads", sp_bytes(nodes + place->threads, place->stride));
}

/* Fills `place`; *worth: there are nodes to choose from. `scratch` are two sets. */
static sp_status survey(sp_place *place, const char *root, size_t cpus, int here, cpu_set_t *scratch[2], bool *worth,
                        sp_error *error) {
    *worth = false;
    if (!read_list(root, "node", SP_PLACE_NONE, "online", cpus, scratch[0])) return SP_OK;
    size_t online = (size_t)CPU_COUNT_S(place->bytes, scratch[0]);
    if (online < 2) return SP_OK;
    sp_status status = allocate(place, online, error);
    if (status) return status;
    *worth = find_nodes(place, root, cpus, here, scratch[0]) && place->nodes > 1 &&
             find_cores(place, root, cpus, scratch[0], scratch[1]);
    if (*worth) share_threads(place);
    return SP_OK;
}

static sp_place *create_empty(const cpu_set_t *allowed, size_t cpus, size_t threads) {
    sp_place *place = calloc(1, sizeof *place);
    cpu_set_t *copy = CPU_ALLOC(cpus);
    if (!place || !copy) {
        free(place);
        CPU_FREE(copy);
        return NULL;
    }
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    memcpy(copy, allowed, bytes);
    *place = (sp_place){.threads = threads,
                        .bytes = bytes,
                        .stride = (bytes + SP_ALIGNMENT - 1) / SP_ALIGNMENT * SP_ALIGNMENT,
                        .allowed = copy};
    return place;
}

sp_status sp_place_create_for(const char *root, const cpu_set_t *allowed, size_t cpus, int here, size_t threads,
                              sp_place **place, sp_error *error) {
    *place = NULL;
    sp_place *made = create_empty(allowed, cpus, threads);
    cpu_set_t *scratch[2] = {CPU_ALLOC(cpus), CPU_ALLOC(cpus)};
    bool worth = false;
    sp_status status = made && scratch[0] && scratch[1]
                           ? survey(made, root, cpus, here, scratch, &worth, error)
                           : sp_fail_memory(error, "the place of the threads", sp_bytes(3, CPU_ALLOC_SIZE(cpus)));
    CPU_FREE(scratch[0]);
    CPU_FREE(scratch[1]);
    if (worth)
        *place = made;
    else
        sp_place_destroy(made);
    return status;
}

/* The runtime has read the environment: what binds threads shows as a policy. */
static bool openmp_binds(void) {
    return omp_get_proc_bind() != omp_proc_bind_false;
}

/*
 * The affinity of the calling thread as a fresh set of *cpus bits: the kernel takes no set that is too small for its
 * CPUs. *allowed is NULL where it tells nothing.
 */
static sp_status find_allowed(cpu_set_t **allowed, size_t *cpus, sp_error *error) {
    for (*cpus = LEAST_CPUS; *cpus <= MOST_CPUS; *cpus *= 2) {
        *allowed = CPU_ALLOC(*cpus);
        if (!*allowed) return sp_fail_memory(error, "the place of the threads", CPU_ALLOC_SIZE(*cpus));
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(*cpus), *allowed) == 0) return SP_OK;
        CPU_FREE(*allowed);
        *allowed = NULL;
        if (errno != EINVAL) break;
    }
    return SP_OK;
}

sp_status sp_place_create_in(const char *root, size_t threads, sp_place **place, sp_error *error) {
    *place = NULL;
    if (openmp_binds()) return SP_OK;
    cpu_set_t *allowed = NULL;
    size_t cpus;
    sp_status status = find_allowed(&allowed, &cpus, error);
    if (allowed) status = sp_place_create_for(root, allowed, cpus, sched_getcpu(), threads, place, error);
    CPU_FREE(allowed);
    return status;
}

sp_status sp_place_create(size_t threads, sp_place **place, sp_error *error) {
    return sp_place_create_in("/sys/devices/system", threads, place, error);
}

void sp_place_destroy(sp_place *place) {
    if (!place) return;
    CPU_FREE(place->allowed);
    free(place->node);
    free(place->sets);
    free(place->rooms);
    free(place);
}

/* ---- Enter and leave ---------------------------------------------------------------------- */

/* The calling thread's affinity, in the room of thread number `thread`; NULL: the kernel does not tell. */
static cpu_set_t *affinity_now(const sp_place *place, size_t thread) {
    cpu_set_t *now = (cpu_set_t *)(place->rooms + thread * place->stride);
    CPU_ZERO_S(place->bytes, now); /* the kernel writes no further than its CPUs */
    return sched_getaffinity(0, place->bytes, now) == 0 ? now : NULL;
}

void sp_place_enter(const sp_place *place, size_t thread, sp_place_saved *saved) {
    *saved = (sp_place_saved){.thread = thread};
    const node *at = node_of(place, thread);
    if (!at) return;
    const cpu_set_t *now = affinity_now(place, thread);
    if (!now || !CPU_EQUAL_S(place->bytes, now, place->allowed)) return;
    saved->placed = sched_setaffinity(0, place->bytes, at->set) == 0;
}

void sp_place_leave(const sp_place *place, const sp_place_saved *saved) {
    if (!saved->placed) return;
    cpu_set_t *now = affinity_now(place, saved->thread);
    const cpu_set_t *ours = node_of(place, saved->thread)->set;
    if (!now) return;
    /* Fewer of the node's CPUs than were set: a cpuset has shrunk meanwhile, and the thread is still ours. */
    CPU_OR_S(place->bytes, now, now, ours);
    if (CPU_EQUAL_S(place->bytes, now, ours)) sched_setaffinity(0, place->bytes, place->allowed);
}

size_t sp_place_nodes(const sp_place *place) {
    return place ? place->nodes : 0;
}

long sp_place_node(const sp_place *place, size_t thread) {
    const node *at = node_of(place, thread);
    return at ? at->number : SP_PLACE_NONE;
}
