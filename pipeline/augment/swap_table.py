"""What the rules of `swap` look up in both languages, and the order that a child's items get."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.augment.protocol import Passage
from pipeline.augment.sentences import shuffled

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Table:
    """What the rules of a language look up.

    Args:
        ordered: words that make an order of what a sentence lists.
        fixed: pairs that are said one way.
        pair: two Chinese nouns that name sides of one thing, after 的.
    """

    ordered: frozenset[str]
    fixed: frozenset[str]
    pair: re.Pattern[str]


@cache
def table(lang: str) -> Table:
    """Return the table of a language."""
    told = json.loads((DATA / "swap.json").read_text("utf-8"))[lang]
    attributes = frozenset(told.get("attributes", ()))
    word = "|".join(sorted(attributes, key=lambda one: (-len(one), one))) or "x"
    pair = re.compile(rf"(?<=的)(?P<a>{word})(?P<word>和|与|及|以及)(?P<b>{word})(?=$|[，,。？?；])")
    return Table(frozenset(told["ordered"]), frozenset(told["fixed"]), pair)


Edit = tuple[int, int, str]
"""From where, up to where, and what stands there then."""


def ordered(words: str, lang: str) -> bool:
    """Tell whether something in a sentence makes an order of what it lists."""
    own = table(lang).ordered
    if lang == "zh":
        return any(word in words for word in own)
    return not own.isdisjoint(words.lower().replace(",", " ").replace("?", " ").split()) or (
        " from " in words and " to " in words
    )


def other_order(passage: Passage, items: list[str]) -> list[str]:
    """Return the items in another order: this passage's own, and never the same."""
    order = shuffled(passage, "swap", items)
    return order if order != items else items[1:] + items[:1]
