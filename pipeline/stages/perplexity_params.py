"""The parameters of `perplexity`: which model says it, what is done about it, and from where on."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from pipeline.models import ModelRef
from pipeline.stages.gates import GateAction
from pipeline.stages.protocol import StageParams

Source: TypeAlias = Literal["ngram", "model", "kenlm"]


class PerplexityParams(StageParams):
    """Parameters of `perplexity`."""

    stage: Literal["perplexity"] = "perplexity"
    source: Source = Field(
        default="ngram",
        description="Who says how expected a text is: n-grams of the corpus, a causal `model`, or a `kenlm` file.",
    )
    model: ModelRef | None = Field(
        default=None, description="With `source: model`: a causal language model, such as Qwen/Qwen2.5-0.5B."
    )
    kenlm: str = Field(default="", description="With `source: kenlm`: the path of an .arpa or binary file.")
    kenlm_units: Literal["words", "characters"] = Field(
        default="words",
        description="What the file's model counts: words between spaces, or characters (usual for Chinese).",
    )
    folds: int = Field(
        default=5, ge=2, le=15,
        description="Parts the corpus is divided in by cluster; each is scored by what the others hold.",
    )  # fmt: skip

    # On clean corpora what is most unusual is good: lists of names, another language, a password. So a person looks.
    high: GateAction = Field(
        default="flag", description="What to do with responses that are far too unexpected."
    )
    stretch: GateAction = Field(
        default="flag", description="What to do with responses in which a stretch is far too unexpected."
    )
    low: GateAction = Field(
        default="flag", description="What to do with responses that are far too expected (boilerplate)."
    )
    repetition: GateAction = Field(
        default="flag", description="What to do with responses that say much of themselves again."
    )
    truncation: GateAction = Field(
        default="flag", description="What to do with responses that end where no other text ends."
    )

    prompt: GateAction = Field(
        default="flag", description="What to do with records whose prompt is keys hit at random."
    )

    # Of 52,002 Alpaca records 0.4% are farther.
    max_distance: float = Field(
        default=5.0, gt=0, le=1000,
        description="Distance from the usual in its language and script, in robust standard deviations, that passes.",
    )  # fmt: skip
    max_stretch_distance: float = Field(
        default=5.0, gt=0, le=1000, description="The same for the most unexpected stretch of 24 characters."
    )
    max_low_distance: float = Field(  # what is expected cannot cost less than nothing: the scale ends soon
        default=3.0, gt=0, le=1000, description="The same for responses that are too expected."
    )
    max_perplexity: float | None = Field(
        default=None,
        gt=1,
        description="Greatest perplexity of a character that passes, instead of the distance.",
    )
    min_perplexity: float | None = Field(
        default=None,
        ge=1,
        description="Least perplexity of a character that passes, instead of the distance.",
    )
    max_percentile: float | None = Field(
        default=None, gt=50, lt=100,
        description="Percentile of perplexity in its language and script that passes, instead of the distance.",
    )  # fmt: skip
    min_percentile: float | None = Field(
        default=None, gt=0, lt=50, description="The same on the side of too expected responses."
    )
    max_repetition: float = Field(  # a song with a refrain is below
        default=0.7,
        gt=0,
        le=1,
        description="Greatest share of a response in long n-grams that stood earlier in it.",
    )
    max_truncation: float = Field(  # without a full stop it costs 5 to 9
        default=10.0, gt=0,
        description="Greatest cost in nats of ending where the response ends, if also far from usual.",
    )  # fmt: skip
    max_unended: float = Field(
        default=3.0, gt=0,
        description="Greatest cost in nats of the form of an end that passes: 3 is one response in twenty.",
    )  # fmt: skip
    max_keyboard: float = Field(  # good texts: one step in fourteen
        default=0.4, gt=0, le=1,
        description="Greatest share of steps from letter to neighbouring key that passes, in prompts and responses.",
    )  # fmt: skip
    errors: float = Field(  # a 98% interval on the side that condemns
        default=2.0, ge=0, le=10,
        description="Standard errors of its own by which a response must lie beyond a limit: short ones are unsure.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _source_is_named(self) -> PerplexityParams:
        if (self.source == "model") != (self.model is not None):
            raise ValueError("`source: model` and `model` go together; a good one is hub Qwen/Qwen2.5-0.5B")
        if (self.source == "kenlm") != bool(self.kenlm):
            raise ValueError("`source: kenlm` and `kenlm`, the path of its file, go together")
        for side in ("max", "min"):
            if (
                getattr(self, f"{side}_perplexity") is not None
                and getattr(self, f"{side}_percentile") is not None
            ):
                raise ValueError(f"name one of {side}_perplexity and {side}_percentile")
        if self.max_perplexity is not None and (self.min_perplexity or 0) >= self.max_perplexity:
            raise ValueError("min_perplexity is not below max_perplexity")
        return self
