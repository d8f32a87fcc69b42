"""Parameters of `augment`: which methods, how many children, which groups shall grow."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.augment import AnyMethodParams
from pipeline.stages.protocol import StageParams


class Target(BaseModel):
    """Groups that shall grow: those below the size get children until they reach it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str = Field(
        min_length=1,
        description="What makes the groups: source, lang, tags, meta.<key>, or a column that an earlier stage decides.",
    )
    size: int | None = Field(
        default=None, ge=1, description="Training records that each group shall have at least."
    )
    ratio: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="The same as a share of the largest group's; 1: all as large as it.",
    )

    @model_validator(mode="after")
    def _one_aim(self) -> Target:
        if (self.size is None) == (self.ratio is None):
            raise ValueError("name one of size and ratio")
        return self


class AugmentParams(StageParams):
    """Parameters of `augment`."""

    stage: Literal["augment"] = "augment"

    methods: tuple[AnyMethodParams, ...] = Field(
        min_length=1,
        description="The methods, each with its own parameters; every one makes its own children.",
    )
    factor: float | None = Field(
        default=None,
        gt=1,
        le=100,
        description="What the training split shall grow to, times its size; null: all children that pass.",
    )
    target: Target | None = Field(
        default=None, description="Groups that shall grow to a size; not together with `factor`."
    )
    rounds: int = Field(
        default=4,
        ge=1,
        le=20,
        description="With a factor or a target: how often as many children are asked for as are missing, since many "
        "fail; 1 for a method that costs money.",
    )
    protect: tuple[str, ...] = Field(
        default=(), description="Words and phrases that no method may change; case does not matter."
    )
    flagged: bool = Field(
        default=False,
        description="Whether records that a gate flagged have children too: faults are inherited.",
    )

    @model_validator(mode="after")
    def _sound(self) -> AugmentParams:
        if self.factor is not None and self.target is not None:
            raise ValueError("name one of factor and target")
        names = [method.label() for method in self.methods]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the method {twice[0]!r} stands twice; give each its own `name`")
        return self
