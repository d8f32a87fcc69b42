"""Scores decontamination: declared plants that must be found, real records and boilerplate that must stay.

    python benchmarks/truth/decontamination.py --data ../shared/data --half B

Prints for each edit how many plants were found, with Wilson's interval; the real records that fire, by what a person
who read them said (decontamination_near_copies.csv); boilerplate; precision over all; and the worst twenty. What counts
is told in decontamination_rule.md, which is older than any score.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from decontamination_edits import EDITS, WHOLE_ONLY, half, words

from quality.decontamination import Match, Passage, Texts, count, cut, search, weigh
from quality.decontamination.index import features
from quality.statistics import wilson

HERE = Path(__file__).parent
THRESHOLD = 0.5
SHORT = 13
Pair = tuple[str, str]
"""A prompt and a response."""


@dataclass(frozen=True, slots=True)
class Case:
    """A test set and the training side that it is planted into."""

    name: str
    items: list[Pair]
    training: list[Pair]


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted record: which edit of which item (from 0), and the record."""

    edit: str
    item: int
    record: Pair


def lines(path: Path) -> list[dict[str, Any]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode()
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _shared(turns: list[dict[str, str]]) -> Pair:
    return turns[0]["value"], " ".join(turn["value"] for turn in turns[1:])


def corpora(data: Path) -> tuple[list[Case], dict[str, list[Pair]]]:
    """Return the cases, and by name the corpora that must stay."""
    gsm = [
        [(row["question"], row["answer"]) for row in lines(data / "gsm8k" / name)]
        for name in ("test.jsonl", "train.jsonl.gz")
    ]
    belle = [(row["question"], row["std_answer"]) for row in lines(data / "belle_seed" / "eval_set.json")]
    chinese = [
        _shared(row["conversations"])
        for name in ("medical_sft_1K_format.jsonl", "sharegpt_zh_1K_format.jsonl.gz")
        for row in lines(data / "medicalgpt_zh" / name)
    ]
    dolly = lines(data / "dolly_3k" / "dolly_3k.json.gz")
    dolly_all = [("\n".join(p for p in (r["instruction"], _context(r)) if p), _answer(r)) for r in dolly]
    short = [(r["instruction"], "") for r in dolly if not _context(r) and words(r["instruction"]) < SHORT]
    alpaca = [
        ("\n".join(p for p in (r["instruction"], r["input"]) if p), r["output"])
        for r in lines(data / "alpaca_orig" / "alpaca_data.json.gz")
    ]
    cases = [
        Case("gsm8k", gsm[0], gsm[1]),
        Case("belle", belle, chinese),
        Case("dolly_short", short, alpaca[:10_000]),
    ]
    return cases, {"gsm8k: dolly_3k": dolly_all, "gsm8k: alpaca": alpaca}


def _context(row: dict[str, Any]) -> str:
    return str(row.get("context") or row.get("input") or "")


def _answer(row: dict[str, Any]) -> str:
    return str(row.get("response") or row.get("output") or "")


def texts_of(records: Sequence[Pair], documents: bool = False) -> Texts:
    flat = [text for record in records for text in record]
    return Texts(flat, np.repeat(np.arange(len(records)), 2), np.tile([not documents, False], len(records)))


class Scorer:
    """One case: the training side is counted once, plants are added to its counts."""

    def __init__(self, case: Case) -> None:
        self.case = case
        passages = []
        for number, (question, answer) in enumerate(case.items, 1):
            passages.append(Passage(case.name, number, "prompt", question))
            if answer:
                passages.append(Passage(case.name, number, "response", answer))
        self.pieces = cut(passages)
        self.wanted = features(self.pieces)
        self.counts = self.counted(case.training)

    def counted(self, records: Sequence[Pair]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        found, documents = count(self.wanted, texts_of(records))
        counts = np.zeros(len(self.wanted), np.int64)
        counts[np.searchsorted(self.wanted, found)] = documents
        return counts

    def matches(self, records: Sequence[Pair], planted: bool = True) -> list[Match | None]:
        """Return the matches of records, beside the training side unless they are it."""
        counts = self.counts + (self.counted(records) if planted else 0)
        size = len(self.case.training) + (len(records) if planted else 0)
        index = weigh(self.pieces, self.wanted, counts, size)
        return search(index, texts_of(records), len(records))

    def item(self, match: Match) -> int:
        return int(self.pieces.item[match.piece]) - 1


def plants(case: Case, wanted: str) -> list[Plant]:
    """Return the plants of the items of one half."""
    others = [question for question, _ in case.training]
    made: list[Plant] = []
    chosen = [(n, q, a) for n, (q, a) in enumerate(case.items) if half(q) == wanted]
    for n, question, answer in chosen:
        response = case.training[(n * 7919) % len(case.training)][1]
        for name, edit in EDITS.items():
            if (name in WHOLE_ONLY and words(question) < SHORT) or not (text := edit(question, others)):
                continue
            record = ("", text) if name == "in_document" else (text, response)
            if name == "in_document" and words(question) < SHORT:
                continue
            made.append(Plant(name, n, record))
        if case.name == "gsm8k" and words(answer) >= SHORT:
            made.append(Plant("answer", n, (others[(n * 104_729) % len(others)], answer)))
    for row in lines(HERE / "decontamination_paraphrases.jsonl"):
        question = case.items[row["row"]][0] if row["set"].startswith(case.name) else ""
        if question and half(question) == wanted and words(question) >= SHORT:
            response = case.training[(row["row"] * 7919) % len(case.training)][1]
            made.append(Plant(row["degree"], row["row"], (row["text"], response)))
    return made


BOILERPLATE = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.",
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions.",
    "The answer is",
    "Let's think step by step.",
    "你好请问",
    "请回答以下问题",
    "以下是一个描述任务的指令，请写一个完成该指令的适当回答。",
)


def boilerplate(case: Case) -> list[Pair]:
    """Return boilerplate alone and around questions of the training side, 300 records of each but for the first."""
    around = [case.training[(n * 31) % len(case.training)] for n in range(300)]
    return [(text, answer) for text in BOILERPLATE for _, answer in around[:3]] + [
        (f"{text}\n\n{question}", answer) for text in BOILERPLATE for question, answer in around
    ]


def read_labels() -> dict[tuple[str, int, int], str]:
    path = HERE / "decontamination_near_copies.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {(r["case"], int(r["record"]), int(r["item"])): r["label"] for r in csv.DictReader(stream)}


def score_plants(scorer: Scorer, wanted: str) -> tuple[int, list[tuple[float, str, int]]]:
    """Print recall by edit; return how many plants other than variants were found, and all scores."""
    made = plants(scorer.case, wanted)
    scores: list[tuple[float, str, int]] = []
    found = 0
    for name in dict.fromkeys(plant.edit for plant in made):
        own = [plant for plant in made if plant.edit == name]
        matches = scorer.matches([plant.record for plant in own])
        for kind in ("long", "short"):
            values = [
                (match.score if match else 0.0, plant)
                for plant, match in zip(own, matches, strict=True)
                if (words(scorer.case.items[plant.item][0]) < SHORT) == (kind == "short")
            ]
            if not values:
                continue
            hits = sum(score >= THRESHOLD for score, _ in values)
            found += hits if name != "number" else 0
            low, high = wilson(hits, len(values))
            print(
                f"| {scorer.case.name} {kind} | {name} | {len(values)} | {hits / len(values):.3f} "
                f"| {low:.3f}-{high:.3f} | {np.median([score for score, _ in values]):.2f} |"
            )
            scores += [(score, f"{scorer.case.name} {name}", plant.item) for score, plant in values]
    return found, scores


def score_negatives(
    scorer: Scorer, name: str, records: Sequence[Pair], wanted: str, training: bool
) -> list[tuple[str, int, int, float, str]]:
    """Return the real records of one half that fire: (case, record, item, score, label)."""
    labels = read_labels()
    fired = []
    for number, match in enumerate(scorer.matches(records, planted=not training)):
        if match is not None and match.score >= THRESHOLD and half(records[number][0]) == wanted:
            item = scorer.item(match)
            label = labels.get((name, number, item), "unread")
            fired.append((name, number, item, match.score, label))
    of = sum(half(prompt) == wanted for prompt, _ in records)
    told = ", ".join(f"{sum(row[4] == k for row in fired)} {k}" for k in sorted({row[4] for row in fired}))
    print(f"{name}: {len(fired)} of {of} real records fire: {told or 'none'}")
    return fired


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=["A", "B"], default="B")
    parser.add_argument("--show", action="store_true", help="print the real records that fire, to be read")
    options = parser.parse_args()
    cases, others = corpora(options.data)
    print(f"half {options.half}, threshold {THRESHOLD}\n")
    print("| set | edit | plants | found | 95% | median score |\n|---|---|---:|---:|---|---:|")
    scorers = {case.name: Scorer(case) for case in cases}
    found, scores = 0, []
    for scorer in scorers.values():
        hits, own = score_plants(scorer, options.half)
        found, scores = found + hits, scores + own
    print()
    fired = []
    for name, scorer in scorers.items():
        fired += score_negatives(scorer, f"{name}: training", scorer.case.training, options.half, True)
        planted = boilerplate(scorer.case)
        wrong = sum(
            match is not None and match.score >= THRESHOLD
            for match in scorer.matches(planted)[: 3 * len(BOILERPLATE)]
        )
        hits = {
            int(scorer.pieces.item[m.piece]) for m in scorer.matches(planted) if m and m.score >= THRESHOLD
        }
        print(f"{name}: boilerplate alone fires {wrong} times; around real questions, items {sorted(hits)}")
    for name, records in others.items():
        fired += score_negatives(scorers["gsm8k"], name, records, options.half, False)
    errors = sum(row[4] not in ("near-copy", "quote") for row in fired)
    low, high = wilson(found, found + errors)
    print(f"precision: {found} of {found + errors}: {found / (found + errors):.4f} ({low:.4f}-{high:.4f})")
    print("\nworst twenty plants (score, edit, item): ")
    for score, name, item in sorted(s for s in scores if s[0] < 1)[:20]:
        print(f"  {score:.2f} {name} {item}")
    print("\nreal records that fire (case, record, item, score, label):")
    for row in sorted(fired, key=lambda row: -row[3]):
        print("  {} {} {} {:.2f} {}".format(*row))
        if options.show:
            scorer = scorers[row[0].split(":")[0]]
            records = others.get(row[0], scorer.case.training)
            print("     R:", " // ".join(records[row[1]])[:420].replace("\n", " "))
            print("     T:", " // ".join(scorer.case.items[row[2]])[:420].replace("\n", " "))


if __name__ == "__main__":
    main()
