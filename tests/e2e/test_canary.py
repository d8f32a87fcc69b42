"""Two hundred planted values leave by no door: no file that a build writes, not the screen, not `explain`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import workbench as bench
from canary import Canary, canaries

STAGES = """\
stages:
  - stage: normalise
  - stage: heuristics
  - {stage: language, wanted: [en, zh]}
  - {stage: dedupe, semantic: false, near: false}
  - {stage: scrub, replace: %s}
  - {stage: dedupe, name: again, semantic: false, near: false}
  - {stage: split, train: 0.8, validation: 0.1, test: 0.1}
exports:
  - format: alpaca
  - format: messages
  - {format: text, template: "{prompt} {output}"}
"""
FIELDS = ("instruction", "input", "output", "history", "system", "meta")
ANSWER = {
    "en": "Thank you, we have written that down and will look after it soon.",
    "zh": "谢谢，我们已经记下来了，会尽快处理这件事。",
}
LONG = {
    "en": "Thank you for the message. The workshop opens at nine, the van leaves at noon.",
    "zh": "谢谢您的留言。维修间九点开门，送货车中午出发，同事会跟进处理，有结果以后马上告诉您，请放心等待。",
}
REFUSAL = "I'm sorry, but as an AI language model I cannot help with that request."
ASK = {"en": "Please note for case {}: ", "zh": "请登记第{}号事项："}


def unit(number: int, canary: Canary, field: str) -> dict[str, Any]:
    """Return a unit that holds a value in one of its fields."""
    told = {
        "system": "", "history": [], "instruction": f"{ASK[canary.lang].format(number)}?", "input": "",
        "output": f"{ANSWER[canary.lang]} ({number})",
    }  # fmt: skip
    if field == "history":
        told["history"] = [[canary.sentence, ANSWER[canary.lang]]]
    elif field == "meta":
        told["contact"] = {"note": canary.sentence, "n": number}
    else:
        told[field] = f"{told[field]} {canary.sentence}".strip()
    return told


def dropped(number: int, canary: Canary) -> list[dict[str, Any]]:
    """Return units that a stage before the scrub drops: a refusal, an answer in another language, a copy."""
    what = number % 3
    if what == 0:
        return [{**unit(number, canary, "instruction"), "output": REFUSAL}]
    other = "zh" if canary.lang == "en" else "en"
    if what == 1:
        return [{**unit(number, canary, "instruction"), "output": LONG[other]}]
    return [unit(number, canary, "output")] * 2


@pytest.fixture(scope="module")
def planted() -> list[Canary]:
    return canaries(220)


def write_home(home: Path, planted: list[Canary], replace: str) -> Path:
    """Write the inputs and the recipe: most values in records that are kept, some in what is dropped or rejected."""
    rows: list[Any] = []
    broken: list[str] = []
    for number, canary in enumerate(planted):
        if number % 5 == 4:
            rows += dropped(number // 5, canary)
        elif number % 11 == 10:
            broken.append(
                json.dumps({"instruction": canary.sentence, "output": "x"}, ensure_ascii=False)[:-3]
            )
        else:
            rows.append(unit(number, canary, FIELDS[number % len(FIELDS)]))
    bench.write_jsonl(home / "data.jsonl", rows)
    with (home / "data.jsonl").open("a", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in broken)
    table = ["question,answer", f'"How?","{ANSWER["en"]}"']
    table += [f'"{canary.sentence}","{ANSWER[canary.lang]}","{canary.value}"' for canary in planted[::23]]
    (home / "table.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    extra = "max_reject_rate: 0.5"
    recipe = bench.write_recipe(home, STAGES % replace, extra=extra)
    text = recipe.read_text(encoding="utf-8")
    source = '  - {name: things, path: "data.jsonl"}\n'
    assert source in text
    recipe.write_text(
        text.replace(source, f"{source}  - {{name: table, path: table.csv}}\n"), encoding="utf-8"
    )
    return recipe


@pytest.fixture(scope="module", params=["tag", "pseudonym"])
def built(
    request: pytest.FixtureRequest, planted: list[Canary], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[bench.Built]:
    home = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PII_KEY", "0123456789abcdef0123456789abcdef")
        yield bench.built(home, write_home(home, planted, request.param))


def decoded(path: Path) -> str:
    """Return all that a file says: a table as JSON, everything else as it is."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path, partitioning=None).to_pylist()
        # A column may hold JSON: what is escaped there is unescaped, too.
        return "\n".join(
            " ".join(json.dumps(value, ensure_ascii=False).replace('\\"', '"') for value in row.values())
            for row in rows
        )
    return path.read_bytes().decode("utf-8", "replace")


def leaks(text: str, planted: list[Canary]) -> list[tuple[str, str, str]]:
    """Return which values stand in a text, in the forms that JSON may give them."""
    return [
        (canary.kind, canary.lang, canary.value)
        for canary in planted
        if any(form in text for form in {canary.value, json.dumps(canary.value)[1:-1]})
    ]


