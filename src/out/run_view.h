/* A run as its directory tells it: as much as is there and can be believed. */
#ifndef SP_OUT_RUN_VIEW_H
#define SP_OUT_RUN_VIEW_H

#include "base/json.h"
#include "base/text.h"
#include "config.h"
#include "history.h"
#include "model.h"

/* Each part is NULL where it is missing or damaged; a note then says so. */
typedef struct sp_run_view {
    const char *folder;  /* borrowed */
    const char *name;    /* borrowed: the last part of the folder's path */
    sp_config *config;   /* owned */
    sp_history *history; /* owned: metrics.csv */
    sp_json *summary;    /* owned: an object */
    sp_model *model;     /* owned */
    sp_names notes;      /* lines for people: what is missing, and why */
} sp_run_view;

/*
 * Reads the run in `folder`. SP_BAD_DATA: not one file of a run can be read, for the reasons in `error`; SP_FAILED: no
 * memory, or reading a file failed; SP_BAD_CONFIG: too long a path. What it came to, the view has to be cleared.
 */
sp_status sp_run_view_read(const char *folder, sp_run_view *run, sp_error *error);
void sp_run_view_clear(sp_run_view *run);

/* Adds a note (printf-style); without memory for it, it is left out. */
void sp_run_view_note(sp_run_view *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of summary.json; NULL, NaN: not there, or of another type. */
const char *sp_run_view_text(const sp_run_view *run, const char *name);
double sp_run_view_number(const sp_run_view *run, const char *name);

/* "completed", "interrupted", ...; "unfinished" where there is no summary.json: still going, or killed. */
const char *sp_run_view_status(const sp_run_view *run);

#endif
