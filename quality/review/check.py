"""What `python -m quality review` says: what waits for people, and whether their files can be read.

It reads the queue of a finished build and the files of decisions, and changes neither. Whether a decision is applied
is for the next build to say, which sees the texts; what is told here is what a person can still mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from quality.review.decisions import parse
from quality.review.verdicts import agreement, combine, consistency

_LISTED = 20


def queue_lines(build: Path) -> Iterator[str]:
    """Yield what waits in the queue of a build.

    Raises:
        ValueError: the folder holds no review queue.
    """
    rows = _queue(build)
    drawn = sum(bool(row["sample"]) for row in rows)
    flagged = sum(bool(row["flags"]) for row in rows)
    yield f"{build}/review/queue.jsonl: {len(rows):,} records, {drawn:,} drawn at random, {flagged:,} flagged"
    yield "to decide: copy its lines and add annotator, decision (accept, reject or edit), reason, new_text for an edit"


def _queue(build: Path) -> list[dict[str, object]]:
    path = build / "review" / "queue.jsonl"
    if not path.is_file():
        raise ValueError(f"{build} holds no review/queue.jsonl; name the folder of a finished build")
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def check_decisions(build: Path, paths: Sequence[Path]) -> Iterator[tuple[str, bool]]:
    """Yield what files of decisions say, each line with whether it is in order.

    Raises:
        OSError: a file is missing.
        DecisionsError: a file is not UTF-8, or a table lacks a column.
    """
    if not paths:
        return
    decisions, broken = [], []
    for path in paths:
        good, bad = parse(path.name, path.read_bytes())
        decisions += good
        broken += bad
    outcomes, conflicts = combine(decisions)
    known = {(str(row["root"]), str(row["text_key"])) for row in _queue(build)}
    roots = {root for root, _ in known}
    yield f"{len(decisions):,} decisions on {len(outcomes):,} texts", True
    for each in broken[:_LISTED]:
        yield f"broken row {each.where}: {each.why}", False
    for conflict in conflicts[:_LISTED]:
        yield f"two answers of one person: {conflict.earlier}, then {conflict.later}, which counts", True
    other = [text for text in outcomes if text not in known]
    stale = [root for root, _ in other if root in roots]
    if stale:
        yield (
            f"{len(stale):,} on a text that the record no longer has (corrected since?), first {stale[0]}",
            True,
        )
    if len(other) > len(stale):
        yield f"{len(other) - len(stale):,} on records that are not in this queue", True
    ties = sum(each.verdict == "tie" for each in outcomes.values())
    if ties:
        yield f"{ties:,} ties, which nothing is done about until somebody else answers", True
    told = consistency(outcomes.values())
    if told is not None:
        interval = f"95 % interval {told.low:.3f} to {told.high:.3f}"
        yield f"label consistency {told.share:.3f} ({told.accepted} of {told.judged}, {interval})", True
    found = agreement(outcomes.values())
    yield "agreement between annotators: " + ("not measured" if found is None else f"alpha {found:.3f}"), True
