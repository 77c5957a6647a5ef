#include "engine/data/batch.h"

#include "engine/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int batch_init(struct batch *b, size_t max_B, size_t max_T, struct err *err)
{
    *b = (struct batch){.max_B = max_B, .max_T = max_T};
    b->token = mem_alloc(max_T, sizeof *b->token, "a batch", err);
    b->segment = mem_alloc(max_T, sizeof *b->segment, "a batch", err);
    b->position = mem_alloc(max_T, sizeof *b->position, "a batch", err);
    b->start = mem_alloc(max_B + 1, sizeof *b->start, "a batch", err);
    b->row = mem_alloc(max_B, sizeof *b->row, "a batch", err);
    b->label = mem_alloc(max_B, sizeof *b->label, "a batch", err);
    if (b->token && b->segment && b->position && b->start && b->row && b->label)
        return 0;
    batch_clear(b);
    return -1;
}

void batch_clear(struct batch *b)
{
    free(b->token);
    free(b->segment);
    free(b->position);
    free(b->start);
    free(b->row);
    free(b->label);
    memset(b, 0, sizeof *b);
}

void batch_fill(struct batch *b, const struct dataset *d, const struct encoded *e,
                const uint32_t *rows, size_t n)
{
    assert(n <= b->max_B);
    b->B = n;
    b->T = b->longest = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = encoded_length(e, rows[i]), from = e->start[rows[i]];
        struct example x;
        assert(b->T + length <= b->max_T);
        dataset_get(d, rows[i], &x);
        b->row[i] = rows[i];
        b->label[i] = x.label;
        b->start[i] = (uint32_t)b->T;
        memcpy(b->token + b->T, e->token + from, length * sizeof *b->token);
        for (size_t j = 0; j < length; j++) {
            b->segment[b->T + j] = e->segment[from + j];
            b->position[b->T + j] = (int32_t)j;
        }
        b->T += length;
        if (length > b->longest)
            b->longest = length;
    }
    b->start[n] = (uint32_t)b->T;
}

size_t batch_largest(const struct encoded *e, const uint32_t *rows, size_t count, size_t n,
                     struct err *err)
{
    size_t *of_length = mem_alloc(e->longest + 1, sizeof *of_length, "the batch plan", err);
    if (!of_length)
        return 0;
    for (size_t i = 0; i < count; i++)
        of_length[encoded_length(e, rows[i])]++;
    size_t sum = 0;
    for (size_t length = e->longest + 1; length-- > 0 && n;) {
        size_t take = of_length[length] < n ? of_length[length] : n;
        sum += take * length;
        n -= take;
    }
    free(of_length);
    return sum;
}
