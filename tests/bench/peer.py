#!/usr/bin/env python3
"""Speed and memory against PyTorch and Transformers, on this machine, in turn; into docs/performance.md.

usage: peer.py [--shared ../shared] [--model DIR] [--python PYTHON] [--rounds 5] [--limit 640] [PART ...]
`make bench-peer` runs it; PARTS="training step" names some. In a round every contestant runs once, and a
ratio is that of two runs of the same round: machines drift. A figure is the median of its rounds, the
range behind it. PYTHON is an interpreter with torch, transformers and scikit-learn.

Contestants: `default` is the peer as it is installed. `tuned` has malloc keep its memory and ask for huge
pages, and where the script leaves a choice, scaled_dot_product_attention and fused AdamW."""
import argparse
import concurrent.futures
import functools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
import data_sets
import page
from accuracy import PEER_NAMES, RATES

SFT = "build/release/sft"
PAGE = "docs/performance.md"
TUNED = {"MALLOC_TRIM_THRESHOLD_": str(1 << 33), "MALLOC_MMAP_THRESHOLD_": str(1 << 33),
         "MALLOC_TOP_PAD_": str(1 << 27), "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
CORES = str(os.cpu_count())


def run(command, env=None):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, **(env or {})})
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{(result.stderr.strip().splitlines() or ['no word'])[-1]}")
    return result.stdout


def last_json(command, env=None):
    return json.loads(run(command, env).strip().splitlines()[-1])


def in_turn(a, contestants):
    """{name: what its function returned, by round}; who begins changes with the round."""
    names, found = list(contestants), {}
    for i in range(a.rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            found.setdefault(name, []).append(contestants[name]())
            print(f"  round {i + 1}: {name}: {found[name][-1]}", file=sys.stderr, flush=True)
    return found


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(above, below, digits=2):
    return spread([x / y for x, y in zip(above, below)], digits)


def pick(found, name, key):
    return [x[key] for x in found[name]]


class Table:
    """In Markdown."""

    def __init__(self, *heads):
        self.lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]

    def add(self, *cells):
        self.lines.append("| " + " | ".join(str(c) for c in cells) + " |")

    def text(self):
        return "\n".join(self.lines)


# ---- whole training runs -----------------------------------------------------------------------

def peer_model(a, dropout):
    """The model's directory with that dropout in its config.json."""
    out = os.path.join(a.scratch, f"model-{dropout}")
    if not os.path.isdir(out):
        shutil.copytree(a.model, out)
        path = os.path.join(out, "config.json")
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        for key in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            config[key] = float(dropout)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
    return out


def peer_trains(a, name, dropout, env, bf16):
    command = [a.python, os.path.join(a.shared, "peer", "hf_text.py"), peer_model(a, dropout), PEER_NAMES[name],
               "--epochs", "1", "--limit", str(a.limit), "--lr", RATES[name], "--threads", CORES]
    found = last_json(command + (["--bf16"] if bf16 else []), env)
    return {"tokens/s": found["tok_s"], "MB": found["rss_mb"]}


def we_train(a, name, dropout, bf16):
    train, _ = data_sets.write(name, a.shared, a.scratch, a.limit)
    # A validation file keeps all rows for training, as the peer has them; one row costs nothing.
    one = os.path.join(a.scratch, "one.csv")
    with open(train, encoding="utf-8", newline="") as f, open(one, "w", encoding="utf-8", newline="") as g:
        g.write(f.readline() + f.readline())
    out = tempfile.mkdtemp(dir=a.scratch)
    command = [SFT, "train", "--json", "--out", os.path.join(out, "run"), "--model", peer_model(a, dropout),
               "--train", train, "--validation", one, "--epochs", "1", "--learning-rate", RATES[name]]
    found = last_json(command + (["--bf16", "true"] if bf16 else []))
    shutil.rmtree(out)
    return {"tokens/s": round(found["tokens_per_second"]), "MB": round(found["peak_rss_mb"])}


