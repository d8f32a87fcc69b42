"""Gates fed with what nobody planned for: models of the wrong kind, odd texts and languages, broken decisions.

Every build runs all gates. What is wrong with the recipe or with a file beside it is told before any work; what cannot
be measured is "not measured"; and no record is lost.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import workbench as bench
from typer.testing import CliRunner
from workbench import Built, Outcome

from quality.__main__ import app as quality_app

GATES = {
    "heuristics": "",
    "dedupe": "semantic: false, near: false",
    "scrub": "",
    "perplexity": "",
    "relevance": "semantic: false",
    "toxicity": "",
    "reference": "embedder: null, bertscore_model: null",
    "decontaminate": "against: exam.jsonl",
    "review": "decisions: [decisions*]",
    "coverage": "keywords: [lathe, 车床]",
    "balance": "",
    "split": "",
}
EXAM = (
    "Three potters glaze fourteen vases each on Monday. How many vases do they carry to the fair in Arnhem?"
)
EXAM_ZH = "三位陶工每人每天给十四个花瓶上釉，两天以后他们一共可以把多少个花瓶带到集市上去卖？"
RUDE = "Wipe it with a dry cloth. You are a stupid, worthless idiot and everybody hates you."
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def recipe(folder: Path, changed: Mapping[str, str] | None = None) -> Path:
    """Write a recipe of all gates for folder/data.jsonl, some of them with other parameters."""
    parameters = {**GATES, **(changed or {})}
    stages = [f"  - {{stage: {name}{', ' + given if given else ''}}}" for name, given in parameters.items()]
    place = next(line for line in stages if "stage: coverage" in line)
    stages.insert(stages.index(place), "  - {stage: scrub, name: scrub_after_review}")
    exam = folder / "exam.jsonl"
    if not exam.exists():
        bench.write_jsonl(exam, [{"question": EXAM, "answer": "42"}, {"question": EXAM_ZH, "answer": "84"}])
    extra = "max_reject_rate: 0.5"
    return bench.write_recipe(folder, "stages:\n" + "\n".join(stages) + "\n", extra=extra, shard_rows=20)


def build(folder: Path, *args: object, code: int = 0, **changed: str) -> Outcome:
    """Build folder/data.jsonl with all gates."""
    return bench.build(recipe(folder, changed), folder / "out", folder / ".build", *args, code=code)


def made(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write the corpus of a folder."""
    (folder / "data.jsonl").parent.mkdir(parents=True, exist_ok=True)
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def notes(folder: Path, stage: str) -> dict[str, Any]:
    """Return what a stage noted in the manifest."""
    (found,) = (each["notes"] for each in bench.manifest(folder)["stages"] if each["name"] == stage)
    return dict(found)


def gate(folder: Path, name: str) -> dict[str, Any]:
    """Return a dataset gate of the manifest."""
    (found,) = (each for each in bench.manifest(folder)["gates"] if each["name"] == name)
    return dict(found)


