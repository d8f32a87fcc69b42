"""Do two texts that look alike ask for the same thing, as a person would say?

An embedding sees "in 10 words" and "in 25 words" as one request (cosine .92). Here two texts are cut into
tokens (values, units, words, operators, Han characters), aligned, and what is left over on each side is
judged: nothing but form, something of content, or another wording altogether, for similarity to decide.
Rejected: a list of known confusions, which ends where its author's imagination did; a language model as
judge, which is slow, dear and not the same tomorrow.
"""

from quality.lookalike.answers import conflict, contradiction, is_retold
from quality.lookalike.compare import compare_requests, hardly_differ
from quality.lookalike.judge import compare_texts
from quality.lookalike.request import KINDS, Request, Verdict
from quality.lookalike.reworded import REWORDABLE, has_same_topics, is_narrowed
from quality.lookalike.spread import changed_places

__all__ = [
    "KINDS",
    "REWORDABLE",
    "Request",
    "Verdict",
    "changed_places",
    "compare_requests",
    "compare_texts",
    "conflict",
    "contradiction",
    "hardly_differ",
    "has_same_topics",
    "is_narrowed",
    "is_retold",
]
