/* Aligned memory, and sizes that cannot overflow. */
#ifndef SP_BASE_MEMORY_H
#define SP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* A cache line, and the widest vector register: no two buffers share a line. */
enum { SP_ALIGNMENT = 64 };

/*
 * `count` items of `size` bytes, aligned to SP_ALIGNMENT, not initialised (so that
 * the thread that first writes a page decides where it lies). NULL when the product
 * overflows or memory runs out. Never NULL for 0 items. Free with free().
 */
void *sp_allocate(size_t count, size_t size);

/* The same, filled with zeros. */
void *sp_allocate_zeroed(size_t count, size_t size);

/* count * size, or SIZE_MAX when that overflows: for messages and limits. */
size_t sp_bytes(size_t count, size_t size);

/*
 * Makes room for at least `needed` items in *items, which holds *capacity of them,
 * growing by half at least. False, with all as it was, when memory runs out.
 */
bool sp_grow(void **items, size_t *capacity, size_t needed, size_t size);

/*
 * Has the system get the pages of `bytes` bytes now, which it else does one by one when they are first written. Their
 * content stays, even where another thread is writing it. A wish: older systems heed it not.
 */
void sp_memory_warm(void *memory, size_t bytes);

#endif
