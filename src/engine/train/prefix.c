#include "engine/train/prefix.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"

struct prefix {
    struct model *model;
    const struct encoded *encoded;
    size_t width;           /* of a token */
    struct workspace *pass; /* of the frozen layers */
    float *batch;           /* (max_T, width) */
    struct mem_block kept;  /* (room, width), token by token as in `encoded` */
    uint64_t room;          /* tokens */
    uint8_t *known;         /* (rows) */
};

uint64_t prefix_room_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
}

static uint64_t room_for(size_t bytes_of_token, uint64_t tokens)
{
    uint64_t room = prefix_room_bytes() / bytes_of_token;
    return tokens < room ? tokens : room;
}

struct prefix *prefix_create(struct model *m, const struct encoded *e, size_t max_B, size_t max_T,
                             struct err *err)
{
    static const char what[] = "what frozen layers make";
    struct prefix *p = mem_alloc(1, sizeof *p, what, err);
    if (!p)
        return NULL;
    p->model = m;
    p->encoded = e;
    p->width = model_feature_width(m);
    p->room = room_for(p->width * sizeof(float), e->start[e->rows]);
    if ((p->pass = workspace_create(m, max_B, max_T, e->longest, false, err)) &&
        (p->batch = mem_alloc(max_T * p->width, sizeof *p->batch, what, err)) &&
        (p->known = mem_alloc(e->rows, sizeof *p->known, what, err)) &&
        !mem_block_init(&p->kept, p->room * p->width * sizeof(float), what, err))
        return p;
    prefix_destroy(p);
    return NULL;
}

void prefix_destroy(struct prefix *p)
{
    if (!p)
        return;
    workspace_destroy(p->pass);
    mem_block_clear(&p->kept);
    free(p->batch);
    free(p->known);
    free(p);
}

static float *place(const struct prefix *p, size_t row)
{
    return (float *)p->kept.base + p->encoded->start[row] * p->width;
}

static bool all_known(const struct prefix *p, const struct batch *b)
{
    for (size_t i = 0; i < b->B; i++)
        if (!p->known[b->row[i]])
            return false;
    return true;
}

const float *prefix_of(struct prefix *p, const struct batch *b)
{
    bool known = all_known(p, b);
    if (!known)
        model_prefix(p->model, b, p->pass, p->batch);
    for (size_t i = 0; i < b->B; i++) {
        size_t row = b->row[i], bytes = encoded_length(p->encoded, row) * p->width * sizeof(float);
        float *in_batch = p->batch + b->start[i] * p->width;
        if (known)
            memcpy(in_batch, place(p, row), bytes);
        else if (p->encoded->start[row + 1] <= p->room) {
            memcpy(place(p, row), in_batch, bytes);
            p->known[row] = 1;
        }
    }
    return p->batch;
}
