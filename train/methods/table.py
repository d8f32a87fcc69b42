"""The table of training methods: what each is, where it runs, and why not where it does not.

One row a method; every other module asks the table and never the method's name. What a row refuses was seen to fail:
`benchmarks/train_matrix.py` runs every combination, the refused ones unguarded as well, and tells when the table and
the truth part. Rejected: a class a method (they differ in data, hardly in behaviour).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from train.config import AdapterParams, MethodName, Quantisation

Family = Literal["full", "low_rank", "scaling", "prompt", "bottleneck", "low_rank_bottleneck"]

LONGEST_PROMPT = 128
"""Most virtual tokens that a method takes by default: each is a token of context in every forward pass."""

_PROMPT_MERGE = (
    "{title} trains a prompt, not weights, and nothing of it can be merged into the model's weights: serve it as an"
    " adapter"
)
_PROMPT_PACKING = (
    "{title} puts its virtual tokens in front of a row and drops the restarting positions of packed examples, so that"
    " they would see each other"
)
_BOTTLENECK_MERGE = (
    "{title} puts a non-linear layer behind each sublayer, which no weight matrix of the model can express: serve it"
    " with this package"
)


@dataclass(frozen=True, slots=True)
class Method:
    """What is known of a method.

    Attributes:
        title: its name in prose.
        family: which code builds it.
        source: of the method.
        quantisation: of the frozen weights where the recipe says nothing.
        refused: for each quantisation it cannot work with, the reason, as a clause after "because".
        checkpointing: "" if gradient checkpointing works, else the reason.
        packing: "" if packed rows stay exact, else the reason.
        merging: "" if it can be merged into the weights, else the reason.
        switches_off: whether the base model can be had back without loading it anew.
    """

    title: str
    family: Family
    source: str
    quantisation: Quantisation = "none"
    refused: Mapping[Quantisation, str] = field(default_factory=dict)
    checkpointing: str = ""
    packing: str = ""
    merging: str = ""
    switches_off: bool = True


def _refused(**reasons: str) -> Mapping[Quantisation, str]:
    return MappingProxyType(dict(reasons))  # type: ignore[arg-type]


METHODS: Mapping[MethodName, Method] = MappingProxyType(
    {
        "full": Method(
            "full tuning",
            "full",
            "every weight of the model is trained",
            refused=_refused(
                nf4="quantised weights are integers, which no gradient moves",
                int8="quantised weights are integers, which no gradient moves",
            ),
            switches_off=False,
        ),
        "lora": Method("LoRA", "low_rank", "Hu et al. 2021, arXiv:2106.09685"),
        "qlora": Method(
            "QLoRA",
            "low_rank",
            "Dettmers et al. 2023, arXiv:2305.14314",
            quantisation="nf4",
            refused=_refused(
                none="QLoRA is LoRA on NF4 weights; on unquantised weights it is method lora",
                int8="QLoRA is LoRA on NF4 weights; on int8 weights it is method lora",
            ),
        ),
        "dora": Method(
            "DoRA",
            "low_rank",
            "Liu et al. 2024, arXiv:2402.09353",
            refused=_refused(
                int8="peft loses the scales of int8 weights on a CPU whenever DoRA asks for the norm of one, and the"
                " next product fails; on a GPU it was not tried",
            ),
        ),
        "rslora": Method("rsLoRA", "low_rank", "Kalajdzievski 2023, arXiv:2312.03732"),
        "adalora": Method(
            "AdaLoRA",
            "low_rank",
            "Zhang et al. 2023, arXiv:2303.10512",
        ),
        "ia3": Method("(IA)³", "scaling", "Liu et al. 2022, arXiv:2205.05638"),
        "prefix_tuning": Method(
            "prefix tuning",
            "prompt",
            "Li and Liang 2021, arXiv:2101.00190",
            checkpointing="prefix tuning passes its prefix as a cache of keys and values, which gradient checkpointing"
            " throws away",
            packing=_PROMPT_PACKING.format(title="prefix tuning"),
            merging=_PROMPT_MERGE.format(title="prefix tuning"),
        ),
        "prompt_tuning": Method(
            "prompt tuning",
            "prompt",
            "Lester et al. 2021, arXiv:2104.08691",
            packing=_PROMPT_PACKING.format(title="prompt tuning"),
            merging=_PROMPT_MERGE.format(title="prompt tuning"),
        ),
        "p_tuning": Method(
            "P-tuning",
            "prompt",
            "Liu et al. 2021, arXiv:2103.10385",
            packing=_PROMPT_PACKING.format(title="P-tuning"),
            merging=_PROMPT_MERGE.format(title="P-tuning"),
        ),
        "bottleneck": Method(
            "the bottleneck adapter",
            "bottleneck",
            "Houlsby et al. 2019, arXiv:1902.00751",
            merging=_BOTTLENECK_MERGE.format(title="the bottleneck adapter"),
        ),
        "lora_bottleneck": Method(
            "LoRA with bottleneck adapters",
            "low_rank_bottleneck",
            "LoRA and Houlsby et al. together, as in Mao et al. 2021, arXiv:2110.07577",
            merging=_BOTTLENECK_MERGE.format(title="LoRA with bottleneck adapters"),
        ),
    }
)


def refusal(
    method: MethodName, quantisation: Quantisation, checkpointing: bool = False, packing: bool = False
) -> str:
    """Return why a method does not work in a setting, as a sentence; "" if it does."""
    row = METHODS[method]
    if reason := row.refused.get(quantisation, ""):
        return f"method {method} cannot be trained on {_weights(quantisation)}: {reason}."
    if checkpointing and row.checkpointing:
        return f"method {method} cannot be trained with gradient checkpointing: {row.checkpointing}."
    if packing and row.packing:
        return f"method {method} cannot be trained on packed rows: {row.packing}."
    return ""


def resolved(params: AdapterParams, hidden_size: int) -> AdapterParams:
    """Return the parameters with every default that depends on the method or the model filled in.

    Args:
        params: as the recipe says.
        hidden_size: width of the model; virtual tokens are 15% of it by default (10 to 20% is the usual range), at
            most 128.
    """
    scale = 8 if params.method == "rslora" else 2 * params.rank
    return params.model_copy(
        update={
            "quantisation": params.quantisation or METHODS[params.method].quantisation,
            "alpha": params.alpha if params.alpha is not None else float(scale),
            "virtual_tokens": params.virtual_tokens or min(LONGEST_PROMPT, max(1, round(0.15 * hidden_size))),
        }
    )


def _weights(quantisation: Quantisation) -> str:
    return {"nf4": "NF4 weights", "int8": "int8 weights", "none": "unquantised weights"}[quantisation]
