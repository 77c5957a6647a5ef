/* test_batch.c - packing: sequences back to back, nothing between them, nothing lost. */
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data_fixture.h"

#define ROWS 60

static struct dataset *dataset;
static struct encoded encoded;
static uint64_t starts[ROWS + 1];
static int32_t tokens[ROWS * 20];
static int8_t segments[ROWS * 20];

/* Row r has 1 to 20 tokens of which each tells its row and place. */
static int setup(void **state)
{
    struct err err;
    struct strbuf s = {0};
    if (data_group_setup(state))
        return -1;
    strbuf_puts(&s, "text,label\n");
    for (uint64_t r = 0; r < ROWS; r++) {
        size_t length = 1 + rng_bits(1, RNG_TEST, r) % 20;
        strbuf_printf(&s, "row %d,l%d\n", (int)r, (int)(r % 3));
        starts[r + 1] = starts[r] + length;
        for (size_t i = 0; i < length; i++) {
            tokens[starts[r] + i] = (int32_t)(r * 100 + i);
            segments[starts[r] + i] = i > length / 2;
        }
        encoded.longest = length > encoded.longest ? length : encoded.longest;
    }
    encoded.rows = ROWS, encoded.start = starts, encoded.token = tokens, encoded.segment = segments;
    struct dataset_spec spec = data_files_spec(s.text, NULL, NULL);
    strbuf_clear(&s);
    dataset = dataset_open(&spec, &err);
    return dataset ? 0 : -1;
}

static int teardown(void **state)
{
    dataset_close(dataset);
    return data_group_teardown(state);
}

static void check_batch(const struct batch *b, const uint32_t *rows, size_t n)
{
    size_t total = 0, longest = 0;
    assert_int_equal(b->B, n);
    for (size_t i = 0; i < n; i++) {
        size_t length = encoded_length(&encoded, rows[i]);
        assert_int_equal(b->row[i], rows[i]);
        assert_int_equal(b->start[i], total);
        assert_int_equal(b->label[i], rows[i] % 3);
        for (size_t j = 0; j < length; j++) {
            assert_int_equal(b->token[total + j], rows[i] * 100 + j);
            assert_int_equal(b->position[total + j], j);
            assert_int_equal(b->segment[total + j], j > length / 2);
        }
        total += length;
        longest = length > longest ? length : longest;
    }
    assert_int_equal(b->start[n], total);
    assert_int_equal(b->T, total);
    assert_int_equal(b->longest, longest);
}

static void batches_hold_their_rows_and_never_outgrow_the_plan(void **state)
{
    (void)state;
    struct err err;
    struct batch b;
    uint32_t order[ROWS];
    for (uint32_t r = 0; r < ROWS; r++)
        order[r] = r;
    size_t max_T = batch_largest(&encoded, order, ROWS, 7, &err);
    assert_int_equal(batch_init(&b, 7, max_T, &err), 0);
    for (uint64_t round = 0; round < 50; round++) {
        rng_shuffle(order, ROWS, 5, RNG_TEST, round);
        size_t n = 1 + round % 7; /* batch_fill asserts that they fit */
        batch_fill(&b, dataset, &encoded, order, n);
        check_batch(&b, order, n);
    }
    batch_clear(&b);
    batch_clear(&b);
}

static int compare_down(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void the_largest_batch_is_the_longest_rows(void **state)
{
    (void)state;
    struct err err;
    uint32_t some[ROWS / 2];
    size_t length[ROWS / 2], sum = 0;
    for (uint32_t i = 0; i < ROWS / 2; i++) {
        some[i] = i * 2;
        length[i] = encoded_length(&encoded, some[i]);
    }
    qsort(length, ROWS / 2, sizeof *length, compare_down);
    for (size_t n = 0; n <= ROWS / 2; n++) {
        assert_int_equal(batch_largest(&encoded, some, ROWS / 2, n, &err), sum);
        sum += n < ROWS / 2 ? length[n] : 0;
    }
    assert_int_equal(batch_largest(&encoded, some, ROWS / 2, 1000, &err), sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_hold_their_rows_and_never_outgrow_the_plan),
        cmocka_unit_test(the_largest_batch_is_the_longest_rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
