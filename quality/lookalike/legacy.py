"""The comparison of two prompts as one word, for callers that have no requests yet."""

from __future__ import annotations

from quality.lookalike.judge import compare_texts


def difference(left: str, right: str) -> str:
    """Return what two prompts disagree on, a key of `KINDS`, or ""."""
    return compare_texts(left, right).differs
