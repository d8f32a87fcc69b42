"""What a recipe may say about `scrub`, checked before any work starts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.keys import KeyRef
from pipeline.models import ModelRef
from pipeline.stages.protocol import StageParams
from quality.pii import KINDS
from quality.scrub import Manner, PatternError, compiled, folded

DEFAULT = "default"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Values = Annotated[tuple[str, ...], Field(min_length=1)]


class NerParams(BaseModel):
    """A model that finds names and other entities, beside the built-in recognisers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelRef = Field(
        description="A token classifier of transformers, or a spaCy pipeline: a folder, or a hub id with a revision."
    )
    labels: dict[str, str] = Field(
        default={"PER": "name", "PERSON": "name"},
        description="Which kind each label of the model is; others are left out. B-, I- and the like are cut off.",
    )
    min_score: float = Field(
        default=0.5, ge=0, le=1, description="Least score of an entity (spaCy gives none and counts as 1)."
    )

    @field_validator("model")
    @classmethod
    def _no_embedder(cls, value: ModelRef) -> ModelRef:
        if value.package is not None:
            raise ValueError("name the folder or the hub id of a model that finds entities")
        return value


class ScrubParams(StageParams):
    """Parameters of `scrub`."""

    stage: Literal["scrub"] = "scrub"
    kinds: tuple[str, ...] = Field(
        default=tuple(KINDS),
        description="The kinds of personal data that are looked for; by default all. What `patterns` and `deny` name "
        "is looked for in any case.",
    )
    replace: Manner | dict[str, Manner] = Field(
        default="tag",
        description="What stands in the place of each kind, or of all: tag (<EMAIL>), pseudonym (a made-up one, the "
        "same for the same entity), mask (stars), drop_record. A mapping's key `default` is for all others.",
    )
    key: KeyRef = Field(default=KeyRef(), description="Where the key of the pseudonyms is.")
    patterns: dict[str, str | Values] = Field(
        default={},
        description="Kind: a pattern of your own, or several (RE2 syntax); its group, if any, is what is personal.",
    )
    deny: dict[str, Values] = Field(
        default={}, description="Kind: values that are always replaced, whatever their case."
    )
    allow: tuple[str, ...] = Field(
        default=(), description="Values that are never replaced, whatever their case and blanks."
    )
    ner: NerParams | None = Field(default=None, description="A model that finds names, if there is one.")

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        _check_kinds(value, KINDS)
        return tuple(kind for kind in KINDS if kind in value)

    @field_validator("patterns")
    @classmethod
    def _patterns_work(cls, value: dict[str, str | Values]) -> dict[str, str | Values]:
        for kind, listed in value.items():
            _check_name(kind)
            for pattern in (listed,) if isinstance(listed, str) else listed:
                try:
                    compiled(pattern)
                except PatternError as error:
                    raise ValueError(f"the pattern of {kind!r} {error}") from None
        return value

    @field_validator("deny")
    @classmethod
    def _values_are_words(cls, value: dict[str, Values]) -> dict[str, Values]:
        for kind, listed in value.items():
            _check_name(kind)
            if not all(any(map(str.isalnum, each)) for each in listed):
                raise ValueError(f"a value of {kind!r} holds no letter and no digit")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> ScrubParams:
        if isinstance(self.replace, dict):
            _check_kinds((kind for kind in self.replace if kind != DEFAULT), (*KINDS, *self.own_kinds()))
        if self.ner is not None:
            _check_kinds(self.ner.labels.values(), (*KINDS, *self.own_kinds()))
        both = {folded(each) for each in self.allow} & {folded(v) for vs in self.deny.values() for v in vs}
        if both:
            raise ValueError(f"{len(both)} values stand both under allow and under deny")
        return self

    def own_kinds(self) -> tuple[str, ...]:
        """Return the kinds that the recipe made up."""
        return tuple(sorted({*self.patterns, *self.deny} - KINDS.keys()))

    def all_kinds(self) -> tuple[str, ...]:
        """Return every kind that may be found."""
        named = {*self.kinds, *self.patterns, *self.deny, *(self.ner.labels.values() if self.ner else ())}
        return (*(kind for kind in KINDS if kind in named), *self.own_kinds())

    def manners(self) -> dict[str, Manner]:
        """Return how each kind is replaced."""
        if isinstance(self.replace, str):
            return dict.fromkeys(self.all_kinds(), self.replace)
        default = self.replace.get(DEFAULT, "tag")
        return {kind: self.replace.get(kind, default) for kind in self.all_kinds()}

    def needs_key(self) -> bool:
        """Tell whether any kind is replaced by pseudonyms."""
        return "pseudonym" in self.manners().values()

    def pattern_lists(self) -> dict[str, tuple[str, ...]]:
        """Return the patterns of each kind."""
        return {kind: (each,) if isinstance(each, str) else each for kind, each in self.patterns.items()}


def _check_kinds(given: Iterable[str], valid: Iterable[str]) -> None:
    known = tuple(valid)
    unknown = [kind for kind in given if kind not in known]
    if unknown:
        named = ", ".join(map(repr, unknown))
        raise ValueError(f"there is no kind {named}. Valid: {', '.join(known)}")


def _check_name(kind: str) -> None:
    if kind == DEFAULT or not _NAME.fullmatch(kind):
        raise ValueError(
            f"{kind!r} is no name of a kind: small letters, digits and _, beginning with a letter"
        )
