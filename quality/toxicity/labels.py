"""What the labels of a toxicity classifier stand for, by their names."""

from __future__ import annotations

import re

from quality.toxicity.lexicon import read

_SIGN = re.compile(r"[\W_]+")


def label_category(label: str) -> str:
    """Return the category that a label stands for, `none` for a harmless one, "" for a name that says nothing."""
    known: dict[str, str] = read("labels.json")["labels"]
    return known.get(_SIGN.sub("", label.lower()), "")
