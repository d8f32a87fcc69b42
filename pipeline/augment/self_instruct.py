"""Method 12, `self_instruct`: a new task with its response, after a few examples.

Self-Instruct (Wang et al. 2023, ACL, arXiv:2212.10560): a model is shown tasks and invents another. Here the parent is
always an example, and the child is of its root, so that what was learnt from a task stays in its split; more examples
may stand in the recipe. Instruction and instance come in one answer of JSON, and the paper's filters (length, words
that a model of texts cannot serve, ROUGE-L of 0.7 to what was shown) are ours. Rejected: examples drawn from the
corpus (a child would have several roots, perhaps of several splits) and the paper's two calls (twice the cost).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.augment.generated import (
    COPY,
    GeneratorParams,
    chat,
    fault_of_prompt,
    fault_of_response,
    filled,
    mentions,
    rouge_l,
    wording,
)
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import TOO_LONG, UNCHANGED, Answer, Ask, Child, NoChild, TextField
from pipeline.change import Scalar
from pipeline.models import Models
from pipeline.models.generator import Prompt
from pipeline.models.need import Need
from pipeline.models.structured import structured

HISTORY, LENGTH, NOT_TEXT = "history", "length", "not_text"
"""Why there is no child: earlier turns; an instruction that is too short or long, or needs more than text."""
_LONGEST_EXAMPLE = 6000
_PARTS: tuple[TextField, ...] = ("instruction", "input", "output")


class Example(BaseModel):
    """A task with its answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruction: str = Field(min_length=1, description="What is to be done.")
    input: str = Field(default="", description="What it is to be done with.")
    output: str = Field(min_length=1, description="The answer.")


class NewTask(BaseModel):
    """A task that a model invented and solved."""

    model_config = ConfigDict(extra="forbid")
    instruction: str
    input: str
    output: str


class SelfInstructParams(GeneratorParams):
    """New tasks after examples."""

    method: Literal["self_instruct"] = "self_instruct"
    fields: tuple[TextField, ...] = Field(
        default=_PARTS, description="Always the three texts of a task; it is new as a whole.", min_length=3
    )
    examples: tuple[Example, ...] = Field(
        default=(), description="Tasks beside the parent to draw examples from; written by you, in no split."
    )
    shown: int = Field(default=3, ge=1, le=16, description="Examples in a prompt, the parent among them.")
    least_words: int = Field(
        default=3, ge=1, description="Words (Chinese: characters) of an instruction; fewer ask nothing."
    )
    most_words: int = Field(
        default=150, ge=1, description="Words of an instruction at most, as in the paper; more are essays."
    )
    alike: float = Field(
        default=0.7,
        gt=0,
        le=1,
        description="ROUGE-L to an example from which a task is a copy; the paper's bound.",
    )


class SelfInstructMethod:
    """New tasks by a language model behind an endpoint or on this machine."""

    name = "self_instruct"
    version = 1
    languages: frozenset[str] | None = None

    def keeps(self, params: SelfInstructParams) -> bool:
        """Tell whether a child says what its parent says: it is another task."""
        return False

    def needs(self, params: SelfInstructParams) -> tuple[Need, ...]:
        """Return the endpoint or the model."""
        return params.needs()

    def children(
        self, asks: Sequence[Ask], params: SelfInstructParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order.

        Raises:
            ModelError: the model or the endpoint fails.
        """
        writer, cache = params.writer(models)
        answers: list[Answer] = [NoChild(_unfit(ask)) for ask in asks]
        able = [number for number, ask in enumerate(asks) if not _unfit(ask)]
        shown = [_shown(asks[number], params) for number in able]
        prompts = [_prompt(asks[number], listed) for number, listed in zip(able, shown, strict=True)]
        found = structured(writer, prompts, params.sampling(), NewTask, params.tries, cache)
        for number, listed, each in zip(able, shown, found, strict=True):
            fault = each.fault if each.value is None else _fault(each.value, listed, params)
            if each.value is None or fault:
                answers[number] = NoChild(fault)
                continue
            new: dict[TextField, str] = {
                "instruction": each.value.instruction.strip(),
                "input": each.value.input.strip(),
                "output": each.value.output.strip(),
            }
            evidence: dict[str, Scalar] = {"model": writer.identity.name, "examples": len(listed)}
            texts = {name: text for name, text in new.items() if text != asks[number].texts[name]}
            answers[number] = Child(texts, evidence)
        return answers


def _unfit(ask: Ask) -> str:
    if ask.history:
        return HISTORY
    if not ask.texts["instruction"].strip() or not ask.texts["output"].strip():
        return UNCHANGED
    return TOO_LONG if sum(len(ask.texts[part]) for part in _PARTS) > _LONGEST_EXAMPLE else ""


def _shown(ask: Ask, params: SelfInstructParams) -> list[Mapping[str, str]]:
    """Return the examples of a prompt: the parent, and some of the recipe's, in an order of the ask's own."""
    random = ask.random("examples")
    others = random.sample(params.examples, min(params.shown - 1, len(params.examples)))
    listed: list[Mapping[str, str]] = [ask.texts, *(each.model_dump() for each in others)]
    random.shuffle(listed)
    return listed


def _prompt(ask: Ask, shown: Sequence[Mapping[str, str]]) -> Prompt:
    words = wording("self_instruct", ask.lang)
    examples = [
        filled(words["example"], number=str(number), **{part: task[part] for part in _PARTS})
        for number, task in enumerate(shown, 1)
    ]
    user = filled(words["ask"], count=str(len(examples)), examples="\n\n".join(examples))
    return chat(words["system"], user, ask.seed)


def _fault(task: NewTask, shown: Sequence[Mapping[str, str]], params: SelfInstructParams) -> str:
    """Return why a task is no child; "" if it may be one."""
    parent = "\n".join(each[part] for each in shown for part in _PARTS)
    instruction = task.instruction.strip()
    fault = fault_of_prompt(instruction, parent)
    if fault:
        return fault
    if not params.least_words <= _words(instruction) <= params.most_words:
        return LENGTH
    if mentions(instruction, "not_text"):
        return NOT_TEXT
    if any(rouge_l(instruction, each["instruction"]) >= params.alike for each in shown):
        return COPY
    return fault_of_response(task.output, f"{instruction}\n\n{task.input}".strip(), parent)


def _words(text: str) -> int:
    """Return the words of a text: those between blanks, and a Han character for each of a word."""
    han = sum("\u3400" <= letter <= "\u9fff" for letter in text)
    return han + len("".join(" " if "\u3400" <= letter <= "\u9fff" else letter for letter in text).split())
