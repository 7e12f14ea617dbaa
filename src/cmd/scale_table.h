/* What a scaling experiment came to, for people. */
#ifndef SP_CMD_SCALE_TABLE_H
#define SP_CMD_SCALE_TABLE_H

#include "out/scaling.h"

/* To stdout, in at most 80 columns. */
void sp_print_scaling(const sp_scaling *scaling);

#endif
