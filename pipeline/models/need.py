"""What a stage or a method says it needs: a model or a program, known before any work starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.models import Models
from pipeline.models.reference import ModelIdentity, ModelRef


@dataclass(frozen=True, slots=True)
class Need:
    """A model that a stage will ask for: as what, and which one (None: the default of its kind)."""

    kind: Literal[
        "embedder",
        "token_counter",
        "tagger",
        "scorer",
        "causal_lm",
        "kenlm",
        "classifier",
        "apertium",
        "seq2seq",
        "ct2",
        "wordnet",
    ]
    ref: ModelRef | None = None
    path: str = ""
    """Of what is no model of a hub, such as a KenLM file, WordNet or a mode of Apertium: where it is."""

    def identity(self, models: Models) -> ModelIdentity:
        """Return who the model is, without loading it.

        Raises:
            ModelError: it is not on this machine; the hint is the command that gets it.
        """
        if self.kind == "token_counter":
            return models.token_counter_identity(self.ref)
        if self.kind == "tagger":
            return models.tagger_identity(self.ref or ModelRef())
        if self.kind == "scorer":
            return models.scorer_identity(self.ref or ModelRef())
        if self.kind == "causal_lm":
            return models.causal_lm_identity(self.ref or ModelRef())
        if self.kind == "kenlm":
            return models.kenlm_identity(self.path)
        if self.kind in ("apertium", "seq2seq", "ct2"):
            return models.translator_identity(self.kind, self.ref, self.path)
        if self.kind == "classifier":
            return models.classifier_identity(self.ref or ModelRef())
        if self.kind == "wordnet":
            return models.wordnet_identity(self.path)
        return models.identity(self.ref or ModelRef())
