#include "base/record.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each is a tensor or a text. */
typedef struct place {
    char name[48];
    float *values; /* owned [count]; NULL: a text */
    size_t count;
    char *text; /* owned [count]; NULL: a vector */
} place;

struct sp_record {
    place *places; /* owned */
    size_t count, capacity;
    bool lacks; /* memory ran out for something */
};

/* A number is 16 hex digits: of a double the bits, which keep what decimals would not (NaN, the last bit). */
enum { DIGITS = 16 };

sp_record *sp_record_create(void) {
    return calloc(1, sizeof(sp_record));
}

void sp_record_destroy(sp_record *record) {
    if (!record) return;
    for (size_t i = 0; i < record->count; i++) {
        free(record->places[i].values);
        free(record->places[i].text);
    }
    free(record->places);
    free(record);
}

bool sp_record_is_whole(const sp_record *record) {
    return !record->lacks;
}

size_t sp_record_bytes(const sp_record *record) {
    size_t bytes = 0;
    for (size_t i = 0; i < record->count; i++)
        if (record->places[i].values) bytes += record->places[i].count * sizeof(float);
    return bytes;
}

/* ---- In -------------------------------------------------------------------------------------- */

/* The place of that name, with room for `count` floats or characters; NULL: no memory. */
static place *find(sp_record *record, const char *name, size_t count, bool text) {
    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->places[i].name, name) == 0) return &record->places[i];
    place made = {.count = count};
    snprintf(made.name, sizeof made.name, "%s", name);
    if (text)
        made.text = malloc(count);
    else
        made.values = sp_allocate_zeroed(count, sizeof(float));
    bool good = (made.text || made.values) &&
                sp_grow((void **)&record->places, &record->capacity, record->count + 1, sizeof *record->places);
    if (!good) {
        free(made.text);
        free(made.values);
        record->lacks = true;
        return NULL;
    }
    record->places[record->count] = made;
    return &record->places[record->count++];
}

float *sp_record_floats(sp_record *record, const char *name, size_t count) {
    place *at = find(record, name, count, false);
    return at ? at->values : NULL;
}

void sp_record_put_text(sp_record *record, const char *name, const char *text, size_t most) {
    place *at = find(record, name, most + 1, true);
    if (at) snprintf(at->text, at->count, "%s", text);
}

void sp_record_put_counts(sp_record *record, const char *name, const uint64_t *values, size_t count) {
    place *at = find(record, name, count * (DIGITS + 1) + 1, true);
    if (!at) return;
    at->text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(at->text + i * (DIGITS + 1), DIGITS + 2, "%016llx ", (unsigned long long)values[i]);
}

void sp_record_put_reals(sp_record *record, const char *name, const double *values, size_t count) {
    place *at = find(record, name, count * (DIGITS + 1) + 1, true);
    if (!at) return;
    at->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        snprintf(at->text + i * (DIGITS + 1), DIGITS + 2, "%016llx ", (unsigned long long)bits);
    }
}

/* ---- Out and back ---------------------------------------------------------------------------- */

sp_status sp_record_write(const sp_record *record, const char *path, sp_error *error) {
    sp_tensor *tensors = calloc(record->count + 1, sizeof *tensors);
    sp_metadata *texts = calloc(record->count + 1, sizeof *texts);
    size_t vectors = 0, metadata = 0;
    for (size_t i = 0; tensors && texts && i < record->count; i++) {
        const place *at = &record->places[i];
        if (at->text) {
            texts[metadata++] = (sp_metadata){at->name, at->text};
            continue;
        }
        tensors[vectors] = (sp_tensor){.dimensions = 1, .shape = {at->count}, .values = at->values};
        snprintf(tensors[vectors].name, sizeof tensors[vectors].name, "%.39s", at->name);
        vectors++;
    }
    sp_status status = tensors && texts
                           ? sp_safetensors_write(path, tensors, vectors, texts, metadata, error)
                           : sp_fail_memory(error, path, sp_bytes(record->count, sizeof *tensors + sizeof *texts));
    free(tensors);
    free(texts);
    return status;
}

static sp_status malformed(const sp_safetensors *file, const char *name, sp_error *error) {
    return sp_fail(error, SP_BAD_DATA, "%s: %s in it is missing or malformed; train anew without --resume",
                   sp_safetensors_path(file), name);
}

sp_status sp_record_take_counts(const sp_safetensors *file, const char *name, uint64_t *values, size_t count,
                                sp_error *error) {
    const char *text = sp_safetensors_text(file, name);
    if (!text || strlen(text) != count * (DIGITS + 1)) return malformed(file, name, error);
    for (size_t i = 0; i < count; i++, text += DIGITS + 1) {
        if (strspn(text, "0123456789abcdef") != DIGITS || text[DIGITS] != ' ') return malformed(file, name, error);
        values[i] = strtoull(text, NULL, 16);
    }
    return SP_OK;
}

sp_status sp_record_take_reals(const sp_safetensors *file, const char *name, double *values, size_t count,
                               sp_error *error) {
    _Static_assert(sizeof(double) == sizeof(uint64_t), "the bits of one are the other");
    uint64_t bits;
    const char *text = sp_safetensors_text(file, name);
    if (!text || strlen(text) != count * (DIGITS + 1)) return malformed(file, name, error);
    for (size_t i = 0; i < count; i++, text += DIGITS + 1) {
        if (strspn(text, "0123456789abcdef") != DIGITS || text[DIGITS] != ' ') return malformed(file, name, error);
        bits = strtoull(text, NULL, 16);
        memcpy(&values[i], &bits, sizeof bits);
    }
    return SP_OK;
}
