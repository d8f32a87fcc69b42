"""How many asks a second the word-level methods of this file answer on one core, over the prompts of dolly_3k.

Process time of one thread, tables loaded; each method answers one ask for every prompt in one call. The guard and the
parting of request and material are remembered by text, so they are timed apart and count once in the pass. With
`--sense`, synonyms with WordNet and the embedder are timed as well.

    python benchmarks/augment_words.py --data ../shared/data [--sense]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.augment.asking import asking, is_about_words
from pipeline.augment.english_words import words_of
from pipeline.augment.noise import Noise, NoiseParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Ask, Child, Method, MethodParams, seed_of
from pipeline.augment.synonyms import Synonyms, SynonymsParams
from pipeline.models import Models

sys.path.insert(0, str(Path(__file__).parent / "truth"))

from augmentation_words import prompts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sense", action="store_true")
    args = parser.parse_args()
    models = Models(threads=1)
    light = [
        ("noise", Noise(), NoiseParams()),
        ("synonyms, own lexicon", Synonyms(), SynonymsParams(wordnet="off")),
    ]
    for lang in ("en", "zh"):
        texts = prompts(args.data, lang)
        guard, spent = _guarded(lang, texts)
        for name, method, params in light:
            method.children(asks(texts, lang, "warm"), params, Guard(), models)
            spent += _timed(f"{lang} {name}", method, asks(texts, lang, name), params, guard, models)
        print(f"{lang} both in one pass, guard included: {len(light) * len(texts) / spent:,.0f} asks/s")
    texts = prompts(args.data, "en")
    heavy = [("without sense choice", SynonymsParams(sense=False))]
    if args.sense:
        heavy.append(("with sense choice", SynonymsParams()))
    for name, chosen in heavy:  # last: WordNet's tables make every collection of garbage dearer
        Synonyms().children(asks(texts[:20], "en", "warm"), chosen, Guard(), models)
        _timed(f"en WordNet, {name}", Synonyms(), asks(texts, "en", name), chosen, Guard(), models)


def _guarded(lang: str, texts: list[str]) -> tuple[Guard, float]:
    """Return a guard that has read the texts, and the seconds that it and the parting of the prompts took."""
    guard = Guard()
    for remembered in (asking, is_about_words, words_of):
        remembered.cache_clear()
    start = time.process_time()
    for text in texts:
        guard.protect(text)
        if not is_about_words(text):
            asking(text)
    spent = time.process_time() - start
    print(f"{lang} guard, request and material: {len(texts) / spent:,.0f} prompts/s")
    return guard, spent


def _timed(
    name: str, method: Method[Any], wanted: list[Ask], params: MethodParams, guard: Guard, models: Models
) -> float:
    start = time.process_time()
    answers = method.children(wanted, params, guard, models)
    took = time.process_time() - start
    kept = sum(isinstance(answer, Child) for answer in answers)
    print(f"{name}: {len(wanted) / took:,.0f} asks/s, {kept} children of {len(wanted)}")
    return took


def asks(texts: list[str], lang: str, seed: str) -> list[Ask]:
    return [
        Ask({"system": "", "instruction": text, "input": "", "output": ""}, (), lang, seed_of(seed, text), 0)
        for text in texts
    ]


if __name__ == "__main__":
    main()
