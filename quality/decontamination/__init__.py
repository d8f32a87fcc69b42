"""Decontamination: which training texts hold passages of an evaluation set.

The test side is indexed and the training side is streamed, so that memory is bounded by the test sets and time is
linear in the text. `weigh` learns which runs of words are common, `search` finds the passages, both over batches.
"""

from quality.decontamination.index import Index, build, from_table, to_table, weigh
from quality.decontamination.passages import Passage, Pieces, cut
from quality.decontamination.search import Match, Texts, count, search

__all__ = [
    "Index",
    "Match",
    "Passage",
    "Pieces",
    "Texts",
    "build",
    "count",
    "cut",
    "from_table",
    "search",
    "to_table",
    "weigh",
]
