"""Writes the build folder out of the step results: the formats at the house's doors.

Everything is written into a temporary folder beside the target and moved into place when it is whole, so a
folder that stands there is one finished build, never half of two. Shards are streamed one by one, in the
order ingest wrote them, so memory does not grow with the corpus and the bytes depend on no order of work.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.apply import LEDGER_SCHEMA
from pipeline.card import dataset_card
from pipeline.errors import LineageError, StoreError
from pipeline.export import dataset_info, optional_keys, render_line
from pipeline.recipe import public_recipe
from pipeline.record import RECORD_SCHEMA, TEXT_COLUMNS
from pipeline.report import write_report
from pipeline.review_queue import write_queue
from pipeline.stages.review import ReviewParams
from pipeline.steps import Plan, StepResult, dropped_tables, file_key, identities, without_personal_data
from pipeline.store import Json, Store, digest, dump_json, file_sha256, storage_error
from pipeline.versions import installed_versions, page_versions

FORMAT_VERSION = 1
SPLITS = ("train", "validation", "test")


def build_key(plan: Plan, results: Sequence[StepResult]) -> str:
    """Return the digest of everything that the build folder depends on."""
    recipe = plan.recipe.model_dump(mode="json")
    return digest(
        FORMAT_VERSION, plan.environment, page_versions(), recipe, [result.key for result in results]
    )


def is_current(out: Path, key: str) -> bool:
    """Tell whether `out` already is this very build, every file of it unchanged."""
    manifest = read_manifest(out)
    if manifest is None or manifest.get("build_key") != key:
        return False
    outputs: dict[str, str] = manifest["outputs"]
    return all(
        (out / name).is_file() and file_sha256(out / name) == expected for name, expected in outputs.items()
    )


def read_manifest(out: Path) -> dict[str, Any] | None:
    """Return a build folder's manifest, or None where there is none to be read."""
    try:
        manifest = orjson.loads((out / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and "build_key" in manifest else None


def check_target(out: Path) -> None:
    """Make sure that a build may be written to `out`, before any work starts.

    Raises:
        StoreError: the folder holds something that is not a build, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise StoreError(f"{out} is not a folder", "choose another --out")
    if out.is_dir() and any(out.iterdir()) and read_manifest(out) is None:
        raise StoreError(
            f"{out} holds files that no build wrote; they would be lost",
            "choose another --out, or empty the folder first",
        )
    probe = out.parent / f".tmp-probe-{secrets.token_hex(4)}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise storage_error(out, error) from error
    if out.is_dir() and not os.access(out, os.W_OK | os.X_OK):
        raise StoreError(
            f"{out} cannot be written: permission denied",
            "choose another --out, or change the folder's permissions",
        )


def write_build(
    out: Path, plan: Plan, results: Sequence[StepResult], store: Store, run: Json
) -> dict[str, Any]:
    """Write the whole build folder; return its manifest.

    Raises:
        LineageError: the books do not balance from the first unit to the last export.
        StoreError: the folder cannot be written, or the disk is full.
    """
    temporary = out.parent / f".tmp-{out.name}-{secrets.token_hex(4)}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(out.parent):
            _sweep(out)
            temporary.mkdir()
            manifest = _write_all(temporary, plan, results, store)
            with (temporary / "run.json").open("w", encoding="utf-8") as stream:
                dump_json(run, stream)
            _sync(temporary)
            _swap(temporary, out)
    except OSError as error:
        raise storage_error(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return manifest


def sweep_leftovers(out: Path) -> None:
    """Remove what builds of this folder left behind when they were killed."""
    with _alone_in(out.parent):
        _sweep(out)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder, so that two builds neither write the same output nor sweep away each other's."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _sweep(out: Path) -> None:
    # Exactly our own names: `.tmp-a-*` would also match those of a running build of `a-2`.
    own = re.compile(rf"\.(tmp|old)-{re.escape(out.name)}-[0-9a-f]{{8}}")
    for path in out.parent.glob(f".old-{glob.escape(out.name)}-*"):
        if own.fullmatch(path.name) and not out.exists():
            path.rename(out)  # killed between the two renames: what people put there is only here
    for path in out.parent.glob(".[to][ml][pd]-*"):
        if own.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _write_all(folder: Path, plan: Plan, results: Sequence[StepResult], store: Store) -> dict[str, Any]:
    keys = _optional_keys(results, store)
    rows_of = _write_exports(folder, plan, results, store, keys)
    written = _write_records(folder / "records.parquet", results, store)
    ledger_rows = _write_ledger(folder / "ledger.parquet", results, store)
    _write_rejects(folder / "rejects.jsonl", plan, store)
    queued = _write_queue(folder, plan, results)
    counts = _counts(results, written, ledger_rows, rows_of, queued)
    manifest = _manifest(plan, results, counts)
    write_report(folder, manifest)
    (folder / "README.md").write_text(dataset_card(plan.recipe, manifest, keys), encoding="utf-8")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    manifest["outputs"] = {name: file_sha256(folder / name) for name in names}
    with (folder / "manifest.json").open("w", encoding="utf-8") as stream:
        dump_json(manifest, stream)
    return manifest


def _optional_keys(results: Sequence[StepResult], store: Store) -> set[str]:
    """Return which optional keys of exports any kept record has."""
    found: set[str] = set()
    for shard in results[-1].shards:
        found |= optional_keys(store.read_table("shards", shard.shard, ["system", "history", "meta"]))
    return found


def _write_exports(
    folder: Path, plan: Plan, results: Sequence[StepResult], store: Store, keys: set[str]
) -> dict[str, int]:
    """Write data/<format>/<split>.jsonl for every split with records; return how many each has."""
    splits = SPLITS if any(result.stage == "split" for result in results) else ("train",)
    counts = dict.fromkeys(splits, 0)
    with ExitStack() as stack:
        streams: dict[tuple[str, str], IO[bytes]] = {}
        for export in plan.recipe.exports:
            (folder / "data" / export.format).mkdir(parents=True)
            for split in splits:
                path = folder / "data" / export.format / f"{split}.jsonl"
                streams[export.format, split] = stack.enter_context(path.open("wb"))
        for shard in results[-1].shards:
            table = _in_order(store.read_table("shards", shard.shard))
            weights = ["weight"] if any(export.weights for export in plan.recipe.exports) else []
            rows = table.select([*TEXT_COLUMNS, "meta", *weights]).to_pylist()
            names = table["split"].to_pylist() if "split" in table.column_names else ["train"] * len(rows)
            for row, split in zip(rows, names, strict=True):
                counts[split] += 1
                for export in plan.recipe.exports:
                    streams[export.format, split].write(render_line(row, export, keys))
    for export in plan.recipe.exports:
        for split in (name for name, rows in counts.items() if not rows):
            (folder / "data" / export.format / f"{split}.jsonl").unlink()  # loaders refuse an empty file
    filled = [name for name, rows in counts.items() if rows]
    info = dataset_info(plan.recipe.name, plan.recipe.exports, filled, keys)
    (folder / "data" / "dataset_info.json").write_text(info, encoding="ascii")
    return counts


def _write_records(path: Path, results: Sequence[StepResult], store: Store) -> int:
    """Write every record that ever was, in the order it was read; return how many."""
    schema = _records_schema(results, store)
    written = 0
    lost: dict[int, list[str]] = {}
    for number, key in dropped_tables(results):
        lost.setdefault(number, []).append(key)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for number, last in enumerate(results[-1].shards):
            tables = [_finished(store.read_table("shards", last.shard), "kept", schema)]
            for key in lost.get(number, ()):
                tables.append(_finished(store.read_table("shards", key), "dropped", schema))
            table = _in_order(pa.concat_tables(tables))
            writer.write_table(table.combine_chunks())
            written += table.num_rows
    return written


def _in_order(shard: pa.Table) -> pa.Table:
    """Return the records of a shard in the order they were read, children beside their parents."""
    order = [(name, "ascending") for name in ("file", "line", "root", "id")]
    return shard.take(pc.sort_indices(shard, sort_keys=order))


def _records_schema(results: Sequence[StepResult], store: Store) -> pa.Schema:
    """Return the columns of records.parquet: the record, its status, and what the stages decided."""
    keys = dict.fromkeys(
        key for result in results for shard in result.shards for key in (shard.shard, shard.dropped) if key
    )
    own = {*RECORD_SCHEMA.names, "split", "dropped_by", "drop_reason"}
    decided: dict[str, pa.Field] = {}
    for key in keys:
        for field in store.metadata("shards", key).schema.to_arrow_schema():
            if field.name not in own:
                decided.setdefault(field.name, pa.field(field.name, field.type))
    status = [pa.field(name, pa.string()) for name in ("status", "split", "dropped_by", "drop_reason")]
    return pa.schema([*RECORD_SCHEMA, *status, *(decided[name] for name in sorted(decided))])


def _finished(table: pa.Table, status: str, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        if field.name == "status":
            columns.append(pa.array([status] * table.num_rows, pa.string()))
        elif field.name in table.column_names:
            columns.append(table.column(field.name).cast(field.type))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _write_ledger(path: Path, results: Sequence[StepResult], store: Store) -> int:
    written = 0
    with pq.ParquetWriter(path, LEDGER_SCHEMA, compression="zstd") as writer:
        for result in results:
            for shard in (*result.shards, *result.left.values()):
                if shard.ledger:
                    table = store.read_table("ledgers", shard.ledger)
                    writer.write_table(table)
                    written += table.num_rows
    return written


def _write_rejects(path: Path, plan: Plan, store: Store) -> None:
    with path.open("wb") as stream:
        rejects = list(_rejects(plan, store))
        details = without_personal_data([reject["detail"] for reject in rejects], plan.steps)
        for reject, detail in zip(rejects, details, strict=True):
            line = {**reject, "detail": detail}
            stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _rejects(plan: Plan, store: Store) -> Iterator[dict[str, Any]]:
    for item in plan.inputs:
        report: Any = store.read_json("files", file_key(item, plan))
        if report is None:
            raise StoreError(f"the store lost the report of {item.file.shown}", "build again")
        yield from report["rejects"]


def _write_queue(folder: Path, plan: Plan, results: Sequence[StepResult]) -> int:
    """Write what people should look at, as the recipe's review stage says, or by its defaults if there is none."""
    stages = (step.params for step in plan.steps)
    params = next((each for each in stages if isinstance(each, ReviewParams)), ReviewParams())
    thresholds = [(result.step, limit) for result in results for limit in result.thresholds]
    return write_queue(folder, thresholds, params.sample, params.nearest, plan.recipe.seed)


def _counts(
    results: Sequence[StepResult],
    written: int,
    ledger_rows: int,
    rows_of: dict[str, int],
    queued: int,
) -> dict[str, Any]:
    """Return the counts of the whole build, after checking that they balance."""
    files = results[0].notes["files"]
    units, parsed, records = (sum(file[name] for file in files) for name in ("units", "parsed", "records"))
    added = sum(shard.added for result in results for shard in result.shards)
    dropped = sum(result.lost for result in results)
    kept = results[-1].rows
    if records + added != kept + dropped or written != kept + dropped or sum(rows_of.values()) != kept:
        raise LineageError(
            f"the books do not balance: {records} records read and {added} added, {kept} kept, "
            f"{dropped} dropped, {written} written, {sum(rows_of.values())} exported",
            "this is a defect of the pipeline: please report it with the recipe",
        )
    return {
        "units": units,
        "rejected": units - parsed,
        "records": records,
        "added": added,
        "kept": kept,
        "dropped": dropped,
        "splits": rows_of,
        "ledger_rows": ledger_rows,
        "review_queue": queued,
    }


def _manifest(plan: Plan, results: Sequence[StepResult], counts: dict[str, Any]) -> dict[str, Any]:
    used = dict.fromkeys(identity for step in plan.steps for identity in identities(step))
    return {
        "format_version": FORMAT_VERSION,
        "build_key": build_key(plan, results),
        "name": plan.recipe.name,
        "seed": plan.recipe.seed,
        "counts": counts,
        "stages": [
            {
                "name": result.step,
                "stage": result.stage,
                "records_in": result.records_in,
                "records_out": result.rows,
                "dropped": result.lost,
                "added": sum(shard.added for shard in result.shards),
                "reasons": result.reasons(),
                "notes": {k: v for k, v in result.notes.items() if k != "files"},
                "fits": result.fits,
            }
            for result in results
        ],
        "thresholds": [{"stage": r.step, **asdict(one)} for r in results for one in r.thresholds],
        "gates": [{"stage": r.step, **asdict(one), "held": one.held} for r in results for one in r.gates],
        "inputs": [
            {**report, "digest": item.digest}
            for item, report in zip(plan.inputs, results[0].notes["files"], strict=True)
        ],
        "models": [asdict(identity) for identity in used],
        "versions": {**installed_versions(), **page_versions()},
        "recipe": public_recipe(plan.recipe),
    }


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def _swap(new: Path, target: Path) -> None:
    """Put `new` where `target` stands; a kill in between leaves the old folder aside, never a mixture."""
    if not target.exists():
        new.rename(target)
        return
    if not any(target.iterdir()):
        target.rmdir()
        new.rename(target)
        return
    _carry_over(target, new)
    aside = target.parent / f".old-{target.name}-{secrets.token_hex(4)}"
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _carry_over(old: Path, new: Path) -> None:
    """Copy what people put into the build folder (decisions, notes) into the one that replaces it."""
    manifest = read_manifest(old) or {"outputs": {}}
    ours = {*manifest["outputs"], "manifest.json", "run.json"}
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old).as_posix()
        if path.is_file() and name not in ours and not (new / name).exists():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, new / name)
