"""Reads the prompts of the public corpora that the duplicate truth is drawn from, each with its row number.

One reader for the sampler and the scorer, so that a row number means the same in both. A row is the 0-based
position of the record in its file (of data rows in CSV, of parsed elements in JSON); a short hash of the prompt
stands beside it in the pairs file, so that another version of a corpus is noticed instead of scored.
Rejected: copying the texts beside the labels, which their licences and the size of the files speak against.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENGLISH = "alpaca_orig/alpaca_data.json.gz"
CHINESE = (
    "medicalgpt_zh/medical_sft_1K_format.jsonl",
    "medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz",
    "medicalgpt_zh/dpo_zh_500.jsonl.gz",
    "medicalgpt_zh/glaive_toolcall_zh_demo.jsonl",
    "belle_seed/eval_set.json",
    "belle_seed/zh_seed_tasks.json",
    "huatuo_zh/llama_data.json.gz",
    "huatuo_zh/liver_cancer.json.gz",
    "toyhom_medical_zh/样例_内科5000-6000.csv.gz",
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One record's request.

    Attributes:
        file: path below the folder of corpora.
        row: 0-based position in the file.
        instruction: the request, or the last turn of the person.
        input: the material beside it, or "".
        history: turns before the last request, as (role, text); a system message is among them.
        output: the response on record.
    """

    file: str
    row: int
    instruction: str
    input: str
    history: tuple[tuple[str, str], ...]
    output: str

    @property
    def text(self) -> str:
        """All that is asked: earlier turns without the system message, instruction and input, by line."""
        turns = [text for role, text in self.history if role != "system"]
        return "\n".join([*turns, self.instruction, self.input]).strip()

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that change when the prompt does."""
        whole = json.dumps([self.history, self.instruction, self.input], ensure_ascii=False)
        return hashlib.blake2b(whole.encode(), digest_size=8).hexdigest()


def read(data: Path, file: str) -> list[Prompt]:
    """Return the prompts of one of the files above, in order.

    Raises:
        SystemExit: the file is not there.
    """
    path = data / file
    if not path.is_file():
        raise SystemExit(f"{path} is missing; name the folder of corpora with --data")
    raw = path.read_bytes()
    content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [_prompt(file, row, unit) for row, unit in enumerate(_units(file, content))]


def _units(file: str, content: bytes) -> list[dict[str, Any]]:
    if ".csv" in file:
        return list(csv.DictReader(io.StringIO(content.decode("gb18030"), newline="")))
    text = content.decode("utf-8")
    if text.lstrip().startswith("["):
        units: list[Any] = json.loads(text)
    else:
        units = [json.loads(line) for line in text.split("\n") if line.strip()]
    if isinstance(units[0], list):
        return list(units[0])
    return units


def _prompt(file: str, row: int, unit: dict[str, Any]) -> Prompt:
    if "conversations" in unit:
        turns = [(str(turn["from"]), str(turn["value"])) for turn in unit["conversations"]]
        output = str(unit.get("chosen", ""))
        if turns[-1][0] == "gpt":
            output = turns.pop()[1]
        return Prompt(file, row, turns[-1][1], "", tuple(turns[:-1]), output)
    if "instances" in unit:
        case = unit["instances"][0]
        return Prompt(file, row, unit["instruction"], case["input"], (), case["output"])
    if "ask" in unit:
        return Prompt(file, row, unit["title"], unit["ask"], (), unit["answer"])
    if "question" in unit:
        return Prompt(file, row, unit["question"], "", (), unit["std_answer"])
    return Prompt(file, row, unit["instruction"], unit.get("input", ""), (), unit["output"])
