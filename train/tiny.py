"""A small real model made on the spot: four layers of Qwen2 or Llama with a byte-level BPE tokenizer of its own.

It stands where no weights can be had: tests, the README's example and a first try on a laptop. It is saved as
transformers saves any model and loads by the same road as a 7B one; NF4 is really quantised and adapters really
train. `steps` of plain language modelling on the given texts make it a base that knows words but neither turns nor
where to stop, as a published base model does. Rejected: shipping weights (a binary in a repository ages, and nobody can
read it).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import TrainError

Family = Literal["qwen2", "llama"]

PAD, START, END, BEGIN = "<|pad|>", "<|im_start|>", "<|im_end|>", "<|begin|>"

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tiny(
    folder: Path,
    texts: Sequence[str],
    family: Family = "qwen2",
    hidden: int = 128,
    layers: int = 4,
    vocabulary: int = 2048,
    steps: int = 0,
    seed: int = 0,
) -> Path:
    """Save a small causal language model with its tokenizer, and return its folder.

    Args:
        folder: where to; it is made.
        texts: what the tokenizer, and the model if `steps`, learn from.
        family: `qwen2` (ChatML chat template, no BOS) or `llama` (the same template after a BOS token).
        hidden: width, a multiple of 64; attention has heads of 32, half as many for keys and values.
        layers: of the model.
        vocabulary: most tokens.
        steps: updates of plain language modelling, 16 rows of 64 tokens each.
        seed: of weights and batches.

    Raises:
        TrainError: there is no text.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if not any(text.strip() for text in texts):
        raise TrainError(
            "a tiny model needs texts to learn from, and there are none", "name a build with records"
        )
    tokenizer = _tokenizer(texts, vocabulary, family)
    config = _config(family, len(tokenizer), tokenizer, hidden, layers)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            config, dtype=torch.float32
        )
    if steps:
        _pretrain(model, tokenizer, texts, steps, seed)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(texts: Sequence[str], vocabulary: int, family: Family) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, START, END, *([BEGIN] if family == "llama" else [])]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    named: dict[str, str] = {"pad_token": PAD, "eos_token": END}
    if family == "llama":
        named["bos_token"] = BEGIN
        begin = (BEGIN, bpe.token_to_id(BEGIN))
        bpe.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[begin])
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, model_max_length=2048, **named
    )
    tokenizer.chat_template = ("{{ bos_token }}" if family == "llama" else "") + CHATML
    return tokenizer


def _config(family: Family, size: int, tokenizer: Any, hidden: int, layers: int) -> Any:
    from transformers import LlamaConfig, Qwen2Config

    kind: Any = Qwen2Config if family == "qwen2" else LlamaConfig
    return kind(
        vocab_size=-(-(size + 8) // 64)
        * 64,  # rows to spare: AutoTokenizer may add tokens that the family knows
        hidden_size=hidden,
        intermediate_size=hidden * 2,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=max(1, hidden // 64),
        max_position_embeddings=2048,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        made_on_the_spot=True,
    )


def checked_family(name: str) -> Family:
    """Return the name of a family.

    Raises:
        TrainError: there is none of that name.
    """
    if name == "qwen2":
        return "qwen2"
    if name == "llama":
        return "llama"
    raise TrainError(f"there is no tiny model of family {name!r}", "valid: qwen2, llama")


def is_tiny(folder: Path) -> bool:
    """Tell whether a model folder is one that `make_tiny` wrote."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return bool(config.get("made_on_the_spot", False))


def _pretrain(model: Any, tokenizer: Any, texts: Sequence[str], steps: int, seed: int) -> None:
    """Teach it to go on with plain text: one stream of texts, windows drawn by the seed.

    Nothing tells it where a text ends or what a turn is: that is left for tuning to teach, and can be seen.
    """
    import torch

    stream = [
        token for text in texts for token in tokenizer(f"{text}\n", add_special_tokens=False)["input_ids"]
    ]
    stream *= -(-128 // len(stream))
    tokens = torch.tensor(stream)
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (steps - step) / (0.5 * steps))
        starts = torch.randint(0, len(tokens) - 64, (16,), generator=draw)
        rows = torch.stack([tokens[at : at + 64] for at in starts.tolist()])
        model(input_ids=rows, labels=rows).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
