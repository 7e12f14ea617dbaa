#include "data/spread.h"

#include <math.h>

/* The furthest of those that a fit has found; of columns of text there is nothing to find. */
static sp_spread furthest(const sp_preprocess *fitted) {
    sp_spread most = {0};
    size_t feature = 0;
    for (size_t j = 0; j < fitted->columns; j++) {
        if (fitted->onehot && fitted->onehot[j].codes > 0) {
            feature += fitted->onehot[j].width;
            continue;
        }
        double mean = fitted->shift[feature], deviation = 1 / (double)fitted->scale[feature];
        feature++;
        if (j > 0 && fmax(fabs(mean), deviation) <= fmax(fabs(most.mean), most.deviation)) continue;
        most = (sp_spread){j, mean, deviation};
    }
    return most;
}

static sp_status find(const sp_table *table, const sp_rows *rows, sp_spread *spread, sp_error *error) {
    sp_preprocess fitted = {0};
    *spread = (sp_spread){0};
    sp_status status = sp_preprocess_fit(SP_NORMALIZE_STANDARD, table, rows, &fitted, error);
    if (!status) *spread = furthest(&fitted);
    sp_preprocess_clear(&fitted);
    return status;
}

sp_status sp_spread_of_targets(const sp_data *data, sp_spread *spread, sp_error *error) {
    const sp_dataset *train = data->train.data;
    sp_table targets = {.rows = train->table->rows, .features = train->targets, .values = train->values};
    return find(&targets, &data->train.rows, spread, error);
}

sp_status sp_spread_of_features(const sp_data *data, sp_spread *spread, sp_error *error) {
    return find(data->train.data->table, &data->train.rows, spread, error);
}

bool sp_spread_is_large(const sp_spread *spread) {
    return fmax(fabs(spread->mean), spread->deviation) > SP_LARGE_VALUE;
}
