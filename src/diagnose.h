/* Rules that tell why a training stalls, from what its epochs came to. */
#ifndef SP_DIAGNOSE_H
#define SP_DIAGNOSE_H

#include "base/record.h"
#include "net.h"

typedef struct sp_diagnosis sp_diagnosis;

/* For a network; NULL: no memory. */
sp_diagnosis *sp_diagnosis_create(const sp_net *net);
void sp_diagnosis_destroy(sp_diagnosis *diagnosis);

/*
 * Another epoch is over. Each rule that has now held for some epochs is told once, and for a layer once, by `tell` in
 * one line with a remedy.
 */
void sp_diagnosis_epoch(sp_diagnosis *diagnosis, const sp_epoch *epoch, void (*tell)(void *context, const char *line),
                        void *context);

/* The lines that were told. */
size_t sp_diagnosis_count(const sp_diagnosis *diagnosis);
const char *sp_diagnosis_line(const sp_diagnosis *diagnosis, size_t index);

/* All that it remembers, and back. */
void sp_diagnosis_record(const sp_diagnosis *diagnosis, sp_record *record);
sp_status sp_diagnosis_take(sp_diagnosis *diagnosis, const sp_safetensors *file, sp_error *error);

#endif
