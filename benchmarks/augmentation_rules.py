"""The rule methods of augmentation on real prompts: how many get a child, how fast, and what the readers said.

    python benchmarks/augmentation_rules.py [--data ../shared/data] [--method NAME --lang LANG --seed SEED]

Without a method: per method and language the share of prompts that get a child, prompts per second of processor time
of one core (after a first pass that compiles the patterns; sentences are cut anew, and what `Guard.protect` takes is
told apart, since the methods of a recipe share both), the share of children that the gate's ceiling of BLEU would call
copies, and the count of `kept` in `truth/augmentation/`. With one: draws children below that ceiling in the order of a
hash of (seed, id) and prints them as JSON lines, for a person to read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.augment.deletion import Deletion, DeletionParams
from pipeline.augment.insertion import Insertion, InsertionParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, seed_of
from pipeline.augment.sentences import head_sentences
from pipeline.augment.swap import Swap, SwapParams
from pipeline.augment.syntax import Syntax, SyntaxParams
from pipeline.augment.templates import Templates, TemplatesParams
from pipeline.models import Models
from pipeline.stages.fidelity_params import FidelityParams
from quality.overlap import sentence_bleu

METHODS: dict[str, tuple[Any, Any]] = {
    "syntax": (Syntax(), SyntaxParams()),
    "templates": (Templates(), TemplatesParams()),
    "insertion": (Insertion(), InsertionParams()),
    "swap": (Swap(), SwapParams()),
    "deletion": (Deletion(), DeletionParams()),
}
BLANK = {"system": "", "instruction": "", "input": "", "output": ""}
WORD_LEVEL = ("insertion", "swap", "deletion")
TRUTH = Path(__file__).parent / "truth" / "augmentation"
LONGEST_READ = 1200
COPY = float(FidelityParams().max_copy)


def prompts(data: Path, lang: str) -> Iterator[tuple[str, str]]:
    """Yield (id, instruction): dolly_3k for English, belle_seed for Chinese."""
    if lang == "en":
        rows = json.loads(gzip.decompress((data / "dolly_3k" / "dolly_3k.json.gz").read_bytes()))
        yield from ((f"dolly_3k:{n}", row["instruction"]) for n, row in enumerate(rows))
        return
    for name, field in (("eval_set", "question"), ("zh_seed_tasks", "instruction")):
        lines = (data / "belle_seed" / f"{name}.json").read_text("utf-8").split("\n")
        for n, line in enumerate(line for line in lines if line.strip()):
            yield f"belle_seed/{name}:{n}", json.loads(line)[field]


def asks_of(rows: list[tuple[str, str]], method: str, lang: str) -> list[Ask]:
    """Return one ask a prompt."""
    return [
        Ask(
            {"system": "", "instruction": text, "input": "", "output": ""},
            (),
            lang,
            seed_of("draw", key, method, 0),
            0,
        )
        for key, text in rows
    ]


def answered(name: str, rows: list[tuple[str, str]], lang: str, guard: Guard) -> tuple[list[Answer], float]:
    """Return the answers and the seconds of processor time of the second pass."""
    method, params = METHODS[name]
    asks = asks_of(rows, name, lang)
    method.children(asks, params, guard, Models())
    for _, text in rows:
        guard.protect(text)
    head_sentences.cache_clear()
    began = time.process_time()
    answers: list[Answer] = method.children(asks, params, guard, Models())
    return answers, time.process_time() - began


def table(data: Path) -> None:
    """Print a line a method and language, and the word-level methods together."""
    for lang in ("en", "zh"):
        rows = list(prompts(data, lang))
        began = time.process_time()
        guard = Guard()
        for _, text in rows:
            guard.protect(text)
        protecting = time.process_time() - began
        print(f"{lang}: {len(rows)} prompts; protect {protecting / len(rows) * 1e6:.0f} us a prompt")
        for name in METHODS:
            answers, seconds = answered(name, rows, lang, guard)
            pairs = [
                (text, answer.texts["instruction"])
                for (_, text), answer in zip(rows, answers, strict=True)
                if isinstance(answer, Child)
            ]
            copies = sum(sentence_bleu(child, text, lang) > COPY for text, child in pairs)
            made = len(pairs)
            lines = (TRUTH / f"{name}_{lang}.jsonl").read_text("utf-8").split("\n")
            judged = [json.loads(line) for line in lines if line]
            kept = sum(row["kept"] for row in judged)
            print(
                f"  {name:10} children {made}/{len(rows)} ({made / len(rows):.0%}) {len(rows) / seconds:7.0f} prompts/s"
                f"  copies {copies / made:.0%}  kept {kept} of {len(judged)} read"
            )
        print(f"  {' + '.join(WORD_LEVEL)} with protect: {len(rows) / together(rows, lang):.0f} prompts/s")


def together(rows: list[tuple[str, str]], lang: str) -> float:
    """Return the seconds of one pass of the word-level methods, what they share being made once."""
    guard = Guard()
    asks = {name: asks_of(rows, name, lang) for name in WORD_LEVEL}
    head_sentences.cache_clear()
    began = time.process_time()
    for name in WORD_LEVEL:
        method, params = METHODS[name]
        method.children(asks[name], params, guard, Models())
    return time.process_time() - began


def draw(data: Path, name: str, lang: str, seed: str, count: int) -> None:
    """Print accepted children of parents drawn by hash."""
    rows = list(prompts(data, lang))
    answers, _ = answered(name, rows, lang, Guard())
    made = [
        (key, text, answer.texts["instruction"])
        for (key, text), answer in zip(rows, answers, strict=True)
        if isinstance(answer, Child) and len(text) < LONGEST_READ
    ]
    made.sort(key=lambda row: blake2b(f"{seed}|{row[0]}".encode(), digest_size=8).hexdigest())
    accepted = (row for row in made if sentence_bleu(row[2], row[1], lang) <= COPY)
    for key, parent, child in islice(accepted, count):
        print(json.dumps({"id": key, "parent": parent, "child": child}, ensure_ascii=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--method", choices=sorted(METHODS))
    parser.add_argument("--lang", choices=["en", "zh"], default="en")
    parser.add_argument("--seed", default="fresh-2")
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    if options.method:
        draw(options.data, options.method, options.lang, options.seed, options.count)
    else:
        table(options.data)


if __name__ == "__main__":
    main()
