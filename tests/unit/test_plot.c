/* Curves as dots, and round ticks that never touch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/rng.h"
#include "ui/plot.h"

/* ---- the raster against drawing every segment ---- */

static double clamp_dot(double at)
{
    return at < -1e9 ? -1e9 : at > 1e9 ? 1e9 : at;
}

static double to_dot(const struct plot_axis *a, double v, int dots)
{
    double low = a->logarithmic ? log(a->low) : a->low,
           high = a->logarithmic ? log(a->high) : a->high;
    return clamp_dot(
        floor(((a->logarithmic ? log(v) : v) - low) * ((dots - 1) / (high - low)) + 0.5));
}

/* One segment as a curve of its own two points. */
static void naive(struct raster *r, const struct plot_series *s, const struct plot_axis *x,
                  const struct plot_axis *y, uint8_t owner)
{
    for (size_t i = 0; i < s->count; i++) {
        bool alone = i + 1 == s->count;
        struct plot_series two = *s;
        two.x = s->x + i;
        two.y = s->y + i;
        two.count = alone ? 1 : 2;
        raster_series(r, &two, x, y, owner);
    }
}

static double shape(int kind, size_t i, size_t n)
{
    double t = (double)i / (double)n, u = rng_uniform(3, RNG_TEST, i * 8 + (size_t)kind);
    switch (kind) {
    case 0:
        return 2 / (1 + 20 * t);
    case 1:
        return u;
    case 2:
        return sin(40 * t) + 0.2 * u;
    case 3:
        return i == n / 2 ? 50 : t; /* a spike of one step */
    case 4:
        return i % 97 == 13 ? NAN : i % 101 == 7 ? INFINITY : u * u;
    default:
        return floor(t * 6) - (u > 0.99 ? 3 : 0);
    }
}

static void same_dots(const struct plot_series *s, int w, int h, const struct plot_axis *x,
                      const struct plot_axis *y)
{
    struct raster fast, slow;
    assert_int_equal(raster_init(&fast, w, h, NULL) | raster_init(&slow, w, h, NULL), 0);
    raster_series(&fast, s, x, y, 1);
    naive(&slow, s, x, y, 1);
    for (int i = 0; i < w * h; i++)
        if (fast.owner[i] != slow.owner[i])
            fail_msg("dot %d,%d of %dx%d: %d against %d", i % w, i / w, w, h, fast.owner[i],
                     slow.owner[i]);
    raster_clear(&fast);
    raster_clear(&slow);
}

static void raster_equals_naive_drawing(void **state)
{
    static const int sizes[][2] = {{240, 120}, {60, 40}, {7, 5}, {1, 9}, {31, 1}};
    enum { POINTS = 3000 };
    static double x[POINTS], y[POINTS];
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        for (size_t i = 0; i < POINTS; i++) {
            x[i] = (double)i;
            y[i] = shape(kind, i, POINTS);
        }
        for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++)
            for (int zoom = 0; zoom < 4; zoom++) {
                double width = POINTS / (double)(1 << (3 * zoom));
                struct plot_axis ax = {1000 - width / 3, 1000 + width * 2 / 3, false};
                struct plot_axis ay = {zoom == 2 ? 0.3 : -2, zoom == 1 ? 0.7 : 2.5, false};
                struct plot_axis log_y = {0.01, 3, true};
                for (int dash = DASH_SOLID; dash <= DASH_POINTS; dash++) {
                    struct plot_series s = {"", x, y, POINTS, ROLE_TRAIN, (enum plot_dash)dash};
                    same_dots(&s, sizes[size][0], sizes[size][1], &ax, &ay);
                    same_dots(&s, sizes[size][0], sizes[size][1], &ax, &log_y);
                }
            }
    }
}

