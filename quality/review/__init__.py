"""What people say of a dataset: decisions read, combined, and measured; and whom to ask about what."""

from quality.review.decisions import FIELDS, Broken, Decision, DecisionsError, parse
from quality.review.sample import draw
from quality.review.verdicts import Conflict, Consistency, Outcome, agreement, combine, consistency

__all__ = [
    "FIELDS",
    "Broken",
    "Conflict",
    "Consistency",
    "Decision",
    "DecisionsError",
    "Outcome",
    "agreement",
    "combine",
    "consistency",
    "draw",
    "parse",
]
