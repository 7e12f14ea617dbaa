#include "base/topology.h"

#include "base/error.h"

#include <hwloc.h>
#include <hwloc/glibc-sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(hwloc_topology_t machine, hwloc_obj_type_t type) {
    int count = hwloc_get_nbobjs_by_type(machine, type);
    return count > 0 ? (size_t)count : 0; /* less: at several depths */
}

/* Objects of a type that have a CPU of the set. */
static size_t count_within(hwloc_topology_t machine, hwloc_obj_type_t type, hwloc_const_cpuset_t set) {
    size_t count = 0;
    for (hwloc_obj_t at = NULL; (at = hwloc_get_next_obj_by_type(machine, type, at));)
        count += hwloc_bitmap_intersects(at->cpuset, set) != 0;
    return count;
}

/* The last level that every CPU has: L3, or where there is none L2. */
static size_t cache_bytes(hwloc_topology_t machine) {
    static const hwloc_obj_type_t levels[] = {HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE};
    size_t bytes = 0;
    for (int i = 0; i < 2 && bytes == 0; i++)
        for (hwloc_obj_t at = NULL; (at = hwloc_get_next_obj_by_type(machine, levels[i], at));)
            bytes += (size_t)at->attr->cache.size;
    return bytes;
}

static void find_name(hwloc_topology_t machine, sp_topology *topology) {
    hwloc_obj_t root = hwloc_get_root_obj(machine), package = hwloc_get_obj_by_type(machine, HWLOC_OBJ_PACKAGE, 0);
    const char *name = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    if (!name) name = hwloc_obj_get_info_by_name(root, "CPUModel");
    snprintf(topology->processor, sizeof topology->processor, "%s", name ? name : "");
}

/* Machines without sockets or cores in their description have one, or as many as CPUs. */
static void fill_in(hwloc_topology_t machine, hwloc_const_cpuset_t allowed, sp_topology *topology) {
    hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(machine);
    *topology = (sp_topology){.sockets = count_of(machine, HWLOC_OBJ_PACKAGE),
                              .nodes = count_within(machine, HWLOC_OBJ_NUMANODE, all),
                              .cores = count_of(machine, HWLOC_OBJ_CORE),
                              .cpus = count_of(machine, HWLOC_OBJ_PU),
                              .allowed_nodes = count_within(machine, HWLOC_OBJ_NUMANODE, allowed),
                              .allowed_cores = count_within(machine, HWLOC_OBJ_CORE, allowed),
                              .allowed_cpus = count_within(machine, HWLOC_OBJ_PU, allowed),
                              .cache = cache_bytes(machine),
                              .first = hwloc_bitmap_first(allowed)};
    if (topology->sockets == 0) topology->sockets = 1;
    if (topology->cores == 0) topology->cores = topology->cpus;
    if (topology->allowed_cores == 0) topology->allowed_cores = topology->allowed_cpus;
    hwloc_bitmap_list_snprintf(topology->allowed, sizeof topology->allowed, allowed);
    find_name(machine, topology);
}

/* Where the allowed CPUs are named: a set for this machine, a list for one that is described. */
typedef struct mask {
    const cpu_set_t *set;
    size_t bytes;
    const char *list;
} mask;

/* False: nothing says, or not of this machine. */
static bool read_mask(hwloc_topology_t machine, const mask *of, hwloc_bitmap_t allowed) {
    if (of->list) return hwloc_bitmap_list_sscanf(allowed, of->list) == 0;
    if (!of->set || !hwloc_topology_is_thissystem(machine)) return false;
    return hwloc_cpuset_from_glibc_sched_affinity(machine, allowed, of->set, of->bytes) == 0;
}

/* `machine` is loaded. */
static sp_status survey(hwloc_topology_t machine, const mask *of, sp_topology *topology, sp_error *error) {
    hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
    if (!allowed) return sp_fail_memory(error, "the topology", sizeof(void *));
    hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(machine);
    bool told = read_mask(machine, of, allowed);
    if (told) hwloc_bitmap_and(allowed, allowed, all);
    if (!told || hwloc_bitmap_iszero(allowed)) hwloc_bitmap_copy(allowed, all);
    fill_in(machine, allowed, topology);
    hwloc_bitmap_free(allowed);
    return SP_OK;
}

/* `description` NULL: this machine, with the CPUs that are not for us. False: not found out. */
static bool load(hwloc_topology_t machine, const char *description) {
    return (!description || hwloc_topology_set_synthetic(machine, description) == 0) &&
           hwloc_topology_set_flags(machine, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) == 0 &&
           hwloc_topology_load(machine) == 0;
}

static sp_status read_topology(const char *description, const mask *of, sp_topology *topology, sp_error *error) {
    hwloc_topology_t machine;
    *topology = (sp_topology){0};
    if (hwloc_topology_init(&machine)) return sp_fail_memory(error, "the topology", sizeof(void *));
    sp_status status = load(machine, description)
                           ? survey(machine, of, topology, error)
                           : sp_fail(error, SP_FAILED,
                                     "topology: hwloc does not find the machine's cores; check its HWLOC_ variables");
    hwloc_topology_destroy(machine);
    return status;
}

sp_status sp_topology_read(const cpu_set_t *allowed, size_t cpus, sp_topology *topology, sp_error *error) {
    return read_topology(NULL, &(mask){.set = allowed, .bytes = CPU_ALLOC_SIZE(cpus)}, topology, error);
}

sp_status sp_topology_of(const char *description, const char *allowed, sp_topology *topology, sp_error *error) {
    return read_topology(description, &(mask){.list = allowed}, topology, error);
}

/* ---- Who lies by whom ------------------------------------------------------------------------- */

/* CPUs that wait for their place, and those that have it. */
typedef struct queue {
    cpu_set_t *left;
    size_t bytes, *order, used;
} queue;

static void take(queue *q, size_t cpu) {
    if (!CPU_ISSET_S(cpu, q->bytes, q->left)) return;
    CPU_CLR_S(cpu, q->bytes, q->left);
    q->order[q->used++] = cpu;
}

/* As hwloc numbers them itself: through the tree of what they have in common. */
static void take_known(queue *q, hwloc_topology_t machine) {
    for (hwloc_obj_t at = NULL; (at = hwloc_get_next_obj_by_type(machine, HWLOC_OBJ_PU, at));) take(q, at->os_index);
}

sp_status sp_topology_order(const char *description, const cpu_set_t *allowed, size_t bytes, size_t *order,
                            sp_error *error) {
    queue q = {.left = malloc(bytes), .bytes = bytes, .order = order};
    hwloc_topology_t machine;
    if (!q.left || hwloc_topology_init(&machine)) {
        free(q.left);
        return sp_fail_memory(error, "the topology", bytes);
    }
    memcpy(q.left, allowed, bytes);
    if (load(machine, description) && (description || hwloc_topology_is_thissystem(machine))) take_known(&q, machine);
    for (size_t cpu = 0; cpu < 8 * bytes; cpu++) take(&q, cpu);
    hwloc_topology_destroy(machine);
    free(q.left);
    return SP_OK;
}
