"""Back-translation in a recipe: who translates, by which models, and how.

One entry a language and pivot, told apart by `by`. Rejected: naming only the languages (which model translates would be
this project's choice, and change with it).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.augment.protocol import MethodParams
from pipeline.models import ModelRef
from pipeline.models.apertium import FOLDER, SECONDS


class ApertiumTranslation(BaseModel):
    """There and back by Apertium's rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["apertium"] = "apertium"
    language: Literal["en"] = Field(
        default="en",
        description="Of the texts; its round trips are only used where their changes were read, which is English.",
    )
    pair: str = Field(
        default="eng-spa",
        pattern=r"^(en|eng)-[a-z_]{2,7}$",
        description="English and the pivot, as Apertium names the pair; both directions must be installed.",
    )
    data: str = Field(default=FOLDER, description="The folder of Apertium's data, which holds `modes`.")
    seconds: float = Field(
        default=SECONDS,
        gt=0,
        description="Without a sign of life, after which the translator is held to hang.",
    )


class Direction(BaseModel):
    """One direction of a translation model, and how it names the two languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelRef = Field(description="A Marian, NLLB, M2M or mBART model (for CTranslate2: converted).")
    source: str = Field(
        default="", description="As the model names it: eng_Latn (NLLB), en (M2M), blank (opus-mt)."
    )
    target: str = Field(
        default="",
        description="Likewise: zho_Hans (NLLB), zh (M2M), cmn_Hans (opus-mt-en-zh), blank (opus-mt-zh-en).",
    )


class ModelTranslation(BaseModel):
    """There and back by two models, or by one of many languages twice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["transformers", "ctranslate2"]
    language: str = Field(pattern=r"^[a-z]{2}$", description="Of the texts, as ISO 639-1.")
    there: Direction = Field(description="Into the pivot language.")
    back: Direction = Field(description="Out of the pivot language.")
    beams: int = Field(
        default=4, ge=1, le=32, description="Of the search; more are slower and hardly better."
    )
    temperature: float = Field(
        default=0.0,
        ge=0,
        le=2,
        description="0 searches; above it words are drawn, which gives each child of a parent another text.",
    )
    batch_tokens: int = Field(
        default=4096,
        ge=64,
        description="Of one padded batch of transformers, beams included: what the memory must hold.",
    )

    @model_validator(mode="after")
    def _draws(self) -> ModelTranslation:
        if self.by == "ctranslate2" and self.temperature > 0:
            raise ValueError(
                "`temperature` needs `by: transformers`: CTranslate2 cannot draw a sentence by its own seed"
            )
        return self

    @property
    def library(self) -> Literal["seq2seq", "ct2"]:
        """Which code runs the models."""
        return "seq2seq" if self.by == "transformers" else "ct2"


Translation: TypeAlias = Annotated[ApertiumTranslation | ModelTranslation, Field(discriminator="by")]


class BackTranslationParams(MethodParams):
    """Back-translation in a recipe."""

    method: Literal["back_translation"] = "back_translation"
    translations: tuple[Translation, ...] = Field(
        default=(ApertiumTranslation(),),
        min_length=1,
        description="Who translates; several of one language (other pivots) take turns over the children of a parent.",
    )

    @field_validator("translations")
    @classmethod
    def _no_twins(cls, value: tuple[Translation, ...]) -> tuple[Translation, ...]:
        if len(set(value)) != len(value):
            raise ValueError(
                "names one translation twice: the second would make the children of the first again"
            )
        return value
