"""Gates on Alpaca as it is: placeholders and empty texts counted by plain rules, and 488 records read by a person.

    python benchmarks/truth/alpaca_gates.py --build builds/alpaca [--data ../shared/data] [--draw FILE]

The build is `normalise`, `heuristics`, `perplexity`, `toxicity`, all as they are by default, of `alpaca_data.json.gz`
with `lang: en`. Tables: what the rules below find in the raw file and what the build did to it (the rules share no code
with the heuristics); how many judgements of a reader agree, by reason, with Wilson's 95% interval, for 200 dropped, 88
flagged and 200 kept records of the build that was read, drawn by a hash of their row; and how many of those reasons the
build at hand still gives. `--draw` writes such a draw to read. Labels hold row, digest, judgement and a remark; texts
are not committed. Rejected: drawing equally from every reason, for then no share of the whole is known.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow.parquet as pq
from corpora import ENGLISH, Prompt, read

from quality.statistics import wilson

LABELS = Path(__file__).with_name("alpaca_gates_labels.csv")
SEED = "alpaca gates 1"
EACH = {"drop": 200, "flag": 88, "keep": 200}
JUDGEMENTS = ("right", "wrong", "doubtful")

_NOTHING = ("heuristics.response.empty", "heuristics.response.placeholder")
_MARKS = " \t\r\n<>[](){}\"'`\\/.,:;?*"
_NO_INPUT = re.compile(
    r"no ?input(?: (?:is )?(?:required|needed|necessary|provided|given))?|n/?a|none|null|nil"
)
_NO_OUTPUT = re.compile(
    r"no ?(?:output|input)(?: (?:is )?(?:required|needed|necessary|expected|possible))?|n/?a|tbd|null"
)
_MARKER = re.compile(r"\W{0,2}no ?(?:output|input)\b", re.I)
_SLOT = re.compile(
    r"[<\[(][^<>\[\]()]*\b(?:insert|image|picture|photo|drawing|sketch|painting|logo|poster|graph|chart|infographic|"
    r"visuali[sz]ation|animation|design|audio|melody|tune|music|musical|video|diagram|meme|comic|cartoon)\b"
    r"[^<>\[\]()=]*[>\])]\.?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What a build did to one record: the reason it was dropped for, or "", and the reasons it was flagged for."""

    dropped: str
    flags: tuple[str, ...]
    input: str

    @property
    def done(self) -> str:
        return "drop" if self.dropped else "flag" if self.flags else "keep"

    @property
    def reasons(self) -> tuple[str, ...]:
        return (self.dropped,) if self.dropped else self.flags


@dataclass(frozen=True, slots=True)
class Label:
    """One judgement: a record, what the first build did to it and why, and whether a reader agrees."""

    row: int
    digest: str
    done: str
    reason: str
    judgement: str
    remark: str


def digest_of(prompt: Prompt) -> str:
    """Return 16 hexadecimal digits that change when prompt or response does."""
    whole = json.dumps([prompt.instruction, prompt.input, prompt.output], ensure_ascii=False)
    return blake2b(whole.encode(), digest_size=8).hexdigest()


def fates_of(build: Path, rows: int) -> list[Fate]:
    """Return what a build did to each row of the file.

    Raises:
        SystemExit: the build does not hold every row once.
    """
    columns = ["line", "status", "drop_reason", "flags", "input"]
    found: list[Fate | None] = [None] * rows
    table = pq.read_table(build / "records.parquet", columns=columns).to_pylist()
    if len(table) != rows:
        raise SystemExit(
            f"{build} holds {len(table)} records, the file {rows}: build it as the docstring says"
        )
    for each in table:
        dropped = each["drop_reason"] if each["status"] == "dropped" else ""
        found[each["line"] - 1] = Fate(dropped, tuple(each["flags"]), each["input"])
    whole = [fate for fate in found if fate is not None]
    if len(whole) != rows:
        raise SystemExit(f"{build} holds a row twice: build it as the docstring says")
    return whole


def rule_of(prompt: Prompt) -> str:
    """Return which plain rule says that a response is none, or ""."""
    text = prompt.output.strip()
    if not text:
        return "output empty"
    if _NO_OUTPUT.fullmatch(text.strip(_MARKS).lower()):
        return "output a placeholder"
    if _SLOT.fullmatch(text):
        return "output one bracketed slot"
    return "output a marker, then text" if _MARKER.match(text) else ""


def is_no_input(text: str) -> bool:
    """Return whether an input says only that there is none."""
    return _NO_INPUT.fullmatch(text.strip(_MARKS).lower()) is not None


