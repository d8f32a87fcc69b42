"""The stages, by the name a recipe calls them. Adding one = its file, a line here, and its params in the union."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from pipeline.stages.augment import Augment
from pipeline.stages.augment_params import AugmentParams
from pipeline.stages.balance import Balance
from pipeline.stages.balance_params import BalanceParams
from pipeline.stages.coverage import CoverageParams, CoverageStage
from pipeline.stages.decontaminate import Decontaminate, DecontaminateParams
from pipeline.stages.dedupe import Dedupe, DedupeParams
from pipeline.stages.fidelity import FidelityStage
from pipeline.stages.fidelity_params import FidelityParams
from pipeline.stages.heuristics import Heuristics, HeuristicsParams
from pipeline.stages.language import LanguageParams, LanguageStage
from pipeline.stages.normalise import Normalise, NormaliseParams
from pipeline.stages.perplexity import Perplexity, PerplexityParams
from pipeline.stages.protocol import EditStage, JudgeStage, StageParams
from pipeline.stages.reference import Reference, ReferenceParams
from pipeline.stages.relevance import RelevanceParams, RelevanceStage
from pipeline.stages.review import Review, ReviewParams
from pipeline.stages.scrub import Scrub
from pipeline.stages.scrub_params import ScrubParams
from pipeline.stages.split import Split, SplitParams
from pipeline.stages.toxicity import ToxicityParams, ToxicityStage


@dataclass(frozen=True, slots=True)
class StageKind:
    """A stage as the registry knows it: how it works, the object, and its parameters.

    `never_after` and `never_before` name a stage and say what would leak or break if this one stood after, or before,
    any of it in a recipe; `only_after` and `only_before` name one that must stand somewhere before it, or after it.
    `gate`: it condemns single records for what they are, and a text that a person accepted is exempt from it.
    """

    kind: Literal["edit", "judge"]
    stage: EditStage[Any] | JudgeStage[Any]
    params: type[StageParams]
    purpose: str
    never_after: tuple[str, str] | None = None
    never_before: tuple[str, str] | None = None
    only_after: tuple[str, str] | None = None
    only_before: tuple[str, str] | None = None
    gate: bool = False


STAGES: dict[str, StageKind] = {
    "normalise": StageKind(
        "edit",
        Normalise(),
        NormaliseParams,
        "repairs encoding, HTML, spaces, placeholders and length",
        never_after=("scrub", "a repaired text may hold personal data that could not be seen before"),
    ),
    "heuristics": StageKind(
        "judge", Heuristics(), HeuristicsParams, "drops records that no one could learn from", gate=True
    ),
    "language": StageKind(
        "judge",
        LanguageStage(),
        LanguageParams,
        "drops answers in a language that nobody asked for",
        gate=True,
    ),
    "dedupe": StageKind("judge", Dedupe(), DedupeParams, "keeps one of each set of duplicates"),
    "scrub": StageKind(
        "edit", Scrub(), ScrubParams, "replaces personal data, also in what is dropped and in meta"
    ),
    "perplexity": StageKind(
        "judge",
        Perplexity(),
        PerplexityParams,
        "flags responses that no one would expect, or everyone",
        gate=True,
    ),
    "relevance": StageKind(
        "judge",
        RelevanceStage(),
        RelevanceParams,
        "flags responses that do not answer their prompt at all",
        gate=True,
    ),
    "toxicity": StageKind(
        "judge",
        ToxicityStage(),
        ToxicityParams,
        "flags abuse, threats, sexual and self-harm language",
        gate=True,
    ),
    "reference": StageKind(
        "judge",
        Reference(),
        ReferenceParams,
        "holds responses against a reference text that they have",
        gate=True,
    ),
    "decontaminate": StageKind(
        "judge",
        Decontaminate(),
        DecontaminateParams,
        "drops records that hold passages of an evaluation set",
    ),
    "review": StageKind(
        "judge",
        Review(),
        ReviewParams,
        "applies what people decided, to the very texts they decided on",
        never_after=("scrub", "a text that people wrote may hold personal data"),
    ),
    "coverage": StageKind(
        "judge", CoverageStage(), CoverageParams, "says how much of the domain's keywords the set mentions"
    ),
    "balance": StageKind(
        "judge",
        Balance(),
        BalanceParams,
        "brings groups to the shares that are wanted, and gives every record its weight",
        never_after=("split", "each split would then have shares of its own"),
    ),
    "split": StageKind(
        "judge",
        Split(),
        SplitParams,
        "train, validation and test without leakage",
        never_before=("scrub", "scrubbing makes twins, and they would stand in two splits"),
    ),
    "augment": StageKind(
        "edit",
        Augment(),
        AugmentParams,
        "makes variants of training records",
        only_after=(
            "split",
            "only training records have children, so that validation and test hold originals",
        ),
        only_before=("fidelity", "no child counts before it was held beside its parent"),
    ),
    "fidelity": StageKind(
        "judge",
        FidelityStage(),
        FidelityParams,
        "holds each child beside its parent and beside all other records",
        only_after=("augment", "there are no children to judge"),
        gate=True,
    ),
}


def prepare(params: StageParams, base: Path) -> StageParams:
    """Return a stage's parameters as its work needs them, after looking whether all that they name is there.

    Args:
        params: as the recipe says.
        base: the folder that its paths are relative to.

    Raises:
        RecipeError: something that they name, such as a key, is missing.
    """
    stage: Any = STAGES[params.stage_name()].stage
    prepared: StageParams = stage.prepared(params, base) if hasattr(stage, "prepared") else params
    return prepared


def settings(params: StageParams) -> dict[str, object]:
    """Return what a stage's result depends on, of its parameters."""
    stage: Any = STAGES[params.stage_name()].stage if params.stage_name() in STAGES else None
    if hasattr(stage, "settings"):
        told: dict[str, object] = stage.settings(params)
        return told
    return params.model_dump(mode="json")


def remarks(params: StageParams) -> list[str]:
    """Return what a reader of the plan should know of a stage, beyond its purpose."""
    stage: Any = STAGES[params.stage_name()].stage
    return list(stage.remarks(params)) if hasattr(stage, "remarks") else []


AnyStageParams: TypeAlias = Annotated[
    NormaliseParams
    | HeuristicsParams
    | LanguageParams
    | DedupeParams
    | ScrubParams
    | PerplexityParams
    | RelevanceParams
    | ToxicityParams
    | ReferenceParams
    | DecontaminateParams
    | ReviewParams
    | CoverageParams
    | BalanceParams
    | SplitParams
    | AugmentParams
    | FidelityParams,
    Field(discriminator="stage"),
]

__all__ = ["STAGES", "AnyStageParams", "StageKind", "prepare", "remarks", "settings"]
