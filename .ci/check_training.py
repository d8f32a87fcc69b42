"""Checks what training on the sample left: counts, an evaluation in which held-out loss fell, a merge that is the tuned model.

The base is a toy made on the spot, so the bounds say that tuning works, not that it is good: they are far inside what
seeds and machines differ by, and far outside what an untrained adapter reaches.
"""

import json
import sys
from pathlib import Path

LOSS_FALLS_BY = 0.5
"""Nats per token, on validation and test; a run of the sample recipe reaches twice that."""

CHRF_RISES_BY = 3.0
"""Points of chrF on the test split."""

FILES = (
    "adapter/adapter_model.safetensors",
    "adapter/train.json",
    "adapter/README.md",
    "evaluation/index.html",
    "review/ab_queue.jsonl",
    "train_rejects.jsonl",
    "run.json",
)


def check(run: Path, merged: Path) -> list[str]:
    """Return what is wrong, a sentence each."""
    wrong = [f"{name} is missing" for name in FILES if not (run / name).is_file()]
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    counts = manifest["counts"]
    if (counts["train"], counts["validation"], counts["test"]) != (335, 37, 50):
        wrong.append(f"the counts are {counts}")
    results = json.loads((run / "evaluation" / "results.json").read_text(encoding="utf-8"))
    for split in results["splits"]:
        scores = {score["metric"]: score for score in split["scores"]}
        loss = scores["loss"]
        print(f"{split['name']}: loss {loss['base']:.3f} → {loss['tuned']:.3f}, at most {loss['high']:+.3f}")
        if loss["high"] > -LOSS_FALLS_BY:
            wrong.append(f"loss on {split['name']} did not fall by {LOSS_FALLS_BY}")
        for name in ("chrf", "ends_by_itself", "prompts_language"):
            print(f"  {name}: {scores[name]['base']} → {scores[name]['tuned']} {scores[name]['why']}")
    report = json.loads((merged / "merge.json").read_text(encoding="utf-8"))
    print(f"merged: {report['kl']:.1e} nats per token from the tuned model")
    if report["kl"] >= 1e-4:
        wrong.append("the merged model is not the tuned one")
    index = json.loads(Path("adapters/index.json").read_text(encoding="utf-8"))
    if len(index["adapters"]) != 1:
        wrong.append("the registry does not hold the one adapter")
    return wrong


if __name__ == "__main__":
    found = check(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found) or "training on the sample is as it should be")
    sys.exit(bool(found))