def test_the_values_are_where_they_were_planted(built: bench.Built, planted: list[Canary]) -> None:
    """The test of the test: every value is in the inputs, and records of every fate were written."""
    inputs = "".join(decoded(built.recipe.parent / name) for name in ("data.jsonl", "table.csv"))
    assert len(leaks(inputs, planted)) == len(planted) >= 200
    assert len({(canary.kind, canary.lang) for canary in planted}) >= 30
    manifest = bench.manifest(built.out)
    assert manifest["counts"]["rejected"] > 15
    fates = {row["dropped_by"] for row in bench.rows(built.out, "records.parquet")}
    assert {None, "heuristics", "language", "dedupe"} <= fates


def test_no_file_of_the_build_holds_any_value(built: bench.Built, planted: list[Canary]) -> None:
    files = [path for path in sorted(built.out.rglob("*")) if path.is_file()]
    assert {path.suffix for path in files} >= {".parquet", ".jsonl", ".json", ".md"}
    found = {path.relative_to(built.out).as_posix(): leaks(decoded(path), planted) for path in files}
    assert {name: told for name, told in found.items() if told} == {}


def test_neither_the_screen_nor_explain_shows_a_value(built: bench.Built, planted: list[Canary]) -> None:
    assert leaks(built.printed, planted) == []
    for row in bench.rows(built.out, "records.parquet")[::7]:
        shown = bench.invoke("explain", row["id"], "--build", built.out)
        assert shown.code == 0, shown.stderr
        assert leaks(shown.stdout, planted) == []
    told = {row["reason"] for row in bench.rows(built.out, "ledger.parquet") if row["stage"] == "scrub"}
    assert told >= {"pii.email", "pii.phone", "pii.cn_id", "pii.bank_card"}


def test_the_store_holds_no_text_after_gc_raw(
    built: bench.Built, planted: list[Canary], tmp_path: Path
) -> None:
    store = bench.fresh_copy(built.store, tmp_path / "store")
    for path in sorted(store.rglob("*")):
        if path.is_file() and path.suffix == ".parquet" and path.parts[-3] == "shards":
            break
    else:
        pytest.fail("the store held no shard to begin with")
    assert bench.invoke("gc", "--raw", "--store", store).code == 0
    left = {}
    for path in sorted(store.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            text = decoded(path) if path.suffix == ".parquet" else data.decode("utf-8", "replace")
            wide = data.decode("utf-16-le", "replace")
            left[path.name] = leaks(text, planted) + leaks(wide, planted)
    assert {name: told for name, told in left.items() if told} == {}
    assert not list(store.glob("shards/**/*.parquet"))


def test_scrubbing_what_was_written_finds_nothing(built: bench.Built, tmp_path: Path) -> None:
    replace = "pseudonym" if "pseudonym" in built.recipe.read_text(encoding="utf-8") else "tag"
    rows = [
        {
            **{name: row[name] for name in ("system", "instruction", "input", "output")},
            "history": [[turn["user"], turn["assistant"]] for turn in row["history"]],
            **json.loads(row["meta"]),
        }
        for row in bench.rows(built.out, "records.parquet")
    ]
    bench.write_jsonl(tmp_path / "data.jsonl", rows)
    stages = f"stages: [{{stage: normalise}}, {{stage: scrub, replace: {replace}}}]\n"
    again = bench.built(tmp_path, bench.write_recipe(tmp_path, stages))
    edits = [row for row in bench.rows(again.out, "ledger.parquet") if row["stage"] == "scrub"]
    assert edits == []


def test_messages_about_units_that_cannot_be_read_hold_no_value(
    planted: list[Canary], tmp_path: Path
) -> None:
    recipe = write_home(tmp_path, planted, "tag")
    text = recipe.read_text(encoding="utf-8").replace("max_reject_rate: 0.5", "max_reject_rate: 0.01")
    recipe.write_text(text, encoding="utf-8")
    ended = bench.build(recipe, tmp_path / "out", tmp_path / ".build", code=1)
    assert "cannot be read" in ended.stderr
    assert leaks(ended.stderr + ended.stdout, planted) == []


def test_the_manifest_does_not_repeat_lists_of_personal_data(tmp_path: Path) -> None:
    bench.write_jsonl(
        tmp_path / "data.jsonl", [{"instruction": "Who?", "output": "Zubrowka did it, not Bilbo."}]
    )
    stages = "stages: [{stage: scrub, deny: {firm: [Zubrowka]}, allow: [Frodo Bolger]}]\n"
    one = bench.built(tmp_path, bench.write_recipe(tmp_path, stages))
    whole = "".join(decoded(path) for path in one.out.rglob("*") if path.is_file()) + one.printed
    assert "Zubrowka" not in whole and "Frodo" not in whole
    assert "1 values, digest " in whole
    assert "<FIRM> did it" in whole
