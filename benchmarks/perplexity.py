"""Measures perplexity: records a second of the n-grams, and transformers against a plain loop.

    python benchmarks/perplexity.py alpaca_data.json.gz                 # learn and score all records, 2 threads
    python benchmarks/perplexity.py alpaca_data.json.gz --model         # a 4-layer Qwen2 made on the spot
    python benchmarks/perplexity.py alpaca_data.json.gz --model DIR     # another model, in a local folder

The loop takes responses in their order, 16 at a time, padded to the longest, and asks for the logits of all tokens, as
the library's manual and most scripts do. Both sides use the same number of threads and the same texts, in turns in one
process; what is reported is the ratio of the medians. The n-grams are timed by wall clock and by CPU.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402

from quality.perplexity import Sample, judge  # noqa: E402

BATCH = 16


def read(path: Path) -> list[tuple[str, str]]:
    """Return (prompt, response) of Alpaca records."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [
        ("\n".join(part for part in (row["instruction"], row.get("input", "")) if part), row["output"])
        for row in json.loads(data)
    ]


def ngrams(records: list[tuple[str, str]], threads: int) -> None:
    """Print how fast records are learnt from and scored, and the memory it took."""
    samples = [Sample(prompt, response, "en", str(n)) for n, (prompt, response) in enumerate(records)]
    judge(samples[:500])  # tables of characters and the background are made once a process
    wall, cpu = time.perf_counter(), time.process_time()
    found = judge(samples, threads=threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{len(samples)} records, {threads} threads: {wall:.1f} s, {len(samples) / wall:.0f} records/s")
    print(
        f"CPU {cpu:.1f} s: {threads * len(samples) / cpu:.0f} records a second on {threads} cores of one's own"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    print(f"median perplexity of a character {np.nanmedian(found.perplexity):.2f}")


def plain_loop(model: Any, tokenizer: Any, texts: list[str]) -> list[float]:
    """Return the summed cost of each text behind an EOS token, 16 texts at a time in their order."""
    import torch

    costs = []
    for at in range(0, len(texts), BATCH):
        some = [tokenizer.eos_token + text for text in texts[at : at + BATCH]]
        batch = tokenizer(
            some,
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=model.config.max_position_embeddings,
        )
        with torch.inference_mode():
            logits = model(**batch).logits[:, :-1].log_softmax(-1)
        cost = -logits.gather(-1, batch["input_ids"][:, 1:, None]).squeeze(-1)
        costs += (cost * batch["attention_mask"][:, 1:]).sum(-1).tolist()
    return costs


def causal(records: list[tuple[str, str]], folder: Path, count: int, threads: int, rounds: int) -> None:
    """Print the ratio of a plain loop's time to ours, and how far apart the costs are."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pipeline.models import ModelRef, Models

    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(str(folder), padding_side="right")
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    scorer = Models(threads=threads).causal_lm(ModelRef(folder=str(folder)))
    texts = [response for _, response in records if response][:count]
    times: dict[str, list[float]] = {"loop": [], "ours": []}
    for _ in range(rounds):
        start = time.perf_counter()
        plain = plain_loop(model, tokenizer, texts)
        times["loop"].append(time.perf_counter() - start)
        start = time.perf_counter()
        ours = scorer.costs([""] * len(texts), texts)
        times["ours"].append(time.perf_counter() - start)
    medians = {name: statistics.median(each) for name, each in times.items()}
    short = np.array([len(tokenizer(text)["input_ids"]) < scorer.longest for text in texts])
    costs = ours.nats * np.array([len(text) for text in texts])
    apart = np.abs(costs[short] / np.array(plain)[short] - 1).max()
    ratio = medians["loop"] / medians["ours"]
    print(f"{len(texts)} responses: loop {medians['loop']:.1f} s, ours {medians['ours']:.1f} s, {ratio:.2f}x")
    print(f"rounds: {times}")
    print(f"greatest relative difference of a cost, where the loop does not truncate: {apart:.1e}")


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", nargs="?", const="", default=None)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    records = read(given.path)
    if given.model is None:
        ngrams(records, given.threads)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(given.model)
        if not given.model:
            from tiny_models import save_causal_lm

            folder = save_causal_lm(Path(made), layers=4, hidden=256, longest=1024)
        causal(records, folder, given.count, given.threads, given.rounds)


if __name__ == "__main__":
    main()
