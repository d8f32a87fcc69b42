"""YAML that a person wrote, held against a pydantic model: every mistake at once, each with its line.

Recipes of builds and of training runs are read by it. pydantic names a place by keys; the person looks for a line, so
the document is read with its positions and the deepest part of the place that stands in it gives the line. Rejected:
the first mistake only (a person fixes a file in one sitting).
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import RecipeError

Location = tuple[str | int, ...]
Checked = TypeVar("Checked", bound=BaseModel)


def read_text(path: Path, hint: str) -> str:
    """Return a recipe's text.

    Raises:
        RecipeError: the file is missing (then `hint` says how to get one) or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RecipeError(f"there is no recipe {path}", hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} cannot be read: {error}") from error


def read_document(text: str, where: str, what: str, hint: str) -> Any:
    """Return YAML with its positions; `what` a recipe is made of stands in the message.

    Raises:
        RecipeError: it is no YAML, or no mapping.
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
        raise RecipeError(f"{where}: {what}", hint)
    return document


def validate(
    model: type[Checked],
    document: Any,
    where: str,
    valid_keys: Callable[[Location], Sequence[str]],
    cross_checks: Callable[[dict[str, Any]], list[tuple[Location, str]]],
    hint: str,
) -> Checked:
    """Return the document as a model.

    Args:
        model: what it must be.
        document: as `read_document` gave it.
        where: names it in messages.
        valid_keys: the keys that may stand beside an unknown one at a place.
        cross_checks: what no single field can see, (place, message), whatever else is wrong.
        hint: where to look the keys up.

    Raises:
        RecipeError: with every mistake, each with its line.
    """
    values = plain(document)
    problems = [(line_of(document, loc), message) for loc, message in cross_checks(values)]
    checked = None
    try:
        checked = model.model_validate(values)
    except ValidationError as error:
        # pydantic counts only valid entries: a list whose one entry is wrong is not too short as well.
        every = [each for each in error.errors() if each["type"] != "too_short" or not each["input"]]
        problems += [_problem(document, details, valid_keys) for details in every]
    if problems or checked is None:
        raise _all_problems(where, sorted(problems), hint) from None
    return checked


def nested_keys(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys of the model that stands at the parent of `location`, looking through unions with None."""
    fields = model.model_fields
    for tag in location[:-1]:
        inner = fields[tag].annotation if isinstance(tag, str) and tag in fields else None
        for each in (inner, *getattr(inner, "__args__", ())):
            if isinstance(each, type) and issubclass(each, BaseModel):
                fields = each.model_fields
                break
    return sorted(fields)


def _all_problems(where: str, problems: Sequence[tuple[int, str]], hint: str) -> RecipeError:
    listed = "\n".join(f"  {where}:{line}: {message}" for line, message in problems)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return RecipeError(f"{count} in the recipe\n{listed}", hint)


def _problem(
    document: Any, details: ErrorDetails, valid_keys: Callable[[Location], Sequence[str]]
) -> tuple[int, str]:
    """Return one pydantic error as (line, sentence), with the valid values where there are any."""
    location = details["loc"]
    line = line_of(document, location)
    path = _dotted(location)
    kind = details["type"]
    if kind == "extra_forbidden":
        valid = valid_keys(location)
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


def line_of(document: Any, location: Sequence[str | int]) -> int:
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


def plain(node: Any) -> Any:
    """Return ruamel's round-trip nodes as plain dicts, lists and scalars."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node
