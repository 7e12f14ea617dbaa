/*
 * A key of [sweep] and what it takes: the values of a list, in which ranges stand for several, or an interval that
 * values are drawn from. How they are written: see sweep.h.
 */
#ifndef SP_AXIS_H
#define SP_AXIS_H

#include "base/text.h"
#include "config.h"

enum { SP_AXIS_NAME = 80, SP_AXIS_VALUE = SP_VALUE_ROOM, SP_MOST_VALUES = 10000 };

typedef enum sp_axis_shape { SP_AXIS_LIST, SP_AXIS_UNIFORM, SP_AXIS_LOGUNIFORM } sp_axis_shape;

typedef struct sp_axis {
    const sp_key *key;
    char name[SP_AXIS_NAME]; /* section.key */
    int line;
    bool is_seed;
    sp_axis_shape shape;
    sp_names values;  /* of a list, as a file would say them, no two the same */
    double low, high; /* of an interval, ends included */
} sp_axis;

/*
 * Reads a line, whose place is "FILE:LINE"; values are tried in `scratch`, a config. SP_BAD_CONFIG: the fault is told.
 * To be cleared in any case.
 */
sp_status sp_axis_read(const sp_sweep_line *line, const char *place, sp_config *scratch, sp_axis *axis,
                       sp_error *error);
void sp_axis_clear(sp_axis *axis);

/* Writes the value that lies at `share`, from 0 to less than 1, of the list or of the interval. */
void sp_axis_draw(const sp_axis *axis, double share, char text[SP_AXIS_VALUE]);

#endif