def training(a, bf16=False):
    speed = Table("data", "dropout", "ours, real tokens/s", "tuned peer", "default peer", "ours over tuned",
                  "over default")
    memory = Table("data", "ours, peak MB", "tuned peer", "default peer", "of the tuned", "of the default")
    for name in RATES:
        for dropout in ("0.1", "0"):
            f = in_turn(a, {"ours": functools.partial(we_train, a, name, dropout, bf16),
                            "tuned": functools.partial(peer_trains, a, name, dropout, TUNED, bf16),
                            "default": functools.partial(peer_trains, a, name, dropout, {}, bf16)})
            rate = {who: pick(f, who, "tokens/s") for who in f}
            peak = {who: pick(f, who, "MB") for who in f}
            speed.add(name, dropout, *(spread(rate[who], 0) for who in f), ratios(rate["ours"], rate["tuned"]),
                      ratios(rate["ours"], rate["default"]))
            if dropout == "0.1":
                memory.add(name, *(spread(peak[who], 0) for who in f), ratios(peak["ours"], peak["tuned"]),
                           ratios(peak["ours"], peak["default"]))
            a.keep(speed.text() + "\n\n" + memory.text())
    return speed.text() + "\n\n" + memory.text()


def refuses_bf16():
    """Why `bf16` would be refused here, or None."""
    for line in run([SFT, "bench", "--shape", "2x16", "--rounds", "3"]).splitlines():
        if line.strip().startswith("bf16"):
            return line.strip()
    return None


def training_bf16(a):
    return refuses_bf16() or training(a, bf16=True)


# ---- a step of random ids ----------------------------------------------------------------------

MINILM, BASE = ("minilm", "MiniLM-L6", 6, 384, 32, 64), ("base", "BERT-base", 12, 768, 16, 128)


def torch_step(a, shape, dropout, env, words):
    _, _, layers, hidden, sequences, tokens = shape
    command = [a.python, os.path.join(a.shared, "research", "bench", "torch_bert.py"), CORES, str(layers),
               str(hidden), str(sequences), str(tokens), dropout, "5" if layers == 6 else "3", *words]
    found = re.search(r"best ([0-9.]+) ms", run(command, env))
    return {"ms": float(found[1])}


def our_step(shape, dropout, key="step_ms_least"):
    found = last_json([SFT, "bench", "--size", shape[0], "--shape", f"{shape[4]}x{shape[5]}", "--dropout", dropout,
                       "--rounds", "5" if shape[0] == "minilm" else "3", "--json"])
    return {"ms": round(found[key], 1)}


def step(a, shape=MINILM):
    """Ours clips gradients, too; the peer's step does not."""
    table = Table("shape", "dropout", "ours, best ms", "tuned torch", "default torch", "tuned over ours",
                  "default over ours")
    for dropout in ("0.1", "0"):
        f = in_turn(a, {"ours": functools.partial(our_step, shape, dropout),
                        "tuned": functools.partial(torch_step, a, shape, dropout, TUNED, ("sdpa", "fused")),
                        "default": functools.partial(torch_step, a, shape, dropout, {}, ())})
        ms = {who: pick(f, who, "ms") for who in f}
        table.add(f"{shape[1]} {shape[4]}x{shape[5]}", dropout, *(spread(ms[who], 0) for who in f),
                  ratios(ms["tuned"], ms["ours"]), ratios(ms["default"], ms["ours"]))
        a.keep(table.text())
    return table.text()


def step_base(a):
    return step(a, BASE)


def step_bf16(a):
    refused = refuses_bf16()
    if refused:
        return refused
    table = Table("shape", "dropout", "ours in bf16, best ms", "ours in fp32", "tuned torch in bf16",
                  "our fp32 over our bf16", "torch's bf16 over ours")
    for shape in (MINILM, BASE):
        for dropout in ("0.1", "0"):
            words = ("sdpa", "fused", "bf16")
            f = in_turn(a, {"ours": functools.partial(our_step, shape, dropout, "step_bf16_ms_least"),
                            "fp32": functools.partial(our_step, shape, dropout),
                            "torch": functools.partial(torch_step, a, shape, dropout, TUNED, words)})
            ms = {who: pick(f, who, "ms") for who in f}
            table.add(f"{shape[1]} {shape[4]}x{shape[5]}", dropout, *(spread(ms[who], 0) for who in f),
                      ratios(ms["fp32"], ms["ours"]), ratios(ms["torch"], ms["ours"]))
            a.keep(table.text())
    return table.text()


