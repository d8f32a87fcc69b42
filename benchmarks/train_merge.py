"""How far a merged model is from the tuned one, by the way of merging and the dtype that is written.

    python benchmarks/train_merge.py

Nats per token, on a tiny Qwen2 taught some hundred steps of plain text and tuned by LoRA; the last rows have no adapter
at all: what int8 layers alone differ by from the same weights as numbers. The model is tiny: this compares ways, and
says little about the size of the divergence on a published model.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch
from train_matrix import TEXTS, learnt, quiet

from train.config import AdapterParams, BaseRef, Quantisation
from train.load import Base, load_base
from train.methods import attach, load_adapter, save_adapter
from train.shipping.merge import PROBES, merge, merged_in_place
from train.tiny import make_tiny


def says(model: Any, base: Base) -> list[torch.Tensor]:
    """Return log-probabilities on the probe texts."""
    with torch.no_grad():
        return [
            torch.log_softmax(model.eval()(input_ids=ids).logits[0].double(), -1)
            for ids in (base.tokenizer(text, return_tensors="pt")["input_ids"] for text in PROBES)
        ]


def apart(tuned: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    total = sum(float((p.exp() * (p - q)).sum()) for p, q in zip(tuned, other, strict=True))
    return total / sum(len(p) for p in tuned)


def by_peft(ref: BaseRef, quantisation: Quantisation, adapter: Path) -> float:
    """Merge into the quantised weights themselves, which quantises the sum."""
    base = load_base(ref, quantisation)
    tuned = load_adapter(base.model, adapter)
    before = says(tuned, base)
    return apart(before, says(tuned.merge_and_unload(), base))


def without_adapter(ref: BaseRef, quantisation: Quantisation) -> float:
    base = load_base(ref, quantisation)
    before = says(base.model, base)
    return apart(before, says(merged_in_place(base.model, torch.float32), base))


def main() -> None:
    quiet()
    print("| weights | way of merging | written as fp32 | written as bf16 |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ref = BaseRef(folder=str(make_tiny(folder / "model", TEXTS, vocabulary=600, steps=200)))
        for quantisation in ("none", "nf4", "int8"):
            params = AdapterParams(method="lora", quantisation=quantisation, rank=8, dropout=0.0)
            model = attach(load_base(ref, quantisation).model, params, False, 0)
            learnt(model)
            adapter = folder / f"adapter-{quantisation}"
            save_adapter(model, adapter)
            for onto in ("dequantised", "original"):
                found = [
                    merge(ref, adapter, folder / f"{quantisation}-{onto}-{dtype}", dtype, onto=onto)
                    for dtype in ("fp32", "bf16")
                ]
                told = " | ".join(f"{each.kl:.1e}" for each in found)
                print(f"| {quantisation} | onto the {onto} weights | {told} |")
                if quantisation == "int8":
                    told = " | ".join(f"{each.kl_evaluated:.1e}" for each in found)
                    print(f"| int8 | the same, beside the model in eval mode | {told} |")
                if quantisation == "none":
                    break
            if quantisation != "none":
                kept = by_peft(ref, quantisation, adapter)
                print(f"| {quantisation} | by peft, kept as {quantisation} | {kept:.1e} | – |")
        for quantisation in ("nf4", "int8"):
            print(
                f"| {quantisation} | no adapter, dequantised | {without_adapter(ref, quantisation):.1e} | – |"
            )


if __name__ == "__main__":
    main()
