"""Parameters of `balance`, and what is wrong with them whatever the corpus holds."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from pipeline.stages.protocol import StageParams


class BalanceParams(StageParams):
    """Parameters of `balance`: the groups, the shares they should have, how they get there, and weights."""

    stage: Literal["balance"] = "balance"
    by: str = Field(
        default="",
        pattern=r"^(|[A-Za-z_][A-Za-z0-9_]*(\..+)?)$",
        description="What makes the groups: source, lang, tags, length, meta.<key>, or a column that an earlier stage"
        " decides. Empty: no group is balanced.",
    )
    targets: Literal["keep", "equal", "positive_negative"] | dict[str, float] = Field(
        default="keep",
        description="Shares of groups, such as {faq: 0.4}, groups not named sharing the rest as they are; equal: one"
        " share each; positive_negative: at least 3 and at most 5 negative records to a positive one; keep: as is.",
    )
    how: Literal["drop", "weight"] = Field(
        default="drop",
        description="drop: records of groups above their share go, drawn by the seed; weight: all stay and weigh"
        " more or less.",
    )
    positive: tuple[str, ...] = Field(
        default=("positive", "pos", "yes", "true", "1", "正", "正面", "正向", "积极", "阳性", "是"),
        description="Values that count as positive for positive_negative, in any case.",
    )
    negative: tuple[str, ...] = Field(
        default=("negative", "neg", "no", "false", "0", "负", "负面", "负向", "消极", "阴性", "否"),
        description="Values that count as negative; records of neither are left alone.",
    )
    least_ratio: float = Field(default=3, gt=0, description="Negative records to a positive one, at least.")
    most_ratio: float = Field(default=5, gt=0, description="Negative records to a positive one, at most.")
    # A tiny group would otherwise empty the set: with a target of a half, ten records leave twenty.
    least_kept: float = Field(
        default=0.5, ge=0, le=1,
        description="Share of the records that stays at least; groups that then miss their share are named.",
    )  # fmt: skip
    # A record that counts ten times is learnt by heart; four is what two epochs more of it would be.
    most_weight: float = Field(
        default=4,
        ge=1,
        description="Greatest weight of a group under `how: weight`; its inverse is the least.",
    )
    length_bins: tuple[int, ...] = Field(
        default=(32, 128, 512),
        min_length=1,
        description="Of `length`: the bounds between groups, in words of the response (a Chinese character counts as"
        " one).",
    )
    importance: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="Factors of a record's weight by what it is, such as {source: {handbook: 2.0}}.",
    )
    difficulty: str = Field(
        default="",
        description="A numeric column of an earlier stage, such as ifd, by whose rank records weigh more; empty: none.",
    )
    difficulty_factors: tuple[float, float] = Field(
        default=(0.5, 1.5),
        description="Factors of the weight of the easiest and of the hardest record; records without a value have 1.",
    )

    @model_validator(mode="after")
    def _possible(self) -> BalanceParams:
        if self.targets != "keep" and not self.by:
            raise ValueError("`targets:` needs `by:`, what the groups are made by")
        if isinstance(self.targets, dict):
            self._shares(self.targets)
        if self.least_ratio > self.most_ratio:
            raise ValueError(f"least_ratio {self.least_ratio:g} is more than most_ratio {self.most_ratio:g}")
        both = {v.casefold() for v in self.positive} & {v.casefold() for v in self.negative}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be both positive and negative")
        if self.targets == "positive_negative" and self.how == "weight":
            raise ValueError("positive_negative moves a ratio by dropping; leave out `how: weight`")
        if list(self.length_bins) != sorted(set(self.length_bins)) or self.length_bins[0] < 1:
            raise ValueError("length_bins must rise, from 1 at least")
        factors = [
            *self.difficulty_factors,
            *(f for named in self.importance.values() for f in named.values()),
        ]
        if any(not 0 < factor < math.inf for factor in factors):
            raise ValueError("factors of a weight must be above 0")
        return self

    @staticmethod
    def _shares(targets: dict[str, float]) -> None:
        if any(not 0 <= share <= 1 for share in targets.values()):
            raise ValueError("targets are shares between 0 and 1")
        if sum(targets.values()) > 1 + 1e-9:
            raise ValueError(f"targets add up to {sum(targets.values()):g}, more than 1")
