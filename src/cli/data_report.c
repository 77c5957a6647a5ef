#include "cli/data_report.h"

#include "cli/cli.h"
#include "engine/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define TEXT_LABELS   30 /* rows of the label table */
#define TEXT_EXAMPLES 3  /* of a finding */
#define JSON_EXAMPLES 100
#define LABEL_WIDTH   32
#define BAR_WIDTH     24

/* ------------------------------------------------------------------ cells of a terminal */

/* At most `cells` columns of text[0..n), control characters as spaces; an ellipsis where it was cut.
 * Returns the columns used. */
static size_t add_clipped(struct strbuf *out, const char *text, size_t n, size_t cells, bool utf8)
{
    const char *dots = utf8 ? "\xE2\x80\xA6" : "~";
    size_t used = 0;
    size_t kept = out->length, kept_cells = 0; /* where an ellipsis would still go */
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t bytes =
            utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(n - i), &c);
        if (bytes <= 0)
            bytes = 1, c = '?';
        bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
        size_t wide = control ? 1 : (size_t)utf8proc_charwidth(c);
        if (used + wide > cells) {
            out->length = kept;
            strbuf_puts(out, dots);
            return kept_cells + 1;
        }
        if (control || (!utf8 && c >= 0x80))
            strbuf_puts(out, control ? " " : "?");
        else
            strbuf_add(out, text + i, (size_t)bytes);
        used += !utf8 && c >= 0x80 ? 1 : wide;
        if (used < cells)
            kept = out->length, kept_cells = used;
        i += (size_t)bytes;
    }
    return used;
}

static void add_padded(struct strbuf *out, const char *text, size_t cells, bool utf8)
{
    size_t used = add_clipped(out, text, strlen(text), cells, utf8);
    strbuf_printf(out, "%*s", (int)(cells - used), "");
}

/* A bar of `part` of `whole`, in eighths of a cell where the terminal can; a row is never nothing. */
static void add_bar(struct strbuf *out, size_t part, size_t whole, bool utf8)
{
    if (!part)
        return;
    size_t eighths = (part * BAR_WIDTH * 8 + whole - 1) / whole;
    if (!utf8) {
        for (size_t i = 0; i < (eighths + 7) / 8; i++)
            strbuf_puts(out, "#");
        return;
    }
    for (size_t i = 0; i < eighths / 8; i++)
        strbuf_puts(out, "\xE2\x96\x88"); /* U+2588, a full block */
    if (eighths % 8)
        strbuf_printf(out, "\xE2\x96%c", (char)(0x90 - eighths % 8)); /* U+2589 to U+258F */
}

/* ------------------------------------------------------------------ text */

static size_t label_total(const struct dataset *d, int32_t id)
{
    size_t rows = 0;
    for (int s = 0; s < SPLIT_COUNT; s++)
        rows += dataset_label_rows(d, id, (enum split)s);
    return rows;
}

struct tally {
    size_t rows;
    int32_t id;
};

static int compare_tallies(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    return x->rows != y->rows ? (x->rows < y->rows ? 1 : -1) : x->id - y->id;
}

/* Labels, the commonest first; NULL when memory ran out. free() it. */
static struct tally *tally_labels(const struct dataset *d)
{
    size_t count = dataset_labels(d);
    struct tally *t = mem_alloc(count, sizeof *t, "the labels", NULL);
    for (size_t i = 0; t && i < count; i++)
        t[i] = (struct tally){label_total(d, (int32_t)i), (int32_t)i};
    if (t)
        qsort(t, count, sizeof *t, compare_tallies);
    return t;
}

static void add_counts(struct strbuf *out, const size_t counts[SPLIT_COUNT])
{
    for (int s = 0; s < SPLIT_COUNT; s++) {
        if (counts[s])
            strbuf_printf(out, "  %10zu", counts[s]);
        else
            strbuf_printf(out, "  %10s", "-");
    }
}

