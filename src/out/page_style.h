/* How a report looks: in the light and in the dark, on a screen of any width and on paper. */
#ifndef SP_OUT_PAGE_STYLE_H
#define SP_OUT_PAGE_STYLE_H

extern const char sp_page_style[];

#endif
