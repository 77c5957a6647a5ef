/* test_onnx.c - ONNX's published cases of the operations this engine has, where ../shared has them.
 *
 * Each case is put into the shape our kernels work in and run by every row of the table; nothing is
 * computed here that a kernel computes. What an operation is part of stands in for it: softmax is
 * attention whose scores are all bias, the sigmoid is SiLU over x, log-softmax the cross-entropy of
 * each class. A case that cannot be run says why; how many of each operation run is pinned. */
#include "onnx_attention.h"

#include "engine/base/file.h"
#include "engine/math/ops.h"
#include "engine/model/loss.h"

#define VECTORS "../shared/reference/numeric-onnx/node_vectors.jsonl"

static const struct dropout no_dropout = {0, 0, 1.0f};

/* Runs the case; or returns why it cannot be. */
typedef const char *case_fn(const struct ops *ops, const struct onnx_case *c);

/* --- elementwise ------------------------------------------------------------------------------ */

static const char *run_act(const struct ops *ops, const struct onnx_case *c, enum activation act)
{
    const struct tensor *x = onnx_in(c, 0);
    float *y = check_copy(x->f, x->n);
    ops->bias_act_forward(act, y, y, NULL, 1, x->n);
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(y);
    return NULL;
}

static const char *run_gelu(const struct ops *ops, const struct onnx_case *c)
{
    return run_act(ops, c, onnx_is(c, "approximate", "tanh") ? ACT_GELU_TANH : ACT_GELU);
}

static const char *run_tanh(const struct ops *ops, const struct onnx_case *c)
{
    return run_act(ops, c, ACT_TANH);
}

/* SiLU(x) = x sigmoid(x). */
static const char *run_sigmoid(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0);
    float *y = check_copy(x->f, x->n);
    ops->bias_act_forward(ACT_SILU, y, y, NULL, 1, x->n);
    for (size_t i = 0; i < x->n; i++)
        y[i] = x->f[i] != 0.0f ? y[i] / x->f[i] : 0.5f;
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(y);
    return NULL;
}

/* GELU(u) = u Phi(u), and erf(x) = 2 Phi(x sqrt 2) - 1. */
static const char *run_erf(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0);
    float *u = check_copy(x->f, x->n), *y = check_copy(x->f, x->n);
    ops->scale(u, sqrtf(2.0f), x->n);
    ops->bias_act_forward(ACT_GELU, y, u, NULL, 1, x->n);
    for (size_t i = 0; i < x->n; i++)
        y[i] = u[i] != 0.0f ? 2.0f * y[i] / u[i] - 1.0f : 0.0f;
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(u), free(y);
    return NULL;
}

/* Outside of training. */
static const char *run_dropout(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0);
    float *y = check_zeros(x->n);
    ops->dropout_rows(y, x->f, x->shape[0], x->n / x->shape[0], dropout_at(0.0, 1, 1, 0, 0), 0);
    assert_memory_equal(y, onnx_out(c, 0)->f, x->n * sizeof *y);
    free(y);
    return NULL;
}

/* --- norms ------------------------------------------------------------------------------------ */

static const char *run_norm(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0), *gamma = onnx_in(c, 1), *beta = onnx_in(c, 2);
    const struct tensor *mean_out = onnx_out(c, 1), *rstd_out = onnx_out(c, 2);
    size_t axis = onnx_axis(x, onnx_number(c, "axis", -1));
    size_t R = tensor_span(x, 0, axis), H = tensor_span(x, axis, x->rank);
    float *y = check_zeros(x->n), *z = check_zeros(x->n);
    float *mean = check_zeros(R), *rstd = check_zeros(R);
    struct norm n = {gamma->f, beta ? beta->f : NULL, (float)onnx_number(c, "epsilon", 1e-5),
                     !strcmp(c->op, "RMSNormalization")};
    assert_int_equal(gamma->n, H);
    ops->residual_norm_forward(y, z, n.rms ? NULL : mean, rstd, x->f, NULL, NULL, &n, R, H,
                               no_dropout, 0);
    onnx_compare(ops, c, onnx_out(c, 0), y);
    if (mean_out)
        onnx_compare(ops, c, mean_out, mean);
    if (rstd_out)
        onnx_compare(ops, c, rstd_out, rstd);
    free(y), free(z), free(mean), free(rstd);
    return NULL;
}

