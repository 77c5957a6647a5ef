#include "engine/train/features.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

struct features {
    const struct encoded *encoded;
    struct infer *infer;
    size_t width;
    struct mem_block block; /* (rows, width) */
    uint8_t *known;         /* (rows) */
    float *piece;           /* (PIECE_ROWS, width): infer's output before it is spread */
    bool stored;
    struct features_store store;
    size_t found; /* rows that came from the store */
    struct err not_kept;
};

/* A piece is about half a second of a small model on two cores; large enough to be packed well. */
enum { PIECE_TOKENS = 8192, PIECE_ROWS = 1024 };

size_t features_piece(const struct encoded *e, const uint32_t *rows, size_t n)
{
    size_t tokens = 0, i = 0;
    while (i < n && i < PIECE_ROWS && tokens < PIECE_TOKENS)
        tokens += encoded_length(e, rows[i++]);
    return i;
}

static void read_store(struct features *f, const struct features_store *store, size_t rows)
{
    f->stored = store;
    if (!store)
        return;
    f->store = *store;
    features_store_read(store, f->known, f->block.base);
    for (size_t r = 0; r < rows; r++)
        f->found += f->known[r];
}

struct features *features_create(struct model *m, const struct dataset *d, const struct encoded *e,
                                 const struct features_store *store, struct err *err)
{
    struct features *f = mem_alloc(1, sizeof *f, "the feature cache", err);
    if (!f)
        return NULL;
    f->encoded = e;
    f->width = model_feature_width(m);
    size_t rows = dataset_rows(d);
    if (mem_block_init(&f->block, rows * f->width * sizeof(float), "the feature cache", err))
        goto fail;
    f->known = mem_alloc(rows, sizeof *f->known, "the feature cache", err);
    f->piece = mem_alloc(PIECE_ROWS * f->width, sizeof *f->piece, "the feature cache", err);
    if (!f->known || !f->piece)
        goto fail;
    f->infer = infer_create(m, d, e, err);
    if (!f->infer)
        goto fail;
    read_store(f, store, rows);
    return f;
fail:
    features_destroy(f);
    return NULL;
}

void features_destroy(struct features *f)
{
    if (!f)
        return;
    infer_destroy(f->infer);
    mem_block_clear(&f->block);
    free(f->known);
    free(f->piece);
    free(f);
}

size_t features_found(const struct features *f)
{
    return f->found;
}

struct err features_not_kept(const struct features *f)
{
    return f->not_kept;
}

size_t features_width(const struct features *f)
{
    return f->width;
}

static float *place(const struct features *f, uint32_t row)
{
    return (float *)f->block.base + (size_t)row * f->width;
}

static int compute_piece(struct features *f, const uint32_t *rows, size_t n, struct err *err)
{
    if (infer_features(f->infer, rows, n, f->piece, NULL, NULL, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        memcpy(place(f, rows[i]), f->piece + i * f->width, f->width * sizeof(float));
        f->known[rows[i]] = 1;
    }
    return 0;
}

int features_compute(struct features *f, const uint32_t *rows, size_t n, const struct watch *watch,
                     struct err *err)
{
    uint32_t *missing = mem_alloc(n, sizeof *missing, "the feature cache", err);
    if (!missing)
        return -1;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!f->known[rows[i]])
            missing[count++] = rows[i];
    int rc = 0;
    for (size_t done = 0; done < count && !rc;) {
        size_t piece = features_piece(f->encoded, missing + done, count - done);
        rc = compute_piece(f, missing + done, piece, err);
        done += piece;
        if (!rc && watch_poll(watch, done, count))
            rc = err_set(err, ERR_CANCELLED, "stopped while computing features");
    }
    free(missing);
    if (!rc && count && f->stored)
        features_store_write(&f->store, f->known, f->block.base, &f->not_kept);
    return rc;
}

void features_gather(const struct features *f, const uint32_t *rows, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        assert(f->known[rows[i]]);
        memcpy(out + i * f->width, place(f, rows[i]), f->width * sizeof(float));
    }
}
