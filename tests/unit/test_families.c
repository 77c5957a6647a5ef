/* test_families.c - every family against what Transformers computed (make_families.py): logits,
 * gradients, five steps; and what must hold of any of them: a text's logits do not depend on its
 * neighbours or the number of threads, an export reads back, missing tensors are told or refused. */
#include "engine/model/loss.h"
#include "family_fixture.h"

struct loaded {
    cJSON *o;
    char dir[256];
    struct compute *c;
    struct model *m;
    struct batch b;
    struct workspace *ws;
};

static struct loaded load(const char *name)
{
    struct loaded l = {.o = family_read(name)};
    struct err err = {0};
    fixture_place(l.dir, sizeof l.dir, name);
    family_write(l.o, l.dir, NULL);
    l.c = fixture_compute(2);
    l.m = model_open(l.dir, &(struct head_spec){.keep_head = true}, l.c, &err);
    if (!l.m)
        fail_msg("%s: %s", name, err.text);
    if (*model_notice(l.m))
        fail_msg("%s: everything is in the file, yet: %s", name, model_notice(l.m));
    assert_int_equal(model_prepare_training(l.m, TUNE_FULL, 0, &err), 0);
    family_batch(&l.b, l.o, 0, cJSON_GetArraySize(cJSON_GetObjectItem(l.o, "ids")));
    l.ws = workspace_create(l.m, l.b.B, l.b.T, l.b.longest, true, &err);
    assert_non_null(l.ws);
    return l;
}

static void unload(struct loaded *l)
{
    struct err err;
    workspace_destroy(l->ws);
    batch_clear(&l->b);
    model_close(l->m);
    compute_destroy(l->c);
    file_remove_tree(l->dir, &err);
    cJSON_Delete(l->o);
}

static const struct pass still = {.training = false};

static void check_logits(const char *name)
{
    struct loaded l = load(name);
    const cJSON *rows = cJSON_GetObjectItem(l.o, "logits");
    size_t K = model_labels(l.m);
    float *logits = calloc(l.b.B * K, sizeof *logits);
    double square = 0, of = 0, largest = 0;
    model_forward(l.m, &l.b, l.ws, &still, logits);
    for (size_t i = 0; i < l.b.B * K; i++) {
        double want =
            cJSON_GetArrayItem(cJSON_GetArrayItem(rows, (int)(i / K)), (int)(i % K))->valuedouble;
        double d = fabs(logits[i] - want);
        largest = d > largest || isnan(d) ? d : largest;
        square += d * d, of += want * want;
    }
    if (!(largest <= 1e-4 && sqrt(square) <= 1e-5 * sqrt(of)))
        fail_msg("%s: logits differ by %g, %g in L2", name, largest, sqrt(square / of));
    free(logits);
    unload(&l);
}

static double one_step(struct loaded *l)
{
    size_t K = model_labels(l->m);
    struct pass p = {.training = true, .seed = 1, .step = 1};
    float *logits = calloc(l->b.B * K, sizeof *logits);
    model_forward(l->m, &l->b, l->ws, &p, logits);
    double sum = loss_cross_entropy(logits, logits, l->b.label, l->b.B, K, NULL, 0, (double)l->b.B);
    model_backward(l->m, &l->b, l->ws, &p, logits);
    free(logits);
    return sum / (double)l->b.B;
}

/* The L2 norm and two products, in the order of the checkpoint. */
static void fingerprint(const struct param *p, double out[3])
{
    char name[2][300];
    uint32_t seed[2];
    for (int k = 0; k < 2; k++) {
        snprintf(name[k], sizeof name[k], "%s#%d", p->name, k + 1);
        seed[k] = family_seed(name[k]);
    }
    out[0] = out[1] = out[2] = 0;
    for (size_t i = 0; i < p->rows * p->cols; i++) {
        double g = p->in_out ? p->dw[i % p->rows * p->cols + i / p->rows] : p->dw[i];
        out[0] += g * g;
        for (int k = 0; k < 2; k++)
            out[1 + k] += g * (2 * family_hashed(seed[k], i) - 1);
    }
    out[0] = sqrt(out[0]);
}

static void check_gradients(const char *name)
{
    struct loaded l = load(name);
    const cJSON *want = cJSON_GetObjectItem(l.o, "gradients"), *item;
    double global = 0;
    size_t count, seen = 0;
    struct param *p = model_params(l.m, &count);
    cJSON_ArrayForEach(item, want) global += pow(item->child->valuedouble, 2);
    one_step(&l);
    for (size_t i = 0; i < count; i++) {
        double got[3];
        const cJSON *w = cJSON_GetObjectItemCaseSensitive(want, p[i].name);
        if (!w != !p[i].trainable)
            fail_msg("%s: %s %s a gradient", name, p[i].name, w ? "lacks" : "should not have");
        if (!w)
            continue;
        seen++;
        fingerprint(&p[i], got);
        double bound = 1e-4 * w->child->valuedouble + 1e-7 * sqrt(global) + 1e-9;
        for (int k = 0; k < 3; k++) {
            double d = fabs(got[k] - cJSON_GetArrayItem(w, k)->valuedouble);
            if (!(d <= bound))
                fail_msg("%s: gradient of %s is off by %g, bound %g", name, p[i].name, d, bound);
        }
    }
    assert_int_equal(seen, cJSON_GetArraySize(want));
    unload(&l);
}

