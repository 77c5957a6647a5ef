"""Small tokenizers in the style of each family, written as the directories that families publish."""
import json
import os
import shutil
from collections import namedtuple

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from tokenizers import pre_tokenizers as pre
from tokenizers.trainers import BpeTrainer

import tokenizer_spm_styles

Style = namedtuple("Style", "name directory literals offsets")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = LLAMA3.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def corpus():
    """Text to train on: this project's own, in a few alphabets."""
    out = []
    for root, _, files in os.walk("."):
        if "build" not in root.split(os.sep):
            out += [os.path.join(root, f) for f in files if f.endswith((".md", ".c", ".csv"))]
    text = "".join(open(f, encoding="utf-8", errors="replace").read() for f in sorted(out))
    return text.split("\n") + ["Über größere Äpfel und Öl, naïve Straße", "中文文本和标点。我们说话", "한국어 텍스트"] * 20


def put(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
        f.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def train(tokenizer, size=2000, specials=(), alphabet=True, **options):
    trainer = BpeTrainer(vocab_size=size, special_tokens=list(specials), show_progress=False,
                         initial_alphabet=pre.ByteLevel.alphabet() if alphabet else [], **options)
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def save(directory, tokenizer, config, model_type=None):
    tokenizer.save(os.path.join(directory, "tokenizer.json"))
    put(directory, "tokenizer_config.json", config)
    if model_type:
        put(directory, "config.json", {"model_type": model_type})


def split(pattern):
    return pre.Sequence([pre.Split(Regex(pattern), "isolated"),
                         pre.ByteLevel(add_prefix_space=False, use_regex=False)])


# -- real vocabularies ---------------------------------------------------------------------------

def gpt2(directory, reference):
    for name in "vocab.json", "merges.txt":
        shutil.copy(f"{reference}/vocab-gpt2/{name}", directory)
    put(directory, "config.json", {"model_type": "gpt2"})
    put(directory, "tokenizer_config.json", {"tokenizer_class": "GPT2Tokenizer"})
    return ["<|endoftext|>"], True


def gpt2_prefix(directory, reference):
    gpt2(directory, reference)
    put(directory, "tokenizer_config.json", {"add_prefix_space": True})
    return ["<|endoftext|>"], True


def roberta_json(directory, reference):
    shutil.copy(f"{reference}/tokenizer-json/roberta.json", f"{directory}/tokenizer.json")
    put(directory, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    return ["<mask>", "<s>", "</s>", "<pad>"], True


def roberta_class(directory, reference):
    roberta_json(directory, reference)
    put(directory, "tokenizer_config.json", {"tokenizer_class": "RobertaTokenizer",
                                             "add_prefix_space": True})
    return ["<mask>", "<s>", "</s>", "<pad>"], True


def roberta_files(directory, reference):
    with open(f"{reference}/tokenizer-json/roberta.json", encoding="utf-8") as f:
        model = json.load(f)["model"]
    put(directory, "vocab.json", model["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    put(directory, "merges.txt", "#version: 0.2\n" + "".join(m + "\n" for m in merges))
    put(directory, "config.json", {"model_type": "roberta"})
    return ["<mask>", "<s>", "</s>", "<pad>"], True


def bert_wiki(directory, reference):
    shutil.copy(f"{reference}/tokenizer-json/bert-wiki.json", f"{directory}/tokenizer.json")
    put(directory, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    return ["[MASK]", "[SEP]"], True


def vocab_txt(cased, model_type, config):
    def make(directory, reference):
        name = "bert_base_cased_vocab.txt" if cased else "vocab.txt"
        shutil.copy(f"{reference}/vocab-bert/{name}", f"{directory}/vocab.txt")
        put(directory, "config.json", {"model_type": model_type})
        put(directory, "tokenizer_config.json", config)
        return ["[MASK]", "[SEP]"], True
    return make


# -- trained here --------------------------------------------------------------------------------

def llama2(directory, _):
    """BPE with byte fallback; spaces are written by the normaliser."""
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    train(t, 2500, special, False, limit_alphabet=300)
    d = json.loads(t.to_str())
    d["added_tokens"] = [x for x in d["added_tokens"] if x["id"] < 3]
    t = Tokenizer.from_str(json.dumps(d))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                   decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 1)])
    save(directory, t, {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>",
                        "bos_token": "<s>", "eos_token": "</s>"})
    return ["<s>", "</s>", "<unk>", "<0x41>"], True


def llama2_class(config):
    def make(directory, reference):
        literals, offsets = llama2(directory, reference)
        put(directory, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", **config})
        put(directory, "config.json", {"model_type": "llama"})
        return literals, offsets
    return make


def llama3(directory, _):
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer, t.decoder = split(LLAMA3), decoders.ByteLevel()
    train(t)
    t.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    bos = t.token_to_id("<|begin_of_text|>")
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True, add_prefix_space=False),
        processors.TemplateProcessing("<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                                      [("<|begin_of_text|>", bos)])])
    save(directory, t, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<|begin_of_text|>",
                        "eos_token": "<|end_of_text|>"}, "llama")
    return ["<|begin_of_text|>", "<|end_of_text|>"], True


def qwen(config, model_type):
    def make(directory, _):
        t = Tokenizer(models.BPE())
        t.normalizer, t.pre_tokenizer, t.decoder = normalizers.NFC(), split(QWEN), decoders.ByteLevel()
        train(t)
        t.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
        t.add_tokens(["<tool_call>", "<think>"])
        t.post_processor = processors.ByteLevel(trim_offsets=False, add_prefix_space=False)
        save(directory, t, {**config, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
             model_type)
        return ["<|endoftext|>", "<|im_start|>", "<tool_call>"], False
    return make


def smollm(directory, _):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre.Sequence([pre.Digits(individual_digits=True),
                                    pre.ByteLevel(add_prefix_space=False, use_regex=True)])
    t.decoder = decoders.ByteLevel()
    train(t, specials=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    save(directory, t, {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>",
                        "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}, "llama")
    return ["<|endoftext|>", "<|im_start|>"], True


def smollm_shell(directory, reference):
    out = smollm(directory, reference)
    put(directory, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast",
                                             "clean_up_tokenization_spaces": True})
    return out


def modernbert(directory, _):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer, t.decoder = pre.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    train(t)
    t.add_tokens(["|||EMAIL|||"] + [" " * n for n in range(24, 1, -1)])
    t.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]",
                          AddedToken("[MASK]", lstrip=True, normalized=True, special=True)])
    t.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]",
        [(x, t.token_to_id(x)) for x in ("[CLS]", "[SEP]")])
    save(directory, t, {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "[MASK]",
                        "clean_up_tokenization_spaces": True}, "modernbert")
    return ["[MASK]", "[CLS]", "   ", "|||EMAIL|||"], False


