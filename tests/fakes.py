"""Small real things that stand where a large one would: records, stages and a runner that each do their work.

Nothing here pretends: a stage measures letters instead of meaning, the runner finishes work in another
order, and both obey the same protocols as their large relatives.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field

from pipeline.build import plan, walk
from pipeline.change import Changes
from pipeline.models.need import Need
from pipeline.output import write_build
from pipeline.recipe import Recipe, parse_recipe
from pipeline.record import RECORD_SCHEMA, record_id
from pipeline.runners import Runner, SerialRunner
from pipeline.stages import STAGES, StageKind
from pipeline.stages.protocol import Decision, Measure, StageParams, Tile
from pipeline.steps import Plan, Silent, Step, StepResult, Workshop
from pipeline.store import Store


def records(*rows: Mapping[str, Any]) -> pa.Table:
    """Return records with these fields; what is not given is empty, ids are made from the row number."""
    full = []
    for number, row in enumerate(rows):
        id_ = str(row.get("id", record_id("made", "made.jsonl", str(number).encode(), 0)))
        empty = dict.fromkeys(("system", "instruction", "input", "output", "lang"), "")
        lists: dict[str, list[Any]] = {"history": [], "tags": [], "flags": []}
        base = {
            "id": id_,
            "root": id_,
            "source": "made",
            "file": "made.jsonl",
            "line": number + 1,
            "meta": "{}",
        }
        full.append({**base, **empty, **lists, **row})
    return pa.Table.from_pylist(full, schema=RECORD_SCHEMA)


def write_jsonl(path: Path, rows: Sequence[object]) -> Path:
    """Write one JSON value a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


NOUNS = (
    "kettle", "ladder", "lantern", "bucket", "hammer", "violin",
    "compass", "blanket", "pencil", "saddle", "anchor", "basket",
)  # fmt: skip


def tasks(count: int, start: int = 0) -> list[dict[str, str]]:
    """Return `count` units that pass every stage: no two alike, half of them Chinese."""
    made = []
    for n in range(start, start + count):
        noun = NOUNS[n % len(NOUNS)]
        if n % 2:
            made.append(
                {
                    "instruction": f"Explain how the {noun} with the label {n} is kept in order.",
                    "output": f"Put the {noun} on shelf {n} after use, and look at it again before the winter comes.",
                }
            )
        else:
            made.append(
                {
                    "instruction": f"请说明编号{n}的物件应当怎样保养。",
                    "output": f"用完之后把第{n}号物件擦干净，放回架子上，入冬以前再检查一遍。",
                }
            )
    return made  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corner:
    """A folder with a recipe beside its data, a store and a place for builds."""

    folder: Path

    @property
    def store(self) -> Store:
        """The store."""
        return Store(self.folder / ".build")

    def recipe(self, stages: str, source: str = "data.jsonl", extra: str = "") -> Recipe:
        """Return a recipe named `made` over one source; `stages` and `extra` are YAML."""
        text = f"name: made\nseed: 7\nshard_rows: 5\nsources: [{{name: things, path: {source}}}]\n"
        return parse_recipe(f"{text}stages: {stages}\n{extra}", "recipe.yaml")

    def plan(
        self, stages: str, source: str = "data.jsonl", extra: str = "", steps: Sequence[Step] = ()
    ) -> Plan:
        """Return the plan of a recipe, with more steps at its end."""
        laid = plan(self.recipe(stages, source, extra), self.folder)
        return replace(laid, steps=(*laid.steps, *steps))

    def walk(
        self, planned: Plan, runner: Runner | None = None, reporter: Any = None, refit: bool = False
    ) -> list[StepResult]:
        """Run all steps."""
        shop = Workshop(self.store, runner or SerialRunner(), reporter or Silent(), refit)
        return list(walk(planned, shop))

    def build(self, planned: Plan, out: str = "out", runner: Runner | None = None) -> Path:
        """Run all steps and write the build; return its folder."""
        results = self.walk(planned, runner)
        write_build(self.folder / out, planned, results, self.store, {})
        return self.folder / out


class ShuffledRunner:
    """Does all work in a random order, and yields the results in the order of the items."""

    workers = 3

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        """Yield `work(item)` for every item, in their order."""
        order = list(range(len(items)))
        self._random.shuffle(order)
        done = {number: work(items[number]) for number in order}
        return iter([done[number] for number in range(len(items))])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Journal:
    """Calls written down in a file, so that they can be counted whatever process they happened in."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, what: str, count: int = 1) -> None:
        """Write down one call and how many texts or pairs it was for."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(f"{what} {count}\n")

    def total(self, what: str) -> int:
        """Return how many texts or pairs all calls of one kind were for."""
        if not self._path.exists():
            return 0
        lines = (line.split() for line in self._path.read_text(encoding="utf-8").splitlines())
        return sum(int(count) for name, count in lines if name == what)

    def clear(self) -> None:
        """Forget all calls."""
        self._path.unlink(missing_ok=True)


class LettersParams(StageParams):
    """Parameters of `Letters`."""

    stage: Literal["letters"] = "letters"
    threshold: float = Field(default=0.99, description="Least cosine of the letter counts.")
    cap: int = Field(default=50, description="Most pairs of one record.")


