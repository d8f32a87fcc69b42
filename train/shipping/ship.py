"""From a trained adapter to something that is served: merge, fewer bits, vLLM's command line.

What the command line asks for, with a run's own base, template and held-out records found for it: a merge is judged on
records of the build that the adapter was trained on, not on any text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from pipeline.errors import RecipeError
from train.config import Dtype
from train.data.builds import open_build
from train.data.encodings import encode_examples
from train.data.pad import ensure_pad
from train.facts import adapter_folder
from train.load import load_tokenizer
from train.shipping.chat import base_ref, check_renderer, own_tokenizer
from train.shipping.merge import MergeReport, merge
from train.shipping.registry import read_train_json
from train.shipping.saves import save_quantised
from train.shipping.serving import serve_adapter, serve_merged, write_serving

Say = Callable[[str], None]
_ROWS = 32
"""Held-out records on which a merge is compared."""


def merge_adapter(path: Path, out: Path, model: str, dtype: str, onto: str, say: Say) -> MergeReport:
    """Merge an adapter into its base, and say how far the written model is from the tuned one.

    Args:
        path: a run, or its folder adapter/.
        out: folder of the new model.
        model: the base; "" as train.json names it.
        dtype: of the written weights, `auto` or a name.
        onto: `dequantised` or `original`.
        say: told the outcome.

    Raises:
        PipelineError: an option is unknown, the base is not here, or the method cannot be merged.
    """
    folder = adapter_folder(path)
    told = read_train_json(folder)
    reference = base_ref(told, folder, model)
    report = merge(reference, folder, out, _dtype(dtype), _held_out(folder, reference), _onto(onto))
    say(
        f"{out}: merged onto {report.onto} weights, {report.dtype}; divergence from the tuned model {report.kl:.2e} "
        f"nats per token over {report.tokens:,} tokens"
    )
    if not report.is_near:
        say("that is more than rounding: the merged model is not quite the one that was trained")
    if report.kl_evaluated != report.kl:
        say(
            f"divergence from the tuned model as it was evaluated {report.kl_evaluated:.2e}: in eval mode int8 layers "
            "round their inputs, too"
        )
    return report


def save_bits(merged: Path, out: Path, bits: int, say: Say) -> None:
    """Write a merged model with 4-bit or 8-bit weights.

    Raises:
        PipelineError: `bits` is neither, or the model cannot be read.
    """
    if bits == 4:
        save_quantised(merged, out, 4, say)
    elif bits == 8:
        save_quantised(merged, out, 8, say)
    else:
        raise RecipeError(f"weights of {bits} bits cannot be written", "valid: --bits 4, --bits 8")


def tell_serving(path: Path, out: Path | None, model: str, name: str, say: Say) -> None:
    """Print how vLLM serves an adapter or a merged model, and write its YAML file if one is named."""
    is_adapter = any((folder / "train.json").is_file() for folder in (path, path / "adapter"))
    serving = serve_adapter(adapter_folder(path), name, model) if is_adapter else serve_merged(path, name)
    say(serving.command())
    if out is not None:
        write_serving(serving, out)
        say(f"wrote {out}: vllm serve --config {out}")
    for remark in serving.remarks():
        say(remark)


def _held_out(folder: Path, reference: object) -> list[list[int]] | None:
    """Return tokens of held-out records of the adapter's build; None where the build is no longer there."""
    told = read_train_json(folder)
    named = told.get("build")
    build_folder = Path(str(named.get("folder", ""))) if isinstance(named, dict) else Path()
    if not (build_folder / "manifest.json").is_file():
        return None
    build = open_build(build_folder)
    split = "validation" if build.count("validation") else "test" if build.count("test") else "train"
    tokenizer = own_tokenizer(folder) or load_tokenizer(base_ref(told, folder))
    ensure_pad(tokenizer)
    renderer = check_renderer(tokenizer, told, folder)
    length = told.get("max_length")
    encoded = encode_examples(
        build.examples(split), renderer, length if isinstance(length, int) else 512, "cut"
    )
    return [list(one.input_ids) for one in encoded.examples[:_ROWS]]


def _dtype(name: str) -> Dtype:
    for known in get_args(Dtype):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise RecipeError(f"there is no dtype {name!r}", f"valid: {', '.join(get_args(Dtype))}")


def _onto(name: str) -> Literal["dequantised", "original"]:
    if name == "dequantised":
        return "dequantised"
    if name == "original":
        return "original"
    raise RecipeError(f"an adapter is not merged onto {name!r} weights", "valid: dequantised, original")
