#!/usr/bin/env python3
"""The engine against Transformers and PyTorch, number by number, on a real model.

Both sides get the same weights (the model of SFT_MODEL with a fixed random head), the same token
ids and the same batches; eager attention, fp32, dropout 0. Checked are the logits of 200 texts,
every gradient tensor of one batch of 16, the loss over 100 AdamW steps, the logits of the exported
directory, and that the engine's bytes do not depend on its number of threads.

Run from the project root as `make parity` does: SFT_PYTHON names the interpreter (torch and
transformers), SFT_MODEL the model directory. Exits 77 when there is no model, 1 when a check fails.
"""
import csv
import os
import subprocess
import sys
import tempfile

DRIVER = os.environ.get("SFT_PARITY_MODEL", "build/release/tests/parity/parity_model")
MODEL = os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2")
DATA = "../shared/data"
BATCH, STEPS, RATE = 16, 100, 2e-5

if not os.path.exists(os.path.join(MODEL, "config.json")):
    print(f"skipped: no model directory '{MODEL}'; name one in SFT_MODEL")
    sys.exit(77)

try:  # after the cheap reason to skip
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging
except ImportError as missing:
    print(f"skipped: {sys.executable} has no {missing.name}; name another in SFT_PYTHON")
    sys.exit(77)

logging.set_verbosity_error()
logging.disable_progress_bar()


