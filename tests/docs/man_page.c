/* man_page.c - prints docs/sft.1. */
#include "cli/man_page.h"

#include <stdio.h>

int main(void)
{
    struct strbuf page = {0};
    man_page(&page);
    int failed = page.failed || fputs(page.text, stdout) < 0 || fflush(stdout);
    strbuf_clear(&page);
    return failed;
}
