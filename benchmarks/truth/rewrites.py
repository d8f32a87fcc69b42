"""Rewrites found and look-alikes merged by dedupe, on records drawn by chance from real corpora.

    python benchmarks/truth/rewrites.py --corpus alpaca_data.json.gz --corpus zh_seed_tasks.json [--records 400]

The rules of `tests/rewrites` are applied to records of each corpus drawn by seed. Beside the stage stand two plain
methods on the same records: MiniLM (a record goes when an earlier kept prompt has a cosine of at least .9) and MinHash
(Jaccard of at least .7 over trigrams of characters in Chinese, of words in English). Read are JSON arrays and JSON
Lines, plain or .gz: Alpaca, Dolly, BELLE's seed tasks, ShareGPT.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from pipeline.models import ModelRef, Models
from pipeline.record import prompt_of
from tests.rewrites import Record, base_records, generate, sample_records
from tests.rewrites.building import drops
from tests.rewrites.score import by_rule, judged, table

Drops = dict[int, tuple[int, ...]]
LONGEST = 600
"""Characters of a prompt above which a record is not drawn: MiniLM reads 256 tokens."""


def read(path: Path) -> list[Record]:
    """Return the records of a corpus whose prompt is short enough."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = data.decode("utf-8")
    units = (
        json.loads(text) if text.lstrip().startswith("[") else [json.loads(x) for x in text.split("\n") if x]
    )
    found = [record for record in map(as_record, units) if record["instruction"] and record["output"]]
    return [one for one in found if len(one["instruction"]) + len(one["input"]) <= LONGEST]


def as_record(unit: dict[str, Any]) -> Record:
    if "conversations" in unit:
        said = [turn["value"] for turn in unit["conversations"] if turn["from"] != "system"]
        output = said[1] if len(said) > 1 else unit.get("chosen", "")
        return {"instruction": said[0].strip(), "input": "", "output": output}
    if "instances" in unit:
        unit = {**unit, **unit["instances"][0]}
    names = ("instruction", "input", "output")
    return {name: str(unit.get(name) or "").strip() for name in names}


def minilm(records: Sequence[Record], threshold: float = 0.9) -> Drops:
    """Walk the records; drop one whose prompt is close to the prompt of an earlier kept one."""
    embedder = Models().embedder(ModelRef())
    texts = [prompt_of(record["instruction"], record["input"]) for record in records]
    vectors = np.asarray(embedder.encode(texts), dtype=np.float32)
    dropped: Drops = {}
    kept: list[int] = []
    for place, vector in enumerate(vectors):
        close = vectors[kept] @ vector if kept else np.zeros(0)
        if len(close) and close.max() >= threshold:
            dropped[place] = (kept[int(close.argmax())],)
        else:
            kept.append(place)
    return dropped


def minhash(records: Sequence[Record], threshold: float = 0.7, permutations: int = 128) -> Drops:
    """Walk the records; drop one whose signature agrees with an earlier kept one in a share of places."""
    mixed = np.random.default_rng(1).integers(1, 2**31, (2, permutations), dtype=np.uint64)
    signatures = np.empty((len(records), permutations), np.uint64)
    for place, record in enumerate(records):
        text = prompt_of(record["instruction"], record["input"]).lower()
        parts = list(text) if re.search(r"[\u4e00-\u9fff]", text) else re.findall(r"\w+", text)
        grams = {" ".join(parts[at : at + 3]) for at in range(max(1, len(parts) - 2))}
        hashed = np.array([random.Random(gram).getrandbits(31) for gram in sorted(grams)], np.uint64)
        signatures[place] = ((hashed[:, None] * mixed[0] + mixed[1]) % np.uint64(2**31 - 1)).min(0)
    dropped: Drops = {}
    kept: list[int] = []
    for place, signature in enumerate(signatures):
        agree = (signatures[kept] == signature).mean(1) if kept else np.zeros(0)
        if len(agree) and agree.max() >= threshold:
            dropped[place] = (kept[int(agree.argmax())],)
        else:
            kept.append(place)
    return dropped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="may be given again")
    parser.add_argument("--records", type=int, default=300, help="base records drawn from each corpus")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own", action="store_true", help="also the base records of the test")
    parser.add_argument("--parameters", default="", help='of the stage, e.g. ", threshold: 0.95"')
    parser.add_argument("--examples", type=int, default=0, help="print so many faults of each kind")
    args = parser.parse_args()
    bases: list[Record] = [*base_records(), *sample_records()] if args.own or not args.corpus else []
    for path in args.corpus:
        whole = read(path)
        bases += random.Random(f"{args.seed}:{path.name}").sample(whole, min(args.records, len(whole)))
    records, truth = generate(bases, args.seed)
    print(f"{len(bases)} base records, {len(records)} generated, seed {args.seed}")
    with tempfile.TemporaryDirectory() as folder:
        stage = drops(records, Path(folder), args.parameters)
    methods: dict[str, Callable[[Sequence[Record]], Drops]] = {
        "dedupe": lambda _: stage, "MiniLM .9": minilm, "MinHash .7": minhash,
    }  # fmt: skip
    judgements = {name: judged(truth, method(records)) for name, method in methods.items()}
    print(table({name: by_rule(truth, *judgement) for name, judgement in judgements.items()}))
    found, merged = judgements["dedupe"]
    chance = random.Random(args.seed)
    missed = [at for at, told in enumerate(truth) if told.kind == "rewrite" and at not in found]
    for title, places in (("missed", missed), ("merged", sorted(merged))):
        for at in chance.sample(places, min(args.examples, len(places))):
            base = records[truth[at].base]
            print(f"{title} {truth[at].rule}: {base['instruction']!r} {base['input'][:80]!r}")
            print(f"    {records[at]['instruction']!r} {records[at]['input'][:80]!r}")


if __name__ == "__main__":
    main()
