"""What the relevance gate flags on Alpaca as it is, read by a person: how many flags are right.

    python benchmarks/truth/relevance_alpaca.py [--data ../shared/data] [--records 6000] [--threshold 0.05] [--draw F]

The first records by a hash of their row, without empty responses, are fitted and judged as a build would. Flags are
held against `relevance_alpaca_labels.csv`: row, digest of the texts, value when it was read, judgement, remark.
`right`: a careful curator would drop or mend the record because the response does not answer its prompt, or answers
another one; `wrong`: it answers; `doubtful`: an answer of a kind that some would keep. `--draw` writes the flags that
have no judgement yet to be read; texts are not committed. Rejected: swapped responses alone (relevance.py), which say
how many strangers are found and nothing of what is flagged where there are none.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from hashlib import blake2b
from pathlib import Path

import numpy as np
from alpaca_gates import digest_of
from corpora import ENGLISH, Prompt, read
from relevance import Row, batch_of

from pipeline.models import Models
from pipeline.stages.relevance import RelevanceParams, RelevanceStage
from quality.statistics import wilson

LABELS = Path(__file__).with_name("relevance_alpaca_labels.csv")
SEED = "relevance alpaca 1"


def drawn(prompts: list[Prompt], count: int) -> list[Prompt]:
    """Return the first `count` records by hash of their row that have a response."""
    held = [prompt for prompt in prompts if prompt.output.strip()]
    return sorted(held, key=lambda prompt: blake2b(f"{SEED} {prompt.row}".encode()).digest())[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--records", type=int, default=6000)
    parser.add_argument("--threshold", type=float, default=0.05, help="flags below it are looked up")
    parser.add_argument("--draw", type=Path)
    arguments = parser.parse_args()
    prompts = drawn(read(arguments.data, ENGLISH), arguments.records)
    rows = [Row((), prompt.instruction, prompt.input, prompt.output) for prompt in prompts]
    batch = batch_of(rows, np.arange(len(rows)))
    stage, models = RelevanceStage(), Models()
    (measure,) = stage.measures(RelevanceParams())
    fitted = stage.fit(measure, [stage.summarise(measure, batch, models)])
    found = stage.measure(measure, batch, fitted, models)
    values = np.array(found.column("relevance").to_pylist(), np.float64)
    words = np.array(found.column("relevance_words").to_pylist())
    flagged = np.flatnonzero((values < arguments.threshold) & (words >= RelevanceParams().min_words))
    with LABELS.open(encoding="utf-8", newline="") as stream:
        labels = {(int(row["row"]), row["digest"]): row["judgement"] for row in csv.DictReader(stream)}
    order = flagged[np.argsort(values[flagged], kind="stable")].tolist()
    known = {at: labels.get((prompts[at].row, digest_of(prompts[at])), "") for at in order}
    for limit in sorted({0.01, 0.02, 0.03, arguments.threshold}):
        counts = Counter(judgement for at, judgement in known.items() if values[at] < limit)
        judged = sum(counts[name] for name in ("right", "wrong", "doubtful"))
        low, high = wilson(counts["right"], judged)
        print(
            f"below {limit}: {sum(counts.values())} of {len(rows)} flagged, {judged} judged: {counts['right']} right, "
            f"{counts['wrong']} wrong, {counts['doubtful']} doubtful; right of all "
            f"{counts['right'] / max(judged, 1):.3f} ({low:.3f}-{high:.3f})"
        )
    if arguments.draw:
        with arguments.draw.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream, lineterminator="\n")
            out.writerow(["row", "digest", "value", "words", "instruction", "input", "output"])
            for at in (at for at in order if not known[at]):
                one = prompts[at]
                texts = (one.instruction, one.input, one.output)
                out.writerow([one.row, digest_of(one), round(float(values[at]), 4), int(words[at]), *texts])


if __name__ == "__main__":
    main()
