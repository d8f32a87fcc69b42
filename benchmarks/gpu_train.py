"""Measures training on one GPU: tokens per second, peak memory, model FLOP utilisation, and where the time goes.

    python benchmarks/gpu_train.py alpaca_data.json.gz --out gpu.json
    python benchmarks/gpu_train.py alpaca_data.json.gz --device cpu --shape tiny --steps 2    # proves the plumbing only

The model has random weights in the shape of Qwen2.5-7B, made on the device layer by layer in NF4, so no download is
needed; such a run supports claims of speed and memory and none of quality. Columns, all in this one process, each on a
model made anew: this project's step (packs of 2,048 tokens, restarting positions, chunked loss, r = 16 on all linear
layers), with gradient checkpointing and without, and plain transformers + peft as their documentation shows QLoRA
(`prepare_model_for_kbit_training`, `get_peft_model`, `Trainer`, padded batches of the same records). Only tokens of
records are counted, never padding. Utilisation: FLOP a token = 4 (N_linear + N_head) + 6 P_adapter + 6 s h L (a frozen
weight has no gradient of its own; attention at the row's full length s), times tokens a second, over the bf16 rate that
large matrix products reach on this device in this run. Recomputation is not counted as useful work.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from train.config import AdapterParams
from train.data.builds import Example
from train.data.encodings import Encoded, encode_examples
from train.data.packing import collate, plan_batches

SHAPES: dict[str, dict[str, int]] = {
    "qwen2.5-7b": {
        "vocab_size": 152_064, "hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 32_768,
    },
    "tiny": {
        "vocab_size": 2048, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 4096,
    },
}  # fmt: skip
GROUPS = (
    ("dequantising", ("dequant",)),
    ("attention", ("attention", "flash", "fmha", "sdp")),
    ("optimizer", ("adam", "optimizer", "multi_tensor")),
    ("matrix products", ("gemm", "mm", "linear", "cutlass", "nvjet", "xmma")),
    ("dropout and random numbers", ("dropout", "bernoulli", "philox", "distribution")),
    ("softmax and loss", ("softmax", "nll", "cross_entropy")),
    ("copies and casts", ("copy", "cast", "memcpy", "memset", "fill")),
)


def read_examples(path: Path, most: int) -> list[Example]:
    """Return records of an Alpaca file; one that is missing or empty is an error, never replaced by made-up text."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [row for row in json.loads(data) if row["output"].strip()][:most]
    if not rows:
        raise SystemExit(f"{path} holds no record with an output")
    return [
        Example(str(place), str(place), "", (), row["instruction"], row["input"], row["output"], "en")
        for place, row in enumerate(rows)
    ]


def encode(examples: Sequence[Example], tokenizer: str, vocabulary: int) -> tuple[Any, list[Encoded]]:
    """Return the tokenizer and the records as tokens: a named tokenizer, or a BPE learnt from these very texts."""
    from transformers import AutoTokenizer

    from train.data.pad import ensure_pad
    from train.data.render import make_renderer
    from train.tiny import _tokenizer

    if tokenizer:
        made: Any = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    else:
        texts = [text for one in examples for text in (one.instruction, one.input, one.output)]
        made = _tokenizer(texts, min(vocabulary, 32_000), "qwen2")
    ensure_pad(made)
    if len(made) > vocabulary:
        raise SystemExit(f"the tokenizer has {len(made)} tokens, and the model's shape {vocabulary}")
    return made, encode_examples(examples, make_renderer(made, "auto", ""), 512, "cut").examples


