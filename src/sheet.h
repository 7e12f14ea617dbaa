/* A contact sheet: training images as they are, each beside what the training makes of it. */
#ifndef SP_SHEET_H
#define SP_SHEET_H

#include "plan.h"

/*
 * Writes a PNG of ten rows to `path`: at the left an image of the training rows, of one class after the other, and to
 * its right what it looks like in fifteen steps. SP_BAD_CONFIG: the data is no images; SP_FAILED: memory, or writing.
 */
sp_status sp_sheet_write(const sp_plan *plan, const sp_data *data, const char *path, sp_error *error);

#endif