static void add_label_row(const struct data_report *r, const struct tally *t, size_t name_width,
                          size_t most, bool utf8, struct strbuf *out)
{
    size_t counts[SPLIT_COUNT];
    for (int s = 0; s < SPLIT_COUNT; s++)
        counts[s] = dataset_label_rows(r->dataset, t->id, (enum split)s);
    strbuf_puts(out, "  ");
    add_padded(out, dataset_label(r->dataset, t->id), name_width, utf8);
    add_counts(out, counts);
    strbuf_puts(out, "  ");
    add_bar(out, t->rows, most, utf8);
    strbuf_puts(out, "\n");
}

static void add_labels(const struct data_report *r, bool utf8, struct strbuf *out)
{
    size_t count = dataset_labels(r->dataset), name_width = 8;
    size_t shown = count <= TEXT_LABELS + 1 ? count : TEXT_LABELS; /* no "1 more label" */
    struct tally *t = tally_labels(r->dataset);
    for (size_t i = 0; t && i < shown; i++) {
        size_t cells = cli_width(dataset_label(r->dataset, t[i].id));
        name_width = cells > name_width ? cells : name_width;
    }
    if (name_width > LABEL_WIDTH)
        name_width = LABEL_WIDTH;
    strbuf_puts(out, "\n  ");
    add_padded(out, "label", name_width, utf8);
    for (int s = 0; s < SPLIT_COUNT; s++)
        strbuf_printf(out, "  %10s", split_name((enum split)s));
    strbuf_puts(out, "\n");
    for (size_t i = 0; t && i < shown; i++)
        add_label_row(r, &t[i], name_width, t[0].rows, utf8, out);
    if (t && shown < count)
        strbuf_printf(out, "  and %zu more labels of %zu to %zu rows (--json lists them)\n",
                      count - shown, t[count - 1].rows, t[shown].rows);
    strbuf_puts(out, "  ");
    add_padded(out, "all rows", name_width, utf8);
    add_counts(out, r->gate->rows);
    strbuf_puts(out, "\n");
    free(t);
}

/* Values instead of labels: their spread in each split, then how they are distributed. */
static void add_values(const struct data_report *r, bool utf8, struct strbuf *out)
{
    struct value_summary v;
    size_t most = 0;
    strbuf_printf(out, "\n  %-10s  %10s  %12s  %12s  %12s  %12s\n", "values", "rows", "least",
                  "mean", "most", "deviation");
    for (int s = 0; s <= SPLIT_COUNT; s++) {
        gate_values(r->dataset, (enum split)s, &v);
        if (v.rows)
            strbuf_printf(out, "  %-10s  %10zu  %12.6g  %12.6g  %12.6g  %12.4g\n",
                          s == SPLIT_COUNT ? "all rows" : split_name((enum split)s), v.rows,
                          v.least, v.mean, v.most, v.deviation);
    }
    for (int i = 0; i < VALUE_BINS; i++)
        most = v.bins[i] > most ? v.bins[i] : most;
    strbuf_puts(out, "\n");
    for (int i = 0; i < VALUE_BINS && v.most > v.least; i++) {
        double wide = (v.most - v.least) / VALUE_BINS;
        strbuf_printf(out, "  from %12.6g  %8zu  ", v.least + i * wide, v.bins[i]);
        add_bar(out, v.bins[i], most, utf8);
        strbuf_puts(out, "\n");
    }
}

static void add_problem(const struct data_report *r, struct strbuf *out)
{
    enum problem p = dataset_problem(r->dataset);
    if (p == PROBLEM_SINGLE_LABEL)
        return;
    strbuf_printf(out, "  %-10s  %s%s%s\n", "problem", problem_name(p),
                  *dataset_ground(r->dataset) ? ": " : "", dataset_ground(r->dataset));
}

