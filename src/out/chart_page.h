/* What gnuplot draws, made into a part of an HTML page whose style says the colours. */
#ifndef SP_OUT_CHART_PAGE_H
#define SP_OUT_CHART_PAGE_H

#include "shardprop.h"

/* Colours to draw with that stand for those of the page: red 1, green 2 and one of these as blue. */
typedef enum sp_page_ink {
    SP_PAGE_INK = 1, /* text */
    SP_PAGE_AXIS,
    SP_PAGE_GRID,
    SP_PAGE_SERIES = 16 /* the first of the series' */
} sp_page_ink;

/*
 * Replaces *bytes, the whole SVG document that gnuplot printed, by an <svg> element, named by `title` (NULL: by
 * nothing): inks become var(...), ids begin with `prefix`, no colour is left that a dark page would not see. SP_FAILED:
 * it is no SVG, or memory ran out; *bytes is freed then.
 */
sp_status sp_page_chart(const char *title, const char *prefix, char **bytes, size_t *size, sp_error *error);

#endif
