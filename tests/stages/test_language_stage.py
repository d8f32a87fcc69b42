"""The language stage on tables: unwanted, mismatch, mixed, declared, and what is never condemned."""

from __future__ import annotations

import json
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

import quality.language
from pipeline.errors import RecipeError
from pipeline.record import RECORD_SCHEMA
from pipeline.stages.language import COLUMNS, FACTS, LanguageParams, LanguageStage

STAGE = LanguageStage()
EN = "You can unplug the charger as soon as its light turns green."
ZH = "充电器的灯变绿以后，就可以拔下来了。"
DE = "Sobald das Licht am Ladegerät grün wird, können Sie es aus der Steckdose ziehen."
ASK_EN = "When may I unplug the charger of my bike?"
ASK_ZH = "我的电动车什么时候可以拔下充电器？"


def decided(
    *records: dict[str, Any], **params: Any
) -> tuple[list[tuple[str, str, str]], pa.Table, list[Any]]:
    """Return (id, action, reason) of every change, the decided columns, and the evidence of each change."""
    rows = [
        {"system": "", "history": [], "instruction": "", "input": "", "output": "", "lang": ""} | record
        for record in records
    ]
    chosen = LanguageParams(**params)
    (measure,) = STAGE.measures(chosen)
    batch = pa.table({n: pa.array([r[n] for r in rows], RECORD_SCHEMA.field(n).type) for n in measure.reads})
    facts = STAGE.measure(measure, batch, None, None)  # type: ignore[arg-type]
    assert facts.schema == FACTS
    facts = facts.append_column("id", pa.array([f"r{row}" for row in range(len(rows))]))
    facts = facts.append_column("lang", pa.array([row["lang"] for row in rows]))
    decision = STAGE.decide(facts, None, chosen)
    table = decision.changes.table().to_pylist()
    assert decision.columns is not None
    evidence = [json.loads(row["evidence"]) for row in table]
    return [(row["id"], row["action"], row["reason"]) for row in table], decision.columns, evidence


def record(instruction: str, output: str, **more: Any) -> dict[str, Any]:
    return {"instruction": instruction, "output": output} | more


@pytest.mark.parametrize(("ask", "answer"), [(ASK_EN, ZH), (ASK_ZH, EN), (ASK_EN, DE), (ASK_ZH, DE)])
def test_an_answer_in_a_language_that_nobody_asked_for_is_dropped(ask: str, answer: str) -> None:
    changes, _, (evidence,) = decided(record(ask, answer))
    assert changes == [("r0", "drop", "language.mismatch")]
    assert evidence["side"] == "response" and evidence["language"] != evidence["prompt"]
    assert not {ask, answer} & set(map(str, evidence.values()))


