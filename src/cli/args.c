#include "cli/args.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/near.h"

static char fold(char c)
{
    return c == '_' ? '-' : c;
}

/* Equality of names where - and _ are the same; name[0..n) is not NUL-terminated. */
static bool name_equals(const char *known, const char *name, size_t n)
{
    if (strlen(known) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (fold(known[i]) != fold(name[i]))
            return false;
    return true;
}

static const char *nearest_name(const struct args *a, const char *name, size_t n)
{
    const char *best = NULL;
    size_t best_distance = NEAR_LIMIT;
    for (size_t i = 0; i < a->count; i++) {
        size_t d = near_distance(a->table[i].name, name, n);
        if (d < best_distance)
            best_distance = d, best = a->table[i].name;
    }
    for (size_t i = 0; a->takes_settings && i < settings_count(); i++) {
        size_t d = near_distance(settings_at(i)->name, name, n);
        if (d < best_distance)
            best_distance = d, best = settings_at(i)->name;
    }
    return best;
}

static const struct arg *find_arg(const struct args *a, const char *name, size_t n)
{
    for (size_t i = 0; i < a->count; i++)
        if (name_equals(a->table[i].name, name, n))
            return &a->table[i];
    return NULL;
}

static const struct setting *find_setting(const struct args *a, const char *name, size_t n)
{
    char copy[64];
    if (!a->takes_settings || n >= sizeof copy)
        return NULL;
    memcpy(copy, name, n);
    copy[n] = '\0';
    return settings_find(copy);
}

static bool is_truth(const char *s)
{
    return s && (!strcmp(s, "true") || !strcmp(s, "false"));
}

/* One `--name[=value]` at argv[*i]; moves *i past what it used. */
static int parse_option(struct args *a, int argc, char **argv, int *i, struct err *err)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    (*i)++;
    if (name_equals("help", name, n)) {
        a->help = true;
        return 0;
    }
    const struct arg *arg = find_arg(a, name, n);
    const struct setting *setting = arg ? NULL : find_setting(a, name, n);
    if (!arg && !setting) {
        const char *near = nearest_name(a, name, n);
        return err_set(err, ERR_USAGE, "unknown option --%.*s; %s%s%s", (int)n, name,
                       near ? "did you mean --" : "see sft ", near ? near : a->command,
                       near ? "?" : " --help");
    }
    bool flag = arg ? arg->type == ARG_FLAG : setting->type == SETTING_BOOL;
    const char *value = equals ? equals + 1 : NULL;
    if (!value && flag)
        value = is_truth(next) ? (*i)++, next : "true";
    else if (!value) {
        if (!next)
            return err_set(err, ERR_USAGE, "--%.*s needs a value", (int)n, name);
        value = next;
        (*i)++;
    }
    if (setting) {
        if (a->given_count == sizeof a->given / sizeof a->given[0])
            return err_set(err, ERR_USAGE, "too many settings on the command line; use --config");
        a->given[a->given_count++] = (struct arg_setting){setting, value};
    } else if (arg->type == ARG_TEXT) {
        *(const char **)arg->out = value;
    } else if (is_truth(value)) {
        *(bool *)arg->out = !strcmp(value, "true");
    } else {
        return err_set(err, ERR_USAGE, "--%s is true or false, not '%.60s'", arg->name, value);
    }
    return 0;
}

int args_parse(struct args *a, int argc, char **argv, struct err *err)
{
    bool options = true;
    for (int i = 1; i < argc;) {
        if (options && !strcmp(argv[i], "--")) {
            options = false;
            i++;
        } else if (options && !strncmp(argv[i], "--", 2)) {
            if (parse_option(a, argc, argv, &i, err))
                return -1;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            if (strcmp(argv[i], "-h"))
                return err_set(err, ERR_USAGE, "unknown option %.40s; see sft %s --help", argv[i],
                               a->command);
            a->help = true;
            i++;
        } else if (a->positional_count == sizeof a->positional / sizeof a->positional[0]) {
            return err_set(err, ERR_USAGE, "too many arguments at '%.60s'", argv[i]);
        } else {
            a->positional[a->positional_count++] = argv[i++];
        }
    }
    return 0;
}

int args_apply_settings(const struct args *a, struct settings *s, struct err *err)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (settings_parse(s, a->given[i].setting->name, a->given[i].value, err))
            return err_wrap(err, "--%s", a->given[i].setting->name);
    return 0;
}

static void print_setting_help(const struct setting *s)
{
    struct settings defaults;
    char value[SETTING_TEXT_SIZE];
    settings_defaults(&defaults);
    settings_format(&defaults, s, value, sizeof value);
    printf("  --%-30s %s (%s)\n", s->name, s->help, value);
}

void args_print_help(const struct args *a)
{
    printf("sft %s %s\n%s\n\n", a->command, a->usage, a->summary);
    for (size_t i = 0; i < a->count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", a->table[i].name, a->table[i].value_name ? " " : "",
                 a->table[i].value_name ? a->table[i].value_name : "");
        printf("  --%-30s %s\n", left, a->table[i].help);
    }
    if (!a->takes_settings)
        return;
    printf("\nSettings (default in brackets):\n");
    for (size_t i = 0; i < settings_count(); i++)
        print_setting_help(settings_at(i));
}