/* --- rotary positions ------------------------------------------------------------------------- */

/* In a head of width D the first `turned` elements are turned. ONNX also knows pairs of neighbours
 * (interleaved): the same once even elements stand before odd ones. */
static void interleave(float *x, size_t turned, bool back)
{
    float y[64];
    assert_true(turned <= 64);
    for (size_t i = 0; i < turned; i++) {
        size_t apart = i / 2 + i % 2 * (turned / 2);
        y[back ? i : apart] = x[back ? apart : i];
    }
    memcpy(x, y, turned * sizeof *x);
}

static const char *run_rope(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0), *cosine = onnx_in(c, 1), *sine = onnx_in(c, 2),
                        *position = onnx_in(c, 3);
    bool flat = x->rank == 3, interleaved = onnx_number(c, "interleaved", 0) != 0;
    size_t B = x->shape[0], heads = flat ? (size_t)onnx_number(c, "num_heads", 0) : x->shape[1];
    size_t S = x->shape[flat ? 1 : 2], D = x->n / (B * heads * S);
    size_t turned = (size_t)onnx_number(c, "rotary_embedding_dim", 0), half;
    turned = turned ? turned : D;
    half = turned / 2;
    float *y = check_copy(x->f, x->n);
    for (size_t i = 0; interleaved && i < x->n; i += D)
        interleave(y + i, turned, false);
    for (size_t r = 0; r < B * S; r++) {
        size_t at = (position ? (size_t)position->data[r] : r) * half, b = r / S, s = r % S;
        if (flat && turned == D)
            ops->rope(y + r * heads * D, heads * D, cosine->f + at, sine->f + at, 1, heads, D,
                      false);
        for (size_t h = 0; !flat && h < heads; h++)
            ops->rope(y + ((b * heads + h) * S + s) * D, D, cosine->f + at, sine->f + at, 1, 1,
                      turned, false);
    }
    for (size_t i = 0; interleaved && i < x->n; i += D)
        interleave(y + i, turned, true);
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(y);
    return NULL;
}

/* --- softmax ---------------------------------------------------------------------------------- */

/* Calls row(place) for each run of elements along `axis`: there are n / length of them. */
static size_t line_start(const struct tensor *x, size_t axis, size_t line, size_t *step)
{
    *step = tensor_span(x, axis + 1, x->rank);
    return line / *step * *step * x->shape[axis] + line % *step;
}

/* With queries of 0 the scores are the bias alone. */
static const char *run_softmax(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0);
    size_t axis = onnx_axis(x, onnx_number(c, "axis", -1)), S = x->shape[axis];
    size_t stride = ops_attention_stride(S), step;
    float *zeros = check_zeros(S), *bias = check_zeros(S * stride), *P = check_zeros(S * stride);
    float *o = check_zeros(S), *scratch = check_zeros(ops_attention_scratch(S, 1));
    float *y = check_zeros(x->n);
    struct attention a = {.S = S, .D = 1, .scale = 1.0f, .bias = bias, .d = no_dropout};
    for (size_t line = 0; line < x->n / S; line++) {
        size_t at = line_start(x, axis, line, &step);
        for (size_t j = 0; j < S; j++)
            bias[j] = x->f[at + j * step];
        ops->attention_forward(o, 1, P, (struct qkv){zeros, zeros, zeros, 1, 1}, &a, scratch);
        for (size_t j = 0; j < S; j++)
            y[at + j * step] = P[j];
    }
    onnx_compare(ops, c, onnx_out(c, 0), y);
    free(zeros), free(bias), free(P), free(o), free(scratch), free(y);
    return NULL;
}

/* --- losses ----------------------------------------------------------------------------------- */

/* The logits of one example of (N, K, d1, d2, ...). */
static void example(const struct tensor *x, size_t line, float *z)
{
    size_t step, at = line_start(x, 1, line, &step);
    assert_true(x->shape[1] <= 64);
    for (size_t k = 0; k < x->shape[1]; k++)
        z[k] = x->f[at + k * step];
}

static double log_sum_exp(const float *z, size_t K)
{
    int32_t first = 0;
    return loss_cross_entropy(NULL, z, &first, 1, K, NULL, 0.0, 1.0) + (double)z[0];
}

