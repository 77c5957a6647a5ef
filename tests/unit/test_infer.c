/* test_infer.c - rows come out in the order asked for, with the logits they have alone. */
#include "model_fixture.h"

#include "engine/base/rng.h"
#include "engine/model/infer.h"

enum { ROWS = 700 }; /* more than one batch holds */

/* A data set of ROWS rows whose encoding is made up: the tokenizer is not on trial here. */
struct rows {
    struct compute *c;
    struct model *m;
    struct dataset *d;
    struct encoded e;
};

static void encode_by_hand(struct encoded *e)
{
    *e = (struct encoded){.rows = ROWS, .max_length = 64, .longest = 64};
    e->start = calloc(ROWS + 1, sizeof *e->start);
    e->token = calloc(ROWS * 64, sizeof *e->token);
    e->segment = calloc(ROWS * 64, 1);
    for (size_t r = 0; r < ROWS; r++) {
        size_t n = r == 9 ? 64 : 3 + rng_bits(1, RNG_TEST, r) % 20;
        e->start[r + 1] = e->start[r] + n;
        for (size_t t = 0; t < n; t++) {
            e->token[e->start[r] + t] = (int32_t)(5 + rng_bits(2, RNG_TEST, r * 64 + t) % 160);
            e->segment[e->start[r] + t] = r % 3 == 0 && t > n / 2;
        }
    }
}

static struct rows rows_open(int threads)
{
    struct rows r = {.c = fixture_compute(threads)};
    char path[256];
    struct err err = {0};
    FILE *f = fopen(fixture_place(path, sizeof path, "rows.csv"), "w");
    fprintf(f, "text,label\n");
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "row %d,%s\n", i, i % 2 ? "a" : "b");
    fclose(f);
    struct dataset_spec spec = {.files = {[SPLIT_TRAIN] = path}};
    r.d = dataset_open(&spec, &err);
    if (!r.d)
        fail_msg("%s", err.text);
    remove(path);
    r.m = fixture_model(TINY, (struct head_spec){.dropout = -1}, r.c);
    encode_by_hand(&r.e);
    return r;
}

static void rows_close(struct rows *r)
{
    model_close(r->m);
    dataset_close(r->d);
    compute_destroy(r->c);
    free(r->e.start), free(r->e.token), free(r->e.segment);
}

static void every_order_gives_each_row_its_own_logits(void **state)
{
    (void)state;
    struct rows r = rows_open(2);
    struct err err = {0};
    uint32_t order[ROWS];
    float *all = calloc(ROWS * 3, sizeof *all), *again = calloc(ROWS * 3, sizeof *again), one[3];
    atomic_size_t done = 0;
    struct infer *i = infer_create(r.m, r.d, &r.e, &err);
    assert_non_null(i);
    for (uint32_t k = 0; k < ROWS; k++)
        order[k] = k;
    assert_int_equal(infer_logits(i, order, ROWS, all, NULL, &done, &err), 0);
    assert_int_equal(done, ROWS);
    rng_shuffle(order, ROWS, 3, RNG_TEST, 0);
    assert_int_equal(infer_logits(i, order, ROWS / 2, again, NULL, NULL, &err), 0);
    for (size_t k = 0; k < ROWS / 2; k++)
        assert_memory_equal(again + 3 * k, all + 3 * order[k], sizeof one);
    assert_int_equal(infer_logits(i, order, 1, one, NULL, NULL, &err), 0);
    assert_memory_equal(one, again, sizeof one);
    infer_destroy(i);
    free(all), free(again);
    rows_close(&r);
}

static void features_through_the_head_are_the_logits(void **state)
{
    (void)state;
    struct rows r = rows_open(1);
    struct err err = {0};
    struct pass off = {0};
    uint32_t order[ROWS];
    for (uint32_t k = 0; k < ROWS; k++)
        order[k] = ROWS - 1 - k;
    float *logits = calloc(ROWS * 3, sizeof *logits), *heads = calloc(ROWS * 3, sizeof *heads);
    float *features = calloc(ROWS * model_feature_width(r.m), sizeof *features);
    struct infer *i = infer_create(r.m, r.d, &r.e, &err);
    struct workspace *ws = workspace_create(r.m, ROWS, 64, 64, false, &err);
    assert_int_equal(infer_logits(i, order, ROWS, logits, NULL, NULL, &err), 0);
    assert_int_equal(infer_features(i, order, ROWS, features, NULL, NULL, &err), 0);
    model_head_forward(r.m, features, ROWS, ws, &off, heads);
    assert_memory_equal(logits, heads, ROWS * 3 * sizeof *heads);
    workspace_destroy(ws);
    infer_destroy(i);
    free(logits), free(heads), free(features);
    rows_close(&r);
}

static void a_stop_is_noticed_and_bad_ids_are_refused(void **state)
{
    (void)state;
    struct rows r = rows_open(1);
    struct err err = {0};
    atomic_int stop = 1;
    uint32_t row = 0;
    float logits[3];
    struct infer *i = infer_create(r.m, r.d, &r.e, &err);
    assert_int_equal(infer_logits(i, &row, 1, logits, &stop, NULL, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    infer_destroy(i);
    r.e.token[5] = 169;
    assert_null(infer_create(r.m, r.d, &r.e, &err));
    assert_int_equal(err.code, ERR_INPUT);
    r.e.token[5] = 168, r.e.segment[7] = 2;
    assert_null(infer_create(r.m, r.d, &r.e, &err));
    r.e.segment[7] = 0, r.e.longest = 65;
    assert_null(infer_create(r.m, r.d, &r.e, &err));
    assert_non_null(strstr(err.text, "max_length"));
    rows_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_gives_each_row_its_own_logits),
        cmocka_unit_test(features_through_the_head_are_the_logits),
        cmocka_unit_test(a_stop_is_noticed_and_bad_ids_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
