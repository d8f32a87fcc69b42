"""Records to tokens and labels, with every record that cannot be learnt from listed by name.

A record that is cut until no label is left gives a loss of zero, or of nothing divided by nothing, and nobody sees
it; so it is never passed on, and `encoded + rejected = given` always holds. Only the end of a response is cut: the
prompt stays whole, for a response to half a question teaches to answer what was not asked, and a cut response has no
end token to learn, for it does not end there. Rejected: cutting from the left, which loses the question first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import orjson

from train.data.builds import Example
from train.data.render import IGNORED, Encoding, Renderer, UnusableRecordError

_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as tokens; a label is the token itself where it is learnt, else -100. Labels are not shifted."""

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that is not trained on, and why.

    `reason` is `train.empty_response`, `train.no_labels`, `train.too_long`, `train.special_tokens` or `train.template`;
    `detail` is a sentence, without the record's text.
    """

    id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Encodings:
    """What became of the records: encoded or rejected, each exactly once; `cut` of the encoded lost an end."""

    examples: list[Encoded]
    rejects: list[Reject]
    cut: int


def encode_examples(
    examples: Sequence[Example],
    renderer: Renderer,
    max_length: int,
    overlong: Literal["cut", "reject"],
) -> Encodings:
    """Return the tokens and labels of records, in their order.

    Args:
        examples: the records.
        renderer: puts them into words and tokens.
        max_length: most tokens of one.
        overlong: whether the response of a longer one is cut, or it is rejected.
    """
    encoded: list[Encoded] = []
    rejects: list[Reject] = []
    cut = 0
    for first in range(0, len(examples), _BATCH):
        some = examples[first : first + _BATCH]
        for example, one in zip(some, renderer.encode_batch(some), strict=True):
            try:
                ids, labels = _learnable(one, max_length, overlong)
            except UnusableRecordError as refusal:
                rejects.append(Reject(example.id, refusal.reason, refusal.detail))
                continue
            cut += len(ids) > max_length
            length = _learnt_length(labels[:max_length])
            encoded.append(Encoded(example.id, tuple(ids[:length]), tuple(labels[:length])))
    return Encodings(encoded, rejects, cut)


def _learnable(one: Encoding | UnusableRecordError, max_length: int, overlong: str) -> Encoding:
    """Return an encoding of which something is learnt at this length, or raise why not."""
    if isinstance(one, UnusableRecordError):
        raise one
    _, labels = one
    if len(labels) > max_length and overlong == "reject":
        told = f"{len(labels)} tokens, and max_length is {max_length}"
        raise UnusableRecordError("train.too_long", told)
    # The first token of a row is predicted from nothing, so its label counts for nothing.
    if all(label == IGNORED for label in labels[1:max_length]):
        before = next((place for place, label in enumerate(labels) if label != IGNORED), len(labels))
        told = f"{before} tokens stand before the response, and max_length is {max_length}"
        raise UnusableRecordError("train.no_labels", told)
    return one


def _learnt_length(labels: Sequence[int]) -> int:
    """Return how many tokens there are up to the last label: after a cut, half a question may follow it."""
    return next(place for place in range(len(labels), 0, -1) if labels[place - 1] != IGNORED)


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write train_rejects.jsonl: `id`, `reason` and `detail` a line, also when there is none."""
    lines = [orjson.dumps(asdict(reject), option=orjson.OPT_APPEND_NEWLINE) for reject in rejects]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
