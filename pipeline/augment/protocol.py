"""What a method of augmentation is: asked for children, it answers each ask with a child or with why there is none.

A method never sees the corpus and never decides whether a child is good: it varies texts, and the gate (`stages/
fidelity`) holds every child against its parent. All randomness of a child comes from its ask's seed, a digest of the
recipe's seed, the root, the method and the child's number, so neither order nor workers nor other parents alter it.
Rejected: methods that yield as many variants as they can (nobody could say which a rebuild would give).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from pipeline.augment.protect import Guard, Protected
from pipeline.change import Scalar
from pipeline.models import Models
from pipeline.models.need import Need

TextField = Literal["system", "instruction", "input", "output"]

MOST_CHARACTERS = 20_000
"""Characters of a text above which no method that changes texts passage by passage takes it on."""

TOO_LONG, UNCHANGED, LANGUAGE = "too_long", "unchanged", "language"
"""Why there is no child: the text is longer, nothing of it could be changed, the method lacks its language."""


class MethodParams(BaseModel):
    """What every method in a recipe has; each adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="Name of this instance, by default that of the method; for a method that stands twice.",
    )
    children: int = Field(
        default=1, ge=1, le=100, description="Children wanted of each parent; with a target, of each round."
    )
    fields: tuple[TextField, ...] = Field(
        default=("instruction",),
        min_length=1,
        description="The texts that are changed; all others are the parent's.",
    )

    def method_name(self) -> str:
        """Return the name of the method in the registry."""
        return str(getattr(self, "method", ""))

    def label(self) -> str:
        """Return the name of this instance."""
        return self.name or self.method_name()


@dataclass(frozen=True, slots=True)
class Ask:
    """One child that is wanted of one parent.

    Args:
        texts: of the parent: `system`, `instruction`, `input`, `output`.
        history: the parent's earlier turns, as `user` and `assistant`.
        lang: ISO 639-1 of the prompt, without a script; "" where it is not known.
        seed: hexadecimal; all the child's randomness.
        number: which child of this parent by this method, from 0.
    """

    texts: Mapping[str, str]
    history: tuple[Mapping[str, str], ...]
    lang: str
    seed: str
    number: int

    def random(self, purpose: str = "") -> Random:
        """Return a generator that is this ask's own; another purpose is another one."""
        return random_of(self.seed, purpose)


@dataclass(frozen=True, slots=True)
class Child:
    """A variant: the texts that differ from the parent's, and what a reader of the ledger should know."""

    texts: dict[TextField, str]
    evidence: dict[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoChild:
    """Why an ask has no child, in a word that can be counted."""

    why: str


Answer: TypeAlias = Child | NoChild

P_contra = TypeVar("P_contra", contravariant=True, bound=MethodParams)


class Method(Protocol[P_contra]):
    """Varies texts.

    Attributes:
        name: as recipes call it.
        version: raise it when equal asks get other children.
        languages: those it can vary; None for all.

    A method may also have `remarks(params)`: what a reader of the plan should know.
    """

    name: str
    version: int
    languages: frozenset[str] | None

    def keeps(self, params: P_contra) -> bool:
        """Tell whether a child must say what its parent says.

        Where it need not (a harder task, a new one) the gate judges the child by itself.
        """
        ...

    def needs(self, params: P_contra) -> tuple[Need, ...]:
        """Return the models and programs that these parameters need."""
        ...

    def children(self, asks: Sequence[Ask], params: P_contra, guard: Guard, models: Models) -> list[Answer]:
        """Return one answer an ask, in their order.

        Args:
            asks: many at once, so that a model can be fed in batches; all in a language of the method.
            params: of the method.
            guard: says which places of a text must come back as they are.
            models: loads what `needs` named.

        Raises:
            ModelError: a model or program fails; nothing is answered in its place.
        """
        ...


class RuleMethod:
    """What methods by rules and lexicons of this project have in common: two languages, no need, the meaning kept."""

    languages: frozenset[str] | None = frozenset({"en", "zh"})

    def keeps(self, params: MethodParams) -> bool:
        """Tell that a child must say what its parent says."""
        return True

    def needs(self, params: MethodParams) -> tuple[Need, ...]:
        """Return no need."""
        return ()


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of an ask that is to be changed, and the places of it that must come back as they are."""

    text: str
    lang: str
    seed: str
    protected: Protected

    def random(self, purpose: str = "") -> Random:
        """Return a generator that is this passage's own."""
        return random_of(self.seed, purpose)


Rewrite: TypeAlias = Callable[[Sequence[Passage]], Sequence["str | NoChild"]]


def by_passage(asks: Sequence[Ask], params: MethodParams, guard: Guard, rewrite: Rewrite) -> list[Answer]:
    """Answer asks by changing each wanted text on its own, all of them in one call.

    Args:
        asks: as `Method.children`.
        params: name the fields.
        guard: as there.
        rewrite: returns a text a passage, or why there is none; a text equal to the passage counts as unchanged.
    """
    places: list[tuple[int, TextField]] = []
    passages: list[Passage] = []
    refused: dict[int, str] = {}
    for number, ask in enumerate(asks):
        for name in params.fields:
            text = ask.texts[name]
            if len(text) > MOST_CHARACTERS:
                refused[number] = TOO_LONG
            elif text.strip():
                places.append((number, name))
                passages.append(Passage(text, ask.lang, f"{ask.seed}{name}", guard.protect(text)))
    texts: list[dict[TextField, str]] = [{} for _ in asks]
    for (number, name), passage, found in zip(places, passages, rewrite(passages), strict=True):
        if isinstance(found, NoChild):
            refused.setdefault(number, found.why)
        elif found != passage.text:
            texts[number][name] = found
    return [
        Child(own) if own and refused.get(number) != TOO_LONG else NoChild(refused.get(number, UNCHANGED))
        for number, own in enumerate(texts)
    ]


def seed_of(*parts: str | int) -> str:
    """Return 32 hexadecimal digits of BLAKE2b over these parts: the seed of one child."""
    data = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).hexdigest()


def random_of(seed: str, purpose: str = "") -> Random:
    """Return a generator for one purpose of one seed."""
    return Random(int(seed_of(seed, purpose), 16))


AnyParams: TypeAlias = Any
"""Parameters of some method; the registry knows which go with which."""
