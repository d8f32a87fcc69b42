"""Where the limits of the gate of children stand: what they let pass of harmless edits, and what of broken ones.

    python benchmarks/truth/augmentation_gate.py --data FOLDER_OF_CORPORA [--half open|frozen]

The edits are declared by rule (`meaning_edits.py`) on sentences of the corpora that `meaning_corpora.py` names,
dolly_3k, belle_seed and tico19_en_zh among them. Each limit of the stage `fidelity` was chosen on the open half so
that it costs few harmless edits (the quantiles are printed); how many broken ones it catches alone, and all limits
together, is told beside it. The BLEU ceiling is about teaching, not about truth: its quantiles are printed alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import pyarrow as pa
from meaning_pairs import Pair, declared
from numpy.typing import NDArray

from pipeline.models import ModelRef, Models
from pipeline.stages.families import TEXTS, Families
from pipeline.stages.fidelity_params import FidelityParams

Floats = NDArray[np.float64]
QUANTILES = (0.01, 0.02, 0.05, 0.25, 0.5)


def measured(pairs: Sequence[Pair], language: str) -> pa.Table:
    """Return the numbers of the gate for each pair."""
    empty = [""] * len(pairs)
    columns = {f"parent.{name}": empty for name in TEXTS} | dict.fromkeys(TEXTS, empty)
    columns["parent.instruction"] = [pair.original for pair in pairs]
    columns["instruction"] = [pair.edited for pair in pairs]
    columns |= {"lang": [language] * len(pairs), "augment_method": ["edit"] * len(pairs)}
    families = Families(pa.table(columns))
    texts, meaning = families.texts(), families.meaning(Models(), ModelRef())
    return pa.table({name: table[name] for table in (texts, meaning) for name in table.column_names})


def caught(table: pa.Table, params: FidelityParams) -> dict[str, NDArray[np.bool_]]:
    """Return by limit which pairs it stops."""
    floors = {
        "meaning": params.min_meaning,
        "similarity": params.min_similarity,
        "bertscore": params.min_bertscore,
    }
    found = {name: np.nan_to_num(_numbers(table, name), nan=1.0) < least for name, least in floors.items()}
    found["protected text"] = np.array([bool(kind) for kind in table["lost"].to_pylist()])
    found["language"] = np.array([bool(code) for code in table["other_language"].to_pylist()])
    return found


def _numbers(table: pa.Table, name: str) -> Floats:
    return table[name].to_numpy(zero_copy_only=False).astype(np.float64)


def report(pairs: Sequence[Pair], language: str) -> None:
    """Print one language."""
    params, table = FidelityParams(), measured(pairs, language)
    kept = np.array([pair.kept for pair in pairs])
    print(f"\n{language}: {int(kept.sum())} harmless edits, {int((~kept).sum())} that break the meaning")
    for name in ("meaning", "similarity", "bertscore", "copy"):
        values = _numbers(table, name)
        use = ~np.isnan(values)
        if not use.any():
            print(f"  {name:15} not measured")
            continue
        told = [np.quantile(values[use & side], QUANTILES).round(2).tolist() for side in (kept, ~kept)]
        print(f"  {name:15} quantiles {QUANTILES}: harmless {told[0]}, broken {told[1]}")
    found = caught(table, params)
    found["all together"] = np.logical_or.reduce(list(found.values()))
    for name, stopped in found.items():
        shares = [f"{stopped[side].mean():6.1%}" for side in (kept, ~kept)]
        print(f"  {name:15} stops {shares[0]} of the harmless, {shares[1]} of the broken")
    stopped = found["all together"]
    for what, wrong, label in (("broken that pass", ~stopped, False), ("harmless that go", stopped, True)):
        kinds = sorted({pair.kind for pair in pairs if pair.kept == label})
        rows = {
            kind: [n for n, p in enumerate(pairs) if p.kind == kind and p.kept == label] for kind in kinds
        }
        told = ", ".join(f"{kind} {wrong[numbers].mean():.0%}" for kind, numbers in rows.items())
        print(f"  {what}, by kind: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("open", "frozen"), default="open")
    args = parser.parse_args()
    print(f"the {args.half} half")
    for language in ("en", "zh"):
        pairs = [p for p in declared(args.data, language) if p.frozen == (args.half == "frozen")]
        report(pairs, language)


if __name__ == "__main__":
    main()
