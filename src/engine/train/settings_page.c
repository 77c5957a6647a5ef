#include "engine/train/settings_page.h"

#include <stdio.h>
#include <string.h>

#include "engine/train/settings.h"

static void add_range(struct strbuf *out, const struct setting *s)
{
    if (s->type == SETTING_ENUM) {
        for (size_t i = 0; s->choices[i]; i++)
            strbuf_printf(out, "%s`%s`", i ? ", " : "", s->choices[i]);
    } else if (s->type == SETTING_BOOL) {
        strbuf_puts(out, "`true`, `false`");
    } else if (s->type == SETTING_TEXT) {
        strbuf_puts(out, "text");
    } else {
        strbuf_printf(out, "%s%.16g to %.16g%s%s", s->type == SETTING_INT ? "whole, " : "", s->min,
                      s->max, s->unit[0] ? " " : "", s->unit);
    }
}

static void add_group(struct strbuf *out, const char *group)
{
    struct settings defaults;
    char value[SETTING_TEXT_SIZE];
    settings_defaults(&defaults);
    strbuf_printf(out, "\n## %c%s\n\n", group[0] - 'a' + 'A', group + 1);
    strbuf_puts(out, "| setting | default | values | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *s = settings_at(i);
        if (strcmp(s->group, group))
            continue;
        settings_format(&defaults, s, value, sizeof value);
        strbuf_printf(out, "| `%s`%s | `%s` | ", s->name, s->when == SETTING_LIVE ? " (live)" : "",
                      value);
        add_range(out, s);
        strbuf_printf(out, " | %s |\n", s->help);
    }
}

void settings_page(struct strbuf *out)
{
    strbuf_puts(
        out, "# Settings\n\n"
             "Made from the table in `src/engine/train/settings.c` by `make docs/settings.md`.\n\n"
             "Each is a flag (`--learning_rate 1e-4`, `-` and `_` alike), a key of the `--config` "
             "JSON object,\nand a line of the Settings panel. Names are those of Hugging Face "
             "Transformers where it has one;\n`per_device_train_batch_size`, `num_train_epochs` "
             "and `adamw_torch` are understood too. One marked\nlive can be changed while a run "
             "goes on and takes effect at its next step.\n");
    for (size_t i = 0; i < settings_count(); i++) {
        size_t first = 0;
        while (strcmp(settings_at(first)->group, settings_at(i)->group))
            first++;
        if (first == i)
            add_group(out, settings_at(i)->group);
    }
}
