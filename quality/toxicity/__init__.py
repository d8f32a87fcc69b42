"""Insults, slurs, threats, sexual and self-harm language in English and Chinese, and identity terms."""

from quality.toxicity.identity import GROUPS, Mention, mentions
from quality.toxicity.labels import label_category
from quality.toxicity.score import CATEGORIES, Span, score_of, spans

__all__ = ["CATEGORIES", "GROUPS", "Mention", "Span", "label_category", "mentions", "score_of", "spans"]
