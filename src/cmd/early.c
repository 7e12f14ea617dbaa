/*
 * What comes before the libraries begin. OpenBLAS starts a thread for each core while it is loaded, none of which is
 * wanted here. Where the system refuses one it ends the program, by SIGINT; where it refuses the 128 MiB that each
 * maps, that tries for ever. The environment can forbid it, but has to do so before the program begins: where threads
 * or addresses may be few, it begins once more.
 */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PLENTY = 4096, MOST_VARIABLES = 4096, PATH = 4096 };

static void begin(int argc, char **argv, char **environment) {
    static const char name[] = "OPENBLAS_NUM_THREADS=";
    static char setting[] = "OPENBLAS_NUM_THREADS=1";
    char *more[MOST_VARIABLES + 1], path[PATH];
    struct rlimit processes, addresses;
    size_t count = 0;
    (void)argc;
    if (getrlimit(RLIMIT_NPROC, &processes) || getrlimit(RLIMIT_AS, &addresses)) return;
    if (processes.rlim_cur >= PLENTY && addresses.rlim_cur == RLIM_INFINITY) return;
    for (; environment[count]; count++)
        if (count + 1 == MOST_VARIABLES || strncmp(environment[count], name, sizeof name - 1) == 0) return;
    memcpy(more, environment, count * sizeof *more);
    more[count] = setting;
    more[count + 1] = NULL;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = '\0';
    execve(path, argv, more); /* where it fails, OpenBLAS has its say */
}

/* Called by the loader before any library's constructors. */
__attribute__((section(".preinit_array"), used)) static void (*const at_first)(int, char **, char **) = begin;
