"""Relevance on responses that were exchanged between records: AUROC by corpus, far and near in topic.

    python benchmarks/truth/relevance.py [--data ../shared/data] [--corpora dolly belle] [--seed 0] [--records 4000]

Of each corpus one record in ten gives its response to another one near in topic and takes that one's; one in ten
takes the response of a random record far away. The measure is then fitted on that corpus as a build would fit it,
strangers and all, and scores every record with tables of the other folds. A near partner is one of the ten nearest
prompts (cosine of the embedder, of the lexical embedder where it knows the language no better) that are no
duplicates: below the thresholds of `dedupe`, .93 and .8, and with another response (Jaccard of shingles below .5).
A prompt is used once. Rejected: fitting on the untouched corpus and scoring strangers against it, which no user
could do.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from corpora import CHINESE, ENGLISH, read
from numpy.typing import NDArray

from pipeline.models import ModelRef, Models
from pipeline.stages.relevance import RelevanceParams, RelevanceStage
from quality import lexical, minhash

BOOTSTRAPS = 1000
SHARE = 0.1
NEAREST = 10
DUPLICATE = {"vectors": 0.93, "words": 0.8}
SAME_RESPONSE = 0.5
FILES = {
    "alpaca": (ENGLISH,),
    "belle": tuple(name for name in CHINESE if name.startswith("belle")),
    "medicalgpt": (*CHINESE[:3],),
    "huatuo": ("huatuo_zh/llama_data.json.gz",),
    "toyhom": tuple(name for name in CHINESE if name.startswith("toyhom")),
}
CORPORA = ("dolly", "oasst", "alpaca", "belle", "medicalgpt", "huatuo", "toyhom")
NAMES = ("system", "history", "instruction", "input", "output", "cluster")


@dataclass(frozen=True, slots=True)
class Row:
    """One record: earlier turns, what is asked, and the answer."""

    history: tuple[str, ...]
    instruction: str
    input: str
    output: str


def rows_of(name: str, data: Path, most: int) -> list[Row]:
    """Return a corpus: records with a prompt and a response, each prompt once, at most `most` by hash."""
    found = (
        {"dolly": _dolly, "oasst": _oasst}[name](data)
        if name in ("dolly", "oasst")
        else _files(data, FILES[name])
    )
    rows, seen = [], set()
    for row in found:
        key = (row.history, row.instruction, row.input)
        if row.output.strip() and (row.instruction + row.input).strip() and key not in seen:
            seen.add(key)
            rows.append(row)
    rows.sort(
        key=lambda row: blake2b("\x1f".join((*row.history, row.instruction, row.input)).encode()).digest()
    )
    return rows[:most]


def _files(data: Path, files: tuple[str, ...]) -> Iterator[Row]:
    for file in files:
        for prompt in read(data, file):
            turns = tuple(text for role, text in prompt.history if role != "system")
            yield Row(turns, prompt.instruction, prompt.input, prompt.output)


def _dolly(data: Path) -> Iterator[Row]:
    for each in json.loads(gzip.decompress((data / "dolly_3k/dolly_3k.json.gz").read_bytes())):
        yield Row((), each["instruction"], each["input"], each["output"])


def _oasst(data: Path) -> Iterator[Row]:
    folder = data / "oasst_sample"
    trees = [
        json.loads(line)["prompt"] for line in (folder / "en_100_tree.jsonl").read_text("utf-8").splitlines()
    ]
    lines = gzip.decompress((folder / "en_100_message.jsonl.gz").read_bytes()).decode().split("\n")
    for root in (*trees, *(json.loads(line) for line in lines if line.strip())):
        yield from _replies(root, ())
    messages: list[dict[str, Any]] = json.loads((folder / "realistic_seed_data.json").read_text("utf-8"))
    by_id = {one["user_message_id"]: one for one in messages}
    for one in messages:
        path, parent = [], by_id.get(one["parent_message_id"])
        while parent:
            path.append(parent["text"])
            parent = by_id.get(parent["parent_message_id"])
        if one["role"] == "assistant" and path:
            yield Row(tuple(path[:0:-1]), path[0], "", one["text"])


def _replies(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[Row]:
    for reply in node.get("replies") or ():
        if reply["role"] == "assistant" and node["role"] == "prompter":
            yield Row(path, node["text"], "", reply["text"])
        yield from _replies(reply, (*path, node["text"]))


def near_of(rows: list[Row], models: Models) -> list[list[int]]:
    """Return for each row the nearest that are no duplicates of it."""
    asked = [f"{row.instruction}\n{row.input}".strip() for row in rows]
    embedder = models.embedder(ModelRef())
    kind = "vectors" if embedder.covers(asked).mean() > 0.5 else "words"
    fitted = lexical.fit([lexical.summarise(asked)])
    sights = embedder.encode(asked) if kind == "vectors" else lexical.embed(asked, fitted)
    found = []
    for start in range(0, len(rows), 512):
        products = sights[start : start + 512] @ sights.T
        for n, cosine in enumerate(products):
            here = start + n
            best = np.argpartition(-cosine, min(60, len(cosine) - 1))[:60]
            order = best[np.lexsort((best, -np.round(cosine[best], 5)))].tolist()
            close = [at for at in order if at != here and cosine[at] < DUPLICATE[kind]][: 2 * NEAREST]
            ours, theirs = [rows[here].output] * len(close), [rows[at].output for at in close]
            alike = minhash.jaccard_of(ours, theirs) if close else []
            found.append(
                [at for at, same in zip(close, alike, strict=True) if same < SAME_RESPONSE][:NEAREST]
            )
    return found


def exchanged(near: list[list[int]], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return whose response each row has, and 0 (its own), 1 (a far one's) or 2 (a near one's)."""
    count = len(near)
    draw = np.random.default_rng(seed)
    response, kind = np.arange(count), np.zeros(count, np.int64)
    for row in draw.permutation(count).tolist():
        if np.count_nonzero(kind) >= count * SHARE:
            break
        free = [at for at in near[row] if not kind[at]] if not kind[row] else []
        if free:
            partner = free[int(draw.integers(len(free)))]
            response[[row, partner]] = partner, row
            kind[[row, partner]] = 2
    far = draw.permutation(np.flatnonzero(kind == 0))[: int(count * SHARE)]
    response[far], kind[far] = np.roll(far, 1), 1
    return response, kind


