"""What reading said of children, and what the gate says of the same ones now.

    python benchmarks/truth/augmentation_read.py

`augmentation/<method>_<language>.jsonl` holds a hundred children of each cell that were read one by one before the
gate saw them (did the child keep the meaning, and could a person have typed it?), and, noted as a second draw, further
ones that the gate accepts, drawn by `augmentation_accepted.py`. Printed are how many did, how many the gate
(`fidelity`, by its defaults) lets pass, and how many of these did, with Wilson's interval. The gate's looks at other
records (duplicates) need a corpus and are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow as pa

from pipeline.models import ModelRef, Models
from pipeline.stages.children import beyond
from pipeline.stages.families import TEXTS, Families
from pipeline.stages.fidelity_params import FidelityParams
from quality.statistics import wilson

FOLDER = Path(__file__).with_name("augmentation")


def measured(rows: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Return the numbers of the gate for each row."""
    empty = [""] * len(rows)
    columns: dict[str, list[str]] = {f"parent.{name}": empty for name in TEXTS} | dict.fromkeys(TEXTS, empty)
    columns["parent.instruction"] = [row["parent"] for row in rows]
    columns["instruction"] = [row["child"] for row in rows]
    columns |= {"lang": [language] * len(rows), "augment_method": ["read"] * len(rows)}
    families = Families(pa.table(columns))
    tables = (families.texts(), families.meaning(Models(), ModelRef()))
    found: list[dict[str, Any]] = [{} for _ in rows]
    for table in tables:
        for into, told in zip(found, table.to_pylist(), strict=True):
            into.update(told)
    return [{**told, "augment_keeps": "same", "perplexity_factor": None} for told in found]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    params = FidelityParams()
    for path in sorted(FOLDER.glob("*.jsonl")):
        method, _, language = path.stem.rpartition("_")
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        kept = [bool(row["kept"]) for row in rows]
        why = [beyond(told, params) for told in measured(rows, language)]
        passed = [ok for ok, told in zip(kept, why, strict=True) if told is None]
        low, high = wilson(sum(passed), len(passed))
        stopped = sorted({told[0] for told in why if told})
        counts = ", ".join(f"{sum(1 for told in why if told and told[0] == name)} {name}" for name in stopped)
        print(
            f"{method:22} {language}  read {sum(kept)} of {len(kept)} kept; the gate passes {len(passed)}, "
            f"of which {sum(passed)} kept ({low:.3f}-{high:.3f}); stopped: {counts or 'none'}"
        )


if __name__ == "__main__":
    main()