static void every_spike_shows(void **state)
{
    enum { POINTS = 100000 };
    static double x[POINTS], y[POINTS];
    (void)state;
    for (uint64_t trial = 0; trial < 50; trial++) {
        size_t spike = rng_bits(5, RNG_TEST, trial) % POINTS;
        for (size_t i = 0; i < POINTS; i++) {
            x[i] = (double)i;
            y[i] = i == spike ? 1 : 0;
        }
        struct raster r;
        assert_int_equal(raster_init(&r, 80, 40, NULL), 0);
        struct plot_axis ax = {0, POINTS, false}, ay = {0, 1, false};
        struct plot_series s = {"", x, y, POINTS, ROLE_TRAIN, DASH_SOLID};
        raster_series(&r, &s, &ax, &ay, 1);
        int column = (int)to_dot(&ax, (double)spike, 80);
        assert_int_equal(r.owner[column], 1); /* the top row */
        raster_clear(&r);
    }
}

static void gaps_stay_open(void **state)
{
    double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8}, y[] = {1, 1, NAN, 1, 1, INFINITY, -INFINITY, 1, 1};
    struct raster r;
    struct plot_axis ax = {0, 8, false}, ay = {0, 2, false};
    struct plot_series s = {"", x, y, 9, ROLE_TRAIN, DASH_SOLID};
    (void)state;
    assert_int_equal(raster_init(&r, 9, 3, NULL), 0);
    raster_series(&r, &s, &ax, &ay, 1);
    static const uint8_t want[9] = {1, 1, 0, 1, 1, 0, 0, 1, 1};
    assert_memory_equal(r.owner + 9, want, 9);
    raster_clear(&r);
}

static void a_zoomed_line_reaches_the_edges(void **state)
{
    double x[] = {0, 100}, y[] = {0, 100};
    struct raster r;
    struct plot_axis ax = {40, 60, false}, ay = {40, 60, false};
    struct plot_series s = {"", x, y, 2, ROLE_TRAIN, DASH_SOLID};
    (void)state;
    assert_int_equal(raster_init(&r, 21, 21, NULL), 0);
    raster_series(&r, &s, &ax, &ay, 1);
    for (int i = 0; i < 21; i++)
        assert_int_equal(r.owner[(20 - i) * 21 + i], 1);
    raster_clear(&r);
}

/* ---- axes ---- */

static struct plot_axis random_axis(uint64_t n)
{
    double size = pow(10, (double)(rng_bits(7, RNG_TEST, n * 4) % 16) - 8);
    double low = (rng_uniform(7, RNG_TEST, n * 4 + 1) - 0.3) * size * 3;
    double extent = size * (0.01 + rng_uniform(7, RNG_TEST, n * 4 + 2));
    bool logarithmic = n % 3 == 0 && low > 0;
    return (struct plot_axis){low, low + extent * (logarithmic ? 1000 : 1), logarithmic};
}

static void labels_never_touch(void **state)
{
    (void)state;
    size_t shown = 0;
    for (uint64_t n = 0; n < 3000; n++) {
        struct plot_axis axis = random_axis(n);
        int columns = 20 + (int)(n % 281);
        struct plot_label l[PLOT_TICKS_MAX];
        size_t count = plot_labels_place(l, &axis, columns);
        for (size_t i = 0; i < count; i++) {
            int end = l[i].start + (int)strlen(l[i].text);
            assert_true(l[i].start >= 0 && end <= columns);
            assert_true(l[i].tick >= 0 && l[i].tick < columns);
            if (i > 0)
                assert_true(l[i].start > l[i - 1].start + (int)strlen(l[i - 1].text));
        }
        shown += count >= 2;
    }
    assert_true(shown > 2700); /* and they are there */
}

/* A label read back is the tick's value, to a part in 1e12 of the axis. */
static void labels_are_exact(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 3000; n++) {
        struct plot_axis axis = random_axis(n);
        struct plot_ticks t;
        size_t most = 2 + n % 20;
        plot_ticks_make(&t, &axis, most);
        assert_in_range(t.count, 0, most);
        for (size_t i = 0; i < t.count; i++) {
            char *unit;
            double value = strtod(t.label[i], &unit);
            value *= *unit == 'k' ? 1e3 : *unit == 'M' ? 1e6 : 1;
            double slack = 1e-9 * (axis.high - axis.low) + 1e-12 * fabs(value);
            if (fabs(value - t.value[i]) > slack)
                fail_msg("tick %.17g is labelled %s on %g..%g", t.value[i], t.label[i], axis.low,
                         axis.high);
            assert_true(t.value[i] >= axis.low - slack && t.value[i] <= axis.high + slack);
            if (i > 0)
                assert_true(t.value[i] > t.value[i - 1]);
        }
    }
}

