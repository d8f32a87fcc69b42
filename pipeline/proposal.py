"""`pipeline init`: looks at a file or a folder and writes a commented recipe for what it found.

The recipe is text written for a person to read and change: every source says how it was understood and how
surely, and every stage says what it does. A file that fits no known shape is left in the recipe, commented
out, with its columns and a `columns:` map to fill in; nothing is guessed in silence.
"""

from __future__ import annotations

import glob
import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError, SourceError
from pipeline.ingest import InputFile, Peek, SourceSpec, find_files, peek

_LEFT_OUT = "  # left out:"

STAGES_TEXT = """\
# What is done, in this order. `python -m pipeline init --schema` lists every parameter.
stages:
  - stage: normalise        # repairs encoding, HTML, spaces and placeholders; limits the length in tokens
  - stage: heuristics       # drops empty, placeholder, refused, looping and context-less records
  - stage: dedupe           # keeps one of each set of duplicates, exact or by meaning
    threshold: 0.92         # least cosine of two prompts
    response_threshold: 0.85  # least cosine of their responses
  - stage: split            # by group, so that no duplicate stands in two splits
    train: 0.9
    validation: 0.05
    test: 0.05

# What is written under builds/<name>/data/.
exports:
  - format: alpaca
  - format: prompt_completion
    template: "{prompt}"    # of {system}, {instruction}, {input}, {prompt}
"""


@dataclass(frozen=True, slots=True)
class Found:
    """One input file and what its start looks like; `problem` is "" for one that can be read."""

    file: InputFile
    peek: Peek | None
    problem: str


def propose_recipe(target: Path, base: Path, name: str = "") -> str:
    """Return the text of a recipe for a file or a folder.

    Args:
        target: what to read.
        base: the folder that the recipe will stand in; paths are written relative to it.
        name: name of the dataset, by default from the target's name.

    Raises:
        SourceError: nothing there can be read.
    """
    found = [_look(file) for file in find_files(SourceSpec(name="init", path=str(target)), base)]
    usable = [item for item in found if not item.problem]
    if not usable:
        listed = "\n".join(f"  {item.file.name}: {item.problem}" for item in found)
        raise SourceError(
            f"no file of {target} can be read as records:\n{listed}",
            "write a recipe with a `columns:` map for it; `python -m pipeline init --schema` says how",
        )
    rows = sum(item.peek.units for item in usable if item.peek)
    lines = [
        f"# A recipe for {target.name}. Build it with: python -m pipeline build RECIPE",
        f"name: {_quoted(name or _slug(target.name))}",
        "seed: 17                    # all randomness derives from it",
        "max_reject_rate: 0.01       # the build fails if a larger share of the units cannot be read",
        "",
        f"# {len(usable)} of {len(found)} files can be read; {rows} units were looked at.",
        "sources:",
    ]
    taken: set[str] = set()
    for group in _alike(usable):
        lines += _source(group, base, taken)
    for item in found:
        if item.problem:
            lines += _left_out(item, base, taken)
    return "\n".join([*lines, "", STAGES_TEXT])


def left_out(recipe: str) -> list[str]:
    """Return a sentence for every file that a proposed recipe leaves out, so that none is lost in silence."""
    return [line.strip(" #") for line in recipe.split("\n") if line.startswith(_LEFT_OUT)]


def _alike(usable: list[Found]) -> list[list[Found]]:
    """Return the files in groups that one source can read: same folder, ending, shape and columns."""
    groups: dict[object, list[Found]] = {}
    for item in usable:
        assert item.peek is not None
        path, seen = item.file.path, item.peek
        key = (path.parent, "".join(path.suffixes), seen.shape, tuple(sorted(seen.proposed.items())))
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _look(file: InputFile) -> Found:
    where = f"source init: {file.path}: "
    try:
        seen = peek(file, SourceSpec(name="init", path=str(file.path)))
    except PipelineError as error:
        return Found(file, None, error.message.split("\n")[0].removeprefix(where))
    return Found(file, seen, "" if seen.shape else seen.reason.removeprefix(where))


def _source(group: list[Found], base: Path, taken: set[str]) -> list[str]:
    seen, first = group[0].peek, group[0].file.path
    assert seen is not None
    named = first.name if len(group) == 1 else f"{first.parent.name}.{first.suffix}"
    lines = [
        f"  - name: {_quoted(_unique(_slug(named), taken))}",
        f"    path: {json.dumps(_paths(group, base), ensure_ascii=False)}",
        f"    shape: {seen.shape}".ljust(28) + f"  # {seen.reason}, confidence {seen.confidence:.2f}",
    ]
    if seen.shape == "columns":
        pairs = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in seen.proposed.items())
        lines.append(f"    columns: {{{pairs}}}")
    return lines


def _paths(group: list[Found], base: Path) -> str | list[str]:
    """Return one path, a glob that matches just these files, or a list."""
    paths = [item.file.path for item in group]
    if len(paths) == 1:
        return _relative(paths[0], base)
    folder, ending = paths[0].parent, "".join(paths[0].suffixes)
    if sorted(folder.glob(f"*{ending}")) == sorted(paths) and not glob.has_magic(str(folder)):
        return _relative(folder / f"*{ending}", base)
    return [_relative(path, base) for path in paths]


def _left_out(item: Found, base: Path, taken: set[str]) -> list[str]:
    lines = [f"{_LEFT_OUT} {item.file.name}: {item.problem}".replace("\n", " ")]
    if item.peek and item.peek.columns:
        path = json.dumps(_relative(item.file.path, base), ensure_ascii=False)
        lines += [
            f"  # - name: {_quoted(_unique(_slug(item.file.name), taken))}",
            f"  #   path: {path}",
            f"  #   columns: {{instruction: ?, output: ?}}   # its columns: {', '.join(item.peek.columns)}".replace(
                "\n", " "
            ),
        ]
    return lines


def _relative(path: Path, base: Path) -> str:
    resolved, root = path.resolve(), base.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(resolved)


def _slug(name: str) -> str:
    stem = name.removesuffix(".gz").rsplit(".", 1)[0] or name
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")
    return slug or "data"


def _quoted(name: str) -> str:
    """Return a name as YAML reads it back: `2024` and `true` would be no texts."""
    plain = name[0].isalpha() and name.lower() not in ("true", "false", "null")
    return name if plain else f'"{name}"'


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate
