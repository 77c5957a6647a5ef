/* term.h - the only file that knows curses: keys in, changed cells out, and the terminal put back
 * as it was after every kind of end.
 *
 * One terminal, one thread. term_open installs handlers for SEGV, ABRT, BUS, FPE, ILL, TERM, HUP,
 * INT, QUIT that write a precomputed reset string and restore the line settings with calls that are
 * safe in a handler, then raise the signal again with the handler that stood before (so a
 * sanitizer's report or a core still comes). SIGWINCH, SIGTSTP and SIGCONT reach the loop through a
 * pipe. */
#ifndef TERM_H
#define TERM_H
#include "engine/base/err.h"
#include "ui/canvas.h"

#include <stdbool.h>
#include <stdint.h>

/* "6.4.20221231", of the curses library. */
const char *term_library_version(void);

/* ERR_UNSUPPORTED when standard input or output is no terminal or TERM is unknown, with a remedy.
 */
int term_open(struct err *err);
void term_close(void); /* fine when not open */

int term_width(void);
int term_height(void);
enum glyph_level term_glyph_level(void);
void term_toggle_theme(void);

/* Send what differs from the last frame. */
void term_present(const struct canvas *c);
/* Send everything again at the next present. */
void term_forget(void);

/* The next key, KEYCODE_NONE when none waits, KEYCODE_RESIZE when the size changed. */
uint32_t term_key(void);
int term_input_fd(void);
/* Readable when a signal came: poll it. term_signals() empties it; true when the program should end
 * (TERM, HUP, INT came through the loop). */
int term_signal_fd(void);
bool term_signals(void);
/* Give the terminal back, stop the process group as ^Z does, take it again after SIGCONT. */
void term_suspend(void);

#endif
