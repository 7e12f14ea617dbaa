#include "base/json.h"

#include "base/error.h"
#include "base/file.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

sp_json *sp_json_object(void) {
    return cJSON_CreateObject();
}

bool sp_json_add_text(sp_json *object, const char *name, const char *text) {
    return cJSON_AddStringToObject(object, name, text) != NULL;
}

bool sp_json_add_number(sp_json *object, const char *name, double value) {
    return (isfinite(value) ? cJSON_AddNumberToObject(object, name, value) : cJSON_AddNullToObject(object, name)) !=
           NULL;
}

bool sp_json_add_flag(sp_json *object, const char *name, bool value) {
    return cJSON_AddBoolToObject(object, name, value) != NULL;
}

bool sp_json_add_count(sp_json *object, const char *name, size_t value) {
    return sp_json_add_number(object, name, (double)value);
}

/* Takes the item, and frees it where it could not be appended. */
static bool append(cJSON *array, cJSON *item) {
    if (array && item && cJSON_AddItemToArray(array, item)) return true;
    cJSON_Delete(item);
    return false;
}

static bool append_numbers(cJSON *array, const size_t *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!append(array, cJSON_CreateNumber((double)values[i]))) return false;
    return array != NULL;
}

bool sp_json_add_counts(sp_json *object, const char *name, const size_t *values, size_t count) {
    return append_numbers(cJSON_AddArrayToObject(object, name), values, count);
}

sp_json *sp_json_add_array(sp_json *object, const char *name) {
    return cJSON_AddArrayToObject(object, name);
}

sp_json *sp_json_append_object(sp_json *array) {
    cJSON *item = cJSON_CreateObject();
    return append(array, item) ? item : NULL;
}

bool sp_json_append_number(sp_json *array, double value) {
    return append(array, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

bool sp_json_append_counts(sp_json *array, const size_t *values, size_t count) {
    cJSON *item = cJSON_CreateArray();
    return append(array, item) && append_numbers(item, values, count);
}

sp_json *sp_json_add_object(sp_json *object, const char *name) {
    return cJSON_AddObjectToObject(object, name);
}

bool sp_json_add_texts(sp_json *object, const char *name, const char *const *texts, size_t count) {
    cJSON *array = cJSON_CreateStringArray(texts, (int)count);
    if (array && cJSON_AddItemToObject(object, name, array)) return true;
    cJSON_Delete(array);
    return false;
}

sp_json *sp_json_texts(char *const *texts, size_t count) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++) {
        if (append(array, cJSON_CreateString(texts[i]))) continue;
        cJSON_Delete(array);
        return NULL;
    }
    return array;
}

char *sp_json_print(const sp_json *root, bool spaced) {
    return spaced ? cJSON_Print(root) : cJSON_PrintUnformatted(root);
}

void sp_json_destroy(sp_json *root) {
    cJSON_Delete(root);
}

sp_json *sp_json_parse(const char *text, size_t length) {
    const char *end = text;
    errno = 0; /* cJSON does not tell why */
    cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);
    while (end < text + length && isspace((unsigned char)*end)) end++;
    if (root && end == text + length) return root;
    cJSON_Delete(root);
    return NULL;
}

sp_status sp_json_load(const char *path, sp_json **root, sp_error *error) {
    enum { LARGEST = 1 << 28 };
    char *text;
    size_t size;
    sp_status status = sp_file_read(path, LARGEST, &text, &size, error);
    if (status) return status;
    sp_json *read = sp_json_parse(text, size);
    bool no_memory = !read && errno == ENOMEM;
    free(text);
    if (no_memory) return sp_fail_memory(error, path, size);
    if (sp_json_is_object(read)) {
        *root = read;
        return SP_OK;
    }
    sp_json_destroy(read);
    return sp_fail(error, SP_BAD_DATA, "%s: is not a JSON object, or damaged; write it anew", path);
}

bool sp_json_is_object(const sp_json *value) {
    return cJSON_IsObject(value);
}

const sp_json *sp_json_member(const sp_json *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *sp_json_text(const sp_json *value) {
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

bool sp_json_number(const sp_json *value, double *number) {
    if (!cJSON_IsNumber(value)) return false;
    *number = value->valuedouble;
    return true;
}

double sp_json_number_of(const sp_json *object, const char *name) {
    double number;
    return sp_json_number(sp_json_member(object, name), &number) && isfinite(number) ? number : NAN;
}

size_t sp_json_count_of(const sp_json *object, const char *name) {
    static const double exact = 9007199254740992.0; /* 2^53 */
    double number = sp_json_number_of(object, name);
    return number >= 0 && number <= exact ? (size_t)number : 0;
}

size_t sp_json_items(const sp_json *value) {
    return (size_t)cJSON_GetArraySize(value);
}

const sp_json *sp_json_first(const sp_json *value) {
    return value ? value->child : NULL;
}

const sp_json *sp_json_next(const sp_json *value) {
    return value->next;
}

const char *sp_json_name(const sp_json *member) {
    return member->string;
}
