"""A judge stage measures each text once, compares each pair once, and learns once until told otherwise."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from fakes import Corner, Journal, LengthParams, LettersParams, ShuffledRunner, records, tasks, write_jsonl

from pipeline.judging import Tick
from pipeline.reading import columns_of
from pipeline.stages import STAGES
from pipeline.stages.protocol import StageParams
from pipeline.steps import Step, StepResult
from pipeline.store import Store

ANAGRAMS = ["listen to me", "silent to me", "a quite different text", "to me listen", "zzz", "12345", "67890"]


def rows(texts: list[str]) -> list[dict[str, str]]:
    return [{"instruction": text, "output": "x" * (n % 3 + 1) * 10} for n, text in enumerate(texts)]


def step(params: StageParams, name: str = "judge") -> Step:
    kind = params.model_dump()["stage"]
    return Step(name, "judge", kind, params, ())


def run(
    corner: Corner, params: StageParams, runner: ShuffledRunner | None = None, refit: bool = False
) -> StepResult:
    planned = corner.plan("[]", steps=[step(params)])
    return corner.walk(planned, runner=runner, refit=refit)[-1]


@pytest.fixture
def letters(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", rows(ANAGRAMS))
    return corner


def dropped(corner: Corner, result: StepResult) -> set[str]:
    shards = (corner.store.read_table("shards", shard.dropped) for shard in result.shards if shard.dropped)
    return {text for table in shards for text in table["instruction"].to_pylist()}


def test_pairs_within_and_across_shards_are_found(letters: Corner, journal: Journal) -> None:
    result = run(letters, LettersParams())
    gone = dropped(letters, result)
    assert len(gone) == 2
    assert gone < {"listen to me", "silent to me", "to me listen"}
    assert len(result.shards) == 2
    assert (result.rows, result.lost, result.records_in) == (5, 2, 7)
    assert result.reasons() == {"drop": {"letters.same": 2}}
    assert journal.total("measure") == len(ANAGRAMS)
    assert journal.total("compare") == 3


def test_a_second_run_calls_nothing_at_all(letters: Corner, journal: Journal) -> None:
    first = run(letters, LettersParams())
    journal.clear()
    second = run(letters, LettersParams())
    assert second.cached
    assert (second.key, second.shards) == (first.key, first.shards)
    assert [journal.total(what) for what in ("measure", "link", "compare", "decide")] == [0, 0, 0, 0]


def test_a_changed_decision_threshold_measures_and_compares_nothing(
    letters: Corner, journal: Journal
) -> None:
    strict = run(letters, LettersParams())
    journal.clear()
    loose = run(letters, LettersParams(threshold=0.8))
    assert [journal.total(what) for what in ("measure", "link", "compare")] == [0, 0, 0]
    assert journal.total("decide") == 1
    assert not loose.cached
    assert loose.key != strict.key


def test_only_new_texts_are_measured_and_only_new_pairs_compared(letters: Corner, journal: Journal) -> None:
    run(letters, LettersParams())
    journal.clear()
    texts = [*ANAGRAMS, "enlist to me", "an unheard of sentence by hand"]
    write_jsonl(letters.folder / "data.jsonl", rows(texts))
    result = run(letters, LettersParams())
    assert journal.total("measure") == 2
    assert journal.total("compare") == 3
    assert len(dropped(letters, result)) == 3


def test_a_text_that_stands_twice_is_measured_once(corner: Corner, journal: Journal) -> None:
    write_jsonl(corner.folder / "data.jsonl", rows(["same", "same", "other", "same", "same", "same", "same"]))
    result = run(corner, LettersParams())
    assert journal.total("measure") == 2
    assert result.rows == 2


def test_texts_without_a_vector_are_in_no_pair(corner: Corner, journal: Journal) -> None:
    write_jsonl(corner.folder / "data.jsonl", rows(["123", "456", "789"]))
    result = run(corner, LettersParams())
    assert (result.rows, journal.total("link"), journal.total("decide")) == (3, 0, 1)


def test_texts_of_which_no_two_are_close_are_decided_on_without_pairs(
    corner: Corner, journal: Journal
) -> None:
    write_jsonl(corner.folder / "data.jsonl", rows(["aaa", "bbb", "ccc"]))
    result = run(corner, LettersParams())
    assert (result.rows, journal.total("link"), journal.total("compare")) == (3, 1, 0)


class Remarks:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, str, int]] = []

    def phase(self, step: str, what: str, total: int) -> Tick:
        self.phases.append((step, what, total))
        return lambda _: None

    def done(self, result: StepResult) -> None:
        self.phases.append((result.step, "done", result.rows))


def test_a_record_over_the_neighbour_cap_is_told_of(letters: Corner, journal: Journal) -> None:
    planned = letters.plan("[]", steps=[step(LettersParams(cap=1))])
    remarks = Remarks()
    letters.walk(planned, reporter=remarks)
    assert ("judge", "2 records had more neighbours than the cap", 0) in remarks.phases
    assert ("judge", "measure letters", 7) in remarks.phases
    assert ("judge", "compare pairs", 1) in remarks.phases
    assert journal.total("compare") == 1


def test_the_order_of_work_changes_nothing(letters: Corner, journal: Journal, tmp_path: Path) -> None:
    expected = run(letters, LettersParams())
    for seed in range(3):
        other = Corner(tmp_path / f"other{seed}")
        write_jsonl(other.folder / "data.jsonl", rows(ANAGRAMS))
        found = run(other, LettersParams(), ShuffledRunner(seed))
        assert found.key == expected.key
        assert found.shards == expected.shards


def test_no_records_are_decided_on_without_calling_the_stage(corner: Corner, journal: Journal) -> None:
    write_jsonl(corner.folder / "data.jsonl", [{"instruction": "Say it.", "output": ""}])
    steps = [step(LengthParams(), "one"), step(LettersParams(), "two")]
    results = corner.walk(corner.plan("[{stage: heuristics}]", steps=steps))
    assert [result.rows for result in results] == [1, 0, 0, 0]
    assert [journal.total(what) for what in ("measure", "decide")] == [0, 0]


def mean_of(store: Store, result: StepResult) -> float:
    mean: float = store.read_table("fits", result.fits["from_mean"])["mean"][0].as_py()
    return mean


def test_a_fit_is_learnt_once_and_kept_for_a_changed_corpus(corner: Corner, journal: Journal) -> None:
    texts = tasks(12)
    write_jsonl(corner.folder / "data.jsonl", texts)
    first = run(corner, LengthParams())
    assert (journal.total("fit"), journal.total("measure")) == (1, 12)
    assert mean_of(corner.store, first) == sum(len(row["output"]) for row in texts) / 12
    write_jsonl(corner.folder / "data.jsonl", [*texts, {"instruction": "Tell me more.", "output": "x" * 900}])
    journal.clear()
    second = run(corner, LengthParams())
    assert second.fits == first.fits
    assert (journal.total("fit"), journal.total("measure")) == (0, 1)


def test_refit_learns_anew_and_the_next_build_keeps_what_was_learnt(corner: Corner, journal: Journal) -> None:
    texts = tasks(12)
    write_jsonl(corner.folder / "data.jsonl", texts)
    first = run(corner, LengthParams())
    write_jsonl(corner.folder / "data.jsonl", [*texts, {"instruction": "Tell me more.", "output": "x" * 900}])
    journal.clear()
    renewed = run(corner, LengthParams(), refit=True)
    assert mean_of(corner.store, renewed) > mean_of(corner.store, first)
    assert (journal.total("fit"), journal.total("measure")) == (1, 13)
    journal.clear()
    after = run(corner, LengthParams())
    assert after.cached
    assert after.fits == renewed.fits
    assert journal.total("fit") == 0


def test_a_changed_threshold_keeps_the_fit_and_its_numbers(corner: Corner, journal: Journal) -> None:
    write_jsonl(corner.folder / "data.jsonl", tasks(12))
    first = run(corner, LengthParams())
    journal.clear()
    second = run(corner, LengthParams(longest=0))
    assert second.fits == first.fits
    assert (journal.total("fit"), journal.total("measure")) == (0, 0)
    assert 0 < second.rows < 12


def test_a_fit_does_not_depend_on_the_order_of_work(corner: Corner, journal: Journal, tmp_path: Path) -> None:
    fits = set()
    for seed in range(3):
        other = Corner(tmp_path / str(seed))
        write_jsonl(other.folder / "data.jsonl", tasks(20))
        fits.add(run(other, LengthParams(), ShuffledRunner(seed)).fits["from_mean"])
    assert len(fits) == 1


def test_a_decided_column_goes_with_its_record(corner: Corner, journal: Journal) -> None:
    write_jsonl(corner.folder / "data.jsonl", tasks(12))
    result = run(corner, LengthParams())
    mean = mean_of(corner.store, result)
    for shard in result.shards:
        for row in corner.store.read_table("shards", shard.shard).to_pylist():
            assert row["from_mean"] == len(row["output"]) - mean


def test_stages_added_for_a_test_are_gone_after_it() -> None:
    assert not {"letters", "length"} & set(STAGES)


def test_a_measure_reads_the_columns_of_the_parent(corner: Corner) -> None:
    rows = [{"id": "p", "root": "p", "instruction": "old"}, {"id": "c", "root": "p", "instruction": "new"}]
    rows.append({"id": "lost", "root": "gone", "instruction": "alone"})
    corner.store.write_table(
        "shards", "k" * 32, records(*rows).append_column("split", pa.array(["a", None, "b"]))
    )
    found = columns_of(
        corner.store, "k" * 32, ("parent.instruction", "instruction", "parent.split", "undecided")
    )
    assert found["parent.instruction"].to_pylist() == ["", "old", ""]
    assert found["instruction"].to_pylist() == ["old", "new", "alone"]
    assert found["parent.split"].to_pylist() == ["", "a", ""]
    assert found["undecided"].to_pylist() == ["", "", ""]
