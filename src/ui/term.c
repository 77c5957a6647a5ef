#include "ui/term.h"

#include "ui/keys.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* One terminal for the process, because signals and curses know only one. */
static struct {
    bool open;
    SCREEN *screen;
    struct termios saved; /* as it was before us */
    char reset[512];      /* what puts the terminal back, worked out while all is well */
    size_t reset_length;
    int pipe[2];               /* a byte for each signal that the loop shall see */
    int real_stderr, captured; /* see capture_stderr */
    enum theme_background background;
    int colors;
    bool end_asked;
    struct canvas_cell *shown; /* last frame, NULL: everything must be sent */
    int shown_w, shown_h;
} term = {.pipe = {-1, -1}, .real_stderr = -1, .captured = -1};

static const int fatal_signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL,
                                    SIGQUIT, SIGTERM, SIGHUP, SIGINT};
#define FATAL_COUNT (sizeof fatal_signals / sizeof fatal_signals[0])
static struct sigaction before_us[FATAL_COUNT];
static volatile sig_atomic_t asked_to_end;

/* Only calls that POSIX allows in a signal handler. */
static void put_terminal_back(void)
{
    ssize_t ignored = write(STDOUT_FILENO, term.reset, term.reset_length);
    (void)ignored;
    tcsetattr(STDIN_FILENO, TCSANOW, &term.saved);
    if (term.real_stderr >= 0)
        dup2(term.real_stderr, STDERR_FILENO);
}

/* After a fault the instruction runs again under the handler that stood before us, so that a core
 * or a sanitizer's report shows the true place; a signal that was sent is sent again. */
static void on_fatal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    int number = errno;
    put_terminal_back();
    for (size_t i = 0; i < FATAL_COUNT; i++)
        if (fatal_signals[i] == sig)
            sigaction(sig, &before_us[i], NULL);
    bool fault = info->si_code > 0 && sig != SIGABRT;
    if (!fault)
        raise(sig);
    errno = number;
}

/* Asked to end (TERM, HUP, INT): first politely through the loop, which saves a running training;
 * whoever asks twice gets it at once. */
static void on_end(int sig, siginfo_t *info, void *context)
{
    int number = errno;
    if (asked_to_end) {
        on_fatal(sig, info, context);
        return;
    }
    asked_to_end = sig;
    ssize_t ignored = write(term.pipe[1], "e", 1);
    (void)ignored;
    errno = number;
}

static void on_notice(int sig)
{
    int number = errno;
    char byte = sig == SIGWINCH ? 'w' : sig == SIGTSTP ? 'z' : 'c';
    ssize_t ignored = write(term.pipe[1], &byte, 1);
    (void)ignored;
    errno = number;
}

/* Before curses puts handlers of its own in their place. */
static void remember_handlers(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal_signals[i], NULL, &before_us[i]);
}

static void install_handlers(void)
{
    static char stack[64 * 1024]; /* a stack overflow needs another stack to be told on */
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        int sig = fatal_signals[i];
        struct sigaction a = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
        a.sa_sigaction = sig == SIGTERM || sig == SIGHUP || sig == SIGINT ? on_end : on_fatal;
        sigaction(sig, &a, NULL);
    }
    static const int notices[] = {SIGWINCH, SIGTSTP, SIGCONT};
    for (size_t i = 0; i < sizeof notices / sizeof notices[0]; i++)
        sigaction(notices[i], &(struct sigaction){.sa_handler = on_notice, .sa_flags = SA_RESTART},
                  NULL);
}

static void remove_handlers(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal_signals[i], &before_us[i], NULL);
    signal(SIGWINCH, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
}

static int add_reset_byte(int byte)
{
    if (term.reset_length < sizeof term.reset)
        term.reset[term.reset_length++] = (char)byte;
    return byte;
}

static void make_reset_string(void)
{
    static const char *const names[] = {"sgr0", "op", "rmacs", "rmkx", "cnorm", "rmcup"};
    term.reset_length = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *s = tigetstr(names[i]);
        if (s && s != (char *)-1)
            tputs(s, 1, add_reset_byte);
    }
    add_reset_byte('\r');
}