def o200k(directory, _):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer, t.decoder = split(O200K), decoders.ByteLevel()
    train(t)
    save(directory, t, {"tokenizer_class": "PreTrainedTokenizerFast"})
    return [], True


def pieces(normalizer, pre_tokenizer, decoder=None, offsets=True, **options):
    """Characters and a few joins: ids show every character that the steps leave."""
    def make(directory, _):
        t = Tokenizer(models.BPE(unk_token="<unk>", **options))
        if normalizer:
            t.normalizer = normalizer
        if pre_tokenizer:
            t.pre_tokenizer = pre_tokenizer
        if decoder:
            t.decoder = decoder
        train(t, 1200, ["<unk>", *[f"<0x{b:02X}>" for b in range(256)]], True)
        t.add_tokens([AddedToken("hello", normalized=True), AddedToken("Wörd", normalized=True, lstrip=True),
                      AddedToken("x1", normalized=False, single_word=True)])
        save(directory, t, {"tokenizer_class": "PreTrainedTokenizerFast"})
        return ["hello", "HELLO", "Wörd", "x1"], offsets
    return make


STYLES = {
    "gpt2": gpt2, "gpt2 prefix space": gpt2_prefix, "roberta.json": roberta_json,
    "RobertaTokenizer": roberta_class, "roberta files": roberta_files, "bert-wiki.json": bert_wiki,
    "bert cased": vocab_txt(True, "bert", {"do_lower_case": False}),
    "distilbert": vocab_txt(False, "distilbert", {"tokenizer_class": "DistilBertTokenizer"}),
    "electra": vocab_txt(False, "electra", {"tokenizer_class": "ElectraTokenizer"}),
    "mpnet": vocab_txt(False, "mpnet", {
        "tokenizer_class": "MPNetTokenizer", "cls_token": "[CLS]", "sep_token": "[SEP]",
        "bos_token": "[CLS]", "eos_token": "[SEP]", "pad_token": "[PAD]", "mask_token": "[MASK]"}),
    "llama2.json": llama2, "LlamaTokenizer": llama2_class({}),
    "LlamaTokenizer legacy": llama2_class({"legacy": True}),
    "LlamaTokenizer no space": llama2_class({"add_prefix_space": False}), "llama3": llama3,
    "qwen2": qwen({"tokenizer_class": "Qwen2Tokenizer"}, "qwen2"),
    "qwen3 shell": qwen({"tokenizer_class": "PreTrainedTokenizerFast"}, "qwen3"),
    "smollm": smollm, "smollm shell": smollm_shell, "modernbert": modernbert, "o200k": o200k,
    "NFKC lower, whitespace": pieces(normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]),
                                     pre.Whitespace(), offsets=False),
    "NFKD accents, metaspace": pieces(normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]),
                                      pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace()]),
                                      decoders.Metaspace(), offsets=False),
    "NFD strip nmt, punctuation": pieces(normalizers.Sequence([normalizers.Nmt(), normalizers.Strip(), normalizers.NFD()]),
                                         pre.Sequence([pre.Punctuation("contiguous"), pre.Digits()]), offsets=False),
    "replace, merged with next": pieces(normalizers.Sequence([normalizers.Replace(Regex(" {2,}|\\d+"), "_ "), normalizers.NFC()]),
                                        pre.Split(Regex("[aeiou]|\\s"), "merged_with_next"), offsets=False),
    "merged with previous, unk fused": pieces(None, pre.Split(" ", "merged_with_previous"), fuse_unk=True),
    "removed, inverted, byte fallback": pieces(None, pre.Split(Regex("\\w+"), "removed", True), byte_fallback=True,
                                               decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])),
    "contiguous, suffix": pieces(None, pre.Sequence([pre.WhitespaceSplit(), pre.Split(Regex("\\p{P}"), "contiguous")]),
                                 decoders.BPEDecoder("</w>"), end_of_word_suffix="</w>"),
}
STYLES.update(tokenizer_spm_styles.styles(corpus))


def all_styles(scratch, reference, names=()):
    for i, (name, make) in enumerate(STYLES.items()):
        if not names or name in names:
            directory = os.path.join(scratch, str(i))
            os.mkdir(directory)
            literals, offsets = make(directory, reference)
            yield Style(name, directory, literals, offsets)
