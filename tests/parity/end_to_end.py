#!/usr/bin/env python3
"""From text to logits through the command line, for every family whose tokenizer there is: `sft train` on a few
rows, then the run's model directory, exported, in AutoTokenizer and AutoModelForSequenceClassification.

A family is a tiny random model (tests/fixtures/family_models.py) with a tokenizer of the family's style
(tokenizer_styles.py). Compared are the logits of `sft predict` on the exported directory, single texts and pairs.

usage: end_to_end.py [NAME ...]     from the project root. Exits 77 without torch and transformers, 1 when a bound is
broken.
"""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile

SFT = os.environ.get("SFT", "build/release/sft")
REFERENCE = os.environ.get("SFT_REFERENCE", "../shared/reference")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "fixtures"))
try:
    import torch
    import transformers

    import family_models as fm
    import tokenizer_styles as styles
except ImportError as missing:
    print(f"skipped: {sys.executable} has no {missing.name}; name another in SFT_PYTHON")
    sys.exit(77)

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
BOUND = 1e-4
TEXTS = ["where is my parcel", "  Refund, please!", "Ünïcode und 中文 😂", "x", "a b c d e f g 1234567 <s> [SEP]"]
PAIRS = [("where is it", "it is here"), ("Ärger", "中文"), ("one", "two three four")]

# Model, then the tokenizer: a style of tokenizer_styles.py, or the class of a vocab.txt.
FAMILIES = {
    "bert": ("bert", {"tokenizer_class": "BertTokenizer"}),
    "distilbert": ("distilbert", {"tokenizer_class": "DistilBertTokenizer"}),
    "electra": ("electra", {"tokenizer_class": "ElectraTokenizer"}),
    "mpnet": ("mpnet", styles.STYLES["mpnet"]),
    "roberta": ("roberta", styles.roberta_class),
    "xlm-roberta, .model": ("xlm-roberta", styles.STYLES["xlm-roberta .model"]),
    "xlm-roberta, tokenizer.json": ("xlm-roberta", styles.STYLES["xlm-roberta.json"]),
    "albert, .model": ("albert", styles.STYLES["albert .model"]),
    "albert, tokenizer.json": ("albert", styles.STYLES["albert.json"]),
    "xlnet, .model": ("xlnet", styles.STYLES["xlnet .model"]),
    "xlnet, tokenizer.json": ("xlnet", styles.STYLES["xlnet.json"]),
    "modernbert": ("modernbert", styles.modernbert),
    "gpt2": ("gpt2", styles.gpt2),
    "llama, Llama 2's tokenizer": ("llama", styles.llama2_class({})),
    "llama, Llama 3's tokenizer": ("llama", styles.llama3),
    "llama, SmolLM's tokenizer": ("llama-biased", styles.smollm),
    "qwen2": ("qwen2", styles.qwen({"tokenizer_class": "Qwen2Tokenizer"}, "qwen2")),
    "qwen3": ("qwen3", styles.qwen({"tokenizer_class": "Qwen2Tokenizer"}, "qwen3")),
}


def make_directory(place, name, tokenizer):
    """A checkpoint as a family publishes it: configuration, weights, tokenizer."""
    config = fm.configs(True)[name][0]
    own = os.path.join(place, "tokenizer")
    os.makedirs(own)
    if callable(tokenizer):
        tokenizer(own, REFERENCE)
    else:
        styles.vocab_txt(False, config.model_type, tokenizer)(own, REFERENCE)
    if os.path.exists(os.path.join(own, "config.json")):
        os.remove(os.path.join(own, "config.json"))
    with open(os.path.join(own, "config.json"), "w", encoding="utf-8") as f:
        json.dump({"model_type": config.model_type}, f)
    config.vocab_size = len(transformers.AutoTokenizer.from_pretrained(own))
    model = os.path.join(place, "model")
    fm.build(config).save_pretrained(model)
    for file in os.listdir(own):
        if file != "config.json":
            shutil.copy(os.path.join(own, file), model)
    return model


def write_rows(path, pairs):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(["text", "second", "label"] if pairs else ["text", "label"])
        for i in range(30):
            text, second = TEXTS[i % len(TEXTS)] + f" {i}", PAIRS[i % len(PAIRS)][1]
            out.writerow([text, second, "abc"[i % 3]] if pairs else [text, "abc"[i % 3]])


def run(*arguments):
    done = subprocess.run([SFT, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"sft {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def logits_of_sft(directory, text, pair=None):
    answer = run("predict", directory, "--json", "--logits", "--text", text, *(["--pair", pair] if pair else []))
    return torch.tensor(json.loads(answer.strip().splitlines()[-1])["logits"])


def compare(place, name, tokenizer, pairs):
    model = make_directory(place, name, tokenizer)
    rows, trained, out = (os.path.join(place, x) for x in ("rows.csv", "run", "export"))
    write_rows(rows, pairs)
    columns = ["--text-column", "text,second"] if pairs else []
    run("train", "--model", model, "--train", rows, "--max_steps", "3", "--learning_rate", "1e-3", "--out", trained, *columns)
    run("export", trained, out)
    read = transformers.AutoTokenizer.from_pretrained(out)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(out, attn_implementation="eager").eval()
    worst = 0.0
    for text, pair in PAIRS if pairs else [(t, None) for t in TEXTS]:
        with torch.no_grad():
            want = theirs(**read(text, pair, return_tensors="pt")).logits[0]
        worst = max(worst, float((logits_of_sft(out, text, pair) - want).abs().max()))
    return worst, sorted(theirs.config.id2label.values()) == ["a", "b", "c"]


def main():
    broken = False
    print(f"{'family':30s} {'single':>9s} {'pair':>9s}   labels   (bound {BOUND:g})")
    for title, (name, tokenizer) in FAMILIES.items():
        if sys.argv[1:] and title not in sys.argv[1:]:
            continue
        found = []
        for pairs in False, True:
            with tempfile.TemporaryDirectory() as place:
                found.append(compare(place, name, tokenizer, pairs))
        (single, named), (pair, _) = found
        fine = single <= BOUND and pair <= BOUND and named
        broken |= not fine
        print(f"{title:30s} {single:9.1e} {pair:9.1e}   {'kept' if named else 'lost'}   {'' if fine else 'BROKEN'}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
