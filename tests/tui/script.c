#include "tui/script.h"

#include "engine/base/file.h"
#include "tui/harness.h"
#include "tui/recorded.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENV_MAX  16
#define ARGS_MAX 32

struct script {
    const char *path, *program;
    int line_number;
    char root[4096], directory[4096]; /* the project; where the program runs */
    int w, h;
    char *env[ENV_MAX + 1];
    size_t env_count;
    struct harness *harness;
    struct recorded *served; /* a trainer's side kept open while the script runs */
    bool mask, mask_title;
    struct strbuf screens; /* all of them, as in the .screen file */
};

static enum script_result fail(struct script *s, const char *what, const char *detail)
{
    fprintf(stderr, "%s:%d: %s%s%s\n", s->path, s->line_number, what, detail ? ": " : "",
            detail ? detail : "");
    if (s->harness) {
        struct strbuf screen = {0};
        harness_screen(s->harness, &screen);
        fprintf(stderr, "the screen was:\n%s", screen.text ? screen.text : "");
        strbuf_clear(&screen);
    }
    return SCRIPT_FAILED;
}

static void link_into(struct script *s, const char *name, const char *target)
{
    char from[8300], to[8300];
    snprintf(from, sizeof from, "%s/%s", s->root, target);
    snprintf(to, sizeof to, "%s/%s", s->directory, name);
    if (symlink(from, to))
        perror(to);
}

static bool make_directory(struct script *s)
{
    snprintf(s->directory, sizeof s->directory, "/tmp/sft-screen-XXXXXX");
    if (!getcwd(s->root, sizeof s->root) || !mkdtemp(s->directory))
        return false;
    link_into(s, "fixtures", "tests/fixtures");
    link_into(s, "screens", "tests/tui/data");
    link_into(s, "sample_data", "sample_data");
    return true;
}

static enum script_result do_size(struct script *s, const char *rest)
{
    return sscanf(rest, "%dx%d", &s->w, &s->h) == 2 ? SCRIPT_PASSED : fail(s, "no size", rest);
}

static enum script_result do_env(struct script *s, const char *rest)
{
    if (s->env_count == ENV_MAX)
        return fail(s, "too many env lines", NULL);
    s->env[s->env_count++] = strdup(rest);
    return SCRIPT_PASSED;
}

static enum script_result do_skip_without(struct script *s, const char *rest)
{
    (void)s;
    return file_exists(rest) ? SCRIPT_PASSED : SCRIPT_SKIPPED;
}

static enum script_result make_recorded(struct script *s, const char *rest, enum recorded_kind kind)
{
    struct err err;
    char rundir[8300];
    snprintf(rundir, sizeof rundir, "%s/%s", s->directory, rest);
    s->served = recorded_make(rundir, s->directory, kind, &err);
    return s->served ? SCRIPT_PASSED : fail(s, "cannot record a run", err.text);
}

static enum script_result make_ended(struct script *s, const char *rest, enum recorded_kind kind)
{
    enum script_result r = make_recorded(s, rest, kind);
    recorded_close(s->served);
    s->served = NULL;
    return r;
}

static enum script_result do_recorded_run(struct script *s, const char *rest)
{
    return make_ended(s, rest, RECORDED_FINISHED);
}

static enum script_result do_confused_run(struct script *s, const char *rest)
{
    return make_ended(s, rest, RECORDED_CONFUSED);
}

static enum script_result do_values_run(struct script *s, const char *rest)
{
    return make_ended(s, rest, RECORDED_VALUES);
}

static enum script_result do_sets_run(struct script *s, const char *rest)
{
    return make_ended(s, rest, RECORDED_SETS);
}

static enum script_result do_served_run(struct script *s, const char *rest)
{
    return make_recorded(s, rest, RECORDED_SERVED);
}

