/* test_model.c - the model against Transformers' numbers on the tiny BERT, and against itself. */
#include "model_fixture.h"

#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "engine/model/loss.h"

static const struct pass off;

static double difference(const float *a, const float *b, size_t n, double *reference)
{
    double d = 0, r = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        r += (double)b[i] * b[i];
    }
    *reference = sqrt(r);
    return sqrt(d);
}

/* One model on one batch, ready to train. */
struct bench {
    struct compute *c;
    struct model *m;
    struct batch b;
    struct workspace *ws;
    float *logits, *dlogits;
};

static struct bench bench_open(const char *dir, int threads, struct head_spec head, enum tune tune)
{
    struct bench t = {.c = fixture_compute(threads)};
    struct safetensors s;
    struct err err = {0};
    t.m = fixture_model(dir, head, t.c);
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    fixture_batch(&t.b, &s, 0);
    safetensors_close(&s);
    assert_int_equal(model_prepare_training(t.m, tune, 0, &err), 0);
    t.ws = fixture_workspace(t.m, &t.b, true);
    t.logits = calloc(t.b.max_B * model_labels(t.m), sizeof *t.logits);
    t.dlogits = calloc(t.b.max_B * model_labels(t.m), sizeof *t.dlogits);
    return t;
}

static void bench_close(struct bench *t)
{
    workspace_destroy(t->ws);
    batch_clear(&t->b);
    model_close(t->m);
    compute_destroy(t->c);
    free(t->logits);
    free(t->dlogits);
}

static double bench_loss(struct bench *t, const struct pass *p, bool backward)
{
    size_t B = t->b.B, K = model_labels(t->m);
    model_forward(t->m, &t->b, t->ws, p, t->logits);
    double sum = loss_cross_entropy(t->dlogits, t->logits, t->b.label, B, K, NULL, 0, (double)B);
    if (backward)
        model_backward(t->m, &t->b, t->ws, p, t->dlogits);
    return sum / (double)B;
}

static void logits_are_those_of_transformers(void **state)
{
    (void)state;
    struct bench t = bench_open(TINY, 2, (struct head_spec){.dropout = -1}, TUNE_FULL);
    struct safetensors s;
    struct err err = {0};
    size_t n;
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    float *expected = steps_values(&s, "logits", &n);
    model_forward(t.m, &t.b, t.ws, &off, t.logits);
    double reference, d = difference(t.logits, expected, n, &reference);
    assert_true(d <= 1e-5 * reference);
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(t.logits[i] - expected[i]) <= 1e-4f);
    free(expected);
    safetensors_close(&s);
    bench_close(&t);
}

static void gradients_are_those_of_pytorch(void **state)
{
    (void)state;
    struct bench t = bench_open(TINY, 2, (struct head_spec){.dropout = 0}, TUNE_FULL);
    struct safetensors s;
    struct err err = {0};
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    struct pass p = {.training = true, .seed = 1, .step = 1};
    bench_loss(&t, &p, true);
    size_t count, n;
    struct param *params = model_params(t.m, &count);
    double global = 0;
    for (size_t i = 0; i < count; i++) {
        struct param *q = &params[i];
        for (size_t j = 0; j < q->rows * q->cols; j++)
            global += (double)q->dw[j] * q->dw[j];
    }
    for (size_t i = 0; i < count; i++) {
        char name[160];
        snprintf(name, sizeof name, "grad.%s", params[i].name);
        float *expected = steps_values(&s, name, &n);
        assert_int_equal(n, params[i].rows * params[i].cols);
        double reference, d = difference(params[i].dw, expected, n, &reference);
        if (!(d <= 1e-4 * reference + 1e-7 * sqrt(global)))
            fail_msg("%s: difference %g of %g", name, d, reference);
        free(expected);
    }
    safetensors_close(&s);
    bench_close(&t);
}

struct course {
    const char *losses, *norms;
    size_t steps, accumulate, warmup;
    struct optim_settings o;
};

