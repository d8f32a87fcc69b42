"""Counts sentences that Apertium translates otherwise in another order, and otherwise than its own command does alone.

    python benchmarks/truth/translation_order.py ../shared/data/dolly_3k/dolly_3k.json.gz --sentences 3000

The distinct sentences of the prompts of JSON records, as back-translation sends them, are translated in several
shuffled orders, each by commands of its own; then the translations likewise back. With `--wrapper` the first ones are
also given to the `apertium` command, a process a sentence, which remembers nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.augment.protect import KINDS, Guard
from pipeline.augment.stand_ins import NAMES, mask
from pipeline.augment.to_translate import sentences
from pipeline.models.apertium import Apertium, mode_file

HIDDEN = set(KINDS) - {"number", "name"}


def sent(path: Path) -> list[str]:
    """Return the distinct sentences of the prompts of Alpaca-like records, with marks for what is hidden."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    guard, found = Guard(), {}
    for prompt in dict.fromkeys(row["instruction"] for row in json.loads(data)):
        protected = guard.protect(prompt)
        for each in sentences(protected):
            masked = mask(protected, each.start, each.stop, NAMES, HIDDEN)
            if masked is not None:
                found[masked.text] = None
    return list(found)


def translated(pair: str, texts: list[str], seed: int) -> dict[str, str]:
    """Return the translation of each text, translated in an order of its own by commands of its own."""
    order = list(texts)
    random.Random(seed).shuffle(order)
    translator = Apertium(mode_file(pair))
    try:
        return dict(zip(order, translator.translate(order), strict=True))
    finally:
        translator.close()


def alone(pair: str, text: str) -> str:
    """Return what the `apertium` command makes of one text."""
    done = subprocess.run(["apertium", pair], input=text, text=True, capture_output=True, check=True)
    return done.stdout


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path)
    parser.add_argument("--sentences", type=int, default=3000)
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--wrapper", type=int, default=0, help="sentences for the `apertium` command")
    given = parser.parse_args()
    texts = sent(given.records)[: given.sentences]
    for pair in ("eng-spa", "spa-eng"):
        found = [translated(pair, texts, seed) for seed in range(given.orders)]
        differing = [text for text in texts if len({each[text] for each in found}) > 1]
        print(
            f"{pair}: {len(differing)} of {len(texts)} sentences differ between {given.orders} orders",
            flush=True,
        )
        if given.wrapper:
            some = texts[: given.wrapper]
            other = [text for text in some if alone(pair, text).split() != found[0][text].split()]
            print(
                f"{pair}: {len(other)} of {len(some)} differ from what `apertium` makes of them alone",
                flush=True,
            )
            for text in other[:10]:
                print(f"  {text}\n    {found[0][text]}\n    {alone(pair, text).strip()}")
        texts = list(dict.fromkeys(found[0][text] for text in texts))


if __name__ == "__main__":
    main()
