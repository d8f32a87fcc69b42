"""Measures near-duplicate search beside rensa and datasketch: time, and pairs found against all pairs by brute force.

    python benchmarks/near.py alpaca_data.json.gz --peers-python /tmp/peers/bin/python --rounds 3
    python benchmarks/near.py eval_set.json --fields question --characters

Each contestant runs in a process of its own, in turns; peers may live in a virtual environment of their own
(`pip install rensa datasketch`). All take texts and give pairs. Peers get word bigrams (with --characters,
character trigrams) made in Python, as their manuals do. The truth of each contestant are its own sets of shingles, all
pairs of them compared (prefix filter, which is exact), so that only the search is judged and not the tokeniser.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import math
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

Pairs = list[tuple[int, int]]
Times = dict[str, float]
Result = tuple[Pairs, Sequence[set[Any]], int]
FLOOR = 0.5
KINDS = ("seconds", "CPU seconds")
WORD = re.compile(r"\w+")


def clocks() -> Times:
    """Return what the clocks of this process show; imports are over by then."""
    return {"seconds": time.perf_counter(), "CPU seconds": time.process_time()}


def since(start: Times) -> Times:
    """Return the times that have passed."""
    return {kind: now - start[kind] for kind, now in clocks().items()}


def read_texts(path: Path, fields: list[str]) -> list[str]:
    """Return the joined fields of a JSON array or JSON Lines."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("utf-8")
    rows = (
        json.loads(text)
        if text.lstrip().startswith("[")
        else [json.loads(row) for row in text.split("\n") if row]
    )
    return ["\n".join(row[field] for field in fields if row.get(field)) for row in rows]


def runs(text: str, characters: bool) -> set[str]:
    """Return word bigrams or character trigrams of a text, as plain Python makes them."""
    if characters:
        tokens = "".join(WORD.findall(text.lower()))
        return {tokens[at : at + 3] for at in range(len(tokens) - 2)} or {tokens}
    words = WORD.findall(text.lower())
    return {f"{one} {other}" for one, other in itertools.pairwise(words)} or {" ".join(words)}


def this_project(texts: list[str], threshold: float, characters: bool) -> tuple[Callable[[], Any], Times]:
    """Search with quality.minhash; return what tells pairs and sets, and the seconds."""
    from quality import minhash

    start = clocks()
    sets = minhash.shingles(texts)
    keys = minhash.band_keys(minhash.signatures(sets), minhash.BANDS, minhash.ROWS)
    pairs, _ = minhash.candidate_pairs(keys, minhash.present(sets), cap=100)
    verified = minhash.jaccard(sets, pairs[:, 0], pairs[:, 1])
    seconds = since(start)

    def told() -> Result:
        rows = [
            set(sets.values[a:b].tolist()) for a, b in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)
        ]
        return [tuple(pair) for pair in pairs[verified >= threshold].tolist()], rows, len(pairs)  # type: ignore[misc]

    return told, seconds


def rensa(texts: list[str], threshold: float, characters: bool) -> tuple[Callable[[], Any], Times]:
    """Search with rensa's full-set R-MinHash and LSH; pairs are decided by the estimate, as its deduplicator does."""
    from rensa import RMinHash, RMinHashLSH

    start = clocks()
    sets = [runs(text, characters) for text in texts]
    sketches = RMinHash.from_token_sets([list(found) for found in sets], num_perm=128, seed=42)
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=32)
    index.insert_many(sketches)
    near = index.query_all(sketches)
    tried = 0
    pairs = []
    for row, others in enumerate(near):
        for other in others:
            if other > row:
                tried += 1
                if sketches[row].jaccard(sketches[other]) >= threshold:
                    pairs.append((row, other))
    seconds = since(start)
    return lambda: (pairs, sets, tried), seconds


def rensa_deduplicator(
    texts: list[str], threshold: float, characters: bool
) -> tuple[Callable[[], Any], Times]:
    """Search as rensa's manual does: the deduplicator says which texts to keep, and names no pair."""
    from rensa import RMinHashDeduplicator

    start = clocks()
    sets = [runs(text, characters) for text in texts]
    index = RMinHashDeduplicator(threshold=threshold, num_perm=128, use_lsh=True)
    index.add_pairs((str(row), list(found)) for row, found in enumerate(sets))
    return lambda: ([], [], 0), since(start)