static void follow_course(const struct course *k)
{
    struct bench t = bench_open(TINY, 2, (struct head_spec){.dropout = 0}, TUNE_FULL);
    struct safetensors s;
    struct err err = {0};
    struct batch batches[TINY_BATCHES];
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    for (int i = 0; i < TINY_BATCHES; i++)
        fixture_batch(&batches[i], &s, i);
    size_t n, count;
    float *losses = steps_values(&s, k->losses, &n), *moments;
    float *norms = k->norms ? steps_values(&s, k->norms, &n) : NULL;
    struct optim_tensor *tensors = steps_tensors(t.m, &count, &moments);
    batch_clear(&t.b);
    workspace_destroy(t.ws);
    t.ws = workspace_create(t.m, 16, 512, 64, true, &err);
    assert_non_null(t.ws);
    for (size_t step = 0; step < k->steps; step++) {
        struct optim_settings o = k->o;
        double loss = 0, divisor = 16.0 * (double)k->accumulate;
        double warm = (double)step / (double)(k->warmup ? k->warmup : 1);
        double fall = (double)(k->steps - step) / (double)(k->steps - k->warmup);
        if (k->warmup)
            o.learning_rate *= step < k->warmup ? warm : fall;
        optim_zero_grad(t.c, tensors, count);
        for (uint32_t micro = 0; micro < k->accumulate; micro++) {
            struct batch *b = &batches[(step * k->accumulate + micro) % TINY_BATCHES];
            struct pass p = {.training = true, .seed = 1, .step = step + 1, .micro = micro};
            model_forward(t.m, b, t.ws, &p, t.logits);
            loss += loss_cross_entropy(t.dlogits, t.logits, b->label, b->B, TINY_LABELS, NULL, 0,
                                       divisor) /
                    divisor;
            model_backward(t.m, b, t.ws, &p, t.dlogits);
        }
        double norm = optim_grad_norm(t.c, tensors, count);
        optim_step(t.c, tensors, count, &o, step + 1, norm);
        if (!(fabs(loss - losses[step]) <= 1e-4))
            fail_msg("step %zu: loss %.7f, PyTorch %.7f", step + 1, loss, losses[step]);
        if (norms && !(fabs(norm - norms[step]) <= 1e-4 * norms[step]))
            fail_msg("step %zu: norm %.7f, PyTorch %.7f", step + 1, norm, norms[step]);
    }
    for (int i = 0; i < TINY_BATCHES; i++)
        batch_clear(&batches[i]);
    free(losses), free(norms), free(moments), free(tensors);
    safetensors_close(&s);
    bench_close(&t);
}

static void a_hundred_adamw_steps_follow_pytorch(void **state)
{
    (void)state;
    follow_course(&(struct course){
        "loss.constant", NULL, 100, 1, 0, {OPTIM_ADAMW, 2e-5, 0.9, 0.999, 1e-8, 0, 0}});
}

static void schedule_accumulation_clipping_and_decay_follow_pytorch(void **state)
{
    (void)state;
    follow_course(&(struct course){"loss.schedule",
                                   "norm.schedule",
                                   20,
                                   4,
                                   5,
                                   {OPTIM_ADAMW, 1e-3, 0.9, 0.999, 1e-8, 0.01, 0.5}});
}

/* Every gradient after two micro-batches with dropout, as one list of bytes. */
static float *gradients_with(int threads, enum pooling pooling, size_t *floats)
{
    struct head_spec head = {.dropout = 0.1, .pooling = pooling};
    struct bench t = bench_open(TINY, threads, head, TUNE_FULL);
    for (uint32_t micro = 0; micro < 2; micro++) {
        struct pass p = {.training = true, .seed = 5, .step = 3, .micro = micro};
        bench_loss(&t, &p, true);
    }
    size_t count, at = 0;
    struct param *p = model_params(t.m, &count);
    float *out = calloc(1 << 15, sizeof *out);
    memcpy(out, t.logits, t.b.B * TINY_LABELS * sizeof *out);
    at = t.b.B * TINY_LABELS;
    for (size_t i = 0; i < count; i++) {
        size_t n = p[i].rows * p[i].cols;
        if (!p[i].trainable)
            continue;
        assert_true(at + n <= 1 << 15);
        memcpy(out + at, p[i].dw, n * sizeof *out);
        at += n;
    }
    *floats = at;
    bench_close(&t);
    return out;
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    for (enum pooling pooling = POOLING_MODEL; pooling <= POOLING_MEAN; pooling++) {
        size_t n, other;
        float *one = gradients_with(1, pooling, &n);
        for (int threads = 2; threads <= 4; threads++) {
            float *many = gradients_with(threads, pooling, &other);
            assert_int_equal(n, other);
            assert_memory_equal(one, many, n * sizeof *one);
            free(many);
        }
        free(one);
    }
}

