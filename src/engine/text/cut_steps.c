#include "engine/text/cut_steps.h"

#include "engine/base/mem.h"
#include "engine/text/byte_level.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

void cut_work_clear(struct cut_work *w)
{
    for (int i = 0; i < 2; i++) {
        normalized_clear(&w->text[i]);
        free(w->words[i].list);
    }
    free(w->found.list);
    regex_work_clear(&w->regex);
    memset(w, 0, sizeof *w);
}

/* Empty ranges are never kept; an empty match only cuts. */
static int add_range(struct cut_list *l, size_t from, size_t to, bool found, struct err *err)
{
    if (mem_grow(&l->list, &l->capacity, l->count + 1, sizeof *l->list, "the words of a text", err))
        return -1;
    l->list[l->count++] = (struct cut_range){(uint32_t)from, (uint32_t)to, found};
    return 0;
}

/* -- finding: a word into ranges, each found or not ---------------------------------------- */

static int find_pattern(const struct cut_step *step, const char *text, size_t from, size_t to,
                        struct cut_work *w, struct err *err)
{
    struct regex_search s = {.text = text + from, .n = to - from};
    size_t done = 0;
    int found;
    while ((found = regex_next(&step->pattern, &w->regex, &s, err)) > 0) {
        if (s.start > done && add_range(&w->found, from + done, from + s.start, step->invert, err))
            return -1;
        if (add_range(&w->found, from + s.start, from + s.end, !step->invert, err))
            return -1;
        done = s.end;
    }
    if (found < 0)
        return -1;
    return done < s.n ? add_range(&w->found, from + done, to, step->invert, err) : 0;
}

/* Each character of a kind is found; what is between is not. */
static int find_characters(bool (*is)(uint32_t code), const char *text, size_t from, size_t to,
                           struct cut_work *w, struct err *err)
{
    size_t begun = from;
    for (size_t at = from, n; at < to; at += n) {
        uint32_t code;
        n = unicode_decode(text + at, to - at, &code);
        if (!is(code))
            continue;
        if (begun < at && add_range(&w->found, begun, at, false, err))
            return -1;
        if (add_range(&w->found, at, at + n, true, err))
            return -1;
        begun = at + n;
    }
    return begun < to ? add_range(&w->found, begun, to, false, err) : 0;
}

/* Words, runs of other characters, and the white space between them, which is what is found. */
static int find_words(const char *text, size_t from, size_t to, struct cut_work *w, struct err *err)
{
    enum { SPACE, WORD, OTHER } last = SPACE, kind;
    size_t begun = from;
    for (size_t at = from, n; at < to; at += n) {
        uint32_t code;
        n = unicode_decode(text + at, to - at, &code);
        kind = unicode_is_word(code) ? WORD : unicode_is_space(code) ? SPACE : OTHER;
        if (kind != last && begun < at && add_range(&w->found, begun, at, last == SPACE, err))
            return -1;
        if (kind != last)
            begun = at;
        last = kind;
    }
    return begun < to ? add_range(&w->found, begun, to, last == SPACE, err) : 0;
}

/* -- behaviour: ranges into words ---------------------------------------------------------- */

/* Join a range to the last word of *to when `join` says so, else begin a word. */
static int put_word(struct cut_list *to, size_t base, struct cut_range r, bool join,
                    struct err *err)
{
    if (join && to->count > base) {
        to->list[to->count - 1].to = r.to;
        return 0;
    }
    return add_range(to, r.from, r.to, false, err);
}

/* Range i goes with the word before it. A run of found ranges has one that goes with its
 * neighbour: the first with what is before, the last with what comes after. */
static bool joins(enum cut_behavior behavior, const struct cut_list *f, size_t i)
{
    bool found = f->list[i].found, before = i > 0 && f->list[i - 1].found;
    switch (behavior) {
    case CUT_CONTIGUOUS:
        return i > 0 && found == before;
    case CUT_WITH_PREVIOUS:
        return i > 0 && found && !before;
    case CUT_WITH_NEXT:
        return before && !found;
    default:
        return false;
    }
}

