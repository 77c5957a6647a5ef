/* test_man_page.c - the committed manual page is what the tables say. */
#include "cli/man_page.h"
#include "engine/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_committed_page_is_current(void **state)
{
    (void)state;
    struct strbuf page = {0};
    size_t n;
    man_page(&page);
    char *committed = file_read("docs/sft.1", &n, NULL);
    assert_non_null(committed);
    if (strcmp(committed, page.text))
        fail_msg("docs/sft.1 is not what the tables say; run `make docs/sft.1`");
    free(committed);
    strbuf_clear(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_committed_page_is_current)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
