#!/usr/bin/env python3
"""Weight files as the engine reads them, against torch.load and safetensors.

    SFT_MODEL=DIR python3 tests/parity/files.py          (make parity runs it)

Run from the project root after `make`. Needs torch and safetensors. Three parts:
  random   state dictionaries of random types, shapes and views, in every container
  altered  pickles with random changes: what the engine accepts, torch.load(weights_only=True) must
           accept too, with the same values (it may refuse more)
  model    the model in SFT_MODEL written in six other forms: a short training of each gives the
           same bytes
Every line printed is one comparison. Exits 1 when anything differs, 77 when there is no torch.
"""
import hashlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile

SFT = os.environ.get("SFT_BINARY", "build/release/sft")
DUMP = os.environ.get("SFT_DUMP_WEIGHTS", "build/release/tests/parity/dump_weights")
MODEL = os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2")
TICKETS = "sample_data/tickets/test.csv"
SEED = 20261126

try:
    import torch
    from safetensors.torch import load_file, save_file
except ImportError as e:
    print(f"weight files parity: skipped, {e}")
    sys.exit(77)
warnings.filterwarnings("ignore")
failures = 0
NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
         torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64", torch.complex128: "C128"}


def report(name, count, differ):
    global failures
    failures += differ != 0
    print(f"{name:52} {count:6} files {differ:6} differ")


