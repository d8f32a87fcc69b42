"""What a translator is, whoever does the work: sentences in, as many sentences out, in one direction.

Three do it, one file each: `apertium` (rules, processes that stay), `seq2seq` (Marian, NLLB, M2M by transformers) and
`ct2` (the same models converted for CTranslate2). All are told apart by identity, so that a cache of their
translations is theirs alone. A translation depends on its sentence (and, when drawn, on its seed), never on what else
stood in the batch. Rejected: whole texts as units (models cut what is too long, in silence), and returning what could
be translated (the reader could not say which sentence a translation belongs to).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a model chooses words.

    Attributes:
        beams: of the beam search; 1 takes the likeliest word each time.
        temperature: 0 searches; above it words are drawn from the likeliest ten, the flatter the higher.
        batch_tokens: tokens of one padded batch, source side.
    """

    beams: int = 4
    temperature: float = 0.0
    batch_tokens: int = 4096


class Translator(Protocol):
    """One direction of a translation."""

    @property
    def identity(self) -> ModelIdentity:
        """Which translator this is."""
        ...

    def translate(self, sentences: Sequence[str], seeds: Sequence[str]) -> list[str]:
        """Return the translation of each sentence, in order.

        Args:
            sentences: none holds a line break; none is blank.
            seeds: one a sentence, for a translator that draws; others ignore them.

        Raises:
            ModelError: it fails, hangs, or answers with another number of sentences.
        """
        ...


def as_many(translator: str, sentences: Sequence[object], translations: Sequence[T]) -> list[T]:
    """Return the translations if there is one a sentence.

    Raises:
        ModelError: there are more or fewer, so that none can be trusted.
    """
    if len(translations) != len(sentences):
        raise ModelError(
            f"{translator} was given {len(sentences)} sentences and returned {len(translations)}",
            "no translation of this batch was used; see that nothing else writes to its output",
        )
    return list(translations)
