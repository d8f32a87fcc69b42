"""The stages, by the name a recipe calls them. Adding one = its file, a line here, and its params in the union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from pipeline.stages.dedupe import Dedupe, DedupeParams
from pipeline.stages.heuristics import Heuristics, HeuristicsParams
from pipeline.stages.language import LanguageParams, LanguageStage
from pipeline.stages.normalise import Normalise, NormaliseParams
from pipeline.stages.protocol import EditStage, JudgeStage, StageParams
from pipeline.stages.split import Split, SplitParams


@dataclass(frozen=True, slots=True)
class StageKind:
    """A stage as the registry knows it: how it works, the object, and its parameters."""

    kind: Literal["edit", "judge"]
    stage: EditStage[Any] | JudgeStage[Any]
    params: type[StageParams]
    purpose: str


STAGES: dict[str, StageKind] = {
    "normalise": StageKind(
        "edit",
        Normalise(),
        NormaliseParams,
        "repairs encoding, HTML, spaces, placeholders and length",
    ),
    "heuristics": StageKind(
        "judge", Heuristics(), HeuristicsParams, "drops records that no one could learn from"
    ),
    "language": StageKind(
        "judge", LanguageStage(), LanguageParams, "drops answers in a language that nobody asked for"
    ),
    "dedupe": StageKind("judge", Dedupe(), DedupeParams, "keeps one of each set of duplicates"),
    "split": StageKind("judge", Split(), SplitParams, "train, validation and test without leakage"),
}

AnyStageParams: TypeAlias = Annotated[
    NormaliseParams | HeuristicsParams | LanguageParams | DedupeParams | SplitParams,
    Field(discriminator="stage"),
]

__all__ = ["STAGES", "AnyStageParams", "StageKind"]
