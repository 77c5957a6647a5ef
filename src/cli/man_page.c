#include "cli/man_page.h"

#include <string.h>

#include "cli/cli.h"
#include "engine/base/version.h"
#include "engine/train/settings.h"
#include "ui/actions.h"
#include "ui/keys.h"

/* roff reads a backslash as a command, a hyphen as a hyphen (which does not copy as a minus), and a dot
 * or a quote at a line's start as a request. */
static void put(struct strbuf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        strbuf_puts(out, "\\&");
    for (; *text; text++) {
        if (*text == '-')
            strbuf_puts(out, "\\-");
        else if (*text == '\\')
            strbuf_puts(out, "\\e");
        else
            strbuf_add(out, text, 1);
    }
}

/* A paragraph with a hanging tag in bold. */
static void put_item(struct strbuf *out, const char *before, const char *tag, const char *after,
                     const char *text)
{
    strbuf_puts(out, ".TP\n.B ");
    put(out, before);
    put(out, tag);
    put(out, after);
    strbuf_puts(out, "\n");
    put(out, text);
    strbuf_puts(out, "\n");
}

static void put_commands(struct strbuf *out)
{
    size_t count;
    const struct subcommand *commands = cli_commands(&count);
    strbuf_puts(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < count; i++) {
        strbuf_puts(out, ".TP\n.B sft ");
        put(out, commands[i].name);
        strbuf_puts(out, "\n.br\n");
        if (commands[i].synopsis[0]) {
            put(out, commands[i].synopsis);
            strbuf_puts(out, "\n.br\n");
        }
        put(out, commands[i].summary);
        strbuf_puts(out, ".\n");
    }
    strbuf_puts(out, ".PP\nEvery command takes\n.B \\-\\-json\nand\n.BR \\-\\-help ,\n"
                     "which lists its options.\n");
}

static void put_settings(struct strbuf *out)
{
    struct settings defaults;
    settings_defaults(&defaults);
    strbuf_puts(out,
                ".SH SETTINGS\nFlags of\n.B train\nand\n.BR ui ,\nkeys of a\n"
                ".B \\-\\-config\nfile, lines of the Settings view. In names \\- and _ are the "
                "same.\n");
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *w = settings_at(i);
        char value[SETTING_TEXT_SIZE], allowed[512];
        struct strbuf text = {0};
        settings_format(&defaults, w, value, sizeof value);
        settings_allowed(w, allowed, sizeof allowed);
        strbuf_printf(&text, "%s. Takes %s; default %s.%s", w->help, allowed, value,
                      w->when == SETTING_LIVE ? " May change while a run goes on." : "");
        put_item(out, "--", w->name, "", text.text ? text.text : "");
        strbuf_clear(&text);
    }
}

static void put_keys(struct strbuf *out)
{
    strbuf_puts(out, ".SH KEYS\nOf the workbench; ? shows those of the view one is in.\n");
    for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++) {
        const struct action_info *info = action_info((enum action)a);
        char key[32], views[96] = "";
        size_t n = 0;
        bool everywhere = info->views == IN_ALL;
        for (int v = 0; v < VIEW_COUNT && !everywhere; v++)
            if (info->views & 1u << v) {
                const char *name = view_id_name((enum view_id)v);
                size_t length = strlen(name);
                if (n + length + 3 > sizeof views)
                    break;
                memcpy(views + n, n ? ", " : "", n ? 2 : 0);
                n += n ? 2 : 0;
                memcpy(views + n, name, length + 1);
                n += length;
            }
        struct strbuf text = {0};
        strbuf_printf(&text, "%s%s%s", views, views[0] ? ": " : "", info->help);
        put_item(out, "", keycode_name(info->key, key, sizeof key), "", text.text ? text.text : "");
        strbuf_clear(&text);
    }
}

/* Name and meaning, in the order one needs them. */
struct entry {
    const char *name, *text;
};

static void put_entries(struct strbuf *out, const char *heading, const struct entry *entries,
                        size_t n)
{
    strbuf_printf(out, ".SH %s\n", heading);
    for (size_t i = 0; i < n; i++)
        put_item(out, "", entries[i].name, "", entries[i].text);
}

void man_page(struct strbuf *out)
{
    static const struct entry environment[] = {
        {"NO_COLOR", "when set and not empty, the workbench uses no colours."},
        {"SFT_THEME", "dark or light: the terminal's background."},
        {"HF_TOKEN",
         "for pull: who asks the hub, for gated and private models; else the token that is in "
         "HF_TOKEN_PATH or in HF_HOME/token (~/.cache/huggingface/token)."},
        {"HF_ENDPOINT", "for pull: another hub than https://huggingface.co."},
        {"HF_HUB_OFFLINE", "1: pull asks nobody and says so."},
        {"http_proxy, https_proxy, all_proxy, no_proxy",
         "for pull: the proxies to go through, and the hosts to "
         "reach without one."},
        {"SFT_KERNELS",
         "plain, avx2 or avx512: use these kernels instead of the best the CPU has."},
        {"SFT_BLAS",
         "none, system, or the path of an OpenBLAS library: what computes the large products "
         "where the project's own would."},
        {"OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE",
         "respected where doctor --measure has found that they cost little, else set aside for "
         "this process, which is said where OpenBLAS makes products, and by doctor."},
        {"SFT_FEATURES",
         "off: with tune head, compute the features of a frozen model anew, and keep none."},
        {"XDG_CACHE_HOME", "where sft/kernels.json and sft/features/ are kept (~/.cache)."},
    };
    static const struct entry files[] = {
        {"runs/NAME/",
         "a run: run.json, run.db, metrics.ring, control.ring, checkpoints/, model/."},
        {"runs/NAME/model/", "the result, a Hugging Face model directory."},
        {"~/.cache/sft/kernels.json",
         "the profile of this machine, made by doctor --measure: who makes the products fastest. "
         "It holds for one CPU, one build of OpenBLAS and one version of this program."},
        {"~/.cache/sft/features/",
         "what frozen models made of data sets (tune head), by the hash of all it follows from: 2 "
         "GiB "
         "at most, then what was not used for longest goes. It may be removed at any time."},
        {"DIR/FILE.part, DIR/FILE.part.source",
         "what pull has of a file so far, and of what; the same "
         "command goes on with it."},
    };
    static const struct entry status[] = {
        {"0", "done"},
        {"1", "failed; one line on standard error says what, where and what to do"},
        {"2", "wrong usage"},
    };
    strbuf_puts(out, ".\\\" Made by `make docs/sft.1` from the tables of the source.\n");
    strbuf_puts(out, ".TH SFT 1 \"\" \"sft " SFT_VERSION "\" \"User commands\"\n");
    strbuf_puts(out,
                ".SH NAME\nsft \\- fine\\-tune pretrained transformers on this machine's CPU\n"
                ".SH SYNOPSIS\n.B sft\n[COMMAND] [OPTION]...\n.SH DESCRIPTION\n"
                "A workbench for supervised fine\\-tuning of text classifiers: browse a data set, "
                "train in the background while changing the learning rate, look at what the model "
                "gets wrong, export an ordinary Hugging Face model directory. Without a command "
                "it opens the workbench.\n");
    put_commands(out);
    put_settings(out);
    put_keys(out);
    put_entries(out, "FILES", files, sizeof files / sizeof files[0]);
    put_entries(out, "ENVIRONMENT", environment, sizeof environment / sizeof environment[0]);
    put_entries(out, "EXIT STATUS", status, sizeof status / sizeof status[0]);
}
