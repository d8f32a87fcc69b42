"""The training recipe: the YAML a user writes to turn a build into an adapter, checked whole before anything loads.

Every key has a default but `build` and `model`, so that two lines are a recipe. Defaults are those of the QLoRA paper
where it names one (Dettmers et al. 2023: NF4, double quantisation, adapters on all linear layers) and presets of this
project elsewhere; docs/training_methods.md and docs/training_loop.md say which. Paths are relative to the recipe's own
folder. Rejected: passing transformers' `TrainingArguments` through (a hundred keys, of which many silently undo what
this room guarantees).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.models import ModelRef

MethodName = Literal[
    "full",
    "lora",
    "qlora",
    "dora",
    "rslora",
    "adalora",
    "ia3",
    "prefix_tuning",
    "prompt_tuning",
    "p_tuning",
    "bottleneck",
    "lora_bottleneck",
]
Quantisation = Literal["none", "nf4", "int8"]
Template = Literal["auto", "chat", "alpaca", "prompt_completion"]
Dtype = Literal["auto", "bf16", "fp16", "fp32"]


class Part(BaseModel):
    """A part of the recipe: frozen, and every unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseRef(ModelRef):
    """Names the model to tune: `folder`, or `hub` with the `revision` that pins it."""

    @model_validator(mode="after")
    def _is_named(self) -> BaseRef:
        if self.package is not None:
            raise ValueError("name the model to tune: `folder`, or `hub` with its `revision`")
        return self


class AdapterParams(Part):
    """What is trained."""

    method: MethodName = Field(
        default="qlora", description="How the model is tuned; `qlora` is LoRA on NF4 weights."
    )
    quantisation: Quantisation | None = Field(
        default=None,
        description="Of the frozen weights: nf4 (with double quantisation), int8 or none; by default the method's own.",
    )
    rank: int = Field(default=16, ge=1, description="Rank of LoRA and its relatives.")
    alpha: float | None = Field(
        default=None,
        gt=0,
        description="Scale of LoRA's update; by default twice the rank (rslora: 8, the same scale at rank 16).",
    )
    dropout: float = Field(default=0.05, ge=0, lt=1, description="Dropout on the adapter's input.")
    targets: tuple[str, ...] | Literal["all-linear"] = Field(
        default="all-linear", description="Names of the layers that carry the adapter, or all-linear."
    )
    virtual_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Length of a prefix or prompt; by default 15% of the hidden size, at most 128.",
    )
    bottleneck_size: int = Field(default=64, ge=1, description="Inner width of a bottleneck adapter.")
    compute_dtype: Dtype = Field(
        default="auto", description="Of the arithmetic: by default bf16 where the GPU has it, fp32 on a CPU."
    )


class ReplayParams(Part):
    """A general set that is mixed in, against forgetting."""

    build: str = Field(description="Folder of a build whose training split is replayed.")
    ratio: float = Field(gt=0, le=10, description="Replayed records for each record of the build.")


class DataParams(Part):
    """How records become tokens."""

    template: Template = Field(
        default="auto",
        description="Words around a record; by default the model's chat template, else Alpaca's.",
    )
    system: str = Field(default="", description="System text for records that have none of their own.")
    max_length: int = Field(default=512, ge=8, description="Most tokens of an example.")
    overlong: Literal["cut", "reject"] = Field(
        default="cut",
        description="What becomes of a longer example: its response is cut, or it goes to train_rejects.jsonl.",
    )
    packing: bool | None = Field(
        default=None,
        description="Several examples in one row, none sees another; by default wherever the method allows it.",
    )
    pack_length: int | None = Field(
        default=None, ge=8, description="Tokens of a packed row; by default 2,048, or max_length if longer."
    )
    weights: bool = Field(
        default=True, description="Whether the build's weights decide how often a record is seen."
    )
    replay: ReplayParams | None = Field(default=None, description="A general set that is mixed in.")