static void check_steps(const char *name)
{
    struct loaded l = load(name);
    struct optim_settings s = {
        .kind = OPTIM_ADAMW,
        .learning_rate = cJSON_GetObjectItem(l.o, "learning_rate")->valuedouble,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .weight_decay = cJSON_GetObjectItem(l.o, "weight_decay")->valuedouble,
    };
    float *moments;
    size_t tensors;
    struct optim_tensor *t = steps_tensors(l.m, &tensors, &moments);
    uint64_t step = 0;
    const cJSON *want;
    cJSON_ArrayForEach(want, cJSON_GetObjectItem(l.o, "losses"))
    {
        optim_zero_grad(l.c, t, tensors);
        double loss = one_step(&l);
        optim_step(l.c, t, tensors, &s, ++step, optim_grad_norm(l.c, t, tensors));
        if (!(fabs(loss - want->valuedouble) <= 1e-4))
            fail_msg("%s: the loss of step %d is %.7f, expected %.7f", name, (int)step, loss,
                     want->valuedouble);
    }
    free(moments);
    free(t);
    unload(&l);
}

/* Alone, or among others; with memory for backward, or written over: the same bytes. */
static void check_neighbours(const char *name)
{
    struct loaded l = load(name);
    struct err err = {0};
    size_t K = model_labels(l.m);
    float *all = calloc(l.b.B * K, sizeof *all), *one = calloc(K, sizeof *one);
    model_forward(l.m, &l.b, l.ws, &still, all);
    for (size_t i = 0; i < l.b.B; i++) {
        struct batch b = {0};
        family_batch(&b, l.o, (int)i, 1);
        struct workspace *ws = workspace_create(l.m, 1, b.T, b.longest, false, &err);
        assert_non_null(ws);
        model_forward(l.m, &b, ws, &still, one);
        if (memcmp(one, all + i * K, K * sizeof *one))
            fail_msg("%s: text %zu alone has other logits than in a batch", name, i);
        workspace_destroy(ws);
        batch_clear(&b);
    }
    free(all);
    free(one);
    unload(&l);
}

/* An export opens again, all tensors in their checkpoint's shape, and computes the same. */
static void check_export(const char *name)
{
    struct loaded l = load(name);
    struct err err = {0};
    char dir[300];
    size_t K = model_labels(l.m), n = l.b.B * K;
    float *before = calloc(2 * n, sizeof *before), *after = before + n;
    fixture_place(dir, sizeof dir, "export");
    if (model_export(l.m, dir, false, NULL, &err))
        fail_msg("%s: %s", name, err.text);
    struct model *m = model_open(dir, &(struct head_spec){.keep_head = true}, l.c, &err);
    if (!m)
        fail_msg("%s: %s", name, err.text);
    assert_string_equal(model_notice(m), "");
    model_forward(l.m, &l.b, l.ws, &still, before);
    model_forward(m, &l.b, l.ws, &still, after);
    assert_memory_equal(before, after, n * sizeof *before);
    free(before);
    model_close(m);
    file_remove_tree(dir, &err);
    unload(&l);
}

static float *logits_of(struct loaded *l)
{
    float *logits = calloc(l->b.B * model_labels(l->m), sizeof *logits);
    model_forward(l->m, &l->b, l->ws, &still, logits);
    return logits;
}

static struct param *param_of(struct loaded *l, const char *part)
{
    size_t n;
    struct param *p = model_params(l->m, &n);
    for (size_t i = 0; i < n; i++)
        if (strstr(p[i].name, part))
            return &p[i];
    fail_msg("no parameter has '%s' in its name", part);
    return NULL;
}

/* Not told the segments, a table of types gives its first row, and relative attention has no third
 * term: as with segment vectors of 0, which then learn nothing. */
