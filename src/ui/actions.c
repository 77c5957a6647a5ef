#include "ui/actions.h"

#include "engine/base/mem.h"

#include <assert.h>

#define ACTION_ROW(id, name, key, key2, views, hint, help) \
    [ACTION_##id] = {name, key, key2, views, hint, help},
static const struct action_info table[ACTION_COUNT] = {ACTIONS(ACTION_ROW)};

static const char *const view_names[VIEW_COUNT] = {
    [VIEW_DATA] = "Data",     [VIEW_SETTINGS] = "Settings", [VIEW_TRAIN] = "Train",
    [VIEW_ERRORS] = "Errors", [VIEW_HELP] = "Help",
};

const char *view_id_name(enum view_id v)
{
    return view_names[v];
}

const struct action_info *action_info(enum action a)
{
    assert(a > ACTION_NONE && a < ACTION_COUNT);
    return &table[a];
}

bool action_is_in(enum action a, enum view_id view)
{
    return a > ACTION_NONE && a < ACTION_COUNT && (table[a].views >> view & 1);
}

enum action action_for_key(enum view_id view, uint32_t key)
{
    for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++)
        if (action_is_in(a, view) && key && (table[a].key == key || table[a].key2 == key))
            return a;
    return ACTION_NONE;
}

static void print_row(struct strbuf *out, enum action a)
{
    char one[16], two[16];
    strbuf_printf(out, "| `%s`", keycode_name(table[a].key, one, sizeof one));
    if (table[a].key2)
        strbuf_printf(out, " `%s`", keycode_name(table[a].key2, two, sizeof two));
    strbuf_printf(out, " | %s | %s |\n", table[a].name, table[a].help);
}

/* A view's section has what is not everywhere; the last section has what is. */
static void print_section(struct strbuf *out, const char *title, unsigned view_bit)
{
    strbuf_printf(out, "\n## %s\n\n| key | action | what it does |\n|---|---|---|\n", title);
    for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++) {
        bool everywhere = table[a].views == IN_ALL;
        if (view_bit == IN_ALL ? everywhere : !everywhere && (table[a].views & view_bit))
            print_row(out, a);
    }
}

void actions_print_docs(struct strbuf *out)
{
    strbuf_puts(out, "# Keys of the workbench\n\nMade from the table of actions in "
                     "`src/ui/actions.h`; `make docs/keys.md` makes it again.\n");
    for (int v = 0; v < VIEW_COUNT; v++)
        print_section(out, view_names[v], 1u << v);
    print_section(out, "Everywhere", IN_ALL);
}
