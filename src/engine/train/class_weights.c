#include "engine/train/class_weights.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/train/settings.h"

static void fill_balanced(float *w, const struct dataset *d)
{
    size_t labels = dataset_labels(d), present = 0;
    for (size_t k = 0; k < labels; k++)
        present += dataset_label_rows(d, (int32_t)k, SPLIT_TRAIN) > 0;
    double rows = (double)dataset_split_rows(d, SPLIT_TRAIN);
    for (size_t k = 0; k < labels; k++) {
        size_t count = dataset_label_rows(d, (int32_t)k, SPLIT_TRAIN);
        if (count)
            w[k] = (float)(rows / ((double)present * (double)count));
    }
}

static int32_t find_label(const struct dataset *d, const char *name, size_t n)
{
    for (size_t k = 0; k < dataset_labels(d); k++) {
        const char *label = dataset_label(d, (int32_t)k);
        if (strlen(label) == n && !memcmp(label, name, n))
            return (int32_t)k;
    }
    return NO_LABEL;
}

static int fill_list(float *w, const struct dataset *d, const char *text, struct err *err)
{
    const char *label;
    size_t n;
    double weight;
    while (settings_next_class_weight(&text, &label, &n, &weight)) {
        int32_t k = find_label(d, label, n);
        if (k == NO_LABEL)
            return err_set(err, ERR_USAGE,
                           "class_weights: the data have no label '%.*s'; the first "
                           "one they have is '%.60s'",
                           (int)n, label, dataset_label(d, 0));
        w[k] = (float)weight;
    }
    if (*text)
        return err_set(err, ERR_USAGE, "class_weights: '%.60s' is not label=weight", text);
    return 0;
}

int class_weights_parse(const char *text, const struct dataset *d, float **out, struct err *err)
{
    *out = NULL;
    if (!strcmp(text, "none") || !*text)
        return 0;
    size_t labels = dataset_labels(d);
    float *w = mem_alloc(labels, sizeof *w, "class weights", err);
    if (!w)
        return -1;
    for (size_t k = 0; k < labels; k++)
        w[k] = 1.0f;
    if (!strcmp(text, "balanced")) {
        fill_balanced(w, d);
    } else if (fill_list(w, d, text, err)) {
        free(w);
        return -1;
    }
    *out = w;
    return 0;
}
