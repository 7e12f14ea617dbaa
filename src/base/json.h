/* JSON in and out, through cJSON. */
#ifndef SP_BASE_JSON_H
#define SP_BASE_JSON_H

#include "shardprop.h"

/* A value of a document; members and items belong to their document's root. */
typedef struct cJSON sp_json;

/* ---- Writing: an object whose members are added in order ---- */

/* NULL when memory runs out. Every add function accepts NULL as its object and returns
 * false when it could not add, so that a document is checked once, at its end. */
sp_json *sp_json_object(void);
bool sp_json_add_text(sp_json *object, const char *name, const char *text);
bool sp_json_add_number(sp_json *object, const char *name, double value); /* NaN, infinity: null */
bool sp_json_add_flag(sp_json *object, const char *name, bool value);
bool sp_json_add_count(sp_json *object, const char *name, size_t value);
bool sp_json_add_counts(sp_json *object, const char *name, const size_t *values, size_t count);
bool sp_json_add_texts(sp_json *object, const char *name, const char *const *texts, size_t count);
sp_json *sp_json_add_object(sp_json *object, const char *name); /* NULL: could not */
sp_json *sp_json_add_array(sp_json *object, const char *name);  /* empty; NULL: could not */
sp_json *sp_json_append_object(sp_json *array);                 /* NULL: could not */
bool sp_json_append_number(sp_json *array, double value);       /* NaN, infinity: null */
bool sp_json_append_counts(sp_json *array, const size_t *values, size_t count);

/* A document that is an array of strings. */
sp_json *sp_json_texts(char *const *texts, size_t count);

/* The document as fresh text, NULL when memory ran out; `spaced`: over many lines. */
char *sp_json_print(const sp_json *root, bool spaced);
void sp_json_destroy(sp_json *root);

/* ---- Reading: nothing in a document is believed, every getter checks the type ---- */

/* NULL: not JSON; or memory ran out, and errno is ENOMEM then alone. */
sp_json *sp_json_parse(const char *text, size_t length);
/* The object in the file at `path`. SP_BAD_CONFIG: no such file; SP_BAD_DATA: no JSON object; SP_FAILED: no memory. */
sp_status sp_json_load(const char *path, sp_json **root, sp_error *error);
bool sp_json_is_object(const sp_json *value);
const sp_json *sp_json_member(const sp_json *object, const char *name); /* NULL: none */
const char *sp_json_text(const sp_json *value);                         /* NULL: not a string */
bool sp_json_number(const sp_json *value, double *number);

/* The number that a member is, NaN: there is none that is finite; and likewise a count, 0: none that a double tells
 * exactly. NULL is accepted as the object. */
double sp_json_number_of(const sp_json *object, const char *name);
size_t sp_json_count_of(const sp_json *object, const char *name);

/* Of an array or an object. */
size_t sp_json_items(const sp_json *value);
const sp_json *sp_json_first(const sp_json *value); /* NULL: none */
const sp_json *sp_json_next(const sp_json *value);  /* NULL: was the last */
const char *sp_json_name(const sp_json *member);    /* of a member of an object */

#endif
