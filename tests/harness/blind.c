/*
 * In place of src/health.c and src/diagnose.c: a training that does not look at itself, to count what looking costs
 * (tests/test_instructions.sh).
 */
#include "diagnose.h"
#include "health.h"

#include <math.h>

static int nothing;

sp_status sp_health_create(const sp_layout *layout, size_t shards, sp_health **health, sp_error *error) {
    (void)layout, (void)shards, (void)error;
    *health = NULL;
    return SP_OK;
}

void sp_health_destroy(sp_health *health) {
    (void)health;
}

void sp_health_begin(sp_health *health, size_t rows, size_t batch_size) {
    (void)health, (void)rows, (void)batch_size;
}

bool sp_health_measures(const sp_health *health, size_t step) {
    (void)health, (void)step;
    return false;
}

void sp_health_look(sp_health *health, const sp_workspace *workspace, size_t l, size_t first, size_t last,
                    const sp_slice *slices, size_t shard, size_t count, bool measured) {
    (void)health, (void)workspace, (void)l, (void)first, (void)last;
    (void)slices, (void)shard, (void)count, (void)measured;
}

void sp_health_note(sp_health *health, const sp_tile *tile, const sp_weights *weights, const float *gradient) {
    (void)health, (void)tile, (void)weights, (void)gradient;
}

void sp_health_end(const sp_health *health, const sp_weights *weights, sp_layer_health *result) {
    (void)health;
    for (size_t l = 0; l < weights->layout->net->depth; l++) result[l] = (sp_layer_health){NAN, NAN, NAN, NAN};
}

sp_diagnosis *sp_diagnosis_create(const sp_net *net) {
    (void)net;
    return (sp_diagnosis *)&nothing;
}

void sp_diagnosis_destroy(sp_diagnosis *diagnosis) {
    (void)diagnosis;
}

void sp_diagnosis_epoch(sp_diagnosis *diagnosis, const sp_epoch *epoch, void (*tell)(void *context, const char *line),
                        void *context) {
    (void)diagnosis, (void)epoch, (void)tell, (void)context;
}

size_t sp_diagnosis_count(const sp_diagnosis *diagnosis) {
    (void)diagnosis;
    return 0;
}

const char *sp_diagnosis_line(const sp_diagnosis *diagnosis, size_t index) {
    (void)diagnosis, (void)index;
    return "";
}

bool sp_health_is_due(const sp_health *health, size_t steps) {
    (void)health, (void)steps;
    return true;
}

void sp_health_record(const sp_health *health, sp_record *record) {
    (void)health, (void)record;
}

sp_status sp_health_take(sp_health *health, const sp_safetensors *file, sp_error *error) {
    (void)health, (void)file, (void)error;
    return SP_OK;
}

void sp_diagnosis_record(const sp_diagnosis *diagnosis, sp_record *record) {
    (void)diagnosis, (void)record;
}

sp_status sp_diagnosis_take(sp_diagnosis *diagnosis, const sp_safetensors *file, sp_error *error) {
    (void)diagnosis, (void)file, (void)error;
    return SP_OK;
}
