"""Shapes: which columns of a file hold which field of a record.

A shape is recognised by its column names over the first units of a file, and what was recognised is
reported with a confidence; a file that fits no shape is an error that shows the map to write.
Columns that no field takes go to the record's meta. Rejected: guessing by the texts (the longer
column is the answer), which is right often enough to be trusted and wrong in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec

Value: TypeAlias = dict[str, object]
Names: TypeAlias = tuple[str, ...]

_SYSTEM: Names = ("system", "system_prompt", "系统", "系统提示")
_CONTEXT: Names = ("context", "passage", "背景", "上下文")
_QUESTION: Names = ("question", "q", "query", "ask", "问题", "提问", "问句", "问", "title", "标题")
_ANSWER: Names = (
    "answer", "a", "response", "reply", "std_answer", "standard_answer", "reference_answer",
    "best_answer", "答案", "回答", "标准答案", "参考答案", "答复", "回复", "答",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Column names (lower case, best first) for each field that a unit must have, and may have."""

    required: Mapping[str, Names]
    optional: Mapping[str, Names]


SHAPES: dict[str, Shape] = {
    "alpaca": Shape(
        {"instruction": ("instruction", "指令", "指示"), "output": ("output", "输出")},
        {"input": ("input", "输入"), "system": _SYSTEM},
    ),
    "dolly": Shape(
        {"instruction": ("instruction", "指令", "指示"), "output": ("response", "回复", "回答")},
        {"input": ("context", "input", "输入", "上下文"), "system": _SYSTEM},
    ),
    "prompt_completion": Shape(
        {
            "instruction": ("prompt", "提示", "提示词"),
            "output": ("completion", "response", "output", "answer", "generation"),
        },
        {"system": _SYSTEM},
    ),
    "question_answer": Shape(
        {"instruction": _QUESTION, "output": _ANSWER}, {"input": _CONTEXT, "system": _SYSTEM}
    ),
}
"""Every shape that is recognised, in the order of preference where two fit equally."""

_INSTRUCTIONS = {name for shape in SHAPES.values() for name in shape.required["instruction"]}
_LANG: Names = ("lang",)
_LEAST_SHARE = 0.5  # of the sampled units that must have what a shape requires
_SHOWN = 20
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Mapped:
    """One field and the column it is read from."""

    field: str
    column: str
    required: bool


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How the columns of one file become fields.

    Args:
        shape: name of the shape, or `columns`.
        fields: what is read from where; a field that is no field of a record becomes a key of meta.
        confidence: 0..1, share of the sampled units that fit, halved where another shape fits as
        well.
        reason: the same in words.
    """

    shape: str
    fields: tuple[Mapped, ...]
    confidence: float
    reason: str

    def as_columns(self) -> dict[str, str]:
        """Return the map as a recipe's `columns:` would write it."""
        return {mapped.field: mapped.column for mapped in self.fields}


