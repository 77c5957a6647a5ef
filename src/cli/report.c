#include "cli/report.h"

#include "cli/cli.h"

#include <string.h>

static const char *name_of(struct report_labels names, size_t id)
{
    return names.label(names.arg, id);
}

static void key_double(struct json_writer *w, const char *key, double x)
{
    json_key(w, key);
    json_double(w, x);
}

static void per_label(struct json_writer *w, const struct metrics *m, struct report_labels names)
{
    json_key(w, "per_label");
    json_open(w, '[');
    for (size_t k = 0; k < m->labels; k++) {
        const struct label_score *s = &m->per_label[k];
        json_open(w, '{');
        json_key(w, "label");
        json_string(w, name_of(names, k));
        key_double(w, "precision", s->precision);
        key_double(w, "recall", s->recall);
        key_double(w, "f1", s->f1);
        json_key(w, "support");
        json_int(w, (int64_t)s->support);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void names_array(struct json_writer *w, const struct metrics *m, struct report_labels names)
{
    json_key(w, "labels");
    json_open(w, '[');
    for (size_t k = 0; k < m->labels; k++)
        json_string(w, name_of(names, k));
    json_close(w, ']');
}

/* (rows, columns) numbers as arrays of arrays. */
static void matrix(struct json_writer *w, const uint64_t *cells, size_t rows, size_t columns)
{
    json_open(w, '[');
    for (size_t i = 0; i < rows; i++) {
        json_open(w, '[');
        for (size_t j = 0; j < columns; j++)
            json_int(w, (int64_t)cells[i * columns + j]);
        json_close(w, ']');
    }
    json_close(w, ']');
}

static void class_figures(struct json_writer *w, const struct metrics *m,
                          struct report_labels names)
{
    key_double(w, "accuracy", m->accuracy);
    key_double(w, "macro_precision", m->macro_precision);
    key_double(w, "macro_recall", m->macro_recall);
    key_double(w, "macro_f1", m->macro_f1);
    key_double(w, "weighted_f1", m->weighted_f1);
    key_double(w, "mcc", m->mcc);
    per_label(w, m, names);
    names_array(w, m, names);
    json_key(w, "confusion");
    matrix(w, m->confusion, m->labels, m->labels);
}

static void set_figures(struct json_writer *w, const struct metrics *m, struct report_labels names)
{
    key_double(w, "micro_precision", m->micro_precision);
    key_double(w, "micro_recall", m->micro_recall);
    key_double(w, "micro_f1", m->micro_f1);
    key_double(w, "macro_precision", m->macro_precision);
    key_double(w, "macro_recall", m->macro_recall);
    key_double(w, "macro_f1", m->macro_f1);
    key_double(w, "weighted_precision", m->weighted_precision);
    key_double(w, "weighted_recall", m->weighted_recall);
    key_double(w, "weighted_f1", m->weighted_f1);
    key_double(w, "subset_accuracy", m->subset_accuracy);
    key_double(w, "hamming_loss", m->hamming_loss);
    per_label(w, m, names);
    names_array(w, m, names);
    json_key(w, "confusion"); /* a label's [[no as no, no as yes], [yes as no, yes as yes]] */
    json_open(w, '[');
    for (size_t k = 0; k < m->labels; k++)
        matrix(w, m->confusion + 4 * k, 2, 2);
    json_close(w, ']');
}

static void value_figures(struct json_writer *w, const struct metrics *m)
{
    key_double(w, "mse", m->mse);
    key_double(w, "mae", m->mae);
    key_double(w, "pearson", m->pearson);
    key_double(w, "spearman", m->spearman);
    key_double(w, "r2", m->r2);
}

void report_json(struct json_writer *w, const struct metrics *m, struct report_labels names)
{
    if (!m) {
        json_null(w);
        return;
    }
    json_open(w, '{');
    json_key(w, "rows");
    json_int(w, (int64_t)m->rows);
    key_double(w, "loss", m->loss);
    if (m->problem == PROBLEM_REGRESSION)
        value_figures(w, m);
    else if (m->problem == PROBLEM_MULTI_LABEL)
        set_figures(w, m, names);
    else
        class_figures(w, m, names);
    json_close(w, '}');
}

static void score_row(FILE *f, const char *name, size_t width, const struct label_score *s)
{
    fputs("  ", f);
    cli_print_padded(f, name, width);
    fprintf(f, "  %9.4f  %9.4f  %9.4f  %8zu\n", s->precision, s->recall, s->f1, s->support);
}

/* The cells off the diagonal with the most rows, at most five of at least two rows. */
static void worst_confusions(FILE *f, const struct metrics *m, struct report_labels names)
{
    uint64_t limit = UINT64_MAX;
    for (size_t shown = 0; shown < 5;) {
        uint64_t most = 0;
        for (size_t c = 0; c < m->labels * m->labels; c++)
            if (c / m->labels != c % m->labels && m->confusion[c] < limit && m->confusion[c] > most)
                most = m->confusion[c];
        if (most < 2)
            return;
        for (size_t c = 0; c < m->labels * m->labels && shown < 5; c++)
            if (c / m->labels != c % m->labels && m->confusion[c] == most)
                fprintf(f, "%s  %llu x %s taken for %s\n", shown++ ? "" : "most often confused\n",
                        (unsigned long long)most, name_of(names, c / m->labels),
                        name_of(names, c % m->labels));
        limit = most;
    }
}

/* A row a label, then the means. */
static void score_table(FILE *f, const struct metrics *m, struct report_labels names)
{
    bool sets = m->problem == PROBLEM_MULTI_LABEL;
    size_t width = strlen("weighted");
    for (size_t k = 0; k < m->labels; k++) {
        size_t w = cli_width(name_of(names, k));
        width = w > width ? w : width;
    }
    fputs("  ", f);
    cli_print_padded(f, "label", width);
    fprintf(f, "  %9s  %9s  %9s  %8s\n", "precision", "recall", "F1", "rows");
    for (size_t k = 0; k < m->labels; k++)
        score_row(f, name_of(names, k), width, &m->per_label[k]);
    const struct label_score micro = {m->micro_precision, m->micro_recall, m->micro_f1, m->rows};
    const struct label_score macro = {m->macro_precision, m->macro_recall, m->macro_f1, m->rows};
    const struct label_score weighted = {m->weighted_precision, m->weighted_recall, m->weighted_f1,
                                         m->rows};
    if (sets)
        score_row(f, "micro", width, &micro);
    score_row(f, "macro", width, &macro);
    score_row(f, "weighted", width, &weighted);
    fputs("\n", f);
}

/* Labels that were missed or said wrongly, the worst first, at most five. */
static void worst_labels(FILE *f, const struct metrics *m, struct report_labels names)
{
    uint64_t limit = UINT64_MAX;
    for (size_t shown = 0; shown < 5;) {
        uint64_t most = 0;
        for (size_t k = 0; k < m->labels; k++) {
            uint64_t wrong = m->confusion[4 * k + 1] + m->confusion[4 * k + 2];
            most = wrong < limit && wrong > most ? wrong : most;
        }
        if (!most)
            return;
        for (size_t k = 0; k < m->labels && shown < 5; k++) {
            const uint64_t *c = m->confusion + 4 * k;
            if (c[1] + c[2] == most)
                fprintf(f, "%s  %s: missed in %llu rows, spurious in %llu\n",
                        shown++ ? "" : "most often wrong\n", name_of(names, k),
                        (unsigned long long)c[2], (unsigned long long)c[1]);
        }
        limit = most;
    }
}

void report_text(FILE *f, const char *title, const struct metrics *m, struct report_labels names)
{
    char figures[400];
    report_line(figures, sizeof figures, m);
    fprintf(f, "%s: %zu rows, %s\n%s", title, m->rows, figures,
            m->problem == PROBLEM_REGRESSION ? "" : "\n");
    if (m->problem == PROBLEM_REGRESSION)
        return;
    score_table(f, m, names);
    if (m->problem == PROBLEM_MULTI_LABEL)
        worst_labels(f, m, names);
    else
        worst_confusions(f, m, names);
}

void report_line(char *out, size_t size, const struct metrics *m)
{
    size_t n = 0;
    for (enum metric k = 0; k < METRIC_COUNT && n < size; k++)
        if (metric_serves(k, m->problem))
            n += (size_t)snprintf(out + n, size - n, "%s%s %.4f", n ? ", " : "", metric_title(k),
                                  metric_of(m, k));
}
