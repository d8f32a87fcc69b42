"""The pieces of work that a runner hands to workers: one function a kind, all of it in the arguments.

Each function reads what it needs from the store, writes what it makes there, and answers with something
small. It first looks whether its result is there already, so a build that was killed picks up at the very
shard, chunk of texts or tile of pairs where it stopped.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from threadpoolctl import threadpool_limits

from pipeline.apply import apply, count_reasons
from pipeline.change import EDIT
from pipeline.errors import PipelineError, SourceError, StageError
from pipeline.ingest import InputFile, SourceSpec, ingest_file, input_digest
from pipeline.models import Models
from pipeline.reading import columns_of
from pipeline.record import text_keys
from pipeline.stages import STAGES
from pipeline.stages.protocol import Measure, StageParams, Tile
from pipeline.store import Store, digest


@dataclass(frozen=True, slots=True)
class Site:
    """Where a worker stands: the store's folder, digests of the installed versions and of our code, threads."""

    store: str
    environment: str
    code: str
    threads: int

    def open(self) -> Store:
        """Return the store."""
        return Store(Path(self.store))

    def models(self) -> Models:
        """Return this process's models; each is loaded once."""
        return Models(threads=self.threads, memory=str(Path(self.store) / "texts"))


@dataclass(frozen=True, slots=True)
class ShardResult:
    """One shard after a step: keys of tables in the store ("" where there is nothing), and counts."""

    shard: str
    rows: int
    dropped: str
    ledger: str
    lost: int
    added: int
    reasons: dict[str, dict[str, int]]
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IngestItem:
    """One input file to read."""

    site: Site
    file: InputFile
    spec: SourceSpec
    digest: str
    key: str
    shard_rows: int


def ingest_work(item: IngestItem) -> dict[str, Any]:
    """Read one file into shards; return its report as JSON with the keys and rows of its shards."""
    store = item.site.open()
    known: Any = store.read_json("files", item.key)
    if known is not None and all(store.has_table("shards", shard) for shard, _ in known["shards"]):
        return known  # type: ignore[no-any-return]
    shards: list[list[str | int]] = []

    def write(table: pa.Table) -> None:
        key = digest(item.key, len(shards))
        store.write_table("shards", key, table)
        shards.append([key, table.num_rows])

    report = ingest_file(item.file, item.spec, item.shard_rows, write)
    if input_digest(item.file, item.spec) != item.digest:
        raise SourceError(f"{item.file.shown} was changed while it was read", "run the same command again")
    if report.units and not report.parsed:
        first = report.rejects[0]
        raise SourceError(
            f"{item.file.shown}: none of its {report.units} units can be read; the first, at line "
            f"{first.line}: {first.reason} ({first.detail})",
            "check the file's format, or leave it out of the source's path",
        )
    result = {**asdict(report), "shards": shards}
    store.write_json("files", item.key, result)
    return result


@dataclass(frozen=True, slots=True)
class EditItem:
    """One shard for one edit stage."""

    site: Site
    stage: str
    name: str
    params: StageParams
    step: str
    shard: str
    left: bool = False
    """The records were dropped before: they are edited, and neither kept nor dropped again."""
    survey: Any = None
    """What the stage learnt of the whole corpus before (`survey`), if it asks for that."""


def edit_work(item: EditItem) -> ShardResult:
    """Run an edit stage on one shard and carry out its changes."""
    store = item.site.open()
    surveyed = [item.survey] if item.survey is not None else []
    key = digest("edit", item.step, item.shard, *(["left"] if item.left else []), *surveyed)
    known = stored_result(store, key)
    if known is not None:
        return known
    shard = store.read_table("shards", item.shard)
    stage: Any = STAGES[item.stage].stage
    try:
        made = stage.edit(shard, item.params, item.site.models(), *surveyed)
    except PipelineError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
        raise _failed(item.name, item.shard, error) from error
    changes = made.table()
    if item.left:
        changes = changes.filter(pc.equal(changes["action"], EDIT))
    result = _apply(store, item.name, key, item.shard, shard, changes, _unset(stage, shard))
    result = replace(result, counts=dict(sorted(made.counts.items())))
    store.write_json("results", key, asdict(result))
    return result


def _unset(stage: Any, shard: pa.Table) -> pa.Table | None:
    """Return the columns that an edit stage decides of the records it adds, empty, where the shard lacks them."""
    declared: pa.Schema = getattr(stage, "columns", pa.schema([]))
    fresh = [each for each in declared if each.name not in shard.column_names]
    return pa.schema([pa.field("id", pa.string()), *fresh]).empty_table() if fresh else None


def stored_result(store: Store, key: str) -> ShardResult | None:
    """Return the result under this key, if it is there with all the tables that it names."""
    known: Any = store.read_json("results", key)
    if known is None:
        return None
    result = ShardResult(**known)
    return result if is_whole(store, result) else None


def is_whole(store: Store, result: ShardResult) -> bool:
    """Tell whether all the tables of a result are in the store."""
    shards = [key for key in (result.shard, result.dropped) if key]
    return all(store.has_table("shards", key) for key in shards) and (
        not result.ledger or store.has_table("ledgers", result.ledger)
    )


@dataclass(frozen=True, slots=True)
class ApplyItem:
    """One shard with what a judge stage decided on it."""

    site: Site
    name: str
    shard: str
    changes: pa.Table
    columns: pa.Table | None


def apply_work(item: ApplyItem) -> ShardResult:
    """Carry out a judge stage's changes on one shard."""
    store = item.site.open()
    decided = [item.changes] if item.columns is None else [item.changes, item.columns]
    key = digest(
        "apply",
        item.site.environment,
        item.site.code,
        item.name,
        item.shard,
        [content_digest(t) for t in decided],
    )
    known = stored_result(store, key)
    if known is not None:
        return known
    shard = store.read_table("shards", item.shard)
    result = _apply(store, item.name, key, item.shard, shard, item.changes, item.columns)
    store.write_json("results", key, asdict(result))
    return result


