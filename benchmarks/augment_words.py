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

from pipeline.augment.asking import asking, is_about_words
from pipeline.augment.english_words import words_of
from pipeline.augment.noise import Noise, NoiseParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Ask, Child, seed_of
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
    runs = [
        ("noise", Noise(), NoiseParams()),
        ("synonyms, own lexicon", Synonyms(), SynonymsParams(wordnet="off", sense=False)),
        ("synonyms, WordNet, no sense choice", Synonyms(), SynonymsParams(sense=False)),
    ]
    if args.sense:
        runs.append(("synonyms, WordNet, sense choice", Synonyms(), SynonymsParams()))
    for lang in ("en", "zh"):
        texts = prompts(args.data, lang)
        for _, method, params in runs:
            known = texts if not getattr(params, "sense", False) else texts[:20]  # vectors are remembered too
            method.children(asks(known, lang, "warm"), params, Guard(), models)
        for remembered in (asking, is_about_words, words_of):
            remembered.cache_clear()
        guard = Guard()
        start = time.process_time()
        for text in texts:
            guard.protect(text)
            if not is_about_words(text):
                asking(text)
        spent = time.process_time() - start
        print(f"{lang} guard, request and material: {len(texts) / spent:,.0f} prompts/s")
        total = 0
        for name, method, params in runs:
            wanted = asks(texts, lang, name)
            start = time.process_time()
            answers = method.children(wanted, params, guard, models)
            took = time.process_time() - start
            kept = sum(isinstance(answer, Child) for answer in answers)
            print(f"{lang} {name}: {len(texts) / took:,.0f} asks/s, {kept} children of {len(texts)}")
            if "WordNet" not in name:
                total, spent = total + len(texts), spent + took
        print(f"{lang} noise and synonyms (own lexicon) in one pass: {total / spent:,.0f} asks/s")


def asks(texts: list[str], lang: str, seed: str) -> list[Ask]:
    return [
        Ask({"system": "", "instruction": text, "input": "", "output": ""}, (), lang, seed_of(seed, text), 0)
        for text in texts
    ]


if __name__ == "__main__":
    main()