@pytest.mark.parametrize(
    "good",
    [
        record(ASK_EN, EN),
        record(ASK_ZH, ZH),
        record("Translate into Chinese.", ZH, input=EN),
        record("把下面这句话翻译成英文。", EN, input=ZH),
        record("翻译：" + ZH, EN),
        record("Explain in Chinese when I may unplug the charger.", ZH),
        record("请用德语写一句关于充电的话。", DE),
        record("Correct the mistakes in the sentence.", ZH, input="充电器的灯变录以后，就可以拔下来了。"),
        record("Which is right?", ZH, input="A: 灯变绿就可以拔。 B: 灯变红就可以拔。"),
        record(ASK_ZH, "OK"),
        record(ASK_ZH, "Sure, no problem!"),
        record(ASK_ZH, "TensorFlow, PyTorch, scikit-learn, Hugging Face Transformers, Keras, Apache MXNet"),
        record(ASK_ZH, "```python\nfor light in lights_of_the_charger:\n    if light == 'green': unplug()\n```"),
        record(ASK_ZH, "kubectl get pods --all-namespaces | grep charger && echo done with it"),
        record(ASK_ZH, "\\frac{a}{b} = \\sqrt{c}, x = 3"),
        record(ASK_EN, "北京"),
        record("List some apps.", "WeChat 微信, Alipay 支付宝"),
        record("嗯", EN),
        record("", EN),
        record(ASK_ZH, EN, history=[{"user": ASK_EN, "assistant": EN}]),
        record(ASK_ZH, EN, system="Always answer in English."),
        record("Karl, Anna, Otto", DE),
        record(ASK_ZH, "以下是五家店：\n1. The Bike Barn\n2. Spokes and Co\n3. Out of Gear\n4. On the Road"),
        record("Which are in Peru: Lima, Cusco, La Paz?", "Lima: Peru\nCusco: Peru\nLa Paz: Bolivia\nSucre: Bolivia"),
        record("Generate a comment on a movie article.", "What a moving story; I would love to see it again."),
        record("用一行命令删除旧文件。", "find logs -name '*.log' --print | xargs rm -f && echo all of it is gone"),
        record("Localize the sentence for the target culture.", "El fin de semana está cerca y es hora de descansar."),
        record("嗨，do you know the band?", "你好！我知道这个乐队，他们来自冰岛，唱的歌很好听。"),
    ],
)  # fmt: skip
def test_what_was_asked_for_quoted_short_or_code_is_left_alone(good: dict[str, Any]) -> None:
    assert decided(good)[0] == []


def test_an_instruction_to_answer_in_a_language_binds_whatever_the_prompt_is_in() -> None:
    assert decided(record("请用英语回答：" + ASK_ZH, ZH))[0] == [("r0", "drop", "language.mismatch")]
    assert decided(record("请用英语回答：" + ASK_ZH, EN))[0] == []
    assert decided(record(f"Answer in Chinese: {ASK_EN}", EN))[0] == [("r0", "drop", "language.mismatch")]


def test_only_wanted_languages_stay() -> None:
    rows = [record(ASK_EN, EN), record(ASK_ZH, ZH), record("Wann darf ich das Ladegerät abziehen?", DE)]
    assert decided(*rows)[0] == []
    assert decided(*rows, wanted=["en", "zh"])[0] == [("r2", "drop", "language.unwanted")]
    assert decided(*rows, wanted=["de"], unwanted="flag")[0] == [
        ("r0", "flag", "language.unwanted"),
        ("r1", "flag", "language.unwanted"),
    ]


def test_what_is_undetermined_or_to_be_translated_is_not_unwanted() -> None:
    rows = [
        record("print?", "```python\nprint(1)\n```"),
        record("把下面的英文翻译成中文。\n" + EN * 3, ZH),
        record("翻译", ZH, input=EN),
        record('Say "Das ist ein sehr schönes Auto und es fährt schnell" in English.', "That is a fine car."),
    ]
    assert decided(*rows[:3], wanted=["zh"])[0] == []
    assert decided(rows[3], wanted=["en"])[0] == []


def test_a_response_in_two_languages_is_flagged() -> None:
    both = f"{ZH}{ZH}\n{EN} {EN}"
    assert decided(record(ASK_ZH, both))[0] == [("r0", "flag", "language.mixed")]
    assert decided(record(ASK_ZH, both), mixed="drop")[0] == [("r0", "drop", "language.mixed")]
    assert decided(record(ASK_ZH, both), mixed="keep")[0] == []
    assert decided(record("请翻译成英文，并保留中文原文：" + ZH, both))[0] == []
    assert decided(record(ASK_ZH, f"{ZH}{ZH}{ZH}{ZH}\n{EN}"), min_main_share=0.5)[0] == []


def test_each_reason_can_be_flagged_or_kept() -> None:
    wrong = record(ASK_EN, ZH)
    assert decided(wrong, mismatch="flag")[0] == [("r0", "flag", "language.mismatch")]
    assert decided(wrong, mismatch="keep")[0] == []
    assert decided(wrong, wanted=["en"], unwanted="keep", mismatch="keep")[0] == []