def plain_name(name: str) -> str:
    """Return a column's name as shapes compare it: lower case, with _ for spaces and hyphens."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def columns_seen(sample: Sequence[Value]) -> tuple[str, ...]:
    """Return the names of all columns of the sampled units, in the order they first appear."""
    return tuple(dict.fromkeys(name for value in sample for name in value))


def resolve(spec: SourceSpec, sample: Sequence[Value], where: str) -> ColumnMap:
    """Return how the columns of a file become fields, as declared or as detected.

    Args:
        spec: the source.
        sample: the first units of the file, at least one.
        where: the file, for messages.

    Raises:
        SourceError: no shape fits, or the declared one does not.
    """
    if spec.columns is not None:
        return _declared(spec, spec.columns, sample, where)
    if spec.shape != "auto":
        found = _fit(spec.shape, sample, spec.lang)
        if found is None:
            raise no_shape(spec, sample, where)
        return found
    detected = detect(sample, spec.lang)
    if detected is None:
        raise no_shape(spec, sample, where)
    return detected


def detect(sample: Sequence[Value], lang: str = "") -> ColumnMap | None:
    """Return the shape that most of the sampled units fit, or None if none fits at least half.

    Args:
        sample: the first units of a file.
        lang: declared language; where it is "", a column named lang is taken for it.
    """
    fits = [fit for name in SHAPES if (fit := _fit(name, sample, lang)) is not None]
    fits = [fit for fit in fits if fit.confidence >= _LEAST_SHARE]
    if not fits:
        return None
    best = max(fits, key=lambda fit: fit.confidence)  # the first of equals
    rivals = [
        fit.shape
        for fit in fits
        if fit is not best and fit.confidence == best.confidence and _texts_of(fit) != _texts_of(best)
    ]
    if not rivals:
        return best
    reason = f"{best.reason}; {' and '.join(rivals)} would fit as well: say `shape:` to be sure"
    return ColumnMap(best.shape, best.fields, best.confidence / 2, reason)


def _texts_of(columns: ColumnMap) -> set[tuple[str, str]]:
    return {(mapped.field, mapped.column) for mapped in columns.fields if mapped.required}


def _fit(name: str, sample: Sequence[Value], lang: str) -> ColumnMap | None:
    shape = SHAPES[name]
    counts = Counter(column for value in sample for column in value)
    fields: list[Mapped] = []
    for field, names in (*shape.required.items(), *shape.optional.items()):
        column = _column_for(names, counts)
        if column is not None:
            fields.append(Mapped(field, column, field in shape.required))
    if {mapped.field for mapped in fields if mapped.required} != shape.required.keys():
        return None
    if not lang and (column := _column_for(_LANG, counts)) is not None:
        fields.append(Mapped("lang", column, False))
    needed = [mapped.column for mapped in fields if mapped.required]
    fitting = sum(all(column in value for column in needed) for value in sample)
    reason = _in_words(fields, fitting, len(sample), list(counts))
    return ColumnMap(name, tuple(fields), fitting / len(sample), reason)


def _column_for(names: Names, counts: Counter[str]) -> str | None:
    """Return the most frequent column that goes by the best of these names that occurs."""
    for name in names:
        columns = [column for column in counts if plain_name(column) == name]
        if columns:
            return max(columns, key=lambda column: counts[column])
    return None


def _in_words(fields: Sequence[Mapped], fitting: int, of: int, columns: Sequence[str]) -> str:
    needed = " and ".join(mapped.column for mapped in fields if mapped.required)
    taken = {mapped.column for mapped in fields}
    rest = [column for column in columns if column not in taken]
    to_meta = f"; to meta: {_shown(rest)}" if rest else ""
    return f"{fitting} of the first {of} units have {needed}{to_meta}"


def _declared(spec: SourceSpec, columns: Mapping[str, str], sample: Sequence[Value], where: str) -> ColumnMap:
    seen = columns_seen(sample)
    plain = {plain_name(name): name for name in reversed(seen)}
    fields: list[Mapped] = []
    for field, column in columns.items():
        actual = column if column in seen else plain.get(plain_name(column))
        if actual is None:
            close = get_close_matches(column, seen, n=1)
            raise SourceError(
                f"{where}: `columns:` of source {spec.name} reads {field} from a column {column!r},"
                f" which the first {len(sample)} units do not have; they have {_shown(seen)}",
                f"did you mean {close[0]!r}?" if close else "name one of the columns above",
            )
        fields.append(Mapped(field, actual, field in ("instruction", "output")))
    return ColumnMap("columns", tuple(fields), 1.0, "declared in the recipe")


def no_shape(spec: SourceSpec, sample: Sequence[Value], where: str) -> SourceError:
    """Return the error for a file that fits no shape, with a map made of its own columns."""
    wanted = "no known shape fits" if spec.shape == "auto" else f"shape {spec.shape} does not fit"
    kinds = {name: _kind_of(name, sample) for name in columns_seen(sample)}
    seen = _shown([f"{_short(name)} ({kind})" for name, kind in kinds.items()])
    known = "; ".join(
        f"{name}: {' + '.join(names[0] for names in shape.required.values())}"
        for name, shape in SHAPES.items()
    )
    texts = [name for name, kind in kinds.items() if kind == "text"]
    message = (
        f"{where}: {wanted} its columns, which are {seen} over the first {len(sample)} units"
        f" (known shapes are {known})"
    )
    if not texts:
        return SourceError(message, "none of the columns holds text: convert the file first")
    proposed = propose(sample)
    if any(_short(name) != name for name in proposed.values()):
        return SourceError(message, "the first row of a table must name its columns: add one")
    example = ", ".join(f"{field}: {name}" for field, name in proposed.items())
    return SourceError(message, f"say which column holds what, for example `columns: {{{example}}}`")


def propose(sample: Sequence[Value]) -> dict[str, str]:
    """Return a map to start from for a file that fits no shape: its one or two longest texts.

    A column that some shape knows as an instruction is taken for one; ids and links are left out.
    """
    names = [name for name in columns_seen(sample) if _kind_of(name, sample) == "text"]
    told = [name for name in names if not plain_name(name).endswith(("id", "url", "link"))] or names
    longest = sorted(told, key=lambda name: _total_length(name, sample), reverse=True)[:2]
    if len(longest) < 2:
        return {"output": longest[0]} if longest else {}
    asked = [name for name in told if plain_name(name) in _INSTRUCTIONS][:1]
    rest = [name for name in longest if name not in asked]
    first, second = (asked[0], rest[0]) if asked else sorted(longest, key=names.index)
    return {"instruction": first, "output": second}


def _total_length(name: str, sample: Sequence[Value]) -> int:
    return sum(len(str(value.get(name) or "")) for value in sample)


def _kind_of(name: str, sample: Sequence[Value]) -> str:
    kinds = Counter(kind_of(value[name]) for value in sample if name in value and value[name] is not None)
    return kinds.most_common(1)[0][0] if kinds else "empty"


def kind_of(value: object) -> str:
    """Return what a value is, in one word: text, number, list, object or bytes."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, bytes)):
        return "list" if isinstance(value, list) else "bytes"
    return "object" if isinstance(value, dict) else "number"


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(_short, names[:_SHOWN])) + more


def _short(name: str) -> str:
    """Return a column's name, unless it is so long that it must be text (no header)."""
    return name if len(name) <= _LONGEST_NAME else f"<{len(name)} characters>"