class Letters:
    """A judge stage in which texts of nearly the same letters are duplicates; the smaller id stays."""

    name = "letters"
    version = 1

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def needs(self, params: LettersParams) -> tuple[Need, ...]:
        """Return nothing."""
        return ()

    def measures(self, params: LettersParams) -> tuple[Measure, ...]:
        """Return the counts of letters, as a vector."""
        return (Measure("letters", 1, ("instruction",)),)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: object) -> pa.Table:
        """Return `vector`: float32 [26] of unit length, null where a text has no letters."""
        texts = batch.column("instruction").to_pylist()
        self._journal.note("measure", len(texts))
        vectors = []
        for text in texts:
            counts = np.array([text.lower().count(chr(97 + n)) for n in range(26)], np.float32)
            norm = float(np.linalg.norm(counts))
            vectors.append((counts / norm).tolist() if norm else None)
        return pa.table({"vector": pa.array(vectors, pa.list_(pa.float32(), 26))})

    def context(self, params: LettersParams) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def priority(self, facts: pa.Table, params: LettersParams) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Let everyone take part, the smallest id first."""
        return np.argsort(np.argsort(np.array(facts.column("id").to_pylist())))

    def neighbour_cap(self, params: LettersParams) -> int:
        """Return how many pairs one record may take part in."""
        return params.cap

    def link(self, measure: str, vectors: Any, tile: Tile, params: LettersParams) -> pa.Table:
        """Propose what has a cosine of .8."""
        self._journal.note("link")
        score = (
            np.asarray(vectors[tile.left_start : tile.left_stop], np.float64)
            @ np.asarray(vectors[tile.right_start : tile.right_stop], np.float64).T
        )
        rows, columns = np.nonzero(score >= 0.8)
        wanted = rows + tile.left_start < columns + tile.right_start
        rows, columns = rows[wanted], columns[wanted]
        return pa.table({
            "left": rows + tile.left_start, "right": columns + tile.right_start, "score": score[rows, columns]
        })  # fmt: skip

    def compare(
        self, left: pa.Table, right: pa.Table, scores: pa.Table, params: LettersParams, models: object
    ) -> pa.Table:
        """Return how much the lengths differ."""
        self._journal.note("compare", left.num_rows)
        sides = zip(
            left.column("instruction").to_pylist(), right.column("instruction").to_pylist(), strict=True
        )
        return pa.table({"apart": [abs(len(a) - len(b)) for a, b in sides]})

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: LettersParams) -> Decision:
        """Drop the right side of every close pair whose left side stays."""
        self._journal.note("decide")
        changes, gone = Changes(), set()
        ids = facts.column("id").to_pylist()
        for pair in sorted(
            pairs.to_pylist() if pairs else [], key=lambda p: (ids[p["left"]], ids[p["right"]])
        ):
            left, right = ids[pair["left"]], ids[pair["right"]]
            if pair["letters"] >= params.threshold and left not in gone and right not in gone:
                changes.drop(
                    right, "letters.same", {"kept": left, "score": pair["letters"], "apart": pair["apart"]}
                )
                gone.add(right)
        return Decision(changes)


class LengthParams(StageParams):
    """Parameters of `Length`."""

    stage: Literal["length"] = "length"
    longest: float = Field(default=1000, description="Most characters above the mean.")


class Length:
    """A judge stage that learns the mean length of the texts and decides on the distance from it."""

    name = "length"
    version = 1

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def needs(self, params: LengthParams) -> tuple[Need, ...]:
        """Return nothing."""
        return ()

    def measures(self, params: LengthParams) -> tuple[Measure, ...]:
        """Return the distance from the mean length."""
        return (Measure("from_mean", 1, ("output",), needs_fit=True),)

    def summarise(self, measure: Measure, batch: pa.Table, models: object) -> pa.Table:
        """Return the number of texts and of characters in one shard."""
        texts = batch.column("output").to_pylist()
        return pa.table({"texts": [len(texts)], "characters": [sum(map(len, texts))]})

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the mean."""
        self._journal.note("fit")
        total = pa.concat_tables(partials)
        mean = sum(total.column("characters").to_pylist()) / sum(total.column("texts").to_pylist())
        return pa.table({"mean": [mean]})

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: object) -> pa.Table:
        """Return how many characters a text has above the mean."""
        assert fit is not None
        mean = fit.column("mean")[0].as_py()
        texts = batch.column("output").to_pylist()
        self._journal.note("measure", len(texts))
        return pa.table({"from_mean": [len(text) - mean for text in texts]})

    def context(self, params: LengthParams) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: LengthParams) -> Decision:
        """Drop what is too far above the mean, and keep the number as a column."""
        changes = Changes()
        for row in facts.to_pylist():
            if row["from_mean"] > params.longest:
                changes.drop(row["id"], "length.long", {"from_mean": row["from_mean"]})
        return Decision(changes, facts.select(["id", "from_mean"]))


@contextlib.contextmanager
def stages_added(**kinds: StageKind) -> Iterator[None]:
    """Put stages into the registry for a while."""
    before = dict(STAGES)
    STAGES.update(kinds)
    try:
        yield
    finally:
        STAGES.clear()
        STAGES.update(before)
