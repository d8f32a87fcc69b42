"""The labelled texts that the score is computed on, each with its gold spans, from four sources.

`presidio`: presidio-research's generated English (names and addresses in templates). `en`, `zh`: public corpora
labelled by hand by `pii_rule.md`. `slots`: Chinese corpora with made-up values put into declared places. All are
halved by the hash of the text as it stands in its corpus.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from corpora_pii import digest, half, rows, text_at
from pii_sample_names_zh import NEW
from pii_values import PERSONAL, made_up

HERE = Path(__file__).parent
GENERATED = "presidio_research/generated_large.json.gz"
NEVER_DRAWN = "fresh Chinese, corpora never drawn from before"
DRAWN_BEFORE = "fresh Chinese, other texts of corpora drawn from before"
# A LOCATION beside an ADDRESS is a part of it; alone it is a city or a country, which the rule does not call
# personal. ORGANIZATION,
# TITLE, PREFIX and DOMAIN_NAME are not personal either: what a detector marks there is wrong.
MAPPED = {
    "PERSON": "name",
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "bank_card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "US_DRIVER_LICENSE": "licence",
    "IP_ADDRESS": "ip",
}


@dataclass(frozen=True, slots=True)
class Gold:
    """A labelled span; `unsure` counts neither way, `public` names somebody found in an encyclopedia."""

    start: int
    end: int
    kind: str
    public: bool = False
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One labelled text."""

    source: str
    lang: str
    half: str
    text: str
    gold: tuple[Gold, ...]


def load(data: Path, halves: tuple[str, ...], draws: int) -> list[Text]:
    """Return the texts of the wanted halves; each place for a made-up value is filled `draws` times."""
    texts = [*_generated(data), *_labelled(data, "en"), *_labelled(data, "zh"), *_filled(data, draws)]
    return [text for text in texts if text.half in halves]


def load_fresh(data: Path, halves: tuple[str, ...]) -> list[Text]:
    """Return the Chinese texts that were drawn and labelled for names after the recogniser was written."""
    texts = []
    for text, file in _rows_of(data, "pii_names_zh_fresh.jsonl"):
        drawn_before = file.split("/")[0] not in NEW
        texts.append(replace(text, source=DRAWN_BEFORE if drawn_before else NEVER_DRAWN))
    return [text for text in texts if text.half in halves]


def _generated(data: Path) -> Iterator[Text]:
    for row in rows(data / GENERATED):
        text = row["full_text"]
        gold, parts = [], []
        for span in row["spans"]:
            start, end, kind = span["start_position"], span["end_position"], span["entity_type"]
            if kind in MAPPED:
                gold.append(Gold(start, end, MAPPED[kind]))
            elif kind in ("ADDRESS", "LOCATION"):
                parts.append((start, end, kind == "ADDRESS"))
            elif kind == "DATE_TIME":
                # Some are dates of birth and some are not; the labels do not say which.
                gold.append(Gold(start, end, "birth_date", unsure=True))
        gold.extend(_joined(text, sorted(parts)))
        yield Text("presidio", "en", half(text), text, tuple(sorted(gold, key=lambda g: g.start)))


def _joined(text: str, parts: list[tuple[int, int, bool]]) -> Iterator[Gold]:
    """Join the parts of an address that touch, as the rule does; a house number left alone is unsure."""
    runs: list[list[tuple[int, int, bool]]] = []
    for part in parts:
        if runs and re.fullmatch(r"[\s,\\]*", text[runs[-1][-1][1] : part[0]]):
            runs[-1].append(part)
        else:
            runs.append([part])
    for run in runs:
        if any(is_address for _, _, is_address in run):
            start, end = run[0][0], run[-1][1]
            yield Gold(start, end, "address", unsure=not re.search(r"[^\W\d]{3}", text[start:end]))


def _labelled(data: Path, lang: str) -> Iterator[Text]:
    for text, _ in _rows_of(data, f"pii_spans_{lang}.jsonl"):
        yield text


def _rows_of(data: Path, labels: str) -> Iterator[tuple[Text, str]]:
    """Yield each labelled text and the file of the corpus that it stands in."""
    for line in (HERE / labels).read_text("utf-8").splitlines():
        row = json.loads(line)
        text = text_at(data, row["file"], row["row"], row["field"])
        if digest(text) != row["digest"]:
            raise SystemExit(f"{row['file']} row {row['row']} is not the text that was labelled")
        spans = tuple(Gold(**span) for span in row["spans"])
        yield Text(row["lang"], row["lang"], row["half"], text, spans), row["file"]


def _filled(data: Path, draws: int) -> Iterator[Text]:
    for line in (HERE / "pii_slots_zh.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        text = text_at(data, row["file"], row["row"], row["field"])
        for draw in range(draws):
            rng = random.Random(f"{row['digest']}-{draw}")
            carrier, gold = "", []
            for part in re.split(r"(\{\w+\})", row["carrier"]):
                start = row["at"] + len(carrier)
                place = part.strip("{}") if part.startswith("{") else ""
                carrier += made_up(place, rng) if place else part
                if place in PERSONAL:
                    gold.append(Gold(start, row["at"] + len(carrier), PERSONAL[place]))
            whole = text[: row["at"]] + carrier + text[row["at"] :]
            yield Text("slots", "zh", row["half"], whole, tuple(gold))