def test_a_record_is_dropped_once() -> None:
    assert decided(record(ASK_EN, ZH), wanted=["en"])[0] == [("r0", "drop", "language.unwanted")]


def test_a_few_words_do_not_tell_languages_of_one_script_apart() -> None:
    short, english = (
        record("Что это?", "Сейчас это самая простая задача."),
        record(ASK_EN, "Сейчас это самая простая задача."),
    )
    for wanted in (["ru"], ["bg"], ["uk"]):
        assert decided(short, wanted=wanted)[0] == []
    assert decided(short, wanted=["en"])[0] == [("r0", "drop", "language.unwanted")]
    assert decided(english)[0] == [("r0", "drop", "language.mismatch")]


def test_thresholds_move_the_decision() -> None:
    short = record(ASK_ZH, "No, that is not what it is for.")
    assert decided(short)[0] == [("r0", "drop", "language.mismatch")]
    assert decided(short, min_letters=40)[0] == []
    assert decided(record(ASK_EN, ZH), min_confidence=1.0)[0] == [("r0", "drop", "language.mismatch")]


def test_lang_is_the_declared_one_unless_the_text_contradicts_it() -> None:
    changes, columns, evidence = decided(
        record(ASK_EN, EN, lang="en-GB"),
        record(ASK_ZH, ZH, lang="en"),
        record(ASK_ZH, ZH),
        record("把它翻译成英文。", EN, lang="zh"),
        record("?", "42"),
        record("?", "42", lang="zh"),
        record(ASK_ZH, "```\nls\n```"),
    )
    assert columns.column("lang").to_pylist() == ["en-GB", "zh", "zh", "zh", "und", "zh", "zh"]
    assert changes == [("r1", "flag", "language.declared")]
    assert evidence[0]["declared"] == "en" and evidence[0]["language"] == "zh"
    assert decided(record(ASK_ZH, ZH, lang="en"), declared="keep")[0] == []


def test_columns_say_what_was_found() -> None:
    _, columns, _ = decided(record(ASK_EN, ZH), record(ASK_ZH, "OK"))
    assert set(columns.column_names) == {"id", "lang", *(f"language_{name}" for name in COLUMNS)}
    assert columns.column("language_prompt").to_pylist() == ["en", "zh"]
    assert columns.column("language_response").to_pylist() == ["zh", "und"]
    assert columns.column("language_response_variant").to_pylist() == ["Hans", ""]


def test_thresholds_and_actions_do_not_alter_the_measure_and_the_library_does() -> None:
    plain = STAGE.measures(LanguageParams())
    moved = LanguageParams(
        wanted=("en",), mixed="drop", min_letters=5, min_confidence=0.5, min_main_share=0.9
    )
    assert STAGE.measures(moved) == plain
    assert STAGE.measures(LanguageParams(library="none")) != plain


def test_a_missing_library_is_named_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("pipeline.stages.language.version", missing)
    with pytest.raises(RecipeError, match="asks lingua, which is not installed") as caught:
        STAGE.measures(LanguageParams())
    assert "pip install -c constraints.txt lingua-language-detector" in str(caught.value.hint)
    assert dict(STAGE.measures(LanguageParams(library="none"))[0].params)["library_version"] == ""


def test_the_measure_is_renewed_when_its_tables_change() -> None:
    folder = Path(quality.language.__file__).parent
    digests = {
        n: blake2b((folder / n).read_bytes(), digest_size=6).hexdigest() for n in ("tables.npz", "words.json")
    }
    (measure,) = STAGE.measures(LanguageParams())
    # Other tables make other numbers: with new digests here, raise the measure's version.
    assert (measure.version, digests) == (1, {"tables.npz": "1c1c69401338", "words.json": "86e71b53f714"})


def test_an_unknown_language_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"unknown: english; known: af, ar, .*zu"):
        LanguageParams(wanted=("english",))
