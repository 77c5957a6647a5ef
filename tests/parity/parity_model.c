/* parity_model.c - the engine's side of tests/parity/model.py: reads batches from a file of
 * tensors, runs the model on them, and writes what came out as tensors.
 *
 * usage: parity_model MODELDIR BATCHES OUT EXPORTDIR THREADS STEPS
 *   logits        of batch "logits", in batches of at most 64 sequences as stored
 *   grad.NAME     of the mean loss of "step.0", dropout 0
 *   losses        of one AdamW step a batch "step.N", lr 2e-5, dropout 0
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

static double do_batch(struct run *r, const struct batch *b, uint64_t step)
{
    size_t K = model_labels(r->m);
    struct pass p = {.training = true, .seed = 1, .step = step};
    float *logits = malloc(b->B * K * sizeof *logits);
    model_forward(r->m, b, r->ws, &p, logits);
    double sum = loss_cross_entropy(logits, logits, b->label, b->B, K, NULL, 0, (double)b->B);
    model_backward(r->m, b, r->ws, &p, logits);
    free(logits);
    return sum / (double)b->B;
}

static void do_steps(struct run *r, size_t most)
{
    struct optim_settings o = {OPTIM_ADAMW, 2e-5, 0.9, 0.999, 1e-8, 0, 0};
    float *moments, losses[1000] = {0};
    size_t tensors, params, steps = 0;
    struct param *p = model_params(r->m, &params);
    struct optim_tensor *t = steps_tensors(r->m, &tensors, &moments);
    struct batch b;
    for (; steps < most && steps < 1000 && next_batch(&b, r, "step", steps); steps++) {
        optim_zero_grad(r->c, t, tensors);
        losses[steps] = (float)do_batch(r, &b, steps + 1);
        for (size_t i = 0; !steps && i < params; i++) {
            if (!p[i].dw)
                continue;
            char name[160];
            snprintf(name, sizeof name, "grad.%s", p[i].name);
            keep(r, name, p[i].dw, p[i].rows * p[i].cols);
        }
        optim_step(r->c, t, tensors, &o, steps + 1, optim_grad_norm(r->c, t, tensors));
        batch_clear(&b);
    }
    keep(r, "losses", losses, steps);
    free(moments);
    free(t);
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
        model_prepare_training(r.m, TUNE_FULL, &err) ||
        !(r.ws = workspace_create(r.m, 64, 64 * 128, 128, true, &err)) ||
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
