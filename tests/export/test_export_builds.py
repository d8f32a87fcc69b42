"""Exports of a whole build: every file loads, its description for LLaMA-Factory fits, reading it back loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.export import FORMATS
from tests.e2e import workbench as bench

EVERY = "exports: [" + ", ".join(f"{{format: {name}}}" for name in FORMATS) + "]"
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "北京"}}\n</tool_call>'
RESULT = '<tool_response>\n{"temp": 21}\n</tool_response>'

ALPACA: list[dict[str, Any]] = [
    {"instruction": "Name a red fruit.", "input": "", "output": "A cherry."},
    {"instruction": "Is it open?", "input": "Saturday", "output": "No.", "system": "You are a clerk.",
     "history": [["Is it open on Friday?", "Yes, until four."]]},
    {"instruction": "把它翻译成英语。", "input": "鸢尾\n和玫瑰", "output": "An iris\nand a rose"},
    {"instruction": RESULT, "input": "", "output": "北京今天 21 度。", "history": [["北京天气？", CALL]],
     "tools": json.dumps(TOOLS)},
]  # fmt: skip


def built(folder: Path, rows: list[dict[str, Any]], extra: str = EVERY, shard_rows: int = 50) -> Path:
    full = [{"system": "", "history": [], "tools": "", **row} for row in rows]
    bench.write_jsonl(folder / "data.jsonl", full)
    recipe = bench.write_recipe(folder, "stages: []", extra=extra, shard_rows=shard_rows)
    bench.build(recipe, folder / "out", folder / ".build")
    return folder / "out"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("exports"), ALPACA)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_the_description_for_llamafactory_names_files_and_columns_that_are_there(out: Path) -> None:
    data = (out / "data" / "dataset_info.json").read_bytes()
    assert data.isascii()
    info = json.loads(data)
    assert list(info) == [f"made_{name}_train" for name in FORMATS]
    for name, entry in info.items():
        held = lines(out / "data" / entry["file_name"])
        assert len(held) == 4
        assert all(set(entry["columns"].values()) <= line.keys() for line in held), name
        if entry["formatting"] == "sharegpt":
            for line in held:
                turns = line[entry["columns"]["messages"]]
                assert all(
                    set(turn) == {entry["tags"]["role_tag"], entry["tags"]["content_tag"]} for turn in turns
                )
                roles = [turn[entry["tags"]["role_tag"]] for turn in turns]
                roles = roles[1:] if roles[0] == entry["tags"]["system_tag"] else roles
                assert roles == [entry["tags"]["user_tag"], entry["tags"]["assistant_tag"]] * (
                    len(roles) // 2
                )
    assert info["made_alpaca_train"]["columns"] == {
        "prompt": "instruction", "query": "input", "response": "output",
        "system": "system", "history": "history", "tools": "tools",
    }  # fmt: skip
    assert info["made_text_train"]["columns"] == {"prompt": "text"}


def test_a_build_without_systems_histories_and_tools_describes_none(tmp_path: Path) -> None:
    out = built(tmp_path, [ALPACA[0]], "exports: [{format: alpaca}, {format: sharegpt, system: Be kind.}]")
    info = json.loads((out / "data" / "dataset_info.json").read_text(encoding="ascii"))
    assert set(info["made_alpaca_train"]["columns"]) == {"prompt", "query", "response"}
    assert set(info["made_sharegpt_train"]["columns"]) == {"messages", "system"}
    assert lines(out / "data" / "sharegpt" / "train.jsonl")[0]["system"] == "Be kind."
    assert set(lines(out / "data" / "alpaca" / "train.jsonl")[0]) == {"instruction", "input", "output"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_loads_with_datasets(out: Path, tmp_path: Path, name: str) -> None:
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    path = out / "data" / name / "train.jsonl"
    loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path))
    assert loaded.to_list() == lines(path)


def test_the_build_loads_where_only_a_late_record_has_history_and_tools(tmp_path: Path) -> None:
    """A loader takes the columns of a file from its first megabytes; the card says what they are."""
    from datasets import load_dataset

    rows = [{**ALPACA[0], "instruction": f"{number}: {'说' * 4000}"} for number in range(900)]
    out = built(tmp_path / "build", [*rows, {**ALPACA[1], "tools": json.dumps(TOOLS)}])
    for name in FORMATS:
        path = out / "data" / name / "train.jsonl"
        assert path.stat().st_size > 10 << 20
        loaded = load_dataset(str(out), name, split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded[900] == lines(path)[900]


def test_equal_builds_have_equal_exports_whatever_the_size_of_a_shard(out: Path, tmp_path: Path) -> None:
    other = built(tmp_path, ALPACA, shard_rows=1)
    for path in sorted((out / "data").rglob("*")):
        if path.is_file():
            assert (other / path.relative_to(out)).read_bytes() == path.read_bytes()


def texts(out: Path) -> list[tuple[str, ...]]:
    """Return every record of a build as its texts: system, turns, prompt, response, definitions of tools."""
    found = []
    for row in bench.rows(out, "records.parquet"):
        tools = json.loads(row["meta"]).get("tools") or "[]"
        said = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
        told = json.dumps(json.loads(tools) if isinstance(tools, str) else tools)
        found.append((row["system"], *said, row["instruction"], row["input"], row["output"], told))
    return found


def read_back(out: Path, name: str, folder: Path) -> Path:
    """Build from an export alone, with its shape detected."""
    bench.fresh_copy(out / "data" / name, folder / "in")
    recipe = bench.write_recipe(folder, "stages: []", source="in/train.jsonl", extra=EVERY)
    bench.build(recipe, folder / "out", folder / ".build")
    return folder / "out"


@pytest.mark.parametrize("name", ["alpaca", "messages", "sharegpt"])
def test_reading_an_export_back_gives_the_same_texts(out: Path, tmp_path: Path, name: str) -> None:
    again = read_back(out, name, tmp_path)
    if name == "alpaca":
        assert texts(again) == texts(out)
    else:  # instruction and input have become one turn
        expected = [
            (*row[:-4], "\n\n".join(part for part in row[-4:-2] if part), "", *row[-2:]) for row in texts(out)
        ]
        assert texts(again) == expected
    written = (again / "data" / name / "train.jsonl").read_bytes()
    assert written == (out / "data" / name / "train.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("name", "prompt", "response"), [("prompt_completion", "prompt", "completion"), ("text", "", "text")]
)
def test_reading_back_what_has_no_turns_gives_the_same_text(
    out: Path, tmp_path: Path, name: str, prompt: str, response: str
) -> None:
    again = bench.rows(read_back(out, name, tmp_path), "records.parquet")
    held = lines(out / "data" / name / "train.jsonl")
    assert [(row["instruction"], row["output"]) for row in again] == [
        (line.get(prompt, ""), line[response]) for line in held
    ]


def test_a_line_of_every_format_is_found_again(out: Path) -> None:
    for name in FORMATS:
        told = bench.invoke("explain", f"data/{name}/train.jsonl:3", "--build", out)
        assert "把它翻译成英语。" in told.stdout


def test_the_card_makes_every_format_a_configuration(out: Path) -> None:
    card = (out / "README.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"config_name: {name}\n" in card] == list(FORMATS)