/* Log-probabilities of every class of every example. */
static void check_log_probabilities(const struct ops *ops, const struct onnx_case *c, size_t axis,
                                    const struct tensor *x, const struct tensor *want)
{
    size_t K = x->shape[axis], step;
    float *y = check_zeros(x->n), *z = check_zeros(K);
    for (size_t line = 0; line < x->n / K; line++) {
        size_t at = line_start(x, axis, line, &step);
        for (size_t k = 0; k < K; k++)
            z[k] = x->f[at + k * step];
        for (int32_t k = 0; (size_t)k < K; k++)
            y[at + (size_t)k * step] =
                (float)-loss_cross_entropy(NULL, z, &k, 1, K, NULL, 0.0, 1.0);
    }
    onnx_compare(ops, c, want, y);
    free(y), free(z);
}

static const char *run_log_softmax(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0);
    check_log_probabilities(ops, c, onnx_axis(x, onnx_number(c, "axis", -1)), x, onnx_out(c, 0));
    return NULL;
}

/* Cross-entropy with class weights; examples to be ignored are not given to the loss, as a data set
 * here gives none. For the likelihood of log-probabilities, which need not add up to 1 there, the
 * log of their sum is what the loss has too much. */
static const char *run_loss(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0), *label = onnx_in(c, 1), *weight = onnx_in(c, 2);
    bool given = !strcmp(c->op, "NegativeLogLikelihoodLoss"),
         each = onnx_is(c, "reduction", "none");
    size_t K = x->shape[1], n = label->n;
    double sum = 0.0, weights = 0.0, ignored = onnx_number(c, "ignore_index", NAN);
    float z[64], *y = check_zeros(n);
    for (size_t i = 0; i < n; i++) {
        if (label->data[i] == ignored)
            continue;
        int32_t k = (int32_t)label->data[i];
        double w = weight ? weight->data[k] : 1.0;
        example(x, i, z);
        double loss = loss_cross_entropy(NULL, z, &k, 1, K, weight ? weight->f : NULL, 0.0, 1.0);
        loss -= given ? w * log_sum_exp(z, K) : 0.0;
        y[i] = (float)loss;
        sum += loss;
        weights += w;
    }
    if (!each)
        y[0] = (float)(onnx_is(c, "reduction", "sum") ? sum : sum / weights);
    onnx_compare(ops, c, onnx_out(c, 0), y);
    if (onnx_out(c, 1))
        check_log_probabilities(ops, c, 1, x, onnx_out(c, 1));
    free(y);
    return NULL;
}

static const char *run_log_sum_exp(const struct ops *ops, const struct onnx_case *c)
{
    const struct tensor *x = onnx_in(c, 0), *axes = onnx_in(c, 1), *want = onnx_out(c, 0);
    if (x->n == 0)
        return "a sum over nothing: there are at least two classes";
    size_t axis = axes->n ? onnx_axis(x, axes->data[0]) : 0, step = 1;
    size_t K = axes->n ? x->shape[axis] : x->n; /* no axes: all of them */
    float *y = check_zeros(want->n), *z = check_zeros(K);
    for (size_t line = 0; line < x->n / K; line++) {
        size_t at = axes->n ? line_start(x, axis, line, &step) : 0;
        for (size_t k = 0; k < K; k++)
            z[k] = x->f[at + k * step];
        y[line] = (float)log_sum_exp(z, K);
    }
    onnx_compare(ops, c, want, y);
    free(y), free(z);
    return NULL;
}

/* --- optimisers ------------------------------------------------------------------------------- */

/* Adam whose L2 term, which AdamW has not, is put into the gradient; at step 0, where ONNX corrects
 * no bias. Inputs are rate, step, then all X, all G, all V, all H. */
