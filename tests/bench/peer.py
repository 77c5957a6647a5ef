#!/usr/bin/env python3
"""Training speed and peak memory against Transformers on the same data, the same machine, in turn.

usage: peer.py [--shared ../shared] [--model DIR] [--python PYTHON] [--rounds 3] [--limit 1200] [DATA SET ...]
One epoch over the first --limit sampled training rows, batch 16, learning rate as in accuracy.py; the peer is
SHARED/peer/hf_text.py under PYTHON (an environment with torch and transformers). Prints a Markdown table of
medians and ranges of the ratios, round by round. `make bench-peer` runs it."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity"))
import data_sets
from accuracy import PEER_NAMES, RATES, sft


def peer(a, name):
    command = [a.python, os.path.join(a.shared, "peer", "hf_text.py"), a.model, PEER_NAMES[name], "--epochs",
               "1", "--limit", str(a.limit), "--lr", RATES[name], "--threads", str(os.cpu_count())]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found = json.loads(result.stdout.strip().splitlines()[-1])
    return found["tok_s"], found["rss_mb"]


def ours(a, name, directory, number):
    train, _ = data_sets.write(name, a.shared, directory, a.limit)
    out = os.path.join(directory, f"{name}-{number}")
    # A validation file keeps all rows for training, as the peer has them; one row costs nothing.
    one = os.path.join(directory, "one.csv")
    with open(train, encoding="utf-8", newline="") as f, open(one, "w", encoding="utf-8", newline="") as g:
        g.write(f.readline() + f.readline())
    result = sft(["--model", a.model, "--train", train, "--validation", one, "--epochs", "1",
                  "--learning-rate", RATES[name]], out)
    return result["tokens_per_second"], result["peak_rss_mb"]


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("names", nargs="*")
    p.add_argument("--shared", default="../shared")
    p.add_argument("--model", default=os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2"))
    p.add_argument("--python", default=os.environ.get("SFT_PYTHON", "python3"))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--limit", type=int, default=1200)
    a = p.parse_args()
    print("| data | ours, real tokens/s | peer's | ratio | our peak MB | peer's | share |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as directory:
        for name in a.names or list(RATES):
            rounds = [(ours(a, name, directory, i), peer(a, name)) for i in range(a.rounds)]
            speed = [o[0] / q[0] for o, q in rounds]
            memory = [o[1] / q[1] for o, q in rounds]
            print(f"| {name} | {spread([o[0] for o, _ in rounds], 0)} | {spread([q[0] for _, q in rounds], 0)} | "
                  f"{spread(speed, 2)} | {spread([o[1] for o, _ in rounds], 0)} | "
                  f"{spread([q[1] for _, q in rounds], 0)} | {spread(memory, 2)} |", flush=True)


if __name__ == "__main__":
    main()
