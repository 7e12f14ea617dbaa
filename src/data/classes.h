/* From targets as a file holds them to class numbers or values. */
#ifndef SP_DATA_CLASSES_H
#define SP_DATA_CLASSES_H

#include "data/table.h"

typedef enum sp_task { SP_TASK_AUTO, SP_CLASSIFICATION, SP_REGRESSION, SP_MULTILABEL } sp_task;

/* Names in the order above, NULL at the end. */
extern const char *const sp_task_names[];

/*
 * What the targets of a labelled table are for. Text and the labels of IDX files are
 * classes. Numbers are classes when they are whole, at most 100 different ones, and
 * come at least twice each on average; else they are values. A text among such values (NA, say) does
 * not make classes of them: sp_values_assign then names its row. Several targets are labels where all are 0 or 1, else
 * values.
 */
sp_task sp_task_of(const sp_table *table);

/*
 * The classes of a labelled table, ascending: numbers by value, text by its bytes (where
 * any target is text, all are). SP_BAD_DATA: fewer than two.
 */
sp_status sp_classes_find(const sp_table *table, sp_names *classes, sp_error *error);

/* The class of each row, fresh memory. SP_BAD_DATA: a label that is none of `classes`. */
sp_status sp_classes_assign(const sp_table *table, const sp_names *classes, int32_t **labels, sp_error *error);

/* The targets of each row as numbers, fresh memory [rows, targets]. SP_BAD_DATA: text, NaN or infinity; of `labels`
 * all but 0 and 1. */
sp_status sp_values_assign(const sp_table *table, bool labels, float **values, sp_error *error);

#endif
