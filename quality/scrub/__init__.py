"""What stands where personal data stood: tags, masks, surrogates; and the loop that puts it there.

Finding is `quality.pii`'s; this package knows texts and spans, and nothing of records, recipes or files.
"""

from __future__ import annotations

from quality.scrub.custom import PatternError, compiled, denied_spans, folded, pattern_spans
from quality.scrub.places import Mark
from quality.scrub.records import Detect, Manner, Policy, Scrubbed, Shown, scrub
from quality.scrub.surrogates import entity_of, surrogate
from quality.scrub.tags import tag

__all__ = [
    "Detect",
    "Manner",
    "Mark",
    "PatternError",
    "Policy",
    "Scrubbed",
    "Shown",
    "compiled",
    "denied_spans",
    "entity_of",
    "folded",
    "pattern_spans",
    "scrub",
    "surrogate",
    "tag",
]  # fmt: skip
