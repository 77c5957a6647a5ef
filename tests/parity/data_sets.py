"""The three public data sets as files that `sft train` reads, split as the peer script splits them:
banking77 and clinc150 as published (clinc150 without its out-of-scope rows), sms-spam shuffled with seed
0, the last 80 % for training. write(name, shared, directory) returns the paths of train and test."""
import csv
import json
import os
import random


def rows_of(name, shared):
    data = os.path.join(shared, "data")
    if name == "banking77":
        def read(part):
            with open(f"{data}/banking77/{part}.csv", encoding="utf-8", newline="") as f:
                return [tuple(row[:2]) for row in list(csv.reader(f))[1:]]
        return read("train"), read("test")
    if name == "clinc150":
        with open(f"{data}/clinc150/data_full.json", encoding="utf-8") as f:
            full = json.load(f)
        return [tuple(x) for x in full["train"]], [tuple(x) for x in full["test"]]
    if name == "sms-spam":
        with open(f"{data}/sms-spam/SMSSpamCollection", encoding="utf-8", newline="\n") as f:
            cells = [line.rstrip("\r\n").split("\t") for line in f]
        rows = [(c[1], c[0]) for c in cells if len(c) > 1]
        random.Random(0).shuffle(rows)
        held_out = int(len(rows) * .2)
        return rows[held_out:], rows[:held_out]
    raise SystemExit(f"no data set {name}")


def write(name, shared, directory, limit=0):
    train, test = rows_of(name, shared)
    if limit:
        train = random.Random(0).sample(train, min(limit, len(train)))
    paths = []
    for part, rows in (("train", train), ("test", test)):
        path = os.path.join(directory, f"{name}-{part}.csv")
        with open(path, "w", encoding="utf-8", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(("text", "label"))
            out.writerows(rows)
        paths.append(path)
    return paths