static const char *run_adam(const struct ops *ops, const struct onnx_case *c)
{
    size_t tensors = (c->ins - 2) / 4;
    float alpha = (float)onnx_number(c, "alpha", 0.9), beta = (float)onnx_number(c, "beta", 0.999);
    assert_true(onnx_in(c, 1)->data[0] == 0.0);
    struct adamw_step s = {1.0f,
                           onnx_in(c, 0)->f[0],
                           1.0f - alpha,
                           beta,
                           1.0f - beta,
                           1.0f,
                           (float)onnx_number(c, "epsilon", 0),
                           1.0f};
    for (size_t i = 0; i < tensors; i++) {
        const struct tensor *x = onnx_in(c, 2 + i), *g = onnx_in(c, 2 + tensors + i);
        const struct tensor *v = onnx_in(c, 2 + 2 * tensors + i),
                            *h = onnx_in(c, 2 + 3 * tensors + i);
        float *p = check_copy(x->f, x->n), *m1 = check_copy(v->f, x->n),
              *m2 = check_copy(h->f, x->n);
        float *gradient = check_copy(x->f, x->n);
        ops->scale(gradient, (float)onnx_number(c, "norm_coefficient", 0), x->n);
        ops->add(gradient, g->f, x->n);
        ops->adamw(p, m1, m2, gradient, x->n, &s);
        onnx_compare(ops, c, onnx_out(c, i), p);
        onnx_compare(ops, c, onnx_out(c, tensors + i), m1);
        onnx_compare(ops, c, onnx_out(c, 2 * tensors + i), m2);
        free(p), free(m1), free(m2), free(gradient);
    }
    return NULL;
}

/* --- all of them ------------------------------------------------------------------------------ */

static const struct operation {
    const char *op;
    case_fn *run;
    size_t runs; /* cases that do, of the published ones */
    const char *why_not;
} operations[] = {
    {"Attention", onnx_attention, 43, NULL},
    {"SoftmaxCrossEntropyLoss", run_loss, 28, NULL},
    {"LayerNormalization", run_norm, 19, NULL},
    {"RMSNormalization", run_norm, 19, NULL},
    {"NegativeLogLikelihoodLoss", run_loss, 15, NULL},
    {"ReduceLogSumExp", run_log_sum_exp, 8, NULL},
    {"RotaryEmbedding", run_rope, 8, NULL},
    {"LogSoftmax", run_log_softmax, 7, NULL},
    {"Softmax", run_softmax, 7, NULL},
    {"Gelu", run_gelu, 4, NULL},
    {"Adam", run_adam, 2, NULL},
    {"Tanh", run_tanh, 2, NULL},
    {"Dropout", run_dropout, 1, NULL},
    {"Erf", run_erf, 1, NULL},
    {"Sigmoid", run_sigmoid, 1, NULL},
    {"Gather", NULL, 0, "rows of a table are copied by the embeddings; no kernel gathers"},
    {"Momentum", NULL, 0, "SGD here has no momentum"},
    {"Adagrad", NULL, 0, "not an optimiser of this engine"},
    {"Clip", NULL, 0, "the norm of the gradients is clipped, never single values"},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static size_t operation_of(const struct onnx_case *c)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!strcmp(operations[i].op, c->op))
            return i;
    fail_msg("%s: an operation nobody has looked at: %s", c->test, c->op);
    return 0;
}

static void run_line(const char *line, size_t length, size_t number, size_t *ran, size_t *seen)
{
    struct onnx_case c;
    onnx_case_read(&c, line, length, VECTORS, number);
    size_t i = operation_of(&c);
    const char *why = operations[i].why_not;
    if (operations[i].run)
        FOR_EACH_OPS(ops)
        {
            why = operations[i].run(ops, &c);
        }
    if (why)
        print_message("not run: %s: %s\n", c.test, why);
    ran[i] += !why;
    seen[i]++;
    onnx_case_clear(&c);
}

static void test_published_cases(void **state)
{
    (void)state;
    struct err err = {0};
    size_t size, ran[OPERATIONS] = {0}, seen[OPERATIONS] = {0}, number = 0, all = 0, run = 0;
    if (!file_exists(VECTORS))
        skip();
    char *text = file_read(VECTORS, &size, &err);
    assert_non_null(text);
    for (char *line = text, *end; line < text + size; line = end + 1) {
        end = strchr(line, '\n');
        end = end ? end : text + size;
        if (end > line)
            run_line(line, (size_t)(end - line), ++number, ran, seen);
    }
    free(text);
    for (size_t i = 0; i < OPERATIONS; i++) {
        print_message("%-26s %2zu of %2zu\n", operations[i].op, ran[i], seen[i]);
        assert_int_equal(ran[i], operations[i].runs);
        all += seen[i];
        run += ran[i];
    }
    print_message("%zu of %zu cases\n", run, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
