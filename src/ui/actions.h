/* actions.h - one table of everything a key can do.
 *
 * It feeds the key map, the hint line, the help view, the command palette and docs/keys.md. A test
 * checks that no two actions of one view share a key and that the committed page is what the table
 * prints.
 *
 * A view handles actions, never keys. To add one: a row here, a case in the view.
 *
 * Columns: enum suffix, name, key, second key, views, hint, help. A hint is the word of the hint
 * line, "" when the action is not shown there; rows stand in order of importance, so that on a
 * narrow terminal the last hints go first. */
#ifndef ACTIONS_H
#define ACTIONS_H
#include "ui/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum view_id { VIEW_DATA, VIEW_SETTINGS, VIEW_TRAIN, VIEW_ERRORS, VIEW_HELP, VIEW_COUNT };
const char *view_id_name(enum view_id v); /* "Data" */

#define IN_DATA     (1u << VIEW_DATA)
#define IN_SETTINGS (1u << VIEW_SETTINGS)
#define IN_TRAIN    (1u << VIEW_TRAIN)
#define IN_ERRORS   (1u << VIEW_ERRORS)
#define IN_HELP     (1u << VIEW_HELP)
#define IN_LISTS    (IN_DATA | IN_SETTINGS | IN_ERRORS | IN_HELP)
#define IN_ALL      ((1u << VIEW_COUNT) - 1)

