"""Measures the embedder beside sentence-transformers, called plainly on the same texts and cores.

    python benchmarks/encoder.py alpaca_data.json.gz --texts 4000 --rounds 3

The contestants take turns, so that whatever else the machine does falls on all of them. Printed are the
best and the median speed of each, how near the vectors are, and how many rows changed a bit when the texts
were shuffled and cut otherwise. The input is a JSON array or JSON Lines with `instruction` and `input`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from pipeline.models import ModelRef, Models
from pipeline.record import prompt_of

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def read_prompts(path: Path, count: int, seed: int) -> list[str]:
    """Return `count` prompts drawn from an Alpaca file."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("utf-8")
    rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
    prompts = [prompt_of(row["instruction"], row.get("input", "")) for row in rows]
    return random.Random(seed).sample(prompts, min(count, len(prompts)))


def speed(run: Callable[[], object], texts: int) -> float:
    """Run once; return texts a second."""
    start = time.perf_counter()
    run()
    return texts / (time.perf_counter() - start)


def print_speeds(contestants: dict[str, Encode], texts: list[str], rounds: int) -> None:
    """Let the contestants take turns and print best and median, and the ratio to the last one."""
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, encode in contestants.items():
            speeds[name].append(speed(lambda encode=encode: encode(texts), len(texts)))  # type: ignore[misc]
    ours = speeds["this project"]
    print(f"\n{'':34}{'best/s':>8}{'median/s':>10}{'ours, best':>12}{'ours, median':>14}")
    for name, measured in speeds.items():
        best, median = max(measured), statistics.median(measured)
        ratios = f"{max(ours) / best:11.2f}x{statistics.median(ours) / median:13.2f}x"
        print(f"{name:34}{best:8.0f}{median:10.0f}{ratios}")


def print_equality(ours: Encode, theirs: Encode, texts: list[str]) -> None:
    """Print how near the vectors are to theirs, and how many rows depend on their company."""
    vectors, expected = ours(texts), theirs(texts)
    print(f"\nlowest cosine to sentence-transformers  {(vectors * expected).sum(axis=1).min():.8f}")
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    for name, encode in (("this project", ours), ("sentence-transformers", theirs)):
        whole = vectors if encode is ours else expected
        parts = [encode([texts[row] for row in rows]) for rows in np.array_split(order, 7)]
        differing = int((np.concatenate(parts) != whole[order]).any(axis=1).sum())
        print(f"rows whose bits changed when shuffled and cut in 7, {name}: {differing}")


def print_rest(texts: list[str], chunks: Sequence[int]) -> None:
    """Print what small chunks cost, and the speed of `covers` and of counting tokens."""
    embedder, counter = Models().embedder(ModelRef()), Models().token_counter()
    print()
    for size in chunks:
        pieces = [texts[start : start + size] for start in range(0, len(texts), size)]
        rate = speed(lambda pieces=pieces: [embedder.encode(piece) for piece in pieces], len(texts))  # type: ignore[misc]
        print(f"encode in chunks of {size:<6} {rate:10.0f} texts/s")
    many = texts * 5
    print(f"covers                     {speed(lambda: embedder.covers(many), len(many)):10.0f} texts/s")
    print(f"count tokens               {speed(lambda: counter.count(many), len(many)):10.0f} texts/s")


def processor() -> str:
    """Return the processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="Alpaca data: .json, .jsonl, or either with .gz")
    parser.add_argument("--texts", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--chunks", type=int, nargs="*", default=[16, 256, 1_000, 4_000])
    args = parser.parse_args()

    import torch
    from sentence_transformers import SentenceTransformer

    from pipeline.models.reference import locate

    texts = read_prompts(args.path, args.texts, args.seed)
    model = SentenceTransformer(str(locate(ModelRef())), device="cpu")
    embedder = Models().embedder(ModelRef())

    def plain(batch_size: int) -> Encode:
        return lambda texts: model.encode(
            list(texts), batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False
        )

    packages = ("torch", "sentence-transformers", "transformers", "tokenizers", "numpy")
    print(f"{processor()}, {torch.get_num_threads()} threads; Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    print(f"{len(texts)} prompts from {args.path.name}, {args.rounds} rounds; {embedder.identity.encoder}")
    contestants: dict[str, Encode] = {
        "this project": embedder.encode,
        "sentence-transformers, batch 32": plain(32),
        "sentence-transformers, batch 64": plain(64),
    }
    for encode in contestants.values():
        encode(texts[:200])
    print_speeds(contestants, texts, args.rounds)
    print_equality(embedder.encode, plain(32), texts)
    print_rest(texts, args.chunks)


if __name__ == "__main__":
    main()
