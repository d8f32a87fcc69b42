"""Precision and recall of duplicate detectors on the 400 pairs labelled by hand.

    python benchmarks/truth/dedupe.py [--data ../shared/data] [--peer-python peers/bin/python] [--ours]

Prints a table by detector, half and language, with bootstrap 95% intervals over the pairs. No threshold may be
chosen by the frozen half. Shares are of the drawn pairs, which are hard ones on purpose, not of a corpus: a
detector's precision over all it would drop is another number. `unsure` pairs count neither way.
Rejected: scoring whole-corpus runs by the pairs they drop (a third record decides), and one pooled number.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from corpora import Prompt, read
from numpy.typing import NDArray

PAIRS = Path(__file__).with_name("dedupe_pairs.csv")
BOOTSTRAPS = 2000
RECIPE = """\
name: pairs
sources:
  - name: pairs
    path: pairs.jsonl
stages:
  - stage: dedupe
"""
ALIKE = "Here is the answer that was asked for, in full."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two prompts and what a person said of them: `label` is yes, no or unsure."""

    left: Prompt
    right: Prompt
    lang: str
    half: str
    label: str
    second: str


def load(data: Path, pairs: Path = PAIRS) -> list[Pair]:
    """Return the labelled pairs with their prompts.

    Raises:
        SystemExit: a corpus is missing, or a prompt is not the one that was labelled.
    """
    rows = list(csv.DictReader(pairs.open(encoding="utf-8", newline="")))
    corpora = {
        name: read(data, name) for name in {row[side] for row in rows for side in ("file_a", "file_b")}
    }
    loaded = []
    for row in rows:
        left, right = (corpora[row[f"file_{side}"]][int(row[f"row_{side}"])] for side in "ab")
        if (left.digest, right.digest) != (row["digest_a"], row["digest_b"]):
            raise SystemExit(
                f"{left.file} row {left.row} or {right.file} row {right.row} is not the prompt that was labelled: "
                "another version of the corpus?"
            )
        loaded.append(Pair(left, right, row["band"][:2], row["half"], row["label"], row["second"]))
    return loaded


def minilm(pairs: Sequence[Pair], least: float) -> list[bool]:
    """Return for each pair whether the cosine of MiniLM's vectors of the prompts is at least `least`."""
    from pipeline.models import ModelRef, Models

    texts = [side.text for pair in pairs for side in (pair.left, pair.right)]
    vectors = Models().embedder(ModelRef()).encode(texts)
    return [bool(cosine >= least) for cosine in (vectors[::2] * vectors[1::2]).sum(axis=1)]


def peers(pairs: Sequence[Pair], python: Path) -> dict[str, list[bool]]:
    """Return the verdicts of the packages installed beside another Python, by name.

    Raises:
        SystemExit: a package is missing there, or one failed.
    """
    lines = [
        json.dumps({"lang": pair.lang, "left": pair.left.text, "right": pair.right.text}) for pair in pairs
    ]
    script = Path(__file__).with_name("dedupe_peers.py")
    done = subprocess.run(
        [str(python), str(script)], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script.name} failed under {python}:\n{done.stderr}")
    verdicts: dict[str, list[bool]] = json.loads(done.stdout)
    return verdicts


def ours(left: dict[str, str], right: dict[str, str]) -> bool:
    """Return whether a default build of these two records alone drops one of them for the other."""
    first, second = kept_for([left, right])
    return first == second


