/* The ranking that `batch` ends with, as a table for people. */
#ifndef SP_CMD_RANKING_TABLE_H
#define SP_CMD_RANKING_TABLE_H

#include "runs/ranking.h"

/* To stdout; on a terminal no wider than that, by names that are cut or have lines of their own. */
void sp_print_ranking(const sp_ranking *ranking, const sp_trials *trials);

#endif
