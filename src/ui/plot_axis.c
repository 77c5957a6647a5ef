/* plot_axis.c - ranges and round ticks. Tick values are whole multiples of their step, computed as
 * one integer times or divided by one power of ten, so that a label is the value, not near it. */
#include "ui/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A step m * 10^e with m one of 1, 2, 5. */
struct step {
    int m, e;
};

static double step_multiple(struct step s, double k)
{
    double n = k * s.m;
    return s.e >= 0 ? n * pow(10, s.e) : n / pow(10, -s.e);
}

static struct step step_next(struct step s)
{
    static const int after[6] = {[1] = 2, [2] = 5, [5] = 1};
    return (struct step){after[s.m], s.e + (s.m == 5)};
}

/* The least step of at least `size`. */
static struct step step_at_least(double size)
{
    struct step s = {1, (int)floor(log10(size)) - 1};
    while (step_multiple(s, 1) < size * (1 - 1e-9))
        s = step_next(s);
    return s;
}

/* First and last multiple of the step inside [low, high]; a hair of room for rounding. */
static void multiples_inside(struct step s, double low, double high, double *first, double *last)
{
    double size = step_multiple(s, 1), hair = (high - low) * 1e-9;
    *first = ceil((low - hair) / size);
    *last = floor((high + hair) / size);
}

/* Long numbers get an exponent or a unit, all labels of an axis the same way. */
static void label_linear(char *out, size_t size, double value, struct step s, double largest)
{
    if (s.e < -5 || (s.e < -3 && largest < 0.01))
        snprintf(out, size, "%.7g", value);
    else if (largest >= 1e6)
        snprintf(out, size, "%.*fM", s.e < 6 ? 6 - s.e : 0, value / 1e6);
    else if (largest >= 1e4)
        snprintf(out, size, "%.*fk", s.e < 3 ? 3 - s.e : 0, value / 1e3);
    else
        snprintf(out, size, "%.*f", s.e < 0 ? -s.e : 0, value);
}

static void ticks_linear(struct plot_ticks *t, double low, double high, size_t most)
{
    double first, last;
    struct step s = step_at_least((high - low) / (double)most);
    for (multiples_inside(s, low, high, &first, &last); last - first + 1 > (double)most;
         multiples_inside(s, low, high, &first, &last))
        s = step_next(s);
    double largest = fmax(fabs(step_multiple(s, first)), fabs(step_multiple(s, last)));
    for (double k = first; k <= last; k++) {
        t->value[t->count] = step_multiple(s, k) + 0.0; /* no minus zero */
        label_linear(t->label[t->count], sizeof t->label[0], t->value[t->count], s, largest);
        t->count++;
    }
}

static void add_logarithmic(struct plot_ticks *t, const struct plot_axis *axis, int m, int e,
                            size_t most)
{
    double value = step_multiple((struct step){m, e}, 1);
    if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9) || t->count >= most)
        return;
    t->value[t->count] = value;
    snprintf(t->label[t->count], sizeof t->label[0], "%.7g", value);
    t->count++;
}

static void ticks_logarithmic(struct plot_ticks *t, const struct plot_axis *axis, size_t most)
{
    int low = (int)floor(log10(axis->low) + 1e-9), high = (int)ceil(log10(axis->high) - 1e-9);
    int decades = high - low + 1, stride = 1;
    while ((size_t)(decades + stride - 1) / (size_t)stride > most)
        stride++;
    bool fine = (size_t)decades * 3 <= most + 3;
    for (int e = low; e <= high; e += stride) {
        add_logarithmic(t, axis, 1, e, most);
        if (fine) {
            add_logarithmic(t, axis, 2, e, most);
            add_logarithmic(t, axis, 5, e, most);
        }
    }
}