def make_model(shape: dict[str, int], device: str, dtype: Any) -> Any:
    """Make a Qwen2 of random weights on the device, its linear layers in NF4, one layer at a time."""
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit
    from transformers import AutoModelForCausalLM, Qwen2Config

    from train.load import keep_weights_unpacked

    config = Qwen2Config(**shape, tie_word_embeddings=False, use_cache=False)  # type: ignore[arg-type]
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    draw = torch.Generator(device).manual_seed(0)
    head = model.get_output_embeddings()

    def random(size: Any) -> Any:
        return torch.randn(size, generator=draw, device=device, dtype=dtype) * 0.02

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear) and child is not head:
                small = Linear4bit(
                    child.in_features, child.out_features, child.bias is not None, dtype, True, "nf4",
                    device="meta",
                )  # fmt: skip
                weight = Params4bit(random(child.weight.shape), False, quant_type="nf4", module=small)
                small.weight = weight.to(device) if device == "cpu" else weight.cuda(device)
                setattr(module, name, small)
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if parameter.is_meta:
                value = torch.ones if name == "weight" and parameter.dim() == 1 else random
                made = (
                    value(parameter.shape)
                    if value is random
                    else value(parameter.shape, device=device, dtype=dtype)
                )
                setattr(module, name, torch.nn.Parameter(made, requires_grad=False))
    with torch.device(device):
        model.model.rotary_emb = type(model.model.rotary_emb)(config)
    model.is_loaded_in_4bit = True
    keep_weights_unpacked(model)
    left = [name for name, tensor in (*model.named_parameters(), *model.named_buffers()) if tensor.is_meta]
    assert not left, left
    return model


class Clock:
    """Seconds and peak bytes of steps on a device."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith("cuda")
        self.seconds: list[float] = []

    def now(self) -> float:
        import torch

        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter()

    def reset_peak(self) -> None:
        import torch

        if self.cuda:
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int | None:
        import torch

        return torch.cuda.max_memory_allocated() if self.cuda else None


def run_ours(
    model: Any, encoded: list[Encoded], pad: int, checkpointing: bool, options: argparse.Namespace, dtype: Any
) -> dict[str, Any]:
    """Train with this project's adapter, packs, loss and optimizer, and return what was measured."""
    import torch

    from train.loop.losses import summed_loss, with_targets
    from train.methods import attach, trainable

    tuned = attach(model, AdapterParams(), checkpointing, seed=0)
    parameters = list(trainable(tuned).values())
    optimizer = make_optimizer(parameters, options.device)
    plan = plan_batches(encoded, [1.0] * len(encoded), 1, options.rows, True, options.length, 0)
    needed = options.warmup + options.steps + options.profiled
    if len(plan) < needed:
        raise SystemExit(f"{len(plan)} batches of real text are too few for {needed} steps: raise --records")
    head = tuned.get_base_model().get_output_embeddings()
    tuned.train()

    def step(place: int) -> int:
        batch = collate(encoded, plan.batches[place], pad, packed=True)
        tokens = sum(len(encoded[one].input_ids) for row in plan.batches[place].rows for one in row)
        ready = with_targets({name: value for name, value in batch.items() if name != "record_ids"})
        moved = {name: value.to(options.device, non_blocking=True) for name, value in ready.items()}
        with torch.autocast(options.device.split(":")[0], torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = summed_loss(tuned, head, moved, 1024) / max(1, len(ready["targets"]))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        optimizer.zero_grad()
        return tokens

    measured = timed(step, options)
    measured["trained parameters"] = sum(parameter.numel() for parameter in parameters)
    return measured


def timed(step: Callable[[int], int], options: argparse.Namespace) -> dict[str, Any]:
    """Run warm-up steps, then measured ones, then profiled ones."""
    clock = Clock(options.device)
    for place in range(options.warmup):
        step(place)
    clock.reset_peak()
    rates = []
    for place in range(options.warmup, options.warmup + options.steps):
        start = clock.now()
        tokens = step(place)
        rates.append(tokens / (clock.now() - start))
    peak = clock.peak()
    first = options.warmup + options.steps
    where = profiled(lambda: [step(first + place) for place in range(options.profiled)], options.device)
    return {
        "tokens/s": statistics.median(rates),
        "tokens/s, slowest and fastest": [min(rates), max(rates)],
        "peak GiB": None if peak is None else peak / 2**30,
        "where": where,
    }


def run_plain(
    model: Any, encoded: list[Encoded], pad: int, checkpointing: bool, options: argparse.Namespace, dtype: Any
) -> dict[str, Any]:
    """Train as the documentation of peft and transformers shows QLoRA, and return what was measured."""
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)  # type: ignore[no-untyped-call]
    config = LoraConfig(
        r=16,
        lora_alpha=32,
        target_modules="all-linear",
        lora_dropout=0.05,
        bias="none",
        task_type="CAUSAL_LM",
    )
    tuned = get_peft_model(model, config)
    per_batch = options.rows * options.length
    mean = statistics.fmean(len(one.input_ids) for one in encoded)
    examples = max(1, round(per_batch / mean))  # as many tokens of records as a batch of packs holds
    steps = options.warmup + options.steps
    if len(encoded) < examples * steps:
        raise SystemExit(
            f"{len(encoded)} records are too few for {steps} steps of {examples}: raise --records"
        )
    clock = Clock(options.device)
    sizes: list[int] = []
    rates: list[float] = []

    def padded(rows: list[dict[str, Any]]) -> dict[str, Any]:
        width = max(len(row["input_ids"]) for row in rows)
        ids, labels, mask = (torch.full((len(rows), width), fill) for fill in (pad, -100, 0))
        for place, row in enumerate(rows):
            size = len(row["input_ids"])
            ids[place, :size] = torch.tensor(row["input_ids"])
            labels[place, :size] = torch.tensor(row["labels"])
            mask[place, :size] = 1
        sizes.append(int(mask.sum()))
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}

    class Timer(TrainerCallback):
        begun = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step == options.warmup:
                clock.reset_peak()
            self.begun = clock.now()

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step > options.warmup:
                rates.append(sizes[state.global_step - 1] / (clock.now() - self.begun))

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=examples,
            max_steps=steps,
            learning_rate=2e-4,
            bf16=dtype == torch.bfloat16,
            optim="paged_adamw_8bit" if clock.cuda else "adamw_torch",
            gradient_checkpointing=checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False},
            use_cpu=not clock.cuda,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
            remove_unused_columns=False,
            dataloader_pin_memory=clock.cuda,
            seed=0,
        )
        rows = [{"input_ids": list(one.input_ids), "labels": list(one.labels)} for one in encoded]
        trainer = Trainer(tuned, arguments, data_collator=padded, train_dataset=rows, callbacks=[Timer()])  # type: ignore[arg-type]
        trainer.train()
    peak = clock.peak()
    return {
        "tokens/s": statistics.median(rates),
        "tokens/s, slowest and fastest": [min(rates), max(rates)],
        "peak GiB": None if peak is None else peak / 2**30,
        "records a batch": examples,
    }


