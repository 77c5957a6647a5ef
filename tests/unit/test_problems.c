/* test_problems.c - regression and sets of labels against PyTorch and Transformers: the losses and
 * their gradients, and twenty AdamW steps of the tiny BERT (tests/fixtures/problems/make.py). */
#include "model_fixture.h"

#include "engine/model/loss.h"

enum { STEPS = 20, ROWS = 16 };

/* The next word or number of a line of a fixture. */
static enum problem next_problem(char **at)
{
    char name[64];
    enum problem p;
    size_t n = strcspn(*at, " ");
    assert_true(n < sizeof name);
    memcpy(name, *at, n);
    name[n] = '\0';
    *at += n;
    assert_true(problem_parse(name, &p));
    return p;
}

static double next_number(char **at)
{
    char *end;
    double x = strtod(*at, &end);
    assert_ptr_not_equal(end, *at);
    *at = end;
    return x;
}

static char *fixture_text(const char *path)
{
    struct err err;
    char *text = file_read(path, &(size_t){0}, &err);
    if (!text)
        fail_msg("%s", err.text);
    return text;
}

static void losses_and_gradients_are_pytorchs(void **state)
{
    (void)state;
    size_t cases = 0;
    char *text = fixture_text("tests/fixtures/problems/losses.txt");
    for (char *at = text; *at && *at != '\n'; at += strspn(at, "\n"), cases++) {
        struct targets t = {.problem = next_problem(&at)};
        size_t rows = (size_t)next_number(&at);
        float logits[64], target[64], gradient[64];
        t.width = (size_t)next_number(&at);
        t.value = target;
        assert_true(rows * t.width <= 64);
        for (size_t i = 0; i < rows * t.width; i++)
            logits[i] = (float)next_number(&at);
        for (size_t i = 0; i < rows * t.width; i++)
            target[i] = (float)next_number(&at);
        double sum = loss_of_targets(gradient, logits, &t, rows, NULL, 0, (double)rows);
        double want = next_number(&at);
        assert_true(fabs(sum / (double)rows - want) <= 1e-12 * fmax(1, want));
        assert_true(loss_of_targets(NULL, logits, &t, rows, NULL, 0, 7) == sum);
        for (size_t i = 0; i < rows * t.width; i++) {
            double slope = next_number(&at);
            assert_true(fabs(gradient[i] - slope) <= 1.2e-7 * fmax(1, fabs(slope)));
        }
        loss_of_targets(logits, logits, &t, rows, NULL, 0, (double)rows); /* in place */
        assert_memory_equal(logits, gradient, rows * t.width * sizeof *logits);
    }
    assert_int_equal(cases, 6);
    free(text);
}

static void a_nan_is_seen_and_large_logits_stay_finite(void **state)
{
    (void)state;
    float logits[] = {3e38f, -3e38f, 1e4f}, target[] = {1, 0, 0}, d[3];
    assert_true(loss_binary_cross_entropy(d, logits, target, 1, 3, 1) == 1e4 / 3);
    assert_true(d[0] == 0 && d[1] == 0 && fabsf(d[2] - 1.0f / 3) < 1e-7f);
    logits[1] = NAN;
    assert_true(isnan(loss_binary_cross_entropy(d, logits, target, 1, 3, 1)) && isnan(d[1]));
    assert_true(isnan(loss_squared_error(d, logits, target, 3, 1, 1)) && isnan(d[1]));
}

/* As make.py says. */
static void fill_targets(struct targets *t, const struct batch *b)
{
    for (size_t i = 0; i < b->B; i++) {
        int32_t second = b->token[b->start[i] + 1];
        if (t->problem == PROBLEM_REGRESSION)
            t->value[i] = (float)(second % 7 - 3) / 2;
        for (size_t k = 0; t->problem == PROBLEM_MULTI_LABEL && k < t->width; k++)
            t->value[i * t->width + k] = (float)(second >> k & 1);
    }
}

/* The checkpoint's classifier, or of a regression its first row. */
static void take_head(struct model *m, const struct model *from)
{
    static const char *const names[] = {"classifier.weight", "classifier.bias"};
    size_t n, of;
    struct param *to = model_params(m, &n),
                 *have = model_params((struct model *)(uintptr_t)from, &of);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < of; k++)
            for (int j = 0; j < 2; j++)
                if (!strcmp(to[i].name, names[j]) && !strcmp(have[k].name, names[j]))
                    memcpy(to[i].w, have[k].w, to[i].rows * to[i].cols * sizeof(float));
}