static void check_untold(const char *name)
{
    struct loaded l = load(name);
    const bool relative = !strcmp(name, "xlnet");
    size_t bytes = l.b.B * model_labels(l.m) * sizeof(float);
    for (size_t t = 0; t < l.b.T; t++)
        l.b.segment[t] = 0;
    float *zero = logits_of(&l);
    for (size_t t = 0; t < l.b.T; t++)
        l.b.segment[t] = NO_SEGMENT;
    float *untold = logits_of(&l);
    one_step(&l);
    assert_int_equal(memcmp(zero, untold, bytes) != 0, relative);
    if (relative) {
        size_t n;
        struct param *p = model_params(l.m, &n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; strstr(p[i].name, "seg_embed") && j < p[i].rows * p[i].cols; j++) {
                assert_true(p[i].dw[j] == 0.0f);
                p[i].w[j] = 0.0f;
            }
        assert_true(param_of(&l, "seg_embed")->w[0] == 0.0f);
        for (size_t t = 0; t < l.b.T; t++)
            l.b.segment[t] = (int32_t)(t % 2);
        free(zero);
        zero = logits_of(&l);
        assert_memory_equal(zero, untold, bytes);
    }
    free(zero), free(untold);
    unload(&l);
}

static void a_model_may_be_told_no_segments(void **state)
{
    (void)state;
    check_untold("bert");
    check_untold("albert");
    check_untold("xlnet");
}

static const char *left_out;
static bool all_but_one(const char *name)
{
    return strcmp(name, left_out) != 0;
}

static bool is_of_head(const char *name)
{
    static const char *const heads[] = {"classifier", "pooler",      "pre_classifier",  "score.",
                                        "head.",      "logits_proj", "sequence_summary"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strstr(name, heads[i]))
            return true;
    return false;
}

/* A tensor of the head that is missing is new, and said so; any other is missed by name. Every
 * fifth of the others, to be quick. */
static void check_missing(const char *name)
{
    cJSON *o = family_read(name);
    struct compute *c = fixture_compute(1);
    const cJSON *item;
    char dir[256];
    int seen = 0;
    fixture_place(dir, sizeof dir, name);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(o, "tensors"))
    {
        struct err err = {0};
        left_out = cJSON_GetArrayItem(item, 0)->valuestring;
        bool of_head = is_of_head(left_out);
        if (!of_head && seen++ % 5)
            continue;
        family_write(o, dir, all_but_one);
        struct model *m = model_open(dir, &(struct head_spec){.labels = 3, .dropout = -1}, c, &err);
        if (of_head != (m != NULL))
            fail_msg("%s without %s: %s", name, left_out, m ? "accepted" : err.text);
        if (!strstr(m ? model_notice(m) : err.text, left_out))
            fail_msg("%s without %s: it says only '%s'", name, left_out,
                     m ? model_notice(m) : err.text);
        if (m && strncmp(model_notice(m), "new: ", 5))
            fail_msg("%s without %s: '%s'", name, left_out, model_notice(m));
        model_close(m);
        file_remove_tree(dir, &err);
    }
    compute_destroy(c);
    cJSON_Delete(o);
}

static void logits_are_transformers(void **state)
{
    (void)state;
    family_each(check_logits);
}
static void gradients_are_pytorchs(void **state)
{
    (void)state;
    family_each(check_gradients);
}
static void steps_are_pytorchs(void **state)
{
    (void)state;
    family_each(check_steps);
}
static void a_text_does_not_see_its_neighbours(void **state)
{
    (void)state;
    family_each(check_neighbours);
}
static void an_export_opens_again(void **state)
{
    (void)state;
    family_each(check_export);
}
static void a_missing_tensor_is_new_or_named(void **state)
{
    (void)state;
    family_each(check_missing);
}

/* A copy of every gradient, NULL where there is none. */
static float **gradients_of(struct loaded *l, size_t *count)
{
    struct param *p = model_params(l->m, count);
    float **copy = calloc(*count, sizeof *copy);
    for (size_t i = 0; i < *count; i++) {
        size_t n = p[i].rows * p[i].cols;
        if (p[i].trainable && (copy[i] = malloc(n * sizeof(float))))
            memcpy(copy[i], p[i].dw, n * sizeof(float));
    }
    return copy;
}

/* The step of `l` with its first layer frozen: the same loss and, of what learns, the same gradients to
 * the last bit, since nothing they depend on has changed; of the rest none. */
