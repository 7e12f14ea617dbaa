#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

size_t sp_bytes(size_t count, size_t size) {
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

/* From so many bytes on, memory is asked for in huge pages: with small ones the processor looks up addresses. */
enum { HUGE_PAGE = 2 << 20 };

/* Asks for huge pages where whole ones lie within the memory: a wish, to which no is a fine answer. */
static void want_huge_pages(void *memory, size_t bytes) {
    uintptr_t start = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)memory + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (end > start) madvise((void *)start, end - start, MADV_HUGEPAGE);
}

void *sp_allocate(size_t count, size_t size) {
    size_t bytes = sp_bytes(count, size);
    if (bytes > SIZE_MAX / 2) return NULL;
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : SP_ALIGNMENT;
    /* aligned_alloc wants whole multiples of the alignment (C11 7.22.3.1). */
    size_t whole = (bytes + SP_ALIGNMENT) / SP_ALIGNMENT * SP_ALIGNMENT;
    if (alignment == HUGE_PAGE) whole = (whole + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(alignment, whole);
    if (memory && alignment == HUGE_PAGE) want_huge_pages(memory, whole);
    return memory;
}

void *sp_allocate_zeroed(size_t count, size_t size) {
    void *memory = sp_allocate(count, size);
    if (memory) memset(memory, 0, count * size);
    return memory;
}

bool sp_grow(void **items, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return true;
    size_t larger = *capacity + *capacity / 2 + 16;
    if (larger < needed) larger = needed;
    size_t bytes = sp_bytes(larger, size);
    if (bytes > SIZE_MAX / 2) return false;
    void *moved = realloc(*items, bytes);
    if (!moved) return false;
    *items = moved;
    *capacity = larger;
    return true;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; its headers may be older */
#endif

void sp_memory_warm(void *memory, size_t bytes) {
    enum { PAGE = 4096 };
    want_huge_pages(memory, bytes);
    uintptr_t start = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE, end = ((uintptr_t)memory + bytes) / PAGE * PAGE;
    if (end > start) madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}
