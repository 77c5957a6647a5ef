#!/usr/bin/env python3
"""Ids, tokens, offsets and decoded text of `sft tokenize --decode` against AutoTokenizer, for the
tokenizers of every family but BERT's own, which tokenizer.py compares.

    python3 tests/parity/tokenizer_families.py [NAME...]          (make parity runs it)

Run from the project root after `make`. Needs transformers and ../shared; exits 77 without. The
vocabularies of GPT-2 and RoBERTa are real; the others are trained here, in the style of each
family. A line a tokenizer goes to standard output, a line a set of texts to standard error. Exits
1 when anything differs.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

SFT = os.environ.get("SFT_BINARY", "build/release/sft")
ENCODE_HEX = os.environ.get("SFT_ENCODE_HEX", "build/release/tests/parity/encode_hex")
# The published cases that have a vocabulary here, and the style that has it; bert-base-uncased is tokenizer.py's.
GOLDEN = {"gpt2": "gpt2", "distilbert": "distilbert-base-uncased-finetuned-sst-2-english", "t5 .model": "t5-small",
          "xlnet.json": "xlnet-base-cased"}
DATA, REFERENCE = "../shared/data", "../shared/reference"
SEED = 20261126
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
try:
    from transformers import AutoTokenizer, __version__ as transformers_version
    from transformers.utils import logging
    import tokenizer_styles
except ImportError as e:
    print(f"tokenizer families: skipped, {e}")
    sys.exit(77)
if not os.path.isdir(f"{REFERENCE}/vocab-gpt2"):
    print("tokenizer families: skipped, no ../shared")
    sys.exit(77)
logging.set_verbosity_error()
PARTS = ("ids", "tokens", "offsets", "decoded")
failures = 0


def byte_offsets(text, offsets):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[at[a], at[b]] for a, b in offsets]


def expected(tokenizer, texts):
    inner = tokenizer.backend_tokenizer
    inner.no_truncation()
    inner.no_padding()
    return [(e.ids, [inner.id_to_token(i) for i in e.ids], byte_offsets(t, e.offsets),
             tokenizer.decode(e.ids)) for t, e in zip(texts, inner.encode_batch(texts))]


def ours(directory, texts):
    done = subprocess.run([SFT, "tokenize", "--json", "--decode", directory],
                          input="".join(t + "\n" for t in texts).encode(), capture_output=True)
    if done.returncode:
        sys.exit(f"{SFT} tokenize {directory}: {done.stderr.decode()}")
    rows = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
    return [(r["ids"], r["tokens"], r["offsets"], r["decoded"]) for r in rows]


def compare(name, directory, tokenizer, texts, offsets):
    """offsets=False: a normaliser joins characters; `tokenizers` then gives the place of the first,
    we the place of all."""
    global failures
    want, got = expected(tokenizer, texts), ours(directory, texts)
    if len(want) != len(got):
        sys.exit(f"{name}: {len(got)} lines for {len(want)} texts")
    wrong = {part: [i for i in range(len(texts)) if want[i][k] != got[i][k]]
             for k, part in enumerate(PARTS) if offsets or part != "offsets"}
    ids = sum(len(w[0]) for w in want)
    print(f"{name:44} {len(texts):6} texts, {ids:8} ids; differ: "
          + ", ".join(f"{len(w)} in {part}" for part, w in wrong.items()), file=sys.stderr, flush=True)
    for k, part in enumerate(PARTS):
        for i in wrong.get(part, [])[:2]:
            print("   text", ascii(texts[i])[:200], f"\n   want {part}", ascii(want[i][k])[:600],
                  "\n   got ", ascii(got[i][k])[:600], file=sys.stderr)
    failures += any(wrong.values())
    return len(texts), ids, {part: len(w) for part, w in wrong.items()}


def golden(style, tokenizer):
    """Ids as Transformers 5.23 has them, and how many of those are not what was published."""
    global failures
    with open(f"{REFERENCE}/tok-golden-hf/{GOLDEN[style.name]}.jsonl", encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    lines = "".join(" ".join(["0", "x" + c["text"].encode().hex()]
                             + (["x" + c["text_pair"].encode().hex()] if c.get("text_pair") else [])) + "\n"
                    for c in cases)
    done = subprocess.run([ENCODE_HEX, style.directory], input=lines.encode(), capture_output=True, check=True)
    got = [json.loads(line) for line in done.stdout.splitlines()]
    now = [tokenizer(c["text"], c.get("text_pair"))["input_ids"] for c in cases]
    wrong = [(c["text"], w, g["ids"]) for c, w, g in zip(cases, now, got) if w != g["ids"]]
    older = sum(c["ids"] != w for c, w in zip(cases, now))
    print(f"{style.name + ', published cases':44} {len(cases):6} texts; differ: {len(wrong)} in ids"
          f" ({older} where 5.23 itself differs from what was published)", file=sys.stderr, flush=True)
    for w in wrong[:2]:
        print("   ", ascii(w)[:600], file=sys.stderr)
    failures += bool(wrong)
    lines = compare(style.name + ", published, of one line", style.directory, tokenizer,
                    [c["text"] for c in cases if "\n" not in c["text"]], style.offsets)
    return len(cases), len(wrong), lines


def xquad(language):
    with open(f"{DATA}/xquad/xquad.{language}.json", encoding="utf-8") as f:
        for article in json.load(f)["data"]:
            for p in article["paragraphs"]:
                yield p["context"].replace("\n", " ")
                yield from (q["question"].replace("\n", " ") for q in p["qas"])


def wnut17():
    for name in sorted(os.listdir(f"{DATA}/wnut17")):
        if name.endswith((".conll", ".annotated")) or "wnut" in name or "emerging" in name:
            with open(f"{DATA}/wnut17/{name}", encoding="utf-8") as f:
                for sentence in f.read().split("\n\n"):
                    yield " ".join(line.split("\t")[0] for line in sentence.split("\n") if line)


def random_strings(count, alphabet, literals, rng):
    few = list("abcdefgh  XYZ  é\u0301\u0323[]#,.'sdt中한İ12\t\r") + ["  ", "\u2581", "\u0120"] + literals
    out = []
    for _ in range(count):
        n = rng.randint(1, 50)
        out.append("".join(chr(rng.choice(alphabet)) if rng.random() < 0.6 else rng.choice(few)
                           for _ in range(n)))
    return out


def assigned_by_unicode_8():
    script = r'for my $c (0..0x10FFFF) { next if $c >= 0xD800 && $c < 0xE000;' \
             r' print "$c\n" if chr($c) =~ /\p{Present_In: 8.0}/ }'
    return [int(x) for x in subprocess.check_output(["perl", "-e", script]).split()]


def main():
    rng = random.Random(SEED)
    every = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c != 10]
    eight = [c for c in assigned_by_unicode_8() if c != 10]
    print(f"with transformers {transformers_version}; how many texts differ in")
    print(f"{'tokenizer':34}{'texts':>7}{'ids':>9}" + "".join(f"{part:>9}" for part in PARTS) + "  published cases")
    with tempfile.TemporaryDirectory() as scratch:
        for style in tokenizer_styles.all_styles(scratch, REFERENCE, sys.argv[1:]):
            tokenizer = AutoTokenizer.from_pretrained(style.directory)
            sums, published = [], ""
            if style.name in GOLDEN:
                cases, wrong, lines = golden(style, tokenizer)
                sums.append(lines)
                published = f"  {wrong} of {cases} differ"
            texts = [(language, list(xquad(language))) for language in ("en", "de", "zh")]
            texts.append(("wnut17", list(wnut17())))
            texts.append(("random", random_strings(5000, eight, style.literals, rng)
                          + random_strings(5000, every, style.literals, rng)))
            if os.environ.get("SFT_EVERY"):
                texts.append(("every code point", [" ".join(f"a{chr(c)}b{chr(c)}{chr(c)}" for c in every[i:i + 16])
                                                   for i in range(0, len(every), 16)]))
            for part, lines in texts:
                sums.append(compare(f"{style.name}, {part}", style.directory, tokenizer, lines, style.offsets))
            differ = [str(sum(d[part] for _, _, d in sums)) if part in sums[0][2] else "-" for part in PARTS]
            print(f"{style.name:34}{sum(n for n, _, _ in sums):7}{sum(i for _, i, _ in sums):9}"
                  + "".join(f"{d:>9}" for d in differ) + published, flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