@dataclass(frozen=True, slots=True)
class KeysItem:
    """One shard whose text keys are wanted."""

    site: Site
    shard: str
    reads: tuple[str, ...]


def keys_work(item: KeysItem) -> str:
    """Write the text keys of a shard over some columns; return the table's key."""
    store = item.site.open()
    key = digest("keys", item.site.environment, item.shard, item.reads)
    if not store.has_table("keys", key):
        shard = columns_of(store, item.shard, item.reads)
        store.write_table("keys", key, pa.table({"text_key": text_keys(shard, item.reads)}))
    return key


@dataclass(frozen=True, slots=True)
class MeasureItem:
    """Some rows of a shard that a measure has not seen yet."""

    site: Site
    stage: str
    name: str
    measure: Measure
    measure_key: str
    fit: str
    shard: str
    rows: tuple[int, ...]
    keys: tuple[str, ...]


def measure_work(item: MeasureItem) -> int:
    """Measure some texts and write the numbers under their text keys; return how many texts."""
    store = item.site.open()
    kind = f"measures/{item.measure_key}"
    key = digest(item.keys)
    if not store.has_table(kind, key):
        shard = columns_of(store, item.shard, item.measure.reads)
        batch = shard.take(pa.array(item.rows, pa.int64()))
        fit = store.read_table("fits", item.fit) if item.fit else None
        stage: Any = STAGES[item.stage].stage
        try:
            numbers = stage.measure(item.measure, batch, fit, item.site.models())
        except PipelineError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            raise _failed(item.name, item.shard, error) from error
        if numbers.num_rows != len(item.keys):
            raise StageError(
                f"stage {item.name!r}: measure {item.measure.name!r} gave {numbers.num_rows} rows for "
                f"{len(item.keys)} texts"
            )
        store.write_table(kind, key, numbers.append_column("text_key", pa.array(item.keys)))
    return len(item.keys)


@dataclass(frozen=True, slots=True)
class SummariseItem:
    """One shard from which a measure learns."""

    site: Site
    stage: str
    measure: Measure
    shard: str


def summarise_work(item: SummariseItem) -> pa.Table:
    """Return what one shard teaches a measure."""
    shard = columns_of(item.site.open(), item.shard, item.measure.reads)
    stage: Any = STAGES[item.stage].stage
    summary: pa.Table = stage.summarise(item.measure, shard, item.site.models())
    return summary


@dataclass(frozen=True, slots=True)
class LinkItem:
    """One tile of pairs of vectors, which lie in a NumPy file."""

    site: Site
    stage: str
    params: StageParams
    measure: str
    vectors: str
    tile: Tile
    key: str


def link_work(item: LinkItem) -> str:
    """Propose the close pairs of one tile; return the key of the table that holds them."""
    store = item.site.open()
    key = digest(item.key, asdict(item.tile))
    if store.has_table("tiles", key):
        return key
    with store.reading(Path(item.vectors)):
        vectors = np.load(item.vectors, mmap_mode="r")
    stage: Any = STAGES[item.stage].stage
    with threadpool_limits(item.site.threads):  # workers that each took all cores would wait for each other
        store.write_table("tiles", key, stage.link(item.measure, vectors, item.tile, item.params))
    return key


@dataclass(frozen=True, slots=True)
class CompareItem:
    """Some proposed pairs with the texts of both sides, row by row."""

    site: Site
    stage: str
    params: StageParams
    kind: str
    left: pa.Table
    right: pa.Table
    scores: pa.Table
    keys: tuple[str, ...]


def compare_work(item: CompareItem) -> int:
    """Compare pairs of texts and write the numbers under their pair keys; return how many pairs."""
    store = item.site.open()
    key = digest(item.keys)
    if not store.has_table(item.kind, key):
        stage: Any = STAGES[item.stage].stage
        numbers = stage.compare(item.left, item.right, item.scores, item.params, item.site.models())
        store.write_table(item.kind, key, numbers.append_column("pair_key", pa.array(item.keys)))
    return len(item.keys)


def _apply(
    store: Store,
    name: str,
    key: str,
    shard_key: str,
    shard: pa.Table,
    changes: pa.Table,
    columns: pa.Table | None,
) -> ShardResult:
    applied = apply(shard, changes, name, columns)
    keys = {"kept": shard_key, "dropped": "", "ledger": ""}
    if applied.kept is not shard:
        keys["kept"] = digest(key, "kept")
        store.write_table("shards", keys["kept"], applied.kept)
    if applied.dropped.num_rows:
        keys["dropped"] = digest(key, "dropped")
        store.write_table("shards", keys["dropped"], applied.dropped)
    if applied.ledger.num_rows:
        keys["ledger"] = digest(key, "ledger")
        store.write_table("ledgers", keys["ledger"], applied.ledger)
    return ShardResult(
        shard=keys["kept"],
        rows=applied.kept.num_rows,
        dropped=keys["dropped"],
        ledger=keys["ledger"],
        lost=applied.dropped.num_rows,
        added=applied.added,
        reasons=count_reasons(applied.ledger),
    )


def content_digest(table: pa.Table) -> str:
    """Return a digest of a table's content, whatever its chunks."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table.combine_chunks())
    return xxhash.xxh3_128(sink.getvalue()).hexdigest()


def _failed(name: str, shard: str, error: Exception) -> StageError:
    return StageError(
        f"stage {name!r} failed on shard {shard}: {type(error).__name__}",
        "run again with --debug for the whole trace; this is a defect of the stage, please report it",
    )