static enum script_result do_run(struct script *s, const char *rest)
{
    char words[4096], *at = words, *word;
    const char *argv[ARGS_MAX + 1] = {s->program};
    size_t n = 1;
    snprintf(words, sizeof words, "%s", rest);
    while ((word = strtok_r(at, " ", &at)) && n < ARGS_MAX)
        argv[n++] = word;
    s->harness = harness_start(
        &(struct harness_spec){argv, (const char *const *)s->env, s->directory, s->w, s->h});
    return SCRIPT_PASSED;
}

static enum script_result do_keys(struct script *s, const char *rest)
{
    harness_keys(s->harness, rest);
    return SCRIPT_PASSED;
}

static enum script_result do_wait(struct script *s, const char *rest)
{
    return harness_wait(s->harness, rest, true) ? SCRIPT_PASSED : fail(s, "never came", rest);
}

static enum script_result do_gone(struct script *s, const char *rest)
{
    return harness_wait(s->harness, rest, false) ? SCRIPT_PASSED : fail(s, "never went", rest);
}

static enum script_result do_resize(struct script *s, const char *rest)
{
    int w, h;
    if (sscanf(rest, "%dx%d", &w, &h) != 2)
        return fail(s, "no size", rest);
    harness_settle(s->harness);
    harness_resize(s->harness, w, h);
    harness_settle(s->harness);
    return SCRIPT_PASSED;
}

static enum script_result do_mask(struct script *s, const char *rest)
{
    (void)rest;
    s->mask = true;
    return SCRIPT_PASSED;
}

static enum script_result do_mask_title(struct script *s, const char *rest)
{
    (void)rest;
    s->mask_title = true;
    return SCRIPT_PASSED;
}

/* Digits become '#', braille (U+2800 to U+28FF, bytes e2 a0..a3 xx) becomes a space. */
static void add_masked(struct strbuf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (p[0] == 0xe2 && p[1] >= 0xa0 && p[1] <= 0xa3) {
            strbuf_puts(out, " ");
            p += 2;
        } else {
            char c = isdigit(*p) ? '#' : (char)*p;
            strbuf_add(out, &c, 1);
        }
    }
}

static enum script_result do_screen(struct script *s, const char *rest)
{
    struct strbuf screen = {0};
    harness_settle(s->harness);
    harness_screen(s->harness, &screen);
    strbuf_printf(&s->screens, "==== %s\n", rest);
    const char *text = screen.text;
    if (s->mask_title) {
        strbuf_puts(&s->screens, "(title)");
        text += strcspn(text, "\n");
    }
    if (s->mask)
        add_masked(&s->screens, text);
    else
        strbuf_puts(&s->screens, text);
    strbuf_clear(&screen);
    return SCRIPT_PASSED;
}

static enum script_result do_ascii(struct script *s, const char *rest)
{
    size_t n;
    const char *raw = harness_raw(s->harness, &n);
    (void)rest;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)raw[i] > 0x7e)
            return fail(s, "a byte above 0x7e was written", NULL);
    return n ? SCRIPT_PASSED : fail(s, "nothing was written", NULL);
}

/* An SGR sequence with a parameter in 30..49 or 90..107 sets a colour; 39 and 49 take it back. */
static bool sets_color(const char *p, const char *end)
{
    while (p < end && (isdigit((unsigned char)*p) || *p == ';')) {
        char *after;
        long n = strtol(p, &after, 10);
        if ((n >= 30 && n <= 48 && n != 39) || (n >= 90 && n <= 107))
            return true;
        p = after + (*after == ';');
        if (after == p)
            break;
    }
    return false;
}

static enum script_result do_colorless(struct script *s, const char *rest)
{
    size_t n;
    const char *raw = harness_raw(s->harness, &n);
    (void)rest;
    for (size_t i = 0; i + 2 < n; i++) {
        const char *end = raw + i + 2;
        if (raw[i] != '\x1b' || raw[i + 1] != '[')
            continue;
        while (end < raw + n && (isdigit((unsigned char)*end) || *end == ';'))
            end++;
        if (end < raw + n && *end == 'm' && sets_color(raw + i + 2, end))
            return fail(s, "a colour was set", NULL);
    }
    return SCRIPT_PASSED;
}

