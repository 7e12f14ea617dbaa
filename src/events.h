/*
 * What a training measures, as TensorBoard reads it: events.out.tfevents.SECONDS.shardprop in the run directory.
 *
 * The format is TensorFlow's. Records follow one another: 8 bytes length, 4 bytes checksum of these, the message, 4
 * bytes checksum of that, all little-endian; the checksum is CRC-32C, rotated right by 15 bits plus 0xa282ead8. The
 * first message names the version, every other holds the scalars of an epoch (src/event.proto); its step is the epoch.
 */
#ifndef SP_EVENTS_H
#define SP_EVENTS_H

#include "shardprop.h"

typedef struct sp_events sp_events;

/* Makes a new file in the run directory, for figures of so many layers. SP_FAILED: it cannot be written. */
sp_status sp_events_create(const char *folder, size_t layers, sp_events **events, sp_error *error);

/*
 * Goes on with the file that is there, for a training that goes on behind the last row of its metrics.csv: what comes
 * behind that, or is damaged, is cut off, and what is missing (all, where there is no file) is taken from metrics.csv.
 */
sp_status sp_events_continue(const char *folder, size_t layers, sp_events **events, sp_error *error);
void sp_events_destroy(sp_events *events);

/* Appends an epoch, in one piece; it is in the file when this returns. */
sp_status sp_events_add_epoch(sp_events *events, const sp_epoch *epoch, sp_error *error);

/* Appends what the test rows say of the weights that were saved. */
sp_status sp_events_add_summary(sp_events *events, const sp_summary *summary, sp_error *error);

/* The name of a folder's event file; "": it has none. SP_FAILED: the folder cannot be read. */
enum { SP_EVENTS_NAME = 80 };
sp_status sp_events_find(const char *folder, char name[SP_EVENTS_NAME], sp_error *error);

#endif
