/* encode.c - tokenising all rows in parallel.
 *
 * The unit of work is a block of rows, which writes ids into a buffer of its own; when all are done
 * the buffers are joined in row order. So neither the number of threads nor which of them took a
 * block can be seen in the result. */
#include "engine/data/encode.h"

#include "engine/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS 256

struct block {
    int32_t *token;
    int8_t *segment;
    size_t length, token_capacity, segment_capacity;
};

struct job {
    const struct dataset *d;
    const struct tokenizer *t;
    struct encoded *e;
    struct block *blocks;
    struct encoding *scratch; /* per worker */
    const _Atomic int *cancel;
    _Atomic int failed;       /* the only failure of a tokenizer is memory */
};

static int append(struct block *b, const struct encoding *x, bool types)
{
    size_t need = b->length + x->length;
    if (mem_grow(&b->token, &b->token_capacity, need, sizeof *b->token, "token ids", NULL) ||
        mem_grow(&b->segment, &b->segment_capacity, need, 1, "token ids", NULL))
        return -1;
    if (x->length)
        memcpy(b->token + b->length, x->ids, x->length * sizeof *b->token);
    for (size_t i = 0; i < x->length; i++)
        b->segment[b->length + i] = types ? (int8_t)x->segments[i] : NO_SEGMENT;
    b->length = need;
    return 0;
}

/* start[r+1] takes the row's length for now; join_blocks turns lengths into places. */
static void encode_block(void *arg, size_t item, int worker)
{
    struct job *job = arg;
    struct encoding *x = &job->scratch[worker];
    size_t first = item * BLOCK_ROWS, end = first + BLOCK_ROWS;
    if (end > job->e->rows)
        end = job->e->rows;
    for (size_t r = first; r < end; r++) {
        if (atomic_load(&job->failed) || (job->cancel && atomic_load(job->cancel)))
            return;
        struct example row;
        dataset_get(job->d, r, &row);
        if (tokenizer_encode(job->t, row.text, row.text_length, row.pair, row.pair_length,
                             job->e->max_length, x, NULL) ||
            append(&job->blocks[item], x, tokenizer_gives_types(job->t))) {
            atomic_store(&job->failed, 1);
            return;
        }
        job->e->start[r + 1] = x->length;
        job->e->full_length[r] = (uint32_t)x->full_length;
    }
}

static int join_blocks(struct encoded *e, struct block *blocks, size_t count, struct err *err)
{
    for (size_t r = 0; r < e->rows; r++) {
        size_t length = e->start[r + 1];
        e->truncated += e->full_length[r] > length;
        if (length > e->longest)
            e->longest = length;
        e->start[r + 1] += e->start[r];
    }
    size_t total = e->start[e->rows], at = 0;
    e->token = mem_alloc(total, sizeof *e->token, "the token ids of the data", err);
    e->segment = mem_alloc(total, 1, "the token ids of the data", err);
    if (!e->token || !e->segment)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct block *b = &blocks[i];
        if (b->length) {
            memcpy(e->token + at, b->token, b->length * sizeof *b->token);
            memcpy(e->segment + at, b->segment, b->length);
        }
        at += b->length;
        free(b->token);
        free(b->segment);
        *b = (struct block){0};
    }
    return 0;
}

static void run_blocks(struct job *job, size_t count, struct pool *pool)
{
    if (pool) {
        pool_run(pool, count, encode_block, job);
        return;
    }
    for (size_t i = 0; i < count; i++)
        encode_block(job, i, 0);
}

static int encode(struct job *job, size_t count, struct pool *pool, struct err *err)
{
    struct encoded *e = job->e;
    int workers = pool ? pool_threads(pool) : 1, result = -1;
    e->start = mem_alloc(e->rows + 1, sizeof *e->start, "the token ids of the data", err);
    e->full_length = mem_alloc(e->rows, sizeof *e->full_length, "the token ids of the data", err);
    job->blocks = mem_alloc(count, sizeof *job->blocks, "the token ids of the data", err);
    job->scratch = mem_alloc((size_t)workers, sizeof *job->scratch, "a tokenizer", err);
    if (e->start && e->full_length && job->blocks && job->scratch) {
        run_blocks(job, count, pool);
        if (job->cancel && atomic_load(job->cancel))
            err_set(err, ERR_CANCELLED, "tokenising was cancelled");
        else if (atomic_load(&job->failed))
            err_set(err, ERR_NOMEM, "out of memory while tokenising; use fewer rows");
        else
            result = join_blocks(e, job->blocks, count, err);
    }
    for (int w = 0; job->scratch && w < workers; w++)
        encoding_clear(&job->scratch[w]);
    for (size_t i = 0; job->blocks && i < count; i++) {
        free(job->blocks[i].token);
        free(job->blocks[i].segment);
    }
    free(job->scratch);
    free(job->blocks);
    return result;
}

struct encoded *encode_dataset(const struct dataset *d, const struct tokenizer *t,
                               size_t max_length, struct pool *pool, const _Atomic int *cancel,
                               struct err *err)
{
    struct encoded *e = mem_alloc(1, sizeof *e, "the token ids of the data", err);
    if (!e)
        return NULL;
    e->rows = dataset_rows(d);
    e->max_length = max_length;
    struct job job = {.d = d, .t = t, .e = e, .cancel = cancel};
    if (encode(&job, (e->rows + BLOCK_ROWS - 1) / BLOCK_ROWS, pool, err)) {
        encoded_destroy(e);
        return NULL;
    }
    return e;
}

void encoded_destroy(struct encoded *e)
{
    if (!e)
        return;
    free(e->start);
    free(e->token);
    free(e->segment);
    free(e->full_length);
    free(e);
}