def kept_for(records: Sequence[dict[str, str]]) -> list[int]:
    """Build the records with the default dedupe and return, for each, the place of the one kept for it.

    A record that was kept stands for itself. One that could not be read stands for itself too, and is told of.
    """
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "pairs.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / "pairs.yaml").write_text(RECIPE, encoding="utf-8")
        command = [sys.executable, "-m", "pipeline", "build", str(folder / "pairs.yaml")]
        command += ["--out", str(folder / "build"), "--store", str(folder / "store"), "--runner", "serial"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the build failed:\n{done.stdout}{done.stderr}")
        table = pq.read_table(folder / "build" / "records.parquet", columns=["id", "line"])
        ledger = pq.read_table(folder / "build" / "ledger.parquet", columns=["id", "action", "evidence"])
    place = {row["id"]: row["line"] - 1 for row in table.to_pylist()}
    if len(place) < len(records):
        print(f"{len(records) - len(place)} of {len(records)} records could not be read and count as kept")
    kept = list(range(len(records)))
    for row in ledger.to_pylist():
        evidence = json.loads(row["evidence"])
        if row["action"] == "drop" and "kept" in evidence:
            kept[place[row["id"]]] = place[evidence["kept"]]
    return [kept[at] for at in kept]


def ours_on(pairs: Sequence[Pair], responses: str) -> list[bool]:
    """Return the verdicts of default builds, one build for each half.

    Where one of a pair was dropped for a third record, a build of the two alone decides; how many is printed.
    """
    found: dict[int, bool] = {}
    for half in ("tune", "frozen"):
        places = [at for at, pair in enumerate(pairs) if pair.half == half]
        sides = {side.digest: side for at in places for side in (pairs[at].left, pairs[at].right)}
        order = {digest: place for place, digest in enumerate(sides)}
        kept = kept_for([_record(side, responses) for side in sides.values()])
        hidden = 0
        for at in places:
            left, right = order[pairs[at].left.digest], order[pairs[at].right.digest]
            found[at] = kept[left] == kept[right]
            if not found[at] and (kept[left], kept[right]) != (left, right):
                hidden += 1
                found[at] = ours(_record(pairs[at].left, responses), _record(pairs[at].right, responses))
        print(
            f"ours, {half}: {hidden} of {len(places)} pairs hidden by a third record, judged in a build of two"
        )
    return [found[at] for at in range(len(pairs))]


def _record(prompt: Prompt, responses: str) -> dict[str, str]:
    turns = [text for role, text in prompt.history if role != "system"]
    output = prompt.output or "-"
    return {
        "instruction": "\n".join([*turns, prompt.instruction]),
        "input": prompt.input,
        "output": output if responses == "recorded" else ALIKE,
    }


def shares(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return precision, recall and F1 over the last axis of two bool arrays; nan where nothing is divided by."""
    hits, yes, dropped = (part.sum(axis=-1).astype(float) for part in (truth & found, truth, found))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([hits / dropped, hits / yes, 2 * hits / (yes + dropped)])


def intervals(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return bootstrap 95% intervals of precision, recall and F1 over the pairs; nan, nan for nan."""
    draws = np.random.default_rng(0).integers(0, len(truth), (BOOTSTRAPS, len(truth)))
    ends = []
    for scores in shares(truth[draws], found[draws]):
        known = scores[~np.isnan(scores)]
        low, high = np.percentile(known, (2.5, 97.5)) if len(known) else (np.nan, np.nan)
        ends.append((float(low), float(high)))
    return ends


def report(pairs: Sequence[Pair], verdicts: dict[str, list[bool]]) -> None:
    """Print the table."""
    print("| detector | half | language | pairs | yes | found | precision | recall | F1 |")
    print("|---|---|---|---|---|---|---|---|---|")
    groups = [(half, lang) for half in ("tune", "frozen") for lang in ("en", "zh", "all")]
    for name, verdict in verdicts.items():
        for half, lang in groups:
            here = [
                (pair.label == "yes", found)
                for pair, found in zip(pairs, verdict, strict=True)
                if pair.half == half and lang in (pair.lang, "all") and pair.label != "unsure"
            ]
            truth, found = (np.array(column, dtype=bool) for column in zip(*here, strict=True))
            cells = [
                "–" if np.isnan(value) else f"{value:.2f} [{low:.2f}, {high:.2f}]"
                for value, (low, high) in zip(shares(truth, found), intervals(truth, found), strict=True)
            ]
            counts = f"{len(here)} | {truth.sum()} | {found.sum()}"
            print(f"| {name} | {half} | {lang} | {counts} | {' | '.join(cells)} |")


def kappa(pairs: Sequence[Pair]) -> tuple[int, float, float]:
    """Return how many pairs were labelled twice, the share labelled alike, and Cohen's kappa."""
    twice = [(pair.label, pair.second) for pair in pairs if pair.second]
    alike = sum(first == second for first, second in twice) / len(twice)
    chance = (
        sum(
            sum(first == label for first, _ in twice) * sum(second == label for _, second in twice)
            for label in ("yes", "no", "unsure")
        )
        / len(twice) ** 2
    )
    return len(twice), alike, (alike - chance) / (1 - chance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--peer-python", type=Path, help="Python of a virtual environment with the peers")
    parser.add_argument("--ours", action="store_true", help="run default builds of this project too")
    parser.add_argument(
        "--responses",
        choices=("recorded", "alike"),
        default="recorded",
        help="ours: responses on record, or one for all, so that the prompts alone decide",
    )
    options = parser.parse_args()
    pairs = load(options.data)
    number, alike, agreement = kappa(pairs)
    print(f"labelled twice: {number}, alike: {alike:.2f}, Cohen's kappa: {agreement:.2f}\n")
    verdicts = {"MiniLM cosine .9": minilm(pairs, 0.9)}
    if options.peer_python:
        verdicts |= peers(pairs, options.peer_python)
    if options.ours:
        verdicts[f"ours, responses {options.responses}"] = ours_on(pairs, options.responses)
    report(pairs, verdicts)


if __name__ == "__main__":
    main()
