#include "base/share.h"

#include "base/memory.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How much of a part is taken: the round in the upper half, items in the lower. On a cache line of its own. */
typedef struct taken {
    _Alignas(SP_ALIGNMENT) _Atomic uint64_t word;
} taken;

struct sp_share {
    taken *parts; /* owned */
    atomic_size_t done;
    _Alignas(SP_ALIGNMENT) atomic_uint round;
    atomic_uint sleepers;
};

sp_share *sp_share_create(size_t parts) {
    sp_share *made = sp_allocate_zeroed(1, sizeof *made);
    if (!made) return NULL;
    made->parts = sp_allocate_zeroed(parts, sizeof *made->parts);
    if (made->parts) return made;
    free(made);
    return NULL;
}

void sp_share_destroy(sp_share *share) {
    if (!share) return;
    free(share->parts);
    free(share);
}

uint32_t sp_share_round(const sp_share *share) {
    return atomic_load_explicit(&share->round, memory_order_acquire);
}

/* ---- Taking --------------------------------------------------------------------------------- */

/* Rounds order what the items write; the word itself needs no order. */
static bool take_from(sp_share *share, sp_share_list list, size_t part, size_t *first, size_t *last) {
    _Atomic uint64_t *word = &share->parts[part].word;
    size_t from = list.bounds[part], items = list.bounds[part + 1] - from;
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    for (;;) {
        int32_t newer = (int32_t)((uint32_t)(old >> 32) - list.round); /* than the list */
        size_t done = newer == 0 ? (uint32_t)old : 0;                  /* older: nothing is taken yet */
        if (newer > 0 || done >= items) return false;
        size_t count = list.halves ? (items - done + 1) / 2 : 1;
        uint64_t next = (uint64_t)list.round << 32 | (done + count);
        *first = from + done;
        *last = from + done + count;
        if (atomic_compare_exchange_weak_explicit(word, &old, next, memory_order_relaxed, memory_order_relaxed))
            return true;
    }
}

bool sp_share_take(sp_share *share, sp_share_list list, size_t reach, size_t *part, size_t *first, size_t *last) {
    for (size_t tried = 0; tried < reach; tried++, *part = (*part + 1) % list.parts)
        if (take_from(share, list, *part, first, last)) return true;
    return false;
}

/* ---- From one round to the next --------------------------------------------------------------- */

/* Some 10 to 40 microseconds: longer than threads that share out their work are apart. */
enum { SPINS = 2000 };

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Sleeps while *word is `value`; may return early. */
static void futex_wait(atomic_uint *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake_all(atomic_uint *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool sp_share_done(sp_share *share, size_t count, size_t items) {
    if (count == 0) return false; /* late, and the counter is another round's by now */
    return atomic_fetch_add_explicit(&share->done, count, memory_order_acq_rel) + count == items;
}

void sp_share_next(sp_share *share) {
    atomic_store_explicit(&share->done, 0, memory_order_relaxed);
    /* Sequentially consistent, as below: either the sleeper is seen here, or the round there. */
    atomic_fetch_add(&share->round, 1);
    if (atomic_load(&share->sleepers) > 0) futex_wake_all(&share->round);
}

void sp_share_wait(sp_share *share, uint32_t round) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&share->round, memory_order_acquire) != round) return;
        relax();
    }
    atomic_fetch_add(&share->sleepers, 1);
    while (atomic_load(&share->round) == round) futex_wait(&share->round, round);
    atomic_fetch_sub(&share->sleepers, 1);
}
