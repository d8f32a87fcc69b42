"""The stage reference: what is measured against the text that meta names, what is flagged, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.models import ModelRef, Models
from pipeline.stages.reference import (
    DIFFERENCE,
    MEASURES,
    Reference,
    ReferenceParams,
    reference_in,
)
from tests.tiny_models import save_embedder

STAGE = Reference()
GOLD = "The cat is on the big river and not in the house."
ZH = "猫在大河边，不在房子里。"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    ref = ModelRef(folder=str(save_embedder(tmp_path_factory.mktemp("reference"))))
    return {"embedder": ref, "bertscore_model": ref}


def judged(
    rows: list[dict[str, str]], **params: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """Return changes, the rows of the decided columns, and the decision."""
    chosen = ReferenceParams(**params)
    facts = pa.table({"id": [f"r{row}" for row in range(len(rows))]})
    for measure in STAGE.measures(chosen):
        batch = pa.table({name: pa.array([row.get(name, "") for row in rows]) for name in measure.reads})
        found = STAGE.measure(measure, batch, None, Models(threads=1))
        assert found.num_rows == len(rows)
        for name in found.column_names:
            facts = facts.append_column(name, found.column(name))
    decision = STAGE.decide(facts, None, chosen)
    changes = decision.changes.table().to_pylist()
    assert decision.columns is not None
    return changes, decision.columns.to_pylist(), decision


def row(output: str, reference: str | None, lang: str = "en", key: str = "reference") -> dict[str, str]:
    meta = {} if reference is None else {key: reference}
    return {"output": output, "lang": lang, "meta": json.dumps(meta)}


def test_an_answer_equal_to_its_reference_passes_with_ones(tiny: dict[str, Any]) -> None:
    changes, (found,), _ = judged([row(GOLD, GOLD)], **tiny)
    assert changes == []
    assert [found[name] for name in MEASURES] == pytest.approx([1.0] * 5, abs=1e-4)
    assert found[DIFFERENCE] == ""


def test_a_lost_negation_is_flagged_by_meaning_alone_and_named(tiny: dict[str, Any]) -> None:
    changes, (found,), _ = judged([row(GOLD.replace("not ", ""), GOLD)], **tiny)
    assert found["chrf"] > 0.7 and found["bleu"] > 0.6
    (change,) = [one for one in changes if json.loads(one["evidence"])["measure"] == "meaning"]
    assert (change["action"], change["reason"]) == ("flag", "gate.reference.low")
    evidence = json.loads(change["evidence"])
    assert evidence["difference"] == "negation" and evidence["threshold"] == 0.5
    assert evidence["value"] == round(found["meaning"], 4) < 0.5
    assert GOLD not in change["evidence"]


def test_a_record_without_a_reference_is_not_judged(tiny: dict[str, Any]) -> None:
    rows = [row("Anything.", None), {"output": "Anything.", "lang": "en", "meta": ""}, row("x", "  ")]
    changes, columns, decision = judged(rows, **tiny)
    assert changes == []
    assert all(found[name] is None for found in columns for name in (*MEASURES, DIFFERENCE))
    assert (decision.notes["with_reference"], decision.notes["without_reference"]) == (0, 3)


def test_chinese_has_no_cosine_of_an_english_model_but_all_else(tiny: dict[str, Any]) -> None:
    changes, (found,), decision = judged([row("猫在大河边，在房子里。", ZH, "zh")], **tiny)
    assert found["similarity"] is None and found["bertscore"] is None
    assert found["bleu"] > 0.5 and found["meaning"] < 0.5 and found[DIFFERENCE] == "negation"
    assert decision.notes["bertscore_not_measured"] == decision.notes["similarity_not_measured"] == 1
    assert {json.loads(one["evidence"])["measure"] for one in changes} >= {"meaning"}


def test_the_language_is_looked_for_where_no_stage_decided_it(tiny: dict[str, Any]) -> None:
    texts = ("上海的冬天又湿又冷，出门要多穿衣服。", "上海的夏天又湿又热，出门要少穿衣服。")
    _, (found,), _ = judged([row(*texts, lang="")], **tiny)
    assert found["meaning"] is not None and found["meaning"] < 0.5


def test_actions_and_limits_are_the_recipes(tiny: dict[str, Any]) -> None:
    rows = [row("a dog", GOLD), row(GOLD, GOLD)]
    changes, _, decision = judged(rows, **tiny, chrf_action="drop", min_bleu=None, min_meaning=None)
    assert [(one["id"], one["action"]) for one in changes] == [("r0", "drop")]
    assert [(one.measure, one.low, one.action) for one in decision.thresholds] == [("chrf", 0.7, "drop")]
    changes, columns, _ = judged(
        rows, **tiny, chrf_action="measure", bleu_action="measure", meaning_action="measure"
    )
    assert changes == [] and columns[0]["chrf"] < 0.7


def test_bertscore_and_similarity_are_left_out_without_a_model() -> None:
    params: dict[str, Any] = {"embedder": None, "bertscore_model": None}
    assert STAGE.needs(ReferenceParams(**params)) == ()
    _, (found,), _ = judged([row(GOLD, GOLD)], **params)
    assert found["bertscore"] is None and found["similarity"] is None and found["meaning"] == 1


def test_a_limit_moves_without_another_measure() -> None:
    strict, loose = (STAGE.measures(ReferenceParams(min_bleu=least)) for least in (0.9, 0.1))
    assert strict == loose
    other = STAGE.measures(ReferenceParams(bertscore_layer=2))
    assert [a == b for a, b in zip(strict, other, strict=True)] == [True, True, False]


def test_a_text_longer_than_the_model_reads_has_no_cosine(tiny: dict[str, Any]) -> None:
    long = "the cat is on the river. " * 40
    _, (found,), _ = judged([row(long, long)], **tiny)
    assert found["similarity"] is None and found["bleu"] == 1


@pytest.mark.parametrize(
    ("meta", "key", "expected"),
    [
        ('{"gold": "a"}', "gold", "a"),
        ('{"check": {"post_edit": "b"}}', "check.post_edit", "b"),
        ('{"check.post_edit": "c"}', "check.post_edit", "c"),
        ('{"gold": 3}', "gold", None),
        ('{"gold": " "}', "gold", None),
        ('{"other": "a"}', "gold", None),
        ("", "gold", None),
    ],
)
def test_the_reference_is_read_from_meta(meta: str, key: str, expected: str | None) -> None:
    assert reference_in(meta, key) == expected


def test_a_limit_beyond_1_is_refused() -> None:
    with pytest.raises(ValidationError):
        ReferenceParams(min_bleu=70)


def test_a_build_flags_what_differs_and_keeps_the_numbers(tmp_path: Path, tiny: dict[str, Any]) -> None:
    lines = [
        {"instruction": "Where is the cat?", "output": GOLD, "gold": GOLD},
        {"instruction": "Where is it?", "output": GOLD.replace("not ", ""), "gold": GOLD},
        {"instruction": "Write a poem about a dog.", "output": "The dog is big and red."},
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    folder = tiny["embedder"].folder
    model = f"{{folder: {folder}}}"
    (tmp_path / "recipe.yaml").write_text(
        "name: references\nsources:\n  - {name: data, path: data.jsonl}\nstages:\n"
        f"  - {{stage: reference, reference: gold, embedder: {model}, bertscore_model: {model}}}\n",
        "utf-8",
    )
    where = ["--out", str(tmp_path / "out"), "--store", str(tmp_path / ".build"), "--runner", "serial"]
    result = CliRunner().invoke(app, ["build", str(tmp_path / "recipe.yaml"), *where])
    assert result.exit_code == 0, result.output
    (records,) = (tmp_path / "out").rglob("records.parquet")
    table = pq.read_table(records).to_pylist()
    assert [found["meaning"] is None for found in table] == [False, False, True]
    assert table[0]["meaning"] == 1 and table[1]["meaning"] < 0.5
    assert [found["flags"] for found in table] == [[], ["gate.reference.low"], []]
    (ledger,) = (tmp_path / "out").rglob("ledger.parquet")
    (entry, *_) = [one for one in pq.read_table(ledger).to_pylist() if "meaning" in one["evidence"]]
    assert json.loads(entry["evidence"])["difference"] == "negation"