static void axis_does_not_jump(void **state)
{
    (void)state;
    struct plot_axis a = plot_axis_fit(NULL, 0.3, 1.9, false);
    assert_true(a.low <= 0.3 && a.high >= 1.9);
    struct plot_axis b = plot_axis_fit(&a, 0.4, 1.7, false);
    assert_memory_equal(&a, &b, sizeof a);
    struct plot_axis wider = plot_axis_fit(&a, 0.3, 7, false);
    assert_true(wider.high >= 7);
    struct plot_axis narrow = plot_axis_fit(&a, 0.3, 0.4, false);
    assert_true(narrow.high - narrow.low < (a.high - a.low) / 2);
    struct plot_axis flat = plot_axis_fit(NULL, 5, 5, false);
    assert_true(flat.low < 5 && flat.high > 5);
    struct plot_axis none = plot_axis_fit(&a, INFINITY, -INFINITY, false);
    assert_memory_equal(&a, &none, sizeof a);
    for (uint64_t n = 0; n < 2000; n++) {
        struct plot_axis r = random_axis(n), f = plot_axis_fit(NULL, r.low, r.high, r.logarithmic);
        assert_true(f.low <= r.low * (1 + 1e-9) || fabs(f.low - r.low) < 1e-6 * (r.high - r.low));
        assert_true(f.high >= r.high * (1 - 1e-9) ||
                    fabs(f.high - r.high) < 1e-6 * (r.high - r.low));
    }
}

/* ---- the chart ---- */

static void any_size_is_drawn(void **state)
{
    double x[200], y[200];
    (void)state;
    for (int i = 0; i < 200; i++) {
        x[i] = i;
        y[i] = shape(4, (size_t)i, 200);
    }
    struct plot p = {.series = {{"a", x, y, 200, ROLE_TRAIN, DASH_SOLID},
                                {"b", x, y, 100, ROLE_VALIDATION, DASH_DOTTED}},
                     .series_count = 2,
                     .x = {0, 200, false},
                     .y = {0, 1, false},
                     .marks = x,
                     .mark_count = 200,
                     .has_cursor = true,
                     .cursor = 77};
    for (int level = 0; level < GLYPH_LEVELS; level++)
        for (int w = 1; w < 60; w += 3)
            for (int h = 1; h < 20; h++) {
                struct canvas *c = canvas_create(w, h, (enum glyph_level)level, NULL);
                plot_draw(c, (struct rect){0, 0, w, h}, &p);
                plot_draw(c, (struct rect){-3, 2, w + 5, h}, &p);
                canvas_destroy(c);
            }
}

static void a_chart_as_text(void **state)
{
    double x[] = {0, 10, 20}, y[] = {0, 1, 0};
    struct plot p = {.series = {{"a", x, y, 3, ROLE_TRAIN, DASH_SOLID}},
                     .series_count = 1,
                     .x = {0, 20, false},
                     .y = {0, 1, false}};
    struct canvas *c = canvas_create(26, 8, GLYPHS_ASCII, NULL);
    struct strbuf text = {0};
    (void)state;
    plot_draw(c, (struct rect){0, 0, 26, 8}, &p);
    canvas_to_text(c, &text);
    assert_string_equal(text.text, "1.0+          **\n"
                                   "   |        **  **\n"
                                   "0.5+      **      **\n"
                                   "   |    **          **\n"
                                   "   |  **              **\n"
                                   "0.0+**                  **\n"
                                   "   ++----------+---------+\n"
                                   "    0          10       20\n");
    strbuf_clear(&text);
    canvas_destroy(c);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raster_equals_naive_drawing),
        cmocka_unit_test(every_spike_shows),
        cmocka_unit_test(gaps_stay_open),
        cmocka_unit_test(a_zoomed_line_reaches_the_edges),
        cmocka_unit_test(labels_never_touch),
        cmocka_unit_test(labels_are_exact),
        cmocka_unit_test(axis_does_not_jump),
        cmocka_unit_test(any_size_is_drawn),
        cmocka_unit_test(a_chart_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
