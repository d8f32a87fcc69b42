"""The pairs that meaning is scored on: hand-written and declared edits, each with its half (open or frozen)."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

import meaning_corpora as corpora
import meaning_edits as edits

DRAWN = 2400
EACH = 120
"""Most declared edits of one kind and language."""
FIRST, SECOND, REWORDED = "first set", "second set", "rewordings"
RULE, BOTH = "by rule", "rewordings, then by rule"
"""The collections: three written by hand, one by rule, and one by rule on what is kept in the first and third."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An original, its edit, whether it keeps the meaning, and how it was made."""

    original: str
    edited: str
    kept: bool
    kind: str
    language: str
    collection: str
    half_of_base: str = ""

    @property
    def by_hand(self) -> bool:
        """Whether a person wrote the edit."""
        return self.collection not in (RULE, BOTH)

    @property
    def frozen(self) -> bool:
        """Whether nothing may be chosen on this pair; both edits of a reworded original lie in one half."""
        if self.collection == SECOND:
            return True
        if self.collection == BOTH:
            return self.half_of_base == "frozen"
        whole = self.original if self.collection == REWORDED else f"{self.original}\0{self.edited}"
        return hashlib.blake2b(whole.encode(), digest_size=1).digest()[0] % 2 == 1


def hand_written(data: Path, language: str) -> list[Pair]:
    """Return the hand-written pairs of a language.

    Raises:
        SystemExit: a sentence is not in its corpus: it is another version.
    """
    found = []
    for file, names in (
        ("pairs", corpora.CHINESE if language == "zh" else corpora.ENGLISH),
        ("rewordings", corpora.PROMPTS[language]),
    ):
        known = {corpora.digest(text): text for name in names for text in corpora.prompts(data, name)}
        lines = Path(__file__).with_name(f"meaning_{file}_{language}.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        missing = [row["digest"] for row in rows if row["digest"] not in known]
        if missing:
            raise SystemExit(f"{len(missing)} originals are not in their corpora; another version of them?")
        for row in rows:
            collection = REWORDED if file == "rewordings" else SECOND if "set" in row else FIRST
            kept = row["label"] == "kept"
            found.append(Pair(known[row["digest"]], row["edited"], kept, row["kind"], language, collection))
    return found


def declared(data: Path, language: str, seed: int = 1) -> list[Pair]:
    """Return edits by rule on sentences drawn by seed, at most `EACH` of a kind."""
    names = corpora.CHINESE if language == "zh" else corpora.ENGLISH
    drawn = [text for name in names for text in corpora.draw(data, name, DRAWN, f"declared {seed}")]
    found: list[Pair] = []
    for label, rules in edits.RULES[language].items():
        for kind, edit in rules.items():
            chance = random.Random(f"{seed}:{language}:{label}:{kind}")
            shuffled = drawn[:]
            chance.shuffle(shuffled)
            made = 0
            for text in shuffled:
                new = edit(text, chance)
                if new is None or new == text:
                    continue
                found.append(Pair(text, new, label == "kept", kind, language, RULE))
                made += 1
                if made == EACH:
                    break
    return found


def reworded_by_rule(pairs: list[Pair], seed: int = 1) -> list[Pair]:
    """Return each kept rewording of the first and third set with one more edit by each rule that applies to it."""
    found = []
    for pair in pairs:
        if not pair.kept or pair.collection not in (FIRST, REWORDED):
            continue
        for label, rules in edits.RULES[pair.language].items():
            for kind, edit in rules.items():
                new = edit(pair.edited, random.Random(f"{seed}:{kind}:{pair.edited}"))
                if new is not None and new not in (pair.edited, pair.original):
                    half = "frozen" if pair.frozen else "open"
                    found.append(Pair(pair.original, new, label == "kept", kind, pair.language, BOTH, half))
    return found