def make_optimizer(parameters: list[Any], device: str) -> Any:
    """Return the optimizer that `auto` means: paged 8-bit AdamW on a GPU, AdamW on a CPU."""
    import torch

    if not device.startswith("cuda"):
        return torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0)
    from bitsandbytes.optim import PagedAdamW8bit

    return PagedAdamW8bit(parameters, lr=2e-4, weight_decay=0.0)


def profiled(work: Callable[[], Any], device: str) -> dict[str, float]:
    """Return shares of the device's time by kind of kernel, and the dearest kernels by name."""
    from torch.profiler import ProfilerActivity, profile

    cuda = device.startswith("cuda")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with profile(activities=activities) as prof:
        work()
    spent: dict[str, float] = {}
    for event in prof.key_averages():
        if cuda and str(event.device_type).endswith("CPU"):
            continue
        own = float(event.self_device_time_total if cuda else event.self_cpu_time_total)
        spent[event.key] = spent.get(event.key, 0.0) + own
    whole = sum(spent.values()) or 1.0
    shares: dict[str, float] = {}
    for name, own in spent.items():
        group = next(
            (kind for kind, parts in GROUPS if any(part in name.lower() for part in parts)), "the rest"
        )
        shares[group] = shares.get(group, 0.0) + own / whole
    dearest = sorted(spent.items(), key=lambda item: -item[1])[:12]
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return ordered | {f"kernel {name[:70]}": own / whole for name, own in dearest}


