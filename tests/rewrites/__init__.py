"""A generated test of duplicate detection: records, their true rewrites, and look-alikes that ask for something else.

`generate` takes any base records and applies declared rules; which record a rule is applied to is chance, seeded, and
never an eye. Rewrites and their base are one class; every look-alike is a class of its own. Rejected: pairs written
by hand (few, and their author knows what the method finds) and rewrites by a model (nobody can say they are true).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.rewrites import lookalike_rules, rewrite_rules
from tests.rewrites.lookalike_rules import Variant
from tests.rewrites.words import HERE, Record, language_of

__all__ = ["Record", "Truth", "base_records", "generate", "sample_records"]

SAMPLES = HERE.parents[1] / "data_samples"
_SAMPLE_FILES = {
    "tickets_en.jsonl": ("customer_message", "agent_reply"),
    "tickets_zh.jsonl.gz": ("customer_message", "agent_reply"),
    "faq_en.csv": ("question", "answer"),
    "faq_zh.tsv": ("问题", "回答"),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What one generated record is.

    Attributes:
        base: place of its base in the generated records, from 0; a base names itself.
        response: whether a look-alike carries its base's response, or one with the same change made.
    """

    base: int
    lang: str
    kind: Literal["base", "rewrite", "look_alike"]
    rule: str
    response: Literal["same", "changed"] = "same"


def base_records() -> list[Record]:
    """Return the base records that come with the project, English and Chinese."""
    return [
        json.loads(line)
        for lang in ("en", "zh")
        for line in (HERE / f"bases_{lang}.jsonl").read_text(encoding="utf-8").split("\n")
        if line
    ]


def sample_records() -> list[Record]:
    """Return the tickets and questions of data_samples in which no fault was planted."""
    with (SAMPLES / "expected" / "faults.csv").open(encoding="utf-8", newline="") as stream:
        faulty = {(row["file"], int(row["line"])) for row in csv.DictReader(stream) if row["line"].isdigit()}
    found: list[Record] = []
    for name, (question, answer) in _SAMPLE_FILES.items():
        data = (SAMPLES / "raw" / name).read_bytes()
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode("utf-8", "replace")
        rows: Iterable[tuple[int, dict[str, str]]]
        if ".jsonl" in name:
            lines = enumerate(text.split("\n"), start=1)
            rows = ((line, json.loads(raw)) for line, raw in lines if raw and (name, line) not in faulty)
        else:
            reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "tsv" in name else ",")
            rows = ((reader.line_num, row) for row in reader)
        for line, row in rows:
            if (name, line) not in faulty and row.get(question) and row.get(answer):
                found.append({"instruction": row[question], "input": "", "output": row[answer]})
    return found


def generate(
    records: Sequence[Record], seed: int, rewrites: int = 4, look_alikes: int = 5, draws: int = 3
) -> tuple[list[Record], list[Truth]]:
    """Return the records with their rewrites and look-alikes behind them, and what each is.

    Args:
        records: base records; one whose prompt an earlier one has is left out.
        seed: of all chance.
        rewrites: rules of rewriting applied to each record, at most; the rarest so far first.
        look_alikes: rules of look-alikes applied to each record, at most; the rarest so far first.
        draws: how often each of these rules is tried on a record; what it made already is not made again.
    """
    made = _Made([], [], set(), Counter())
    for record in records:
        if _letters(record) in made.seen:
            continue
        made.seen.add(_letters(record))
        base, lang = len(made.records), language_of(record)
        made.add(record, Truth(base, lang, "base", "base"))
        chance = random.Random(f"{seed}:{record['instruction']}\n{record['input']}")
        _add_rewrites(made, base, chance, rewrites)
        _add_look_alikes(made, base, chance, look_alikes, draws)
    return made.records, made.truth


@dataclass(frozen=True, slots=True)
class _Made:
    """Records made so far, what they are, prompts that no look-alike may have, and how often a rule was used."""

    records: list[Record]
    truth: list[Truth]
    seen: set[str]
    used: Counter[tuple[str, str]]

    def add(self, record: Record, told: Truth) -> None:
        self.records.append(record)
        self.truth.append(told)
        self.used[told.lang, told.rule] += 1

    def rarest_first(self, rules: Iterable[str], lang: str, chance: random.Random) -> list[str]:
        return sorted(rules, key=lambda rule: (self.used[lang, rule], chance.random()))


def _add_rewrites(made: _Made, base: int, chance: random.Random, most: int) -> None:
    record, lang, done = made.records[base], made.truth[base].lang, 0
    for name in made.rarest_first(rewrite_rules.RULES, lang, chance):
        rewritten = rewrite_rules.RULES[name](record, lang, chance) if done < most else None
        if rewritten is not None:
            made.add(rewritten, Truth(base, lang, "rewrite", name))
            done += 1


def _add_look_alikes(made: _Made, base: int, chance: random.Random, most: int, draws: int) -> None:
    record, lang, done = made.records[base], made.truth[base].lang, 0
    for name in made.rarest_first(lookalike_rules.RULES, lang, chance):
        if done == most or chance.random() > lookalike_rules.SHARE.get(name, 1):
            continue
        before = len(made.records)
        for _ in range(draws):
            variants = lookalike_rules.RULES[name](record, lang, chance)
            letters = [_letters(variant.record) for variant in variants]
            if len(set(letters)) < len(letters) or made.seen.intersection(letters):
                continue
            made.seen.update(letters)
            for variant in variants:
                told, response = _response(variant, chance)
                made.add(told, Truth(base, lang, "look_alike", name, response))
        done += len(made.records) > before


def _letters(record: Record) -> str:
    """Return a prompt without case, width and white space: two that agree are no look-alikes."""
    prompt = f"{record['instruction']}\n{record['input']}"
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", prompt).casefold())


def _response(variant: Variant, chance: random.Random) -> tuple[Record, Literal["same", "changed"]]:
    """Make the same change in the response of every second look-alike that allows it."""
    output = variant.record["output"]
    if not variant.old or chance.random() < 0.5:
        return variant.record, "same"
    edge = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])" if variant.old[0].isascii() else "{}"
    changed = re.sub(edge.format(re.escape(variant.old)), variant.new.replace("\\", r"\\"), output)
    if changed == output:
        return variant.record, "same"
    return {**variant.record, "output": changed}, "changed"
