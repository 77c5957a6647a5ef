/* parity_model.c - the engine's side of tests/parity/model.py: reads batches from a file of
 * tensors, runs the model on them, and writes what came out as tensors.
 *
 * usage: parity_model MODELDIR BATCHES OUT EXPORTDIR THREADS STEPS
 *   logits        of batch "logits", in batches of at most 64 sequences as stored
 *   grad.NAME     of the mean loss of "step.0", dropout 0
 *   losses        of one AdamW step a batch "step.N", lr 2e-5, dropout 0; where there is a tensor
 *                 "rates", of as many steps with these rates, each of "accumulate" batches, its
 *                 gradients clipped to "max_grad_norm"
 *   EXPORTDIR     the model before the first step, as model_export writes it; - for none */
#include "engine/model/loss.h"
#include "model_steps.h"

struct run {
    struct compute *c;
    struct model *m;
    struct workspace *ws;
    struct safetensors batches;
    struct tensor_out *out;
    size_t count;
};

static void keep(struct run *r, const char *name, const float *data, size_t n)
{
    float *copy = malloc(n * sizeof *copy + 1);
    memcpy(copy, data, n * sizeof *copy);
    r->out = realloc(r->out, (r->count + 1) * sizeof *r->out);
    r->out[r->count] = (struct tensor_out){.name = strdup(name), .data = copy, .dims = 1};
    r->out[r->count++].shape[0] = n;
}

static bool next_batch(struct batch *b, const struct run *r, const char *kind, size_t i)
{
    char name[48], key[64];
    snprintf(name, sizeof name, "%s.%zu", kind, i);
    snprintf(key, sizeof key, "%s.label", name);
    if (!safetensors_find(&r->batches, key))
        return false;
    steps_batch(b, &r->batches, name);
    return true;
}

static void do_logits(struct run *r)
{
    size_t K = model_labels(r->m), rows = 0;
    float *logits = NULL;
    struct batch b;
    struct pass off = {0};
    for (size_t i = 0; next_batch(&b, r, "logits", i); i++) {
        logits = realloc(logits, (rows + b.B) * K * sizeof *logits);
        model_forward(r->m, &b, r->ws, &off, logits + rows * K);
        rows += b.B;
        batch_clear(&b);
    }
    keep(r, "logits", logits, rows * K);
    free(logits);
}

/* The loss of one batch, and its gradients, as a part of `examples`. */
static double do_batch(struct run *r, const struct batch *b, uint64_t step, uint32_t micro,
                       double examples)
{
    size_t K = model_labels(r->m);
    struct pass p = {.training = true, .seed = 1, .step = step, .micro = micro};
    float *logits = malloc(b->B * K * sizeof *logits);
    model_forward(r->m, b, r->ws, &p, logits);
    double sum = loss_cross_entropy(logits, logits, b->label, b->B, K, NULL, 0, examples);
    model_backward(r->m, b, r->ws, &p, logits);
    free(logits);
    return sum / examples;
}

/* A number of the file, or what stands for it. */
static double setting(const struct run *r, const char *name, size_t i, double dflt)
{
    if (!safetensors_find(&r->batches, name))
        return dflt;
    size_t count;
    float *v = steps_values(&r->batches, name, &count);
    double x = i < count ? v[i] : dflt;
    free(v);
    return x;
}

static void keep_gradients(struct run *r)
{
    size_t count;
    const struct param *p = model_params(r->m, &count);
    for (size_t i = 0; i < count; i++) {
        char name[160];
        snprintf(name, sizeof name, "grad.%s", p[i].name);
        if (p[i].dw)
            keep(r, name, p[i].dw, p[i].rows * p[i].cols);
    }
}

static void do_steps(struct run *r, size_t most)
{
    struct optim_settings o = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    float *moments, losses[1000] = {0};
    size_t tensors, steps = 0, parts = (size_t)setting(r, "accumulate", 0, 1);
    struct optim_tensor *t = steps_tensors(r->m, &tensors, &moments);
    struct batch b[16];
    o.max_grad_norm = setting(r, "max_grad_norm", 0, 0);
    if (parts > 16)
        DIE("at most 16 batches are accumulated");
    for (; steps < most && steps < 1000 && next_batch(&b[0], r, "step", steps * parts); steps++) {
        double examples = (double)b[0].B;
        for (size_t i = 1; i < parts; i++) {
            if (!next_batch(&b[i], r, "step", steps * parts + i))
                DIE("there is no batch %zu", steps * parts + i);
            examples += (double)b[i].B;
        }
        optim_zero_grad(r->c, t, tensors);
        for (size_t i = 0; i < parts; i++) {
            losses[steps] += (float)do_batch(r, &b[i], steps + 1, (uint32_t)i, examples);
            batch_clear(&b[i]);
        }
        if (!steps)
            keep_gradients(r);
        o.learning_rate = setting(r, "rates", steps, 2e-5);
        optim_step(r->c, t, tensors, &o, steps + 1, optim_grad_norm(r->c, t, tensors));
    }
    keep(r, "losses", losses, steps);
    free(moments);
    free(t);
}

/* Memory for the largest of the file's batches. */
static struct workspace *make_workspace(const struct run *r, struct err *err)
{
    size_t B = 0, T = 0, S = 0;
    for (int kind = 0; kind < 2; kind++) {
        struct batch b;
        for (size_t i = 0; next_batch(&b, r, kind ? "step" : "logits", i); i++) {
            B = b.B > B ? b.B : B;
            T = b.T > T ? b.T : T;
            S = b.longest > S ? b.longest : S;
            batch_clear(&b);
        }
    }
    return workspace_create(r->m, B, T, S, true, err);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct run r = {0};
    struct head_spec head = {.keep_head = true, .dropout = 0};
    if (argc != 7)
        DIE("usage: parity_model MODELDIR BATCHES OUT EXPORTDIR|- THREADS STEPS");
    if (safetensors_open(&r.batches, argv[2], &err) ||
        !(r.c = compute_create(atoi(argv[5]), &err)) ||
        !(r.m = model_open(argv[1], &head, r.c, &err)) ||
        model_prepare_training(r.m, TUNE_FULL, 0, &err) || !(r.ws = make_workspace(&r, &err)) ||
        (strcmp(argv[4], "-") && model_export(r.m, argv[4], false, NULL, &err)))
        DIE("parity_model: %s", err.text);
    do_logits(&r);
    do_steps(&r, (size_t)atoi(argv[6]));
    if (safetensors_write(argv[3], r.out, r.count, "pt", NULL, &err))
        DIE("parity_model: %s", err.text);
    for (size_t i = 0; i < r.count; i++) {
        free((char *)r.out[i].name);
        free((float *)r.out[i].data);
    }
    free(r.out);
    workspace_destroy(r.ws);
    model_close(r.m);
    compute_destroy(r.c);
    safetensors_close(&r.batches);
    return 0;
}
