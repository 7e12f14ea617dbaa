/* Twenty steps of training against PyTorch in double precision; tools/make-reference wrote the numbers. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "base/json.h"
#include "config.h"

double golden_number(const sp_json *value);
void golden_numbers(const sp_json *array, double *numbers, size_t count);

/* Sets one key of a configuration, "section.key=value"; and all keys of an array of such texts (NULL: none). */
void golden_set(sp_config *config, const char *format, ...);
void golden_set_all(sp_config *config, const sp_json *settings);

/*
 * Trains every case of a file from the same weights on the same mini-batches, with one and with three shards (or those
 * that the case asks for), by all kernels, and compares every loss, the final weights, and running moments and
 * predictions where the case has them. Returns how many cases there are.
 */
size_t golden_cases(const char *file);

#endif
