/* trainer_data.c - what a run's model says about its data: the length it can read, the label order
 * it already has. */
#include "engine/train/trainer.h"

#include <string.h>

#include "engine/model/config.h"

int trainer_max_length(const char *model_dir, const struct settings *s, size_t *out,
                       struct err *err)
{
    struct model_config c;
    if (model_config_read(&c, model_dir, err))
        return -1;
    *out = (size_t)s->max_length;
    if (c.max_position_embeddings < *out)
        *out = c.max_position_embeddings;
    model_config_clear(&c);
    return 0;
}

static bool has_label(const struct model_config *c, const char *label)
{
    for (size_t k = 0; k < c->num_labels; k++)
        if (!strcmp(c->labels[k], label))
            return true;
    return false;
}

/* The model has the data's labels, all of them, in an order of its own. */
static bool orders_otherwise(const struct model_config *c, const struct dataset *d)
{
    bool other = false;
    if (!c->labels || c->num_labels != dataset_labels(d) ||
        dataset_problem(d) == PROBLEM_REGRESSION)
        return false;
    for (size_t k = 0; k < c->num_labels; k++) {
        const char *label = dataset_label(d, (int32_t)k);
        if (!has_label(c, label))
            return false;
        other = other || strcmp(c->labels[k], label);
    }
    return other;
}

struct dataset *trainer_open_dataset(const char *model_dir, const struct dataset_spec *spec,
                                     struct err *err)
{
    struct model_config c;
    struct dataset *d = dataset_open(spec, err);
    if (!d || spec->labels)
        return d;
    if (model_config_read(&c, model_dir, err)) {
        dataset_close(d);
        return NULL;
    }
    if (orders_otherwise(&c, d)) {
        struct dataset_spec ordered = *spec;
        ordered.labels = (const char *const *)c.labels;
        ordered.label_count = c.num_labels;
        dataset_close(d);
        d = dataset_open(&ordered, err);
    }
    model_config_clear(&c);
    return d;
}
