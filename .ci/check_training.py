"""Checks what training on the sample left: counts, a held-out loss that fell, rules better kept, a merge that is true.

The base is a toy made on the spot, so the bounds say that tuning works, not that it is good: they are far inside what
seeds and machines differ by, and far outside what an untrained adapter reaches.
"""

import json
import sys
from pathlib import Path

LOSS_FALLS_BY = 0.2
"""Nats per token, on validation and test, by the upper end of the 95% interval; the sample recipe reaches 0.3."""

RULES_RISE_BY = {"ends_by_itself": 30.0, "prompts_language": 5.0}
"""Points on the test split, by the lower end of the interval: answers that end, and in the language of their prompt."""

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
        for name, least in RULES_RISE_BY.items():
            rule = scores[name]
            print(f"  {name}: {rule['base']} → {rule['tuned']}, at least {rule['low']} {rule['why']}")
            if split["name"] == "test" and (rule["low"] is None or rule["low"] < least):
                wrong.append(f"{name} did not rise by {least} points on the test split")
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