/* Sequence i of b alone. */
static void alone(struct batch *one, const struct batch *b, size_t i)
{
    struct err err;
    size_t first = b->start[i], n = b->start[i + 1] - first;
    assert_int_equal(batch_init(one, 1, n, &err), 0);
    one->B = 1, one->T = one->longest = n;
    one->start[1] = (uint32_t)n;
    memcpy(one->token, b->token + first, n * sizeof *one->token);
    memcpy(one->segment, b->segment + first, n * sizeof *one->segment);
    memcpy(one->position, b->position + first, n * sizeof *one->position);
}

static void a_row_does_not_see_its_batch_mates(void **state)
{
    (void)state;
    for (enum pooling pooling = POOLING_MODEL; pooling <= POOLING_MEAN; pooling++) {
        struct head_spec head = {.dropout = -1, .pooling = pooling};
        struct bench t = bench_open(TINY, 2, head, TUNE_FULL);
        struct workspace *inference = fixture_workspace(t.m, &t.b, false);
        model_forward(t.m, &t.b, t.ws, &off, t.logits);
        for (size_t i = 0; i < t.b.B; i++) {
            struct batch one;
            float logits[TINY_LABELS];
            alone(&one, &t.b, i);
            model_forward(t.m, &one, inference, &off, logits);
            assert_memory_equal(logits, t.logits + i * TINY_LABELS, sizeof logits);
            batch_clear(&one);
        }
        workspace_destroy(inference);
        bench_close(&t);
    }
}

/* (L(w + e v) - L(w - e v)) / 2e for v the gradient's own direction, where the slope is its norm.
 * With dropout on: the same seed and step give the same masks, so L is a fixed function. */
static void the_gradient_is_that_of_the_loss(void **state)
{
    (void)state;
    for (enum pooling pooling = POOLING_MODEL; pooling <= POOLING_MEAN; pooling++) {
        struct head_spec head = {.dropout = 0.2, .pooling = pooling};
        struct bench t = bench_open(TINY, 1, head, TUNE_FULL);
        struct pass p = {.training = true, .seed = 9, .step = 2, .micro = 1};
        bench_loss(&t, &p, true);
        size_t count;
        struct param *q = model_params(t.m, &count);
        for (size_t i = 0; i < count; i++) {
            size_t n = q[i].rows * q[i].cols;
            if (!q[i].trainable)
                continue;
            float *saved = malloc(n * sizeof *saved);
            memcpy(saved, q[i].w, n * sizeof *saved);
            double loss[2], norm = 0, e = 4e-3;
            for (size_t j = 0; j < n; j++)
                norm += (double)q[i].dw[j] * q[i].dw[j];
            norm = sqrt(norm) + 1e-12;
            for (int side = 0; side < 2; side++) {
                for (size_t j = 0; j < n;
                     j++) /* along the gradient: the steepest, so least noise */
                    q[i].w[j] = saved[j] + (float)((side ? -e : e) * q[i].dw[j] / norm);
                loss[side] = bench_loss(&t, &p, false);
            }
            memcpy(q[i].w, saved, n * sizeof *saved);
            free(saved);
            double slope = (loss[0] - loss[1]) / (2 * e);
            if (!(fabs(slope - norm) <= 5e-3 * norm + 1e-4))
                fail_msg("pooling %d, %s: slope %g, gradient %g", (int)pooling, q[i].name, slope,
                         norm);
        }
        bench_close(&t);
    }
}