/* A library that prints a warning must not write over the screen: what goes to stderr meanwhile
 * waits in an unnamed file and is printed when the terminal is back. Not under a sanitizer, whose
 * report comes without a signal. */
static void capture_stderr(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    char path[] = "/tmp/sft-stderr-XXXXXX";
    if (!isatty(STDERR_FILENO) || (term.captured = mkstemp(path)) < 0)
        return;
    unlink(path);
    fcntl(term.captured, F_SETFD, FD_CLOEXEC);
    term.real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(term.captured, STDERR_FILENO);
#endif
}

static void release_stderr(void)
{
    char text[4096];
    ssize_t n;
    if (term.captured < 0)
        return;
    fflush(stderr);
    dup2(term.real_stderr, STDERR_FILENO);
    lseek(term.captured, 0, SEEK_SET);
    while ((n = read(term.captured, text, sizeof text)) > 0)
        if (write(STDERR_FILENO, text, (size_t)n) < 0)
            break;
    close(term.captured);
    close(term.real_stderr);
    term.captured = term.real_stderr = -1;
}

static void init_colors(void)
{
    term.colors = 0;
    if (theme_is_colorless() || !has_colors() || start_color() == ERR)
        return;
    use_default_colors();
    term.colors = COLORS;
    for (int r = 0; r < ROLE_COUNT; r++) {
        struct theme_style s = theme_style(term.background, term.colors, (enum role)r);
        init_pair((short)(r + 1), s.foreground, s.background);
    }
}

/* Terminals do not always send what their description says: cursor keys come in two modes, Home and
 * End in three forms. All are understood, whichever the description names. */
