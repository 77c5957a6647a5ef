#!/usr/bin/env python3
"""Token ids and offsets of `sft tokenize` against Hugging Face's AutoTokenizer and `tokenizers`.

    SFT_MODEL=DIR python3 tests/parity/tokenizer.py          (make parity runs it)

Run from the project root after `make`. Needs transformers; data sets that are absent are left out.
Every line printed is one comparison: how many texts, how many differ in ids, how many in offsets.
Exits 1 when anything differs, 77 when there is no transformers or no model.
"""
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata

SFT = os.environ.get("SFT_BINARY", "build/release/sft")
ENCODE_HEX = os.environ.get("SFT_ENCODE_HEX", "build/release/tests/parity/encode_hex")
MODEL = os.environ.get("SFT_MODEL", "models/all-MiniLM-L6-v2")
DATA, REFERENCE = "../shared/data", "../shared/reference"
SEED = 20261123
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

try:
    from tokenizers import AddedToken, Tokenizer
    from transformers import AutoTokenizer, __version__ as transformers_version
    from transformers.utils import logging
except ImportError as e:
    print(f"tokenizer parity: skipped, {e}")
    sys.exit(77)
if not os.path.exists(os.path.join(MODEL, "vocab.txt")):
    print(f"tokenizer parity: skipped, no vocab.txt in {MODEL}; set SFT_MODEL")
    sys.exit(77)
logging.set_verbosity_error()
failures = 0


# -- the two sides ------------------------------------------------------------------------------

def backend(tokenizer):
    """The `tokenizers` object, without the file's truncation and padding."""
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    inner.no_truncation()
    inner.no_padding()
    return inner


def byte_offsets(text, encoding):
    """Offsets of `tokenizers` count characters; ours count bytes."""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode("utf-8", "surrogatepass")))
    return [[at[a], at[b]] for a, b in encoding.offsets]


def expected(tokenizer, texts):
    inner = backend(tokenizer)
    return [(e.ids, byte_offsets(t, e), [inner.id_to_token(i) for i in e.ids])
            for t, e in zip(texts, inner.encode_batch(texts))]


def ours(directory, texts):
    """What the real program prints, a line a text."""
    lines = "".join(t + "\n" for t in texts).encode()
    done = subprocess.run([SFT, "tokenize", "--json", directory], input=lines, capture_output=True)
    if done.returncode:
        sys.exit(f"{SFT} tokenize {directory}: {done.stderr.decode()}")
    rows = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
    return [(r["ids"], r["offsets"], r["tokens"]) for r in rows]


def compare(name, directory, tokenizer, texts, offsets=True):
    """offsets=False where combining characters change places: `tokenizers` then gives each the
    offset of the place it comes to, we the one where it stands."""
    global failures
    assert not any("\n" in t for t in texts), name
    want, got = expected(tokenizer, texts), ours(directory, texts)
    if len(want) != len(got):
        sys.exit(f"{name}: {len(got)} lines for {len(want)} texts")
    ids = [i for i in range(len(texts)) if want[i][0] != got[i][0]]
    spans = [i for i in range(len(texts)) if want[i][1] != got[i][1]] if not ids and offsets else []
    names = [i for i in range(len(texts)) if want[i][2] != got[i][2]] if not ids else []
    print(f"{name:52} {len(texts):7} texts, {sum(len(w[0]) for w in want):8} ids:"
          f" {len(ids)} texts differ in ids, {len(spans)} in offsets, {len(names)} in tokens")
    for i in (ids + spans + names)[:3]:
        print("   text", ascii(texts[i])[:300], "\n   want", want[i], "\n   got ", got[i])
    failures += bool(ids or spans or names)


def encode_hex(directory, requests):
    """(max_length, text bytes, pair bytes or None) through tokenizer_encode()."""
    lines = "".join(" ".join([str(m), "x" + a.hex()] + (["x" + b.hex()] if b is not None else []))
                    + "\n" for m, a, b in requests)
    done = subprocess.run([ENCODE_HEX, directory], input=lines.encode(), capture_output=True,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(name, count, wrong):
    global failures
    print(f"{name:52} {count:7} texts: {len(wrong)} differ")
    for w in wrong[:3]:
        print("   ", w)
    failures += bool(wrong)


# -- texts --------------------------------------------------------------------------------------

def sms():
    with open(f"{DATA}/sms-spam/SMSSpamCollection", encoding="utf-8", newline="") as f:
        return [line.split("\t", 1)[1].rstrip("\r") for line in f.read().split("\n") if line]


def banking77():
    rows = []
    for part in "train", "test":
        with open(f"{DATA}/banking77/{part}.csv", encoding="utf-8", newline="") as f:
            rows += [r["text"].replace("\n", " ") for r in csv.DictReader(f)]
    return rows


def clinc150():
    with open(f"{DATA}/clinc150/data_full.json", encoding="utf-8") as f:
        return [text for part in json.load(f).values() for text, _ in part]


def assigned_by_unicode_8():
    """perl, of all things at hand, knows in which edition a character appeared."""
    script = r'for my $c (0..0x10FFFF) { next if $c >= 0xD800 && $c < 0xE000;' \
             r' print "$c\n" if chr($c) =~ /\p{Present_In: 8.0}/ }'
    return [int(x) for x in subprocess.check_output(["perl", "-e", script]).split()]


ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c != 10]


