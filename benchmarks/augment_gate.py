"""What the gate of augmented children costs beside embedding their prompts, in one run.

    python benchmarks/augment_gate.py --corpus dolly_3k.json.gz [--records 1000] [--without-bertscore]

Children are prompts of the corpus with an order made a request or a clause moved (the methods `syntax` and
`templates`). Embedding is `Embedder.encode` over all prompts of parents and children, as the gate needs it to look for
requests of other roots; the gate is everything that the stage `fidelity` measures, its search for pairs included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa

from pipeline.augment import METHODS, Ask, Child, Guard
from pipeline.augment.protocol import seed_of
from pipeline.models import Models
from pipeline.stages.fidelity import FidelityStage
from pipeline.stages.fidelity_params import FidelityParams
from pipeline.stages.protocol import Tile

TEXTS = ("system", "instruction", "input", "output")


def asks(rows: list[dict[str, str]]) -> list[Ask]:
    empty = dict.fromkeys(TEXTS, "")
    return [Ask({**empty, **row}, (), "en", seed_of(1, n), 0) for n, row in enumerate(rows)]


def family(rows: list[dict[str, str]]) -> pa.Table:
    """Return parents and children as the gate reads them."""
    table: list[dict[str, object]] = [
        {"id": f"p{n}", "root": f"p{n}", "augment_method": "", **dict.fromkeys(TEXTS, ""), **row}
        for n, row in enumerate(rows)
    ]
    for name in ("syntax", "templates"):
        method = METHODS[name]
        params = method.params() if hasattr(method, "params") else _params(name)
        for n, answer in enumerate(method.children(asks(rows), params, Guard(), Models())):
            if isinstance(answer, Child):
                parent = table[n]
                table.append({**parent, "id": f"{name}{n}", "augment_method": name, **answer.texts})
    by_id = {row["id"]: row for row in table}
    for row in table:
        parent = by_id[row["root"]] if row["augment_method"] else dict.fromkeys(TEXTS, "")
        row |= {f"parent.{name}": parent[name] for name in TEXTS}
        row |= {"lang": "en", "cluster": "", "history": []}
    return pa.Table.from_pylist(table, schema=_schema(table[0]))


def _schema(row: dict[str, object]) -> pa.Schema:
    turn = pa.struct([("user", pa.string()), ("assistant", pa.string())])
    return pa.schema([(name, pa.list_(turn) if name == "history" else pa.string()) for name in row])


def _params(name: str) -> object:
    from pydantic import TypeAdapter

    from pipeline.augment import AnyMethodParams

    return TypeAdapter(AnyMethodParams).validate_python({"method": name})


@contextmanager
def timed(name: str, seconds: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--without-bertscore", action="store_true")
    args = parser.parse_args()
    units = json.loads(gzip.decompress(args.corpus.read_bytes()))[: args.records]
    rows = [{"instruction": unit["instruction"], "output": unit["output"]} for unit in units]
    batch = family(rows)
    prompts = batch["instruction"].to_pylist()
    stage, models = FidelityStage(), Models()
    params = FidelityParams(bertscore_model=None) if args.without_bertscore else FidelityParams()
    embedder = models.embedder(params.model)
    embedder.encode(prompts[:64])
    if params.bertscore_model:
        models.scorer(params.bertscore_model).score(prompts[:8], prompts[:8])
    seconds: dict[str, float] = {}
    with timed("embedding", seconds):
        embedder.encode(prompts)
    for measure in stage.measures(params):
        with timed(measure.name, seconds):
            fit = None
            if measure.needs_fit:
                fit = stage.fit(measure, [stage.summarise(measure, batch, models)])
            measured = stage.measure(measure, batch.select(list(measure.reads)), fit, models)
        if "vector" in measured.column_names and measured["vector"].null_count < batch.num_rows:
            column = measured["vector"].drop_null().combine_chunks()
            vectors = np.ascontiguousarray(column.flatten().to_numpy().reshape(len(column), -1))
            with timed("pairs", seconds):
                stage.link(measure.name, vectors, Tile(0, len(vectors), 0, len(vectors)), params)
    children = batch.num_rows - len(rows)
    gate = sum(spent for name, spent in seconds.items() if name != "embedding")
    print(f"{len(rows):,} parents, {children:,} children; embedding {seconds['embedding']:.1f} s")
    for name, spent in seconds.items():
        print(f"  {name:18} {spent / seconds['embedding']:6.2f} of embedding")
    print(f"the gate: {gate / seconds['embedding']:.2f} of embedding (1.5 is aimed at)")


if __name__ == "__main__":
    main()
