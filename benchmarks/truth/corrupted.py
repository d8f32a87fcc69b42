"""AUROC of the measures of quality against 500 records of four corpora, each corrupted in six declared ways.

    python benchmarks/truth/corrupted.py --data ../shared/data [--half frozen] [--errors]

`corruptions.py` says how they are corrupted; it was written before any measure was scored on it. Each corpus is learnt
from as it is (up to 4,000 records), then both versions of every drawn record are judged by what the records of other
folds hold, its own left out. Score: `badness`, the number that ranks a response by all its evidence (perplexity of
characters and words, the worst stretch, repetition, an end in the middle of a sentence). Beside it, what perplexity
alone would say. The area is that under the ROC curve, ties half; the interval is a bootstrap over records (95 %).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from corruptions import CORPORA, WAYS, Pair, corrupt, drawn, half, read
from numpy.typing import NDArray

from quality.perplexity import Sample, judge

F64 = NDArray[np.float64]
ROUNDS = 500


def area(bad: F64, good: F64) -> float:
    """Return the area under the ROC curve, ties counted half."""
    order = np.sort(good)
    below = np.searchsorted(order, bad, "left")
    equal = np.searchsorted(order, bad, "right") - below
    return float((below + equal / 2).mean() / len(good))


def interval(bad: F64, good: F64) -> tuple[float, float]:
    """Return the 95 % interval of the area, by drawing records anew: a record's two versions stay together."""
    chance = np.random.default_rng(20)
    drawings = (chance.integers(0, len(good), len(good)) for _ in range(ROUNDS))
    areas = [area(bad[rows], good[rows]) for rows in drawings]
    return float(np.quantile(areas, 0.025)), float(np.quantile(areas, 0.975))


def judged(data: Path, corpus: str, wanted: str) -> tuple[list[Pair], dict[str, F64], dict[str, F64]]:
    """Return the records of one corpus, and for the clean text and each way its badness and its perplexity."""
    pairs = read(data, corpus)
    chosen = [pair for pair in drawn(pairs) if wanted in ("both", half(pair))]
    others = [pair.response for pair in pairs]
    versions = {"clean": [pair.response for pair in chosen]}
    versions |= {way: [corrupt(pair, way, others) for pair in chosen] for way in WAYS}
    samples = [
        Sample(pair.prompt, text, pair.lang, f"{pair.prompt}\0{pair.response}")
        for texts in versions.values()
        for pair, text in zip(chosen, texts, strict=True)
    ]
    corpus_samples = [
        Sample(pair.prompt, pair.response, pair.lang, f"{pair.prompt}\0{pair.response}") for pair in pairs
    ]
    numbers = judge(samples, corpus_samples)
    badness = np.nan_to_num(numbers.badness, nan=0.0).reshape(len(versions), -1)
    perplexity = np.nan_to_num(numbers.perplexity, nan=0.0).reshape(len(versions), -1)
    return chosen, dict(zip(versions, badness, strict=True)), dict(zip(versions, perplexity, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of corpora")
    parser.add_argument("--half", choices=("tune", "frozen", "both"), default="frozen")
    parser.add_argument("--errors", action="store_true", help="print the twenty worst-ranked corruptions")
    args = parser.parse_args()
    found = {corpus: judged(args.data, corpus, args.half) for corpus in CORPORA}
    print(f"half: {args.half}; records: " + ", ".join(f"{c} {len(found[c][0])}" for c in CORPORA))
    print("| corpus | way | AUROC | 95 % | of perplexity alone |\n|---|---|---:|---|---:|")
    for corpus, (_, bad, plain) in found.items():
        for way in WAYS:
            low, high = interval(bad[way], bad["clean"])
            alone = area(plain[way], plain["clean"])
            print(
                f"| {corpus} | {way} | {area(bad[way], bad['clean']):.3f} | {low:.3f}-{high:.3f} | {alone:.3f} |"
            )
    # Ranks are compared within a corpus only: its own clean records are what a corrupted one must stand out from.
    for lang in ("en", "zh", "all"):
        own = [corpus for corpus, (_, code) in CORPORA.items() if lang in ("all", code)]
        areas = [area(found[c][1][way], found[c][1]["clean"]) for c in own for way in WAYS]
        print(f"mean of {len(areas)} cells, {lang}: {np.mean(areas):.4f}, least {min(areas):.3f}")
    if args.errors:
        print(*_errors(found), sep="\n")


def _errors(found: dict[str, tuple[list[Pair], dict[str, F64], dict[str, F64]]]) -> list[str]:
    """Return the corruptions that the fewest clean records are better than."""
    rows = []
    for corpus, (chosen, bad, _) in found.items():
        for way in WAYS:
            for pair, value in zip(chosen, bad[way], strict=True):
                rank = float((bad["clean"] < value).mean())
                rows.append((rank, corpus, way, pair.prompt[:60].replace("\n", " ")))
    return [f"{rank:.2f} {corpus} {way}: {prompt}" for rank, corpus, way, prompt in sorted(rows)[:20]]


if __name__ == "__main__":
    main()