static int keep(const struct cut_list *f, enum cut_behavior behavior, struct cut_list *to,
                struct err *err)
{
    size_t base = to->count;
    for (size_t i = 0; i < f->count; i++) {
        if (behavior == CUT_REMOVED && f->list[i].found)
            continue;
        if (put_word(to, base, f->list[i], joins(behavior, f, i), err))
            return -1;
    }
    size_t kept = base; /* an empty match may have left empty words */
    for (size_t i = base; i < to->count; i++)
        if (to->list[i].from < to->list[i].to)
            to->list[kept++] = to->list[i];
    to->count = kept;
    return 0;
}

/* -- steps -------------------------------------------------------------------------------- */

static int cut_word(const struct cut_step *step, const char *text, struct cut_range word,
                    struct cut_work *w, struct cut_list *to, struct err *err)
{
    w->found.count = 0;
    int status = -1;
    switch (step->kind) {
    case CUT_BYTE_LEVEL:
    case CUT_PATTERN:
        status = find_pattern(step, text, word.from, word.to, w, err);
        break;
    case CUT_WHITESPACE:
        status = find_words(text, word.from, word.to, w, err);
        break;
    case CUT_BERT:
    case CUT_WHITESPACE_SPLIT:
        status = find_characters(unicode_is_space, text, word.from, word.to, w, err);
        break;
    case CUT_PUNCTUATION:
        status = find_characters(unicode_is_punctuation, text, word.from, word.to, w, err);
        break;
    case CUT_DIGITS:
        status = find_characters(unicode_is_number, text, word.from, word.to, w, err);
        break;
    case CUT_METASPACE:
        return -1; /* has a way of its own, apply_metaspace */
    }
    return status ? -1 : keep(&w->found, step->behavior, to, err);
}

static int cut_words(const struct cut_step *step, const char *text, const struct cut_list *words,
                     struct cut_work *w, struct cut_list *to, struct err *err)
{
    to->count = 0;
    for (size_t i = 0; i < words->count; i++)
        if (cut_word(step, text, words->list[i], w, to, err))
            return -1;
    return 0;
}

/* A step works from text[now] and words[now] into the other ones, and turns `now`. */
struct cut_state {
    const struct normalized *text;
    struct cut_work *w;
    int now_text, now_words; /* which of w's is in use; -1: the text is the caller's */
};

static struct cut_list *current_words(const struct cut_state *s)
{
    return &s->w->words[s->now_words];
}

static struct cut_list *next_words(struct cut_state *s)
{
    s->w->words[!s->now_words].count = 0;
    return &s->w->words[!s->now_words];
}

static struct normalized *next_text(const struct cut_state *s)
{
    struct normalized *t = &s->w->text[s->now_text == 0];
    t->length = 0;
    return t;
}

static void turn_words(struct cut_state *s)
{
    s->now_words = !s->now_words;
}

static void turn_text(struct cut_state *s, const struct normalized *text)
{
    s->now_text = s->now_text == 0;
    s->text = text;
}

static int apply_cut(const struct cut_step *step, struct cut_state *s, struct err *err)
{
    const struct cut_list *words = current_words(s);
    if (cut_words(step, s->text->bytes, words, s->w, next_words(s), err))
        return -1;
    turn_words(s);
    return 0;
}

/* White space first, then punctuation. */
static int apply_bert(const struct cut_step *step, struct cut_state *s, struct err *err)
{
    static const struct cut_step marks = {.kind = CUT_PUNCTUATION, .behavior = CUT_ISOLATED};
    return apply_cut(step, s, err) || apply_cut(&marks, s, err) ? -1 : 0;
}

/* Append a word, with `prefix` before it when it does not begin so; the prefix has the range of the
 * word's first character. */
static int append_word(const struct normalized *in, struct cut_range word, const char *prefix,
                       struct normalized *out, struct err *err)
{
    size_t n = strlen(prefix), length = word.to - word.from;
    if (normalized_reserve(out, n + length, err))
        return -1;
    if (n > length || memcmp(in->bytes + word.from, prefix, n))
        normalized_put_bytes(out, prefix, n, in->span[word.from]);
    memcpy(out->bytes + out->length, in->bytes + word.from, length);
    memcpy(out->span + out->length, in->span + word.from, length * sizeof *out->span);
    out->length += length;
    return 0;
}

static int add_prefix_spaces(struct cut_state *s, struct err *err)
{
    const struct cut_list *words = current_words(s);
    struct normalized *out = next_text(s);
    struct cut_list *to = next_words(s);
    for (size_t i = 0; i < words->count; i++) {
        size_t begun = out->length;
        if (append_word(s->text, words->list[i], " ", out, err) ||
            add_range(to, begun, out->length, false, err))
            return -1;
    }
    turn_text(s, out);
    turn_words(s);
    return 0;
}