def ours(paths):
    done = subprocess.run([DUMP], input="".join(p + "\n" for p in paths).encode(),
                          capture_output=True)
    if done.returncode:
        sys.exit(f"{DUMP} died: {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def described(state):
    """As dump_weights says it."""
    out = {}
    for name, t in ({"": state} if isinstance(state, torch.Tensor) else state).items():
        t = t.detach()
        digest = ""
        if t.is_floating_point():
            floats = torch.where(t.isnan(), float("nan"), t.float()).contiguous()
            digest = hashlib.sha256(floats.numpy().tobytes()).hexdigest()
        out[name] = [NAMES[t.dtype], list(t.shape), digest]
    return out


# -- random --------------------------------------------------------------------------------------

def random_tensor(rng, generator):
    shape = [rng.randint(0 if rng.random() < 0.1 else 1, 6) for _ in range(rng.randint(0, 5))]
    t = torch.randn(shape, generator=generator) * 10 ** rng.uniform(-6, 6)
    if rng.random() < 0.2:
        t = t * float(rng.choice(["inf", "nan", "-inf", "0"]))
    return t.to(rng.choice(list(NAMES)))


def random_view(rng, t):
    """Another way to look at the same storage."""
    kind = rng.randrange(6)
    if kind == 0 and t.dim() > 1:
        return t.permute(rng.sample(range(t.dim()), t.dim()))
    if kind == 1 and t.dim():
        d = rng.randrange(t.dim())
        if t.shape[d]:
            start = rng.randrange(t.shape[d])
            return t[(slice(None),) * d + (slice(start, None, rng.randint(1, 2)),)]
    if kind == 2:
        return t.unsqueeze(0).expand(rng.randint(1, 4), *t.shape)
    if kind == 3 and t.dim() and t.shape[0]:
        return t[rng.randrange(t.shape[0])]
    return t


def random_state(rng, generator):
    state = {}
    for i in range(rng.randint(0, 8)):
        t = random_tensor(rng, generator)
        for view in range(rng.randint(1, 3)):
            name = f"{i}.{view}." + "".join(rng.choice("ab.é包😀 \"\\") for _ in range(rng.randint(0, 6)))
            state[name] = t
            t = random_view(rng, t)
            if t.dim() > 8:
                break
    return state


def split(rng, state, directory, stem, write):
    count, names = rng.randint(1, 4), list(state)
    parts = {f"{stem[0]}-{i + 1:05}-of-{count:05}.{stem[1]}": {} for i in range(count)}
    for name in names:
        parts[rng.choice(list(parts))][name] = state[name]
    for file, part in parts.items():
        write(part, os.path.join(directory, file))
    index = {"metadata": {}, "weight_map": {n: f for f, part in parts.items() for n in part}}
    with open(os.path.join(directory, ".".join(stem) + ".index.json"), "w") as f:
        json.dump(index, f)


def packed(state):
    return {k: v.contiguous().clone() for k, v in state.items()}


def write_container(rng, state, directory, container):
    single = os.path.join(directory, "pytorch_model.bin")
    if container == "zip":
        torch.save(state, single)
    elif container == "zip, protocol 3":
        torch.save(state, single, pickle_protocol=3)
    elif container == "before zip":
        torch.save(state, single, _use_new_zipfile_serialization=False)
    elif container == "safetensors":
        save_file(packed(state), os.path.join(directory, "model.safetensors"))
    elif container == "shards of torch":
        split(rng, state, directory, ("pytorch_model", "bin"), torch.save)
    else:
        split(rng, state, directory, ("model", "safetensors"), lambda p, f: save_file(packed(p), f))


def compare_random(place, count=300):
    rng, generator = random.Random(SEED), torch.Generator().manual_seed(SEED)
    for container in ("zip", "zip, protocol 3", "before zip", "safetensors", "shards of torch",
                      "shards of safetensors"):
        paths, expected = [], []
        for i in range(count):
            state = random_state(rng, generator)
            while "safetensors" in container and any(t.is_complex() for t in state.values()):
                state = {k: v for k, v in state.items() if not v.is_complex()}
            if "shards" in container and not state:
                state = {"one": torch.zeros(1)}
            paths.append(os.path.join(place, f"{container}-{i}"))
            os.mkdir(paths[-1])
            write_container(rng, state, paths[-1], container)
            expected.append(described(state))
        differ = sum(a != b for a, b in zip(ours(paths), expected))
        report("random, " + container, count, differ)
        for p in paths:
            shutil.rmtree(p)


# -- altered -------------------------------------------------------------------------------------

def alter(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice([b")", b"}", b"N", b"K\1", b"q\5", b"h\5", b"\x85", b"R", b"0"])
        elif kind == 2:
            del data[at:at + rng.randint(1, 3)]
        else:  # small numbers are offsets, sizes and strides
            places = [i for i in range(len(data) - 1) if data[i] == ord("K")]
            if places:
                data[rng.choice(places) + 1] = rng.randrange(9)
    return bytes(data)


def altered_file(rng, members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, content in members.items():
            z.writestr(name, alter(rng, content) if name.endswith("data.pkl") else content)
    return out.getvalue()


def compare_altered(place, count=20000):
    rng, generator = random.Random(SEED + 1), torch.Generator().manual_seed(SEED + 1)
    base = torch.arange(24, dtype=torch.float32)
    state = {"a": base, "b": base.view(4, 6).t(), "c": torch.randn(3, generator=generator).half(),
             "d": torch.tensor([1, 2])}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with zipfile.ZipFile(buffer) as z:
        members = {n: z.read(n) for n in z.namelist()}
    paths = []
    for i in range(count):
        paths.append(os.path.join(place, f"altered-{i}"))
        with open(paths[-1], "wb") as f:
            f.write(altered_file(rng, members))
    accepted = differ = 0
    for path, got in zip(paths, ours(paths)):
        if got is None:
            continue
        accepted += 1
        try:
            wrong = described(torch.load(path, weights_only=True, map_location="cpu")) != got
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, EOFError,
                AssertionError, IndexError, pickle.UnpicklingError, UnicodeError) as e:
            wrong = True
            print(f"torch refuses {path}: {e}"[:200])
        differ += wrong
    report(f"altered pickles, {accepted} of {count} accepted", count, differ)
    if accepted < count / 100:
        sys.exit("too few were accepted to say anything")


# -- model ---------------------------------------------------------------------------------------

def write_forms(place):
    state, forms = load_file(os.path.join(MODEL, "model.safetensors")), {}

    def form(name):
        forms[name] = os.path.join(place, name)
        os.mkdir(forms[name])
        for f in os.listdir(MODEL):
            if f != "model.safetensors":
                shutil.copy(os.path.join(MODEL, f), forms[name])
        return forms[name]

    rng = random.Random(SEED)
    write_container(rng, state, form("zip"), "zip")
    write_container(rng, state, form("before-zip"), "before zip")
    write_container(rng, {k: v.double() if v.is_floating_point() else v for k, v in state.items()},
                    form("double"), "zip")
    write_container(rng, {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()},
                    form("transposed"), "zip")
    write_container(rng, state, form("torch-shards"), "shards of torch")
    write_container(rng, state, form("safetensors-shards"), "shards of safetensors")
    return forms


def trained(model, out):
    done = subprocess.run([SFT, "train", "--model", model, "--train", TICKETS, "--tune", "head",
                           "--max-steps", "2", "--max-length", "32", "--out", out, "--json"],
                          capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return json.loads(done.stdout.splitlines()[-1])["weights_sha256"]


def compare_model(place):
    if not os.path.exists(os.path.join(MODEL, "model.safetensors")):
        print(f"model, other forms: skipped, no model.safetensors in {MODEL}; set SFT_MODEL")
        return
    expected = trained(MODEL, os.path.join(place, "run"))
    for name, directory in write_forms(place).items():
        differ = trained(directory, os.path.join(place, "run-" + name)) != expected
        report(f"model, {name}", 1, int(differ))


def main():
    with tempfile.TemporaryDirectory() as place:
        compare_random(place)
        compare_altered(place)
        compare_model(place)
    sys.exit(failures != 0)


if __name__ == "__main__":
    main()