static void compare_frozen(const char *name, struct loaded *l, float **whole, double loss)
{
    struct err err = {0};
    size_t count, K = model_labels(l->m), frozen = 0;
    const struct pass p = {.training = true, .seed = 1, .step = 1};
    if (model_prepare_training(l->m, TUNE_FULL, 1, &err)) {
        assert_string_equal(name, "albert"); /* its layers are one */
        assert_non_null(strstr(err.text, "share their weights"));
        return;
    }
    struct workspace *pass = workspace_create(l->m, l->b.B, l->b.T, l->b.longest, false, &err);
    struct workspace *ws = workspace_create(l->m, l->b.B, l->b.T, l->b.longest, true, &err);
    float *prefix = malloc(l->b.T * model_feature_width(l->m) * sizeof *prefix);
    float *logits = malloc(l->b.B * K * sizeof *logits);
    struct param *params = model_params(l->m, &count);
    for (size_t i = 0; i < count; i++)
        if (params[i].dw)
            memset(params[i].dw, 0, params[i].rows * params[i].cols * sizeof(float));
    model_prefix(l->m, &l->b, pass, prefix);
    model_forward_from(l->m, &l->b, ws, &p, prefix, logits);
    double sum = loss_cross_entropy(logits, logits, l->b.label, l->b.B, K, NULL, 0, (double)l->b.B);
    assert_true(sum / (double)l->b.B == loss);
    model_backward(l->m, &l->b, ws, &p, logits);
    for (size_t i = 0; i < count; i++) {
        size_t n = params[i].rows * params[i].cols;
        frozen += whole[i] && !params[i].trainable;
        if (params[i].trainable && memcmp(params[i].dw, whole[i], n * sizeof(float)))
            fail_msg("%s: freezing a layer changes the gradient of %s", name, params[i].name);
        if (!params[i].trainable && params[i].depth > 1 && whole[i])
            fail_msg("%s: %s is not of the first layer, yet it is frozen", name, params[i].name);
    }
    assert_true(frozen > 3); /* a table and a layer's tensors */
    workspace_destroy(pass);
    workspace_destroy(ws);
    free(prefix);
    free(logits);
}

static void check_frozen(const char *name)
{
    struct loaded l = load(name);
    struct err err = {0};
    size_t count;
    double loss = one_step(&l);
    float **whole = gradients_of(&l, &count);
    compare_frozen(name, &l, whole, loss);
    assert_int_equal(model_prepare_training(l.m, TUNE_FULL, 1000, &err), -1);
    assert_non_null(strstr(err.text, "tune head"));
    for (size_t i = 0; i < count; i++)
        free(whole[i]);
    free(whole);
    unload(&l);
}

/* Where a product writes over the gradient of the step before, nothing of that is left, and the next
 * micro-batch adds to it; blocks that share weights do, too. */
static void check_stale(const char *name)
{
    struct loaded l = load(name);
    size_t count, n, stale = 0;
    float *moments;
    one_step(&l);
    float **once = gradients_of(&l, &count);
    struct optim_tensor *t = steps_tensors(l.m, &n, &moments);
    struct param *p = model_params(l.m, &count);
    optim_zero_grad(l.c, t, n);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; p[i].trainable && k < p[i].rows * p[i].cols; k++) {
            stale += p[i].stale && !k;
            if (p[i].stale)
                p[i].dw[k] = NAN;
            else
                assert_true(p[i].dw[k] == 0);
        }
    assert_true(stale > 4);
    for (float times = 1; times <= 2; times++) {
        one_step(&l);
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; p[i].trainable && k < p[i].rows * p[i].cols; k++)
                if (!(fabsf(p[i].dw[k] - times * once[i][k]) <= 1e-6f + 1e-5f * fabsf(once[i][k])))
                    fail_msg("%s: %s, micro-batch %g: %g is not %g", name, p[i].name, times,
                             p[i].dw[k], times * once[i][k]);
    }
    for (size_t i = 0; i < count; i++)
        free(once[i]);
    free(once);
    free(t);
    free(moments);
    unload(&l);
}

static void a_stale_gradient_is_written_over(void **state)
{
    (void)state;
    family_each(check_stale);
}

static void frozen_layers_change_no_gradient(void **state)
{
    (void)state;
    family_each(check_frozen);
}

static char covered[1024];
static void note_type(const char *name)
{
    cJSON *o = family_read(name);
    size_t n = strlen(covered);
    const cJSON *type = cJSON_GetObjectItem(cJSON_GetObjectItem(o, "config"), "model_type");
    snprintf(covered + n, sizeof covered - n, " %s ", type->valuestring);
    cJSON_Delete(o);
}
static void every_supported_type_has_a_fixture(void **state)
{
    (void)state;
    family_each(note_type);
    for (size_t i = 0; model_types(i); i++) {
        char key[64];
        snprintf(key, sizeof key, " %s ", model_types(i));
        if (!strstr(covered, key))
            fail_msg("%s is supported and not tested", model_types(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_transformers),
        cmocka_unit_test(gradients_are_pytorchs),
        cmocka_unit_test(steps_are_pytorchs),
        cmocka_unit_test(a_stale_gradient_is_written_over),
        cmocka_unit_test(frozen_layers_change_no_gradient),
        cmocka_unit_test(a_text_does_not_see_its_neighbours),
        cmocka_unit_test(a_model_may_be_told_no_segments),
        cmocka_unit_test(an_export_opens_again),
        cmocka_unit_test(a_missing_tensor_is_new_or_named),
        cmocka_unit_test(every_supported_type_has_a_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