class EarlyStopping(Part):
    """When validation loss no longer falls, training ends and the best adapter is kept."""

    patience: int = Field(default=3, ge=1, description="How many times in a row it may fail to fall.")
    unit: Literal["evaluations", "epochs"] = Field(default="evaluations", description="What patience counts.")
    min_delta: float = Field(
        default=0.0, ge=0, description="By how much it must fall to count, nats per token."
    )


class LoopParams(Part):
    """How long and how fast."""

    epochs: float = Field(default=3.0, gt=0, description="Passes over the data.")
    max_steps: int | None = Field(
        default=None, ge=1, description="Most optimizer steps, whatever the epochs."
    )
    batch_size: int = Field(
        default=8, ge=1, description="Rows of a batch: packs, or examples where none are made."
    )
    accumulation: int = Field(default=1, ge=1, description="Batches whose gradients make one step.")
    learning_rate: float = Field(default=2e-4, gt=0, description="Highest learning rate.")
    schedule: Literal["cosine", "linear", "constant"] = Field(default="cosine", description="Its course.")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of the steps in which it rises.")
    layer_decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Each layer below the top learns at this times the rate of the one above.",
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Of AdamW.")
    max_grad_norm: float = Field(default=5.0, gt=0, description="Norm to which gradients are clipped.")
    optimizer: Literal["auto", "adamw", "adamw_8bit", "paged_adamw_8bit", "paged_adamw"] = Field(
        default="auto", description="By default paged 8-bit AdamW on a GPU, AdamW on a CPU."
    )
    gradient_checkpointing: bool | None = Field(
        default=None, description="Trade time for memory; by default on a GPU, where the method allows it."
    )
    loss_chunk: int = Field(default=1024, ge=1, description="Tokens whose logits exist at a time.")
    evaluate_every: int | None = Field(
        default=None, ge=1, description="Steps between looks at validation loss; by default once an epoch."
    )
    save_every: int | None = Field(
        default=None, ge=1, description="Steps between checkpoints; by default as evaluate_every."
    )
    keep_checkpoints: int = Field(
        default=2, ge=1, description="Newest checkpoints that stay, besides the best."
    )
    early_stopping: EarlyStopping | None = Field(
        default=EarlyStopping(), description="When to end before the last epoch; null: never."
    )
    log_to: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field(
        default=("tensorboard",), description="Where the curves go."
    )
    log_every: int = Field(default=10, ge=1, description="Steps between points of the curves.")
    ewc: float = Field(
        default=0.0,
        ge=0,
        description="Weight of the penalty that holds the adapter to what replay needs (0: none).",
    )


class EvaluationParams(Part):
    """What base and tuned are held beside each other on."""

    generations: int = Field(
        default=50, ge=0, description="Records answered by both, side by side in a page."
    )
    max_new_tokens: int = Field(default=256, ge=1, description="Most tokens of an answer.")
    bootstrap: int = Field(default=1000, ge=100, description="Draws of the paired bootstrap.")
    category: str = Field(default="lang", description="Column of records.parquet by which scores are split.")
    general: str | None = Field(
        default=None, description="Folder of a build on which forgetting is measured."
    )
    tasks: tuple[str, ...] = Field(
        default=(), description="Tasks for lm-evaluation-harness: names, or YAML files of this machine."
    )
    bertscore: ModelRef | None = Field(
        default=None, description="Encoder of BERTScore; without one: not measured."
    )
    toxicity: bool = Field(default=True, description="Whether the toxicity of answers is compared.")


class TrainRecipe(Part):
    """A whole run: a build, a model, what is trained, for how long, and how it is judged."""

    name: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
        description="Name of the run, written to runs/<name>; by default <build>-<method>.",
    )
    build: str = Field(description="Folder of a finished build.")
    model: BaseRef = Field(description="The model to tune.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="All randomness of the run derives from it.")
    adapter: AdapterParams = AdapterParams()
    data: DataParams = DataParams()
    training: LoopParams = LoopParams()
    evaluation: EvaluationParams = EvaluationParams()