static void dropout_changes_with_seed_step_and_micro_batch_only(void **state)
{
    (void)state;
    struct bench t = bench_open(TINY, 2, (struct head_spec){.dropout = 0.1}, TUNE_FULL);
    struct pass a = {.training = true, .seed = 1, .step = 1, .micro = 0}, other[] = {a, a, a};
    other[0].seed = 2, other[1].step = 2, other[2].micro = 1;
    double first = bench_loss(&t, &a, false);
    assert_true(first == bench_loss(&t, &a, false));
    for (int i = 0; i < 3; i++)
        assert_true(first != bench_loss(&t, &other[i], false));
    bench_close(&t);
}

/* The head on cached features is the head on the model, in both directions. */
static void cached_features_train_the_same_head(void **state)
{
    (void)state;
    for (enum pooling pooling = POOLING_MODEL; pooling <= POOLING_MEAN; pooling++) {
        struct head_spec head = {.dropout = 0.3, .pooling = pooling, .labels = 5};
        struct bench t = bench_open(TINY, 2, head, TUNE_HEAD);
        struct pass p = {.training = true, .seed = 3, .step = 7};
        for (size_t i = 0; i < t.b.B; i++)
            t.b.label[i] = (int32_t)(i % 5);
        bench_loss(&t, &p, true);
        size_t count, learning = 0, B = t.b.B;
        struct param *q = model_params(t.m, &count), *w = &q[count - 2];
        for (size_t i = 0; i < count; i++)
            learning += q[i].trainable;
        assert_int_equal(learning, 2); /* the classifier; the pooler is the checkpoint's */
        float *dw = malloc(w->rows * w->cols * sizeof *dw), logits[16 * 5];
        memcpy(dw, w->dw, w->rows * w->cols * sizeof *dw);
        memset(w->dw, 0, w->rows * w->cols * sizeof *dw);
        float *features = malloc(B * model_feature_width(t.m) * sizeof *features);
        model_features(t.m, &t.b, t.ws, features);
        model_head_forward(t.m, features, B, t.ws, &p, logits);
        assert_memory_equal(logits, t.logits, sizeof logits);
        model_head_backward(t.m, B, t.ws, &p, t.dlogits);
        assert_memory_equal(dw, w->dw, w->rows * w->cols * sizeof *dw);
        free(dw), free(features);
        bench_close(&t);
    }
}

static bool without_prefix(char *name)
{
    if (!strncmp(name, "bert.", 5))
        memmove(name, name + 5, strlen(name + 5) + 1);
    return true;
}
static bool old_names(char *name)
{
    char *at = strstr(name, "LayerNorm.");
    if (at)
        strcpy(at + 10, strstr(at, "weight") ? "gamma" : "beta");
    return true;
}
static bool no_pooler(char *name)
{
    return !strstr(name, "pooler");
}
static bool no_head(char *name)
{
    return !strstr(name, "classifier");
}
static bool other_task(char *name)
{
    char *at = strstr(name, "classifier");
    if (at)
        memmove(at + 4, at, strlen(at) + 1), memcpy(at, "cls.", 4);
    return true;
}
static bool no_key(char *name)
{
    return !strstr(name, "layer.1.attention.self.key.weight");
}