def shares(a):
    """Of the machine's peak and bandwidth; and two threads over one."""
    table = Table("MiniLM-L6, dropout 0.1", "step, ms", "GFLOP/s", "of the peak", "forward alone, of the peak",
                  "AdamW, of the bandwidth", "all threads over one")
    for shape in ("32x64", "16x128", "8x256", "32x32", "16x11"):
        command = [SFT, "bench", "--shape", shape, "--rounds", "3", "--json"]
        f = in_turn(a, {"all": functools.partial(last_json, command),
                        "one": functools.partial(last_json, command + ["--threads", "1"])})
        ms = pick(f, "all", "step_ms")
        table.add(shape, spread(ms, 1), spread(pick(f, "all", "step_gflops"), 0),
                  spread(pick(f, "all", "step_share_of_peak"), 2), spread(pick(f, "all", "forward_share_of_peak"), 2),
                  spread(pick(f, "all", "adamw_share_of_bandwidth"), 2), ratios(pick(f, "one", "step_ms"), ms))
        a.keep(table.text())
    return table.text()


# ---- the rest ----------------------------------------------------------------------------------

PEER_TOKENIZES = """
import sys, time
from tokenizers import Tokenizer
t = Tokenizer.from_file(sys.argv[1]); t.no_padding(); t.no_truncation()
lines = open(sys.argv[2], encoding="utf-8", newline="\\n").read().split("\\n")
size = sum(len(x.encode()) + 1 for x in lines); best = 0
for _ in range(3):
    start = time.perf_counter(); t.encode_batch(lines); best = max(best, size / (time.perf_counter() - start) / 1e6)
print(best)
"""


def tokenizer(a):
    table = Table("text", "ours, MB/s on one thread", "`tokenizers` `encode_batch` on one thread", "ratio")
    for name in RATES:
        texts = os.path.join(a.scratch, f"{name}.txt")
        with open(texts, "w", encoding="utf-8", newline="\n") as f:
            f.write("\n".join(text.replace("\n", " ") for text, _ in data_sets.rows_of(name, a.shared)[0]))
        ours = [SFT, "bench", "--shape", "1x1", "--rounds", "5", "--json", "--model", a.model, "--text", texts]
        peer = [a.python, "-c", PEER_TOKENIZES, os.path.join(a.model, "tokenizer.json"), texts]
        one = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        f = in_turn(a, {"ours": lambda: round(last_json(ours)["tokenizer_mb_per_second"], 1),
                        "peer": lambda: float(run(peer, one))})
        table.add(name, spread(f["ours"], 1), spread(f["peer"], 2), ratios(f["ours"], f["peer"], 1))
    return table.text()


def predict_start(a):
    train, _ = data_sets.write("banking77", a.shared, a.scratch, a.limit)
    tuned = os.path.join(a.scratch, "tuned")
    run([SFT, "train", "--out", tuned, "--model", a.model, "--train", train, "--max-steps", "2"])
    command = [SFT, "predict", tuned, "--text", "Where is my card? It should have come a week ago."]
    run(command)

    def once():
        start = time.monotonic()
        run(command)
        return 1e3 * (time.monotonic() - start)
    table = Table("`sft predict` of one sentence, from start to exit", "ms")
    table.add("of a fine-tuned MiniLM-L6, 77 labels, " + str(4 * a.rounds) + " times",
              spread([once() for _ in range(4 * a.rounds)], 0))
    return table.text()


def head_run(a, train, out, options):
    """Seconds from start to exit, and what the command says of itself."""
    start = time.monotonic()
    found = last_json([SFT, "train", "--json", "--out", out, "--model", a.model, "--train", train, "--tune", "head",
                       *options])
    seconds = time.monotonic() - start
    shutil.rmtree(out)
    return seconds, found


