"""Insults, slurs, threats, sexual and self-harm language in English and Chinese, as spans; and identity terms by sentiment."""

from quality.toxicity.identity import GROUPS, Mention, mentions
from quality.toxicity.score import CATEGORIES, Span, score_of, spans

__all__ = ["CATEGORIES", "GROUPS", "Mention", "Span", "mentions", "score_of", "spans"]
