/*
 * Makes a call of a program fail, or kills the program there. Loaded into it: LD_PRELOAD=inject.so PROGRAM.
 *
 * Functions that get memory or threads are stood in for. Calls of files are trapped by the kernel (a seccomp filter,
 * which wants no rights), so that those deep within stdio are caught, too. Counted is what happens within main() on
 * behalf of the program: what it calls itself, or has libc or another library call.
 *
 *   INJECT_LOG=FILE                 lists what was called: "KIND SITE COUNT OWNER FRAME...", a line each. SITE: the
 *                                   hash of the frames, which are OBJECT+OFFSET, innermost first. OWNER: the object
 *                                   that made the call, libc's left aside.
 *   INJECT="KIND SITE NTH WHAT"     KIND may be "change": any call that changes files. SITE: of the list, or "any".
 *                                   WHAT: an errno, 28 say: that call fails with it; 28+: so do all of the kind, at
 *                                   any site, from then on; short: writes half and says so; kill, kill+, kill/2: the
 *                                   program ends (SIGKILL) before, after, or having written half.
 *   INJECT_OWNERS="NAME..."         counted are calls of these owners alone (beginnings of their names); default: all.
 *   INJECT_HIT=FILE                 is made when it has happened.
 *   INJECT_STARTS=1                 the program starts others, which would inherit the filter, but not what the trap
 *                                   does: calls of files are left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "registers and system calls of other processors are not written down here"
#endif

/* ---- Kinds of calls --------------------------------------------------------------------------- */

enum {
    MALLOC,
    CALLOC,
    REALLOC,
    ALIGNED, /* aligned_alloc, posix_memalign, memalign */
    MMAP,
    MADVISE, /* not trapped: a thread that ends calls it deaf */
    THREAD,
    FIRST_TRAPPED
};

static const struct {
    const char *name;
    long number;  /* of the system call; -1: a function */
    bool changes; /* files */
} kinds[] = {
    {"malloc", -1, false},          {"calloc", -1, false},         {"realloc", -1, false},
    {"aligned", -1, false},         {"mmap", -1, false},           {"madvise", -1, false},
    {"thread", -1, false},          {"write", SYS_write, true},    {"writev", SYS_writev, true},
    {"pwrite", SYS_pwrite64, true}, {"fsync", SYS_fsync, true},    {"rename", SYS_rename, true},
    {"link", SYS_link, true},       {"unlink", SYS_unlink, true},  {"ftruncate", SYS_ftruncate, true},
    {"mkdir", SYS_mkdir, true},     {"open", SYS_openat, true},    {"close", SYS_close, true},
    {"read", SYS_read, false},      {"pread", SYS_pread64, false}, {"fstat", SYS_newfstatat, false},
    {"flock", SYS_flock, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

enum { FAIL, FAIL_FROM_NOW_ON, SHORT, KILL_BEFORE, KILL_AFTER, KILL_HALF };

/* ---- What is asked for ------------------------------------------------------------------------ */

static struct {
    bool on;     /* a fault is wanted */
    bool starts; /* the program starts others */
    char kind[20];
    uint64_t site; /* 0: any */
    long nth;
    int what, error;
    const char *hit, *log, *owners;
} wish;

static atomic_bool counting;  /* within main() */
static atomic_bool broken;    /* FAIL_FROM_NOW_ON has come */
static atomic_long countdown; /* of the wish */
static __thread bool entered; /* this thread is in here already */
static pid_t program;

/* ---- Where a call comes from ------------------------------------------------------------------ */

enum { MOST_OBJECTS = 64, MOST_SITES = 16384, DEPTH = 28 };

typedef struct object {
    uintptr_t start, end, base;
    const char *name; /* without folders; the program's is its own */
} object;

static object objects[MOST_OBJECTS];
static int object_count;

typedef struct frame {
    const object *in;
    uintptr_t offset;
} frame;

typedef struct site {
    int kind;
    uint64_t hash;
    long count;
    int owner, depth; /* owner: a frame */
    frame frames[DEPTH];
} site;

static site *sites; /* [MOST_SITES], mapped; NULL: nobody wants the list */
static size_t site_count;
static atomic_flag sites_lock = ATOMIC_FLAG_INIT;

static int note_object(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || object_count == MOST_OBJECTS) continue;
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        const char *slash = strrchr(info->dlpi_name, '/');
        objects[object_count++] = (object){start, start + part->p_memsz, info->dlpi_addr,
                                           *info->dlpi_name == '\0' ? "program"
                                           : slash                  ? slash + 1
                                                                    : info->dlpi_name};
    }
    return 0;
}

