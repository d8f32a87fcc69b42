"""Cheap tests of a text's worth: refusals, placeholders, loops, echoes, things that are not there.

Each is a pure function from texts to a number or to the id of a rule; what number is too much is for the
caller to say. English and Chinese are judged by the same rules of structure, with word lists for both in
`rules.txt`; other languages pass the tests that read words and meet those that count.
Rejected: one score from all tests, which nobody can argue with and nobody can act on.
"""

from quality.heuristics.context import KINDS, Missing, missing_context
from quality.heuristics.echo import echo, likeness
from quality.heuristics.examine import FLOOR, Findings, examine
from quality.heuristics.form import symbol_ratio, unclosed_fence
from quality.heuristics.merged import merged
from quality.heuristics.placeholder import blank_input, is_empty, placeholder
from quality.heuristics.refusal import Refusal, refusal
from quality.heuristics.repetition import MOST_LOOP, MOST_REPEATED, Repetition, loops, repetition

__all__ = [
    "FLOOR",
    "KINDS",
    "MOST_LOOP",
    "MOST_REPEATED",
    "Findings",
    "Missing",
    "Refusal",
    "Repetition",
    "blank_input",
    "echo",
    "examine",
    "is_empty",
    "likeness",
    "loops",
    "merged",
    "missing_context",
    "placeholder",
    "refusal",
    "repetition",
    "symbol_ratio",
    "unclosed_fence",
]