def head(a):
    """A hundred settings of a new head, one process each, as many at a time as there are cores."""
    table = Table("`tune head`, batch 16", "figure")
    train, _ = data_sets.write("clinc150", a.shared, a.scratch)

    def setting(i):
        return head_run(a, train, os.path.join(a.scratch, f"head-{i}"),
                        ["--epochs", "3", "--threads", "1", "--learning-rate", str(1e-3 * 1.04 ** i)])
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        first, _ = setting(0)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(int(CORES)) as pool:
            rest = list(pool.map(setting, range(1, 101)))
        whole = time.monotonic() - start
        table.add("clinc150, 12 000 training rows, 3 epochs: the first setting, one thread, the pass of features included",
                  f"{first:.1f} s")
        table.add("the next 100 settings, all together", f"{whole:.1f} s")
        scores = [found["validation"]["accuracy"] for _, found in rest]
        table.add("their validation accuracy, least and most", f"{min(scores):.4f}, {max(scores):.4f}")
        train, _ = data_sets.write("banking77", a.shared, a.scratch)
        one = os.path.join(a.scratch, "one.csv")
        with open(train, encoding="utf-8", newline="") as f, open(one, "w", encoding="utf-8", newline="") as g:
            g.write(f.readline() + f.readline())
        options = ["--validation", one, "--epochs", "20"]
        head_run(a, train, os.path.join(a.scratch, "warm"), options)
        runs = [head_run(a, train, os.path.join(a.scratch, "again"), options)[1] for _ in range(a.rounds)]
        epoch = [1e3 * r["tokens"] / r["tokens_per_second"] / r["epochs"] for r in runs]
        table.add("banking77, 10 003 rows, 77 labels: an epoch of training steps", spread(epoch, 0) + " ms")
        del os.environ["XDG_CACHE_HOME"]
    return table.text()


def estimate(a):
    """What `train --dry-run` says, and then the run."""
    cases = [("banking77", []), ("clinc150", []), ("sms-spam", []), ("sms-spam", ["--batch-size", "4"]),
             ("sms-spam", ["--batch-size", "64"]), ("sms-spam", ["--max-tokens-per-batch", "1024"]),
             ("sms-spam", ["--threads", "1"]), ("banking77", ["--freeze-layers", "4"]), ("sms-spam", ["--tune", "head"])]
    table = Table("data, options besides `--epochs 1`", "said, s", "took, s", "said over took", "said, MB", "took, MB", "ratio")
    for name, options in cases:
        train, _ = data_sets.write(name, a.shared, a.scratch, 2 * a.limit)
        command = [SFT, "train", "--json", "--model", a.model, "--train", train, "--epochs", "1", *options]
        said, took = [], []
        for _ in range(min(a.rounds, 3)):
            said.append(last_json([*command, "--dry-run"]))
            out = os.path.join(a.scratch, "estimated")
            took.append(last_json([*command, "--out", out], {"SFT_FEATURES": "off"}))
            shutil.rmtree(out)
        pairs = [[x["estimated_seconds"] for x in said], [x["seconds"] for x in took],
                 [x["estimated_peak_rss_mb"] for x in said], [x["peak_rss_mb"] for x in took]]
        table.add(f"{name} {' '.join(options)}".strip(), spread(pairs[0], 1), spread(pairs[1], 1), ratios(*pairs[:2]),
                  spread(pairs[2], 0), spread(pairs[3], 0), ratios(*pairs[2:]))
    return table.text()


PARTS = {f.__name__: f for f in (training, training_bf16, step, step_base, step_bf16, shares, tokenizer, predict_start, head, estimate)}


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in f)}
    return (f"{found.get('model name', 'a CPU')} (family {found.get('cpu family')}, model {found.get('model')}), "
            f"{CORES} cores")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    p.add_argument("--shared", default="../shared")
    p.add_argument("--model", default=os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2"))
    p.add_argument("--python", default=os.environ.get("SFT_PYTHON", "python3"))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--limit", type=int, default=640)
    a = p.parse_args()
    unknown = set(a.parts) - set(PARTS)
    if unknown:
        p.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for part in a.parts or PARTS:
        print(f"\n== {part}", flush=True)
        head = f"{cpu_name()}; {time.strftime('%Y-%m-%d')}, {a.rounds} rounds."
        a.keep = lambda text: page.keep(PAGE, "peer.py", part, f"{head}\n\n{text}")
        with tempfile.TemporaryDirectory() as a.scratch:
            text = PARTS[part](a)
        print(f"{head}\n\n{text}", flush=True)
        a.keep(text)


if __name__ == "__main__":
    main()
