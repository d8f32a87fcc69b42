"""Blind pairs stay blind until the key is read, and people's decisions become a rate with its interval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import ReviewError
from quality.statistics import wilson
from train.evaluation.ab_queue import KEY, QUEUE, Pairs, pairs, read_preference, write
from train.evaluation.answer_checks import Asked
from train.evaluation.generate import Answer
from train.evaluation.scorecard import Answered


def answered(number: int, base: str = "from the base", tuned: str = "from the tuned") -> Answered:
    asked = Asked("", f"Question {number} 问题", "", (("earlier", "said"),))
    return Answered(
        f"id{number}",
        asked,
        "reference",
        "en",
        "en",
        Answer(f"{base} {number}", 3, True),
        Answer(f"{tuned} {number}", 3, True),
    )


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Pairs]:
    found = pairs([answered(number) for number in range(40)], seed=5)
    write(tmp_path, found)
    return tmp_path, found


def decide(
    path: Path, out: Path, wanted: str, annotator: str = "one", first: int = 0, count: int = 1000
) -> Path:
    """Write decisions that prefer the answer whose text holds `wanted`; "tie" prefers none."""
    lines = []
    for row in rows(out / QUEUE)[first : first + count]:
        letter = "tie" if wanted == "tie" else "A" if wanted in str(row["answer_a"]) else "B"
        lines.append(json.dumps({**row, "annotator": annotator, "decision": letter}, ensure_ascii=False))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_queue_does_not_tell_who_wrote_what(written: tuple[Path, Pairs]) -> None:
    out, found = written
    queue = rows(out / QUEUE)
    assert set(queue[0]) == {
        "pair", "id", "lang", "category", "why", "system", "history", "instruction", "input", "answer_a", "answer_b",
    }  # fmt: skip
    first = ["tuned" in str(row["answer_a"]) for row in queue]
    assert 8 < sum(first) < 32
    swapped = [answered(number, "from the tuned", "from the base") for number in range(40)]
    assert [item.pair for item in pairs(swapped, seed=5).items] == [item.pair for item in found.items]
    assert KEY.parent != QUEUE.parent


def test_sides_depend_on_seed_and_record_alone(written: tuple[Path, Pairs]) -> None:
    _, found = written
    sides = {item.answered.id: item.tuned_is for item in found.items}
    few = pairs([answered(number) for number in (7, 3)], seed=5)
    assert all(sides[item.answered.id] == item.tuned_is for item in few.items)
    other = pairs([answered(number) for number in range(40)], seed=6)
    assert sides != {item.answered.id: item.tuned_is for item in other.items}


def test_equal_answers_are_no_question() -> None:
    found = pairs([answered(1, "same", "same"), answered(2)], seed=0)
    assert found.identical == 1 and [item.answered.id for item in found.items] == ["id2"]


def test_decisions_and_key_become_a_rate_with_wilsons_interval(written: tuple[Path, Pairs]) -> None:
    out, _ = written
    files = [
        decide(out / "a.jsonl", out, "tuned", first=0, count=26),
        decide(out / "b.jsonl", out, "base", first=26, count=9),
        decide(out / "c.jsonl", out, "tie", first=35, count=5),
    ]
    found = read_preference(out / KEY, files)
    assert (found.pairs, found.wins, found.losses, found.ties, found.annotators) == (40, 26, 9, 5, 1)
    assert found.rate == 26 / 35
    assert (found.low, found.high) == wilson(26, 35)
    assert found.agreement is None and found.unknown == 0 and found.broken == ()


def test_the_majority_counts_and_a_later_answer_replaces_an_earlier_one(written: tuple[Path, Pairs]) -> None:
    out, _ = written
    files = [
        decide(out / "a.jsonl", out, "tuned", "anna", count=3),
        decide(out / "b.jsonl", out, "base", "bo", count=3),
        decide(out / "c.jsonl", out, "tuned", "chen", count=2),
        decide(out / "d.jsonl", out, "base", "anna", first=2, count=1),
    ]
    found = read_preference(out / KEY, files)
    assert (found.wins, found.losses, found.ties, found.annotators) == (2, 1, 0, 3)
    assert found.agreement is not None and found.agreement < 0.5


def test_tables_chinese_words_and_broken_rows(written: tuple[Path, Pairs]) -> None:
    out, found = written
    first, second, third = found.items[:3]
    table = out / "d.csv"
    table.write_text(
        "pair,annotator,decision\n"
        f"{first.pair},李,{'甲' if first.tuned_is == 'A' else '乙'}\n"
        f"{second.pair},李,平\n{third.pair},李,maybe\n{third.pair},,A\nffff,李,A\n",
        encoding="utf-8-sig",
    )
    lines = out / "e.jsonl"
    lines.write_text("not json\n[1]\n\n", encoding="utf-8")
    told = read_preference(out / KEY, [table, lines])
    assert (told.wins, told.losses, told.ties, told.unknown) == (1, 0, 1, 1)
    assert [where.rsplit("/", 1)[1] for where, _ in told.broken] == [
        "d.csv:4",
        "d.csv:5",
        "e.jsonl:1",
        "e.jsonl:2",
    ]
    assert "A, B, tie" in told.broken[0][1] and "annotator is missing" in told.broken[1][1]


def test_nothing_decided_has_no_rate(written: tuple[Path, Pairs]) -> None:
    out, _ = written
    found = read_preference(out / KEY, [])
    assert found.rate is None and (found.low, found.high) == (0.0, 1.0)


def test_files_that_cannot_be_read_are_errors(written: tuple[Path, Pairs]) -> None:
    out, _ = written
    with pytest.raises(ReviewError, match="cannot be read"):
        read_preference(out / "none.jsonl", [])
    with pytest.raises(ReviewError, match="no line of a key"):
        read_preference(out / QUEUE, [])
    bad = out / "g.csv"
    bad.write_bytes("pair,annotator,decision\n1,李,甲\n".encode("gb18030"))
    with pytest.raises(ReviewError, match="not UTF-8"):
        read_preference(out / KEY, [bad])
    bad.write_text("who,what\n1,2\n", encoding="utf-8")
    with pytest.raises(ReviewError, match="no column pair, annotator, decision"):
        read_preference(out / KEY, [bad])
