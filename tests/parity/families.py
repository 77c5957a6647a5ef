#!/usr/bin/env python3
"""Every family against Transformers and PyTorch, number by number, on tiny random models.

For each model of tests/fixtures/family_models.py, made with Transformers' own initialisation: the logits of 64
texts of 1 to 512 tokens, half of them with a second segment where the family reads token types; every gradient
tensor of one batch; the loss over 100 AdamW steps, and over 20 with a linear schedule, warm-up, accumulation of 4
and clipping in force; and the exported directory in AutoModelForSequenceClassification. Dropout 0, eager
attention, fp32.

usage: families.py [--json FILE] [NAME ...]     from the project root, as `make parity` does. SFT_PYTHON names the
interpreter. Exits 77 without torch and transformers, 1 when a bound is broken.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

DRIVER = os.environ.get("SFT_PARITY_MODEL", "build/release/tests/parity/parity_model")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fixtures"))
try:
    import numpy as np
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    import family_models as fm
except ImportError as missing:
    print(f"skipped: {sys.executable} has no {missing.name}; name another in SFT_PYTHON")
    sys.exit(77)

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

BATCH, RATE = 8, 2e-5
BOUNDS = {"logits": 1e-4, "relative": 1e-5, "gradient": 1.0, "loss100": 1e-4, "loss20": 1e-4, "export": 1e-4}
TITLES = {"logits": "logits, largest difference", "relative": "the same, relative L2",
          "gradient": "worst gradient as a share of its bound", "loss100": "loss over 100 steps",
          "loss20": "loss over 20 scheduled steps", "export": "exported logits"}


def pack(out, name, ids, kinds, labels):
    start = np.concatenate([[0], np.cumsum([len(x) for x in ids])])
    for key, value in dict(token=np.concatenate(ids), segment=np.concatenate(kinds), start=start, label=labels).items():
        out[f"{name}.{key}"] = torch.tensor(value).float()


def run_engine(place, batches, steps):
    save_file(batches, place + "/batches")
    done = subprocess.run([DRIVER, place, place + "/batches", place + "/out", place + "/export", "2", str(steps)],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{DRIVER}: {done.stderr.strip()}")
    return load_file(place + "/out")


def worst_gradient(model, model_type, ours):
    named = [(n, p.grad) for n, p in model.named_parameters() if p.grad is not None]
    total = float(torch.sqrt(sum((g.double() ** 2).sum() for _, g in named)))
    worst = 0.0
    for name, g in named:
        if fm.stored_in_out(name, model_type):
            g = g.reshape(g.shape[0], -1).T
        g = g.double().flatten()
        worst = max(worst, float((ours["grad." + name].double() - g).norm() / (1e-4 * g.norm() + 1e-7 * total)))
    return worst


def train(model, types, batches, rates, accumulate, clip):
    """The losses of AdamW steps, each over `accumulate` batches, normalised by examples as Trainer does."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    losses = []
    for step, rate in enumerate(rates):
        part = batches[step * accumulate:(step + 1) * accumulate]
        examples = sum(len(labels) for _, _, labels in part)
        optimizer.zero_grad()
        total = 0.0
        for ids, kinds, labels in part:
            logits = fm.padded_logits(model, ids, kinds, types)
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="sum") / examples
            loss.backward()
            total += loss.item()
        losses.append(total)
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    return losses


def compare(name, config, types):
    model = fm.build(config)
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        rng = np.random.default_rng(5)
        lengths = [1, 2, 3, 512, 511] + rng.integers(1, 200, 59).tolist()
        texts = fm.texts(lengths, config, types, 7)
        steps = [fm.texts(rng.integers(1, 40, BATCH), config, types, 100 + i) for i in range(100)]
        rates = [RATE] * 100
        scheduled = [1e-3 * min((k + 1) / 5, (20 - k) / 16) for k in range(20)]
        figures = {}

        batches = {}
        for i in range(0, 64, 8):
            pack(batches, f"logits.{i // 8}", texts[0][i:i + 8], texts[1][i:i + 8], texts[2][i:i + 8])
        for i, batch in enumerate(steps):
            pack(batches, f"step.{i}", *batch)
        ours = run_engine(place, batches, 100)
        with torch.no_grad():
            reference = fm.logits_of(model, texts[0], texts[1], types)
        got = ours["logits"].reshape(reference.shape)
        figures["logits"] = float((got - reference).abs().max())
        figures["relative"] = float((got - reference).norm() / reference.norm())

        exported = transformers.AutoModelForSequenceClassification.from_pretrained(
            place + "/export", attn_implementation="eager")
        assert exported.config.problem_type == "single_label_classification" and len(exported.config.id2label) == fm.LABELS
        with torch.no_grad():
            figures["export"] = float((fm.logits_of(fm.still(exported), texts[0], texts[1], types) - got).abs().max())

        loss = torch.nn.functional.cross_entropy(fm.logits_of(model, steps[0][0], steps[0][1], types),
                                                 torch.tensor(steps[0][2]))
        loss.backward()
        figures["gradient"] = worst_gradient(model, config.model_type, ours)
        reference = train(model, types, steps, rates, 1, 0)
        figures["loss100"] = max(abs(a - b) for a, b in zip(ours["losses"].tolist(), reference))

        model = fm.build(config)
        batches["rates"] = torch.tensor(scheduled, dtype=torch.float32)
        batches["accumulate"] = torch.tensor([4.0])
        batches["max_grad_norm"] = torch.tensor([0.05])
        ours = run_engine(place, batches, 20)
        reference = train(model, types, steps, [float(np.float32(r)) for r in scheduled], 4, float(np.float32(0.05)))
        figures["loss20"] = max(abs(a - b) for a, b in zip(ours["losses"].tolist(), reference))
    return figures


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--json")
    options.add_argument("names", nargs="*")
    options = options.parse_args()
    torch.set_num_threads(1)
    rows, broken = {}, 0
    print(f"{'model':18}" + "".join(f"{key:>11}" for key in BOUNDS))
    print(f"{'(bound)':18}" + "".join(f"{bound:11.0e}" for bound in BOUNDS.values()))
    for name, (config, types) in fm.configs(big=True).items():
        if options.names and name not in options.names:
            continue
        rows[name] = compare(name, config, types)
        late = [k for k, bound in BOUNDS.items() if not rows[name][k] <= bound]
        broken += len(late)
        print(f"{name:18}" + "".join(f"{rows[name][key]:11.1e}" for key in BOUNDS) + ("  BROKEN: " + ", ".join(late) if late else ""),
              flush=True)
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"titles": TITLES, "bounds": BOUNDS, "rows": rows}, f, indent=1)
    sys.exit(1 if broken else 0)


main()