def matrix_rate(device: str, dtype: Any, size: int) -> float:
    """Return the FLOP/s that products of large square matrices reach on the device, the best of five."""
    import torch

    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    clock, best, rounds = Clock(device), 0.0, 20 if device.startswith("cuda") else 2
    for _ in range(5):
        start = clock.now()
        for _ in range(rounds):
            left @ right
        best = max(best, rounds * 2 * size**3 / (clock.now() - start))
    return best


def flop_a_token(model_shape: dict[str, int], trained: int, length: int) -> float:
    """Return the useful floating-point operations of a token, forward and backward."""
    h, f, layers = (model_shape[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    keys = h // model_shape["num_attention_heads"] * model_shape["num_key_value_heads"]
    linear = layers * (2 * h * h + 2 * h * keys + 3 * h * f)
    head = h * model_shape["vocab_size"]
    return 4.0 * (linear + head) + 6.0 * trained + 6.0 * length * h * layers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("alpaca", type=Path, help="JSON array of Alpaca records, .json or .json.gz")
    parser.add_argument(
        "--tokenizer", default="", help="folder of a tokenizer; else a BPE learnt from the texts"
    )
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--shape", choices=SHAPES, default="qwen2.5-7b")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--length", type=int, default=2048, help="tokens of a pack")
    parser.add_argument("--rows", type=int, default=1, help="packs a batch")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--profiled", type=int, default=2)
    parser.add_argument("--columns", nargs="+", default=["ours+", "ours-", "plain+"],
                        choices=["ours+", "ours-", "plain+", "plain-"],
                        help="with (+) or without (-) gradient checkpointing")  # fmt: skip
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report = measure(options)
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run every column and return the report."""
    import gc

    import torch

    cuda = options.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        raise SystemExit("torch sees no CUDA GPU; --device cpu --shape tiny proves the plumbing, and no more")
    dtype = torch.bfloat16 if cuda else torch.float32
    shape = SHAPES[options.shape]
    tokenizer, encoded = encode(
        read_examples(options.alpaca, options.records), options.tokenizer, shape["vocab_size"]
    )
    rate = matrix_rate(options.device, dtype, 8192 if cuda else 512)
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if cuda else f"CPU ({platform.machine()}): plumbing only",
        "versions": {
            name: version(name) for name in ("torch", "transformers", "peft", "bitsandbytes", "accelerate")
        },
        "shape": options.shape,
        "pack": options.length,
        "packs a batch": options.rows,
        "tokens a record, mean": statistics.fmean(len(one.input_ids) for one in encoded),
        "tokenizer": options.tokenizer or f"BPE of {len(tokenizer):,} tokens learnt from the texts",
        "matrix products, TFLOP/s": rate / 1e12,
        "weights": "random: this run says nothing of quality",
        "columns": {},
    }
    for column in options.columns:
        run = run_ours if column.startswith("ours") else run_plain
        model = make_model(shape, options.device, dtype)
        measured = run(model, encoded, tokenizer.pad_token_id, column.endswith("+"), options, dtype)
        del model
        gc.collect()
        if cuda:
            torch.cuda.empty_cache()
        trained = measured.get("trained parameters") or trained_of(report)
        useful = flop_a_token(shape, trained, options.length)
        measured["GFLOP a token"] = useful / 1e9
        measured["model FLOP utilisation"] = useful * measured["tokens/s"] / rate
        report["columns"][column] = measured
    return report


def trained_of(report: dict[str, Any]) -> int:
    """Return the adapter's parameters as an earlier column counted them: both columns train the same layers."""
    counted = [
        column["trained parameters"]
        for column in report["columns"].values()
        if "trained parameters" in column
    ]
    if not counted:
        raise SystemExit("put an `ours` column before `plain`")
    return int(counted[0])


if __name__ == "__main__":
    main()
