/* The different texts of a column: each has a code, in the order in which they came. */
#ifndef SP_DATA_CATEGORIES_H
#define SP_DATA_CATEGORIES_H

#include "base/text.h"

#include <stdint.h>

/* Start with {0}. */
typedef struct sp_categories {
    sp_names names; /* by code */
    uint32_t *slot; /* owned [slots]: code + 1 at the place that the text hashes to, or behind it; 0: free */
    size_t slots;   /* a power of two */
} sp_categories;

/* More in one column are no categories, and codes stay exact in float32. */
enum { SP_MOST_CATEGORIES = 1 << 16 };

/* The code of `text`, or SP_NOT_FOUND. */
long sp_categories_find(const sp_categories *categories, const char *text);

/* Adds a text that is not there yet; its code is the last. False when memory runs out. */
bool sp_categories_add(sp_categories *categories, const char *text);
void sp_categories_clear(sp_categories *categories);

/* How a category that is a number is written: the same for all ways to write it ("1", "1.0"). */
void sp_category_of_number(float number, char *text, size_t size);

#endif