static const object *object_of(uintptr_t address) {
    for (int i = 0; i < object_count; i++)
        if (address >= objects[i].start && address < objects[i].end) return &objects[i];
    return NULL;
}

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

/* libc and the loader call for others. */
static bool is_servant(const object *of) {
    return begins(of->name, "libc.so") || begins(of->name, "ld-linux") || begins(of->name, "linux-vdso");
}

static bool is_wanted_owner(const char *name) {
    if (!wish.owners) return true;
    for (const char *at = wish.owners; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (strncmp(name, at, length) == 0) return true;
    }
    return false;
}

/* The frames above this file's; false: of nobody who counts. */
static bool locate(int kind, site *found) {
    void *addresses[DEPTH + 8];
    const object *here = object_of((uintptr_t)&locate);
    int count = backtrace(addresses, DEPTH + 8);
    *found = (site){.kind = kind, .hash = 14695981039346656037u, .count = 1, .owner = -1};
    for (int i = 0; i < count && found->depth < DEPTH; i++) {
        const object *in = object_of((uintptr_t)addresses[i]);
        if (!in || in == here) continue; /* a signal's frame lies in nothing */
        frame f = {in, (uintptr_t)addresses[i] - in->base};
        if (found->owner < 0 && !is_servant(in)) found->owner = found->depth;
        found->frames[found->depth++] = f;
        for (const char *c = in->name; *c; c++) found->hash = (found->hash ^ (unsigned char)*c) * 1099511628211u;
        found->hash = (found->hash ^ f.offset) * 1099511628211u;
    }
    found->hash = (found->hash ^ (uint64_t)kind) * 1099511628211u;
    return found->owner >= 0 && is_wanted_owner(found->frames[found->owner].in->name);
}

static void list(const site *found) {
    while (atomic_flag_test_and_set(&sites_lock)) continue;
    size_t i = 0;
    while (i < site_count && (sites[i].hash != found->hash || sites[i].kind != found->kind)) i++;
    if (i < site_count)
        sites[i].count++;
    else if (site_count < MOST_SITES)
        sites[site_count++] = *found;
    atomic_flag_clear(&sites_lock);
}

/* ---- Calls that nobody traps ------------------------------------------------------------------ */

/* The filter lets through what is called from here. */
long inject_call(long number, long a, long b, long c, long d, long e, long f);
extern const char inject_called[];
__asm__(".text\n"
        ".globl inject_call\n"
        ".type inject_call, @function\n"
        "inject_call:\n"
        "    .cfi_startproc\n"
        "    mov %rdi, %rax\n"
        "    mov %rsi, %rdi\n"
        "    mov %rdx, %rsi\n"
        "    mov %rcx, %rdx\n"
        "    mov %r8, %r10\n"
        "    mov %r9, %r8\n"
        "    mov 8(%rsp), %r9\n"
        "    syscall\n"
        ".globl inject_called\n"
        "inject_called:\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size inject_call, . - inject_call\n");

static long create_file(const char *path) {
    return inject_call(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666, 0, 0);
}

static void print(long descriptor, const char *format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    inject_call(SYS_write, descriptor, (long)text, length, 0, 0, 0);
}

static void die(void) {
    inject_call(SYS_kill, program, SIGKILL, 0, 0, 0, 0);
    for (;;) inject_call(SYS_pause, 0, 0, 0, 0, 0, 0);
}

/* ---- Whether it is now ------------------------------------------------------------------------ */

static bool is_wanted_kind(int kind) {
    return strcmp(wish.kind, "change") == 0 ? kinds[kind].changes : strcmp(wish.kind, kinds[kind].name) == 0;
}

