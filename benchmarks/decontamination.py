"""Measures decontamination and domain coverage: records a second, fit and measure together, on one core.

    python benchmarks/decontamination.py --data ../shared/data

52,002 Alpaca records against the gsm8k test set (1,319 items with worked answers) and a Chinese set (1,000 items). Time
is CPU time of this process, so that other programs count little. Memory is the peak of the process, and that of the
index alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa

from pipeline.models import Models
from pipeline.record import RECORD_SCHEMA
from pipeline.stages.coverage import CoverageParams, CoverageStage
from pipeline.stages.decontaminate import Decontaminate, DecontaminateParams
from quality.decontamination import from_table

CHUNK = 16_384


def alpaca(data: Path) -> pa.Table:
    with gzip.open(data / "alpaca_orig" / "alpaca_data.json.gz", "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    columns = {
        "system": [""] * len(rows),
        "history": [[] for _ in rows],
        **{name: [row[name] for row in rows] for name in ("instruction", "input", "output")},
    }
    return pa.table({name: pa.array(v, RECORD_SCHEMA.field(name).type) for name, v in columns.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data: Path = parser.parse_args().data.resolve()
    table = alpaca(data)
    models = Models(threads=1)
    print(f"Python {platform.python_version()}, numpy {np.__version__}; {table.num_rows:,} records")
    against = ("gsm8k/test.jsonl", "belle_seed/eval_set.json")
    decontaminate = Decontaminate()
    bound = decontaminate.prepared(
        DecontaminateParams(against=tuple(str(data / name) for name in against)), data
    )
    covering = CoverageStage()
    domain = CoverageParams(reference=str(data / "gsm8k" / "test.jsonl"))
    for stage, params in ((decontaminate, bound), (covering, covering.prepared(domain, data))):
        (measure,) = stage.measures(params)
        began = time.process_time()
        chunks = [table.slice(at, CHUNK) for at in range(0, table.num_rows, CHUNK)]
        partials = [stage.summarise(measure, chunk, models) for chunk in chunks]
        fit = stage.fit(measure, partials)
        fitted = time.process_time()
        for chunk in chunks:
            stage.measure(measure, chunk, fit, models)
        ended = time.process_time()
        rate = table.num_rows / (ended - began)
        print(
            f"{stage.name}: fit {fitted - began:.1f} s, measure {ended - fitted:.1f} s, {rate:,.0f} records/s"
        )
        if stage is decontaminate:
            index = from_table(fit)
            names = ("values", "places", "weights", "runs", "entries", "entry_offsets", "filter")
            size = sum(getattr(index, name).nbytes for name in names)
            print(
                f"  index: {len(index.tokens):,} pieces, {len(index.values):,} runs, {size / 2**20:.0f} MiB"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
