"""What was paid for is remembered: across processes, whole or not at all, by what it was made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.models import Models
from pipeline.models.text_cache import TextCache


def test_what_one_puts_another_gets(tmp_path: Path) -> None:
    TextCache(tmp_path).put({"a": "eins", "b": "zwei\nDrei"})
    other = TextCache(tmp_path)
    assert other.get(["a", "b", "c"]) == {"a": "eins", "b": "zwei\nDrei"}
    TextCache(tmp_path).put({"c": "三"})
    assert other.get(["c"]) == {"c": "三"}


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    cache = TextCache(tmp_path)
    cache.put({"a": "eins"})
    cache.put({"a": "eins"})
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_it_lasts_as_long_as_the_process() -> None:
    cache = TextCache(None)
    cache.put({"a": "eins"})
    assert cache.get(["a", "b"]) == {"a": "eins"}


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text('["a", "eins"]\n["b"', encoding="utf-8")
    with pytest.raises(StoreError, match=r"broken\.jsonl is damaged"):
        TextCache(tmp_path).get(["a"])


def test_another_maker_has_a_memory_of_its_own(tmp_path: Path) -> None:
    models = Models(memory=str(tmp_path))
    models.remembered("translation", "apertium 1").put({"a": "eins"})
    assert models.remembered("translation", "apertium 1").get(["a"]) == {"a": "eins"}
    assert models.remembered("translation", "apertium 2").get(["a"]) == {}
    assert models.remembered("answers", "apertium 1").get(["a"]) == {}
    assert Models(memory=str(tmp_path / "other")).remembered("translation", "apertium 1").get(["a"]) == {}
