/* An HTML page that needs nothing but itself: what all parts of a report are written with. */
#ifndef SP_OUT_PAGE_H
#define SP_OUT_PAGE_H

#include "base/png.h"
#include "out/chart.h"

#include <stdio.h>

/* The page under way. A fault is kept, in `status` and `error`; what is written behind it is lost. */
typedef struct sp_page {
    FILE *stream;         /* borrowed */
    const char *pictures; /* borrowed: a folder for the charts as PNG files, too; NULL: none */
    const char *run;      /* borrowed: begins the names of those files; NULL: nothing does */
    size_t charts;        /* drawn */
    sp_status status;
    sp_error *error; /* borrowed */
} sp_page;

void sp_page_begin(sp_page *page, const char *title);
void sp_page_end(sp_page *page);

/* Writes markup (printf-style) whose strings are none of a file's or a user's. */
void sp_page_markup(sp_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Text (printf-style), shown as it is. */
void sp_page_text(sp_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number with so many significant digits, a decimal point in any locale, and "-" where it is not measured (NaN). */
void sp_page_number(sp_page *page, double value, int digits);

/* With so many digits behind the point. */
void sp_page_fixed(sp_page *page, double value, int decimals);

/* "98.40 %" of a share. */
void sp_page_share(sp_page *page, double share);

/* "1 h 2 min", "3.2 s". */
void sp_page_duration(sp_page *page, double seconds);

/* <h2 id="ID">HEADING</h2> in a section that sp_page_section_end closes; `id` NULL: none. */
void sp_page_section(sp_page *page, const char *id, const char *heading);
void sp_page_section_end(sp_page *page);

/* A chart with its title above and its key below; FILE.png in the folder for pictures, too. */
void sp_page_chart_figure(sp_page *page, const char *file, const sp_chart *chart);

/* An <img> of pixels [height, width]; `title` is shown where one points at it, and read out. */
void sp_page_picture(sp_page *page, size_t height, size_t width, sp_pixel pixel, const uint8_t *pixels,
                     const char *title);

#endif
