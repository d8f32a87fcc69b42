"""The boilerplate stage through a build: which records share a canned reply, and what is left alone."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner

PROMPTS = (
    "When does the shop in the old harbour open?",
    "My rear brake rubs after the last rain.",
    "Can you lend me a trailer for moving house?",
    "The display forgot which language it speaks.",
    "链条上有一层白色的粉末。",
    "上个月的发票寄错了地址。",
    "孩子的座椅能装在横梁上吗？",
    "轮胎扎了钉子还能骑回家吗？",
)
CANNED = "Dear {}, thank you for contacting us. Your request {} is important to us and will be answered soon."
CHINESE = "{}您好，感谢您的来信，您的问题对我们非常重要，我们将在{}个工作日内回复。"


def built(
    corner: Corner, rows: list[dict[str, str]], **params: Any
) -> tuple[list[dict[str, Any]], list[str | None]]:
    """Build rows with the one stage; return the ledger and, row by row, why each was dropped."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (corner.folder / "data.jsonl").write_text(lines, "utf-8")
    out = corner.build(corner.plan(json.dumps([{"stage": "boilerplate", **params}])))
    ledger = pq.read_table(out / "ledger.parquet", partitioning=None).to_pylist()
    columns = ["line", "status", "drop_reason"]
    records = pq.read_table(out / "records.parquet", columns=columns, partitioning=None).to_pylist()
    records.sort(key=lambda row: row["line"])
    return ledger, [row["drop_reason"] if row["status"] == "dropped" else None for row in records]


def asked(prompt: str, output: str, input_: str = "") -> dict[str, str]:
    return {"instruction": prompt, "input": input_, "output": output}


def test_one_reply_to_many_prompts_is_dropped_whatever_name_and_number_it_holds(corner: Corner) -> None:
    names, own = ("Mr Smith", "Anna", "Tom Lee", "Ms Okafor"), ("王先生", "李女士", "陈老师", "欧阳先生")
    rows = [asked(PROMPTS[n], CANNED.format(names[n], 4711 + n)) for n in range(4)]
    rows += [asked(PROMPTS[4 + n], CHINESE.format(own[n], n + 2)) for n in range(4)]
    rows += [
        asked(
            "How long is the warranty?", "Two years from the day on which you bought it, batteries included."
        )
    ]
    ledger, dropped = built(corner, rows)
    assert dropped == ["gate.boilerplate"] * 8 + [None]
    evidence = json.loads(ledger[0]["evidence"])
    assert (
        evidence["shared_by_records"],
        evidence["shared_by_prompts"],
        evidence["value"],
        evidence["threshold"],
    ) == (
        4,
        4,
        4,
        3,
    )
    assert {row["action"] for row in ledger} == {"drop"} and evidence["first_record"] in {
        row["id"] for row in ledger
    }


@pytest.mark.parametrize(
    "answer", ["Yes", "是", "positive", "42", "True", "Yes, that is right.", "对，没错。"]
)
def test_a_short_answer_may_be_right_for_everyone(corner: Corner, answer: str) -> None:
    assert set(built(corner, [asked(prompt, answer) for prompt in PROMPTS])[1]) == {None}


def test_a_label_in_a_sentence_and_variants_of_one_question_stay(corner: Corner) -> None:
    label = "The sentiment of this customer's review is positive, so it goes to the first folder."
    rows = [asked("Tell the sentiment of the customer's review.", label, prompt) for prompt in PROMPTS]
    answer = "Hold the two buttons on its left for ten seconds, until all of the lights are off again."
    rows += [
        asked(question, answer)
        for question in (
            "How do I reset my charger?",
            "How can I reset the charger at home?",
            "Is there a way to reset a charger?",
            "charger reset",
        )
    ]
    assert set(built(corner, rows)[1]) == {None}


def test_results_that_differ_in_a_number_stay(corner: Corner) -> None:
    rows = [
        asked(prompt, f"All in all that comes to {n * 7 + 12} pieces.") for n, prompt in enumerate(PROMPTS)
    ]
    assert set(built(corner, rows)[1]) == {None}


def test_thanks_are_welcome(corner: Corner) -> None:
    rows = [
        asked(prompt, "You're welcome! If there is anything else that I can do for you, just let me know.")
        for prompt in (
            "Thanks a lot!",
            "Great, thank you for the map.",
            "ok thanks, bye",
            "thank you so much",
        )
    ]
    assert set(built(corner, rows)[1]) == {None}


def test_two_prompts_are_too_few_and_the_recipe_may_say_otherwise(corner: Corner) -> None:
    rows = [asked(prompt, CANNED.format("Anna", 1)) for prompt in PROMPTS[:2]]
    assert set(built(corner, rows)[1]) == {None}
    ledger, dropped = built(corner, rows, min_prompts=2, action="flag")
    assert set(dropped) == {None} and [row["action"] for row in ledger] == ["flag"] * 2


def test_documents_are_not_asked(corner: Corner) -> None:
    rows = [{"text": CANNED.format("Anna", n) + f" {prompt}"} for n, prompt in enumerate(PROMPTS)]
    assert set(built(corner, rows)[1]) == {None}
