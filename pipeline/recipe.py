"""The recipe: the YAML a user writes, checked whole before any work starts.

Every mistake is reported at once, each with its line, because a person fixes a file in one sitting. The
stages form one union, discriminated on `stage`, so that an editor with the JSON Schema completes the
parameters of just the stage that is being written. Rejected: free dictionaries for parameters (a typo
would be ignored in silence).
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from pipeline.errors import RecipeError
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
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(
            f"there is no recipe {path}", "write one with `python -m pipeline init FOLDER`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} cannot be read: {error}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """Check a recipe's text; `where` names it in messages.

    Raises:
        RecipeError: with every mistake, each with its line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt").load(io.StringIO(text))
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise RecipeError(f"{where}{line}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise RecipeError(
            f"{where}: a recipe is a mapping with name, sources, stages and exports",
            "see `python -m pipeline init FOLDER` for one that works",
        )
    plain = _plain(document)
    problems = [(_line_of(document, loc), message) for loc, message in _cross_checks(plain)]
    try:
        recipe = Recipe.model_validate(plain)
    except ValidationError as error:
        # pydantic counts only valid entries: a list whose one entry is wrong is not too short as well.
        every = [each for each in error.errors() if each["type"] != "too_short" or not each["input"]]
        problems += [_problem(document, details, where) for details in every]
    if problems:
        raise _all_problems(where, sorted(problems)) from None
    return recipe


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe, for editors."""
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Recipe"
    return schema


def _all_problems(where: str, problems: Sequence[tuple[int, str]]) -> RecipeError:
    listed = "\n".join(f"  {where}:{line}: {message}" for line, message in problems)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return RecipeError(
        f"{count} in the recipe\n{listed}",
        "`python -m pipeline init --schema` prints every key with its meaning and range",
    )


def _cross_checks(plain: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what no single field can see, (location, message), whatever else is wrong."""
    found: list[tuple[tuple[str | int, ...], str]] = []
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


def _wrong_order(kinds: Sequence[Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the stages whose place in the recipe would leak.

    What a stage does after the last scrub leaves by a door, so a later scrub mends what stands before it.
    """
    found: list[tuple[tuple[str | int, ...], str]] = []
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


def _problem(document: Any, details: ErrorDetails, where: str) -> tuple[int, str]:
    """Return one pydantic error as (line, sentence), with the valid values where there are any."""
    location = details["loc"]
    line = _line_of(document, location)
    path = _dotted(location)
    kind = details["type"]
    if kind == "extra_forbidden":
        valid = _valid_keys(location)
        near = difflib.get_close_matches(str(location[-1]), valid, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else "."
        return line, f"{path}: unknown key{guess} Valid keys: {', '.join(valid)}"
    if kind == "union_tag_invalid":
        context = details.get("ctx", {})
        given, valid_tags = str(context.get("tag")), str(context.get("expected_tags"))
        names = [tag.strip(" '") for tag in valid_tags.split(",")]
        near = difflib.get_close_matches(given, names, n=1)
        guess = f"; did you mean {near[0]!r}?" if near else "."
        return line, f"{path}: there is no {given!r}{guess} Valid: {', '.join(names)}"
    if kind == "union_tag_not_found":
        tag = str(details.get("ctx", {}).get("discriminator", "")).strip("'")
        return line, f"{path}: the key {tag!r} is missing"
    if kind == "missing":
        return line, f"{path}: this key is missing"
    given_value = details.get("input")
    shown = f" (given: {given_value!r})" if isinstance(given_value, str | int | float | bool) else ""
    message = details["msg"].removeprefix("Value error, ")
    return line, f"{path}: {message[0].lower()}{message[1:]}{shown}"


def _dotted(location: Sequence[str | int]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _line_of(document: Any, location: Sequence[str | int]) -> int:
    """Return the 1-based line of the deepest part of `location` that stands in the document.

    Parts that are not in the YAML are skipped: pydantic names the tag of a union in between.
    """
    node = document
    line = 1
    for part in location:
        try:
            marks = node.lc
            line = (marks.item(part) if isinstance(part, int) else marks.key(part))[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            continue
    return line


def _valid_keys(location: Sequence[str | int]) -> list[str]:
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


def _plain(node: Any) -> Any:
    """Return ruamel's round-trip nodes as plain dicts, lists and scalars."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node
