"""Meaning kept or broken: AUROC of the fidelity score beside cosine, BERTScore, BLEU and chrF, on declared edits.

    python benchmarks/truth/meaning.py --data FOLDER_OF_CORPORA [--half frozen|open] [--worst 20]

Edits of real sentences, by rule (`meaning_edits.py`) and by hand (`meaning_pairs_*.jsonl`, `meaning_rule.md`). Each
figure has a 95% bootstrap interval over pairs; by kind, the edits of one kind stand against all of the other label.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from meaning_pairs import BOTH, FIRST, REWORDED, RULE, SECOND, Pair, declared, hand_written, reworded_by_rule
from numpy.typing import NDArray

from pipeline.models import ModelRef, Models
from quality import fidelity, overlap

Floats = NDArray[np.float64]
ROUNDS = 1000
COLLECTIONS = (FIRST, SECOND, REWORDED, RULE, BOTH)
THRESHOLD = 0.5


def auroc(scores: Floats, kept: NDArray[np.bool_]) -> float:
    """Return the chance that a kept edit scores above a broken one, ties counting half."""
    if kept.all() or not kept.any():
        return float("nan")
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    n, m = int(kept.sum()), int((~kept).sum())
    return float((ranks[kept].sum() - n * (n + 1) / 2) / (n * m))


def interval(scores: Floats, kept: NDArray[np.bool_], seed: int = 1) -> tuple[float, float]:
    chance = np.random.default_rng(seed)
    rounds = []
    for _ in range(ROUNDS):
        rows = chance.integers(0, len(scores), len(scores))
        rounds.append(auroc(scores[rows], kept[rows]))
    low, high = np.nanpercentile(rounds, [2.5, 97.5])
    return float(low), float(high)


def told(scores: Floats, kept: NDArray[np.bool_]) -> str:
    use = ~np.isnan(scores)
    if use.sum() < 2 or kept[use].all() or not kept[use].any():
        return "not measured"
    low, high = interval(scores[use], kept[use])
    return f"{auroc(scores[use], kept[use]):.3f} [{low:.3f}, {high:.3f}]"


def decided(scores: Floats, kept: NDArray[np.bool_]) -> str:
    """Tell what the default threshold does to the edits that were measured."""
    passed = scores >= THRESHOLD
    use = ~np.isnan(scores)
    good, bad = use & kept, use & ~kept
    return (
        f"of kept {passed[good].mean():.3f} pass, of broken {1 - passed[bad].mean():.3f} are caught"
        if good.any() and bad.any()
        else ""
    )


def methods(pairs: Sequence[Pair], language: str) -> dict[str, Floats]:
    """Return the scores of each method; NaN where it measures nothing."""
    left, right = [pair.original for pair in pairs], [pair.edited for pair in pairs]
    embedder = Models().embedder(ModelRef())
    found = fidelity.measure(left, right, [language] * len(pairs), embedder.encode)
    scores = {"meaning": found.scores}
    if language == "en":
        ours, theirs = embedder.encode(left), embedder.encode(right)
        scores["meaning, no model"] = fidelity.measure(left, right, [language] * len(pairs)).scores
        scores["cosine"] = (ours * theirs).sum(1).astype(np.float64)
    return scores | others(left, right, language)


def others(left: list[str], right: list[str], language: str) -> dict[str, Floats]:
    """Return BLEU, chrF and, for English, BERTScore of each edit beside its original."""
    found = overlap.measure(right, left, [language] * len(left))
    scores = {"BLEU": found.bleu, "chrF": found.chrf}
    if language == "en":
        scores["BERTScore"] = Models().scorer(ModelRef()).score(right, left)[:, 2]
    return scores


def report(pairs: list[Pair], language: str, worst: int) -> None:
    kept = np.array([pair.kept for pair in pairs])
    scores = methods(pairs, language)
    for title, rows in (
        *((name, np.array([pair.collection == name for pair in pairs])) for name in COLLECTIONS),
        ("all", np.ones(len(pairs), bool)),
    ):
        if not rows.any():
            continue
        print(f"\n{language}, {title}: {int(kept[rows].sum())} kept, {int((~kept[rows]).sum())} broken")
        for name, values in scores.items():
            at = f"   {decided(values[rows], kept[rows])}" if name.startswith("meaning") else ""
            print(f"  {name:18s} {told(values[rows], kept[rows])}{at}")
    print(f"\n{language}: by kind (each against all edits of the other label)")
    kinds = sorted({(pair.by_hand, pair.kept, pair.kind) for pair in pairs})
    for by_hand, label, kind in kinds:
        mine = np.array([(p.by_hand, p.kept, p.kind) == (by_hand, label, kind) for p in pairs])
        rows = mine | (kept != label)
        print(
            f"  {'hand' if by_hand else 'rule'} {'kept' if label else 'broken':6s} {kind:16s} {int(mine.sum()):4d}  "
            f"{told(scores['meaning'][rows], kept[rows])}"
        )
    badness = np.where(kept, -scores["meaning"], scores["meaning"])
    print(f"\n{language}: the worst {worst}")
    for row in np.argsort(-badness, kind="stable")[:worst]:
        pair = pairs[int(row)]
        label = "kept" if pair.kept else "broken"
        print(f"  {scores['meaning'][row]:.3f} {label}, {pair.kind}\n    {pair.original}\n    {pair.edited}")


def mlqe(data: Path) -> None:
    """Score machine translations beside their post-edits (Chinese): does a low score tell a bad translation?"""
    from scipy.stats import spearmanr

    files = {}
    for name in ("en-zh-dev-postedit.tar.gz", "en-zh-dev.tar.gz"):
        with tarfile.open(data / "mlqe_pe" / name) as archive:
            for member in archive.getmembers():
                if stream := archive.extractfile(member):
                    files[member.name.rpartition("/")[2]] = stream.read().decode("utf-8")
    machine, edited = (files[f"dev.{side}"].rstrip("\n").split("\n") for side in ("mt", "pe"))
    lines = [line.split("\t") for line in files["dev.enzh.df.short.tsv"].rstrip("\n").split("\n")]
    at = lines[0].index("z_mean")
    human = np.array([float(line[at]) for line in lines[1:]])
    texts = [["".join(text.split()) for text in side] for side in (edited, machine)]
    scores = {"meaning": fidelity.measure(*texts, ["zh"] * len(human)).scores}
    scores |= others(texts[0], texts[1], "zh")
    print(f"\nmlqe_pe, en-zh dev: {len(human)} machine translations beside their post-edits")
    for name, values in scores.items():
        use = ~np.isnan(values)
        print(
            f"  {name:18s} Spearman with the human z-score {spearmanr(values[use], human[use]).statistic:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of corpora")
    parser.add_argument("--half", choices=("open", "frozen"), default="frozen")
    parser.add_argument("--worst", type=int, default=20)
    args = parser.parse_args()
    for language in ("en", "zh"):
        by_hand = hand_written(args.data, language)
        pairs = [*by_hand, *declared(args.data, language), *reworded_by_rule(by_hand)]
        report([pair for pair in pairs if pair.frozen == (args.half == "frozen")], language, args.worst)
    mlqe(args.data)


if __name__ == "__main__":
    main()
