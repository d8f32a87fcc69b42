"""The word-level methods without a model in one pass: each prompt is asked of each of them, as a build does.

    python benchmarks/augment_together.py dolly_3k.json.gz [--rounds 3]

`synonyms` by this project's lexicon (no WordNet, no sense choice), `insertion`, `swap`, `deletion` and `noise`, one
`Guard` for all; processor time of one core, the best of the rounds. An ask is one child that is wanted of one prompt.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pydantic import TypeAdapter

from pipeline.augment import METHODS, AnyMethodParams, Ask, Child, Guard, MethodParams
from pipeline.augment.protocol import seed_of
from pipeline.models import Models

RECIPE: list[dict[str, Any]] = [
    {"method": "synonyms", "wordnet": "off", "sense": False},
    {"method": "insertion"},
    {"method": "swap"},
    {"method": "deletion"},
    {"method": "noise"},
]


def _ask(text: str, seed: str) -> Ask:
    return Ask({"system": "", "instruction": text, "input": "", "output": ""}, (), "en", seed_of(seed), 0)


def one_pass(prompts: list[str], methods: list[MethodParams]) -> tuple[float, dict[str, int]]:
    """Return the seconds that one pass takes, and how many children each method made."""
    guard, models = Guard(), Models(threads=1)
    asked = [[_ask(text, f"{n} {params.label()}") for n, text in enumerate(prompts)] for params in methods]
    made = {}
    began = time.process_time()
    for params, asks in zip(methods, asked, strict=True):
        answers = METHODS[params.method_name()].children(asks, params, guard, models)
        made[params.label()] = sum(isinstance(answer, Child) for answer in answers)
    return time.process_time() - began, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    units = json.loads(gzip.decompress(args.path.read_bytes()))
    prompts = list(dict.fromkeys(unit["instruction"] for unit in units))
    methods = [TypeAdapter(AnyMethodParams).validate_python(one) for one in RECIPE]
    one_pass(prompts[:50], methods)
    seconds, made = min((one_pass(prompts, methods) for _ in range(args.rounds)), key=lambda found: found[0])
    asks = len(prompts) * len(methods)
    print(
        f"{platform.machine()}, Python {platform.python_version()}; {len(prompts)} prompts, children: {made}"
    )
    print(f"{seconds:.2f} s of one core: {len(prompts) / seconds:,.0f} prompts a second through all methods")
    print(f"{asks / seconds:,.0f} asks a second")


if __name__ == "__main__":
    main()