static void other_spellings_are_the_same_model(void **state)
{
    (void)state;
    fixture_keep *spellings[] = {without_prefix, old_names};
    struct bench t = bench_open(TINY, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
    assert_string_equal(model_notice(t.m), "");
    bench_loss(&t, &off, false);
    for (int i = 0; i < 2; i++) {
        char dir[256];
        fixture_copy(fixture_place(dir, sizeof dir, "spelling"), spellings[i]);
        struct bench u = bench_open(dir, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
        bench_loss(&u, &off, false);
        assert_memory_equal(t.logits, u.logits, t.b.B * TINY_LABELS * sizeof *t.logits);
        assert_string_equal(model_notice(u.m), "");
        bench_close(&u);
        struct err err;
        file_remove_tree(dir, &err);
    }
    bench_close(&t);
}

/* The tiny model with every weight cut to the upper half of its bits, stored so. */
static void write_halved(const char *path, const struct param *p, size_t count)
{
    struct strbuf header = {0};
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = p[i].rows * p[i].cols;
        strbuf_printf(&header, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[", i ? "," : "{",
                      p[i].name);
        if (p[i].dims == 2)
            strbuf_printf(&header, "%zu,", p[i].rows);
        strbuf_printf(&header, "%zu],\"data_offsets\":[%zu,%zu]}", p[i].cols, at, at + 2 * n);
        at += 2 * n;
    }
    strbuf_puts(&header, "} ");
    header.length -= header.length % 2 == 0; /* odd: nothing is aligned by chance */
    FILE *f = fopen(path, "wb");
    uint64_t size = header.length;
    fwrite(&size, 8, 1, f);
    fwrite(header.text, 1, header.length, f);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++)
            fwrite((const char *)&p[i].w[j] + 2, 2, 1, f);
    fclose(f);
    strbuf_clear(&header);
}

static void sixteen_bit_weights_are_the_floats_they_mean(void **state)
{
    (void)state;
    char dir[256], path[300];
    struct err err;
    struct bench t = bench_open(TINY, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
    size_t count;
    struct param *p = model_params(t.m, &count);
    fixture_copy(fixture_place(dir, sizeof dir, "halved"), NULL);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    write_halved(path, p, count);
    struct bench u = bench_open(dir, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
    struct param *q = model_params(u.m, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++) {
            uint32_t bits;
            memcpy(&bits, &p[i].w[j], 4);
            bits &= 0xffff0000u;
            assert_memory_equal(&q[i].w[j], &bits, 4);
        }
    bench_close(&u);
    bench_close(&t);
    file_remove_tree(dir, &err);
}

static void a_missing_pooler_is_new_and_learns(void **state)
{
    (void)state;
    char dir[256];
    struct err err;
    fixture_copy(fixture_place(dir, sizeof dir, "no-pooler"), no_pooler);
    struct head_spec head = {.dropout = 0.1, .seed = 4};
    struct bench t = bench_open(dir, 2, head, TUNE_HEAD);
    assert_non_null(strstr(model_notice(t.m), "new: bert.pooler.dense.weight"));
    struct pass p = {.training = true, .seed = 3, .step = 7};
    bench_loss(&t, &p, true);
    size_t count, learning = 0;
    struct param *q = model_params(t.m, &count);
    for (size_t i = 0; i < count; i++)
        learning += q[i].trainable;
    assert_int_equal(learning, 4);
    float dw[32 * 32], features[16 * 32];
    memcpy(dw, q[count - 4].dw, sizeof dw);
    memset(q[count - 4].dw, 0, sizeof dw);
    model_features(t.m, &t.b, t.ws, features);
    model_head_forward(t.m, features, t.b.B, t.ws, &p, t.logits);
    model_head_backward(t.m, t.b.B, t.ws, &p, t.dlogits);
    assert_memory_equal(dw, q[count - 4].dw, sizeof dw);
    bench_close(&t);
    file_remove_tree(dir, &err);
}

static void what_is_new_or_unread_is_said(void **state)
{
    (void)state;
    char dir[256];
    struct err err;
    fixture_copy(fixture_place(dir, sizeof dir, "other"), other_task);
    struct compute *c = fixture_compute(1);
    struct model *m = fixture_model(dir, (struct head_spec){.dropout = -1}, c);
    assert_string_equal(model_notice(m), "new: classifier.weight, classifier.bias\n"
                                         "not used: cls.classifier.bias, cls.classifier.weight");
    model_close(m);
    m = fixture_model(TINY, (struct head_spec){.dropout = -1, .labels = 5}, c);
    assert_non_null(strstr(model_notice(m), "has 3 labels, the data 5"));
    size_t count;
    struct param *q = model_params(m, &count), *w = &q[count - 2];
    double squares = 0;
    for (size_t i = 0; i < w->rows * w->cols; i++)
        squares += (double)w->w[i] * w->w[i];
    double deviation = sqrt(squares / (double)(w->rows * w->cols));
    assert_true(w->fresh && deviation > 0.015 && deviation < 0.025); /* initializer_range 0.02 */
    assert_true(w[1].fresh && w[1].w[0] == 0);
    model_close(m);
    compute_destroy(c);
    file_remove_tree(dir, &err);
}

static void broken_models_are_refused_in_one_line(void **state)
{
    (void)state;
    static const struct {
        fixture_keep *keep;
        bool keep_head;
        const char *says;
    } cases[] = {
        {no_key, false, "no tensor 'bert.encoder.layer.1.attention.self.key.weight'"},
        {no_head, true, "has no classification head"},
    };
    struct compute *c = fixture_compute(1);
    for (size_t i = 0; i < 2; i++) {
        char dir[256];
        struct err err = {0};
        struct head_spec head = {.labels = 3, .dropout = -1, .keep_head = cases[i].keep_head};
        fixture_copy(fixture_place(dir, sizeof dir, "broken"), cases[i].keep);
        assert_null(model_open(dir, &head, c, &err));
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, cases[i].says));
        file_remove_tree(dir, &err);
    }
    compute_destroy(c);
}

static void an_export_opens_as_the_same_model(void **state)
{
    (void)state;
    char dir[256], sha[65], again[65], path[300];
    struct err err = {0};
    const char *names[] = {"a", "b \"quoted\"", "\xc3\xa9"};
    struct head_spec head = {.dropout = -1, .labels = 3, .label_names = names};
    struct bench t = bench_open(TINY, 1, head, TUNE_FULL);
    fixture_place(dir, sizeof dir, "export");
    assert_int_equal(model_export(t.m, dir, false, sha, &err), 0);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(sha256_file(path, again, &err), 0);
    assert_string_equal(sha, again);
    struct bench u =
        bench_open(dir, 1, (struct head_spec){.keep_head = true, .dropout = -1}, TUNE_FULL);
    assert_string_equal(model_label(u.m, 1), names[1]);
    assert_string_equal(model_label(u.m, 2), names[2]);
    bench_loss(&t, &off, false);
    bench_loss(&u, &off, false);
    assert_memory_equal(t.logits, u.logits, t.b.B * TINY_LABELS * sizeof *t.logits);
    bench_close(&u);
    bench_close(&t);
    file_remove_tree(dir, &err);
}

static void a_pooling_the_class_lacks_needs_force(void **state)
{
    (void)state;
    char dir[256];
    struct err err = {0};
    struct head_spec head = {.dropout = -1, .pooling = POOLING_MEAN};
    struct bench t = bench_open(TINY, 1, head, TUNE_FULL);
    fixture_place(dir, sizeof dir, "pooling");
    assert_int_equal(model_export(t.m, dir, false, NULL, &err), -1);
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "mean"));
    assert_false(file_exists(dir));
    assert_int_equal(model_export(t.m, dir, true, NULL, &err), 0);
    struct bench u =
        bench_open(dir, 1, (struct head_spec){.keep_head = true, .dropout = -1}, TUNE_FULL);
    assert_int_equal(model_pooling(u.m), POOLING_MEAN);
    bench_loss(&t, &off, false);
    bench_loss(&u, &off, false);
    assert_memory_equal(t.logits, u.logits, t.b.B * TINY_LABELS * sizeof *t.logits);
    bench_close(&u);
    bench_close(&t);
    file_remove_tree(dir, &err);
}

