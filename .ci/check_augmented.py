"""Checks a build of data_samples/recipes/augmented.yaml: the training split has doubled, and by what.

python .ci/check_augmented.py builds/augmented
"""

import json
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

LEAST_METHODS = 6


def main() -> int:
    """Return 0 if the build is what the recipe promises."""
    folder = Path(sys.argv[1])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    rows = pq.read_table(folder / "records.parquet").to_pylist()
    kept = [row for row in rows if row["status"] == "kept"]
    train = [row for row in kept if row["split"] == "train"]
    children = [row for row in kept if row["augment_method"]]
    methods = Counter(row["augment_method"] for row in children)
    by_id = {row["id"]: row for row in rows}
    problems = []
    if len(train) != 2 * (len(train) - len(children)):
        problems.append(f"train holds {len(train)} records, {len(children)} of them children: not doubled")
    if len(methods) < LEAST_METHODS:
        problems.append(f"children of {len(methods)} methods only: {', '.join(methods)}")
    if any(row["split"] != "train" or by_id[row["root"]]["split"] != "train" for row in children):
        problems.append("a child stands outside of the training split")
    if any(row["augment_meaning"] is None and row["augment_similarity"] is None for row in children):
        problems.append("a child has no score")
    held = {gate["name"]: gate["held"] for gate in manifest["gates"]}
    if held.get("augmentation") is not True:
        problems.append("the gate `augmentation` does not hold")
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    if any(f'data-method="{name}"' not in page for name in methods):
        problems.append("the report does not show every method")
    for problem in problems:
        print(f"not met: {problem}", file=sys.stderr)
    told = ", ".join(f"{name} {count}" for name, count in sorted(methods.items()))
    print(f"{len(train)} training records, {len(children)} of them children: {told}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
