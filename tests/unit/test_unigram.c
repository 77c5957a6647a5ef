/* test_unigram.c - the Unigram model against all segmentations of a word. */
#include "engine/base/rng.h"
#include "engine/text/unigram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t draw(uint64_t *counter, uint64_t below)
{
    return rng_bits(11, RNG_TEST, (*counter)++) % below;
}

/* The bytes as they stand, byte i from source range [i, i + 1). */
static void take(struct normalized *n, const char *text, size_t length)
{
    n->length = 0;
    assert_int_equal(normalized_reserve(n, length + 1, NULL), 0);
    for (size_t i = 0; i < length; i++)
        normalized_put_bytes(n, text + i, 1, (struct normalize_span){(uint32_t)i, (uint32_t)i + 1});
}

static int encode(const struct unigram *u, const char *text, struct pieces *out, struct err *err)
{
    struct normalized n = {0};
    take(&n, text, strlen(text));
    out->count = 0;
    int status = unigram_encode(u, &n, 0, n.length, out, err);
    normalized_clear(&n);
    return status;
}

struct entry {
    const char *text;
    double score;
};

static void build(struct unigram *u, const struct entry *entries, size_t count, int32_t unknown,
                  bool byte_fallback)
{
    assert_int_equal(unigram_init(u, 0, NULL), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            unigram_add(u, entries[i].text, strlen(entries[i].text), entries[i].score, NULL), 0);
    assert_int_equal(unigram_finish(u, unknown, byte_fallback, NULL), 0);
}

static void expect(const struct unigram *u, const char *text, const int32_t *ids, size_t count)
{
    struct pieces p = {0};
    assert_int_equal(encode(u, text, &p, NULL), 0);
    assert_int_equal(p.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(p.id[i], ids[i]);
    uint32_t at = 0; /* the pieces tile the text, bytes of one character together */
    for (size_t i = 0; i < p.count; i++) {
        assert_true(p.span[i].start == at || (i && p.span[i].start == p.span[i - 1].start));
        at = p.span[i].end;
    }
    assert_int_equal(at, strlen(text));
    pieces_clear(&p);
}

/* -- against brute force -------------------------------------------------------------------- */

enum { WORDS = 12, LONGEST = 10 };
struct lattice {
    char word[WORDS][6];
    double score[WORDS];
    const char *text;
    double best;
    size_t ways; /* that reach the best */
};

/* Try every segmentation of text[at..), the scores added from the left. */
static void walk(struct lattice *l, size_t at, double sum, double unknown)
{
    if (!l->text[at]) {
        l->ways = sum > l->best ? 1 : l->ways + (sum == l->best);
        l->best = sum > l->best ? sum : l->best;
        return;
    }
    bool single = false;
    for (size_t i = 1; i < WORDS; i++) {
        size_t n = strlen(l->word[i]);
        if (strncmp(l->text + at, l->word[i], n))
            continue;
        single |= n == 1;
        walk(l, at + n, sum + l->score[i], unknown);
    }
    if (!single)
        walk(l, at + 1, sum + unknown, unknown);
}

static void make_lattice(struct lattice *l, struct unigram *u, uint64_t *counter)
{
    double lowest = 0;
    strcpy(l->word[0], "?");
    l->score[0] = 0;
    for (int i = 1; i < WORDS; i++) {
        bool again = true;
        while (again) { /* no word twice */
            size_t n = 1 + draw(counter, 4);
            for (size_t k = 0; k < n; k++)
                l->word[i][k] = (char)('a' + draw(counter, 3));
            l->word[i][n] = '\0';
            again = false;
            for (int k = 1; k < i; k++)
                again |= !strcmp(l->word[k], l->word[i]);
        }
        l->score[i] = -(double)draw(counter, 1000) / 64; /* sums are exact */
        lowest = l->score[i] < lowest ? l->score[i] : lowest;
    }
    assert_int_equal(unigram_init(u, 0, NULL), 0);
    for (int i = 0; i < WORDS; i++)
        assert_int_equal(unigram_add(u, l->word[i], strlen(l->word[i]), l->score[i], NULL), 0);
    assert_int_equal(unigram_finish(u, 0, false, NULL), 0);
    l->best = lowest - 10; /* the unknown's score, for walk() */
}

/* What the ids come to; unknown ones stand for `span` characters. */
static double sum_of(const struct lattice *l, const struct pieces *p, double unknown)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t n = p->span[i].end - p->span[i].start;
        if (p->id[i])
            assert_memory_equal(l->text + p->span[i].start, l->word[p->id[i]], n);
        sum += p->id[i] ? l->score[p->id[i]] : unknown * n;
    }
    return sum;
}

