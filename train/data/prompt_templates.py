"""The words around a record that has no chat template: Alpaca's, or a prompt and its completion; and a document's none.

Both are what people already train and serve with. A response always ends in the model's end token, an earlier one too,
and is learnt unless it is empty; nothing here searches a text, so none can forge what is learnt. Rejected: templates of
the recipe's own (another wording belongs into the tokenizer's chat template, which travels with the model).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import TrainError
from train.data.builds import Example

ALPACA_PREAMBLE = (
    "Below is an instruction that describes a task{}. "
    "Write a response that appropriately completes the request."
)
ALPACA_INPUT = ", paired with an input that provides further context"


class UnusableRecordError(TrainError):
    """A record that cannot be put into words or tokens; `reason` is a code, `detail` a sentence."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.args = (reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a rendered record: frame, or text of the record (`is_content`); learnt, or not; before the last
    response begins, or not."""

    text: str
    is_content: bool
    is_response: bool
    in_prompt: bool


def text_of(chunks: Sequence[Chunk]) -> str:
    """Return the text that chunks make together."""
    return "".join(chunk.text for chunk in chunks)


def plain_chunks(name: str, example: Example, system: str, begin: str, end: str) -> list[Chunk]:
    """Return a record in a template without roles, every response with its end token.

    Args:
        name: `alpaca`, the words of Stanford Alpaca (Taori et al. 2023), the system text in the place of its first
            sentences; or `prompt_completion`: the texts alone, an empty line between them.
        example: the record.
        system: what stands for an empty system text.
        begin: the token that begins a text, or "".
        end: the token that ends a response.
    """
    alpaca = name == "alpaca"
    own = example.system or system
    preamble = ALPACA_PREAMBLE.format(ALPACA_INPUT if example.input else "") if alpaca else ""
    chunks = [_frame(begin), _said(own) if own else _frame(preamble), _frame(_GAP if own or preamble else "")]
    ask, give, answer = _ALPACA_WORDS if alpaca else ("", _GAP, _GAP)
    for user, response in example.history:
        learnt = bool(response.strip())
        chunks += [_frame(ask), _said(user), _frame(answer)]
        chunks += [Chunk(response, True, learnt, True), Chunk(end, False, learnt, True), _frame(_GAP)]
    chunks += [_frame(ask), _said(example.instruction)]
    if example.input:
        chunks += [_frame(give if example.instruction or alpaca else ""), _said(example.input)]
    chunks += [_frame(answer), Chunk(example.output, True, True, False), Chunk(end, False, True, False)]
    return chunks


_GAP = "\n\n"
_ALPACA_WORDS = ("### Instruction:\n", "\n\n### Input:\n", "\n\n### Response:\n")


def _frame(text: str) -> Chunk:
    return Chunk(text, False, False, True)


def _said(text: str) -> Chunk:
    return Chunk(text, True, False, True)


def document_chunks(text: str, begin: str, end: str) -> list[Chunk]:
    """Return a plain document: all of it is learnt, as in pretraining, and nothing stands around it."""
    return [Chunk(begin, False, False, True), Chunk(text, True, True, False), Chunk(end, False, True, False)]