def random_strings(count, alphabet, rng):
    """Words of any code points, between words of few, so that marks meet letters."""
    few = "abcdefgh  XYZ  é\u0301\u0323[]#,.中한İ" + chr(0x345)
    out = []
    for _ in range(count):
        n = rng.randint(1, 60)
        out.append("".join(chr(rng.choice(alphabet)) if rng.random() < 0.6 else rng.choice(few)
                           for _ in range(n)))
    return out


def every_code_point(pattern):
    """Every character in the pattern's place, 32 a line."""
    return [" ".join(pattern.replace("?", chr(c)) for c in ALL[i:i + 32])
            for i in range(0, len(ALL), 32)]


ALONE, AMONG_MARKS = "? a?b E?", "x\u0345?\u0301?\u0323y"


def golden():
    path = f"{REFERENCE}/tok-golden-hf/bert-base-uncased.jsonl"
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


# -- comparisons --------------------------------------------------------------------------------

def compare_golden(scratch):
    directory = os.path.join(scratch, "golden")
    os.mkdir(directory)
    shutil.copy(f"{REFERENCE}/vocab-bert/vocab.txt", directory)
    cases = golden()
    got = encode_hex(directory, [(0, c["text"].encode(),
                                  c["text_pair"].encode() if "text_pair" in c else None)
                                 for c in cases])
    check("tok-golden-hf bert-base-uncased", len(cases),
          [(c["case"], c["ids"], g["ids"]) for c, g in zip(cases, got) if c["ids"] != g["ids"]])


def compare_pairs(tokenizer, texts, rng):
    requests, wrong = [], []
    for _ in range(2000):
        pair = rng.choice(texts) if rng.random() < 0.7 else None
        requests.append((rng.choice([0, 3, 4, 5, 6, 7, 8, 11, 16, 17, 32, 64]), rng.choice(texts),
                         pair))
    got = encode_hex(MODEL, [(m, a.encode(), b.encode() if b is not None else None)
                             for m, a, b in requests])
    for (m, a, b), g in zip(requests, got):
        cut = {"truncation": "longest_first", "max_length": m} if m else {"truncation": False}
        want = tokenizer(a, b, padding=False, **cut)
        full = len(tokenizer(a, b, padding=False, truncation=False)["input_ids"])
        if (want["input_ids"], want["token_type_ids"], full) != \
                (g["ids"], g["segments"], g["full_length"]):
            wrong.append((m, a, b, want["input_ids"], g))
    check("pairs and truncation, AutoTokenizer", len(requests), wrong)


def compare_bad_bytes(tokenizer, rng):
    """Bytes that are no UTF-8 read as Python's errors="replace" reads them."""
    texts = [bytes(rng.choice([rng.randrange(256), 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0xED, 0x61, 0x20])
                   for _ in range(rng.randint(0, 40))) for _ in range(3000)]
    got = encode_hex(MODEL, [(0, t, None) for t in texts])
    want = backend(tokenizer).encode_batch([t.decode("utf-8", "replace") for t in texts])
    check("bytes that are not UTF-8", len(texts),
          [(t, w.ids, g["ids"]) for t, w, g in zip(texts, want, got) if w.ids != g["ids"]])


