"""Plain words for machine-readable names: what a reason says, what a measure means.

They are data (`reasons.json`, `measures.json`, `evidence.json`), so that whoever writes for annotators need not read
code. A name that ends on a dot speaks for all that begin with it; one that nobody described is shown as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Words:
    """A title for tables and charts, a sentence that explains it, and a unit for an axis."""

    title: str
    sentence: str
    unit: str = ""


@cache
def _described(file: str) -> dict[str, Words]:
    listed = json.loads((_FOLDER / file).read_text(encoding="utf-8"))
    return {name: Words(**words) for name, words in listed.items()}


def reason_words(reason: str) -> Words:
    """Return the words for a reason, those of the longest described beginning if it has none of its own."""
    described = _described("reasons.json")
    parts = reason.split(".")
    beginnings = [".".join(parts[:count]) + "." for count in range(len(parts) - 1, 0, -1)]
    for name in (reason, *beginnings):
        if name in described:
            found = described[name]
            return found if name == reason else Words(f"{found.title}: {reason}", found.sentence)
    return Words(reason, "No sentence explains this reason yet; its code is all there is.")


def measure_words(measure: str) -> Words:
    """Return the words for a column or another measure."""
    found = _described("measures.json").get(measure)
    return found or Words(measure, f"The column {measure} of records.parquet.", measure)


@cache
def _labels() -> dict[str, str]:
    labels: dict[str, str] = json.loads((_FOLDER / "evidence.json").read_text(encoding="utf-8"))
    return labels


def evidence_label(key: str) -> str:
    """Return what a piece of evidence is called before a reader."""
    return _labels().get(key, key.replace("_", " "))


ACTIONS = {
    "drop": Words("removed", "taken out of the dataset"),
    "flag": Words("kept, to be looked at", "kept, and put on the list for review"),
    "edit": Words("changed", "kept, with a changed text"),
    "add": Words("added", "made from another record"),
}
"""What happens to a record, in plain words."""

SIMILARITIES = ("cosine", "lexical_cosine", "jaccard")
"""Numbers about a dropped duplicate and the record kept instead of it, in the evidence of the drop."""

FIELDS = {
    "system": "System",
    "instruction": "Instruction",
    "input": "Input",
    "output": "Response",
    "user": "Earlier question",
    "assistant": "Earlier answer",
}
"""What a reader calls the fields of a record."""
