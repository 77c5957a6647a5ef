"""Tokenizers of SentencePiece's families, as the directories that they publish: a .model, the tokenizer.json that
Transformers saves from it for its class, or that file with no class. T5's model and XLNet's pieces are real."""
import json
import os
import shutil
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from transformers import AutoTokenizer

LITERALS = {
    "t5": ["</s>", "<pad>", "<unk>", "<extra_id_0>", "<extra_id_12>"],
    "xlnet": ["<sep>", "<cls>", "<mask>", "<pad>", "</s>", "<eop>", "<unk>", "``", "''"],
    "albert": ["[CLS]", "[SEP]", "[MASK]", "<pad>", "<unk>", "``", "''"],
    "xlm-roberta": ["<s>", "</s>", "<mask>", "<pad>", "<unk>"],
    "llama": ["<s>", "</s>", "<unk>", "<0x41>"],
}
CLASSES = {"t5": "T5Tokenizer", "xlnet": "XLNetTokenizer", "albert": "AlbertTokenizer",
           "xlm-roberta": "XLMRobertaTokenizer", "llama": "LlamaTokenizer"}
FILES = {"xlm-roberta": "sentencepiece.bpe.model", "llama": "tokenizer.model"}
TRAINED = {
    "albert": dict(control_symbols="[CLS],[SEP],[MASK]", pad_id=0, unk_id=1, bos_id=-1, eos_id=-1),
    "xlm-roberta": dict(unk_id=0, bos_id=1, eos_id=2),
    "llama": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                  remove_extra_whitespaces=False, split_digits=True),
}


def train(family, path, corpus):
    with tempfile.TemporaryDirectory() as scratch:
        with open(f"{scratch}/corpus", "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in corpus if line.strip())
        sentencepiece.SentencePieceTrainer.train(
            input=f"{scratch}/corpus", model_prefix=f"{scratch}/m", minloglevel=2, num_threads=1,
            vocab_size=2000, **TRAINED[family])
        shutil.copy(f"{scratch}/m.model", path)


def xlnet_model(path, reference, own):
    """The published pieces, with T5's charsmap: both are SentencePiece's nmt_nfkc. `own`: the pieces without a
    score are its user-defined ones, which the published tokenizer.json takes as any other."""
    seen = set()
    t5, model = sentencepiece_model_pb2.ModelProto(), sentencepiece_model_pb2.ModelProto()
    with open(f"{reference}/spm-t5/t5_tokenizer_base.model", "rb") as f:
        t5.ParseFromString(f.read())
    control = {"<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"}
    with open(f"{reference}/vocab-xlnet/xlnet_base_cased_L-12_H-768_A-12.vocab", encoding="utf-8") as f:
        for i, line in enumerate(f.read().split("\n")):
            if line:
                piece, score = line.split("\t")
                if not piece or piece in seen:  # characters were lost in the export: stand-ins
                    piece += chr(0xF0000 + i)
                seen.add(piece)
                model.pieces.add(piece=piece, score=float(score),
                                 type=3 if piece in control else 2 if piece == "<unk>" else 4 if own and score == "0.0" else 1)
    model.trainer_spec.unk_id = 0
    model.normalizer_spec.precompiled_charsmap = t5.normalizer_spec.precompiled_charsmap
    with open(path, "wb") as f:
        f.write(model.SerializeToString())


def write(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
        json.dump(value, f)


def spm(family, corpus, config, own=True):
    def make(directory, reference):
        path = os.path.join(directory, FILES.get(family, "spiece.model"))
        if family == "t5":
            shutil.copy(f"{reference}/spm-t5/t5_tokenizer_base.model", path)
        elif family == "xlnet":
            xlnet_model(path, reference, own)
        else:
            train(family, path, corpus())
        write(directory, "tokenizer_config.json", {"tokenizer_class": CLASSES[family], **config})
        return LITERALS[family], False
    return make


def saved(family, corpus, config, shell):
    """What save_pretrained() makes of the .model; `shell`: tokenizer.json alone counts."""
    def make(directory, reference):
        with tempfile.TemporaryDirectory() as scratch:
            out = spm(family, corpus, config, False)(scratch, reference)
            AutoTokenizer.from_pretrained(scratch).save_pretrained(directory)
        if shell:
            path = os.path.join(directory, "tokenizer_config.json")
            with open(path, encoding="utf-8") as f:
                said = json.load(f)
            write(directory, "tokenizer_config.json", {**said, "tokenizer_class": "PreTrainedTokenizerFast"})
        return out
    return make


def fallback(corpus):
    """Unigram with byte fallback; Nmt and the rarer steps."""
    def make(directory, _):
        with tempfile.TemporaryDirectory() as scratch:
            train("albert", f"{scratch}/m", corpus())
            model = sentencepiece_model_pb2.ModelProto()
            with open(f"{scratch}/m", "rb") as f:
                model.ParseFromString(f.read())
        vocab = [(p.piece, p.score) for p in model.pieces] + [(f"<0x{b:02X}>", 0.0) for b in range(256)]
        t = Tokenizer(models.Unigram(vocab, unk_id=1, byte_fallback=True))
        t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.Lowercase(), normalizers.Replace(" ", "▁"),
                                             normalizers.Prepend("▁")])
        t.pre_tokenizer = pre.Metaspace(prepend_scheme="first", split=False)
        t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
        t.save(os.path.join(directory, "tokenizer.json"))
        write(directory, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
        return ["[CLS]", "<0x41>", "\u200b"], False
    return make


def styles(corpus):
    out = {}
    for family in CLASSES:
        config = {"add_bos_token": True} if family == "llama" else {}
        out[f"{family} .model"] = spm(family, corpus, config)
        out[f"{family}.json"] = saved(family, corpus, config, False)
        if family != "llama":
            out[f"{family}.json, no class"] = saved(family, corpus, config, True)
    out["albert cased, accents .model"] = spm("albert", corpus, {"do_lower_case": False, "keep_accents": True})
    out["xlnet uncased .model"] = spm("xlnet", corpus, {"do_lower_case": True})
    out["t5 .model, 5 extra ids"] = spm("t5", corpus, {"extra_ids": 5})
    out["unigram, byte fallback"] = fallback(corpus)
    return out
