"""Which shapes the units of a file have, how surely, and what to write where none fits.

Shapes are tried on the first units, and what was recognised is reported with a confidence; a file that fits no
shape is an error that shows the map to write. Columns that no field takes go to the record's meta. Two general
shapes are held back, because a wrong guess is worse than a question: `transcript` needs its marks in half of the
units, `document` that no column is there which it does not know (a label beside a text is no document).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pipeline.errors import SourceError
from pipeline.ingest.columns import ABSENT, Names, Value, kind_of, plain_name, reach, short, shown
from pipeline.ingest.parts import LANG
from pipeline.ingest.shapes import SHAPES
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.turns import Unfit

_INSTRUCTIONS = {name for shape in SHAPES.values() for name in shape.required.get("instruction", ())}
_CODE = re.compile(r"[-+$€¥]?[\d.,]*\d%?|[!-~]*[\d/\\_@][!-~]*|")  # number, address, path, id
_LEAST_DISTINCT = 0.1  # of the texts of a column that is no label
_TO_META = "; to meta: "
_LEAST_SHARE = 0.5  # of the sampled units that must have what a shape requires


@dataclass(frozen=True, slots=True)
class Mapped:
    """One field and the column (or dotted path) it is read from."""

    field: str
    column: str
    required: bool


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How the units of one shape become fields.

    Args:
        shape: name of the shape, or `columns`.
        fields: what is read from where; a field that is no field of a record becomes a key of meta. Empty for a
            shape with a reader of its own.
        confidence: 0..1, share of the sampled units that fit, halved where another shape fits as
            well.
        reason: the same in words.
        others: the further shapes that units of the file have, the most frequent first.
        counts: shape: number of sampled units that go to it.
    """

    shape: str
    fields: tuple[Mapped, ...]
    confidence: float
    reason: str
    others: tuple[ColumnMap, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()

    def as_columns(self) -> dict[str, str]:
        """Return the map as a recipe's `columns:` would write it."""
        return {mapped.field: mapped.column for mapped in self.fields}


def columns_seen(sample: Sequence[Value]) -> tuple[str, ...]:
    """Return the names of all columns of the sampled units, in the order they first appear."""
    return tuple(dict.fromkeys(name for value in sample for name in value))


def resolve(spec: SourceSpec, sample: Sequence[Value], where: str) -> ColumnMap:
    """Return how the units of a file become fields, as declared or as detected.

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
        found = _fit_declared(spec.shape, sample, spec)
        if found is None:
            raise no_shape(spec, sample, where)
        return found
    detected = detect(sample, spec)
    if detected is None:
        raise no_shape(spec, sample, where)
    return detected


def detect(sample: Sequence[Value], spec: SourceSpec) -> ColumnMap | None:
    """Return the shapes of the sampled units, the most frequent one first, or None if under half fit any."""
    taken: list[ColumnMap] = []
    left = list(sample)
    usable: Counter[str] = Counter()
    for name, shape in SHAPES.items():
        if shape.read is None:
            continue
        outcomes = [(value, shape.read(value, spec)) for value in left]
        own = [outcome for _, outcome in outcomes if outcome is not None]
        if not own or (name == "transcript" and len(own) < _LEAST_SHARE * len(sample)):
            continue
        usable[name] = sum(not isinstance(outcome, Unfit) for outcome in own)
        first = next(value for value, outcome in outcomes if outcome is not None)
        taken.append(ColumnMap(name, (), len(own) / len(sample), shape.seen(first)))
        left = [value for value, outcome in outcomes if outcome is None]
    taken += _flat(left, len(sample), spec.lang)
    if sum(found.confidence for found in taken) < _LEAST_SHARE - 1e-9:
        return None

    def records(found: ColumnMap) -> float:
        return usable.get(found.shape, found.confidence * len(sample))

    best = max(taken, key=records)  # the first of equals
    others = sorted((found for found in taken if found is not best), key=lambda found: -records(found))
    counts = tuple((found.shape, round(found.confidence * len(sample))) for found in (best, *others))
    fitting = sum(usable.get(name, count) for name, count in counts)
    return _described(best, tuple(others), counts, fitting, sample, spec.lang)


def _described(
    best: ColumnMap,
    others: tuple[ColumnMap, ...],
    counts: tuple[tuple[str, int], ...],
    fitting: int,
    sample: Sequence[Value],
    lang: str,
) -> ColumnMap:
    reason, confidence = best.reason, fitting / len(sample)
    if not best.fields:
        reason = f"{counts[0][1]} of the first {len(sample)} units are {best.reason}"
        if fitting < sum(count for _, count in counts):
            reason += f", {fitting} of them whole"
    if others:
        reason += "; mixed with " + ", ".join(f"{name}: {count}" for name, count in counts[1:])
    elif best.fields and (rivals := _rivals(best, sample, lang)):
        head, mark, tail = reason.partition(_TO_META)
        reason = f"{head}; {' and '.join(rivals)} would fit as well: say `shape:` to be sure{mark}{tail}"
        confidence /= 2
    return replace(best, confidence=confidence, reason=reason, others=others, counts=counts)


def _flat(left: list[Value], of: int, lang: str) -> list[ColumnMap]:
    """Return the shapes made of columns that fit what is left, each with the share that goes to it."""
    taken: list[ColumnMap] = []
    while left:
        fits = [fit for name in SHAPES if (fit := fit_columns(name, left, lang)) is not None]
        if not fits:
            break
        best = max(fits, key=lambda fit: fit.confidence)
        rest = [value for value in left if not fits_unit(best, value)]
        if len(rest) == len(left):
            break
        reason = _in_words(best.fields, len(left) - len(rest), of, columns_seen(left))
        taken.append(replace(best, confidence=(len(left) - len(rest)) / of, reason=reason))
        left = [value for value in rest if not _is_broken(best, value)]
    return taken


def _rivals(best: ColumnMap, sample: Sequence[Value], lang: str) -> list[str]:
    fits = [fit for name in SHAPES if (fit := fit_columns(name, sample, lang)) is not None]
    share = sum(fits_unit(best, value) for value in sample) / len(sample)
    return [
        fit.shape
        for fit in fits
        if fit.confidence >= share > 0 and fit.shape != best.shape and _texts_of(fit) != _texts_of(best)
    ]


def _texts_of(columns: ColumnMap) -> set[tuple[str, str]]:
    return {(mapped.field, mapped.column) for mapped in columns.fields if mapped.required}


def fits_unit(columns: ColumnMap, value: Value) -> bool:
    """Return whether a unit has what a shape made of columns requires."""
    return all(m.column in value for m in columns.fields if m.required) and _is_alone(columns.shape, value)


def _is_broken(columns: ColumnMap, value: Value) -> bool:
    """Return whether a unit lacks just a part of a shape, so that it must not pass for a document."""
    return any(mapped.required and mapped.column in value for mapped in columns.fields)


def _is_alone(name: str, value: Value) -> bool:
    alone = SHAPES[name].alone if name in SHAPES else None
    if alone is None:
        return True
    known = {*alone, *SHAPES[name].required["output"]}
    return all(plain_name(column) in known for column in value)


def fit_columns(name: str, sample: Sequence[Value], lang: str) -> ColumnMap | None:
    """Return how a shape made of columns fits these units, or None where it has a reader or fits none."""
    found = _columns_of(name, sample, lang)
    if found is None:
        return None
    fitting = sum(fits_unit(found, value) for value in sample)
    if not fitting:
        return None
    return replace(found, confidence=fitting / len(sample))


def _columns_of(name: str, sample: Sequence[Value], lang: str) -> ColumnMap | None:
    shape = SHAPES[name]
    if shape.read is not None:
        return None
    counts = Counter(column for value in sample for column in value)
    fields: list[Mapped] = []
    for named, names in (*shape.required.items(), *shape.optional.items()):
        column = _column_for(names, counts)
        if column is not None:
            fields.append(Mapped(named, column, named in shape.required))
    if {mapped.field for mapped in fields if mapped.required} != shape.required.keys():
        return None
    fields = _titled(fields, shape.titled, counts)
    if not lang and (column := _column_for(LANG, counts)) is not None:
        fields.append(Mapped("lang", column, False))
    needed = [mapped.column for mapped in fields if mapped.required]
    fitting = sum(all(column in value for column in needed) for value in sample)
    reason = _in_words(fields, fitting, len(sample), list(counts))
    return ColumnMap(name, tuple(fields), fitting / len(sample), reason, counts=((name, fitting),))


def _titled(fields: list[Mapped], titled: tuple[Names, Names], counts: Counter[str]) -> list[Mapped]:
    """Return the fields with a question's title as instruction and its telling as input, where units have both."""
    title = _column_for(titled[0], counts)
    asked = next(mapped.column for mapped in fields if mapped.required)
    if title is None or plain_name(asked) not in titled[1] or any(m.field == "input" for m in fields):
        return fields
    if 2 * counts[title] < counts[asked]:
        return fields
    rest = [mapped for mapped in fields if mapped.column != asked]
    return [Mapped("instruction", title, True), Mapped("input", asked, False), *rest]


def _fit_declared(name: str, sample: Sequence[Value], spec: SourceSpec) -> ColumnMap | None:
    read = SHAPES[name].read
    if read is None:
        return _columns_of(name, sample, spec.lang)
    outcomes = [read(value, spec) for value in sample]
    own = sum(outcome is not None for outcome in outcomes)
    if not own:
        return None
    fitting = sum(outcome is not None and not isinstance(outcome, Unfit) for outcome in outcomes)
    reason = f"{own} of the first {len(sample)} units are {SHAPES[name].shown}"
    return ColumnMap(name, (), fitting / len(sample), reason, counts=((name, own),))


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
    to_meta = f"{_TO_META}{shown(rest)}" if rest else ""
    return f"{fitting} of the first {of} units have {needed}{to_meta}"


def _declared(spec: SourceSpec, columns: Mapping[str, str], sample: Sequence[Value], where: str) -> ColumnMap:
    seen = columns_seen(sample)
    plain = {plain_name(name): name for name in reversed(seen)}
    fields: list[Mapped] = []
    for named, column in columns.items():
        actual = column if column in seen else plain.get(plain_name(column))
        if actual is None and any(reach(value, column) is not ABSENT for value in sample):
            actual = column
        if actual is None:
            inner = [
                f"{column.split('.', 1)[0]}.{name}" for value in sample for name in _inside(value, column)
            ]
            close = get_close_matches(column, [*seen, *dict.fromkeys(inner)], n=1)
            raise SourceError(
                f"{where}: `columns:` of source {spec.name} reads {named} from a column {column!r},"
                f" which the first {len(sample)} units do not have; they have {shown(seen)}",
                f"did you mean {close[0]!r}?" if close else "name one of the columns above",
            )
        fields.append(Mapped(named, actual, named in ("instruction", "output")))
    return ColumnMap(
        "columns", tuple(fields), 1.0, "declared in the recipe", counts=(("columns", len(sample)),)
    )


def _inside(value: Value, path: str) -> Sequence[str]:
    held = value.get(path.split(".", 1)[0])
    return list(held) if isinstance(held, dict) else ()


def no_shape(spec: SourceSpec, sample: Sequence[Value], where: str) -> SourceError:
    """Return the error for a file that fits no shape, with a map made of its own columns."""
    wanted = "no known shape fits" if spec.shape == "auto" else f"shape {spec.shape} does not fit"
    kinds = {name: _kind_of(name, sample) for name in columns_seen(sample)}
    seen = shown([f"{short(name)} ({kind})" for name, kind in kinds.items()])
    known = "; ".join(f"{name}: {shape.shown}" for name, shape in SHAPES.items())
    message = (
        f"{where}: {wanted} its columns, which are {seen} over the first {len(sample)} units"
        f" (known shapes are {known})"
    )
    if "text" not in kinds.values():
        nested = any(kind in ("list", "object") for kind in kinds.values())
        how = (
            " or reach into them with dotted paths, such as `columns: {output: answers.0.text}`"
            if nested
            else ""
        )
        return SourceError(message, f"none of the columns holds text: convert the file first{how}")
    proposed = propose(sample)
    if any(short(name) != name for name in proposed.values()):
        return SourceError(message, "the first row of a table must name its columns: add one")
    example = ", ".join(f"{named}: {name}" for named, name in proposed.items())
    return SourceError(message, f"say which column holds what, for example `columns: {{{example}}}`")


def propose(sample: Sequence[Value]) -> dict[str, str]:
    """Return a map to start from for a file that fits no shape: its one or two longest texts.

    A column that some shape knows as an instruction is taken for one; ids, links, paths, codes, numbers that a
    table holds as text, labels that come again and again, and columns that some units lack are left out.
    """
    names = [name for name in columns_seen(sample) if _kind_of(name, sample) == "text"]
    names = [name for name in names if all(name in value for value in sample)] or names
    told = [name for name in names if not plain_name(name).endswith(("id", "url", "link"))] or names
    told = [name for name in told if not _holds_codes(name, sample)] or told
    told = [name for name in told if plain_name(name) in _INSTRUCTIONS or not _is_label(name, sample)] or told
    longest = sorted(told, key=lambda name: _total_length(name, sample), reverse=True)[:2]
    if len(longest) < 2:
        return {"output": longest[0]} if longest else {}
    asked = [name for name in told if plain_name(name) in _INSTRUCTIONS][:1]
    rest = [name for name in longest if name not in asked]
    first, second = (asked[0], rest[0]) if asked else sorted(longest, key=names.index)
    return {"instruction": first, "output": second}


def _holds_codes(name: str, sample: Sequence[Value]) -> bool:
    """Tell whether most texts of a column are a number, an address, a path or a code rather than words."""
    texts = [str(value.get(name) or "").strip() for value in sample]
    return sum(_CODE.fullmatch(text) is not None for text in texts) > len(texts) / 2


def _is_label(name: str, sample: Sequence[Value]) -> bool:
    """Tell whether a column holds a few texts over and over, as one for the kind or the origin of a row does."""
    return len({str(value.get(name) or "").strip() for value in sample}) < _LEAST_DISTINCT * len(sample)


def _total_length(name: str, sample: Sequence[Value]) -> int:
    return sum(len(str(value.get(name) or "")) for value in sample)


def _kind_of(name: str, sample: Sequence[Value]) -> str:
    kinds = Counter(kind_of(value[name]) for value in sample if name in value and value[name] is not None)
    return kinds.most_common(1)[0][0] if kinds else "empty"
