/* test_bench.c - what `sft bench` measures with: peaks that count what was done, a step that is a
 * step, a made-up tokenizer that knows its made-up text. */
#include "cli/bench_text.h"
#include "engine/math/cpu.h"
#include "engine/math/machine.h"
#include "engine/model/bench.h"
#include "engine/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

/* Twelve chains of whole vectors, two operations each: counted from the sums, so none is left out. */
static void test_multiply_adds_are_all_done(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double lanes;
    } rows[] = {{"plain", 4}, {"avx2", 8}, {"avx512", 16}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ops *ops = cpu_find_ops(rows[i].name);
        if (ops)
            assert_true(ops->multiply_adds(54321) == 2 * 12 * rows[i].lanes * 54321);
    }
}

static void test_the_machine_has_speeds(void **state)
{
    (void)state;
    struct pool *pool = pool_create(2, &err);
    assert_non_null(pool);
    double one = machine_peak(pool, 1), both = machine_peak(pool, 2);
    assert_true(one > 0 && both > 0.5 * one && machine_peak(pool, 3) > 0);
    struct machine_memory *m = machine_memory_create(pool, 5 << 20, &err);
    assert_non_null(m);
    assert_int_equal(machine_memory_bytes(m), 5 << 20);
    struct machine_bandwidth b = machine_bandwidth(m, 2);
    assert_true(b.small_pages > 0 && b.huge_pages > 0);
    machine_memory_destroy(m);
    machine_memory_destroy(NULL);
    pool_destroy(pool);
}

static void test_a_step_and_its_operations(void **state)
{
    (void)state;
    enum { B = 2, S = 8, T = B * S, H = 384, F = 1536 };
    struct bench_shape shape = {bench_size_find("minilm"), B, S, 0.1};
    double part[BENCH_PARTS], sum = 0;
    struct compute *c = compute_create(2, &err);
    struct bench *b = c ? bench_create(c, &shape, &err) : NULL;
    assert_non_null(b);
    double seconds = bench_step(b, part);
    for (int i = 0; i < BENCH_PARTS; i++)
        sum += part[i];
    assert_true(seconds > 0 && sum > 0.999 * seconds && sum < 1.001 * seconds);
    assert_true(bench_forward(b) > 0 && bench_adamw(b) > 0);
    /* Six layers; of the last one only the rows that the head reads go past the attention; then the
     * pooler. */
    double all = 6.0 * (T * (2.0 * 3 * H * H) + T * (2.0 * 2 * S * H));
    double most = (5.0 * T + B) * (2.0 * H * H + 2.0 * 2 * H * F), pooler = B * 2.0 * H * H;
    assert_true(bench_forward_gflop(b) > 0.999e-9 * (all + most + pooler) &&
                bench_forward_gflop(b) < 1.001e-9 * (all + most + pooler));
    /* all-MiniLM-L6-v2 has 22 713 216 parameters; with it a head of 8 labels. */
    assert_true(bench_adamw_bytes(b) == 28.0 * (22713216 + 8 * H + 8));
    bench_destroy(b);
    /* bert-base-uncased has 109 482 240; a dropout of 0 is one, too. */
    shape.size = bench_size_find("base"), shape.dropout = 0;
    assert_non_null(b = bench_create(c, &shape, &err));
    assert_true(bench_step(b, part) > 0);
    assert_true(bench_adamw_bytes(b) == 28.0 * (109482240 + 8 * 768 + 8));
    bench_destroy(b);
    assert_null(bench_size_find("large"));
    compute_destroy(c);
}

static void test_a_model_from_a_configuration(void **state)
{
    (void)state;
    const struct head_spec head = {.labels = 3, .dropout = -1, .seed = 1};
    struct compute *c = compute_create(1, &err);
    assert_null(model_create("{\"model_type\": \"abacus\"}", &head, c, &err));
    assert_non_null(strstr(err.text, "abacus"));
    assert_null(model_create("{\"model_type\": ", &head, c, &err));
    struct model *m = model_create("{\"model_type\": \"bert\", \"hidden_size\": 32, "
                                   "\"num_attention_heads\": 2, \"num_hidden_layers\": 1, "
                                   "\"intermediate_size\": 64, \"vocab_size\": 50}",
                                   &head, c, &err);
    assert_non_null(m);
    assert_int_equal(model_labels(m), 3);
    size_t count;
    struct param *p = model_params(m, &count);
    for (size_t i = 0; i < count; i++) {
        double sum = 0, squares = 0, n = (double)(p[i].rows * p[i].cols);
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++)
            sum += p[i].w[j], squares += (double)p[i].w[j] * (double)p[i].w[j];
        if (p[i].rows > 1 && n > 1000) /* uniform of deviation 0.02 */
            assert_true(squares / n > 0.7 * 0.0004 && squares / n < 1.3 * 0.0004);
        else if (p[i].rows == 1) /* norms are 1, biases 0 */
            assert_true(sum == (strstr(p[i].name, "LayerNorm.weight") ? n : 0));
    }
    model_close(m);
    compute_destroy(c);
}

static void test_the_made_up_text_is_in_the_vocabulary(void **state)
{
    (void)state;
    struct tokenizer *t = bench_tokenizer(&err);
    struct encoding e = {0};
    struct strbuf text = {0};
    size_t words = 0, pieces = 0, lines = 0;
    assert_non_null(t);
    bench_text(&text, 20000);
    assert_true(text.length >= 20000 && text.text[text.length - 1] == '\n');
    for (const char *line = text.text, *end; *line; line = end + 1, lines++) {
        end = strchr(line, '\n');
        assert_int_equal(tokenizer_encode(t, line, (size_t)(end - line), NULL, 0, 0, &e, &err), 0);
        for (size_t i = 0; i < e.length; i++)
            assert_int_not_equal(e.ids[i], 1); /* [UNK] */
        assert_int_equal(e.ids[0], 2);
        pieces += e.length - 2;
        words++;
        for (const char *p = line; p < end; p++)
            words += *p == ' ';
    }
    /* As in English: about a dozen words a line, somewhat more pieces than words. */
    assert_true(words > 6 * lines && words < 20 * lines);
    assert_true(pieces > words && pieces < 2 * words);
    encoding_clear(&e);
    strbuf_clear(&text);
    tokenizer_close(t);
    assert_null(tokenizer_parse("{\"model\": {\"type\": \"Abacus\"}}", 30, "a text", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply_adds_are_all_done),
        cmocka_unit_test(test_the_machine_has_speeds),
        cmocka_unit_test(test_a_step_and_its_operations),
        cmocka_unit_test(test_a_model_from_a_configuration),
        cmocka_unit_test(test_the_made_up_text_is_in_the_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
