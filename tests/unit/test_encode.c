/* test_encode.c - encoding a data set is tokenising each row, whoever does it. */
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data_fixture.h"

#define ROWS 1500

static struct tokenizer *tokenizer;
static struct dataset *dataset;

static int setup(void **state)
{
    struct err err;
    struct strbuf s = {0};
    strbuf_puts(&s, "a,b,label\n");
    for (uint64_t i = 0; i < ROWS; i++) {
        for (uint64_t k = rng_bits(1, RNG_TEST, i) % 9; k--;)
            strbuf_printf(&s, "%c%c ", 'a' + (char)(rng_bits(2, RNG_TEST, i * 9 + k) % 26), '.');
        strbuf_printf(&s, ",pair %d,l%d\n", (int)i, (int)(i % 2));
    }
    tokenizer = tokenizer_open("tests/fixtures/tiny_bert", &err);
    if (!tokenizer || data_group_setup(state))
        return -1;
    struct dataset_spec spec = data_files_spec(s.text, NULL, NULL);
    strbuf_clear(&s);
    spec.text_column = "a", spec.pair_column = "b";
    dataset = dataset_open(&spec, &err);
    return dataset ? 0 : -1;
}

static int teardown(void **state)
{
    dataset_close(dataset);
    tokenizer_close(tokenizer);
    return data_group_teardown(state);
}

static void rows_are_what_the_tokenizer_says(void **state)
{
    (void)state;
    struct err err;
    struct encoding x = {0};
    struct encoded *e = encode_dataset(dataset, tokenizer, 16, NULL, NULL, &err);
    size_t truncated = 0, longest = 0;
    assert_non_null(e);
    assert_int_equal(e->rows, ROWS);
    for (size_t r = 0; r < ROWS; r++) {
        struct example row;
        dataset_get(dataset, r, &row);
        assert_int_equal(tokenizer_encode(tokenizer, row.text, row.text_length, row.pair,
                                          row.pair_length, 16, &x, &err), 0);
        assert_int_equal(encoded_length(e, r), x.length);
        assert_memory_equal(e->token + e->start[r], x.ids, x.length * sizeof *x.ids);
        for (size_t i = 0; i < x.length; i++)
            assert_int_equal(e->segment[e->start[r] + i], x.segments[i]);
        assert_int_equal(e->full_length[r], x.full_length);
        truncated += x.full_length > 16;
        longest = x.length > longest ? x.length : longest;
    }
    assert_true(truncated > 0 && truncated < ROWS);
    assert_int_equal(e->truncated, truncated);
    assert_int_equal(e->longest, longest);
    encoding_clear(&x);
    encoded_destroy(e);
}

static void threads_do_not_show(void **state)
{
    (void)state;
    struct err err;
    struct encoded *one = encode_dataset(dataset, tokenizer, 16, NULL, NULL, &err);
    assert_non_null(one);
    for (int threads = 1; threads <= 4; threads++) {
        struct pool *pool = pool_create(threads, &err);
        assert_non_null(pool);
        struct encoded *many = encode_dataset(dataset, tokenizer, 16, pool, NULL, &err);
        assert_non_null(many);
        size_t total = one->start[ROWS];
        assert_memory_equal(many->start, one->start, (ROWS + 1) * sizeof *one->start);
        assert_memory_equal(many->token, one->token, total * sizeof *one->token);
        assert_memory_equal(many->segment, one->segment, total);
        assert_memory_equal(many->full_length, one->full_length, ROWS * sizeof *one->full_length);
        encoded_destroy(many);
        pool_destroy(pool);
    }
    encoded_destroy(one);
}

static void a_cancelled_encoding_ends(void **state)
{
    (void)state;
    struct err err;
    _Atomic int cancel = 1;
    assert_null(encode_dataset(dataset, tokenizer, 16, NULL, &cancel, &err));
    assert_int_equal(err.code, ERR_CANCELLED);
}

static void nothing_is_cut_without_a_limit(void **state)
{
    (void)state;
    struct err err;
    struct encoded *e = encode_dataset(dataset, tokenizer, 0, NULL, NULL, &err);
    assert_non_null(e);
    assert_int_equal(e->truncated, 0);
    for (size_t r = 0; r < ROWS; r++)
        assert_int_equal(encoded_length(e, r), e->full_length[r]);
    encoded_destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_what_the_tokenizer_says),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(a_cancelled_encoding_ends),
        cmocka_unit_test(nothing_is_cut_without_a_limit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
