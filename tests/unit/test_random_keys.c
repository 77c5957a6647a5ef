/* Ten thousand random keys at random sizes, with data, tokens and evaluations that keep coming: whatever a
 * user presses, in whatever order, there is nothing for a sanitizer to report and a screen to draw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>

#include "unit/ui_check.h"

static const uint32_t special[] = {
    KEYCODE_UP,
    KEYCODE_DOWN,
    KEYCODE_LEFT,
    KEYCODE_RIGHT,
    KEYCODE_PAGE_UP,
    KEYCODE_PAGE_DOWN,
    KEYCODE_HOME,
    KEYCODE_END,
    KEYCODE_TAB,
    KEYCODE_ENTER,
    KEYCODE_BACK_TAB,
    KEYCODE_ESC,
    KEYCODE_ESC,
    KEYCODE_BACKSPACE,
    '1',
    '2',
    '4',
    'm',
    'o',
    'a',
    't',
    'f',
    '=',
    '/',
    0x65e5,
    0x301,
};

static void random_keys(void **state)
{
    struct app *a = check_open(&check_tickets, "tests/fixtures/tiny_bert");
    (void)state;
    a->session.model_dir[0] = '\0'; /* tokens are there, but no key starts a training */
    for (uint64_t n = 0; n < 10000; n++) {
        uint64_t bits = rng_bits(21, RNG_TEST, n);
        uint32_t key = bits % 4 ? special[bits / 4 % (sizeof special / sizeof special[0])]
                                : (uint32_t)(1 + bits / 4 % 126);
        app_key(a, key);
        app_tick(a, 1e9 + (double)n);
        if (n % 5 == 0)
            free(check_draw(a, 1 + (int)((bits >> 20) % 200), 1 + (int)((bits >> 40) % 60),
                            (enum glyph_level)(n / 5 % GLYPH_LEVELS)));
        if (n % 37 == 0 && app_session(a)->dataset)
            check_evaluate(a, n % 2 ? SPLIT_VALIDATION : SPLIT_TEST, n);
    }
    app_destroy(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
