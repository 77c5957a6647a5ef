/* keys_page.c - prints docs/keys.md. */
#include "engine/base/mem.h"
#include "ui/actions.h"

#include <stdio.h>

int main(void)
{
    struct strbuf page = {0};
    actions_print_docs(&page);
    fputs(page.text, stdout);
    strbuf_clear(&page);
    return 0;
}