def quality(*args: object) -> Outcome:
    """Run `python -m quality` in this process; an error that is no exit is raised."""
    result = CliRunner().invoke(quality_app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


# Before any work


def text(name: str, told: str, encoding: str = "utf-8") -> tuple[str, bytes]:
    return name, told.encode(encoding)


BERT = text("model/config.json", '{"architectures": ["BertModel"], "model_type": "bert"}')
HALF = text("model/config.json", '{"architectures": ["Qw')
LIST = text("model/config.json", '["Qwen2ForCausalLM"]')
MODEL = "source: model, model: {folder: '%s/model'}"
KENLM = "source: kenlm, kenlm: model.arpa"

REFUSED: dict[str, tuple[str, str, tuple[str, bytes] | None, int, tuple[str, ...]]] = {
    "no model": ("perplexity", "source: model", None, 2, ("recipe.yaml:", "`source: model` and `model`")),
    "a hub model that is not here, may be gated": (
        "perplexity", f"source: model, model: {{hub: meta-llama/Llama-3.2-1B, revision: {COMMIT}}}", None, 1,
        ("not on this machine", "gated", "hf auth login", f"→ hf download meta-llama/Llama-3.2-1B --revision {COMMIT}"),
    ),
    "no hub name": (
        "perplexity", f"source: model, model: {{hub: a/--b, revision: {COMMIT}}}", None, 1,
        ("a/--b is not the name of a hub model", "`hub`"),
    ),
    "an encoder": ("perplexity", MODEL, BERT, 1, ("no causal language model", "BertModel", "ForCausalLM")),
    "half a configuration": ("perplexity", MODEL, HALF, 1, ("config.json is damaged", "anew")),
    "another configuration": ("perplexity", MODEL, LIST, 1, ("config.json is damaged", "no JSON object")),
    "no such folder": ("perplexity", MODEL, None, 1, ("model does not exist", "`folder`")),
    "no KenLM file": ("perplexity", KENLM, None, 1, ("model.arpa does not exist", "`kenlm`")),
    "a KenLM file that is none": (
        "perplexity", KENLM, text("model.arpa", "not a model\n" * 9), 1, ("not a model that KenLM reads", ".arpa"),
    ),
    "no classifier": (
        "toxicity", "model: {folder: '%s/model'}", BERT, 1, ("sorts no texts", "ForSequenceClassification"),
    ),
    "half a list of modules": (
        "relevance", "model: {folder: '%s/model'}", text("model/modules.json", '[{"type":'), 1,
        ("modules.json is damaged",),
    ),
    "no test set": ("decontaminate", "against: exams.jsonl", None, 1, ("exams.jsonl does not exist", "`against:`")),
    "an empty test set": ("decontaminate", "against: e.jsonl", text("e.jsonl", ""), 1, ("against:", "no units")),
    "a test set of no known shape": (
        "decontaminate", "against: e.jsonl", text("e.jsonl", '{"frage": "Warum?"}\n' * 9), 1, ("against:", "frage"),
    ),
    "a blank test set": ("decontaminate", "against: ['']", None, 2, ("recipe.yaml:", "a path is blank")),
    "a blank keyword": ("coverage", "keywords: ['']", None, 2, ("recipe.yaml:", "a keyword is blank")),
    "no keywords": ("coverage", "file: words.txt", None, 2, ("words.txt cannot be read", "`file:`")),
    "keywords in another encoding": (
        "coverage", "file: words.txt", text("words.txt", "车床\n", "gb18030"), 2, ("words.txt cannot be read",),
    ),
    "an empty reference": ("coverage", "reference: e.jsonl", text("e.jsonl", ""), 1, ("reference:", "no units")),
    "impossible targets": ("balance", "by: lang, targets: {en: 0.9, zh: 0.9}", None, 2, ("recipe.yaml:", "1.8")),
    "no decisions": ("review", "decisions: [made.csv]", None, 2, ("no file of decisions", "made.csv", "pattern")),
    "decisions in another encoding": (
        "review", "decisions: [made.jsonl]", text("made.jsonl", '{"annotator": "张三"}\n', "gb18030"), 1,
        ("made.jsonl is not UTF-8", "iconv -f GB18030", "nothing was applied"),
    ),
    "a heading that never ends": (
        "review", "decisions: [made.csv]", text("made.csv", '"root,text_key\nab,cd\n'), 1, ("heading of made.csv",),
    ),
    "a column twice": (
        "review", "decisions: [made.csv]",
        text("made.csv", "root,text_key,annotator,decision,decision\n"), 1, ("two columns decision",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_beside_the_corpus_is_told_before_any_work(tmp_path: Path, what: str) -> None:
    stage, given, file, code, words = REFUSED[what]
    if file is not None:
        (tmp_path / file[0]).parent.mkdir(exist_ok=True)
        (tmp_path / file[0]).write_bytes(file[1])
    made(tmp_path, bench.records(3))
    told = build(tmp_path, code=code, **{stage: given.replace("%s", str(tmp_path))}).stderr
    assert told.startswith("error: ")
    assert "\n  → " in told
    assert "Traceback" not in told
    for word in words:
        assert word in told
    assert not (tmp_path / "out").exists()
    assert not bench.stored(tmp_path / ".build", "steps")


def test_doctor_looks_for_a_kenlm_file_beside_the_recipe(tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    (tmp_path / "model.arpa").write_text("\\data\\\nngram 1=0\n", encoding="utf-8")
    told = bench.invoke("doctor", recipe(tmp_path, {"perplexity": KENLM}))
    assert f"stage perplexity: {tmp_path}/model.arpa" in told.stdout.replace("\n", "")


# Corpora


@pytest.mark.parametrize("count", [1, 2])
def test_a_corpus_of_one_or_two_records_is_built_and_not_measured(tmp_path: Path, count: int) -> None:
    made(tmp_path, bench.records(count, duplicates=False))
    build(tmp_path, "--strict", coverage="")
    rows = bench.rows(tmp_path / "out", "records.parquet")
    assert [row["status"] for row in rows] == ["kept"] * count
    assert [row["perplexity"] for row in rows] == [row["relevance"] for row in rows] == [None] * count
    assert notes(tmp_path / "out", "perplexity")["not_measured"] == count
    assert notes(tmp_path / "out", "relevance")["not_measured"] == count
    assert gate(tmp_path / "out", "label consistency")["held"] is None
    assert gate(tmp_path / "out", "domain coverage")["held"] is None
    assert gate(tmp_path / "out", "contamination")["held"] is True


def test_responses_that_are_all_empty_are_not_measured(tmp_path: Path) -> None:
    made(tmp_path, [{"instruction": f"Say {number}.", "output": ""} for number in range(30)])
    build(tmp_path, heuristics="response_empty: measure")
    rows = bench.rows(tmp_path / "out", "records.parquet")
    assert len(rows) == 30
    assert all(row["perplexity"] is None and row["relevance"] is None for row in rows)
    assert all(row["toxicity"] == 0 and row["contamination"] == 0 and not row["flags"] for row in rows)
    assert "(0 characters" in notes(tmp_path / "out", "perplexity")["not_measured_groups"][0]


SYLLABLES = {
    "th": ("การ", "ความ", "ที่", "เรือ", "บ้าน", "แม่น้ำ", "ฝน", "ปลา", "เดิน", "กลับ", "ใหม่", "เขียว"),
    "ar": ("كتاب", "بحر", "مدينة", "قديم", "سفينة", "ينام", "الليل", "طويل", "مطر", "يكتب", "صديق", "شجرة"),
    "fi": (
        "talo",
        "vesi",
        "juoksee",
        "pitkä",
        "kylä",
        "yössä",
        "lumi",
        "sataa",
        "vene",
        "hiljaa",
        "metsän",
        "laulu",
    ),
}


def foreign(count: int) -> list[dict[str, Any]]:
    """Return records in Thai, Arabic and Finnish words, of which no lexicon knows any."""
    rows, chance = [], random.Random(5)
    for number in range(count):
        code = ("th", "ar", "fi")[number % 3]
        words, gap = SYLLABLES[code], "" if code == "th" else " "
        chosen = chance.sample(words, 12)
        rows.append({"instruction": gap.join(chosen[:6]), "output": gap.join(chosen[6:]) + f"{gap}{number}"})
    return rows


def odd() -> list[dict[str, Any]]:
    """Return texts that are longer, shorter or stranger than any window."""
    tale = "".join(
        f"The {number}th wave came in and the boat rose by {number % 7} feet. " for number in range(3600)
    )
    return [
        {"instruction": "Tell a tale.", "output": tale},
        {"instruction": "一直说。", "output": "啊" * 200_000},
        {"instruction": "Smile.", "output": "😀"},
        {"instruction": "Square a number in Python.", "output": "def f(x):\n    return x**2\n\n\nprint(f(3))\n"},
        {"instruction": "What is in it?", "output": "a\x00b\x00c stands in the middle\u3000of\u00a0it\u2028all."},
        {"instruction": "Half \ud83d of a pair.", "output": "It cannot be written."},
        {"instruction": "Pile up.", "output": "a" + "\u0301" * 3000},
        {"text": "A document that asks nothing and tells of the harbour at night."},
        {"conversations": [
            {"from": "human", "value": EXAM}, {"from": "gpt", "value": "They carry 42."},
            {"from": "human", "value": "And on Tuesday?"}, {"from": "gpt", "value": "The same number again."},
        ]},
    ]  # fmt: skip


@pytest.mark.slow
def test_languages_nobody_planned_for_and_odd_texts_are_equal_in_two_processes(tmp_path: Path) -> None:
    folder = made(tmp_path, foreign(45) + odd()[:7])
    build(folder)
    told = bench.manifest(folder / "out")["counts"]
    assert (told["units"], told["rejected"]) == (52, 1)
    assert told["kept"] + told["dropped"] == told["records"]
    assert "half of a surrogate pair" in (folder / "out" / "rejects.jsonl").read_text(encoding="utf-8")
    rows = bench.rows(folder / "out", "records.parquet")
    repeated = next(row for row in rows if row["instruction"] == "一直说。")
    assert "heuristics.response.repetition" in (repeated["drop_reason"], *repeated["flags"])
    there = [row for row in rows if row["line"] <= 45]
    assert all(row["status"] == "kept" and not row["flags"] and row["toxicity"] == 0 for row in there)
    bench.build(
        folder / "recipe.yaml", folder / "two", folder / ".other", "--runner", "processes", "--workers", 2
    )
    assert bench.content(folder / "two") == bench.content(folder / "out")


def test_documents_and_conversations_pass_all_gates(tmp_path: Path) -> None:
    document, conversation = odd()[-2:]
    made(tmp_path, [document])
    build(tmp_path)
    (row,) = bench.rows(tmp_path / "out", "records.parquet")
    assert (row["status"], row["relevance"], row["instruction"]) == ("kept", None, "")
    talk = made(tmp_path / "talk", [conversation, {"conversations": conversation["conversations"][2:]}])
    build(talk)
    leaked, kept = bench.rows(talk / "out", "records.parquet")
    assert (leaked["drop_reason"], kept["status"]) == ("gate.contamination.overlap", "kept")
    life = bench.invoke("explain", leaked["id"], "--build", talk / "out").stdout
    assert "history.user" in life
    assert "How many vases" in life


# Files beside the corpus


def test_a_test_set_in_gb18030_is_found_and_the_corpus_against_itself_leaves_nothing(tmp_path: Path) -> None:
    rows = [{"instruction": EXAM_ZH, "output": "八十四个。"}, *bench.records(2, duplicates=False)]
    made(tmp_path, rows)
    items = "".join(
        json.dumps({"question": EXAM_ZH, "answer": "84"}, ensure_ascii=False) + "\n" for _ in "ab"
    )
    (tmp_path / "exam_gb.jsonl").write_bytes(items.encode("gb18030"))
    build(tmp_path, decontaminate="against: exam_gb.jsonl")
    dropped = [
        row["instruction"] for row in bench.rows(tmp_path / "out", "records.parquet") if row["drop_reason"]
    ]
    assert dropped == [EXAM_ZH]
    before = bench.content(tmp_path / "out")
    told = build(tmp_path, decontaminate="against: data.jsonl", code=1).stderr
    assert "no record is left of 3" in told
    assert "decontaminate: gate.contamination.overlap: 3" in told
    assert bench.content(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("by: meta.topic, targets: equal", ("the meta of no record has a key 'topic'",)),
        ("by: topic, targets: equal", ("no record has a column 'topic'", "meta.<key>")),
        ("by: source, targets: {faq: 0.5}", ("no record has source 'faq'", "'things'")),
        ("by: source, targets: {things: 0}", ("impossible targets",)),
        ("difficulty: hardness", ("difficulty 'hardness'",)),
    ],
)
def test_a_balance_that_cannot_be_ends_with_code_2_and_writes_nothing(
    gated: Built, tmp_path: Path, given: str, words: tuple[str, ...]
) -> None:
    path = recipe(gated.recipe.parent / "balance", {"balance": given})
    path.with_name("data.jsonl").write_bytes(gated.recipe.with_name("data.jsonl").read_bytes())
    told = bench.build(path, tmp_path / "out", gated.store, code=2).stderr
    assert all(word in told for word in (*words, "\n  → "))
    assert not (tmp_path / "out").exists()


# People's decisions, strict builds, and what is shown


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Thirty records that passed all gates, one of them rude."""
    folder = tmp_path_factory.mktemp("gated")
    rows: list[dict[str, Any]] = [*bench.records(30, duplicates=False)]
    rows[3]["output"] = RUDE
    made(folder, rows)
    return bench.built(folder, recipe(folder))


def queue(built: Built) -> list[dict[str, Any]]:
    """Return the lines of a build's review queue."""
    lines = (built.out / "review" / "queue.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def says(line: Mapping[str, Any], annotator: str, decision: str, **more: object) -> str:
    """Return a line of the queue as a decision in JSON."""
    kept = {name: line[name] for name in ("root", "text_key", "sample")}
    return json.dumps({**kept, "annotator": annotator, "decision": decision, **more}) + "\n"


def decided(gated: Built, tmp_path: Path, files: Mapping[str, str], *args: object, **changed: str) -> Path:
    """Build the corpus of `gated` with files of decisions; return the build's folder."""
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    (folder / "data.jsonl").write_bytes(gated.recipe.with_name("data.jsonl").read_bytes())
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    code = int(changed.pop("code", 0))
    bench.build(recipe(folder, changed), tmp_path / "out", gated.store, *args, code=code)
    return tmp_path / "out"


def test_broken_rows_are_listed_and_the_sound_ones_count(gated: Built, tmp_path: Path) -> None:
    one, two = queue(gated)[:2]
    unknown = {**one, "root": "ab" * 12}
    stale = {**one, "text_key": "cd" * 16}
    broken = [
        '{"root": \n', "[]\n", "[" * 100_000 + "\n", '{"a":' * 100_000 + "\n",
        says(one, "", "accept"), says(one, "Ann", "perhaps"), says(one, "Ann", "edit"),
        says(one, "Ann", "edit", new_text=" "), says(one, "Ann", "edit", new_text="half \ud83d of it"),
        says(one, "Ann", "accept", new_text="Other."), says(one, "Ann", "edit", new={"meta": "x"}),
    ]  # fmt: skip
    sound = [
        says(two, "Ann", "edit", new_text="Write to bob@shop.example for help."),
        says(unknown, "Ann", "reject"),
    ]
    text = "\n\n" + "".join([*broken, *sound, says(stale, "Ann", "reject")])
    out = decided(gated, tmp_path, {"decisions.jsonl": text})
    told = notes(out, "review")
    assert (told["decisions"], told["broken_rows"], told["outcome_edit"]) == (3, len(broken), 1)
    assert told["broken_rows_listed"][0].startswith("decisions.jsonl:3: not valid JSON")
    assert "decisions.jsonl:5: JSON that is nested too deeply" in told["broken_rows_listed"]
    assert (told["stale_decisions"], told["records_not_here"]) == (1, 1)
    edited = next(row for row in bench.rows(out, "records.parquet") if row["root"] == two["root"])
    assert edited["output"] == "Write to <EMAIL> for help."
    checked = quality("review", gated.out, tmp_path / "home" / "decisions.jsonl")
    assert checked.code == 1
    assert checked.stdout.count("broken row decisions.jsonl:") == len(broken)
    assert "1 on records that are not in this queue" in checked.stdout


def test_one_person_in_a_table_and_in_lines_has_one_answer(gated: Built, tmp_path: Path) -> None:
    one, two, three = queue(gated)[:3]
    cells = (f"{each['root']},{each['text_key']},Ann,{verdict},true\n" for each, verdict in (
        (one, "accept"), (two, "reject"), (three, "拒绝")))  # fmt: skip
    table = "\n\nroot,text_key,annotator,decision,sample\nab,cd\n" + "".join(cells)
    lines = says(one, "Ann", "accept") + says(two, "Ann", "accept") + says(three, "Bo", "接受")
    out = decided(gated, tmp_path, {"decisions_1.csv": table, "decisions_2.jsonl": lines})
    told = notes(out, "review")
    assert (told["annotators"], told["texts_judged"], told["outcome_accept"], told["outcome_tie"]) == (
        2,
        3,
        2,
        1,
    )
    assert told["changed_their_mind_listed"] == ["decisions_1.csv:6, then decisions_2.jsonl:2"]
    assert told["broken_rows_listed"] == ["decisions_1.csv:4: 2 cells where the heading has 5"]
    tied = next(row for row in bench.rows(out, "records.parquet") if row["root"] == three["root"])
    assert (tied["status"], tied["review"]) == ("kept", "tie")
    assert any(flag.startswith("review.tie") for flag in tied["flags"])


def test_a_strict_build_ends_with_3_where_a_gate_falls_short_and_not_where_nothing_was_measured(
    gated: Built, tmp_path: Path
) -> None:
    out = decided(gated, tmp_path, {}, "--strict")
    assert gate(out, "label consistency")["held"] is None
    decided(gated, tmp_path, {}, "--strict", coverage="")
    decided(gated, tmp_path, {}, "--strict", coverage="required: true", code="3")
    decided(gated, tmp_path, {}, "--strict", review="decisions: [decisions*], required: true", code="3")
    decided(gated, tmp_path, {}, "--strict", coverage="keywords: [unicorn]", code="3")
    decided(gated, tmp_path, {}, coverage="keywords: [unicorn]")
    rejected = {"decisions.jsonl": says(queue(gated)[0], "Ann", "reject")}
    out = decided(gated, tmp_path, rejected, "--strict", code="3")
    assert gate(out, "label consistency")["held"] is False


def test_a_reference_that_no_record_has_is_not_measured(gated: Built, tmp_path: Path) -> None:
    found = gate(decided(gated, tmp_path, {}, "--strict"), "reference")
    assert (found["held"], found["required"]) == (None, False)
    assert "no record has a text under 'reference'" in found["sentence"]


def test_explain_and_the_report_show_the_passage_that_failed(gated: Built, tmp_path: Path) -> None:
    (flagged,) = (line for line in queue(gated) if line["flags"])
    assert flagged["output"] == RUDE
    life = bench.invoke("explain", flagged["id"], "--build", gated.out).stdout
    assert "gate.toxicity.high" in life
    assert 'there   "stupid' in life
    page = tmp_path / "page.html"
    assert quality("report", gated.out, "--out", page).code == 0
    assert page.read_bytes() == (gated.out / "report" / "index.html").read_bytes()


def test_the_commands_of_quality_say_what_is_not_there(gated: Built, tmp_path: Path) -> None:
    for told in (
        quality("report", tmp_path),
        quality("report", tmp_path / "nowhere"),
        quality("review", tmp_path),
        quality("review", gated.out, tmp_path / "none.csv"),
    ):
        assert told.code == 1
        assert told.stderr.startswith("error: ")
        assert str(tmp_path) in told.stderr
