"""Six declared ways to corrupt a response, and the 500 records of four corpora that are corrupted in each.

The ways were written down before any measure was scored on them and know nothing of how a measure works. A record is
drawn by a hash, its corruption by a hash of its text and the way's name, so the set is the same on every machine.

* `noise`: one letter in five is another letter (Chinese: another character of the same corpus).
* `mash`: a stretch of a third to two thirds is keys hit at random, in Latin letters in both languages.
* `shuffle`: the words stand in another order (Chinese: stretches of two characters).
* `salad`: as many words as there were, drawn from other responses of the corpus (Chinese: two characters each).
* `truncate`: the text stops at 35 to 80 % of its length, inside a sentence; in English after a whole word.
* `repeat`: from one sentence or clause on, nothing follows but this one, over and over, up to the former length and
  at least four times.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora_pii import rows

PER_CORPUS = 125
MOST = 4000
"""Records of a corpus that the measures may learn from, from the first on."""
CORPORA = {
    "alpaca_orig": ("alpaca_orig/alpaca_data.json.gz", "en"),
    "dolly_3k": ("dolly_3k/dolly_3k.json.gz", "en"),
    "sharegpt_zh": ("medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz", "zh"),
    "huatuo_zh": ("huatuo_zh/llama_data.json.gz", "zh"),
}
SHORTEST = {"en": 120, "zh": 40}
"""Characters below which a response is not drawn: there must be something to corrupt."""
KEYS = "qwertyuiopasdfghjklzxcvbnm"


@dataclass(frozen=True, slots=True)
class Pair:
    """One record: its corpus, language, prompt and response."""

    corpus: str
    lang: str
    prompt: str
    response: str


def read(data: Path, corpus: str) -> list[Pair]:
    """Return the records of a corpus, in its order."""
    file, lang = CORPORA[corpus]
    pairs = []
    for row in rows(data / file)[:MOST]:
        prompt, response = _sides(row)
        if prompt and response:
            pairs.append(Pair(corpus, lang, prompt, response))
    return pairs


def _sides(row: Any) -> tuple[str, str]:
    if "conversations" in row:
        turns = [turn["value"] for turn in row["conversations"] if turn["from"] in ("human", "gpt")]
        return (turns[0], turns[1]) if len(turns) > 1 else ("", "")
    keys = ("instruction", "context" if "context" in row else "input")
    prompt = "\n".join(row[key] for key in keys if row.get(key))
    return prompt, row["output"] if "output" in row else row["response"]


def drawn(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the records of one corpus that are corrupted: long enough and whole, by the order of a hash."""
    fit = [pair for pair in pairs if len(pair.response) >= SHORTEST[pair.lang] and _whole(pair.response)]
    return sorted(fit, key=lambda pair: _digest("drawn", pair))[:PER_CORPUS]


def _whole(text: str) -> bool:
    """Only a text that ends a sentence can be cut off within one."""
    return text.rstrip()[-1:] in ".!?。！？" and "```" not in text


def half(pair: Pair) -> str:
    """Return the half that a record belongs to: `tune` or `frozen`."""
    return "frozen" if int(_digest("half", pair), 16) % 2 else "tune"


def corrupt(pair: Pair, way: str, others: Sequence[str]) -> str:
    """Return a record's response, corrupted in one way.

    Args:
        pair: the record.
        way: a key of `WAYS`.
        others: responses of the same corpus.
    """
    return WAYS[way](pair, random.Random(_digest(way, pair)), others)


def _digest(purpose: str, pair: Pair) -> str:
    return hashlib.blake2b(f"{purpose}\0{pair.prompt}\0{pair.response}".encode(), digest_size=8).hexdigest()


def _noise(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    letters = KEYS if pair.lang == "en" else re.sub(r"[^\u4e00-\u9fff]", "", "".join(others[:200]))
    return "".join(
        chance.choice(letters) if char.isalpha() and chance.random() < 0.2 else char for char in pair.response
    )


def _mash(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    text = pair.response
    length = int(len(text) * chance.uniform(1 / 3, 2 / 3))
    start = chance.randrange(len(text) - length + 1)
    mashed = ""
    while len(mashed) < length:
        mashed += "".join(chance.choice(KEYS) for _ in range(chance.randint(2, 9))) + " "
    return text[:start] + mashed[:length] + text[start + length :]


def _shuffle(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    pieces = _pieces(pair.response, pair.lang)
    chance.shuffle(pieces)
    return ("" if pair.lang == "zh" else " ").join(pieces)


def _salad(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    count = len(_pieces(pair.response, pair.lang))
    words = [chance.choice(_pieces(chance.choice(others), pair.lang) or ["的"]) for _ in range(count)]
    return ("" if pair.lang == "zh" else " ").join(words)


def _pieces(text: str, lang: str) -> list[str]:
    if lang == "en":
        return text.split()
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def _truncate(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    text = pair.response
    for _ in range(200):
        cut = int(len(text) * chance.uniform(0.35, 0.8))
        if pair.lang == "en":
            cut = text.rfind(" ", 0, cut)
        left = text[:cut].rstrip()
        if len(left) > 10 and left[-1].isalpha() and text[len(left) : len(left) + 2].strip()[:1].isalnum():
            return left
    return text[: len(text) // 2]


def _repeat(pair: Pair, chance: random.Random, others: Sequence[str]) -> str:
    text = pair.response
    clauses = list(re.finditer(r"[^.!?。！？,，;；\n]{4,}[.!?。！？,，;；\n]+\s*", text))
    match = chance.choice(clauses)
    times = max(4, (len(text) - match.start()) // len(match.group()))
    return text[: match.start()] + match.group() * times


WAYS: dict[str, Callable[[Pair, random.Random, Sequence[str]], str]] = {
    "noise": _noise,
    "mash": _mash,
    "shuffle": _shuffle,
    "salad": _salad,
    "truncate": _truncate,
    "repeat": _repeat,
}
