#include "engine/train/best.h"

#include <math.h>

void best_init(struct best *b, const struct settings *s)
{
    *b = (struct best){
        .metric = s->metric_for_best_model, .patience = s->early_stopping_patience, .value = NAN};
}

bool best_count(struct best *b, const struct metrics *m, int64_t step)
{
    double value = metric_of(m, b->metric);
    bool gain = metric_falls(b->metric) ? value < b->value : value > b->value;
    if (isnan(b->value))
        gain = !isnan(value);
    if (!gain) {
        b->without_gain++;
        return false;
    }
    b->value = value;
    b->step = step;
    b->without_gain = 0;
    return true;
}

bool best_gives_up(const struct best *b)
{
    return b->patience > 0 && b->without_gain >= b->patience;
}
