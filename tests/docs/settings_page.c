/* Prints docs/settings.md; `make docs/settings.md` runs it. */
#include <stdio.h>

#include "engine/train/settings_page.h"

int main(void)
{
    struct strbuf page = {0};
    settings_page(&page);
    int failed = page.failed || fputs(page.text, stdout) < 0 || fflush(stdout);
    strbuf_clear(&page);
    return failed;
}
