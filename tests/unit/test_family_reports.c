/* test_family_reports.c - what a checkpoint lacks and what it has too many is what Transformers
 * finds (make_family_reports.py): base models, pretraining classes, early releases. What is new is
 * said, initialised and learns; what is in no parameter is said and harmless. */
#include "engine/model/loss.h"
#include "family_fixture.h"

#define REPORTS "tests/fixtures/family_reports.json"

static const char *where; /* the checkpoint at hand, for messages */

static bool is_listed(const cJSON *list, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (!strcmp(item->valuestring, name)) return true;
    return false;
}

/* The notice has one line that begins with `what`, which names four of the list, or all, and says
 * how many more there are; none when the list is empty. */
static void check_line(const char *notice, const char *what, const cJSON *list)
{
    size_t n = (size_t)cJSON_GetArraySize(list), named = 0;
    const char *at = strstr(notice, what);
    char line[512], more[32] = "";
    if (!n != !at)
        fail_msg("%s: %zu tensors are '%s' with Transformers; it says: %s", where, n, what, notice);
    if (!n)
        return;
    at += strlen(what);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    if (n > 4)
        snprintf(more, sizeof more, " and %zu more", n - 4);
    size_t end = strlen(line) - strlen(more);
    if (strcmp(line + end, more))
        fail_msg("%s: '%s%s' should end with '%s'", where, what, line, more);
    line[end] = '\0';
    for (char *rest = line, *name; (name = strtok_r(rest, ", ", &rest)); named++)
        if (!is_listed(list, name))
            fail_msg("%s: %s is not '%s' with Transformers", where, name, what);
    assert_int_equal(named, n < 4 ? n : 4);
}

static size_t lines_of(const char *text)
{
    size_t n = *text != '\0';
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void check_fresh(struct model *m, const cJSON *missing)
{
    size_t count, fresh = 0;
    const struct param *p = model_params(m, &count);
    for (size_t i = 0; i < count; i++) {
        fresh += p[i].fresh;
        if (p[i].fresh != is_listed(missing, p[i].name))
            fail_msg("%s: %s is %s", where, p[i].name, p[i].fresh ? "new" : "not new");
    }
    assert_int_equal(fresh, cJSON_GetArraySize(missing));
}

static bool all_zero(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] != 0.0f)
            return false;
    return true;
}

/* Two texts of three tokens through the model and back. */
static void run_once(struct model *m)
{
    struct err err = {0};
    struct batch b = {0};
    float logits[2 * 3];
    struct pass p = {.training = true, .seed = 1, .step = 1};
    assert_int_equal(batch_init(&b, 2, 6, &err), 0);
    b.B = 2, b.T = 6, b.longest = 3;
    for (int i = 0; i < 6; i++)
        b.token[i] = 7 + 5 * i, b.position[i] = i % 3, b.segment[i] = 0;
    b.start[1] = 3, b.start[2] = 6;
    b.label[0] = 0, b.label[1] = 2;
    struct workspace *ws = workspace_create(m, 2, 6, 3, true, &err);
    assert_non_null(ws);
    model_forward(m, &b, ws, &p, logits);
    loss_cross_entropy(logits, logits, b.label, 2, 3, NULL, 0, 2.0);
    model_backward(m, &b, ws, &p, logits);
    workspace_destroy(ws);
    batch_clear(&b);
}

/* What is new learns, also when the head alone does. */
static void check_learning(struct model *m, enum tune tune)
{
    struct err err = {0};
    size_t count;
    assert_int_equal(model_prepare_training(m, tune, 0, &err), 0);
    struct param *p = model_params(m, &count);
    for (size_t i = 0; i < count; i++) {
        if (p[i].fresh && !p[i].trainable)
            fail_msg("%s: %s is new and does not learn", where, p[i].name);
        if (p[i].trainable)
            memset(p[i].dw, 0, p[i].rows * p[i].cols * sizeof *p[i].dw);
    }
    run_once(m);
    for (size_t i = 0; i < count; i++)
        if (p[i].fresh && all_zero(p[i].dw, p[i].rows * p[i].cols))
            fail_msg("%s: %s is new and has no gradient", where, p[i].name);
}

static void check_checkpoint(const cJSON *config, const cJSON *checkpoint, struct compute *c)
{
    struct err err = {0};
    char dir[256], title[128];
    const cJSON *missing = cJSON_GetObjectItem(checkpoint, "missing");
    const cJSON *unexpected = cJSON_GetObjectItem(checkpoint, "unexpected");
    cJSON *o = cJSON_CreateObject();
    snprintf(title, sizeof title, "%s, %s", cJSON_GetObjectItem(config, "model_type")->valuestring,
             cJSON_GetObjectItem(checkpoint, "what")->valuestring);
    where = title;
    cJSON_AddItemReferenceToObject(o, "config", (cJSON *)config);
    cJSON_AddItemReferenceToObject(o, "tensors", cJSON_GetObjectItem(checkpoint, "tensors"));
    fixture_place(dir, sizeof dir, "report");
    family_write(o, dir, NULL);
    struct model *m = model_open(dir, &(struct head_spec){.labels = 3, .dropout = 0}, c, &err);
    if (!m)
        fail_msg("%s: %s", where, err.text);
    check_line(model_notice(m), "new: ", missing);
    check_line(model_notice(m), "not used: ", unexpected);
    assert_int_equal(lines_of(model_notice(m)),
                     (missing->child != NULL) + (unexpected->child != NULL));
    check_fresh(m, missing);
    check_learning(m, TUNE_FULL);
    check_learning(m, TUNE_HEAD);
    model_close(m);
    file_remove_tree(dir, &err);
    cJSON_Delete(o);
}

static void each_checkpoint_is_reported_as_transformers_does(void **state)
{
    (void)state;
    struct err err = {0};
    struct compute *c = fixture_compute(1);
    cJSON *all = json_read(REPORTS, &err);
    const cJSON *family, *checkpoint;
    size_t seen = 0;
    if (!all)
        fail_msg("%s", err.text);
    cJSON_ArrayForEach(family, all)
        cJSON_ArrayForEach(checkpoint, cJSON_GetObjectItem(family, "checkpoints"))
    {
        check_checkpoint(cJSON_GetObjectItem(family, "config"), checkpoint, c);
        seen++;
    }
    assert_true(seen > 26);
    cJSON_Delete(all);
    compute_destroy(c);
}

static void every_supported_type_has_its_reports(void **state)
{
    (void)state;
    struct err err = {0};
    cJSON *all = json_read(REPORTS, &err);
    for (size_t i = 0; model_types(i); i++) {
        bool found = false;
        const cJSON *family;
        cJSON_ArrayForEach(family, all)
        {
            const cJSON *config = cJSON_GetObjectItem(family, "config");
            found |=
                !strcmp(cJSON_GetObjectItem(config, "model_type")->valuestring, model_types(i));
        }
        if (!found)
            fail_msg("%s is supported and not in %s", model_types(i), REPORTS);
    }
    cJSON_Delete(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_checkpoint_is_reported_as_transformers_does),
        cmocka_unit_test(every_supported_type_has_its_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
