#include "data/categories.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo). */
static size_t hash_of(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return (size_t)(hash ^ hash >> 32);
}

/* The slot of `text`, or the free one where it would go. */
static size_t slot_of(const sp_categories *categories, const char *text) {
    size_t at = hash_of(text) & (categories->slots - 1);
    while (categories->slot[at] && strcmp(categories->names.text[categories->slot[at] - 1], text) != 0)
        at = (at + 1) & (categories->slots - 1);
    return at;
}

long sp_categories_find(const sp_categories *categories, const char *text) {
    if (categories->slots == 0) return SP_NOT_FOUND;
    uint32_t found = categories->slot[slot_of(categories, text)];
    return found ? (long)found - 1 : SP_NOT_FOUND;
}

/* Twice as many slots, all texts in their new places. */
static bool grow(sp_categories *categories) {
    size_t slots = categories->slots ? 2 * categories->slots : 16;
    uint32_t *slot = sp_allocate_zeroed(slots, sizeof *slot);
    if (!slot) return false;
    free(categories->slot);
    categories->slot = slot;
    categories->slots = slots;
    for (size_t i = 0; i < categories->names.count; i++)
        slot[slot_of(categories, categories->names.text[i])] = (uint32_t)i + 1;
    return true;
}

bool sp_categories_add(sp_categories *categories, const char *text) {
    if (2 * (categories->names.count + 1) > categories->slots && !grow(categories)) return false;
    if (!sp_names_add(&categories->names, text)) return false;
    categories->slot[slot_of(categories, text)] = (uint32_t)categories->names.count;
    return true;
}

void sp_categories_clear(sp_categories *categories) {
    sp_names_clear(&categories->names);
    free(categories->slot);
    *categories = (sp_categories){0};
}

void sp_category_of_number(float number, char *text, size_t size) {
    sp_print_real(number, text, size);
}