void plot_ticks_make(struct plot_ticks *t, const struct plot_axis *axis, size_t most)
{
    memset(t, 0, sizeof *t);
    most = most > PLOT_TICKS_MAX ? PLOT_TICKS_MAX : most;
    if (most == 0 || !(axis->high > axis->low) || !isfinite(axis->high - axis->low))
        return;
    if (axis->logarithmic && axis->low > 0)
        ticks_logarithmic(t, axis, most);
    if (t->count < 2 && (!axis->logarithmic || axis->low > 0)) {
        t->count = 0;
        ticks_linear(t, axis->low, axis->high, most);
    }
}

static double position(const struct plot_axis *axis, double value)
{
    if (axis->logarithmic)
        return (log(value) - log(axis->low)) / (log(axis->high) - log(axis->low));
    return (value - axis->low) / (axis->high - axis->low);
}

int plot_cell(const struct plot_axis *axis, double value, int cells)
{
    double at = position(axis, value) * (cells - 1);
    return at < -1e6 ? -1000000 : at > 1e6 ? 1000000 : (int)lround(at);
}

static bool place(struct plot_label *out, const struct plot_ticks *t, const struct plot_axis *axis,
                  int columns)
{
    int free_from = 0;
    for (size_t i = 0; i < t->count; i++) {
        int width = (int)strlen(t->label[i]), tick = plot_cell(axis, t->value[i], columns);
        int start = tick - (width - 1) / 2;
        if (start + width > columns)
            start = columns - width;
        if (start < 0)
            start = 0;
        if (start < free_from || start + width > columns || tick < 0 || tick >= columns)
            return false;
        free_from = start + width + 1;
        out[i].tick = tick;
        out[i].start = start;
        memcpy(out[i].text, t->label[i], sizeof out[i].text);
    }
    return true;
}

size_t plot_labels_place(struct plot_label out[PLOT_TICKS_MAX], const struct plot_axis *axis,
                         int columns)
{
    struct plot_ticks t;
    for (size_t most = columns > 0 ? (size_t)columns / 6 + 1 : 0; most > 0; most--) {
        plot_ticks_make(&t, axis, most);
        if (place(out, &t, axis, columns))
            return t.count;
    }
    return 0;
}

static struct plot_axis fit_linear(double low, double high)
{
    if (!(high > low)) {
        double pad = low != 0 ? fabs(low) * 0.5 : 0.5;
        low = low > 0 ? fmax(0, low - pad) : low - pad;
        high += pad;
    }
    struct step s = step_at_least((high - low) / 8);
    double size = step_multiple(s, 1), hair = (high - low) * 1e-9;
    return (struct plot_axis){step_multiple(s, floor((low + hair) / size)),
                              step_multiple(s, ceil((high - hair) / size)), false};
}

static struct plot_axis fit_logarithmic(double low, double high)
{
    struct step below = {1, (int)floor(log10(low)) - 1}, s = below;
    while (step_multiple(step_next(s), 1) <= low * (1 + 1e-9))
        s = step_next(s);
    struct step top = s;
    do
        top = step_next(top);
    while (step_multiple(top, 1) < high * (1 - 1e-9));
    return (struct plot_axis){step_multiple(s, 1), step_multiple(top, 1), true};
}

static double extent(const struct plot_axis *axis)
{
    return axis->logarithmic ? log(axis->high) - log(axis->low) : axis->high - axis->low;
}

struct plot_axis plot_axis_fit(const struct plot_axis *before, double low, double high,
                               bool logarithmic)
{
    logarithmic = logarithmic && low > 0;
    if (!isfinite(low) || !isfinite(high) || high < low)
        return before && before->high > before->low ? *before : (struct plot_axis){0, 1, false};
    struct plot_axis fresh = logarithmic ? fit_logarithmic(low, high) : fit_linear(low, high);
    if (before && before->logarithmic == logarithmic && before->high > before->low &&
        before->low <= low && before->high >= high && extent(before) <= 2 * extent(&fresh))
        return *before;
    return fresh;
}
