"""Parameters of `fidelity`: the floors and ceilings of a child beside its parent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.models import ModelRef
from pipeline.stages.protocol import StageParams

CLOSE = 0.9
"""Cosine from which two prompts are looked at, so that the threshold above it moves for free."""
LEXICALLY_CLOSE = 0.75
"""The same for the lexical embedder."""
NEAR = 0.6
"""The same for the Jaccard similarity of shingles."""


class FidelityParams(StageParams):
    """Parameters of `fidelity`. Each limit is held by the texts that differ from the parent's, taken together."""

    stage: Literal["fidelity"] = "fidelity"

    # The score is a probability that was fitted with both labels weighing the same.
    min_meaning: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Least score that the meaning was kept; at .5 either is as likely.",
    )
    min_similarity: float = Field(
        default=0.75,
        ge=-1,
        le=1,
        description="Least cosine to the parent; a harmless rewrite of a prompt seldom lies below.",
    )
    min_bertscore: float = Field(
        default=0.75,
        ge=-1,
        le=1,
        description="Least BERTScore (F1, not rescaled) to the parent; a harmless rewrite seldom lies below.",
    )
    max_copy: float = Field(
        default=0.9, ge=0, le=1, description="Greatest BLEU to the parent; what differs less teaches nothing."
    )
    max_perplexity_factor: float = Field(
        default=2.5,
        ge=1,
        description="Greatest perplexity of a character beside the parent's, beyond the standard error of both; other "
        "words than a corpus's own cost up to twice as much, and garbled ones more. Not measured in a language with "
        "less than 20,000 characters of prompts.",
    )
    near_threshold: float = Field(
        default=0.9,
        ge=NEAR,
        le=1,
        description="Jaccard from which a child is a near copy of a brother or other record.",
    )
    threshold: float = Field(
        default=0.93,
        ge=CLOSE,
        le=1,
        description="Cosine from which a child asks what a record of another root asks; in another split, whatever "
        "else the two differ in.",
    )
    lexical_threshold: float = Field(
        default=0.85,
        ge=LEXICALLY_CLOSE,
        le=1,
        description="The same for the lexical embedder, where the model does not know the language.",
    )
    max_neighbours: int = Field(default=50, ge=1, description="Most pairs proposed for one record.")
    model: ModelRef = Field(default=ModelRef(), description="The embedder.")
    bertscore_model: ModelRef | None = Field(
        default=None,
        description="Another encoder for BERTScore; null: the embedder's last layer, which costs no second pass.",
    )
    bertscore_layer: int | None = Field(
        default=None, ge=1, description="Layer whose vectors BERTScore compares; null: the last but one."
    )
