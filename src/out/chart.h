/* Charts, drawn by gnuplot: as pictures, for a web page, and as text. */
#ifndef SP_OUT_CHART_H
#define SP_OUT_CHART_H

#include "shardprop.h"

typedef enum sp_chart_style {
    SP_CHART_LINES, /* with points, too, where they are few */
    SP_CHART_POINTS,
    SP_CHART_BARS,   /* those of several series stand side by side */
    SP_CHART_STACKED /* bars, one series on top of the other: for shares of a whole */
} sp_chart_style;

/* Everything is borrowed. Names are data: any text is shown as it is, but for line breaks and the like. */
typedef struct sp_series {
    const char *name; /* NULL: not in the key */
    size_t count;
    const double *x;      /* [count]; NULL: 0, 1, ... */
    const double *y;      /* [count]; NaN, infinity: a gap */
    const double *spread; /* [count], drawn as y - spread to y + spread; NULL: none */
    sp_chart_style style;
    bool dashed;   /* what is expected, fitted or of other rows */
    size_t colour; /* 1, 2, ...: of series that belong together; 0: by its place in the chart */
} sp_series;

typedef struct sp_chart {
    const char *title, *x_label, *y_label; /* NULL: none */
    unsigned log_x, log_y;                 /* base of the logarithm, say 2 or 10; 0: linear */
    bool whole_x;                          /* x counts: no ticks between whole numbers */
    double y_from, y_to;                   /* equal: as the data have it */
    const char *const *ticks;              /* [tick_count] names of x = 0, 1, ...; NULL: numbers */
    size_t tick_count;
    const sp_series *series;
    size_t series_count;
    bool no_key;            /* whoever shows the chart names the series by their colours */
    bool key_below;         /* of text: each series is drawn by a letter, with its name on a line below the chart */
    unsigned width, height; /* pixels; of text, characters and lines. 0: the format's own */
} sp_chart;

typedef enum sp_chart_format {
    SP_CHART_PNG,
    SP_CHART_SVG, /* a picture that stands alone, on white */
    /*
     * An <svg> element to be put into an HTML page, which writes title and key itself: no background, inks var(--ink),
     * var(--axis) and var(--grid), for series var(--c1) to var(--c8); every id begins with the prefix that
     * sp_chart_draw is handed.
     */
    SP_CHART_PAGE,
    SP_CHART_TEXT,        /* UTF-8 */
    SP_CHART_COLOUR_TEXT, /* with colours of a terminal */
} sp_chart_format;

enum { SP_CHART_COLOURS = 8 };

/* "#rrggbb" of colour 1, 2, ... (beyond SP_CHART_COLOURS from the first again) on white, or on black. */
const char *sp_chart_colour(size_t colour, bool on_black);

/*
 * Draws a chart into fresh memory, which the caller frees; a '\0' is behind its *size bytes. `prefix`: for
 * SP_CHART_PAGE, one of its own for each chart of a page, of letters and digits; else NULL. Without a single point to
 * show it says "no data". SP_FAILED: there is no gnuplot, or it failed.
 */
sp_status sp_chart_draw(const sp_chart *chart, sp_chart_format format, const char *prefix, char **bytes, size_t *size,
                        sp_error *error);

/* The same into a file at `path`, which is replaced whole or not at all. */
sp_status sp_chart_write(const sp_chart *chart, sp_chart_format format, const char *path, sp_error *error);

/* Whether charts can be drawn, for whoever will need one only much later. SP_FAILED: there is no gnuplot. */
sp_status sp_chart_check(sp_error *error);

#endif
