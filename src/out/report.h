/* Runs as one self-contained HTML page, which people show each other. */
#ifndef SP_OUT_REPORT_H
#define SP_OUT_REPORT_H

#include "base/text.h"
#include "shardprop.h"

/* The name of a run's own report in its directory. */
#define SP_REPORT_NAME "report.html"

/* Whether the folder is one of `shardprop scale`. */
bool sp_report_is_scaling(const char *folder);

/*
 * Replaces the file at `path` by a report of the runs in `folders`, scaling experiments among them, of several with a
 * comparison; of more than some the comparison alone. `pictures`: a folder, made where it is missing, for the charts as
 * PNG files; NULL: none are wanted. What is missing of a run the page says. SP_BAD_DATA: one of them is no run;
 * SP_FAILED: no gnuplot, no memory, or the file cannot be written.
 */
sp_status sp_report_write(const sp_names *folders, const char *path, const char *pictures, sp_error *error);

#endif