/* Counts a call; true: the wish is for it. */
static bool is_now(int kind) {
    if (!atomic_load(&counting) || entered || getpid() != program) return false;
    bool wanted = wish.on && is_wanted_kind(kind);
    if (!wanted && !sites) return false;
    site found;
    entered = true;
    bool counts = locate(kind, &found);
    if (counts && sites) list(&found);
    bool now = counts && wanted && atomic_load(&broken);
    if (!now && counts && wanted && (wish.site == 0 || wish.site == found.hash))
        now = atomic_fetch_sub(&countdown, 1) == 1;
    if (now && wish.hit && !atomic_load(&broken)) inject_call(SYS_close, create_file(wish.hit), 0, 0, 0, 0, 0);
    if (now && wish.what == FAIL_FROM_NOW_ON) atomic_store(&broken, true);
    entered = false;
    if (now && wish.what == KILL_BEFORE) die();
    return now;
}

/* ---- Memory and threads ----------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void *none(void) {
    errno = wish.error;
    return NULL;
}

void *malloc(size_t size) {
    return is_now(MALLOC) ? none() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return is_now(CALLOC) ? none() : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    return is_now(REALLOC) ? none() : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return is_now(ALIGNED) ? none() : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    return is_now(ALIGNED) ? none() : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (is_now(ALIGNED)) return wish.error;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    if (is_now(MMAP)) {
        errno = wish.error;
        return MAP_FAILED;
    }
    long result = inject_call(SYS_mmap, (long)address, (long)length, protection, flags, descriptor, offset);
    if (result >= 0 || result < -4095) return (void *)result;
    errno = (int)-result;
    return MAP_FAILED;
}

int madvise(void *address, size_t length, int advice) {
    long result =
        is_now(MADVISE) ? -wish.error : inject_call(SYS_madvise, (long)address, (long)length, advice, 0, 0, 0);
    if (result == 0) return 0;
    errno = (int)-result;
    return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    create *real = (create *)dlsym(RTLD_NEXT, "pthread_create");
    return is_now(THREAD) ? wish.error : real(thread, attributes, start, argument);
}

/* A trap must get through, whatever else a thread wants to hear nothing of. */
int pthread_sigmask(int how, const sigset_t *wanted, sigset_t *before) {
    sigset_t set;
    if (wanted) {
        set = *wanted;
        if (how != SIG_UNBLOCK) sigdelset(&set, SIGSYS);
    }
    long result = inject_call(SYS_rt_sigprocmask, how, (long)(wanted ? &set : NULL), (long)before, _NSIG / 8, 0, 0);
    return (int)-result;
}

/* ---- System calls ----------------------------------------------------------------------------- */

/* Writing half of it, of what is written. */
static long do_half(long number, greg_t *r) {
    bool writes = number == SYS_write || number == SYS_pwrite64;
    long length = writes && r[REG_RDX] > 1 ? r[REG_RDX] / 2 : r[REG_RDX];
    return inject_call(number, r[REG_RDI], r[REG_RSI], length, r[REG_R10], r[REG_R8], r[REG_R9]);
}

/* What the program says to people on stderr is left alone: it would be lost. Nor is it a change to close, or to open
 * for reading. */
static bool is_spared(long number, const greg_t *r) {
    bool on_stderr = (number == SYS_write || number == SYS_writev) && r[REG_RDI] == STDERR_FILENO;
    bool reads = number == SYS_openat && (r[REG_RDX] & O_ACCMODE) == O_RDONLY;
    return on_stderr || (reads && strcmp(wish.kind, "change") == 0);
}

