"""Small real translators, made on the spot: a Marian that has learnt a few sentences by heart, an NLLB with its own
tokenizer, and commands that stand in Apertium's place in a mode file.

The Marian is trained for some seconds, so that what it writes is a translation and not noise; NLLB's weights are
random: what is tested is how it is told its languages.
"""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ZH_OF = {
    "Write a short story.": "写一个小故事。",
    "Write a brief tale.": "写一个短故事。",
    "Write a little story.": "写一个小小的故事。",
    "Name three big cities.": "说出三个大城市。",
    "What is the best food?": "最好的食物是什么？",
    "Why is the sky blue?": "天空为什么是蓝色的？",
    "List two old songs.": "列出两首老歌。",
    "Describe your home town in one or two simple sentences.": "用一两句简单的话描述你的家乡。",
}
EN_OF = {
    "写一个小故事。": "Write a little story.",
    "说出三个大城市。": "Name three large cities.",
    "最好的食物是什么？": "Which food is the best?",
    "天空为什么是蓝色的？": "Why is the sky blue?",
    "列出两首老歌。": "Name two old songs.",
    "用一两句简单的话描述你的家乡。": "In one or two simple sentences, describe your home town.",
}


def save_marian(folder: Path) -> Path:
    """Save a one-layer Marian that has learnt both ways, with a Unigram tokenizer of its own; return its folder."""
    return _save_learnt(folder, _unigram([*ZH_OF, *ZH_OF.values(), *EN_OF.values()]), first=0, updates=240)


def save_opus(folder: Path, *, updates: int = 240) -> Path:
    """Save the same as opus-mt is published: two models of SentencePiece, one vocabulary, the padding its last word,
    and a `tokenizer_config.json` that names no class; return the folder.
    """
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from transformers import MarianTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"</s>": 0, "<unk>": 1}
    for name, texts in (("source", [*ZH_OF, *EN_OF]), ("target", [*ZH_OF.values(), *EN_OF.values()])):
        with (folder / f"{name}.spm").open("wb") as file:
            SentencePieceTrainer.train(
                sentence_iterator=iter(texts), model_writer=file, vocab_size=150, hard_vocab_limit=False,
                character_coverage=1.0, num_threads=1, minloglevel=2,
            )  # fmt: skip
        pieces = SentencePieceProcessor(model_file=str(folder / f"{name}.spm"))
        for number in range(3, len(pieces)):  # after <unk>, <s> and </s>
            vocabulary.setdefault(pieces.id_to_piece(number), len(vocabulary))
    vocabulary["<pad>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    files = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
    tokenizer = MarianTokenizer(*files, model_max_length=128)  # type: ignore[no-untyped-call]
    _save_learnt(folder, tokenizer, first=vocabulary["<pad>"], updates=updates)
    config = {
        "bad_words_ids": [[vocabulary["<pad>"]]],
        "forced_eos_token_id": 0,
        "num_beams": 6,
        "max_length": 512,
    }
    generation = json.loads((folder / "generation_config.json").read_text("utf-8"))
    (folder / "generation_config.json").write_text(json.dumps({**generation, **config}), encoding="utf-8")
    settings = {"source_lang": "en", "target_lang": "zh", "model_max_length": 128}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def _save_learnt(folder: Path, tokenizer: PreTrainedTokenizerBase, *, first: int, updates: int) -> Path:
    """Save a one-layer Marian that has learnt the pairs, and its tokenizer; `first` is its padding."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    pairs = {**ZH_OF, **EN_OF}
    end = tokenizer.eos_token_id
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        config = MarianConfig(
            vocab_size=len(tokenizer), d_model=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=128, decoder_ffn_dim=128, max_position_embeddings=128,
            pad_token_id=first, eos_token_id=end, decoder_start_token_id=first, forced_eos_token_id=None, dropout=0.0,
            attention_dropout=0.0, scale_embedding=True, share_encoder_decoder_embeddings=True,
        )  # fmt: skip
        model = MarianMTModel(config)
        source = tokenizer(list(pairs), return_tensors="pt", padding=True)
        labels = tokenizer(text_target=list(pairs.values()), return_tensors="pt", padding=True)["input_ids"]
        labels = labels.masked_fill(labels == first, -100)
        optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
        for _ in range(updates):
            optimizer.zero_grad()
            model(
                input_ids=source["input_ids"], attention_mask=source["attention_mask"], labels=labels
            ).loss.backward()
            optimizer.step()
            with torch.no_grad():  # a translation begins with nothing, as Marian's own do
                model.get_input_embeddings().weight[first] = 0
    torch.set_num_threads(threads)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _unigram(texts: Sequence[str]):  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    alphabet = sorted(
        {letter for text in texts for letter in text if not letter.isspace()} | set("Q0123456789Z")
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=200,
        special_tokens=special,
        unk_token="<unk>",
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=128,
    )


def save_nllb(folder: Path) -> Path:
    """Save a small M2M100 with NLLB's tokenizer over a vocabulary of single letters; return its folder."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz.?你好吗"]
    tokenizer = NllbTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}, merges=[])  # type: ignore[no-untyped-call]
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        config = M2M100Config(
            vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64,
            pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, init_std=0.5,
        )  # fmt: skip
        M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_m2m(folder: Path) -> Path:
    """Save a small M2M100 with its own tokenizer, over a model of SentencePiece; return its folder."""
    import torch
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sentencepiece.bpe.model").open("wb") as file:
        SentencePieceTrainer.train(
            sentence_iterator=iter([*ZH_OF, *ZH_OF.values(), *EN_OF.values()]), model_writer=file, vocab_size=180,
            hard_vocab_limit=False, character_coverage=1.0, num_threads=1, minloglevel=2, model_type="bpe",
        )  # fmt: skip
    pieces = SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    words = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        *(pieces.id_to_piece(number) for number in range(3, len(pieces))),
    ]
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    tokenizer = M2M100Tokenizer(  # type: ignore[no-untyped-call]
        str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"), src_lang="en", tgt_lang="zh"
    )
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        config = M2M100Config(
            vocab_size=len(words) + len(tokenizer.lang_code_to_id) + tokenizer.num_madeup_words, d_model=32,
            encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64, init_std=0.5,
            pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
        )  # fmt: skip
        M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def convert(folder: Path, into: Path, files: Sequence[str], quantization: str | None = None) -> Path:
    """Convert a model for CTranslate2 with files of its tokenizer; return the new folder.

    The converter asks M2M's tokenizer for its languages under a name that transformers 5 has given up.
    """
    from ctranslate2.converters import TransformersConverter

    class Converter(TransformersConverter):  # type: ignore[misc]
        def load_tokenizer(self, tokenizer_class: type, name: str, **kwargs: object) -> object:
            tokenizer = super().load_tokenizer(tokenizer_class, name, **kwargs)
            listed = list(getattr(tokenizer, "lang_code_to_token", {}).values())
            if listed:
                named = {**tokenizer.special_tokens_map, "additional_special_tokens": listed}
                tokenizer.__class__ = type(
                    "Named", (type(tokenizer),), {"special_tokens_map": property(lambda _: named)}
                )
            return tokenizer

    Converter(str(folder), copy_files=list(files)).convert(str(into), quantization=quantization)
    return into