static void saved_weights_come_back(void **state)
{
    (void)state;
    char path[256];
    struct err err = {0};
    struct bench t = bench_open(TINY, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
    struct bench u = bench_open(TINY, 1, (struct head_spec){.dropout = -1}, TUNE_FULL);
    size_t count;
    struct param *p = model_params(t.m, &count), *q = model_params(u.m, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < p[i].rows * p[i].cols; j++)
            p[i].w[j] = (float)rng_normal(i, RNG_TEST, j);
    fixture_place(path, sizeof path, "weights");
    assert_int_equal(model_save_weights(t.m, path, NULL, &err), 0);
    assert_int_equal(model_load_weights(u.m, path, &err), 0);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(p[i].w, q[i].w, p[i].rows * p[i].cols * sizeof(float));
    bench_close(&u);
    bench_close(&t);
    remove(path);
}

static void an_unused_pooler_is_exported_but_not_trained(void **state)
{
    (void)state;
    struct bench t =
        bench_open(TINY, 1, (struct head_spec){.pooling = POOLING_CLS, .dropout = -1}, TUNE_FULL);
    size_t count, poolers = 0;
    struct param *p = model_params(t.m, &count);
    for (size_t i = 0; i < count; i++) {
        bool pooler = strstr(p[i].name, "pooler") != NULL;
        poolers += pooler;
        assert_int_equal(p[i].trainable, !pooler);
        assert_int_equal(p[i].dw != NULL, !pooler);
    }
    assert_int_equal(poolers, 2);
    bench_close(&t);
}

/* What only answers reads matrices in the file; what is to be written has them in memory. */
static void weights_read_in_the_file_are_the_weights(void **state)
{
    (void)state;
    struct compute *c = fixture_compute(1);
    struct model *m = fixture_model(TINY, (struct head_spec){.keep_head = true, .dropout = -1}, c);
    struct safetensors s;
    struct err err = {0};
    struct batch b;
    float mapped[64], settled[64];
    size_t count, in_file = 0;
    assert_int_equal(safetensors_open(&s, TINY_EXPECTED, &err), 0);
    fixture_batch(&b, &s, 0);
    struct workspace *ws = fixture_workspace(m, &b, false);
    struct param *p = model_params(m, &count);
    for (size_t i = 0; i < count; i++)
        in_file += p[i].home != NULL;
    assert_true(in_file > 0 && in_file < count);
    assert_true(b.B * TINY_LABELS <= 64);
    model_forward(m, &b, ws, &off, mapped);
    assert_int_equal(model_prepare_training(m, TUNE_FULL, 0, &err), 0);
    for (size_t i = 0; i < count; i++) {
        assert_null(p[i].home);
        p[i].w[0] *= 1.0f; /* may be written */
    }
    model_forward(m, &b, ws, &off, settled);
    assert_memory_equal(mapped, settled, b.B * TINY_LABELS * sizeof *mapped);
    workspace_destroy(ws);
    batch_clear(&b);
    safetensors_close(&s);
    model_close(m);
    compute_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_read_in_the_file_are_the_weights),
        cmocka_unit_test(logits_are_those_of_transformers),
        cmocka_unit_test(gradients_are_those_of_pytorch),
        cmocka_unit_test(a_hundred_adamw_steps_follow_pytorch),
        cmocka_unit_test(schedule_accumulation_clipping_and_decay_follow_pytorch),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(a_row_does_not_see_its_batch_mates),
        cmocka_unit_test(the_gradient_is_that_of_the_loss),
        cmocka_unit_test(dropout_changes_with_seed_step_and_micro_batch_only),
        cmocka_unit_test(cached_features_train_the_same_head),
        cmocka_unit_test(other_spellings_are_the_same_model),
        cmocka_unit_test(sixteen_bit_weights_are_the_floats_they_mean),
        cmocka_unit_test(a_missing_pooler_is_new_and_learns),
        cmocka_unit_test(what_is_new_or_unread_is_said),
        cmocka_unit_test(broken_models_are_refused_in_one_line),
        cmocka_unit_test(an_export_opens_as_the_same_model),
        cmocka_unit_test(a_pooling_the_class_lacks_needs_force),
        cmocka_unit_test(saved_weights_come_back),
        cmocka_unit_test(an_unused_pooler_is_exported_but_not_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