def datasketch(texts: list[str], threshold: float, characters: bool) -> tuple[Callable[[], Any], Times]:
    """Search with datasketch's MinHash and MinHashLSH, whose bands are its choice for the threshold."""
    from datasketch import MinHash, MinHashLSH

    start = clocks()
    sets = [runs(text, characters) for text in texts]
    sketches = list(MinHash.generator([[part.encode() for part in found] for found in sets], num_perm=128))
    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for row, sketch in enumerate(sketches):
            session.insert(row, sketch)
    tried, pairs = 0, []
    for row, sketch in enumerate(sketches):
        for other in index.query(sketch):
            if other > row:
                tried += 1
                if sketch.jaccard(sketches[other]) >= threshold:
                    pairs.append((row, other))
    seconds = since(start)
    return lambda: (pairs, sets, tried), seconds


CONTESTANTS = {
    "this project": this_project,
    "rensa": rensa,
    "rensa, deduplicator": rensa_deduplicator,
    "datasketch": datasketch,
}


def all_pairs(sets: Sequence[set[Hashable]], threshold: float) -> dict[tuple[int, int], float]:
    """Return every pair of sets of at least this Jaccard similarity, exactly.

    Two such sets have a shingle in common among the |x| - ceil(t |x|) + 1 rarest of each (Bayardo et al. 2007).
    """
    shown = Counter(shingle for found in sets for shingle in found)
    holders: dict[Hashable, list[int]] = defaultdict(list)
    truth: dict[tuple[int, int], float] = {}
    for row, found in enumerate(sets):
        size = len(found)
        rare = sorted(found, key=lambda shingle: (shown[shingle], shingle))[
            : size - math.ceil(threshold * size) + 1
        ]
        near = {other for shingle in rare for other in holders[shingle]}
        for other in near:
            if min(size, len(sets[other])) >= threshold * max(size, len(sets[other])):
                common = len(found & sets[other])
                if common >= threshold * (size + len(sets[other]) - common):
                    truth[other, row] = common / (size + len(sets[other]) - common)
        for shingle in rare:
            holders[shingle].append(row)
    return truth


def judge(pairs: Pairs, truth: dict[tuple[int, int], float], threshold: float) -> dict[str, float]:
    """Return how many true pairs there are, the share found, and the share of the found that are true."""
    wanted = {pair for pair, value in truth.items() if value >= threshold}
    found = set(pairs)
    return {
        "true pairs": len(wanted),
        "found": len(found),
        "recall": len(found & wanted) / max(1, len(wanted)),
        "precision": len(found & wanted) / max(1, len(found)),
    }


def child(name: str, given: Path, threshold: float, characters: bool, with_truth: bool) -> None:
    """Run one contestant once and print what it did as JSON."""
    texts = json.loads(given.read_text(encoding="utf-8"))
    told, times = CONTESTANTS[name](texts, threshold, characters)
    report: dict[str, object] = {**times}
    report["peak GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if with_truth:
        pairs, sets, tried = told()
        report["candidates"] = tried
        if sets:
            report |= judge(pairs, all_pairs(sets, FLOOR), threshold)
    print(json.dumps(report))


def main() -> None:
    """Let the contestants take turns and print medians, ratios and truth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--fields", nargs="+", default=["instruction", "input", "output"])
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--characters", action="store_true", help="peers take character trigrams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--truth", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.path, given.threshold, given.characters, given.truth)
        return
    texts = read_texts(given.path, given.fields)
    reports: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        for turn in range(given.rounds):
            for name in given.contestants:
                python = sys.executable if name == "this project" else given.peers_python
                command = [python, __file__, file.name, "--child", name, "--threshold", str(given.threshold)]
                command += ["--characters"] * given.characters + ["--truth"] * (turn == 0)
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    print(f"{name}: not measured: {done.stderr.strip().splitlines()[-1]}")
                    given.contestants = [other for other in given.contestants if other != name]
                else:
                    reports[name].append(json.loads(done.stdout))
    print(
        f"{len(texts)} texts, {sum(map(len, texts))} characters; {platform.processor() or platform.machine()}"
    )
    medians = {
        name: {kind: statistics.median(report[kind] for report in rounds) for kind in KINDS}
        for name, rounds in reports.items()
    }
    for name, rounds in reports.items():
        times = ", ".join(
            f"{medians[name][kind]:.2f} {kind} ({medians[name][kind] / medians['this project'][kind]:.2f} of ours)"
            for kind in KINDS
        )
        rest = ", ".join(f"{key} {value:.4g}" for key, value in rounds[0].items() if key not in KINDS)
        print(f"{name:22}{times}; {rest}")


if __name__ == "__main__":
    main()
