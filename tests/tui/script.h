/* clang-format off: a table in a comment */
/* script.h - a screen test as a file: keys in, screens out.
 *
 * tests/tui/NAME.keys is run line by line; each `screen` is compared with the next part of
 * tests/tui/NAME.screen (made by `make golden`). Lines:
 *     # why this test exists
 *     size 80x24            before run; the default
 *     env K=V               before run
 *     skip-without PATH     the test counts as skipped when PATH (from the project root) is absent
 *     recorded-run NAME     make the run directory NAME through the ring and the recorder (recorded.h)
 *     confused-run NAME     the same, with every second row misclassified
 *     values-run NAME       one of a regression on pairs of texts
 *     sets-run NAME         one with several labels a text
 *     served-run NAME       the same, and serve it as a trainer that runs would
 *     run ARGUMENTS         start `sft ARGUMENTS` in an empty directory that holds `fixtures`, `data`
 *     keys <Esc>3/word<Enter>
 *     wait TEXT   gone TEXT
 *     resize 100x30
 *     mask                  from here on every digit and plot dot of a stored screen is a '#'
 *     mask-title            from here on the first line of a stored screen is left out
 *     screen TITLE          compare
 *     ascii                 no byte above 0x7e was written so far
 *     colorless             no colour was set so far
 *     exit STATUS           the program has ended so, and the terminal is as it was
 * A step that fails prints the screen it saw. */
/* clang-format on */
#ifndef SCRIPT_H
#define SCRIPT_H

enum script_result { SCRIPT_PASSED, SCRIPT_FAILED, SCRIPT_SKIPPED };

/* path: the .keys file. remake: write the .screen file instead of comparing. */
enum script_result script_run(const char *path, const char *program, int remake);

#endif