/* Plain AdamW steps over the four batches in turn, against the fixture's line. */
static void follow_steps(struct model *m, struct compute *c, const struct safetensors *s, char **at)
{
    const struct optim_settings o = {
        .kind = OPTIM_ADAMW, .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    const struct pass pass = {.training = true};
    size_t count;
    float *moments, target[ROWS * TINY_LABELS], logits[ROWS * TINY_LABELS];
    struct targets t = {.problem = model_problem(m), .width = model_labels(m), .value = target};
    struct optim_tensor *tensors = steps_tensors(m, &count, &moments);
    double losses[STEPS], norms[STEPS];
    for (size_t i = 0; i < 2 * STEPS; i++)
        *(i < STEPS ? &losses[i] : &norms[i - STEPS]) = next_number(at);
    for (int step = 0; step < STEPS; step++) {
        struct batch b;
        fixture_batch(&b, s, step % TINY_BATCHES);
        struct workspace *ws = fixture_workspace(m, &b, true);
        fill_targets(&t, &b);
        optim_zero_grad(c, tensors, count);
        model_forward(m, &b, ws, &pass, logits);
        double loss = loss_of_targets(logits, logits, &t, b.B, NULL, 0, (double)b.B);
        model_backward(m, &b, ws, &pass, logits);
        double norm = optim_grad_norm(c, tensors, count);
        assert_true(fabs(loss / (double)b.B - losses[step]) < 1e-5);
        assert_true(fabs(norm - norms[step]) < 1e-4 * norms[step]);
        optim_step(c, tensors, count, &o, (uint64_t)step + 1, norm);
        workspace_destroy(ws);
        batch_clear(&b);
    }
    free(tensors);
    free(moments);
}

static void twenty_steps_follow_transformers(void **state)
{
    (void)state;
    struct safetensors s;
    struct err err;
    struct compute *c = fixture_compute(2);
    struct model *kept = fixture_model(TINY, (struct head_spec){.keep_head = true}, c);
    char *text = fixture_text("tests/fixtures/problems/steps.txt");
    size_t cases = 0;
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    for (char *at = text; *at && *at != '\n'; at += strspn(at, "\n"), cases++) {
        struct head_spec head = {.problem = next_problem(&at)};
        head.labels = head.problem == PROBLEM_REGRESSION ? 1 : TINY_LABELS;
        struct model *m = fixture_model(TINY, head, c);
        take_head(m, kept);
        assert_int_equal(model_prepare_training(m, TUNE_FULL, 0, &err), 0);
        follow_steps(m, c, &s, &at);
        model_close(m);
    }
    assert_int_equal(cases, 2);
    free(text);
    safetensors_close(&s);
    model_close(kept);
    compute_destroy(c);
}

/* What a directory's head answers: as its config says, else as Transformers infers it. */
static void the_config_says_the_problem(void **state)
{
    (void)state;
    char place[256], config[2000], *plain = fixture_text(TINY "/config.json");
    struct compute *c = fixture_compute(1);
    struct err err;
    const struct head_spec head = {.keep_head = true, .dropout = -1};
    static const struct {
        const char *type;
        enum problem problem; /* AUTO: refused */
    } cases[] = {{"null", PROBLEM_SINGLE_LABEL},
                 {"\"single_label_classification\"", PROBLEM_SINGLE_LABEL},
                 {"\"multi_label_classification\"", PROBLEM_MULTI_LABEL},
                 {"\"regression\"", PROBLEM_AUTO}, /* of three values */
                 {"\"auto\"", PROBLEM_AUTO},
                 {"\"ranking\"", PROBLEM_AUTO}};
    fixture_place(place, sizeof place, "problem");
    fixture_copy(place, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(config, sizeof config, "{\"problem_type\": %s,%s", cases[i].type,
                 strchr(plain, '{') + 1);
        fixture_write(place, "config.json", config);
        struct model *m = model_open(place, &head, c, &err);
        assert_int_equal(m ? model_problem(m) : PROBLEM_AUTO, cases[i].problem);
        if (!m)
            assert_int_equal(err.code, ERR_UNSUPPORTED);
        model_close(m);
    }
    struct model *one = fixture_model(TINY, (struct head_spec){.labels = 1}, c);
    assert_int_equal(model_problem(one), PROBLEM_REGRESSION);
    model_close(one);
    file_remove_tree(place, &err);
    compute_destroy(c);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_pytorchs),
        cmocka_unit_test(a_nan_is_seen_and_large_logits_stay_finite),
        cmocka_unit_test(twenty_steps_follow_transformers),
        cmocka_unit_test(the_config_says_the_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
