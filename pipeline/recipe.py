"""The recipe: the YAML a user writes, checked whole before any work starts.

Every mistake is reported at once, each with its line, because a person fixes a file in one sitting. The
stages form one union, discriminated on `stage`, so that an editor with the JSON Schema completes the
parameters of just the stage that is being written. Rejected: free dictionaries for parameters (a typo
would be ignored in silence).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.documents import Location, read_document, read_text, validate
from pipeline.export import Export
from pipeline.ingest import SourceSpec
from pipeline.stages import STAGES, AnyStageParams
from pipeline.store import digest

HIDDEN = frozenset(("deny", "allow"))
"""Parameters of stages that may hold personal data themselves."""


class Card(BaseModel):
    """What the dataset card says that no program can know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(default="", description="Title of the dataset; by default its name.")
    description: str = Field(default="", description="One paragraph: what the data is and is for.")
    license: str = Field(
        default="",
        description="Licence of the data as the hub spells it, e.g. apache-2.0, cc-by-4.0.",
    )


class Recipe(BaseModel):
    """A whole build: where the text comes from, what is done to it, and what is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of the dataset; the build is written to builds/<name>.",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="All randomness derives from it and a record's root."
    )
    sources: Annotated[tuple[SourceSpec, ...], Field(min_length=1)] = Field(
        description="Where the raw text is; records keep this order."
    )
    stages: tuple[AnyStageParams, ...] = Field(
        default=(),
        description="What is done, in this order; a stage may stand here twice under two names.",
    )
    exports: tuple[Export, ...] = Field(
        default=(),
        description="What is written to data/<format>; by default Alpaca and prompt-completion.",
    )
    max_reject_rate: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="The build fails if a larger share of the units cannot be read.",
    )
    shard_rows: int = Field(
        default=8192,
        ge=1,
        le=1_000_000,
        description="Most records in a shard, the unit of parallel work.",
    )
    card: Card = Field(default=Card(), description="Words for the dataset card.")

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("exports"):
            data = {**data, "exports": [{"format": "alpaca"}, {"format": "prompt_completion"}]}
        return data

    def stage_names(self) -> tuple[str, ...]:
        """Return the instance name of every stage, in order."""
        return tuple(stage.name or stage.stage for stage in self.stages)


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the manifest shows it: of lists of personal data, how long they are and a short digest.

    The digest (16 bits) tells `diff` that a list was changed, and is far too short to try values against.
    """
    shown: dict[str, Any] = recipe.model_dump(mode="json")
    for stage in shown["stages"]:
        for name in HIDDEN.intersection(stage):
            if stage[name]:
                stage[name] = f"{_values(stage[name])} values, digest {digest(stage[name])[:4]}"
    return shown


def _values(listed: dict[str, Any] | list[Any]) -> int:
    return sum(map(len, listed.values())) if isinstance(listed, dict) else len(listed)


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: the file is missing, is not YAML or holds mistakes; all are listed, each with its line.
    """
    hint = "write one with `python -m pipeline init FOLDER`"
    return parse_recipe(read_text(path, hint), str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """Check a recipe's text; `where` names it in messages.

    Raises:
        RecipeError: with every mistake, each with its line.
    """
    document = read_document(
        text,
        where,
        "a recipe is a mapping with name, sources, stages and exports",
        "see `python -m pipeline init FOLDER` for one that works",
    )
    hint = "`python -m pipeline init --schema` prints every key with its meaning and range"
    return validate(Recipe, document, where, _valid_keys, _cross_checks, hint)


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe, for editors."""
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Recipe"
    return schema


def _cross_checks(plain: dict[str, Any]) -> list[tuple[Location, str]]:
    """Return what no single field can see, (location, message), whatever else is wrong."""
    found: list[tuple[Location, str]] = []
    stages = _entries(plain, "stages")
    for kind, names in (
        ("sources", [source.get("name") for source in _entries(plain, "sources")]),
        ("stages", [stage.get("name") or stage.get("stage") for stage in stages]),
        ("exports", [export.get("format") for export in _entries(plain, "exports")]),
    ):
        for number, name in enumerate(names):
            if name and name in names[:number]:
                found.append(((kind, number), f"{name!r} stands twice under {kind}; give each its own name"))
    kinds = [each.get("stage") for each in stages]
    for number, stage in enumerate(kinds):
        if stage == "split" and stage in kinds[:number]:
            found.append((("stages", number), "a recipe has one split"))
        if stage == "dedupe" and "split" in kinds[:number]:
            found.append(
                (
                    ("stages", number),
                    "dedupe after split would leave duplicates in two splits; put it before",
                )
            )
    for number, export in enumerate(_entries(plain, "exports")):
        if export.get("weights") is True and "balance" not in kinds:
            found.append((("exports", number), "`weights: true` needs a stage balance, which decides them"))
    return found + _wrong_order(kinds)


def _wrong_order(kinds: Sequence[Any]) -> list[tuple[Location, str]]:
    """Return the stages whose place in the recipe would leak.

    What a stage does after the last scrub leaves by a door, so a later scrub mends what stands before it.
    """
    found: list[tuple[Location, str]] = []
    for number, stage in enumerate(kinds):
        known = STAGES.get(stage) if isinstance(stage, str) else None
        if known and known.never_after and known.never_after[0] in kinds[:number]:
            other, why = known.never_after
            if other not in kinds[number:]:
                found.append((("stages", number), f"{stage} after {other}: {why}; put it before"))
        if known and known.never_before and known.never_before[0] in kinds[number + 1 :]:
            other, why = known.never_before
            found.append((("stages", number), f"{stage} before {other}: {why}; put it after"))
        if known and known.only_after and known.only_after[0] not in kinds[:number]:
            other, why = known.only_after
            found.append((("stages", number), f"{stage} needs {other} before it: {why}"))
        if known and known.only_before and known.only_before[0] not in kinds[number + 1 :]:
            other, why = known.only_before
            found.append((("stages", number), f"{stage} needs {other} after it: {why}"))
    return found


def _entries(plain: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    listed = plain.get(kind)
    return [each if isinstance(each, dict) else {} for each in listed] if isinstance(listed, list) else []


def _valid_keys(location: Location) -> list[str]:
    """Return the keys that may stand beside an unknown one."""
    tags = [part for part in location[:-1] if isinstance(part, str)]
    model: type[BaseModel] = Recipe
    if tags[:1] == ["sources"]:
        model = SourceSpec
    elif tags[:1] == ["card"]:
        model = Card
    elif tags[:1] == ["stages"] and len(tags) > 1:
        model = STAGES[tags[1]].params
    elif tags[:1] == ["exports"]:
        model = Export
    fields = model.model_fields
    for tag in tags[2:] if tags[:1] == ["stages"] else tags[1:]:
        inner = fields[tag].annotation if tag in fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            fields = inner.model_fields
    return sorted(fields)
