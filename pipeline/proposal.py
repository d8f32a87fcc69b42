"""`pipeline init`: looks at a file or a folder and writes a commented recipe for what it found.

The recipe is text written for a person to read and change: every source says how it was understood and how
surely, and every stage says what it does. A file that fits no known shape is left in the recipe, commented
out, with its columns and a `columns:` map to fill in; nothing is guessed in silence.
"""

from __future__ import annotations

import glob
import json
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import PipelineError, SourceError
from pipeline.ingest import InputFile, Peek, SourceSpec, find_files, peek
from pipeline.ingest.files import readable
from pipeline.ingest.formats import speaks_about_files
from pipeline.ingest.units import SOUND

_LEFT_OUT = "  # left out:"
_GUESS = "  # guess:"
_READ = "  # read:"
_RAISED = "# raised:"
_FAILS = "# fails:"
_UNITS = 200  # that are looked at, of each file
_MOST_MEMBERS = 500  # of an archive that are looked at
_REJECT_RATE = 0.01
_ALLOWANCE = 0.05  # above the share that was seen: a sample of 200 may miss it by that much
_MOSTLY = 0.5  # a file of which more is rejected was not understood: no limit is raised for it

STAGES_TEXT = """\
# What is done, in this order. `python -m pipeline init --schema` lists every parameter.
stages:
  - stage: normalise        # repairs encoding, HTML, spaces and placeholders; limits the length in tokens
  - stage: heuristics       # drops empty, placeholder, refused, looping and context-less records
  - stage: language         # flags answers in a language that nobody asked for; wanted: [en, zh] keeps these only
    mismatch: flag          # or drop, where no column is the translation of another
  - stage: dedupe           # keeps one of each set of duplicates, exact or by meaning
    threshold: 0.93         # least cosine of two prompts that name nothing different
    other_responses: keep_best  # the same request with other answers: or keep_all, flag
  - stage: scrub            # replaces personal data by tags such as <EMAIL>; what is dropped is scrubbed as well;
                            # `name` takes names of public persons too: kinds: [email, phone, …] lists others
    replace: tag            # or pseudonym (needs a key), mask, drop_record; or one for each kind
  - stage: dedupe           # once more, exact only: scrubbing makes twins
    name: dedupe_after_scrub
    near: false
    semantic: false
  # - stage: boilerplate    # drops one canned reply that is given to many different prompts and answers none
  # - stage: perplexity     # flags gibberish, loops and texts cut off for people to look at; drops nothing
  # - stage: relevance      # flags responses that do not answer their prompt; learns from 200 records or more
  # - stage: toxicity       # flags abuse, threats, sexual and self-harm language
  # - {stage: decontaminate, against: [eval/*.jsonl]}   # drops what an evaluation set holds as well
  - stage: split            # by group, so that no duplicate stands in two splits
    train: 0.9
    validation: 0.05
    test: 0.05
  # - {stage: augment, factor: 2, methods: [{method: synonyms}, {method: syntax}, {method: templates}]}
  # - stage: fidelity       # variants of training records, and the gate that holds each beside its parent

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

    @property
    def rejected(self) -> float:
        """Share of the sampled units that would be rejected and count against `max_reject_rate`."""
        if self.peek is None or not self.peek.rejected:
            return 0.0
        bad = sum(count for reason, count in self.peek.rejected.items() if reason not in SOUND)
        return bad / max(sum(self.peek.rejected.values()) + sum(self.peek.shapes.values()), 1)

    @property
    def why(self) -> str:
        """The reasons of those rejects."""
        assert self.peek is not None
        return ", ".join(reason for reason in self.peek.rejected if reason not in SOUND)


@dataclass(frozen=True, slots=True)
class Source:
    """Files that one source of the recipe reads; `guessed`: they fit no shape, and its map is a guess."""

    files: tuple[Found, ...]
    guessed: bool = False


def propose_recipe(target: Path, base: Path, name: str = "", guess: bool = False) -> str:
    """Return the text of a recipe for a file or a folder.

    Args:
        target: what to read.
        base: the folder that the recipe will stand in; paths are written relative to it.
        name: name of the dataset, by default from the target's name.
        guess: for a person to check, not for a build on the spot: where no file fits a shape, write maps of the
            longest texts, marked as guesses; where many units are rejected, raise the limit, marked as raised.

    Raises:
        SourceError: nothing there can be read.
    """
    found, refused = _look_at(target)
    sources = _sources([item for item in found if not item.problem])
    if not sources and guess:
        sources = [Source((item,), guessed=True) for item in found if _guessable(item)]
    read = {id(item) for source in sources for item in source.files}
    rest = [item for item in found if id(item) not in read]
    if not sources:
        every = [*(f"{item.file.name}: {item.problem}" for item in found), *refused]
        listed = "\n".join(f"  {line}" for line in every)
        raise SourceError(
            f"no file of {target} can be read as records:\n{listed}",
            "write a recipe with a `columns:` map for it: `python -m pipeline init` proposes one where it can, "
            "and `init --schema` says how",
        )
    usable = [item for source in sources for item in source.files]
    rows = sum(item.peek.units for item in usable if item.peek)
    lines = [
        f"# A recipe for {target.name}. Build it with: python -m pipeline build RECIPE",
        f"name: {_quoted(name or _slug(target.name))}",
        "seed: 17                    # all randomness derives from it",
        *_reject_rate(usable if guess else []),
        "",
        f"# {len(usable)} of {len(found) + len(refused)} files can be read; {rows} units were looked at.",
        "sources:",
    ]
    taken: set[str] = set()
    for source in sources:
        lines += _source(source, base, taken)
    for item in rest:
        lines += _left_out(item, base, taken)
    lines += [f"{_LEFT_OUT} {line}".replace("\n", " ") for line in refused]
    return "\n".join([*lines, "", STAGES_TEXT])


def left_out(recipe: str) -> list[str]:
    """Return a sentence for all that a proposed recipe leaves out, guesses or allows, so that none is silent."""
    marks = (_LEFT_OUT, _GUESS, _RAISED, _FAILS)
    return [line.strip(" #") for line in recipe.split("\n") if line.startswith(marks)]


def understood(recipe: str) -> list[str]:
    """Return a sentence for every source of a proposed recipe: its files, format, shape and how sure it is."""
    return [line.strip(" #") for line in recipe.split("\n") if line.startswith(_READ)]


def _look_at(target: Path) -> tuple[list[Found], list[str]]:
    """Return what the files of a target look like, and a sentence for each that is not looked at."""
    if not target.is_dir():
        return _members(target, target.parent)
    every = sorted(
        path for path in target.rglob("*") if path.is_file() and not _hidden(path.relative_to(target))
    )
    chosen = set(readable([path.relative_to(target).as_posix() for path in every]))
    found: list[Found] = []
    refused: list[str] = []
    for path in every:
        shown = path.relative_to(target).as_posix()
        if shown in chosen:
            members, problems = _members(path, target)
            found += members
            refused += problems
        elif speaks_about_files(shown):
            refused.append(
                f"{shown}: speaks about the data beside it; give it a source of its own if it is data"
            )
        elif readable([shown]):
            members, _ = _members(path, target)
            records = [
                item for item in members if not item.problem and item.peek and item.peek.shape != "document"
            ]
            found += records
            if not records:
                refused.append(f"{shown}: a text beside data; give it a source of its own if it is data, too")
        else:
            refused.append(f"{shown}: its ending names no format that can be read")
    return found, refused


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _members(path: Path, root: Path) -> tuple[list[Found], list[str]]:
    """Return one file, or the members of an archive; or why it cannot be opened."""
    shown = path.relative_to(root).as_posix()
    try:
        files = find_files(SourceSpec(name="init", path=str(path)), root)
    except PipelineError as error:
        return [], [f"{shown}: {_sentence(error, path)}"]
    looked = [_look(file) for file in files[:_MOST_MEMBERS]]
    if len(files) == 1 and not files[0].member:
        looked = [replace(item, file=replace(item.file, name=shown)) for item in looked]
    unseen = [Found(file, None, "") for file in files[_MOST_MEMBERS:]]
    return [*looked, *unseen], []


def _sentence(error: PipelineError, path: Path) -> str:
    said = error.message.split("\n")[0].removeprefix("source init: ")
    return said.removeprefix(f"{path}: ").removeprefix(f"{path} ")


def _sources(usable: list[Found]) -> list[Source]:
    """Return the files in groups that one source can read: same folder, ending, shape and columns."""
    groups: dict[object, list[Found]] = {}
    for item in usable:
        path, seen = item.file.path, item.peek
        if item.file.member or seen is None:
            key: object = path
        else:
            mixed = len(seen.shapes) > 1
            key = (
                path.parent,
                "".join(path.suffixes),
                seen.shape,
                mixed,
                tuple(sorted(seen.proposed.items())),
            )
        groups.setdefault(key, []).append(item)
    return [Source(tuple(group)) for group in groups.values()]


def _guessable(item: Found) -> bool:
    seen = item.peek
    return seen is not None and not item.file.member and bool(seen.proposed) and bool(seen.columns)


def _look(file: InputFile) -> Found:
    try:
        seen = peek(file, SourceSpec(name="init", path=str(file.path)), _UNITS)
    except PipelineError as error:
        return Found(file, None, _sentence(error, Path(file.shown)))
    if seen.shape and not any(seen.shapes.values()):
        why = ", ".join(f"{reason}: {count}" for reason, count in seen.rejected.items())
        return Found(file, seen, f"looks like {seen.shape}, but no unit becomes a record ({why})")
    problem = seen.reason.removeprefix("source init: ").removeprefix(f"{file.shown}: ")
    return Found(file, seen, "" if seen.shape else problem.split(" (known shapes are")[0])


def _reject_rate(usable: list[Found]) -> list[str]:
    """Return the limit on rejects, raised a little above what was seen, and a comment for what it rests on."""
    line = "max_reject_rate: {:<11g}# the build fails if a larger share of the units cannot be read"
    said = "{:.1%} of the units of {} that were looked at are rejected ({})"
    lines = [
        f"{_FAILS} {said.format(item.rejected, item.file.name, item.why)}: mend its source or take it out"
        for item in usable
        if item.rejected > _MOSTLY
    ]
    worst = max(
        (item for item in usable if _REJECT_RATE < item.rejected <= _MOSTLY),
        key=lambda item: item.rejected,
        default=None,
    )
    if worst is None:
        return [*lines, line.format(_REJECT_RATE)]
    limit = math.ceil(round(100 * (worst.rejected + _ALLOWANCE), 6)) / 100
    raised = f"{said.format(worst.rejected, worst.file.name, worst.why)}; allowed: {_ALLOWANCE:.0%} more"
    return [*lines, f"{_RAISED} {raised}", line.format(limit)]


def _source(source: Source, base: Path, taken: set[str]) -> list[str]:
    group = source.files
    first = group[0]
    seen = first.peek
    assert seen is not None  # the members of an archive that were not looked at stand behind others
    shapes = {item.peek.shape for item in group if item.peek}
    mixed = len(shapes) > 1 or any(len(item.peek.shapes) > 1 for item in group if item.peek)
    alone = len(group) == 1 or bool(first.file.member)
    path = first.file.path
    named = path.name if alone else f"{path.parent.name}.{path.suffix}"
    shape = "columns" if source.guessed else "auto" if mixed else seen.shape
    note = f"{seen.reason.split('; to meta')[0]}, confidence {seen.confidence:.2f}"
    if source.guessed:
        note = "fits no shape"
    elif len(shapes) > 1:
        note = f"files of several shapes: {', '.join(sorted(shapes))}"
    elif mixed:
        counts = sum((Counter(item.peek.shapes) for item in group if item.peek), Counter())
        note = "units of several shapes: " + ", ".join(
            f"{name} {count}" for name, count in counts.most_common()
        )
    lines = []
    if source.guessed:
        lines.append(
            f"{_GUESS} {first.file.name} fits no shape; its map is a guess from its longest texts: check it"
        )
    lines += [
        _read_as(source, shape),
        f"  - name: {_quoted(_unique(_slug(named), taken))}",
        f"    path: {json.dumps(_paths(group, base), ensure_ascii=False)}",
        f"    shape: {shape}".ljust(28) + f"  # {note}".replace("\n", " "),
    ]
    if source.guessed:
        pairs = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in seen.proposed.items())
        lines.append(f"    columns: {{{pairs}}}")
    return lines


def _read_as(source: Source, shape: str) -> str:
    """Return the comment that says how the files of a source were understood."""
    first = source.files[0]
    seen = first.peek
    assert seen is not None
    names = (
        first.file.name if len(source.files) == 1 else f"{first.file.name} and {len(source.files) - 1} more"
    )
    unseen = sum(item.peek is None for item in source.files)
    encoding = f", {seen.encoding} (confidence {seen.encoding_confidence:.2f})" if seen.encoding else ""
    confidence = min((item.peek.confidence for item in source.files if item.peek), default=0.0)
    more = f"; {unseen} of them were not looked at" if unseen else ""
    return f"{_READ} {names}: {seen.format}{encoding}, {shape} (confidence {confidence:.2f}){more}"


def _paths(group: tuple[Found, ...], base: Path) -> str | list[str]:
    """Return one path, a glob that matches just these files, or a list."""
    paths = list(dict.fromkeys(item.file.path for item in group))
    if len(paths) == 1:
        return _relative(paths[0], base)
    folder, ending = paths[0].parent, "".join(paths[0].suffixes)
    if sorted(folder.glob(f"*{ending}")) == sorted(paths) and not glob.has_magic(str(folder)):
        return _relative(folder / f"*{ending}", base)
    return [_relative(path, base) for path in paths]


def _left_out(item: Found, base: Path, taken: set[str]) -> list[str]:
    lines = [f"{_LEFT_OUT} {item.file.name}: {item.problem}".replace("\n", " ")]
    if item.peek and item.peek.columns and not item.file.member:
        path = json.dumps(_relative(item.file.path, base), ensure_ascii=False)
        lines += [
            f"  # - name: {_quoted(_unique(_slug(item.file.path.name), taken))}",
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
