/* test_split.c - what carving promises, over random data. */
#include "engine/base/rng.h"
#include "engine/data/dataset.h"
#include "engine/data/split.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_ROWS 2000

static uint64_t key[MAX_ROWS];
static int32_t label[MAX_ROWS];
static uint8_t side[MAX_ROWS], other[MAX_ROWS];

/* n rows of `labels` labels of unequal frequency; one text in `repeat` stands again somewhere, with
 * the same label. */
static void draw(size_t n, size_t labels, size_t repeat, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = rng_bits(seed, RNG_TEST, i);
        size_t from = i ? (size_t)(bits >> 8) % i : 0;
        bool again = repeat && i && bits % repeat == 0;
        key[i] = again ? key[from] : rng_bits(seed, RNG_TEST, 1000000 + i);
        double u = rng_uniform(seed, RNG_TEST, 2000000 + i);
        label[i] = again ? label[from] : (int32_t)(u * u * (double)labels);
    }
}

static size_t count(const uint8_t *out, size_t n, enum split s, int32_t only)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += out[i] == s && (only < 0 || label[i] == only);
    return rows;
}

static void carve(size_t n, size_t labels, uint64_t seed, uint8_t *out)
{
    struct err err;
    assert_int_equal(split_carve(key, label, n, labels, seed, out, &err), 0);
}

static void equal_texts_stay_together(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        draw(500, 5, 3, seed);
        carve(500, 5, seed, side);
        for (size_t i = 0; i < 500; i++)
            for (size_t j = 0; j < i; j++)
                if (key[i] == key[j])
                    assert_int_equal(side[i], side[j]);
    }
}

static void shares_are_a_tenth_each_and_every_label_trains(void **state)
{
    (void)state;
    static const size_t sizes[] = {20, 77, 500, 2000};
    for (size_t k = 0; k < 4; k++) {
        for (size_t labels = 1; labels <= 40; labels += 3) {
            size_t n = sizes[k];
            draw(n, labels, 0, k * 100 + labels);
            carve(n, labels, 0, side);
            assert_true(fabs((double)count(side, n, SPLIT_TEST, -1) - (double)n / 10) <= 2 ||
                        n < 4 * labels);
            assert_true(fabs((double)count(side, n, SPLIT_VALIDATION, -1) - (double)n / 10) <= 2 ||
                        n < 4 * labels);
            for (int32_t l = 0; l < (int32_t)labels; l++) {
                size_t rows = 0;
                for (size_t i = 0; i < n; i++)
                    rows += label[i] == l;
                assert_true(!rows || count(side, n, SPLIT_TRAIN, l) > 0);
                if (rows >= 10 && n >= 4 * labels)
                    assert_true(fabs((double)count(side, n, SPLIT_TEST, l) - (double)rows / 10) < 2);
            }
        }
    }
}

static void the_order_of_the_file_does_not_matter(void **state)
{
    (void)state;
    draw(600, 6, 4, 9);
    carve(600, 6, 5, side);
    for (size_t i = 0; i < 300; i++) { /* reverse the rows */
        uint64_t k = key[i];
        int32_t l = label[i];
        key[i] = key[599 - i], label[i] = label[599 - i];
        key[599 - i] = k, label[599 - i] = l;
    }
    carve(600, 6, 5, other);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(side[i], other[599 - i]);
}

static void the_seed_alone_changes_it(void **state)
{
    (void)state;
    draw(600, 6, 4, 9);
    carve(600, 6, 5, side);
    carve(600, 6, 5, other);
    assert_memory_equal(side, other, 600);
    carve(600, 6, 6, other);
    assert_int_not_equal(memcmp(side, other, 600), 0);
}

static void rows_without_a_label_are_carved_too(void **state)
{
    (void)state;
    draw(100, 1, 0, 1);
    for (size_t i = 0; i < 100; i++)
        label[i] = i % 2 ? NO_LABEL : 0;
    carve(100, 1, 0, side);
    assert_int_equal(count(side, 100, SPLIT_TEST, 0), 5);
    assert_int_equal(count(side, 100, SPLIT_TEST, -1), 10);
    carve(1, 1, 0, side);
    assert_int_equal(side[0], SPLIT_TRAIN);
    carve(0, 1, 0, side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_texts_stay_together),
        cmocka_unit_test(shares_are_a_tenth_each_and_every_label_trains),
        cmocka_unit_test(the_order_of_the_file_does_not_matter),
        cmocka_unit_test(the_seed_alone_changes_it),
        cmocka_unit_test(rows_without_a_label_are_carved_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
