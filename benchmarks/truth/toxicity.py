"""Toxicity against labels: 24,783 English tweets, 213 Chinese texts, and false alarms on clean corpora.

    python benchmarks/truth/toxicity.py [--data ../shared/data] [--errors]

Tweets are those of Davidson et al. (ICWSM 2017): hate, offensive, neither. Scored are hate and offensive against
neither, and hate against offensive, by half: the frozen half, by hash of the text, was never looked at. Chinese
texts are described in toxicity_rule.md. The clean corpora have no labels: the share of prompts and responses at the
default threshold is printed, and with --errors the texts themselves. Rejected: accuracy over the three classes,
which the 77% of offensive tweets decide.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import html
import io
import json
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from corpora import CHINESE, ENGLISH, read
from numpy.typing import NDArray

from pipeline.stages.toxicity import ToxicityParams
from quality.toxicity import score_of, spans

BOOTSTRAPS = 1000
WORST = 20
LABELS = Path(__file__).with_name("toxicity_zh.jsonl")
CLEAN = (ENGLISH, *CHINESE)


def half_of(text: str) -> str:
    """Return the half of a text by its hash."""
    return "tune" if blake2b(text.encode(), digest_size=8).digest()[0] % 2 == 0 else "frozen"


def scores(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the score of each text."""
    return np.array([score_of(spans(text)) for text in texts], np.float64)


def auroc(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """Return how often a toxic text scores above another, ties counting half; nan without one of either."""
    good = np.sort(score[~truth])
    bad = score[truth]
    if not len(good) or not len(bad):
        return float("nan")
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    return float(below.mean() / 2 / len(good))


def f1(truth: NDArray[np.bool_], score: NDArray[np.float64], threshold: float) -> tuple[float, float, float]:
    """Return precision, recall and F1 at a threshold; nan where nothing is divided by."""
    found = score >= threshold
    hits, told, bad = (float(part.sum()) for part in (found & truth, found, truth))
    nan = float("nan")
    return (
        hits / told if told else nan,
        hits / bad if bad else nan,
        2 * hits / (told + bad) if told + bad else nan,
    )


def interval(
    truth: NDArray[np.bool_],
    score: NDArray[np.float64],
    measure: Callable[[NDArray[np.bool_], NDArray[np.float64]], float],
) -> str:
    """Return a figure with its bootstrap 95% interval over texts."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(BOOTSTRAPS):
        rows = draw.integers(0, len(truth), len(truth))
        found.append(measure(truth[rows], score[rows]))
    low, high = np.nanpercentile(found, (2.5, 97.5))
    return f"{measure(truth, score):.3f} ({low:.3f}-{high:.3f})"


def line(
    name: str, half: str, truth: NDArray[np.bool_], score: NDArray[np.float64], threshold: float
) -> None:
    """Print a row of the table."""
    precision, recall, _ = f1(truth, score, threshold)
    print(
        f"| {name} | {half} | {len(truth)} | {int(truth.sum())} | {interval(truth, score, auroc)} | {precision:.3f} | "
        f"{recall:.3f} | {interval(truth, score, lambda t, s: f1(t, s, threshold)[2])} |"
    )


def worst(texts: Sequence[str], truth: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
    """Print the harmless texts of highest and the toxic ones of lowest score."""
    order = np.argsort(np.where(truth, score, 1 - score), kind="stable")[:WORST]
    for row in order.tolist():
        print(f"  {score[row]:.2f} {'toxic' if truth[row] else 'harmless'}: {texts[row][:140]!r}")


def tweets(data: Path, threshold: float, errors: bool) -> None:
    """Score the English tweets."""
    raw = gzip.decompress((data / "hate_davidson/labeled_data.csv.gz").read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    texts = [html.unescape(row["tweet"]) for row in rows]
    kind = np.array([int(row["class"]) for row in rows])
    halves = np.array([half_of(row["tweet"]) for row in rows])
    score = scores(texts)
    for half in ("tune", "frozen"):
        own = halves == half
        line("tweets: hate or offensive against neither", half, kind[own] < 2, score[own], threshold)
        either = own & (kind < 2)
        line("tweets: hate against offensive", half, kind[either] == 0, score[either], threshold)
    if errors:
        rows_ = np.flatnonzero(halves == "tune")
        worst([texts[row] for row in rows_.tolist()], kind[rows_] < 2, score[rows_])


def chinese(data: Path, threshold: float, errors: bool) -> None:
    """Score the Chinese texts.

    Raises:
        SystemExit: a text is not the one that was labelled.
    """
    files: dict[str, list[str]] = {}
    texts, truth, own = [], [], []
    for row in map(json.loads, LABELS.read_text("utf-8").splitlines()):
        text = row.get("text")
        if text is None:
            prompt = read_once(data, row["file"], files)[row["row"] * 2 + (row["side"] == "response")]
            if blake2b(prompt.encode(), digest_size=8).hexdigest() != row["digest"]:
                raise SystemExit(f"{row['file']} row {row['row']} is not the text that was labelled")
            text = prompt
        texts.append(text)
        truth.append(bool(row["label"]))
        own.append(row["from"] == "own")
    score, bad = scores(texts), np.array(truth)
    halves = np.array([half_of(text) for text in texts])
    for half in ("tune", "frozen"):
        line("Chinese, all", half, bad[halves == half], score[halves == half], threshold)
        some = (halves == half) & np.array(own)
        line("Chinese, own sentences", half, bad[some], score[some], threshold)
    if errors:
        tune = np.flatnonzero(halves == "tune")
        worst([texts[row] for row in tune.tolist()], bad[tune], score[tune])


def read_once(data: Path, file: str, files: dict[str, list[str]]) -> list[str]:
    """Return a corpus's prompts and responses in turn."""
    if file not in files:
        files[file] = [text for prompt in read(data, file) for text in (prompt.instruction, prompt.output)]
    return files[file]


def clean(data: Path, threshold: float, errors: bool) -> None:
    """Print how many texts of corpora that are mostly clean reach the threshold."""
    print("\n| corpus | texts | at the threshold | share |\n|---|---|---|---|")
    for file in CLEAN:
        texts = [text for prompt in read(data, file) for text in (prompt.text, prompt.output) if text.strip()]
        found = [(score_of(each), each, text) for text in texts for each in [spans(text)] if each]
        hits = [one for one in found if one[0] >= threshold]
        print(f"| {file} | {len(texts)} | {len(hits)} | {len(hits) / len(texts):.5f} |", flush=True)
        for value, each, text in hits if errors else ():
            top = max(each, key=lambda span: span.severity)
            around = text[max(0, top.start - 40) : top.stop + 40].replace("\n", " ")
            print(f"  {value:.2f} {top.category} {text[top.start : top.stop]!r}: {around}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--errors", action="store_true", help="print the worst errors and every hit on clean corpora"
    )
    arguments = parser.parse_args()
    threshold = ToxicityParams().threshold
    print("| texts | half | n | toxic | AUROC | precision | recall | F1 |\n|---|---|---|---|---|---|---|---|")
    tweets(arguments.data, threshold, arguments.errors)
    chinese(arguments.data, threshold, arguments.errors)
    clean(arguments.data, threshold, arguments.errors)


if __name__ == "__main__":
    main()
