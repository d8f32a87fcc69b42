"""Blind pairs for people: two answers to one prompt, and nothing that tells which model wrote which.

`review/ab_queue.jsonl` is used as the review queue of a build is: copy its lines, add who you are and what you decide.
The key lies in `evaluation/ab_key.jsonl`, outside the folder that annotators are given. Which answer is A is a hash of
seed and record, so it neither follows the order nor changes when other records come in. Equal answers are no question;
they are left out and counted. Of several answers by one person to one pair the last counts, among people the majority.
Rejected: asking for scores of 1 to 5 (people use them differently), and counting ties as half a win (it draws every
rate towards a half; they are told beside it).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import orjson

from pipeline.errors import ReviewError
from pipeline.store import digest, replacing
from quality.agreement import alpha
from quality.statistics import wilson
from train.evaluation.scorecard import Answered

QUEUE = Path("review") / "ab_queue.jsonl"
KEY = Path("evaluation") / "ab_key.jsonl"
WHY = "which answer is better? Both are shown as the models wrote them; say A, B or tie"

Choice: TypeAlias = Literal["A", "B", "tie"]
CHOICES: Final[dict[str, Choice]] = {
    "a": "A", "b": "B", "tie": "tie", "甲": "A", "乙": "B", "平": "tie", "平局": "tie",
}  # fmt: skip
"""What a decision may say, in English and Chinese."""
REQUIRED: Final = ("pair", "annotator", "decision")


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair.

    Attributes:
        pair: names it; depends on the record and on both answers, not on who wrote which.
        answered: the record with both answers.
        tuned_is: the letter of the tuned model's answer.
    """

    pair: str
    answered: Answered
    tuned_is: Literal["A", "B"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs for people, and how many records were left out because both answers are the same."""

    items: tuple[Pair, ...]
    identical: int


@dataclass(frozen=True, slots=True)
class Preference:
    """What people prefer.

    Attributes:
        pairs: judged.
        wins, losses, ties: of the tuned model, by majority; a pair without a majority is a tie.
        rate: wins of the pairs that are no tie; None where there is none.
        low, high: its 95% interval (Wilson 1927).
        annotators: how many people.
        agreement: Krippendorff's alpha between them; None where no pair was judged by two, or all said the same.
        unknown: decisions on pairs that the key does not have.
        broken: rows that could not be understood: where, and why.
    """

    pairs: int
    wins: int
    losses: int
    ties: int
    rate: float | None
    low: float
    high: float
    annotators: int
    agreement: float | None
    unknown: int
    broken: tuple[tuple[str, str], ...]


def pairs(answered: Iterable[Answered], seed: int) -> Pairs:
    """Return blind pairs, in an order that tells nothing of the records' order.

    Args:
        answered: records that both models answered.
        seed: of which answer is A.
    """
    items, identical = [], 0
    for each in answered:
        if each.base.text == each.tuned.text:
            identical += 1
            continue
        name = digest(each.id, *sorted((each.base.text, each.tuned.text)))
        odd = blake2b(f"{seed}:{each.id}:evaluate.ab".encode(), digest_size=8).digest()[0] & 1
        items.append(Pair(name, each, "A" if odd else "B"))
    return Pairs(tuple(sorted(items, key=lambda item: item.pair)), identical)


def write(out: Path, found: Pairs) -> None:
    """Write the queue and, apart from it, the key, into the folder of a run."""
    _write(out / QUEUE, map(_shown, found.items))
    _write(
        out / KEY,
        ({"pair": item.pair, "id": item.answered.id, "tuned": item.tuned_is} for item in found.items),
    )


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _shown(item: Pair) -> dict[str, Any]:
    """Return a line of the queue: nothing in it depends on which model wrote what, but the two answers."""
    each, asked = item.answered, item.answered.asked
    texts = (each.tuned.text, each.base.text) if item.tuned_is == "A" else (each.base.text, each.tuned.text)
    return {
        "pair": item.pair,
        "id": each.id,
        "lang": each.lang,
        "category": each.category,
        "why": [WHY],
        "system": asked.system,
        "history": [{"user": user, "assistant": assistant} for user, assistant in asked.history],
        "instruction": asked.instruction,
        "input": asked.input,
        "answer_a": texts[0],
        "answer_b": texts[1],
    }


def read_preference(key: Path, decisions: Sequence[Path]) -> Preference:
    """Return what people prefer, from their files of decisions and the key.

    Args:
        key: `ab_key.jsonl`.
        decisions: JSON Lines, or tables that end in .csv or .tsv, in UTF-8; rows have `pair`, `annotator`, `decision`.

    Raises:
        ReviewError: the key or a whole file cannot be read.
    """
    tuned = {str(row["pair"]): row["tuned"] for row in _key_rows(key)}
    said: dict[tuple[str, str], Choice] = {}
    broken: list[tuple[str, str]] = []
    for path in decisions:
        for where, row in _rows(path):
            choice = row if isinstance(row, str) else _choice(row)
            if isinstance(choice, str):
                broken.append((where, choice))
            else:
                said[choice[0], choice[1]] = choice[2]
    known = {name: choice for name, choice in said.items() if name[0] in tuned}
    by_pair: dict[str, dict[str, str]] = {}
    for (pair, annotator), choice in known.items():
        side = "tie" if choice == "tie" else "tuned" if choice == tuned[pair] else "base"
        by_pair.setdefault(pair, {})[annotator] = side
    counts = Counter(_majority(list(one.values())) for one in by_pair.values())
    decided = counts["tuned"] + counts["base"]
    low, high = wilson(counts["tuned"], decided)
    people = len({annotator for _, annotator in known})
    return Preference(
        len(by_pair), counts["tuned"], counts["base"], counts["tie"],
        counts["tuned"] / decided if decided else None, low, high,
        people, alpha(list(by_pair.values())), len(said) - len(known), tuple(broken),
    )  # fmt: skip


def preference_lines(found: Preference) -> list[str]:
    """Return what people prefer, in sentences."""
    lines = [f"{where}: {why}" for where, why in found.broken]
    if found.unknown:
        lines.append(f"{found.unknown:,} decisions are on pairs that the key does not have")
    lines.append(
        f"{found.pairs:,} pairs judged by {found.annotators:,} people: tuned {found.wins:,}, base {found.losses:,}, "
        f"ties {found.ties:,}"
    )
    if found.rate is None:
        lines.append("win rate: not measured, no pair was decided")
    else:
        lines.append(
            f"win rate of the tuned model {found.rate:.1%} (95%: {found.low:.1%} to {found.high:.1%})"
        )
    told = "not measured" if found.agreement is None else f"{found.agreement:.2f}"
    return [*lines, f"agreement between annotators (Krippendorff's alpha): {told}"]


def _majority(said: Sequence[str]) -> str:
    (first, most), *others = Counter(said).most_common()
    return "tie" if others and others[0][1] == most else first


def _key_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for where, row in _rows(path):
        if isinstance(row, str) or not {"pair", "tuned"} <= set(row) or row["tuned"] not in ("A", "B"):
            raise ReviewError(
                f"{where} is no line of a key", "name the ab_key.jsonl that the evaluation wrote"
            )
        yield row


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    """Yield the rows of a file with file and line; a broken one as what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReviewError(f"{path} cannot be read: {error.strerror}", "name an existing file") from error
    except UnicodeDecodeError as error:
        raise ReviewError(f"{path} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    if path.suffix.lower() in (".csv", ".tsv"):
        yield from _table(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            yield f"{path}:{number}", value if isinstance(value, dict) else "not a JSON object"


def _table(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any] | str]]:
    heading = text.splitlines()[0] if text.strip() else ""
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count))
    lacking = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if lacking:
        raise ReviewError(
            f"{path} has no column {', '.join(lacking)}", f"its heading names {', '.join(REQUIRED)}"
        )
    for row in reader:
        yield f"{path}:{reader.line_num}", {name: cell for name, cell in row.items() if isinstance(cell, str)}


def _choice(row: Mapping[str, Any]) -> tuple[str, str, Choice] | str:
    """Return pair, annotator and choice of a row, or what is wrong with it, without repeating what stands in it."""
    values = {name: str(row.get(name) or "").strip() for name in REQUIRED}
    missing = [name for name, value in values.items() if not value]
    if missing:
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    choice = CHOICES.get(values["decision"].lower())
    if choice is None:
        return "the decision is none of A, B, tie, 甲, 乙, 平"
    return values["pair"], values["annotator"], choice
