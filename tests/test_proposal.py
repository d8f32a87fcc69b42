"""A proposed recipe is a recipe, for whatever lies in the folder, and says what it left out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pipeline.build import plan
from pipeline.errors import SourceError
from pipeline.ingest import SHAPES
from pipeline.proposal import left_out, propose_recipe, understood
from pipeline.recipe import Recipe, parse_recipe


def put(folder: Path, name: str, *rows: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def proposed(target: Path, base: Path) -> tuple[str, Recipe]:
    """Return the text and the recipe it parses to, after finding every file it names."""
    text = propose_recipe(target, base)
    recipe = parse_recipe(text, "r.yaml")
    assert plan(recipe, base).inputs
    return text, recipe


TURN = {"role": "user", "content": "问"}
UNITS: dict[str, dict[str, object]] = {
    "oasst_tree": {
        "prompt": {"text": "问", "role": "prompter", "replies": [{"text": "答", "role": "assistant"}]}
    },
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "self_instruct": {"instruction": "q", "instances": [{"input": "", "output": "a"}]},
    "history": {"instruction": "q", "output": "a", "history": [["u", "b"]]},
    "messages": {"messages": [TURN, {"role": "assistant", "content": "答"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
    "dialogue": {"conversation": [{"input": "q", "output": "a"}]},
    "transcript": {"text": "Human: q\nAssistant: a"},
    "dolly": {"instruction": "q", "response": "a", "context": "a passage"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_proposed_as_a_recipe_that_reads_it(tmp_path: Path, shape: str) -> None:
    row = UNITS.get(shape) or {
        names[0]: f"text of {field}" for field, names in SHAPES[shape].required.items()
    }
    path = put(tmp_path, "rows.jsonl", row, row)
    text, recipe = proposed(path, tmp_path)
    assert (recipe.name, recipe.sources[0].shape, recipe.sources[0].path) == ("rows", shape, "rows.jsonl")
    assert "# 1 of 1 files can be read; 2 units were looked at." in text
    assert "confidence 1.00" in text
    assert recipe.max_reject_rate == 0.01
    assert understood(text)[0].startswith("read: rows.jsonl: jsonl, ")
    assert understood(text)[0].endswith(f", {shape} (confidence 1.00)")
    assert recipe.stage_names() == (
        "normalise", "heuristics", "language", "dedupe", "scrub", "dedupe_after_scrub", "split",
    )  # fmt: skip
    assert [export.format for export in recipe.exports] == ["alpaca", "prompt_completion"]


def test_units_of_several_shapes_leave_the_shape_to_each_unit(tmp_path: Path) -> None:
    text, recipe = proposed(
        put(tmp_path, "rows.jsonl", {"question": "q", "answer": "a"}, UNITS["messages"]), tmp_path
    )
    assert recipe.sources[0].shape == "auto"
    assert "# units of several shapes: messages 1, question_answer 1" in text


def test_a_share_of_rejects_that_would_fail_the_build_is_said_and_allowed(tmp_path: Path) -> None:
    rows = [{"question": "q", "answer": "a"}] * 9
    path = put(tmp_path, "rows.jsonl", *rows, {"question": "q"})
    text = propose_recipe(path, tmp_path, guess=True)
    assert parse_recipe(text, "r.yaml").max_reject_rate == 0.15
    said = "raised: 10.0% of the units of rows.jsonl that were looked at are rejected (ingest.field.missing)"
    assert f"{said}; allowed: 5% more" in left_out(text)
    assert proposed(path, tmp_path)[1].max_reject_rate == 0.01  # a build on the spot keeps the limit


def test_rejects_of_a_sound_file_raise_nothing(tmp_path: Path) -> None:
    faq = (
        "# Introduction\n\nWords about it.\n\n## What is rye?\n\nA grain.\n\n## Why rye?\n\nFor its taste.\n"
    )
    (tmp_path / "faq.md").write_text(faq, encoding="utf-8")
    text = propose_recipe(tmp_path / "faq.md", tmp_path, guess=True)
    assert parse_recipe(text, "r.yaml").max_reject_rate == 0.01
    assert left_out(text) == []


def test_no_limit_is_raised_for_a_file_that_mostly_fails(tmp_path: Path) -> None:
    good, bad = {"question": "q", "answer": "a"}, "no object"
    put(tmp_path, "poor.jsonl", good, bad, bad, bad)
    put(tmp_path, "fair.jsonl", *[good] * 19, bad)
    text = propose_recipe(tmp_path, tmp_path, guess=True)
    assert parse_recipe(text, "r.yaml").max_reject_rate == 0.1
    said = [line.split(" that were")[0] for line in left_out(text)]
    assert said == ["fails: 75.0% of the units of poor.jsonl", "raised: 5.0% of the units of fair.jsonl"]


def test_documents_about_the_data_are_left_out_unless_they_are_all_there_is(tmp_path: Path) -> None:
    asked = "# About\n\n## Who made it?\n\nA baker.\n\n## What for?\n\nFor bread.\n"
    names = ["CITATION.txt", "DATA_LICENSE.md", "README.md", "data-card.md", "datasheet.md"]
    for name in names:
        (tmp_path / name).write_text(asked, encoding="utf-8")
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "datasheet.md").write_text(asked, encoding="utf-8")
    put(tmp_path, "rows.jsonl", {"instruction": "q", "output": "a"})
    (tmp_path / "sheet of rye.md").write_text(asked, encoding="utf-8")
    text, recipe = proposed(tmp_path, tmp_path)
    assert [source.path for source in recipe.sources] == ["rows.jsonl", "sheet of rye.md"]
    why = "speaks about the data beside it; give it a source of its own if it is data"
    assert left_out(text) == [f"left out: {name}: {why}" for name in sorted([*names, "alone/datasheet.md"])]
    _, recipe = proposed(tmp_path / "alone", tmp_path)
    assert [source.path for source in recipe.sources] == ["alone/datasheet.md"]


def test_where_nothing_fits_a_guess_is_made_on_wish_and_marked(tmp_path: Path) -> None:
    put(tmp_path, "rows.jsonl", {"intent": "greeting", "n": "12", "text": "good morning to you"})
    with pytest.raises(SourceError, match="no known shape"):
        propose_recipe(tmp_path, tmp_path)
    text = propose_recipe(tmp_path, tmp_path, guess=True)
    recipe = parse_recipe(text, "r.yaml")
    assert recipe.sources[0].columns == {"instruction": "intent", "output": "text"}
    assert "guess: rows.jsonl fits no shape; its map is a guess from its longest texts: check it" in left_out(
        text
    )


def test_an_archive_is_one_source_and_a_damaged_one_is_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.jsonl", json.dumps({"question": "q", "answer": "a"}))
        archive.writestr("b.jsonl", json.dumps(UNITS["messages"]))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no archive at all")
    text, recipe = proposed(tmp_path, tmp_path)
    assert [(source.path, source.shape) for source in recipe.sources] == [("all.zip", "auto")]
    assert "# files of several shapes: messages, question_answer" in text
    assert any(line.startswith("left out: broken.zip: ") for line in left_out(text))


def test_files_beside_data_are_left_out_by_name_unless_they_hold_records(tmp_path: Path) -> None:
    put(tmp_path, "good.jsonl", {"instruction": "q", "output": "a"})
    put(tmp_path, "语料.txt", {"问": "q", "答": "a"}, {"问": "q", "答": "b"})
    (tmp_path / "README.md").write_text("# What this is\n\nSome words about it.\n", encoding="utf-8")
    (tmp_path / "weights.xyz").write_bytes(b"1")
    text, recipe = proposed(tmp_path, tmp_path)
    assert [source.shape for source in recipe.sources] == ["alpaca", "question_answer"]
    assert [line.split(":")[1].strip() for line in left_out(text)] == ["README.md", "weights.xyz"]


def test_files_that_are_left_out_are_named_with_why_and_their_columns(tmp_path: Path) -> None:
    put(tmp_path, "good.jsonl", {"instruction": "q", "output": "a"})
    put(tmp_path, "odd.jsonl", {"colour": "red", "shape\nof it": "round"})
    (tmp_path / "empty.jsonl").write_text("")
    text, recipe = proposed(tmp_path, tmp_path)
    assert [source.name for source in recipe.sources] == ["good"]
    assert "# 1 of 3 files can be read" in text
    left_out = [line for line in text.splitlines() if "left out" in line]
    assert [line.split()[3] for line in left_out] == ["empty.jsonl:", "odd.jsonl:"]
    assert "  #   columns: {instruction: ?, output: ?}   # its columns: colour, shape of it" in text


def test_a_file_that_cannot_be_opened_is_left_out_without_a_map(tmp_path: Path) -> None:
    put(tmp_path, "good.jsonl", {"instruction": "q", "output": "a"})
    (tmp_path / "broken.jsonl.gz").write_bytes(b"\x1f\x8b no gzip at all")
    (tmp_path / "picture.jsonl").write_bytes(b"\x89PNG\r\n\x1a\n" * 9)
    text, recipe = proposed(tmp_path, tmp_path)
    assert [source.path for source in recipe.sources] == ["good.jsonl"]
    assert "  # left out: broken.jsonl.gz: " in text
    assert "  # left out: picture.jsonl: " in text
    assert "columns:" not in text


def test_the_commented_map_works_when_it_is_filled_in(tmp_path: Path) -> None:
    put(tmp_path, "good.jsonl", {"instruction": "q", "output": "a"})
    put(tmp_path, "odd.jsonl", {"colour": "red", "form": "round"})
    text = propose_recipe(tmp_path, tmp_path)
    filled = text.replace("  # - name", "  - name").replace("  #   ", "    ")
    filled = filled.replace("{instruction: ?, output: ?}", "{instruction: colour, output: form}")
    recipe = parse_recipe(filled, "r.yaml")
    assert recipe.sources[1].columns == {"instruction": "colour", "output": "form"}
    assert len(plan(recipe, tmp_path).inputs) == 2


def test_a_folder_of_which_nothing_can_be_read_says_so(tmp_path: Path) -> None:
    put(tmp_path, "odd.jsonl", {"colour": "red"})
    with pytest.raises(SourceError, match=r"can be read as records:\n  odd\.jsonl: ") as caught:
        propose_recipe(tmp_path, tmp_path)
    assert "`columns:` map" in caught.value.hint


def test_files_alike_become_one_source_with_a_glob(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path, f"parts/{name}.jsonl", {"instruction": "q", "output": name})
    put(tmp_path, "parts/d.jsonl", {"question": "q", "answer": "a"})
    put(tmp_path, "more/a.jsonl", {"instruction": "q", "output": "x"})
    put(tmp_path, "more/b.jsonl", {"instruction": "q", "output": "y"})
    _, recipe = proposed(tmp_path, tmp_path)
    paths = {source.name: source.path for source in recipe.sources}
    assert paths == {
        "more": "more/*.jsonl",
        "parts": ("parts/a.jsonl", "parts/b.jsonl", "parts/c.jsonl"),
        "d": "parts/d.jsonl",
    }


def test_two_sources_never_share_a_name(tmp_path: Path) -> None:
    put(tmp_path, "x/a.jsonl", {"instruction": "q", "output": "a"})
    put(tmp_path, "y/a.jsonl", {"question": "q", "answer": "a"})
    put(tmp_path, "z/a.jsonl", {"prompt": "q", "completion": "a"})
    _, recipe = proposed(tmp_path, tmp_path)
    assert [source.name for source in recipe.sources] == ["a", "a-2", "a-3"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("2024.jsonl", "2024"), ("true.jsonl", "true"), ("1e5.jsonl", "1e5"), ("2024-01-01.jsonl", "2024-01-01"),
        ("null.jsonl", "null"), ("问答.jsonl", "data"), ("my file (2).jsonl", "my-file-2"), ("_x.jsonl", "x"),
    ],
)  # fmt: skip
def test_any_file_name_gives_a_name_that_yaml_reads_as_a_text(tmp_path: Path, file: str, name: str) -> None:
    path = put(tmp_path, file, {"instruction": "q", "output": "a"})
    _, recipe = proposed(path, tmp_path)
    assert (recipe.name, recipe.sources[0].name, recipe.sources[0].path) == (name, name, file)


def test_folders_with_wildcards_in_their_names_are_found_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path, f"set[1]/{name}.jsonl", {"instruction": "q", "output": name})
    _, recipe = proposed(tmp_path / "set[1]", tmp_path)
    assert recipe.sources[0].path == ("set[1]/a.jsonl", "set[1]/b.jsonl")


def test_paths_are_relative_to_the_recipe_where_they_can_be(tmp_path: Path) -> None:
    path = put(tmp_path, "in/rows.jsonl", {"instruction": "q", "output": "a"})
    assert proposed(path, tmp_path)[1].sources[0].path == "in/rows.jsonl"
    (tmp_path / "elsewhere").mkdir()
    assert proposed(path, tmp_path / "elsewhere")[1].sources[0].path == str(path)
