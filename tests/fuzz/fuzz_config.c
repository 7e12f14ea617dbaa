/*
 * Any bytes as a configuration file. One that is read is written again and read once more, to the same values: the
 * config.ini of a run directory trains the same.
 */
#include "config.h"
#include "input.h"

#include <stdlib.h>
#include <string.h>

static sp_config *defaults;

void fuzz_prepare(void) {
    defaults = sp_config_create();
    fuzz_expect(defaults != NULL, "no memory");
}

/* All values, a line each, as config.ini has them. */
static size_t print_all(const sp_config *config, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < sp_key_count; i++) {
        char value[SP_VALUE_ROOM];
        sp_config_print(config, &sp_keys[i], value, sizeof value);
        if (i == 0 || strcmp(sp_keys[i].section, sp_keys[i - 1].section) != 0)
            used += (size_t)snprintf(text + used, size - used, "[%s]\n", sp_keys[i].section);
        used += (size_t)snprintf(text + used, size - used, "%s = %s\n", sp_keys[i].name, value);
        fuzz_expect(used < size, "the values are longer than they can be");
    }
    return used;
}

static void read_again(const sp_config *config) {
    enum { SIZE = 1 << 20 };
    static char first[SIZE], second[SIZE];
    sp_error error = {0};
    sp_config *again = sp_config_copy(defaults);
    if (!again) return;
    size_t size = print_all(config, first, SIZE);
    fuzz_expect(sp_config_load(again, fuzz_file(1, (uint8_t *)first, size), &error) == SP_OK,
                "what was printed is not read");
    print_all(again, second, SIZE);
    fuzz_expect(strcmp(first, second) == 0, "what was printed is read as other values");
    sp_config_destroy(again);
}

void fuzz_input(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_config *config = sp_config_copy(defaults);
    if (!config) return;
    if (!sp_config_load(config, fuzz_file(0, bytes, size), &error) && !sp_config_check(config, &error))
        read_again(config);
    sp_config_destroy(config);
}
