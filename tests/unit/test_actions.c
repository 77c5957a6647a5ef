/* The table of actions: no clashing keys, nothing without help, and the committed page is what it
 * says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "ui/actions.h"

static bool has_key(const struct action_info *i, uint32_t key)
{
    return key && (i->key == key || i->key2 == key);
}

static void no_key_means_two_things_in_a_view(void **state)
{
    (void)state;
    for (int v = 0; v < VIEW_COUNT; v++)
        for (int a = 1; a < ACTION_COUNT; a++)
            for (int b = a + 1; b < ACTION_COUNT; b++) {
                const struct action_info *i = action_info(a), *k = action_info(b);
                if (action_is_in(a, v) && action_is_in(b, v) &&
                    (has_key(i, k->key) || has_key(i, k->key2)))
                    fail_msg("%s and %s share a key in %s", i->name, k->name, view_id_name(v));
            }
}

static void every_action_is_whole(void **state)
{
    (void)state;
    for (int a = 1; a < ACTION_COUNT; a++) {
        const struct action_info *i = action_info(a);
        assert_true(i->name && i->name[0] && i->help && i->help[0] && i->key && i->views);
        assert_non_null(i->hint);
        assert_true(i->key != i->key2);
        for (int b = a + 1; b < ACTION_COUNT; b++)
            assert_string_not_equal(i->name, action_info(b)->name);
        for (int v = 0; v < VIEW_COUNT; v++)
            if (action_is_in(a, v)) {
                assert_int_equal(action_for_key(v, i->key), a);
                if (i->key2)
                    assert_int_equal(action_for_key(v, i->key2), a);
            }
    }
    assert_int_equal(action_for_key(VIEW_DATA, 0), ACTION_NONE);
    assert_int_equal(action_for_key(VIEW_DATA, KEYCODE_RESIZE), ACTION_NONE);
}

static void the_page_is_what_the_table_says(void **state)
{
    struct strbuf page = {0};
    struct err err = {0};
    size_t n;
    (void)state;
    actions_print_docs(&page);
    char *committed = file_read("docs/keys.md", &n, &err);
    if (!committed || strcmp(committed, page.text))
        fail_msg("docs/keys.md is not what the table says; run `make docs/keys.md`");
    free(committed);
    strbuf_clear(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_means_two_things_in_a_view),
        cmocka_unit_test(every_action_is_whole),
        cmocka_unit_test(the_page_is_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