static void know_other_keys(void)
{
    static const struct {
        const char *bytes;
        int key;
    } others[] = {
        {"\033[A", KEY_UP},     {"\033[B", KEY_DOWN}, {"\033[C", KEY_RIGHT},
        {"\033[D", KEY_LEFT},   {"\033OA", KEY_UP},   {"\033OB", KEY_DOWN},
        {"\033OC", KEY_RIGHT},  {"\033OD", KEY_LEFT}, {"\033[H", KEY_HOME},
        {"\033[F", KEY_END},    {"\033OH", KEY_HOME}, {"\033OF", KEY_END},
        {"\033[1~", KEY_HOME},  {"\033[4~", KEY_END}, {"\033[5~", KEY_PPAGE},
        {"\033[6~", KEY_NPAGE}, {"\033[3~", KEY_DC},  {"\033[Z", KEY_BTAB},
        {"\033OP", KEY_F(1)},   {"\033OQ", KEY_F(2)}, {"\033[11~", KEY_F(1)},
        {"\033[12~", KEY_F(2)},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (key_defined(others[i].bytes) <= 0)
            define_key(others[i].bytes, others[i].key);
}

/* Outside UTF-8 curses draws a run of equal characters with REP, which many terminals that call
 * themselves xterm do not know. Told that it speaks UTF-8 it does not; what we send there is ASCII,
 * the same bytes in both. */
static SCREEN *open_screen(void)
{
    char locale[128];
    snprintf(locale, sizeof locale, "%s", setlocale(LC_CTYPE, NULL));
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    SCREEN *screen = newterm(NULL, stdout, stdin);
    setlocale(LC_CTYPE, locale);
    return screen;
}

int term_open(struct err *err)
{
    const char *name = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(err, ERR_UNSUPPORTED,
                       "the workbench needs a terminal; without one use sft "
                       "train, evaluate, predict");
    if (tcgetattr(STDIN_FILENO, &term.saved))
        return err_errno(err, "cannot read the terminal's settings");
    if (pipe2(term.pipe, O_CLOEXEC | O_NONBLOCK))
        return err_errno(err, "cannot make a pipe");
    remember_handlers();
    term.screen = open_screen();
    char *move = term.screen ? tigetstr("cup") : NULL;
    if (!move || move == (char *)-1) {
        term_close();
        return err_set(err, ERR_UNSUPPORTED,
                       "TERM=%.60s is unknown here or cannot place the cursor; try "
                       "TERM=xterm-256color or TERM=vt100",
                       name ? name : "");
    }
    raw(); /* ^C and ^Z are keys here: leaving asks about a running training first */
    noecho();
    nonl();
    set_escdelay(25);
    keypad(stdscr, TRUE);
    know_other_keys();
    nodelay(stdscr, TRUE);
    curs_set(0);
    term.background = theme_detect();
    init_colors();
    make_reset_string();
    install_handlers();
    capture_stderr();
    term.open = true;
    return 0;
}

void term_close(void)
{
    if (term.open) {
        erase();
        endwin();
        put_terminal_back();
        remove_handlers();
    }
    if (term.screen)
        delscreen(term.screen);
    release_stderr();
    for (int i = 0; i < 2; i++)
        if (term.pipe[i] >= 0)
            close(term.pipe[i]);
    free(term.shown);
    term.shown = NULL;
    term.screen = NULL;
    term.pipe[0] = term.pipe[1] = -1;
    bool was_open = term.open;
    term.open = false;
    if (was_open && asked_to_end)
        raise((int)asked_to_end); /* ends the program as the sender expects, all being saved */
}

int term_width(void)
{
    return COLS;
}

int term_height(void)
{
    return LINES;
}

static bool starts_with(const char *s, const char *head)
{
    return !strncmp(s, head, strlen(head));
}

enum glyph_level term_glyph_level(void)
{
    static const char *const names[GLYPH_LEVELS] = {"braille", "block", "ascii"};
    const char *wanted = getenv("SFT_GLYPHS"), *name = getenv("TERM");
    for (int i = 0; wanted && i < GLYPH_LEVELS; i++)
        if (!strcmp(wanted, names[i]) && (i == GLYPHS_ASCII || MB_CUR_MAX > 1))
            return (enum glyph_level)i;
    name = name ? name : "";
    if (strcmp(nl_langinfo(CODESET), "UTF-8"))
        return GLYPHS_ASCII;
    static const char *const ascii_only[] = {"vt", "ansi", "dumb", "cons25", "sun"};
    for (size_t i = 0; i < sizeof ascii_only / sizeof ascii_only[0]; i++)
        if (starts_with(name, ascii_only[i]))
            return GLYPHS_ASCII;
    return starts_with(name, "linux") ? GLYPHS_BLOCK : GLYPHS_BRAILLE;
}

void term_toggle_theme(void)
{
    term.background = term.background == THEME_DARK ? THEME_LIGHT : THEME_DARK;
    init_colors();
    term_forget();
}

void term_forget(void)
{
    free(term.shown);
    term.shown = NULL;
    clearok(stdscr, TRUE);
}

static void put_cell(int x, int y, const struct canvas_cell *cell)
{
    struct theme_style s = theme_style(term.background, term.colors, (enum role)cell->role);
    attr_t attributes = (s.bold ? A_BOLD : 0) | (s.dim ? A_DIM : 0) |
                        (s.underline ? A_UNDERLINE : 0) | (s.reverse ? A_REVERSE : 0);
    wchar_t text[CANVAS_CLUSTER + 1] = {0};
    cchar_t out;
    for (int i = 0; i < CANVAS_CLUSTER; i++)
        text[i] = (wchar_t)cell->cp[i];
    setcchar(&out, text, attributes, term.colors ? (short)(cell->role + 1) : 0, NULL);
    mvadd_wchnstr(y, x, &out, 1);
}

/* The frame now on the screen, in a buffer of this size; new when there is none to compare with. */
static bool keep_frame(int w, int h)
{
    bool known = term.shown && term.shown_w == w && term.shown_h == h;
    if (!known) {
        free(term.shown);
        term.shown = calloc((size_t)w * (size_t)h + 1, sizeof *term.shown);
        term.shown_w = w;
        term.shown_h = h;
        erase();
    }
    return known;
}

void term_present(const struct canvas *c)
{
    int w = canvas_width(c), h = canvas_height(c);
    bool known = keep_frame(w, h);
    size_t row_size = (size_t)w * sizeof(struct canvas_cell);
    for (int y = 0; y < h; y++) {
        const struct canvas_cell *row = canvas_at(c, 0, y);
        struct canvas_cell *old = term.shown ? term.shown + (size_t)y * (size_t)w : NULL;
        if (!row || (known && old && !memcmp(row, old, row_size)))
            continue;
        for (int x = 0; x < w; x++)
            if (row[x].width)
                put_cell(x, y, &row[x]);
        if (old)
            memcpy(old, row, row_size);
    }
    refresh();
}

static uint32_t translate(wint_t key)
{
    static const struct {
        int from;
        uint32_t to;
    } map[] = {
        {KEY_UP, KEYCODE_UP},         {KEY_DOWN, KEYCODE_DOWN},
        {KEY_LEFT, KEYCODE_LEFT},     {KEY_RIGHT, KEYCODE_RIGHT},
        {KEY_PPAGE, KEYCODE_PAGE_UP}, {KEY_NPAGE, KEYCODE_PAGE_DOWN},
        {KEY_HOME, KEYCODE_HOME},     {KEY_END, KEYCODE_END},
        {KEY_DC, KEYCODE_DELETE},     {KEY_BACKSPACE, KEYCODE_BACKSPACE},
        {KEY_BTAB, KEYCODE_BACK_TAB}, {KEY_ENTER, KEYCODE_ENTER},
        {KEY_F(1), KEYCODE_F1},       {KEY_F(2), KEYCODE_F2},
        {KEY_F(3), KEYCODE_F3},       {KEY_F(4), KEYCODE_F4},
        {KEY_F(12), KEYCODE_F12},     {KEY_RESIZE, KEYCODE_RESIZE},
    };
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if ((wint_t)map[i].from == key)
            return map[i].to;
    return KEYCODE_NONE;
}

uint32_t term_key(void)
{
    wint_t key;
    for (;;) {
        int kind = get_wch(&key);
        if (kind == ERR)
            return KEYCODE_NONE;
        uint32_t code = kind == KEY_CODE_YES         ? translate(key)
                        : key == '\n'                ? KEYCODE_ENTER
                        : key == 0x7f || key == '\b' ? KEYCODE_BACKSPACE
                                                     : (uint32_t)key;
        if (code) /* a function key nobody uses is no key */
            return code;
    }
}

int term_input_fd(void)
{
    return STDIN_FILENO;
}

int term_signal_fd(void)
{
    return term.pipe[0];
}

static void take_new_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
        return;
    if (is_term_resized(size.ws_row, size.ws_col))
        resizeterm(size.ws_row, size.ws_col);
    term_forget();
}