#define ACTIONS(X)                                                                                 \
    /* Train */                                                                                    \
    X(START_PAUSE, "start-or-pause", KEYCODE_SPACE, 0, IN_TRAIN, "start/pause",                    \
      "start the training; while it runs, pause it; while it is paused, go on")                    \
    X(START, "start-run", 'r', 0, IN_TRAIN | IN_SETTINGS | IN_DATA, "run",                         \
      "start a run with the settings as they stand")                                               \
    X(STOP, "stop", 's', 0, IN_TRAIN, "stop and save",                                             \
      "stop the run and save its checkpoint and model")                                            \
    X(EVALUATE, "evaluate-now", 'v', 0, IN_TRAIN, "evaluate",                                      \
      "evaluate on the validation rows now; never counts for early stopping")                      \
    X(EDIT_RATE, "edit-learning-rate", 'e', 0, IN_TRAIN, "edit learning rate",                     \
      "give the running training a new base learning rate, from the next step on")                 \
    X(SHOW_ERRORS, "show-errors", KEYCODE_ENTER, 0, IN_TRAIN, "errors",                            \
      "go to the misclassified rows of the newest evaluation")                                     \
    X(TEST, "open-test-set", 'T', 0, IN_TRAIN, "test",                                             \
      "measure the finished model on the test rows; asks first, because each look makes them "     \
      "less a test")                                                                               \
    X(CHART, "next-chart", KEYCODE_TAB, 0, IN_TRAIN, "chart",                                      \
      "give the keys to the next chart; with little room also show it")                            \
    X(CURSOR, "chart-cursor", 'c', 0, IN_TRAIN, "cursor",                                          \
      "a cursor on the charts that reads out every value of a step; arrows move it")               \
    X(LOG_Y, "log-scale", 'y', 0, IN_TRAIN, "", "logarithmic loss axis, and back")                 \
    X(ZOOM_IN, "zoom-in", '+', '=', IN_TRAIN, "zoom", "show half as many steps")                   \
    X(ZOOM_OUT, "zoom-out", '-', 0, IN_TRAIN, "", "show twice as many steps")                      \
    X(FOLLOW, "follow", 'f', 0, IN_TRAIN, "follow", "all steps, the newest at the right edge")     \
    X(LEFT_STEP, "chart-left", KEYCODE_LEFT, 0, IN_TRAIN, "", "cursor or window to earlier steps") \
    X(RIGHT_STEP, "chart-right", KEYCODE_RIGHT, 0, IN_TRAIN, "",                                   \
      "cursor or window to later steps")                                                           \
    X(EVENTS_UP, "events-up", KEYCODE_UP, 'k', IN_TRAIN, "", "scroll the events to earlier ones")  \
    X(EVENTS_DOWN, "events-down", KEYCODE_DOWN, 'j', IN_TRAIN, "",                                 \
      "scroll the events to later ones")                                                           \
    /* Settings */                                                                                 \
    X(SETTING_EDIT, "edit-setting", KEYCODE_ENTER, 'e', IN_SETTINGS, "edit",                       \
      "change the value under the cursor")                                                         \
    X(SETTING_NEXT, "next-choice", KEYCODE_RIGHT, KEYCODE_SPACE, IN_SETTINGS, "next choice",       \
      "the next choice of a setting that has choices; on and off for a switch")                    \
    X(SETTING_PREVIOUS, "previous-choice", KEYCODE_LEFT, 0, IN_SETTINGS, "", "the choice before")  \
    X(SETTING_DEFAULT, "default", 'd', 0, IN_SETTINGS, "default", "back to the default value")     \
    X(SETTING_UNDO, "undo", 'u', 0, IN_SETTINGS, "undo", "take back the last change")              \
    X(SETTING_APPLY, "apply", 'a', 0, IN_SETTINGS, "apply",                                        \
      "give staged live changes to the running training")                                          \
    /* Data */                                                                                     \
    X(OPEN, "open", KEYCODE_ENTER, 0, IN_DATA | IN_ERRORS, "open",                                 \
      "the whole row; in a panel of labels or findings: only its rows; in the matrix: the cell's " \
      "rows")                                                                                      \
    X(SEARCH, "search", '/', 0, IN_DATA | IN_ERRORS | IN_HELP, "search",                           \
      "show only what matches; in Data also label:NAME value>N split:NAME tokens>N")               \
    X(SORT, "sort", 'o', 0, IN_DATA | IN_ERRORS, "sort", "the next order of the rows")             \
    X(TOKENS, "tokens", 't', 0, IN_DATA | IN_ERRORS, "tokens",                                     \
      "the row as the model reads it: tokens and ids, and back")                                   \
    X(FINDINGS, "findings", 'f', 0, IN_DATA, "findings",                                           \
      "to the findings: what is wrong with the data")                                              \
    X(TWIN, "twin", '=', 0, IN_DATA, "twin", "to the row that has the same text")                  \
    /* Errors */                                                                                   \
    X(MATRIX, "matrix", 'm', 0, IN_ERRORS, "matrix",                                               \
      "the confusion matrix, and back to the list; of sets the labels, of values a plot")          \
    X(PERCENT, "percent", 'p', 0, IN_ERRORS, "counts/percent",                                     \
      "counts or percent of the true label's rows in the matrix")                                  \
    X(ALL_ROWS, "all-rows", 'a', 0, IN_ERRORS, "all rows",                                         \
      "all evaluated rows, or only the wrong ones")                                                \
    X(NEXT_SPLIT, "next-split", 's', 0, IN_ERRORS, "split", "the evaluation of another split")     \
    X(TO_DATA, "to-data", 'd', 0, IN_ERRORS, "in Data", "to this row in the Data view")            \
    /* Moving about in lists */                                                                    \
    X(PANEL, "next-panel", KEYCODE_TAB, 0, IN_DATA | IN_SETTINGS | IN_ERRORS, "panel",             \
      "give the keys to the next panel")                                                           \
    X(PANEL_BACK, "previous-panel", KEYCODE_BACK_TAB, 0, IN_DATA | IN_SETTINGS | IN_ERRORS, "",    \
      "give the keys to the panel before")                                                         \
    X(UP, "up", KEYCODE_UP, 'k', IN_LISTS, "", "up")                                               \
    X(DOWN, "down", KEYCODE_DOWN, 'j', IN_LISTS, "", "down")                                       \
    X(LEFT, "left", KEYCODE_LEFT, 0, IN_DATA | IN_ERRORS, "",                                      \
      "left: another matrix column, earlier text")                                                 \
    X(RIGHT, "right", KEYCODE_RIGHT, 0, IN_DATA | IN_ERRORS, "", "right")                          \
    X(PAGE_UP, "page-up", KEYCODE_PAGE_UP, KEYCODE_CTRL('b'), IN_LISTS, "", "a page up")           \
    X(PAGE_DOWN, "page-down", KEYCODE_PAGE_DOWN, KEYCODE_CTRL('f'), IN_LISTS, "", "a page down")   \
    X(FIRST, "first", KEYCODE_HOME, 'g', IN_LISTS, "", "to the first line")                        \
    X(LAST, "last", KEYCODE_END, 'G', IN_LISTS, "", "to the last line")                            \
    X(BACK, "back", KEYCODE_ESC, 0, IN_ALL, "",                                                    \
      "close what is open, drop a filter, end a cursor, leave help")                               \
    /* Everywhere */                                                                               \
    X(VIEW_DATA, "view-data", '1', 0, IN_ALL, "",                                                  \
      "the Data view: rows, labels, lengths, findings")                                            \
    X(VIEW_SETTINGS, "view-settings", '2', 0, IN_ALL, "",                                          \
      "the Settings view: every setting, its range and help")                                      \
    X(VIEW_TRAIN, "view-train", '3', 0, IN_ALL, "", "the Train view: curves and events")           \
    X(VIEW_ERRORS, "view-errors", '4', 0, IN_ALL, "",                                              \
      "the Errors view: wrong rows, confusion matrix")                                             \
    X(HELP, "help", '?', KEYCODE_F1, IN_ALL, "", "all keys; / filters them")                       \
    X(PALETTE, "commands", ':', 0, IN_ALL, "", "choose an action by typing part of its name")      \
    X(THEME, "theme", KEYCODE_F2, 0, IN_ALL, "", "colours for a dark or a light background")       \
    X(REDRAW, "redraw", KEYCODE_CTRL('l'), 0, IN_ALL, "", "paint the whole screen again")          \
    X(SUSPEND, "suspend", KEYCODE_CTRL('z'), 0, IN_ALL, "",                                        \
      "back to the shell; fg returns; a training goes on sleeping with it")                        \
    X(QUIT, "quit", 'q', KEYCODE_CTRL('c'), IN_ALL, "quit",                                        \
      "leave; asks first while a training runs")

#define ACTION_ENUM(id, name, key, key2, views, hint, help) ACTION_##id,
enum action { ACTION_NONE, ACTIONS(ACTION_ENUM) ACTION_COUNT };
#undef ACTION_ENUM

struct action_info {
    const char *name;
    uint32_t key, key2; /* key2 0: none */
    unsigned views;     /* bits IN_... */
    const char *hint, *help;
};
const struct action_info *action_info(enum action a);
enum action action_for_key(enum view_id view, uint32_t key); /* ACTION_NONE when there is none */
bool action_is_in(enum action a, enum view_id view);

struct strbuf;
void actions_print_docs(struct strbuf *out); /* docs/keys.md */

#endif