static void add_files(const struct data_report *r, struct strbuf *out)
{
    bool values = dataset_problem(r->dataset) == PROBLEM_REGRESSION;
    size_t labels = dataset_labels(r->dataset);
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (dataset_path(r->dataset, (enum split)s))
            strbuf_printf(out, "  %-10s  %s\n", r->carved ? "file" : split_name((enum split)s),
                          dataset_path(r->dataset, (enum split)s));
    strbuf_printf(out, "  %-10s  %zu row%s", "holds", dataset_rows(r->dataset),
                  dataset_rows(r->dataset) == 1 ? "" : "s");
    if (!values)
        strbuf_printf(out, ", %zu label%s", labels, labels == 1 ? "" : "s");
    if (r->carved)
        strbuf_printf(out, "; alone, so split 80/10/10%s (split_seed %llu)",
                      dataset_problem(r->dataset) == PROBLEM_SINGLE_LABEL ? " by label" : "",
                      (unsigned long long)r->split_seed);
    strbuf_puts(out, "\n");
    add_problem(r, out);
}

static void add_lengths(const struct data_report *r, struct strbuf *out)
{
    const struct lengths *l = &r->lengths;
    strbuf_printf(out, "\n  %s a text: shortest %zu, median %zu, 95%% within %zu, longest %zu\n",
                  r->encoded ? "tokens" : "characters", l->shortest, l->median, l->p95, l->longest);
    if (!r->encoded)
        return;
    size_t cut = r->gate->findings[FINDING_TRUNCATED].count;
    strbuf_printf(out, "  %zu row%s (%.1f%%) %s longer than max_length %zu and will be cut\n", cut,
                  cut == 1 ? "" : "s", 100 * (double)cut / (double)dataset_rows(r->dataset),
                  cut == 1 ? "is" : "are", r->encoded->max_length);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* "  = line 12" or "  = train.csv:12": where the first row with the same text is. */
static void write_twin(const struct data_report *r, uint32_t row, char *out, size_t size)
{
    struct example x;
    uint32_t twin = r->gate->twin[row];
    const char *path = dataset_row_path(r->dataset, twin);
    out[0] = '\0';
    if (twin == row)
        return;
    dataset_get(r->dataset, twin, &x);
    if (path == dataset_row_path(r->dataset, row))
        snprintf(out, size, "  = line %u", x.line);
    else
        snprintf(out, size, "  = %.60s:%u", file_name(path), x.line);
}

/* "file.csv:12  label  text", the text taking what the width leaves it. */
static void add_example(const struct data_report *r, enum finding_kind k, uint32_t row,
                        size_t width, bool utf8, struct strbuf *out)
{
    struct example x;
    char place[96], twin[96] = "", target[64];
    dataset_get(r->dataset, row, &x);
    snprintf(place, sizeof place, "%.60s:%u", file_name(dataset_row_path(r->dataset, row)), x.line);
    if (k == FINDING_DUPLICATE || k == FINDING_LEAK || k == FINDING_CONFLICT)
        write_twin(r, row, twin, sizeof twin);
    strbuf_printf(out, "      %-24s  ", place);
    dataset_target_text(r->dataset, &x, target, sizeof target);
    add_padded(out, target, 16, utf8);
    strbuf_puts(out, "  ");
    if (k == FINDING_EMPTY_TEXT) {
        strbuf_puts(out, x.text_length ? "(only white space)\n" : "(nothing)\n");
        return;
    }
    size_t used = 26 + (strlen(place) > 24 ? strlen(place) : 24) + strlen(twin);
    add_clipped(out, x.text, x.text_length, used + 16 < width ? width - used : 16, utf8);
    strbuf_printf(out, "%s\n", twin);
}

static void add_findings(const struct data_report *r, size_t width, bool utf8, struct strbuf *out)
{
    size_t kinds = 0;
    strbuf_puts(out, "\n");
    for (int k = 0; k < FINDING_KINDS; k++) {
        const struct finding *f = &r->gate->findings[k];
        if (!f->count)
            continue;
        kinds++;
        strbuf_printf(out, "  %8zu row%s  %s\n", f->count, f->count == 1 ? " " : "s",
                      finding_name(f->kind, dataset_problem(r->dataset)));
        size_t shown = f->count <= TEXT_EXAMPLES + 1 ? f->count : TEXT_EXAMPLES;
        for (size_t i = 0; i < shown; i++)
            add_example(r, f->kind, f->rows[i], width, utf8, out);
        if (shown < f->count)
            strbuf_printf(out, "      and %zu more\n", f->count - shown);
    }
    if (!kinds)
        strbuf_puts(out, "  nothing wrong: no empty, repeated, contradictory or leaking row\n");
}

void data_report_text(const struct data_report *r, size_t width, bool utf8, struct strbuf *out)
{
    add_files(r, out);
    (dataset_problem(r->dataset) == PROBLEM_REGRESSION ? add_values : add_labels)(r, utf8, out);
    add_lengths(r, out);
    add_findings(r, width, utf8, out);
}

/* ------------------------------------------------------------------ JSON */

static void key_size(struct json_writer *w, const char *key, size_t n)
{
    json_key(w, key);
    json_int(w, (int64_t)n);
}

static void json_files(struct json_writer *w, const struct data_report *r)
{
    json_key(w, "files");
    json_open(w, '[');
    for (int s = 0; s < SPLIT_COUNT; s++) {
        if (!dataset_path(r->dataset, (enum split)s))
            continue;
        json_open(w, '{');
        json_key(w, "split");
        json_string(w, r->carved ? "all" : split_name((enum split)s));
        json_key(w, "path");
        json_string(w, dataset_path(r->dataset, (enum split)s));
        json_key(w, "sha256");
        json_string(w, dataset_sha256(r->dataset, (enum split)s));
        json_close(w, '}');
    }
    json_close(w, ']');
    key_size(w, "rows", dataset_rows(r->dataset));
    json_key(w, "splits");
    json_open(w, '{');
    for (int s = 0; s < SPLIT_COUNT; s++)
        key_size(w, split_name((enum split)s), r->gate->rows[s]);
    json_close(w, '}');
    json_key(w, "carved");
    json_bool(w, r->carved);
    if (dataset_problem(r->dataset) == PROBLEM_SINGLE_LABEL)
        return;
    json_key(w, "problem_type");
    json_string(w, problem_name(dataset_problem(r->dataset)));
}

static void key_real(struct json_writer *w, const char *key, double x)
{
    json_key(w, key);
    json_double(w, x);
}

static void json_values(struct json_writer *w, const struct dataset *d)
{
    json_key(w, "values");
    json_open(w, '{');
    for (int s = 0; s <= SPLIT_COUNT; s++) {
        struct value_summary v;
        gate_values(d, (enum split)s, &v);
        json_key(w, s == SPLIT_COUNT ? "all" : split_name((enum split)s));
        if (!v.rows) {
            json_null(w);
            continue;
        }
        json_open(w, '{');
        key_size(w, "rows", v.rows);
        key_real(w, "least", v.least);
        key_real(w, "mean", v.mean);
        key_real(w, "most", v.most);
        key_real(w, "deviation", v.deviation);
        json_key(w, "bins"); /* of equal width, least to most */
        json_open(w, '[');
        for (int i = 0; i < VALUE_BINS; i++)
            json_int(w, (int64_t)v.bins[i]);
        json_close(w, ']');
        json_close(w, '}');
    }
    json_close(w, '}');
}

static void json_labels(struct json_writer *w, const struct dataset *d)
{
    if (dataset_problem(d) == PROBLEM_REGRESSION) {
        json_values(w, d);
        return;
    }
    json_key(w, "labels");
    json_open(w, '[');
    for (size_t i = 0; i < dataset_labels(d); i++) {
        json_open(w, '{');
        json_key(w, "label");
        json_string(w, dataset_label(d, (int32_t)i));
        for (int s = 0; s < SPLIT_COUNT; s++)
            key_size(w, split_name((enum split)s),
                     dataset_label_rows(d, (int32_t)i, (enum split)s));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void json_lengths(struct json_writer *w, const struct data_report *r)
{
    json_key(w, "length");
    json_open(w, '{');
    json_key(w, "unit");
    json_string(w, r->encoded ? "tokens" : "characters");
    key_size(w, "shortest", r->lengths.shortest);
    key_size(w, "median", r->lengths.median);
    key_size(w, "p95", r->lengths.p95);
    key_size(w, "longest", r->lengths.longest);
    key_size(w, "sum", r->lengths.sum);
    json_close(w, '}');
    size_t cut = r->gate->findings[FINDING_TRUNCATED].count;
    if (!r->encoded)
        return;
    key_size(w, "max_length", r->encoded->max_length);
    key_size(w, "truncated", cut);
    json_key(w, "truncated_share");
    json_double(w, (double)cut / (double)dataset_rows(r->dataset));
}

/* "label": a name, "value": a number, "labels": an array; null when not given. */
static void json_target(struct json_writer *w, const struct dataset *d, const struct example *x)
{
    json_key(w, problem_target_name(dataset_problem(d)));
    if (!x->given) {
        json_null(w);
    } else if (dataset_problem(d) == PROBLEM_SINGLE_LABEL) {
        json_string(w, dataset_label(d, x->label));
    } else if (dataset_problem(d) == PROBLEM_REGRESSION) {
        json_double(w, x->value);
    } else {
        json_open(w, '[');
        for (size_t i = 0; i < x->set_count; i++)
            json_string(w, dataset_label(d, x->set[i]));
        json_close(w, ']');
    }
}

static void json_row(struct json_writer *w, const struct data_report *r, uint32_t row)
{
    struct example x;
    dataset_get(r->dataset, row, &x);
    json_key(w, "file");
    json_string(w, dataset_row_path(r->dataset, row));
    key_size(w, "line", x.line);
    json_key(w, "split");
    json_string(w, split_name(x.split));
    json_target(w, r->dataset, &x);
}

static void json_example(struct json_writer *w, const struct data_report *r, uint32_t row)
{
    struct example x;
    dataset_get(r->dataset, row, &x);
    json_open(w, '{');
    json_row(w, r, row);
    json_key(w, "text");
    json_string_n(w, x.text, x.text_length);
    if (x.pair) {
        json_key(w, "pair");
        json_string_n(w, x.pair, x.pair_length);
    }
    json_key(w, "twin"); /* the first row with this text */
    if (r->gate->twin[row] == row) {
        json_null(w);
    } else {
        json_open(w, '{');
        json_row(w, r, r->gate->twin[row]);
        json_close(w, '}');
    }
    json_close(w, '}');
}

static void json_findings(struct json_writer *w, const struct data_report *r)
{
    json_key(w, "findings");
    json_open(w, '[');
    for (int k = 0; k < FINDING_KINDS; k++) {
        const struct finding *f = &r->gate->findings[k];
        if (!f->count)
            continue;
        json_open(w, '{');
        json_key(w, "kind");
        json_string(w, finding_key(f->kind));
        json_key(w, "name");
        json_string(w, finding_name(f->kind, dataset_problem(r->dataset)));
        key_size(w, "rows", f->count);
        json_key(w, "examples");
        json_open(w, '[');
        for (size_t i = 0; i < f->count && i < JSON_EXAMPLES; i++)
            json_example(w, r, f->rows[i]);
        json_close(w, ']');
        json_close(w, '}');
    }
    json_close(w, ']');
}

void data_report_json(const struct data_report *r, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_open(&w, '{');
    json_files(&w, r);
    json_labels(&w, r->dataset);
    json_lengths(&w, r);
    json_findings(&w, r);
    json_key(&w, "problem");
    if (r->problem)
        json_string(&w, r->problem);
    else
        json_null(&w);
    json_close(&w, '}');
    strbuf_puts(out, "\n");
}
