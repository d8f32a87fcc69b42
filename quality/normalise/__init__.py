"""Repairs to one text: encoding, control characters, leftovers of HTML, Unicode forms, blanks; and lengths.

Each step is a pure function from a text (and what its record is about) to a text with counts of what it
repaired; `STEPS` holds them in their order. English and Chinese are repaired by the same rules. A step would
rather leave a blemish than damage a text whose subject is that very thing, so it asks the `Subject`.
Rejected: one call that "cleans" a text, which nobody can argue with in part; see each module for the
libraries that were weighed.
"""

from quality.normalise.characters import normalise_unicode
from quality.normalise.encoding import remove_controls, repair_mojibake
from quality.normalise.length import cut_points, cut_to, has_tokens, most_tokens
from quality.normalise.markup import remove_html
from quality.normalise.placeholder import placeholder_of
from quality.normalise.repair import Repair, Step
from quality.normalise.steps import STEPS, is_suspicious
from quality.normalise.subject import Subject
from quality.normalise.whitespace import tidy_whitespace

__all__ = [
    "STEPS",
    "Repair",
    "Step",
    "Subject",
    "cut_points",
    "cut_to",
    "has_tokens",
    "is_suspicious",
    "most_tokens",
    "normalise_unicode",
    "placeholder_of",
    "remove_controls",
    "remove_html",
    "repair_mojibake",
    "tidy_whitespace",
]
