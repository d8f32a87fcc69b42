"""Runs a judge stage: measure, link, compare, decide, apply.

Each part is cached under what it depends on and nothing else: a measure by text, model and fit; proposed
pairs by the set of vectors; a comparison by the texts of both records. Only the decision reads thresholds, so
moving one reruns the decision alone. `decide` is called once, in this process, on small columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.pairs import expand, tiles
from pipeline.record import TEXT_COLUMNS, text_keys
from pipeline.runners import Runner
from pipeline.stages.protocol import Decision, Measure, StageParams
from pipeline.store import Store, digest, replacing
from pipeline.work import (
    CompareItem,
    KeysItem,
    LinkItem,
    MeasureItem,
    Site,
    SummariseItem,
    compare_work,
    content_digest,
    keys_work,
    link_work,
    measure_work,
    summarise_work,
)

PLAIN_CHUNK = 16_384
MODEL_CHUNK = 2_048
PAIR_CHUNK = 2_048
TILE_ROWS = 4_096

BANDS = "bands"
PROPOSING = frozenset(("vector", BANDS))
"""Columns of a measure that propose pairs; see `PairingStage`."""

Tick = Callable[[int], None]
"""Called with how many records, texts or pairs were just finished."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """What one measure knows of the distinct texts that are present, and proposes pairs by.

    Args:
        key: digest of the measure and the texts; the key of the vectors' file.
        rows: how many texts.
        bands: their numbers, sorted by text key; None where they have vectors, which lie in a file.
    """

    key: str
    rows: int
    bands: pa.Table | None


@dataclass(frozen=True, slots=True)
class Judging:
    """One judge stage over one corpus.

    Args:
        stage: the stage object; params: its parameters; name: its instance name.
        stage_key: its name in the registry.
        shards: store keys of the shards it sees.
        fits: measure name -> key of the fit it uses.
        phase: called with a sentence and a total when a part begins; returns the tick for it.
        used: takes the store folders and files that the decision rests on, for `gc`.
        prior_ids: the records that a prior build kept, if the recipe names one.
    """

    site: Site
    store: Store
    runner: Runner
    stage: Any
    stage_key: str
    name: str
    params: StageParams
    shards: tuple[str, ...]
    fits: dict[str, str]
    phase: Callable[[str, int], Tick]
    used: list[str]
    prior_ids: pa.Array | None = None

    def decide(self, **extra: Any) -> Decision:
        """Measure what is not known yet, find and compare pairs if the stage wants any, and decide."""
        facts, distinct = self._facts()
        pairs = self._pairs(facts, distinct) if distinct else None
        decision: Decision = self.stage.decide(facts, pairs, self.params, **extra)
        return decision

    def _facts(self) -> tuple[pa.Table, dict[str, Distinct]]:
        """Return `id`, the context columns and all numbers; and by measure, what proposes pairs."""
        context = ("id", *self.stage.context(self.params))
        tables = [self._known_columns(shard, context) for shard in self.shards]
        facts = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        if self.prior_ids is not None and "in_prior" in context:
            facts = facts.append_column("in_prior", pc.is_in(facts.column("id"), value_set=self.prior_ids))
        distinct: dict[str, Distinct] = {}
        for measure in self.stage.measures(self.params):
            keys = self._text_keys(measure)
            measure_key = self._measure_key(measure)
            self.used.append(f"measures/{measure_key}")
            measured = self._measured(measure, measure_key, keys)
            if PROPOSING & set(measured.column_names):
                rows, texts = self._distinct(measured, keys, measure_key)
                facts = facts.append_column(f"{measure.name}_row", rows)
                if texts.rows:
                    distinct[measure.name] = texts
                continue
            found = pc.index_in(keys, value_set=measured.column("text_key"))
            for name in measured.column_names:
                if name != "text_key":
                    facts = facts.append_column(name, measured.column(name).take(found))
        return facts, distinct

    def _known_columns(self, shard: str, names: Sequence[str]) -> pa.Table:
        table = self.store.read_table("shards", shard)
        return table.select([name for name in names if name in table.column_names])

    def _text_keys(self, measure: Measure) -> pa.ChunkedArray:
        items = [KeysItem(self.site, shard, measure.reads) for shard in self.shards]
        tables = [self.store.read_table("keys", key) for key in self.runner.map(keys_work, items)]
        columns = [chunk for table in tables for chunk in table.column("text_key").chunks]
        return pa.chunked_array(columns, type=pa.string())

    def _measure_key(self, measure: Measure) -> str:
        model = measure.model and str(self.site.models().identity(measure.model))
        others = [str(need.identity(self.site.models())) for need in measure.others]
        return digest(
            self.site.environment, measure.name, measure.version, measure.reads, measure.params,
            model, self.fits.get(measure.name, ""), *others,
        )  # fmt: skip

    def _measured(self, measure: Measure, measure_key: str, keys: pa.ChunkedArray) -> pa.Table:
        """Return the numbers of every text, measuring those that no earlier build has measured."""
        fit = self.fits.get(measure.name, "")
        kind = f"measures/{measure_key}"
        known = set(_column(self._parts(kind), "text_key"))
        items = list(self._missing(measure, measure_key, fit, keys, known))
        if items:
            texts = sum(len(item.keys) for item in items)
            tick = self.phase(f"measure {measure.name}", texts)
            for done in self.runner.map(measure_work, items):
                tick(done)
        parts = list(self._parts(kind))
        return pa.concat_tables(parts) if parts else pa.table({"text_key": pa.array([], pa.string())})

    def _missing(
        self,
        measure: Measure,
        measure_key: str,
        fit: str,
        keys: pa.ChunkedArray,
        known: set[str],
    ) -> Iterator[MeasureItem]:
        """Yield the texts that are not measured yet, each once, a chunk of one shard at a time."""
        listed = keys.to_pylist()
        size = MODEL_CHUNK if measure.model is not None or measure.others else PLAIN_CHUNK
        start = 0
        for shard in self.shards:
            stop = start + self._rows(shard)
            fresh: dict[str, int] = {}
            for row in range(start, stop):
                key = listed[row]
                if key not in known:
                    known.add(key)
                    fresh[key] = row - start
            chunk_keys, rows = tuple(fresh), tuple(fresh.values())
            for at in range(0, len(rows), size):
                yield MeasureItem(
                    self.site, self.stage_key, self.name, measure, measure_key, fit, shard,
                    rows[at : at + size], chunk_keys[at : at + size],
                )  # fmt: skip
            start = stop

    def _rows(self, shard: str) -> int:
        return int(self.store.metadata("shards", shard).num_rows)

    def _parts(self, kind: str) -> Iterator[pa.Table]:
        for path in sorted((self.store.root / kind).rglob("*.arrow")):
            if not path.name.startswith("."):
                yield self.store.read_table(kind, path.stem)

    def _distinct(
        self, measured: pa.Table, keys: pa.ChunkedArray, measure_key: str
    ) -> tuple[pa.Array, Distinct]:
        """Return each record's row among the distinct texts that have vectors or bands, and those texts."""
        column = next(name for name in measured.column_names if name in PROPOSING)
        usable = measured.filter(pc.is_valid(measured.column(column)))
        present = usable.filter(pc.is_in(usable.column("text_key"), value_set=keys.combine_chunks()))
        present = present.sort_by("text_key")
        rows = pc.index_in(keys, value_set=present.column("text_key")).combine_chunks()
        key = digest(measure_key, _column([present], "text_key"))
        if column == BANDS or not present.num_rows:
            return rows, Distinct(key, present.num_rows, present.drop_columns(["text_key"]))
        path = self._matrix_path(key)
        if not path.exists():
            values = present.column(column).combine_chunks()
            flat = values.flatten().to_numpy(zero_copy_only=False)
            matrix = np.ascontiguousarray(flat.reshape(present.num_rows, -1), np.float32)
            with replacing(path) as temporary, temporary.open("wb") as stream:
                np.save(stream, matrix)
        self.used.append(path.relative_to(self.store.root).as_posix())
        return rows, Distinct(key, present.num_rows, None)

    def _matrix_path(self, key: str) -> Path:
        return self.store.path("vectors", key, ".npy")

    def _pairs(self, facts: pa.Table, distinct: dict[str, Distinct]) -> pa.Table | None:
        """Return the proposed pairs of records (`left`, `right`: rows of facts) with all their numbers."""
        links = {name: self._links(name, texts) for name, texts in distinct.items()}
        priority: NDArray[np.int64] = self.stage.priority(facts, self.params)
        pairs, capped = expand(links, facts, priority, self.stage.neighbour_cap(self.params))
        crowded = sum(int((table.schema.metadata or {}).get(b"crowded", b"0")) for table in links.values())
        if hasattr(self.stage, "concerning"):
            pairs = pairs.filter(pa.array(self.stage.concerning(facts, pairs)))
        if capped or crowded:
            self.phase(f"{capped + crowded} records had more neighbours than the cap", 0)
        compared = self._compared(facts, pairs)
        if compared is None:
            return None
        for name in compared.column_names:
            pairs = pairs.append_column(name, compared.column(name))
        return pairs.replace_schema_metadata({"capped": str(capped + crowded)})

    def _links(self, measure: str, texts: Distinct) -> pa.Table:
        """Return the links between distinct texts that one measure proposes, looking for them if need be."""
        cap = self.stage.neighbour_cap(self.params) if texts.bands is not None else None
        key = digest(
            "links", self.site.environment, measure, texts.key, self.stage.name, self.stage.version, cap
        )
        if not self.store.has_table("links", key):
            if texts.bands is None:
                links = self._searched(measure, self._matrix_path(texts.key), texts.rows, key)
            else:
                tick = self.phase("join blocks", texts.rows)
                links, crowded = self.stage.join(measure, texts.bands, self.params)
                links = links.replace_schema_metadata({"crowded": str(crowded)})
                tick(texts.rows)
            self.store.write_table("links", key, links)
        self.used.append(self.store.table_path("links", key).relative_to(self.store.root).as_posix())
        return self.store.read_table("links", key)

    def _searched(self, measure: str, path: Path, rows: int, key: str) -> pa.Table:
        work = tiles(rows, TILE_ROWS)
        items = [LinkItem(self.site, self.stage_key, self.params, measure, str(path), t, key) for t in work]
        tick = self.phase("propose pairs", len(items))
        found = []
        for tile in self.runner.map(link_work, items):
            found.append(self.store.read_table("tiles", tile))
            tick(1)
        return pa.concat_tables(found).sort_by([("left", "ascending"), ("right", "ascending")])

    def _compared(self, facts: pa.Table, pairs: pa.Table) -> pa.Table | None:
        """Return one row of numbers a pair, comparing those whose two texts were not compared before."""
        if not pairs.num_rows:
            return None
        texts, place = self._texts(facts, pairs)
        keys = np.array(text_keys(texts, TEXT_COLUMNS))
        left, right = (place[pairs.column(side).to_numpy()] for side in ("left", "right"))
        swapped = keys[left] > keys[right]  # in the order of keys, so that another rank compares nothing anew
        sides = [np.where(swapped, right, left), np.where(swapped, left, right)]
        pair_keys = [a + b for a, b in zip(keys[sides[0]], keys[sides[1]], strict=True)]
        models = [str(need.identity(self.site.models())) for need in self.stage.needs(self.params)]
        made_by = (
            self.site.environment,
            self.stage.name,
            self.stage.version,
            models,
            sorted(self.fits.items()),
        )
        kind = f"pairs/{digest(*made_by)}"
        self.used.append(kind)
        known = set(_column(self._parts(kind), "pair_key"))
        first = {key: n for n, key in reversed(list(enumerate(pair_keys)))}
        wanted = sorted(n for key, n in first.items() if key not in known)
        scores = pairs.drop_columns(["left", "right"])
        items = []
        for at in range(0, len(wanted), PAIR_CHUNK):
            chunk = pa.array(wanted[at : at + PAIR_CHUNK])
            one, other = (texts.take(pa.array(side).take(chunk)) for side in sides)
            chunk_keys = tuple(pair_keys[n] for n in chunk.to_pylist())
            items.append(
                CompareItem(
                    self.site, self.stage_key, self.params, kind, one, other, scores.take(chunk), chunk_keys
                )
            )
        if items:
            tick = self.phase("compare pairs", len(wanted))
            for done in self.runner.map(compare_work, items):
                tick(done)
        table = pa.concat_tables(list(self._parts(kind)))
        found = pc.index_in(pa.array(pair_keys), value_set=table.column("pair_key"))
        return table.drop_columns(["pair_key"]).take(found)

    def _texts(self, facts: pa.Table, pairs: pa.Table) -> tuple[pa.Table, NDArray[np.int64]]:
        """Return the texts of the records in pairs, and each record's row there (-1: in no pair)."""
        involved = np.union1d(pairs.column("left").to_numpy(), pairs.column("right").to_numpy())
        place = np.full(facts.num_rows, -1, np.int64)
        place[involved] = np.arange(len(involved))
        tables = []
        start = 0
        for shard in self.shards:
            rows = self._rows(shard)
            own = involved[(involved >= start) & (involved < start + rows)] - start
            if len(own):
                table = self.store.read_table("shards", shard, columns=list(TEXT_COLUMNS))
                tables.append(table.take(pa.array(own)))
            start += rows
        return pa.concat_tables(tables).combine_chunks(), place


def learn(judging: Judging, measure: Measure) -> str:
    """Fit a measure on the whole corpus; return the fit's key, which is a digest of its content."""
    items = [SummariseItem(judging.site, judging.stage_key, measure, s) for s in judging.shards]
    tick = judging.phase(f"fit {measure.name}", len(items))
    partials = []
    for partial in judging.runner.map(summarise_work, items):
        partials.append(partial)
        tick(1)
    fit = judging.stage.fit(measure, partials)
    key = digest("fit", measure.name, measure.version, content_digest(fit))
    judging.store.write_table("fits", key, fit)
    return key


def _column(tables: Iterable[pa.Table], name: str) -> list[str]:
    return [value for table in tables for value in table.column(name).to_pylist()]
