"""Method 11, `rewrite`: a language model says a prompt in other words, makes it harder, or invents one beside it.

`paraphrase` keeps the meaning and changes each wanted text by itself; what must stay is named in the prompt and looked
for in the answer. `deeper` and `wider` are the in-depth and in-breadth evolving of Evol-Instruct (Xu et al. 2023,
WizardLM, arXiv:2304.12244, section 3.2), with its elimination of failed ones; the old response answers another prompt
then, so a new one is written. Rejected: evolving with the old response kept (wrong pairs, silently), and evolving in
several rounds (a recipe names the stage twice).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.augment.generated import (
    COPY,
    GeneratorParams,
    answering,
    chat,
    fault_of_prompt,
    fault_of_response,
    filled,
    rouge_l,
    wording,
)
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import (
    MOST_CHARACTERS,
    TOO_LONG,
    UNCHANGED,
    Answer,
    Ask,
    Child,
    NoChild,
    Passage,
    TextField,
    by_passage,
    seed_of,
)
from pipeline.change import Scalar
from pipeline.models import Models
from pipeline.models.generator import Prompt, generations
from pipeline.models.need import Need
from pipeline.models.structured import structured

PROTECTED, HISTORY = "protected", "history"
"""Why there is no child: something that must stay is gone; an invented prompt does not follow earlier turns."""
_ALIKE = 0.95
"""ROUGE-L from which a harder or another prompt is the old one."""
_MOST_VALUES = 40


class Paraphrased(BaseModel):
    """A text in other words."""

    model_config = ConfigDict(extra="forbid")
    text: str


class Evolved(BaseModel):
    """A harder prompt; its input stays."""

    model_config = ConfigDict(extra="forbid")
    instruction: str


class Invented(BaseModel):
    """Another prompt, with the input it needs."""

    model_config = ConfigDict(extra="forbid")
    instruction: str
    input: str


class RewriteParams(GeneratorParams):
    """Rewriting by a language model."""

    method: Literal["rewrite"] = "rewrite"
    manner: Literal["paraphrase", "deeper", "wider"] = Field(
        default="paraphrase",
        description="The same in other words; the prompt made harder; another prompt of the same field.",
    )
    response: Literal["keep", "rewrite", "answer"] = Field(
        default="keep",
        description="The parent's response as it is, in other words too, or written anew for the child's prompt.",
    )

    @model_validator(mode="after")
    def _response_fits(self) -> RewriteParams:
        if self.manner != "paraphrase" and self.response != "answer":
            raise ValueError(
                f"manner {self.manner} gives a prompt that the parent's response does not answer: say "
                "`response: answer`, so that a new one is written"
            )
        if self.manner != "paraphrase" and self.fields != ("instruction",):
            raise ValueError(f"manner {self.manner} changes the prompt as a whole: leave `fields` out")
        if "output" in self.fields:
            raise ValueError(
                "`fields` names the prompt's texts; the response is changed by `response: rewrite`"
            )
        return self


class RewriteMethod:
    """Rewriting by a language model behind an endpoint or on this machine."""

    name = "rewrite"
    version = 1
    languages: frozenset[str] | None = None

    def keeps(self, params: RewriteParams) -> bool:
        """Tell whether a child says what its parent says: a paraphrase does."""
        return params.manner == "paraphrase"

    def needs(self, params: RewriteParams) -> tuple[Need, ...]:
        """Return the endpoint or the model."""
        return params.needs()

    def children(
        self, asks: Sequence[Ask], params: RewriteParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order.

        Raises:
            ModelError: the model or the endpoint fails.
        """
        if params.manner == "paraphrase":
            answers = _paraphrases(asks, params, guard, models)
        else:
            answers = _evolved(asks, params, models)
        return _answered(asks, answers, params, models) if params.response == "answer" else answers


def _paraphrases(asks: Sequence[Ask], params: RewriteParams, guard: Guard, models: Models) -> list[Answer]:
    wanted = (*params.fields, "output") if params.response == "rewrite" else params.fields
    writer, cache = params.writer(models)

    def rewrite(passages: Sequence[Passage]) -> list[str | NoChild]:
        prompts = [_paraphrase_prompt(passage) for passage in passages]
        found = structured(writer, prompts, params.sampling(), Paraphrased, params.tries, cache)
        return [
            NoChild(each.fault) if each.value is None else _kept(passage, each.value.text)
            for passage, each in zip(passages, found, strict=True)
        ]

    answers = by_passage(asks, params.model_copy(update={"fields": wanted}), guard, rewrite)
    evidence: dict[str, Scalar] = {"manner": params.manner, "model": writer.identity.name}
    return [
        each if isinstance(each, NoChild)
        else replace(each, evidence=evidence) if each.texts.keys() & set(params.fields)
        else NoChild(UNCHANGED)  # another response to the same prompt is no other prompt
        for each in answers
    ]  # fmt: skip