def write_json(scratch, name, change, config=None):
    """A directory with the model's tokenizer.json, changed; and its oracle."""
    directory = os.path.join(scratch, name)
    os.mkdir(directory)
    tokenizer = backend(AutoTokenizer.from_pretrained(MODEL))
    description = json.loads(tokenizer.to_str())
    change(description)
    path = os.path.join(directory, "tokenizer.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(description, f, ensure_ascii=False)
    with open(os.path.join(directory, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump(config or {"tokenizer_class": "TokenizersBackend"}, f)
    return directory, Tokenizer.from_file(path)


def compare_options(scratch, texts):
    for number in range(24):
        options = {"clean_text": bool(number & 1), "handle_chinese_chars": bool(number & 2),
                   "lowercase": bool(number & 4), "strip_accents": [None, True, False][number // 8]}
        name = "options " + " ".join(f"{k[:5]}={str(v)[0]}" for k, v in options.items())
        directory, oracle = write_json(scratch, f"options{number}",
                                       lambda d: d["normalizer"].update(options))
        compare(name, directory, oracle, texts)


def alphabet_vocabulary(description):
    """Every character the normaliser may leave, as a word's start and as its continuation: ids then
    show each character, where a vocabulary of words shows [UNK]."""
    known = [chr(c) for c in ALL if unicodedata.category(chr(c)) not in ("Cc", "Cn", "Co", "Cs")
             and not 0x20000 <= c < 0x30000 and not 0xAC00 <= c < 0xD7A4]
    newer = [chr(c) for c in (*range(0x10D50, 0x10D90), *range(0x16EA0, 0x16ED4), 0x1C8A, 0x264,
                              0xA7CD, 0xA7CF, 0xA7D3, 0xA7D5, 0xA7DB, 0x19B)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + \
        list(dict.fromkeys(p + c for c in known + newer for p in ("", "##")))
    description["model"]["vocab"] = {w: i for i, w in enumerate(words)}
    for token in description["added_tokens"]:
        token["id"] = words.index(token["content"])
    for name, token in description["post_processor"]["special_tokens"].items():
        token["ids"] = [words.index(name)]


def add_tokens(description):
    tokens = [AddedToken("[MASK]", lstrip=True, normalized=False, special=True),
              AddedToken("<right>", rstrip=True, normalized=False),
              AddedToken("<both>", lstrip=True, rstrip=True, normalized=False),
              AddedToken("word", single_word=True, normalized=False),
              AddedToken("wordy", normalized=False), AddedToken("Héll", normalized=True),
              AddedToken("中x", normalized=True), AddedToken("a b", normalized=True, lstrip=True)]
    tokenizer = Tokenizer.from_str(json.dumps(description))
    tokenizer.add_tokens(tokens)
    description["added_tokens"] = json.loads(tokenizer.to_str())["added_tokens"]


def added_token_texts(rng):
    parts = ["[MASK]", "[SEP]", "[CLS]", "[PAD]", "[UNK]", "[mask]", "[MASK", "]", "<right>",
             "<both>", "word", "wordy", "hell", "HÉLL", "he\u0301ll", "中x", "中X", "a b", "A  b", " ", "  ",
             "\t", "\u3000", "\u00a0", "x", "é", ".", "_", "\u200d", "٣", "Ⓐ", "\u0301", "中", "##"]
    return ["".join(rng.choice(parts) for _ in range(rng.randint(1, 12))) for _ in range(4000)]


def compare_directories(scratch, texts):
    """tokenizer_config.json beside either file, against what AutoTokenizer makes of both."""
    configs = {"nothing": None, "cased": {"do_lower_case": False},
               "accents off": {"strip_accents": False}, "accents on, cased": {
                   "strip_accents": True, "do_lower_case": False},
               "no CJK": {"tokenize_chinese_chars": False},
               "added": {"added_tokens_decoder": {"103": {
                   "content": "[MASK]", "lstrip": True, "normalized": False, "special": True},
                   "30522": {"content": "wordy", "normalized": True, "special": False}}}}
    for words in "vocab.txt", "tokenizer.json":
        for name, config in configs.items():
            directory = os.path.join(scratch, f"{words} {name}")
            os.mkdir(directory)
            shutil.copy(os.path.join(MODEL, words), directory)
            with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as f:
                json.dump({"model_type": "bert"}, f)
            if config is not None:
                with open(os.path.join(directory, "tokenizer_config.json"), "w",
                          encoding="utf-8") as f:
                    json.dump({"tokenizer_class": "BertTokenizer", **config}, f)
            oracle = AutoTokenizer.from_pretrained(directory)
            compare(f"{words}, {name}", directory, oracle, texts)


def main():
    rng = random.Random(SEED)
    model = AutoTokenizer.from_pretrained(MODEL)
    print(f"tokenizer parity with transformers {transformers_version}, {MODEL}")
    sets = {"sms-spam": sms, "banking77": banking77, "clinc150": clinc150}
    some = ["Hello, World!", "naïve café", "[MASK] it", "中文 text", "x" * 101]
    for name, read in sets.items():
        if os.path.isdir(f"{DATA}/{name}"):
            texts = read()
            some += texts[:2000:10]
            compare(name, MODEL, model, texts)
    eight = random_strings(5000, assigned_by_unicode_8(), rng)
    any_ = random_strings(5000, ALL, rng)
    compare("random, assigned by Unicode 8", MODEL, model, eight)
    compare("random, all code points", MODEL, model, any_)
    compare("every code point", MODEL, model, every_code_point(ALONE))
    compare("every code point among marks (ids)", MODEL, model, every_code_point(AMONG_MARKS),
            False)
    compare_bad_bytes(model, rng)
    compare_pairs(model, some, rng)
    with tempfile.TemporaryDirectory() as scratch:
        if os.path.isdir(f"{REFERENCE}/tok-golden-hf"):
            compare_golden(scratch)
        directory, oracle = write_json(scratch, "alphabet", alphabet_vocabulary)
        compare("alphabet: random, Unicode 8", directory, oracle, eight)
        compare("alphabet: random, all", directory, oracle, any_)
        compare("alphabet: every code point", directory, oracle, every_code_point(ALONE))
        compare("alphabet: every code point among marks (ids)", directory, oracle,
                every_code_point(AMONG_MARKS), False)
        directory, oracle = write_json(scratch, "added", add_tokens)
        compare("added tokens", directory, oracle, added_token_texts(rng))
        compare_options(scratch, some + eight[:300] + any_[:300] + added_token_texts(rng)[:300])
        compare_directories(scratch, some + eight[:300] + added_token_texts(rng)[:300])
    print("tokenizer parity:", "FAILED" if failures else "all identical")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
