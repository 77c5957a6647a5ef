#!/usr/bin/env python3
"""Test accuracy of full tuning, the recipe of ../shared/peer/hf_text.py, three seeds a data set; and of a new
head on mean-pooled features of banking77, its learning rate chosen on validation rows.

usage: accuracy.py [--shared ../shared] [--model models/all-MiniLM-L6-v2] [--seeds 0,1,2] [DATA SET ...]
Prints a Markdown table; the peer's figures are read from SHARED/peer/results.md. Exits 1 when a mean is more
than 0.7 points below the peer's. `make parity` runs it."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import data_sets

RATES = {"banking77": "1e-4", "clinc150": "1e-4", "sms-spam": "2e-5"}
PEER_NAMES = {"banking77": "banking77", "clinc150": "clinc", "sms-spam": "sms"}
BOUND = 0.007


def sft(options, out):
    command = ["build/release/sft", "train", "--json", "--out", out] + options
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr.strip().splitlines()[-1]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def peer_means(shared):
    means = {}
    with open(os.path.join(shared, "peer", "results.md"), encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) > 5 and re.fullmatch(r"0\.\d+", cells[5]):
                means[cells[0]] = float(cells[5])
    return means


def full_tuning(names, a, directory):
    means = peer_means(a.shared)
    failed = False
    print("| data | learning rate | test accuracy by seed | mean | peer's mean | difference |")
    print("|---|---|---|---|---|---|")
    for name in names:
        train, test = data_sets.write(name, a.shared, directory)
        got = []
        for seed in a.seeds.split(","):
            out = os.path.join(directory, f"{name}-{seed}")
            result = sft(["--model", a.model, "--train", train, "--test", test, "--learning-rate",
                          RATES[name], "--seed", seed], out)
            got.append(result["test"]["accuracy"])
        mean, peer = sum(got) / len(got), means[PEER_NAMES[name]]
        failed |= mean < peer - BOUND
        print(f"| {name} | {RATES[name]} | {', '.join(f'{x:.4f}' for x in got)} | {mean:.4f} | {peer:.4f} | "
              f"{100 * (mean - peer):+.2f} points |", flush=True)
    return failed


def new_head(a, directory):
    """A tenth of the training rows chooses the rate; the winner is trained on all of them."""
    train, test = data_sets.write("banking77", a.shared, directory)
    common = ["--model", a.model, "--tune", "head", "--pooling", "mean", "--epochs", "40"]
    print("\n| head on mean-pooled features, banking77 | validation accuracy |")
    print("|---|---|")
    best = (0, "")
    for rate in ("1e-3", "3e-3", "1e-2", "3e-2"):
        out = os.path.join(directory, f"head-{rate}")
        result = sft(common + ["--train", train, "--learning-rate", rate, "--dropout", "0"], out)
        accuracy = result["validation"]["accuracy"]
        best = max(best, (accuracy, rate))
        print(f"| learning rate {rate} | {accuracy:.4f} |", flush=True)
    out = os.path.join(directory, "head-best")
    result = sft(common + ["--train", train, "--test", test, "--learning-rate", best[1], "--dropout", "0"], out)
    accuracy = result["test"]["accuracy"]
    print(f"\nlearning rate {best[1]}, all training rows: test accuracy {accuracy:.4f} in "
          f"{result['seconds']:.1f} s")
    return accuracy < 0.910


def main():
    p = argparse.ArgumentParser()
    p.add_argument("names", nargs="*")
    p.add_argument("--shared", default="../shared")
    p.add_argument("--model", default=os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2"))
    p.add_argument("--seeds", default="0,1,2")
    p.add_argument("--no-head", action="store_true")
    a = p.parse_args()
    if not os.path.isdir(os.path.join(a.shared, "data")) or not os.path.isdir(a.model):
        print("skipped: the data sets or the model are not here")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        failed = full_tuning(a.names or list(RATES), a, directory)
        if not a.no_head:
            failed |= new_head(a, directory)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
