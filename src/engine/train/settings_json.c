/* Settings as a JSON object, through their text: so a key of a file and a flag are read alike. */
#include "engine/train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double LARGEST_INT = 9007199254740991.0; /* 2^53 - 1: what JSON carries exactly */

/* A number as settings_parse takes it: whole ones without point or exponent. */
static void number_text(double x, char *out, size_t size)
{
    if (x == floor(x) && fabs(x) <= LARGEST_INT)
        snprintf(out, size, "%.0f", x);
    else
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(out, size, "%.*g", digits, x);
            if (strtod(out, NULL) == x)
                break;
        }
}

static int parse_member(struct settings *s, const cJSON *member, struct err *err)
{
    char number[40] = "";
    const char *text = number;
    const struct setting *known = settings_find(member->string);
    if (cJSON_IsString(member))
        text = member->valuestring;
    else if (cJSON_IsBool(member))
        text = cJSON_IsTrue(member) ? "true" : "false";
    else if (cJSON_IsNumber(member))
        number_text(member->valuedouble, number, sizeof number);
    else if (known)
        return err_set(err, ERR_USAGE, "%s is a number, a word or true or false, not %s",
                       known->name, cJSON_IsNull(member) ? "null" : "a list or an object");
    return settings_parse(s, member->string, text, err);
}

int settings_from_json(struct settings *s, const cJSON *object, const char *where, struct err *err)
{
    if (!cJSON_IsObject(object))
        return err_set(err, ERR_USAGE, "%s: settings are an object, {\"learning_rate\": 2e-5}",
                       where);
    struct settings changed = *s; /* all or nothing */
    const cJSON *member;
    cJSON_ArrayForEach(member, object) if (parse_member(&changed, member, err)) return err_wrap(
        err, "%s", where);
    *s = changed;
    return 0;
}

void settings_value_to_json(const struct settings *s, const struct setting *which,
                            struct json_writer *w)
{
    char text[SETTING_TEXT_SIZE], *end;
    settings_format(s, which, text, sizeof text);
    if (which->type == SETTING_BOOL) {
        json_bool(w, text[0] == 't');
        return;
    }
    double x = strtod(text, &end);
    if (which->type == SETTING_TEXT || which->type == SETTING_ENUM || end == text)
        json_string(w, text); /* a number's word, "auto" or "epoch", is one too */
    else if (which->type == SETTING_INT)
        json_int(w, (int64_t)x);
    else
        json_double(w, x);
}

void settings_to_json(const struct settings *s, struct json_writer *w)
{
    json_open(w, '{');
    for (size_t i = 0; i < settings_count(); i++) {
        json_key(w, settings_at(i)->name);
        settings_value_to_json(s, settings_at(i), w);
    }
    json_close(w, '}');
}
