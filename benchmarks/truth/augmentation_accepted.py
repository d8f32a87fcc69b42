"""Draws further children of a cell that the gate accepts, to be read, until a hundred of its file are such.

    python benchmarks/truth/augmentation_accepted.py --method synonyms --lang zh --seed second-1 --data ../shared/data

`augmentation/<method>_<lang>.jsonl` was first drawn before the gate, which stops some of its rows. Parents (dolly_3k,
belle_seed, or `--corpus`) that the file lacks are walked in the order of a hash of seed and text; a child is made by
the method's defaults, or `--params`, and printed, without a judgement, if the gate (`fidelity`, by its defaults, as in
`augmentation_read.py`) lets it pass. With `--again` rows of a second draw count as not there: the same seed draws them
once more. Rejected: reading more of what the gate stops, which no dataset ever holds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import corpora
from augmentation_read import FOLDER, measured
from augmentation_words import drawn, prompts
from pydantic import TypeAdapter

from pipeline.augment import METHODS, AnyMethodParams, Ask, Child, Guard, MethodParams
from pipeline.augment.protocol import seed_of
from pipeline.models import Models
from pipeline.stages.children import beyond
from pipeline.stages.fidelity_params import FidelityParams

BLOCK = 100
"""Parents that are asked and measured at once."""
SECOND = "second draw"
"""How the note of a row begins that was drawn here."""


def accepted(
    texts: list[str], lang: str, params: MethodParams, seed: str, fate: Counter[str]
) -> Iterator[tuple[str, str]]:
    """Yield parent and child where the gate lets the child pass, and count in `fate` what became of every parent."""
    method, guard, models, limits = METHODS[params.method_name()], Guard(), Models(), FidelityParams()
    for start in range(0, len(texts), BLOCK):
        asks = [
            Ask(
                {"system": "", "instruction": text, "input": "", "output": ""},
                (),
                lang,
                seed_of(seed, text, params.label(), 0),
                0,
            )
            for text in texts[start : start + BLOCK]
        ]
        rows = []
        for ask, answer in zip(asks, method.children(asks, params, guard, models), strict=True):
            if isinstance(answer, Child):
                rows.append({"parent": ask.texts["instruction"], "child": answer.texts["instruction"]})
            else:
                fate[f"no child: {answer.why}"] += 1
        for row, told in zip(rows, measured(rows, lang) if rows else [], strict=True):
            stopped = beyond(told, limits)
            fate[f"stopped: {stopped[0]}" if stopped else "accepted"] += 1
            if stopped is None:
                yield row["parent"], row["child"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", required=True, choices=sorted(METHODS))
    parser.add_argument("--lang", required=True, choices=["en", "zh"])
    parser.add_argument("--seed", required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of corpora")
    parser.add_argument(
        "--corpus", choices=[corpora.ENGLISH, *corpora.CHINESE], help="another corpus, by file"
    )
    parser.add_argument("--params", type=json.loads, default={}, help="parameters of the method, as JSON")
    parser.add_argument("--accepted", type=int, default=100, help="how many the file shall hold")
    parser.add_argument("--again", action="store_true", help="leave out the rows of a second draw")
    given = parser.parse_args()
    params = TypeAdapter(AnyMethodParams).validate_python({"method": given.method, **given.params})
    languages = METHODS[given.method].languages
    if languages is not None and given.lang not in languages:
        raise SystemExit(f"{given.method} has no children in {given.lang}")

    path = FOLDER / f"{given.method}_{given.lang}.jsonl"
    read: list[dict[str, Any]] = []
    if path.is_file():
        read = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    if given.again:
        read = [row for row in read if not row.get("note", "").startswith(SECOND)]
    has = sum(beyond(told, FidelityParams()) is None for told in measured(read, given.lang)) if read else 0
    if given.corpus:
        texts = list(dict.fromkeys(prompt.instruction for prompt in corpora.read(given.data, given.corpus)))
    else:
        texts = prompts(given.data, given.lang)
    known = {row["parent"] for row in read}
    texts = drawn([text for text in texts if text not in known], given.seed)

    note = f"{SECOND}, {given.corpus}" if given.corpus else SECOND
    fate: Counter[str] = Counter()
    wanted = max(0, given.accepted - has)
    for parent, child in accepted(texts, given.lang, params, given.seed, fate) if wanted else ():
        name = hashlib.blake2b(parent.encode(), digest_size=8).hexdigest()
        row = {"id": name, "parent": parent, "child": child, "kept": None, "note": note}
        print(json.dumps(row, ensure_ascii=False))
        wanted -= 1
        if not wanted:
            break
    print(
        f"{path.name} held {has} accepted of {len(read)}; drawn: {dict(sorted(fate.items()))}",
        file=sys.stderr,
    )
    if wanted:
        raise SystemExit(f"the corpus is used up: {wanted} are missing")


if __name__ == "__main__":
    main()
