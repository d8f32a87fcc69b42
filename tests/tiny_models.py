"""Small real models, made on the spot: a two-layer BERT sentence encoder and one of another architecture.

They are saved as sentence-transformers saves any model, so that what is tested loads them by the same road
as a real one. Their weights are random but fixed.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

_VOCABULARY = """
the a an is are what how why when list write name describe explain give of in on to for and or not cat dog
house river mountain city paris france germany capital python code function number text poem story summary
translate english sentence word question answer red green blue big small old new data
"""
WORDS = _VOCABULARY.split()

Architecture = Literal["bert", "distilbert"]


def save_tokenizer(folder: Path, more: Sequence[str] = ()) -> int:
    """Save a WordPiece tokenizer, with more words, as `tokenizer.json`; return the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    marks = list(string.digits + string.punctuation)
    letters = list(string.ascii_lowercase)
    suffixes = [f"##{letter}" for letter in letters] + ["##ing", "##ed", "##er", "##ly", "##es"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks, *letters, *suffixes]
    pieces += [word for word in dict.fromkeys([*WORDS, *more]) if word not in pieces]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(vocabulary)


def save_embedder(folder: Path, architecture: Architecture = "bert", longest: int = 48) -> Path:
    """Save a two-layer sentence encoder (32 numbers a text, mean pooling) and return its folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import (
        BertConfig,
        BertModel,
        DistilBertConfig,
        DistilBertModel,
        PreTrainedTokenizerFast,
    )

    raw = folder / "raw"
    size = save_tokenizer(raw)
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        if architecture == "bert":
            bert = BertConfig(
                vocab_size=size,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=64,
                max_position_embeddings=64,
                initializer_range=0.2,
            )
            BertModel(bert).save_pretrained(raw)
        else:
            distilled = DistilBertConfig(
                vocab_size=size,
                dim=32,
                n_layers=2,
                n_heads=2,
                hidden_dim=64,
                max_position_embeddings=64,
                initializer_range=0.2,
            )
            DistilBertModel(distilled).save_pretrained(raw)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(raw / "tokenizer.json"),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=longest,
    ).save_pretrained(raw)
    transformer = Transformer(str(raw), max_seq_length=longest)
    model = SentenceTransformer(modules=[transformer, Pooling(32), Normalize()], device="cpu")
    model.save_pretrained(str(folder / "model"))
    return folder / "model"


def save_tagger(folder: Path, labels: dict[str, str]) -> Path:
    """Save a BERT token classifier that knows a few words, and return its folder.

    Its layers are switched off (their outputs are zero), so that a token's label depends on its word alone: what is
    tested is the road to an answer, not the answer.

    Args:
        folder: where to save it.
        labels: label of each word (of `WORDS`); it begins an entity, or goes on with one of the same label.
    """
    import torch
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    raw = folder / "raw"
    size = save_tokenizer(raw)
    names = ["O", *(f"I-{label}" for label in sorted(set(labels.values())))]
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(raw / "tokenizer.json"), unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        model = BertForTokenClassification(
            BertConfig(
                vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=64, max_position_embeddings=64,
                id2label=dict(enumerate(names)), label2id={name: n for n, name in enumerate(names)},
            )
        )  # fmt: skip
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "position" in name or "token_type" in name or ("encoder" in name and "LayerNorm" not in name):
                weight.zero_()
        words = model.bert.embeddings.word_embeddings.weight
        words.copy_(
            torch.nn.functional.normalize(
                torch.randn(words.shape, generator=torch.Generator().manual_seed(7))
            )
        )
        words[:, :8] = 0
        words[:, 0] = 4
        for word, label in labels.items():
            number = tokenizer.convert_tokens_to_ids(word)
            words[number] = 0
            words[number, names.index(f"I-{label}")] = 8
        model.classifier.weight.zero_()
        model.classifier.bias.zero_()
        for n in range(len(names)):
            model.classifier.weight[n, n] = 8
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"


def save_causal_lm(folder: Path, *, layers: int = 2, hidden: int = 32, longest: int = 64) -> Path:
    """Save a small Qwen2 with a byte-level tokenizer of its own (with EOS, without BOS), and return its folder.

    Weights are random but fixed, and large enough that tokens differ in cost.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([_VOCABULARY, "今天天气很好，我们去公园散步吧。"], trainer)
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        config = Qwen2Config(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=4,
            num_key_value_heads=2, intermediate_size=2 * hidden, max_position_embeddings=longest,
            initializer_range=0.2,
        )  # fmt: skip
        Qwen2ForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    ).save_pretrained(folder)
    return folder


def save_masked_lm(
    folder: Path,
    chances: Mapping[str, float],
    more: Sequence[str] = (),
    *,
    learnt: bool = True,
    longest: int = 64,
) -> Path:
    """Save a two-layer BERT that fills blanks, and return its folder.

    Its layers are switched off, so that each word has the same chance in every blank: what is tested is the road to an
    answer, not the answer.

    Args:
        folder: where to save it.
        chances: probabilities of words (of `WORDS` or `more`), in every blank.
        more: words and pieces beside `WORDS`.
        learnt: false leaves the layers at random, so that a blank's chances depend on all of its text.
        longest: tokens that it reads.
    """
    import math

    import torch
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    raw = folder / "raw"
    size = save_tokenizer(raw, [*chances, *more])
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(raw / "tokenizer.json"), unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=longest,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        model = BertForMaskedLM(
            BertConfig(
                vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                intermediate_size=64, max_position_embeddings=longest + 2, initializer_range=0.2,
            )
        )  # fmt: skip
    with torch.no_grad():
        if learnt:
            for weight in model.parameters():
                weight.zero_()
            left = max(1e-6, 1 - sum(chances.values())) / (size - len(chances))
            bias = model.cls.predictions.bias
            bias.fill_(math.log(left))
            for word, chance in chances.items():
                bias[tokenizer.convert_tokens_to_ids(word)] = math.log(chance)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"


def save_classifier(folder: Path, labels: dict[str, str], otherwise: str) -> Path:
    """Save a BERT sequence classifier that knows a few words, and return its folder.

    Its attention adds up all words alike and nothing else is learnt, so a text is sorted by the known
    words in it. What is tested is the road to an answer, not the answer.

    Args:
        folder: where to save it.
        labels: label of a text with each word (of `WORDS`).
        otherwise: label of every other text; it comes first.
    """
    import torch
    from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

    raw = folder / "raw"
    size = save_tokenizer(raw)
    names = [otherwise, *sorted(set(labels.values()))]
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(raw / "tokenizer.json"), unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(20_240_601)
        model = DistilBertForSequenceClassification(
            DistilBertConfig(
                vocab_size=size, dim=32, n_layers=1, n_heads=2, hidden_dim=64, max_position_embeddings=64,
                id2label=dict(enumerate(names)), label2id={name: n for n, name in enumerate(names)},
            )
        )  # fmt: skip
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        words = model.distilbert.embeddings.word_embeddings.weight
        for word, label in labels.items():
            words[tokenizer.convert_tokens_to_ids(word), names.index(label)] = 8
        model.distilbert.embeddings.LayerNorm.weight.fill_(1)
        layer = model.distilbert.transformer.layer[0]
        identity = torch.eye(32)
        for part in (layer.attention.v_lin, layer.attention.out_lin):
            part.weight.copy_(identity)
        layer.sa_layer_norm.weight.fill_(1)
        layer.output_layer_norm.weight.fill_(1)
        model.pre_classifier.weight.copy_(identity)
        for n in range(1, len(names)):
            model.classifier.weight[n, n] = 4
        model.classifier.bias[0] = 2
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"
