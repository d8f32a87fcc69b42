"""A record as duplicates are looked for: what it asks, what it answers, and its fingerprint.

A record with a prompt is known by its prompt, a document (nothing but an output) by its text; the two are never
compared with each other. Rejected: one text for prompt and response, in which a long answer outvotes the question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import pyarrow as pa

from pipeline.record import TEXT_COLUMNS, prompt_of, text_key
from quality.contacts import count_contacts
from quality.heuristics import loops
from quality.lookalike import Request

PROMPT = ("system", "history", "instruction", "input")
"""The columns that a prompt is made of."""

_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SPACE = re.compile(r"\s+")
_COMPLETE = re.compile(r"[.!?。！？…\"'”’」』)）\]】}`\d>]$")


class Asked:
    """One record as pairs are compared: the request, or a document's text, and the response."""

    __slots__ = ("document", "request", "response", "text")

    def __init__(self, system: str, history: list[dict[str, str]], texts: tuple[str, str, str]) -> None:
        instruction, input_, output = texts
        earlier = [text for turn in history for text in (turn["user"], turn["assistant"])]
        context = tuple(text for text in (system, *earlier) if text)
        self.document = not (context or instruction or input_)
        self.request = Request(output) if self.document else Request(instruction, input_, context)
        self.response = "" if self.document else output
        self.text = output if self.document else _joined(system, history, instruction, input_)


def asked_in(batch: pa.Table) -> Iterator[Asked]:
    """Yield each record of a batch as pairs are compared."""
    columns = [batch.column(name).to_pylist() for name in TEXT_COLUMNS]
    for system, history, instruction, input_, output in zip(*columns, strict=True):
        yield Asked(system, history, (instruction, input_, output))


def texts_of(batch: pa.Table, documents: bool) -> list[str]:
    """Return the prompts; or of documents, the texts of records without a prompt, "" for others."""
    prompts = [_joined(*row) for row in zip(*(batch.column(n).to_pylist() for n in PROMPT), strict=True)]
    if not documents:
        return prompts
    outputs = batch.column("output").to_pylist()
    return ["" if prompt else output for prompt, output in zip(prompts, outputs, strict=True)]


def fingerprints(batch: pa.Table) -> pa.Table:
    """Return `fingerprint`, `same_prompt` (null for a document), and what ranks a record.

    That is `complete` (the response neither breaks off nor is caught in a loop), `looping`, which is worse than
    to break off, and `contacts`.
    """
    columns = [batch.column(name).to_pylist() for name in TEXT_COLUMNS]
    keys, prompts, complete, looping, contacts = [], [], [], [], []
    for system, history, instruction, input_, output in zip(*columns, strict=True):
        turns = [text for turn in history for text in (turn["user"], turn["assistant"])]
        prompt = [folded(text) for text in (system, instruction, input_, *turns)]
        prompts.append(text_key(prompt) if any(prompt) else None)
        keys.append(text_key([*prompt, folded(output)]))
        looping.append(loops(output))
        complete.append(bool(_COMPLETE.search(output.rstrip())) and not looping[-1])
        contacts.append(sum(map(count_contacts, (system, instruction, input_, output, *turns))))
    return pa.table({
        "fingerprint": keys, "same_prompt": pa.array(prompts, pa.string()), "complete": complete,
        "looping": looping, "contacts": pa.array(contacts, pa.int32()),
    })  # fmt: skip


def folded(text: str) -> str:
    """Return a text without what exact duplicates may differ in: case, width, white space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_WIDTH))
    return _SPACE.sub(" ", text).strip().casefold()


def _joined(system: str, history: list[dict[str, str]], instruction: str, input_: str) -> str:
    earlier = [text for turn in history for text in (turn["user"], turn["assistant"])]
    return "\n".join(part for part in (system, *earlier, prompt_of(instruction, input_)) if part)
