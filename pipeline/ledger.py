"""Reads a finished build back: the life of one record, and what differs between two builds.

Both work from the build folder alone, through its documented files, so they answer the same on another
machine and after the store is gone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.change import ADD
from pipeline.errors import RecipeError, StoreError
from pipeline.record import TEXT_COLUMNS, record_key


@dataclass(frozen=True, slots=True)
class Life:
    """One record of a build: its final fields, the ledger rows about it in the order they happened, and,
    if it was dropped as a duplicate, the record that was kept for it; of a child, the record it was made from."""

    record: dict[str, Any]
    events: list[dict[str, Any]]
    kept: dict[str, Any] | None = None
    parent: dict[str, Any] | None = None


def open_build(folder: Path) -> dict[str, Any]:
    """Return the manifest of a build folder.

    Raises:
        RecipeError: the folder is not a finished build.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"{folder} is not a finished build: it holds no readable manifest.json",
            "name the folder of a build with --build, e.g. builds/sample",
        ) from error
    if not isinstance(manifest, dict) or "stages" not in manifest:
        raise RecipeError(f"{folder}/manifest.json is not the manifest of a build")
    return manifest


def life_of(folder: Path, wanted: str) -> Life:
    """Return the life of one record.

    Args:
        folder: a build.
        wanted: an id, the unambiguous beginning of one, or `data/<format>/<split>.jsonl:N`, the N-th
            line of an export.

    Raises:
        RecipeError: no record, or more than one, is meant.
    """
    open_build(folder)
    record = _by_line(folder, wanted) if ".jsonl:" in wanted else _by_id(folder, wanted)
    ledger = _table(folder / "ledger.parquet", filters=pc.field("id") == record["id"])
    events = [{**row, "evidence": json.loads(row["evidence"])} for row in ledger.to_pylist()]
    last = next((row for row in reversed(events) if row["after_key"]), None)
    if last is not None and last["after_key"] != record_key(record):
        raise StoreError(
            f"{folder}: the text of record {record['id']} is not the one its ledger ends with",
            "the build's files were changed after it was written; build again",
        )
    named = next((row["evidence"]["kept"] for row in events if "kept" in row["evidence"]), None)
    made = any(row["action"] == ADD for row in events)
    parent = _by_id(folder, record["root"]) if made else None
    return Life(record, events, _by_id(folder, named) if named else None, parent)


def _by_id(folder: Path, wanted: str) -> dict[str, Any]:
    match = pc.starts_with(pc.field("id"), wanted)
    found = _table(folder / "records.parquet", filters=match)
    if found.num_rows == 1:
        return dict(found.to_pylist()[0])
    if found.num_rows:
        ids = found["id"].to_pylist()
        if wanted in ids:
            return dict(found.filter(pc.equal(found["id"], wanted)).to_pylist()[0])
        raise RecipeError(f"{found.num_rows} ids begin with {wanted}: {', '.join(ids[:5])} …")
    raise RecipeError(
        f"{folder} holds no record with the id {wanted}",
        "ids stand in records.parquet; a line of an export is named like data/alpaca/train.jsonl:17",
    )


def _by_line(folder: Path, wanted: str) -> dict[str, Any]:
    name, _, number = wanted.rpartition(":")
    split = Path(name).stem
    if not number.isdigit() or int(number) < 1:
        raise RecipeError(f"{wanted}: after the colon stands the number of a line, from 1")
    formats = [export["format"] for export in open_build(folder)["recipe"]["exports"]]
    if Path(name).parent.name not in ("", *formats):
        raise RecipeError(
            f"the build has no export {Path(name).parent.name!r}", f"it has: {', '.join(formats)}"
        )
    schema = pq.read_schema(folder / "records.parquet")
    kept = pc.field("status") == "kept"
    known = set(_splits(folder))
    if split not in known:
        raise RecipeError(f"the build has no split {split!r}", f"it has: {', '.join(sorted(known))}")
    table = _table(folder / "records.parquet", filters=kept, columns=["id", "split"])
    if "split" in schema.names and known != {"train"}:
        table = table.filter(pc.equal(table["split"], split))
    if int(number) > table.num_rows:
        raise RecipeError(f"{name} has {table.num_rows} lines, there is no line {number}")
    return _by_id(folder, table["id"][int(number) - 1].as_py())


def _splits(folder: Path) -> dict[str, int]:
    splits: dict[str, int] = open_build(folder)["counts"]["splits"]
    return splits


def _table(path: Path, filters: Any = None, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, filters=filters, columns=columns, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"{path} is missing or damaged", "build again") from error


_TOLD = {
    *TEXT_COLUMNS, "id", "root", "source", "file", "line", "status", "split", "flags", "dropped_by", "drop_reason",
    "tags", "meta", "lang",
}  # fmt: skip


def describe(life: Life) -> Iterator[str]:
    """Yield the lines that tell one record's life to a person."""
    record = life.record
    yield f"record  {record['id']}" + (
        f"  (child of {record['root']})" if record["root"] != record["id"] else ""
    )
    yield f"from    {record['source']}: {record['file']}:{record['line']}"
    for number, event in enumerate(life.events, start=1):
        evidence = ", ".join(f"{k} {_shown(v)}" for k, v in event["evidence"].items())
        yield f"{number:>4}.   {event['stage']}: {event['action']} {event['reason']}"
        if evidence:
            yield f"        because {evidence}"
        if passage := _passage(record, event):
            yield f"        there   {passage}"
    if not life.events:
        yield "        no stage changed it"
    if record["status"] == "kept":
        split = f", split {record['split']}" if record.get("split") else ""
        yield f"now     kept{split}"
    else:
        yield f"now     dropped by {record['dropped_by']}: {record['drop_reason']}"
    facts = {key: value for key, value in record.items() if key not in _TOLD and value}
    if facts.get("cluster") == record["id"]:
        del facts["cluster"]
    if facts:
        yield "facts   " + ", ".join(f"{key} {_shown(value)}" for key, value in sorted(facts.items()))
    yield from _texts(record)
    if life.parent is not None:
        yield f"parent  {life.parent['id']}; its own life: python -m pipeline explain {life.parent['id']}"
        yield from _texts(life.parent)
    if life.kept is not None:
        other = life.kept
        later = "" if other["status"] == "kept" else f" (later dropped by {other['dropped_by']})"
        yield f"kept    {other['id']}, from {other['source']}: {other['file']}:{other['line']}{later}"
        yield from _texts(other)


