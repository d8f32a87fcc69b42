"""Makes quality/language/tables.npz and words.json again from two packages; run it only to change them.

    pip download --no-deps --dest /tmp/models lingua-language-detector==1.4.2
    pip install brotli stopwordsiso==0.7.1
    python benchmarks/language_tables.py /tmp/models/lingua_language_detector-1.4.2-py3-none-any.whl

Sources: the letter statistics of 75 languages in lingua 1.4.2 (Apache-2.0; counted by its author on Wortschatz
corpora of Leipzig University, CC BY 4.0, other documents than lingua's own test sentences) and the stop words
of stopwordsiso 0.7.1 (MIT). No text stands in the files made, only letter groups, numbers and single words.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quality.language.scripts import script_of_letter

HERE = Path(__file__).resolve().parents[1] / "quality" / "language"
GROUPS = {
    "latin": "af az bs ca cs cy da de en eo es et eu fi fr ga hr hu id is it la lg lt lv mi ms nb nl nn pl pt ro"
    " sk sl sn so sq st sv sw tl tn tr ts vi xh yo zu",
    "cyrillic": "be bg kk mk mn ru sr uk",
    "arabic": "ar fa ur",
    "devanagari": "hi mr",
}
WORD_LANGUAGES = (
    "af ca cs da de en eo es et eu fi fr ga hr hu id it la lt lv ms nb nl pl pt ro sk sl so st sv sw tl tr vi"
    " yo zu"
)
LONGEST_WORD = 8
# The English list holds the endings of internet addresses; these are its words of two letters.
ENGLISH_PAIRS = "am an as at be by do go he if in is it me my no of oh on or so to up us we"
# The stop words of one letter are no words in most lists (an alphabet); these are.
ONE_LETTER = {
    "ca": "a i o", "cs": "a i k o s u v z", "da": "i å", "en": "a i", "es": "a e o u y", "fr": "a y à",
    "hr": "a i o s u", "hu": "a s", "it": "a e i o", "la": "a e", "nb": "i å", "pl": "a i o u w z", "pt": "a e o à",
    "sk": "a i k o s u v z", "sl": "k o s v z", "sq": "e i", "sv": "i å", "tr": "o",
}  # fmt: skip
# Log probabilities (natural) are kept as round(-log p * 16) in one byte: from 0 to 15.9.
SCALE = 16
# What a letter group that a language never showed costs, on top of its shorter group.
BACK_OFF = math.log(20)
LEAST_LETTER = 2e-6
MOST_LETTERS = 190
MOST_TRIGRAMS = {"latin": 24_000, "cyrillic": 8_000, "arabic": 6_000, "devanagari": 6_000}

Grams = dict[str, float]


def read_grams(wheel: zipfile.ZipFile, language: str, kind: str) -> Grams:
    """Return letter group -> conditional probability of its last letter, as lingua counted it."""
    import brotli  # type: ignore[import-not-found]

    packed = wheel.read(f"lingua/language-models/{language}/{kind}.json.br")
    listed = json.loads(brotli.decompress(packed))["ngrams"]
    return {gram: float(Fraction(share)) for share, grams in listed.items() for gram in grams.split(" ")}


def table(wheel: zipfile.ZipFile, script: str, languages: list[str]) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of one script: letters, the groups and their costs in each language."""
    uni, bi, tri = (
        {language: read_grams(wheel, language, kind) for language in languages}
        for kind in ("unigrams", "bigrams", "trigrams")
    )
    best: Counter[str] = Counter()
    for grams in uni.values():
        for letter, share in grams.items():
            if script_of_letter(letter) == script:
                best[letter] = max(best[letter], share)  # type: ignore[call-overload]
    letters = sorted(letter for letter, share in best.most_common(MOST_LETTERS) if share >= LEAST_LETTER)
    known = set(letters)
    weight: dict[str, float] = {}
    for language in languages:
        for gram, share in tri[language].items():
            if known.issuperset(gram):
                joint = uni[language].get(gram[0], 0) * bi[language].get(gram[:2], 0) * share
                weight[gram] = max(weight.get(gram, 0.0), joint)
    kept = sorted(sorted(weight, key=lambda gram: (-weight[gram], gram))[: MOST_TRIGRAMS[script]])
    pairs = [a + b for a in letters for b in letters if any(a + b in bi[x] for x in languages)]

    def costs(language: str) -> list[int]:
        one, two, three = uni[language], bi[language], tri[language]
        floor = min(one.values())

        def of_letter(letter: str) -> float:
            return -math.log(max(one.get(letter, 0.0), floor / 4))

        def of_pair(pair: str) -> float:
            return -math.log(two[pair]) if pair in two else min(of_letter(pair[1]) + BACK_OFF, 15.9)

        values = [of_pair(pair) for pair in pairs]
        values += [-math.log(three[g]) if g in three else of_pair(g[1:]) + BACK_OFF / 2 for g in kept]
        return [min(255, round(value * SCALE)) for value in values]

    matrix = np.array([costs(language) for language in languages], np.uint8).T
    return {
        f"{script}_letters": np.array("".join(letters)),
        f"{script}_languages": np.array(" ".join(languages)),
        f"{script}_pairs": np.array("".join(pairs)),
        f"{script}_trigrams": np.array("".join(kept)),
        f"{script}_costs": np.ascontiguousarray(matrix),
    }


def small_words() -> dict[str, str]:
    """Return language -> its stop words of letters alone, short ones, in order."""
    from stopwordsiso import stopwords

    listed = {code: stopwords("no" if code == "nb" else code) for code in WORD_LANGUAGES.split()}
    chosen = {
        code: {word for word in words if word.isalpha() and word.islower() and 1 < len(word) <= LONGEST_WORD}
        for code, words in listed.items()
    }
    chosen["en"] = {word for word in chosen["en"] if len(word) > 2 or word in ENGLISH_PAIRS.split()}
    return {code: " ".join(sorted(w | set(ONE_LETTER.get(code, "").split()))) for code, w in chosen.items()}


def main() -> None:
    """Write both files and say how large they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("wheel", type=Path, help="the wheel of lingua-language-detector 1.4.2")
    wheel = zipfile.ZipFile(parser.parse_args().wheel)
    arrays: dict[str, NDArray[np.generic]] = {}
    for script, languages in GROUPS.items():
        arrays |= table(wheel, script, languages.split())
    np.savez_compressed(HERE / "tables.npz", **arrays)  # type: ignore[arg-type]
    words = json.dumps(small_words(), ensure_ascii=False, indent=0)
    (HERE / "words.json").write_text(words + "\n", encoding="utf-8")
    for path in (HERE / "tables.npz", HERE / "words.json"):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
