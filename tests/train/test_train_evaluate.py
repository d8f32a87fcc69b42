"""Base and tuned are held beside each other on a real small model, and every number says what it rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef, EvaluationParams
from train.data.builds import Build, Example
from train.data.render import Renderer, make_renderer
from train.evaluation.bootstrap import LEAST
from train.evaluation.evaluate import BIAS_WHY, Evaluation, Side, evaluate, held_out, sides
from train.evaluation.page import reason_zh
from train.evaluation.scorecard import SplitScores
from train.evaluation.token_loss import token_losses
from train.load import load_base
from train.methods import attach

NOTE = "With a model made on the spot, these scores only exercise the plumbing."
SETTINGS = EvaluationParams(generations=24, max_new_tokens=6, bootstrap=100)


def example(number: int, chinese: bool, split: str = "") -> Example:
    if chinese:
        asked, said = (
            f"请用一句话说明第{number}个问题：潮汐是什么？",
            f"潮汐每天涨落{number}次，因为月亮牵引着海水。",
        )
    else:
        asked, said = (
            f"Explain in one sentence, number {number}: what is a tide?",
            f"The tide rises {number} times a day.",
        )
    lang = "zh" if chinese else "en"
    return Example(
        f"{split}{number:04x}", f"{split}{number:04x}", "", (), asked, "", said, lang, category=lang
    )


def records(split: str, english: int, chinese: int) -> list[Example]:
    listed = [example(number, False, split) for number in range(english)]
    return listed + [example(1000 + number, True, split) for number in range(chinese)]


EXAMPLES = {
    "validation": records("a", 24, 22),
    "test": records("b", 30, 5),
    "general": records("c", 12, 12),
}


@pytest.fixture(scope="module")
def tuned(tiny_qwen2: Path) -> tuple[Any, Renderer]:
    """A model with a LoRA adapter that alters it much, as training would."""
    import torch

    torch.set_num_threads(1)
    base = load_base(BaseRef(folder=str(tiny_qwen2)), "none", device="cpu")
    model = attach(base.model, AdapterParams(method="lora"), False, 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in (each for each in model.parameters() if each.requires_grad):
            weight.normal_(0, 0.2, generator=generator)
    return model, make_renderer(base.tokenizer, "chat", "")


@pytest.fixture(scope="module")
def done(tuned: tuple[Any, Renderer], tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Path]:
    out = tmp_path_factory.mktemp("run")
    model, renderer = tuned
    return run(model, renderer, out), out


def run(model: Any, renderer: Renderer, out: Path, **changed: Any) -> Evaluation:
    settings = SETTINGS.model_copy(update=changed)
    about = {"run": "tide-lora", "model": "tiny"}
    return evaluate(
        *sides(model), renderer, EXAMPLES, settings, out, 7, max_length=512, notes=[NOTE], about=about
    )


def score(split: SplitScores, metric: str) -> Any:
    return next(each for each in split.scores if each.metric == metric)


def test_base_is_the_untuned_model_and_stays_so(
    done: tuple[Evaluation, Path], tuned: tuple[Any, Renderer], tiny_qwen2: Path
) -> None:
    model, renderer = tuned
    fresh = load_base(BaseRef(folder=str(tiny_qwen2)), "none", device="cpu").model
    rows = [renderer.encode(each) for each in EXAMPLES["validation"]]
    sums = token_losses(fresh, rows, renderer.end_id).sum(axis=0)
    found = score(done[0].splits[0], "loss")
    assert found.base == pytest.approx(sums[0] / sums[1], rel=1e-6)
    assert abs(found.tuned - found.base) > 0.01
    base, other = sides(model)
    with base.active():
        again = token_losses(base.model, rows, renderer.end_id)
    assert again == pytest.approx(token_losses(fresh, rows, renderer.end_id), rel=1e-6)
    with other.active():
        assert token_losses(other.model, rows, renderer.end_id).sum(axis=0)[0] / sums[1] == pytest.approx(
            found.tuned
        )


def test_perplexity_is_the_exponential_of_the_loss(done: tuple[Evaluation, Path]) -> None:
    for split in done[0].splits:
        assert score(split, "perplexity").base == pytest.approx(math.exp(score(split, "loss").base))


def test_equal_seeds_give_equal_files_and_the_model_keeps_its_mode(
    done: tuple[Evaluation, Path], tuned: tuple[Any, Renderer], tmp_path: Path
) -> None:
    model, renderer = tuned
    model.train()
    again = run(model, renderer, tmp_path)
    assert model.training
    model.eval()
    assert again == done[0]
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path) for path in written] == [
        "evaluation/ab_key.jsonl", "evaluation/answers.jsonl", "evaluation/index.html", "evaluation/results.json",
        "review/ab_queue.jsonl",
    ]  # fmt: skip
    for path in written:
        assert (tmp_path / path).read_bytes() == (done[1] / path).read_bytes()


def test_categories_add_up_and_small_ones_are_counted_only(done: tuple[Evaluation, Path]) -> None:
    validation, test = done[0].splits
    for split in (validation, test):
        assert [each.name for each in split.categories] == ["en", "zh"]
        assert sum(each.records for each in split.categories) == split.records
        assert sum(each.answered for each in split.categories) == split.answered == 24
    assert (validation.records, test.records) == (46, 35)
    small = test.categories[1].scores[0]
    assert small.base is None and f"5 records, and a score asks for {LEAST}" in small.why
    assert test.categories[0].scores[0].base is not None
    english, chinese = validation.categories
    sums = [category.scores[0] for category in (english, chinese)]
    assert sums[0].base != sums[1].base


def test_bleu_of_chinese_stands_apart_from_that_of_other_languages(done: tuple[Evaluation, Path]) -> None:
    validation = done[0].splits[0]
    bleu, chinese = score(validation, "bleu"), score(validation, "bleu_zh")
    assert bleu.records + chinese.records == validation.answered
    assert "tok:13a" in bleu.signature and "tok:zh" in chinese.signature


def test_what_cannot_be_measured_says_so(done: tuple[Evaluation, Path]) -> None:
    evaluation = done[0]
    told = score(evaluation.splits[0], "bertscore")
    assert told.base is None and told.why == "no encoder is named (evaluation.bertscore)"
    assert evaluation.tasks == () and "evaluation.tasks" in evaluation.tasks_why
    assert evaluation.not_measured == {"bias": BIAS_WHY}
    assert evaluation.forgetting is not None
    whys = [evaluation.tasks_why, *evaluation.not_measured.values()]
    for split in (*evaluation.splits, evaluation.forgetting):
        whys += [each.why for each in split.scores if each.why]
        whys += [each.why for category in split.categories for each in category.scores if each.why]
    assert len(set(whys)) >= 5 and all(reason_zh(why) for why in whys), "each reason is told in Chinese, too"
    assert "no answer" not in score(evaluation.splits[0], "chrf").why
    assert evaluation.forgetting is not None
    assert score(evaluation.forgetting, "loss").base is not None
    assert "only the loss" in score(evaluation.forgetting, "chrf").why


def test_results_hold_every_number_and_the_notes(done: tuple[Evaluation, Path]) -> None:
    evaluation, out = done
    results = json.loads((out / "evaluation" / "results.json").read_text(encoding="utf-8"))
    assert results["notes"] == [NOTE]
    assert results["renderer"]["name"] == "chat"
    assert results["splits"][0]["scores"][0]["verdict"] in ("better", "worse", "open")
    assert results["splits"][0]["scores"][0]["base"] == evaluation.splits[0].scores[0].base
    lines = (out / "evaluation" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 48
    assert {"split", "id", "asked", "reference", "base", "tuned"} <= set(json.loads(lines[0]))


def test_no_answers_and_no_toxicity_are_said_to_be_switched_off(
    tuned: tuple[Any, Renderer], tmp_path: Path
) -> None:
    model, renderer = tuned
    silent = run(model, renderer, tmp_path, generations=0)
    assert silent.splits[0].answered == 0
    assert "evaluation.generations" in score(silent.splits[0], "chrf").why
    assert score(silent.splits[0], "loss").base is not None
    mute = run(model, renderer, tmp_path, toxicity=False)
    assert "evaluation.toxicity" in score(mute.splits[0], "toxic").why
    assert mute.splits[0].identity_terms == {}


def test_records_that_cannot_be_measured_are_counted_by_reason(
    tuned: tuple[Any, Renderer], tmp_path: Path
) -> None:
    model, renderer = tuned
    odd = [
        replace(example(1, False), id="d1", root="d1", output=" "),
        replace(
            example(2, False), id="d2", root="d2", instruction="", output="A document without any prompt."
        ),
        replace(example(3, False), id="d3", root="d3", instruction="why? " * 600),
    ]
    found = evaluate(
        *sides(model), renderer, {"test": [*EXAMPLES["test"], *odd]}, SETTINGS, tmp_path, 7, max_length=512
    )
    assert found.splits[0].left_out == {
        "evaluate.no_prompt": 1, "train.empty_response": 1, "train.no_labels": 1,
    }  # fmt: skip
    assert found.splits[0].records == 36


def test_two_models_are_compared_where_no_adapter_can_be_switched_off(
    tuned: tuple[Any, Renderer], tiny_qwen2: Path, tmp_path: Path, done: tuple[Evaluation, Path]
) -> None:
    model, renderer = tuned
    fresh = load_base(BaseRef(folder=str(tiny_qwen2)), "none", device="cpu").model
    examples = {"validation": EXAMPLES["validation"]}
    found = evaluate(*sides(model, fresh), renderer, examples, SETTINGS, tmp_path, 7, max_length=512)
    assert score(found.splits[0], "loss").base == pytest.approx(
        score(done[0].splits[0], "loss").base, rel=1e-6
    )


def test_a_better_model_is_seen_to_be_better(tuned: tuple[Any, Renderer], tmp_path: Path) -> None:
    """Not a mock: a few steps of real training on the very sentences, of the whole small model."""
    import copy

    import torch

    model, renderer = tuned
    with sides(model)[0].active():
        start = copy.deepcopy(model.get_base_model())
    learnt = copy.deepcopy(start)
    learnt.requires_grad_(True)
    rows = [renderer.encode(each) for each in EXAMPLES["validation"]]
    optimizer = torch.optim.AdamW(learnt.parameters(), lr=3e-3)
    learnt.train()
    for step in range(30):
        ids, labels = rows[step % len(rows)]
        learnt(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    found = evaluate(
        Side("base", start), Side("tuned", learnt), renderer, {"test": EXAMPLES["test"]}, SETTINGS, tmp_path, 7,
        max_length=512,
    )  # fmt: skip
    loss = score(found.splits[0], "loss")
    assert loss.verdict == "better" and loss.high < 0 and loss.won == 1.0


def a_build(folder: Path, splits: list[str | None]) -> Build:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "id": f"{number:08x}", "root": f"{number:08x}", "system": "", "history": [], "instruction": "Why?",
            "input": "", "output": "So.", "lang": "en", "status": "dropped" if split == "gone" else "kept",
            "split": "test" if split == "gone" else split, "difficulty": "easy" if number % 2 else "hard",
        }
        for number, split in enumerate(splits)
    ]  # fmt: skip
    turn = pa.struct([("user", pa.string()), ("assistant", pa.string())])
    schema = pa.schema([(name, pa.list_(turn) if name == "history" else pa.string()) for name in rows[0]])
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "records.parquet")
    return Build(folder, folder.name, "0" * 64)


def test_held_out_records_are_those_of_validation_test_and_a_general_build(tmp_path: Path) -> None:
    build = a_build(tmp_path / "a", ["train", "test", "validation", "test", "gone"])
    found = held_out(build, "difficulty")
    assert {name: [each.id[-1] for each in listed] for name, listed in found.items()} == {
        "validation": ["2"], "test": ["1", "3"],
    }  # fmt: skip
    assert [each.category for each in found["test"]] == ["easy", "easy"]
    whole = a_build(tmp_path / "b", [None, None])
    general = held_out(build, "lang", whole)["general"]
    assert len(general) == 2
    assert len(held_out(build, "lang", build)["general"]) == 2
    with pytest.raises(TrainError, match="neither a validation nor a test split"):
        held_out(whole, "lang")
    with pytest.raises(TrainError, match="no column 'colour'"):
        held_out(build, "colour")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_losses_are_those_of_transformers(tuned: tuple[Any, Renderer]) -> None:
    import torch

    model, renderer = tuned
    rows = [renderer.encode(each) for each in EXAMPLES["test"][:6]]
    found = token_losses(model, rows, renderer.end_id)
    for row, (ids, labels) in enumerate(rows):
        with torch.inference_mode():
            own = float(model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels])).loss)
        assert found[row, 0] / found[row, 1] == pytest.approx(own, rel=1e-5)
    assert np.all(found[:, 1] > 3)