def _passage(record: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the passage that an event names by its place; "" if it names none, a remark if the text changed since."""
    told = event["evidence"]
    text = record.get(told.get("field", ""))
    if not isinstance(text, str) or not {"start", "stop"} <= set(told):
        return ""
    if event["before_key"] != record_key(record):
        return "the text was edited later, the passage is no longer where it was"
    return json.dumps(text[told["start"] : told["stop"]], ensure_ascii=False)


def _texts(record: Mapping[str, Any]) -> Iterator[str]:
    for name in TEXT_COLUMNS:
        value = record[name]
        if value:
            yield f"{name}:"
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield from (f"    {line}" for line in text.split("\n"))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)


def differences(left: Path, right: Path) -> Iterator[str]:
    """Yield what differs between two builds: what went in, what was asked for, and what came of it."""
    a, b = open_build(left), open_build(right)
    yield from _section("recipe", dict(_flat(_named(a["recipe"]))), dict(_flat(_named(b["recipe"]))))
    yield from _section("inputs", _inputs(a), _inputs(b))
    yield from _section("fits", _fits(a), _fits(b))
    yield from _section("models", _models(a), _models(b))
    yield from _section("versions", a["versions"], b["versions"])
    yield from _section("counts", _reason_counts(a), _reason_counts(b))
    yield from _moved_records(left, right)


def _section(title: str, a: Mapping[str, object], b: Mapping[str, object]) -> Iterator[str]:
    changed = [key for key in [*a, *(k for k in b if k not in a)] if a.get(key) != b.get(key)]
    if changed:
        yield f"{title}"
    for key in changed:
        yield f"  {key}: {_side(a, key)} → {_side(b, key)}"


def _side(values: Mapping[str, object], key: str) -> str:
    return _shown(values[key]) if key in values else "(absent)"


def _named(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe with its lists keyed by name, so that a moved stage is not a changed one."""
    stages = {stage.get("name") or stage["stage"]: stage for stage in recipe["stages"]}
    return {
        **recipe,
        "sources": {source["name"]: source for source in recipe["sources"]},
        "stages": stages,
        "stage order": " ".join(stages),
        "exports": {export["format"]: export for export in recipe["exports"]},
    }


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _inputs(manifest: dict[str, Any]) -> dict[str, object]:
    return {
        f"{item['source']}/{item['file']}": f"{item['units']} units, {item['digest'][:12]}"
        for item in manifest["inputs"]
    }


def _fits(manifest: dict[str, Any]) -> dict[str, object]:
    return {
        f"{stage['name']}.{name}": key for stage in manifest["stages"] for name, key in stage["fits"].items()
    }


def _models(manifest: dict[str, Any]) -> dict[str, object]:
    return {model["name"]: f"{model['revision']} {model['sha256'][:12]}" for model in manifest["models"]}


def _reason_counts(manifest: dict[str, Any]) -> dict[str, object]:
    counts: dict[str, object] = {
        name: manifest["counts"][name] for name in ("units", "rejected", "records", "kept", "dropped")
    }
    counts |= {f"split {name}": rows for name, rows in manifest["counts"]["splits"].items()}
    for stage in manifest["stages"]:
        for action, reasons in stage["reasons"].items():
            for reason, count in reasons.items():
                counts[f"{stage['name']}: {action} {reason}"] = count
    return counts


def _moved_records(left: Path, right: Path) -> Iterator[str]:
    a, b = _fates(left), _fates(right)
    moves = Counter(
        (a.get(id_, "not there"), b.get(id_, "not there"))
        for id_ in a.keys() | b.keys()
        if a.get(id_) != b.get(id_)
    )
    if moves:
        yield "records"
    for (before, after), count in sorted(moves.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {count:,}: {before} → {after}"
    edited = sum(1 for id_ in a.keys() & b.keys() if a[id_] == b[id_]) - _same_texts(left, right, a, b)
    if edited:
        yield f"  {edited:,}: same fate, other text"


def _fates(folder: Path) -> dict[str, str]:
    names = ["id", "status", "split", "drop_reason"]
    table = _table(folder / "records.parquet", columns=names)
    columns = (table[name].to_pylist() for name in names)
    return {
        id_: f"kept in {split or 'train'}" if status == "kept" else f"dropped by {reason}"
        for id_, status, split, reason in zip(*columns, strict=True)
    }


def _same_texts(left: Path, right: Path, a: Mapping[str, str], b: Mapping[str, str]) -> int:
    texts = []
    for folder in (left, right):
        table = _table(folder / "records.parquet", columns=["id", *TEXT_COLUMNS])
        texts.append({row["id"]: record_key(row) for row in table.to_pylist()})
    shared = (id_ for id_ in a.keys() & b.keys() if a[id_] == b[id_])
    return sum(1 for id_ in shared if texts[0][id_] == texts[1][id_])