static int apply_byte_level(const struct cut_step *step, struct cut_state *s, struct err *err)
{
    if (step->add_prefix_space && add_prefix_spaces(s, err))
        return -1;
    if (step->use_regex && apply_cut(step, s, err))
        return -1;
    const struct normalized *in = s->text;
    struct normalized *out = next_text(s);
    struct cut_list *words = current_words(s);
    for (size_t i = 0; i < words->count; i++) {
        size_t begun = out->length;
        if (byte_level_apply(in, words->list[i].from, words->list[i].to, out, err))
            return -1;
        words->list[i] = (struct cut_range){(uint32_t)begun, (uint32_t)out->length, false};
    }
    turn_text(s, out);
    return 0;
}

/* Spaces of a word to the replacement. */
static int write_spaces(const struct normalized *in, struct cut_range word, const char *replacement,
                        struct normalized *out, struct err *err)
{
    size_t n = strlen(replacement);
    if (normalized_reserve(out, n * (size_t)(word.to - word.from), err))
        return -1;
    for (size_t i = word.from; i < word.to; i++) {
        if (in->bytes[i] == ' ')
            normalized_put_bytes(out, replacement, n, in->span[i]);
        else
            normalized_put_bytes(out, in->bytes + i, 1, in->span[i]);
    }
    return 0;
}

/* The word out->bytes[begun..) into words that each begin with a replacement, or one word. */
static int cut_at_replacements(const struct cut_step *step, const struct normalized *out,
                               size_t begun, struct cut_list *to, struct err *err)
{
    size_t n = strlen(step->replacement), at = begun;
    for (size_t i = begun + 1; step->split && i + n <= out->length; i++)
        if (!memcmp(out->bytes + i, step->replacement, n)) {
            if (add_range(to, at, i, false, err))
                return -1;
            at = i;
        }
    return add_range(to, at, out->length, false, err);
}

static int apply_metaspace(const struct cut_step *step, struct cut_state *s, struct err *err)
{
    const struct cut_list *words = current_words(s);
    struct normalized *out = next_text(s);
    struct cut_list *to = next_words(s);
    size_t n = strlen(step->replacement);
    for (size_t i = 0; i < words->count; i++) {
        struct cut_range word = words->list[i];
        size_t begun = out->length;
        struct normalize_span first = s->text->span[word.from];
        bool has =
            s->text->bytes[word.from] == ' ' ||
            (word.to - word.from >= n && !memcmp(s->text->bytes + word.from, step->replacement, n));
        bool wants = step->prepend == CUT_ALWAYS || (step->prepend == CUT_FIRST && !first.start);
        if (normalized_reserve(out, n, err))
            return -1;
        if (wants && !has)
            normalized_put_bytes(out, step->replacement, n, first);
        if (write_spaces(s->text, word, step->replacement, out, err) ||
            cut_at_replacements(step, out, begun, to, err))
            return -1;
    }
    turn_text(s, out);
    turn_words(s);
    return 0;
}

int cut_steps_apply(const struct cut_steps *steps, const struct normalized *in, size_t from,
                    size_t to, struct cut_work *w, const struct normalized **text,
                    const struct cut_list **words, struct err *err)
{
    struct cut_state s = {.text = in, .w = w, .now_text = -1};
    w->words[0].count = 0;
    if (from < to && add_range(&w->words[0], from, to, false, err))
        return -1;
    for (size_t i = 0; i < steps->count; i++) {
        const struct cut_step *step = &steps->step[i];
        int (*apply)(const struct cut_step *, struct cut_state *, struct err *) =
            step->kind == CUT_BERT         ? apply_bert
            : step->kind == CUT_BYTE_LEVEL ? apply_byte_level
            : step->kind == CUT_METASPACE  ? apply_metaspace
                                           : apply_cut;
        if (apply(step, &s, err))
            return -1;
    }
    *text = s.text;
    *words = current_words(&s);
    return 0;
}

void cut_steps_clear(struct cut_steps *s)
{
    for (size_t i = 0; i < s->count; i++)
        regex_clear(&s->step[i].pattern);
    memset(s, 0, sizeof *s);
}