def labelled_texts():
    """(text, label) of a public intent set, else of the project's own sample."""
    path = DATA + "/banking77/train.csv"
    if not os.path.exists(path):
        path = "sample_data/tickets/train.csv"
    with open(path, encoding="utf-8", newline="") as f:
        rows = [(r[0], r[1]) for r in csv.reader(f)][1:]
    return rows[::max(1, len(rows) // (BATCH * STEPS))]


def varied_texts(rows):
    """200 texts from several sources, short and long."""
    texts = [r[0] for r in rows]
    path = DATA + "/sms-spam/SMSSpamCollection"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            texts = texts[:100] + [line.rstrip("\n").split("\t")[1] for line in f][:100]
    return texts[:200]


def pack(out, name, encoded, labels):
    token = [t for ids in encoded for t in ids]
    start = [0]
    for ids in encoded:
        start.append(start[-1] + len(ids))
    for key, values in dict(token=token, segment=[0] * len(token), start=start,
                            label=labels).items():
        out[f"{name}.{key}"] = torch.tensor(values, dtype=torch.float32)


def logits_of(model, encoded):
    """Padded, as Transformers wants it."""
    width = max(len(ids) for ids in encoded)
    ids = torch.zeros(len(encoded), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, e in enumerate(encoded):
        ids[row, :len(e)] = torch.tensor(e)
        mask[row, :len(e)] = 1
    return model(input_ids=ids, attention_mask=mask).logits


def drive(directory, batches, out, export, threads, steps):
    subprocess.run([DRIVER, directory, batches, out, export, str(threads), str(steps)], check=True)
    return load_file(out)


def count_different(short, full):
    """Tensors of the shorter run whose bytes the full run does not begin with."""
    return sum(not torch.equal(t, full[name][:len(t)]) for name, t in short.items())


class Table:
    """One row a check."""

    def __init__(self):
        self.failed = False
        print(f"{'check':58} {'figure':>12} {'bound':>12}")

    def row(self, what, figure, bound):
        good = figure <= bound
        self.failed |= not good
        print(f"{what:58} {figure:12.3e} {bound:12.3e} {'' if good else 'FAILED'}", flush=True)


def check_logits(table, what, ours, theirs, relative=True):
    difference = (ours.double() - theirs.double())
    table.row(f"{what}: largest difference", difference.abs().max().item(), 1e-4)
    if relative:
        table.row(f"{what}: difference in L2, relative",
                  (difference.norm() / theirs.double().norm()).item(), 1e-5)


def check_gradients(table, model, ours):
    grads = {n: p.grad.double() for n, p in model.named_parameters() if p.grad is not None}
    everything = torch.sqrt(sum(g.pow(2).sum() for g in grads.values())).item()
    worst, where = 0.0, ""
    for name, g in grads.items():
        difference = (ours["grad." + name].double() - g.flatten()).norm().item()
        share = difference / (1e-4 * g.norm().item() + 1e-7 * everything)
        if share > worst:
            worst, where = share, name
    table.row(f"gradients: {len(grads)} tensors, worst share of its bound", worst, 1.0)
    print(f"    worst: {where}; bound: 1e-4 of its norm + 1e-7 of the global norm {everything:.4g}")


def train(model, encoded, labels):
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    losses = []
    for step, (ids, y) in enumerate(zip(encoded, labels)):
        if step:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(logits_of(model, ids), torch.tensor(y))
            loss.backward()
        else:  # the gradients of the first batch are there already
            with torch.no_grad():
                loss = torch.nn.functional.cross_entropy(logits_of(model, ids), torch.tensor(y))
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def main():
    torch.manual_seed(0)
    rows = labelled_texts()
    names = sorted({label for _, label in rows})
    model = AutoModelForSequenceClassification.from_pretrained(
        MODEL, num_labels=len(names), attn_implementation="eager",
        ignore_mismatched_sizes=True).eval()
    generator = torch.Generator().manual_seed(3)
    torch.nn.init.normal_(model.classifier.weight, std=0.1, generator=generator)
    torch.nn.init.zeros_(model.classifier.bias)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    limit = min(128, model.config.max_position_embeddings)

    def encode(texts):
        return tokenizer(texts, truncation=True, max_length=limit)["input_ids"]

    texts = encode(varied_texts(rows))
    steps = [rows[i * BATCH:(i + 1) * BATCH] for i in range(STEPS)]
    steps = [s for s in steps if len(s) == BATCH]
    step_ids = [encode([t for t, _ in s]) for s in steps]
    step_labels = [[names.index(label) for _, label in s] for s in steps]
    table = Table()
    with tempfile.TemporaryDirectory() as place:
        start, batches = place + "/start", place + "/batches.safetensors"
        model.save_pretrained(start)
        tensors = {}
        for i in range(0, len(texts), 50):
            pack(tensors, f"logits.{i // 50}", texts[i:i + 50], [0] * len(texts[i:i + 50]))
        for i, (ids, y) in enumerate(zip(step_ids, step_labels)):
            pack(tensors, f"step.{i}", ids, y)
        save_file(tensors, batches)
        ours = drive(start, batches, place + "/ours.safetensors", place + "/export", 2, STEPS)
        others = {n: drive(start, batches, place + "/other.safetensors", "-", n, 4) for n in (1, 4)}
        with torch.no_grad():
            theirs = torch.cat([logits_of(model, texts[i:i + 50]) for i in range(0, len(texts), 50)])
        mine = ours["logits"].view(theirs.shape)
        check_logits(table, f"logits of {len(texts)} texts", mine, theirs)
        loss = torch.nn.functional.cross_entropy(logits_of(model, step_ids[0]),
                                                 torch.tensor(step_labels[0]))
        loss.backward()
        check_gradients(table, model, ours)
        losses = train(model, step_ids, step_labels)
        table.row(f"loss over {len(losses)} AdamW steps at {RATE:g}: largest difference",
                  (ours["losses"].double() - losses).abs().max().item(), 1e-4)
        print(f"    loss of the first step {losses[0]:.4f}, of the last {losses[-1]:.4f}; "
              f"difference in the last {abs(ours['losses'][-1].item() - losses[-1].item()):.1e}")
        exported = AutoModelForSequenceClassification.from_pretrained(
            place + "/export", attn_implementation="eager").eval()
        with torch.no_grad():
            back = torch.cat([logits_of(exported, texts[i:i + 50])
                              for i in range(0, len(texts), 50)])
        check_logits(table, "logits of the exported directory", mine, back, relative=False)
        for threads, other in others.items():
            table.row(f"tensors of 4 steps that differ between 2 and {threads} threads",
                      float(count_different(other, ours)), 0.0)
    sys.exit(1 if table.failed else 0)


if __name__ == "__main__":
    main()