def auroc(own: NDArray[np.float64], strange: NDArray[np.float64]) -> float:
    """Return how often an own response scores above a stranger's, ties counting half."""
    ordered = np.sort(strange)
    below = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
    return float(below.mean() / 2 / len(ordered))


def interval(own: NDArray[np.float64], strange: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bootstrap 95% interval of the AUROC over records."""
    draw = np.random.default_rng(0)
    found = [
        auroc(
            own[draw.integers(0, len(own), len(own))], strange[draw.integers(0, len(strange), len(strange))]
        )
        for _ in range(BOOTSTRAPS)
    ]
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def batch_of(rows: list[Row], response: NDArray[np.int64]) -> pa.Table:
    """Return the corpus as the stage reads it."""
    columns: dict[str, list[Any]] = {name: [] for name in NAMES}
    for row, partner in zip(rows, response.tolist(), strict=True):
        turns = list(row.history) + [""] * (len(row.history) % 2)
        columns["system"].append("")
        columns["history"].append(
            [{"user": turns[n], "assistant": turns[n + 1]} for n in range(0, len(turns), 2)]
        )
        columns["instruction"].append(row.instruction)
        columns["input"].append(row.input)
        columns["output"].append(rows[partner].output)
        columns["cluster"].append("")
    return pa.table(columns)


def score(name: str, rows: list[Row], models: Models, seed: int, threshold: float) -> None:
    """Exchange, fit, measure and print one corpus."""
    response, kind = exchanged(near_of(rows, models), seed)
    batch = batch_of(rows, response)
    stage = RelevanceStage()
    (measure,) = stage.measures(RelevanceParams())
    began = time.perf_counter()
    fitted = stage.fit(measure, [stage.summarise(measure, batch, models)])
    found = stage.measure(measure, batch, fitted, models)
    took = time.perf_counter() - began
    value = np.array(found.column("relevance").to_pylist(), np.float64)
    known = ~np.isnan(value)
    own = value[known & (kind == 0)]
    cells = []
    for which in (1, 2):
        strange = value[known & (kind == which)]
        low, high = interval(own, strange)
        cells.append(f"{auroc(own, strange):.3f} ({low:.3f}-{high:.3f})")
        cells.append(f"{(strange < threshold).mean():.3f}")
    counts = "/".join(str(int((kind[known] == which).sum())) for which in range(3))
    print(
        f"| {name} | {counts} | {int((~known).sum())} | {cells[0]} | {cells[2]} | {(own < threshold).mean():.4f} | "
        f"{cells[1]} | {cells[3]} | {len(rows) / took:.0f} |",
        flush=True,
    )
    _worst(rows, response, kind, value)


def _worst(
    rows: list[Row], response: NDArray[np.int64], kind: NDArray[np.int64], value: NDArray[np.float64]
) -> None:
    """Print to the error stream the ten lowest own responses and the ten highest strangers."""
    order = np.argsort(np.where(np.isnan(value), 0.5, value), kind="stable")
    low = [row for row in order.tolist() if kind[row] == 0][:10]
    high = [row for row in order[::-1].tolist() if kind[row] != 0][:10]
    for row in (*low, *high):
        asked = f"{rows[row].instruction} {rows[row].input}"[:110].replace("\n", " ")
        answer = rows[response[row]].output[:110].replace("\n", " ")
        print(f"  {value[row]:.3f} {('own', 'far', 'near')[kind[row]]}: {asked} => {answer}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=CORPORA)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--records", type=int, default=4000, help="most records of a corpus")
    parser.add_argument("--threshold", type=float, default=RelevanceParams().threshold)
    arguments = parser.parse_args()
    models = Models()
    threshold = arguments.threshold
    print(
        "| corpus | own/far/near | not measured | AUROC far | AUROC near | own below the limit | far below | "
        "near below | records/s, embedding included |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in arguments.corpora:
        score(name, rows_of(name, arguments.data, arguments.records), models, arguments.seed, threshold)


if __name__ == "__main__":
    main()
