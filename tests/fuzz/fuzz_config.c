/* Any bytes as a configuration file. */
#include "input.h"
#include "shardprop.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_config *config = sp_config_create();
    if (!config) return 0;
    if (!sp_config_load(config, fuzz_file(0, bytes, size), &error)) sp_config_check(config, &error);
    sp_config_destroy(config);
    return 0;
}