_COMMAND = """#!{python}
# Translates word by word, batch by batch: what it writes ends with a null byte, as what it reads does.
import re, sys, time

WORDS = {words!r}
FAULT = {fault!r}

def turned(match):
    word = match[0]
    new = WORDS.get(word.lower(), word)
    return new.capitalize() if word[0].isupper() else new

answered = 0
buffer = b""
while True:
    piece = sys.stdin.buffer.read1(65536)
    if not piece:
        break
    buffer += piece
    while b"\\0" in buffer:
        batch, _, buffer = buffer.partition(b"\\0")
        text = re.sub(r"[^\\W\\d_]+", turned, batch.decode())
        if answered >= 1 and FAULT == "dies":
            print("the dictionary is gone", file=sys.stderr)
            sys.exit(7)
        if answered >= 1 and FAULT == "hangs":
            time.sleep(60)
        if FAULT == "loses":
            text = text.replace("[][\\n]", "", 1)
        if FAULT == "adds":
            text += "[][\\n]"
        answered += 1
        sys.stdout.buffer.write(text.encode() + b"\\0")
        sys.stdout.buffer.flush()
"""


def save_mode(folder: Path, direction: str, words: dict[str, str], fault: str = "") -> Path:
    """Save a mode file whose second command translates these words; return the mode file.

    Args:
        folder: Apertium's data folder, as a recipe names it.
        direction: such as `eng-spa`.
        words: by their originals, in lower case.
        fault: `dies` or `hangs` at the second batch, `loses` or `adds` a sentence.
    """
    modes = folder / "modes"
    modes.mkdir(parents=True, exist_ok=True)
    for name, listed, broken in (("hand-on", {}, ""), ("translate", words, fault)):
        program = folder / f"{name}-{direction}"
        program.write_text(
            _COMMAND.format(python=sys.executable, words=listed, fault=broken), encoding="utf-8"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    data = folder / f"{direction}.bin"
    data.write_text("the words are in the command", encoding="utf-8")
    mode = modes / f"{direction}.mode"
    mode.write_text(
        f"{folder}/hand-on-{direction} '{data}' | {folder}/translate-{direction} $1 -g $2\n", encoding="utf-8"
    )
    return mode