static void on_trap(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number;
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    int error = errno, kind = FIRST_TRAPPED;
    long number = info->si_syscall;
    while (kind < KINDS - 1 && kinds[kind].number != number) kind++;
    bool now = !is_spared(number, r) && is_now(kind);
    if (now && (wish.what == FAIL || wish.what == FAIL_FROM_NOW_ON))
        r[REG_RAX] = -wish.error;
    else if (now && (wish.what == SHORT || wish.what == KILL_HALF))
        r[REG_RAX] = do_half(number, r);
    else
        r[REG_RAX] = inject_call(number, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
    if (now && (wish.what == KILL_AFTER || wish.what == KILL_HALF)) die();
    errno = error;
}

/* Kills at once where it cannot be had: a test that injects nothing must not pass. */
static void trap(void) {
    struct sock_filter filter[KINDS + 12];
    unsigned short used = 0;
    uintptr_t free_address = (uintptr_t)inject_called;
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    size_t at = offsetof(struct seccomp_data, instruction_pointer);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
    filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)free_address, 0, 3);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 4);
    filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(free_address >> 32), 0, 1);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int k = FIRST_TRAPPED; k < KINDS; k++) {
        unsigned char left = (unsigned char)(KINDS - k);
        filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)kinds[k].number, left, 0);
    }
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog all = {used, filter};
    sigemptyset(&action.sa_mask);
    bool good = sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
    if (!good) {
        print(STDERR_FILENO, "inject: the kernel refuses a seccomp filter (%s)\n", strerror(errno));
        _exit(99);
    }
}

/* ---- Around main() ---------------------------------------------------------------------------- */

static int what_of(const char *word) {
    static const char *const names[] = {[SHORT] = "short", [KILL_BEFORE] = "kill", "kill+", "kill/2"};
    for (int i = SHORT; i <= KILL_HALF; i++)
        if (strcmp(word, names[i]) == 0) return i;
    return word[strlen(word) - 1] == '+' ? FAIL_FROM_NOW_ON : FAIL;
}

static void read_wishes(void) {
    char text[200] = "", site_name[40] = "", what[20] = "0";
    const char *given = getenv("INJECT");
    wish.log = getenv("INJECT_LOG");
    wish.hit = getenv("INJECT_HIT");
    wish.owners = getenv("INJECT_OWNERS");
    wish.starts = getenv("INJECT_STARTS") != NULL;
    if (given) snprintf(text, sizeof text, "%s", given);
    wish.on = sscanf(text, "%19s %39s %ld %19s", wish.kind, site_name, &wish.nth, what) == 4;
    wish.site = strcmp(site_name, "any") == 0 ? 0 : strtoull(site_name, NULL, 16);
    wish.what = what_of(what);
    wish.error = (int)strtol(what, NULL, 10);
    atomic_store(&countdown, wish.nth);
    if (given && !wish.on) {
        print(STDERR_FILENO, "inject: INJECT='%s' is not KIND SITE NTH WHAT\n", given);
        _exit(99);
    }
}

static void prepare(void) {
    void *once[4];
    program = getpid();
    backtrace(once, 4); /* gets what it needs, the first time */
    dl_iterate_phdr(note_object, NULL);
    size_t bytes = MOST_SITES * sizeof *sites;
    if (wish.log) sites = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sites == MAP_FAILED) sites = NULL;
    if (wish.starts)
        unsetenv("LD_PRELOAD");
    else
        trap();
}

static void write_list(void) {
    long to = create_file(wish.log);
    for (size_t i = 0; i < site_count; i++) {
        const site *s = &sites[i];
        print(to, "%s %016llx %ld %s", kinds[s->kind].name, (unsigned long long)s->hash, s->count,
              s->frames[s->owner].in->name);
        for (int f = 0; f < s->depth; f++)
            print(to, " %s+%llx", s->frames[f].in->name, (unsigned long long)s->frames[f].offset);
        print(to, "\n");
    }
    inject_call(SYS_close, to, 0, 0, 0, 0, 0);
}

static int (*real_main)(int, char **, char **);

static int counted_main(int count, char **arguments, char **environment) {
    prepare();
    atomic_store(&counting, true);
    int status = real_main(count, arguments, environment);
    atomic_store(&counting, false);
    if (sites) write_list();
    return status;
}

typedef int start_main(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void), void (*)(void),
                       void *);
start_main __libc_start_main;

int __libc_start_main(int (*main_of)(int, char **, char **), int count, char **arguments, void (*begin)(void),
                      void (*end)(void), void (*unload)(void), void *stack) {
    start_main *real = (start_main *)dlsym(RTLD_NEXT, "__libc_start_main");
    read_wishes();
    real_main = main_of;
    return real(counted_main, count, arguments, begin, end, unload, stack);
}
