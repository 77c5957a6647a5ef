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

static void confusion(struct json_writer *w, const struct metrics *m, struct report_labels names)
{
    json_key(w, "labels");
    json_open(w, '[');
    for (size_t k = 0; k < m->labels; k++)
        json_string(w, name_of(names, k));
    json_close(w, ']');
    json_key(w, "confusion");
    json_open(w, '[');
    for (size_t i = 0; i < m->labels; i++) {
        json_open(w, '[');
        for (size_t j = 0; j < m->labels; j++)
            json_int(w, (int64_t)m->confusion[i * m->labels + j]);
        json_close(w, ']');
    }
    json_close(w, ']');
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
    key_double(w, "accuracy", m->accuracy);
    key_double(w, "macro_precision", m->macro_precision);
    key_double(w, "macro_recall", m->macro_recall);
    key_double(w, "macro_f1", m->macro_f1);
    key_double(w, "weighted_f1", m->weighted_f1);
    key_double(w, "mcc", m->mcc);
    per_label(w, m, names);
    confusion(w, m, names);
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

void report_text(FILE *f, const char *title, const struct metrics *m, struct report_labels names)
{
    size_t width = strlen("weighted");
    for (size_t k = 0; k < m->labels; k++) {
        size_t w = cli_width(name_of(names, k));
        width = w > width ? w : width;
    }
    fprintf(f, "%s: %zu rows, loss %.4f, accuracy %.4f, macro F1 %.4f, MCC %.4f\n\n", title,
            m->rows, m->loss, m->accuracy, m->macro_f1, m->mcc);
    fputs("  ", f);
    cli_print_padded(f, "label", width);
    fprintf(f, "  %9s  %9s  %9s  %8s\n", "precision", "recall", "F1", "rows");
    for (size_t k = 0; k < m->labels; k++)
        score_row(f, name_of(names, k), width, &m->per_label[k]);
    const struct label_score macro = {m->macro_precision, m->macro_recall, m->macro_f1, m->rows};
    score_row(f, "macro", width, &macro);
    fputs("  ", f);
    cli_print_padded(f, "weighted", width);
    fprintf(f, "  %9s  %9s  %9.4f  %8zu\n\n", "", "", m->weighted_f1, m->rows);
    worst_confusions(f, m, names);
}
