"""The registry loses nothing, says what is best, and refuses what is damaged."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from pipeline.errors import TrainError
from train.shipping.registry import adapter_folder, best, entries, register


def make_adapter(folder: Path, weights: bytes = b"w", build: str = "b1", base: str = "base") -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(weights)
    told = {
        "format_version": 1,
        "method": "qlora",
        "base": {"name": base, "revision": "", "sha256": f"sha-{base}"},
        "build": {"name": "sample", "digest": build},
    }
    (folder / "train.json").write_text(json.dumps(told))
    return folder


def test_an_entry_tells_where_the_adapter_came_from(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "runs" / "one" / "adapter")
    made = register(tmp_path / "adapters", adapter, "one", {"test.loss": 1.5})
    assert entries(tmp_path / "adapters") == [made]
    assert made.folder == "../runs/one/adapter"
    assert (made.build, made.build_digest, made.base, made.base_sha256) == (
        "sample",
        "b1",
        "base",
        "sha-base",
    )
    assert (made.method, made.scores, made.run) == ("qlora", {"test.loss": 1.5}, "one")
    assert adapter_folder(tmp_path / "adapters", made).resolve() == adapter.resolve()


def test_registering_again_renews_scores_and_adds_nothing(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "a")
    first = register(tmp_path / "r", adapter, "x", {"loss": 2.0})
    (adapter / "README.md").write_text("a card")
    again = register(tmp_path / "r", adapter, "x", {"loss": 1.0})
    assert first.id == again.id
    assert [entry.scores for entry in entries(tmp_path / "r")] == [{"loss": 1.0}]


def test_best_compares_only_what_was_asked_and_measured(tmp_path: Path) -> None:
    registry = tmp_path / "r"
    for number, (build, base, scores) in enumerate(
        [
            ("b1", "x", {"loss": 2.0}),
            ("b1", "x", {"loss": 1.0}),
            ("b2", "x", {"loss": 0.5}),
            ("b1", "y", {"loss": 0.1}),
            ("b1", "x", {"chrf": 9.0}),
            ("b1", "x", {"loss": 1.0}),
        ]
    ):
        adapter = make_adapter(tmp_path / str(number), str(number).encode(), build, base)
        register(registry, adapter, str(number), scores)

    def run(metric: str, higher: bool, build: str | None = None, base: str | None = None) -> str | None:
        found = best(registry, metric, higher, build, base)
        return None if found is None else found.run

    assert run("loss", False) == "3"
    assert run("loss", False, "b1", "sha-x") == "1"  # of equals, the first
    assert run("loss", True, "b1") == "0"
    assert run("loss", False, "b2") == "2"
    assert run("chrf", True) == "4"
    assert run("bleu", True) is None


def enter_many(registry: Path, adapters: list[Path]) -> None:
    for adapter in adapters:
        register(registry, adapter, adapter.name, {})


def test_registrations_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    made = [make_adapter(tmp_path / f"a{number}", bytes([number])) for number in range(24)]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=enter_many, args=(tmp_path / "r", made[part::3])) for part in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert {entry.run for entry in entries(tmp_path / "r")} == {adapter.name for adapter in made}
    assert not list((tmp_path / "r").glob(".tmp-*"))


@pytest.mark.parametrize(
    "text",
    [
        '{"format_version": 1, "adapt',
        "[]",
        '{"format_version": 1, "adapters": [{"id": "x"}]}',
        '{"format_version": 1, "adapters": 3}',
    ],
)
def test_a_damaged_index_is_an_error_and_is_not_written_over(tmp_path: Path, text: str) -> None:
    registry = tmp_path / "r"
    registry.mkdir()
    (registry / "index.json").write_text(text)
    with pytest.raises(TrainError, match="damaged"):
        entries(registry)
    with pytest.raises(TrainError, match="damaged"):
        register(registry, make_adapter(tmp_path / "a"), "x", {})
    assert (registry / "index.json").read_text() == text


def test_a_later_format_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"format_version": 2, "adapters": []}')
    with pytest.raises(TrainError, match="format_version 2"):
        entries(tmp_path)


def test_no_adapter_no_weights_and_no_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainError, match=r"no train\.json"):
        register(tmp_path / "r", tmp_path / "empty", "x", {})
    adapter = make_adapter(tmp_path / "a")
    with pytest.raises(TrainError, match="loss"):
        register(tmp_path / "r", adapter, "x", {"loss": float("nan")})
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainError, match="no weights"):
        register(tmp_path / "r", adapter, "x", {})
    assert entries(tmp_path / "r") == []


def test_an_adapter_that_changed_after_registration_is_not_promoted(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "a")
    entry = register(tmp_path / "r", adapter, "x", {})
    (adapter / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(TrainError, match="files changed"):
        adapter_folder(tmp_path / "r", entry)