def _paraphrase_prompt(passage: Passage) -> Prompt:
    words = wording("paraphrase", passage.lang)
    values = list(dict.fromkeys(value for _, value in passage.protected.values()))[:_MOST_VALUES]
    listed = ("、" if passage.lang == "zh" else ", ").join(f"`{value}`" for value in values)
    kept = filled(words["kept"], values=listed) if values else ""
    style = passage.random("style").choice(words["styles"])
    return chat(
        words["system"], filled(words["ask"], style=style, kept=kept, text=passage.text), passage.seed
    )


def _kept(passage: Passage, text: str) -> str | NoChild:
    """Return a paraphrase, or why it is none: all that is protected must stand in it as often as before."""
    text = text.strip()
    fault = fault_of_prompt(text, passage.text)
    if fault:
        return NoChild(fault)
    if any(text.count(value) < count for (_, value), count in passage.protected.values().items()):
        return NoChild(PROTECTED)
    return passage.text if text == passage.text.strip() else text


def _evolved(asks: Sequence[Ask], params: RewriteParams, models: Models) -> list[Answer]:
    """Return harder or other prompts, without a response yet."""
    writer, cache = params.writer(models)
    answers: list[Answer] = [NoChild(_unfit(ask)) for ask in asks]
    able = [number for number, ask in enumerate(asks) if not _unfit(ask)]
    operations = [_operation(asks[number], params.manner) for number in able]
    prompts = [
        _evolving_prompt(asks[number], params.manner, operation)
        for number, operation in zip(able, operations, strict=True)
    ]
    shape = Evolved if params.manner == "deeper" else Invented
    found = structured(writer, prompts, params.sampling(), shape, params.tries, cache)
    for number, operation, each in zip(able, operations, found, strict=True):
        evidence: dict[str, Scalar] = {"manner": params.manner, "model": writer.identity.name}
        if operation:
            evidence["operation"] = operation
        answer = NoChild(each.fault) if each.value is None else _accepted(asks[number], each.value)
        answers[number] = replace(answer, evidence=evidence) if isinstance(answer, Child) else answer
    return answers


def _unfit(ask: Ask) -> str:
    if max(len(ask.texts["instruction"]), len(ask.texts["input"])) > MOST_CHARACTERS:
        return TOO_LONG
    if not ask.texts["instruction"].strip():
        return UNCHANGED
    return HISTORY if ask.history else ""


def _operation(ask: Ask, manner: str) -> str:
    """Return how a prompt is made harder; "" where another one is invented."""
    operations = sorted(wording(manner, ask.lang).get("operations", {}))
    return ask.random("operation").choice(operations) if operations else ""


def _evolving_prompt(ask: Ask, manner: str, operation: str) -> Prompt:
    words = wording(manner, ask.lang)
    given = ask.texts["input"]
    values = {
        "text": ask.texts["instruction"],
        "material": filled(words["material"], input=given) if given.strip() else "",
        "operation": words["operations"][operation] if operation else "",
    }
    return chat(words["system"], filled(words["ask"], **values), ask.seed)


def _accepted(ask: Ask, found: BaseModel) -> Answer:
    """Return a child with the new prompt, or why it is none."""
    texts: dict[TextField, str] = {"instruction": str(getattr(found, "instruction", "")).strip()}
    if isinstance(found, Invented):
        texts["input"] = found.input.strip()
    parent = ask.texts["instruction"]
    if any(len(text) > MOST_CHARACTERS for text in texts.values()):
        return NoChild(TOO_LONG)
    fault = fault_of_prompt(texts["instruction"], f"{parent}\n{ask.texts['input']}")
    if fault:
        return NoChild(fault)
    if rouge_l(texts["instruction"], parent) >= _ALIKE:
        return NoChild(COPY)
    return Child({name: text for name, text in texts.items() if text != ask.texts[name]})


def _answered(
    asks: Sequence[Ask], answers: Sequence[Answer], params: RewriteParams, models: Models
) -> list[Answer]:
    """Return the children with a response to their own prompts; one without is no child."""
    writer, cache = params.writer(models)
    children = [(number, each) for number, each in enumerate(answers) if isinstance(each, Child)]
    prompts = [
        answering(asks[number], child.texts, seed_of(asks[number].seed, "answer"))
        for number, child in children
    ]
    written = generations(writer, prompts, params.sampling(), None, cache)
    found = list(answers)
    for (number, child), prompt, each in zip(children, prompts, written, strict=True):
        text = each.text.strip()
        parent = asks[number].texts["output"]
        fault = each.fault or fault_of_response(text, prompt.messages[-1].content, parent)
        found[number] = NoChild(fault) if fault else Child({**child.texts, "output": text}, child.evidence)
    return found
