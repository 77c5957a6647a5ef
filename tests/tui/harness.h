/* harness.h - the real program in a real pseudo-terminal, its screen read back as text.
 *
 * The child runs under forkpty with a pinned environment in a directory of its own; what it writes
 * goes through libvterm, so a screen is what a user would see, not what was sent. Nothing here
 * sleeps: every step waits until the screen shows what it waits for, or fails with the screen it
 * saw instead. */
#ifndef HARNESS_H
#define HARNESS_H
#include "engine/base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct harness;

struct harness_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    const char *const
        *environment;      /* "K=V", NULL-terminated, added to the pinned one; may be NULL */
    const char *directory; /* to run in */
    int w, h;
};
/* What a test program needs before it starts one: the path of the program under test (SFT, else the one
 * built beside the test), the directory it was called in, and a pseudo-terminal, which a bare root
 * directory without /dev/pts cannot give. False, with a word on stderr, when one is missing; the test
 * then ends with 77, skipped. */
bool harness_prepare(const char *argv0, char program[4096], char root[4096]);
struct harness *harness_start(const struct harness_spec *spec);
void harness_stop(struct harness *h); /* kills what still runs */

/* Keys: plain text with names in <>: <Enter> <Esc> <Tab> <BackTab> <Space> <Up> <Down> <Left>
 * <Right> <PgUp> <PgDn> <Home> <End> <BS> <Del> <F1> <F2> <C-x>, <lt> for '<'. */
void harness_keys(struct harness *h, const char *keys);
/* Read output until the screen holds (or no longer holds) text, at most 20 s. */
bool harness_wait(struct harness *h, const char *text, bool present);
void harness_resize(struct harness *h, int w, int h_);
/* Read until the program has been silent for a while: it drew what it had to. The only wait that
 * knows time; used just before a screen is compared. */
void harness_settle(struct harness *h);
/* Wait for the end; the exit status, or 256 + signal. -1 when it does not end. */
int harness_wait_exit(struct harness *h);
void harness_signal(struct harness *h, int sig);
/* Lines without trailing spaces, '\n' after each. */
void harness_screen(struct harness *h, struct strbuf *out);

/* All bytes the program has written so far. */
const char *harness_raw(const struct harness *h, size_t *n);
/* Are the terminal's line settings what they were before the program started? */
bool harness_is_cooked(struct harness *h);
int harness_pid(const struct harness *h);

#endif
