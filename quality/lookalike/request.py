"""What is compared, what is said of it, and what each word of a verdict means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KINDS: Final = {
    "numbers": "They name other numbers or ordinals, in digits or in words.",
    "units": "They name other units for a number, or one names a unit that the other does not.",
    "negation": "One negates what the other says, or leaves something out that the other asks for.",
    "opposite": "A word of one is the opposite of the word in its place in the other.",
    "names": "They name other persons, places or things.",
    "language": "They ask for or speak of another language, of people or of programs.",
    "format": "They ask for another form of the answer.",
    "operators": "Another operator or bracket stands in their code or formula.",
    "literals": "Another word stands in their code or in a short quotation, where each word is meant as it stands.",
    "script": "Words of a script that the rest is not written in differ.",
    "question": "They ask another question: who, when, where, why, how.",
    "quantity": "They ask for all, some, each, only, more or less of it.",
    "order": "They say the same words in another order, which changes who does what to whom.",
    "detail": "One narrows the request by something that the other does not say.",
    "words": "One has another word in the place of a word of the other, in an otherwise equal request.",
    "input": "They work on another input.",
    "instruction": "They ask for something else to be done with the same input.",
    "context": "Other turns, or another system prompt, stand before them.",
}
"""What two requests or answers can disagree on, and the sentence that explains it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks.

    Attributes:
        instruction: what is to be done.
        input: what it is to be done with; may be empty.
        context: the system prompt and the earlier turns, in order.
    """

    instruction: str
    input: str = ""
    context: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What two requests come to.

    Attributes:
        differs: what they disagree on, a key of `KINDS`; such a pair is never one request. Else "".
        same: nothing of content differs, only spelling, case, width, punctuation, courtesy or the verb of
            request. False with an empty `differs` means that they are worded otherwise: similarity decides.
    """

    differs: str
    same: bool