bool term_signals(void)
{
    char bytes[64];
    ssize_t n;
    bool resized = false, continued = false, stop = false;
    while ((n = read(term.pipe[0], bytes, sizeof bytes)) > 0) {
        resized |= memchr(bytes, 'w', (size_t)n) != NULL;
        continued |= memchr(bytes, 'c', (size_t)n) != NULL;
        stop |= memchr(bytes, 'z', (size_t)n) != NULL;
    }
    if (stop) {
        term_suspend();
    } else if (continued) { /* somebody else may have used the terminal meanwhile */
        reset_prog_mode();
        term_forget();
    }
    if (resized || continued)
        take_new_size();
    return asked_to_end != 0;
}

void term_suspend(void)
{
    endwin();
    put_terminal_back();
    signal(SIGTSTP, SIG_DFL);
    kill(0, SIGTSTP);
    /* Here again after fg. */
    sigaction(SIGTSTP, &(struct sigaction){.sa_handler = on_notice, .sa_flags = SA_RESTART}, NULL);
    if (term.captured >= 0)
        dup2(term.captured, STDERR_FILENO);
    reset_prog_mode();
    take_new_size();
}

const char *term_library_version(void)
{
    const char *text = curses_version(); /* "ncurses 6.4.20221231" */
    return text + strcspn(text, "0123456789");
}