static enum script_result do_exit(struct script *s, const char *rest)
{
    int status = harness_wait_exit(s->harness);
    if (status != atoi(rest)) {
        char got[32];
        snprintf(got, sizeof got, "%d", status);
        return fail(s, "ended with", got);
    }
    return harness_is_cooked(s->harness) ? SCRIPT_PASSED
                                         : fail(s, "the terminal is not as it was", 0);
}

static const struct {
    const char *name;
    enum script_result (*run)(struct script *s, const char *rest);
    bool needs_program;
} commands[] = {
    {"size", do_size, false},
    {"env", do_env, false},
    {"skip-without", do_skip_without, false},
    {"recorded-run", do_recorded_run, false},
    {"confused-run", do_confused_run, false},
    {"values-run", do_values_run, false},
    {"sets-run", do_sets_run, false},
    {"served-run", do_served_run, false},
    {"run", do_run, false},
    {"keys", do_keys, true},
    {"wait", do_wait, true},
    {"gone", do_gone, true},
    {"resize", do_resize, true},
    {"mask", do_mask, false},
    {"mask-title", do_mask_title, false},
    {"screen", do_screen, true},
    {"ascii", do_ascii, true},
    {"colorless", do_colorless, true},
    {"exit", do_exit, true},
};

static enum script_result run_line(struct script *s, const char *line)
{
    size_t n = strcspn(line, " ");
    if (!*line || *line == '#')
        return SCRIPT_PASSED;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strlen(commands[i].name) == n && !strncmp(commands[i].name, line, n)) {
            if (commands[i].needs_program && !s->harness)
                return fail(s, "nothing runs yet", line);
            return commands[i].run(s, line + n + (line[n] == ' '));
        }
    return fail(s, "no such command", line);
}

/* Where two texts first differ, for people. */
static void print_difference(const char *want, const char *got)
{
    size_t at = 0;
    while (want[at] && want[at] == got[at])
        at++;
    while (at > 0 && want[at - 1] != '\n')
        at--;
    fprintf(stderr, "stored: %.*s\n   now: %.*s\n", (int)strcspn(want + at, "\n"), want + at,
            (int)strcspn(got + at, "\n"), got + at);
}

static enum script_result compare(struct script *s, int remake)
{
    char path[4096];
    struct err err;
    snprintf(path, sizeof path, "%.*s.screen", (int)(strlen(s->path) - strlen(".keys")), s->path);
    const char *got = s->screens.text ? s->screens.text : "";
    if (!*got)
        return SCRIPT_PASSED; /* a test of steps alone */
    if (remake)
        return file_write(path, got, strlen(got), &err) ? fail(s, err.text, 0) : SCRIPT_PASSED;
    size_t size;
    char *want = file_read(path, &size, &err);
    if (!want)
        return fail(s, err.text, "make golden makes it");
    bool same = !strcmp(want, got);
    if (!same)
        print_difference(want, got);
    free(want);
    return same ? SCRIPT_PASSED : fail(s, "a screen differs from the stored one", NULL);
}

enum script_result script_run(const char *path, const char *program, int remake)
{
    struct err err;
    struct script s = {.path = path, .program = program, .w = 80, .h = 24};
    size_t size;
    char *text = file_read(path, &size, &err), *at = text;
    enum script_result r = text && make_directory(&s) ? SCRIPT_PASSED : fail(&s, "cannot start", 0);
    while (r == SCRIPT_PASSED && at && *at) {
        char *end = at + strcspn(at, "\n");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        s.line_number++;
        r = run_line(&s, at);
        at = next;
    }
    if (r == SCRIPT_PASSED)
        r = compare(&s, remake);
    harness_stop(s.harness);
    recorded_close(s.served);
    file_remove_tree(s.directory, NULL);
    for (size_t i = 0; i < s.env_count; i++)
        free(s.env[i]);
    strbuf_clear(&s.screens);
    free(text);
    return r;
}