def count_rules(prompts: Sequence[Prompt], fates: Sequence[Fate]) -> None:
    """Print what the rules find and what became of it, then what the build found beside the rules."""
    print("| by rule | records | caught | share (95%) | as |\n|---|---:|---:|---|---|")
    by_rule: dict[str, list[Fate]] = defaultdict(list)
    for prompt, fate in zip(prompts, fates, strict=True):
        by_rule[rule_of(prompt)].append(fate)
    for rule in (
        "output empty",
        "output a placeholder",
        "output one bracketed slot",
        "output a marker, then text",
    ):
        caught = [fate for fate in by_rule[rule] if fate.dropped]
        _line(rule, len(caught), len(by_rule[rule]), Counter(fate.dropped for fate in caught))
    pairs = list(enumerate(zip(prompts, fates, strict=True)))
    inputs = [fate for _, (prompt, fate) in pairs if is_no_input(prompt.input)]
    emptied = sum(not fate.input for fate in inputs)
    _line("input a placeholder", emptied, len(inputs), Counter({"input emptied": emptied}))
    missed = [row for row, (prompt, fate) in pairs if rule_of(prompt) and not fate.dropped]
    beside = [
        row for row, (prompt, fate) in pairs if not rule_of(prompt) and fate.dropped.startswith(_NOTHING)
    ]
    other = [
        row
        for row, (prompt, fate) in pairs
        if prompt.input.strip() and not fate.input and not is_no_input(prompt.input)
    ]
    print(f"\nrule met, not dropped: rows {missed}")
    print(f"dropped as empty or placeholder without a rule: rows {beside}")
    print(f"inputs emptied without a rule: rows {other}")


def _line(rule: str, caught: int, count: int, reasons: Counter[str]) -> None:
    low, high = wilson(caught, count)
    told = ", ".join(f"{reason} {n}" if len(reasons) > 1 else reason for reason, n in reasons.most_common())
    print(f"| {rule} | {count} | {caught} | {caught / max(count, 1):.3f} ({low:.3f}-{high:.3f}) | {told} |")


def draw(fates: Sequence[Fate], done: str) -> list[int]:
    """Return the rows of a draw, in the order of their hash."""
    rows = [row for row, fate in enumerate(fates) if fate.done == done]
    return sorted(rows, key=lambda row: blake2b(f"{SEED} {row}".encode()).digest())[: EACH[done]]


def write_draw(path: Path, prompts: Sequence[Prompt], fates: Sequence[Fate]) -> None:
    """Write both draws with their texts, one JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        for row in (row for done in EACH for row in draw(fates, done)):
            fate, prompt = fates[row], prompts[row]
            line = {"row": row, "digest": digest_of(prompt), "done": fate.done, "reasons": fate.reasons}
            texts = {"instruction": prompt.instruction, "input": prompt.input, "output": prompt.output}
            file.write(json.dumps(line | texts, ensure_ascii=False) + "\n")


def labels_of(prompts: Sequence[Prompt]) -> list[Label]:
    """Return the committed judgements.

    Raises:
        SystemExit: a text is not the one that was judged, or a judgement is none of the three.
    """
    with LABELS.open(encoding="utf-8", newline="") as file:
        labels = [Label(int(one.pop("row")), **one) for one in csv.DictReader(file)]
    for label in labels:
        if digest_of(prompts[label.row]) != label.digest:
            raise SystemExit(f"row {label.row} of {ENGLISH} is not the text that was judged")
        if label.judgement not in JUDGEMENTS:
            raise SystemExit(f"{LABELS.name}: row {label.row}: {label.judgement!r} is none of {JUDGEMENTS}")
    return labels


def score(labels: Sequence[Label], fates: Sequence[Fate]) -> None:
    """Print the judgements by reason, and how many of the judged reasons this build still gives."""
    print("\n| done | reason | read | right | wrong | doubtful | right of all (95%) | still given |")
    print("|---|---|---:|---:|---:|---:|---|---|")
    for done in ("drop", "flag"):
        mine = [label for label in labels if label.done == done]
        for reason in sorted({label.reason for label in mine}):
            _judged(done, reason, [label for label in mine if label.reason == reason], fates)
        _judged(done, "all", mine, fates)
    _judged("keep", "", [label for label in labels if label.done == "keep"], fates)
    faults = Counter(label.remark for label in labels if label.done == "keep" and label.judgement == "wrong")
    print(f"\nkept and should have been caught: {dict(faults)}")


def _judged(done: str, reason: str, labels: Sequence[Label], fates: Sequence[Fate]) -> None:
    def count(some: Sequence[Label]) -> list[int]:
        return [sum(label.judgement == each for label in some) for each in JUDGEMENTS]

    still = [label for label in labels if label.reason in (fates[label.row].reasons or ("",))]
    right, wrong, doubtful = count(labels)
    low, high = wilson(right, len(labels))
    print(
        f"| {done} | {reason} | {len(labels)} | {right} | {wrong} | {doubtful} | {right / max(len(labels), 1):.3f} "
        f"({low:.3f}-{high:.3f}) | {', '.join(map(str, count(still)))} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--draw", type=Path, help="write the records to read here, and score nothing")
    arguments = parser.parse_args()
    prompts = read(arguments.data, ENGLISH)
    fates = fates_of(arguments.build, len(prompts))
    if arguments.draw:
        write_draw(arguments.draw, prompts, fates)
        return
    done = Counter("dropped" if fate.dropped else "flagged" if fate.flags else "kept" for fate in fates)
    print(", ".join(f"{done[each]} {each}" for each in ("dropped", "flagged", "kept")), "\n")
    count_rules(prompts, fates)
    score(labels_of(prompts), fates)


if __name__ == "__main__":
    main()