static void test_best_of_all_segmentations(void **state)
{
    (void)state;
    uint64_t counter = 0;
    struct pieces p = {0};
    size_t alone = 0;
    for (int round = 0; round < 3000; round++) {
        struct lattice l;
        struct unigram u;
        make_lattice(&l, &u, &counter);
        double unknown = l.best;
        char text[LONGEST + 1];
        size_t n = 1 + draw(&counter, LONGEST);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)('a' + draw(&counter, 3));
        text[n] = '\0';
        l.text = text;
        l.best = -1e9;
        l.ways = 0;
        walk(&l, 0, 0, unknown);
        assert_int_equal(encode(&u, text, &p, NULL), 0);
        assert_true(sum_of(&l, &p, unknown) == l.best);
        alone += l.ways == 1;
        unigram_clear(&u);
    }
    assert_true(alone > 2000); /* most rounds had one answer, so its pieces were compared too */
    pieces_clear(&p);
}

/* -- by example ------------------------------------------------------------------------------ */

static void test_ties_take_the_longest_last_piece(void **state)
{
    (void)state;
    /* "ab"+"c" and "a"+"bc" cost the same: the place after "c" is offered "bc" first. */
    static const struct entry entries[] = {{"<unk>", 0}, {"a", -1},  {"b", -5},
                                           {"c", -1},    {"ab", -2}, {"bc", -2}};
    struct unigram u;
    build(&u, entries, COUNT(entries), 0, false);
    expect(&u, "abc", (const int32_t[]){1, 5}, 2);
    unigram_clear(&u);
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct entry entries[] = {
        {"<unk>", 0}, {"a", -1}, {"<0xC3>", -3}, {"<0xA9>", -3}, {"<0x78>", -3}};
    struct unigram u;
    build(&u, entries, COUNT(entries), 0, false);
    expect(&u, "xyax", (const int32_t[]){0, 1, 0}, 3); /* neighbours are one token */
    expect(&u, "a<unk>a", (const int32_t[]){1, 0, 1}, 3);
    unigram_clear(&u);
    build(&u, entries, COUNT(entries), 0, true);
    expect(&u,
           "a\xc3\xa9"
           "a",
           (const int32_t[]){1, 2, 3, 1}, 4);
    expect(&u, "x\xc3\xa9", (const int32_t[]){4, 2, 3}, 3);
    expect(&u, "ya", (const int32_t[]){0, 1}, 2); /* "<0x79>" is no piece */
    expect(&u, "yxa", (const int32_t[]){0, 1},
           2); /* one such byte, and all of the run is unknown */
    unigram_clear(&u);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct entry entries[] = {{"a", -1}, {"", -1}, {"a", -2}};
    struct unigram u;
    struct pieces p = {0};
    struct err err = {0};
    build(&u, entries, COUNT(entries), -1, false);
    expect(&u, "aa", (const int32_t[]){2, 2}, 2); /* the last of equals */
    assert_int_equal(encode(&u, "ab", &p, &err), -1);
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "U+0062"));
    assert_int_equal(p.count, 0);
    assert_int_equal(unigram_finish(&u, 3, false, &err), -1);
    assert_int_equal(unigram_add(&u, "b", 1, 0.0 / 0.0, &err), -1);
    char *large = calloc(UNIGRAM_PIECE_MAX + 1, 1);
    assert_int_equal(unigram_add(&u, large, UNIGRAM_PIECE_MAX + 1, 0, &err), -1);
    assert_non_null(strstr(err.text, "4097 bytes"));
    free(large);
    unigram_clear(&u);
    pieces_clear(&p);
}

/* A word of a million bytes, all of it one run: neither the stack nor the clock minds. */
static void test_long_word(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    static const struct entry entries[] = {{"<unk>", 0}, {"a", -1}, {"aa", -1.5}, {"aaaa", -2.5}};
    struct unigram u;
    struct pieces p = {0};
    char *text = calloc(LENGTH + 1, 1);
    build(&u, entries, COUNT(entries), 0, false);
    memset(text, 'a', LENGTH);
    assert_int_equal(encode(&u, text, &p, NULL), 0);
    assert_int_equal(p.count, LENGTH / 4);
    memset(text, 'b', LENGTH);
    assert_int_equal(encode(&u, text, &p, NULL), 0);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.span[0].end, LENGTH);
    free(text);
    unigram_clear(&u);
    pieces_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_of_all_segmentations),
        cmocka_unit_test(test_ties_take_the_longest_last_piece),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
