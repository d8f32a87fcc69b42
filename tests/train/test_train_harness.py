"""lm-evaluation-harness runs a task of this machine around loaded models, and a task that is not here is an error."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef
from train.evaluation import harness
from train.load import load_base
from train.methods import attach, without_adapter

TASK = """\
task: sums
dataset_path: json
dataset_kwargs: {data_files: {test: questions.jsonl}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{question}}\\n答案："
doc_to_choice: choices
doc_to_target: answer
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""


@pytest.fixture
def task_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "tasks"
    folder.mkdir()
    questions = [
        {
            "question": f"What is {number} plus one?" if number % 2 else f"{number}加一等于多少？",
            "choices": [str(number + step) for step in range(4)],
            "answer": 1,
        }
        for number in range(24)
    ]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in questions)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    (folder / "sums.yaml").write_text(TASK, encoding="utf-8")
    return folder / "sums.yaml"


@pytest.fixture(scope="module")
def tuned(tiny_qwen2: Path) -> tuple[Any, Any]:
    import torch

    torch.set_num_threads(1)
    base = load_base(BaseRef(folder=str(tiny_qwen2)), "none", device="cpu")
    model = attach(base.model, AdapterParams(method="lora"), False, 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in (each for each in model.parameters() if each.requires_grad):
            weight.normal_(0, 0.3, generator=generator)
    return model, base.tokenizer


def log_likelihood(model: Any, tokenizer: Any, text: str, choice: str) -> float:
    """Log-probability of a choice after a question, the plain way."""
    import torch

    before = tokenizer(text, add_special_tokens=False)["input_ids"]
    whole = tokenizer(f"{text} {choice}", add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logs = torch.log_softmax(model(input_ids=torch.tensor([whole])).logits[0].float(), -1)
    return sum(float(logs[place - 1, whole[place]]) for place in range(len(before), len(whole)))


@pytest.mark.slow
def test_a_local_task_is_run_for_both_models_and_paired(task_file: Path, tuned: tuple[Any, Any]) -> None:
    model, tokenizer = tuned
    (task,) = harness.find_tasks(["tasks/sums.yaml"], task_file.parent.parent)
    assert (task.name, task.parts) == ("sums", ("sums",))
    random.seed(9)
    np.random.seed(9)
    expected = random.random(), float(np.random.random())
    random.seed(9)
    np.random.seed(9)
    (second,) = harness.run([task], model, tokenizer, 0)
    with without_adapter(model):
        (first,) = harness.run([task], model, tokenizer, 0)
        right = []
        for line in (task_file.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            costs = [
                log_likelihood(model, tokenizer, f"{row['question']}\n答案：", one) for one in row["choices"]
            ]
            right.append(float(np.argmax(costs) == row["answer"]))
    assert (random.random(), float(np.random.random())) == expected, (
        "the harness seeds, and must not leave it so"
    )
    assert first.samples["sums", "acc"].tolist() == right
    (scores,) = harness.compare_tasks([task], [first], [second], 100, 0)
    (accuracy,) = scores.scores
    assert (scores.questions, accuracy.records, accuracy.metric) == (24, 24, "acc")
    assert accuracy.base == pytest.approx(np.mean(right))
    assert accuracy.low is not None and "lm-eval:" in accuracy.signature
    assert first.samples["sums", "acc"].tolist() != second.samples["sums", "acc"].tolist()


@pytest.mark.slow
def test_a_task_that_is_not_on_this_machine_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets.config
    import huggingface_hub.constants

    for module in (datasets.config, huggingface_hub.constants):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(TrainError, match="questions of the task boolq are not on this machine") as told:
        harness.find_tasks(["boolq"])
    assert "name a YAML file" in told.value.hint


def test_unknown_tasks_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="does not exist"):
        harness.find_tasks(["none.yaml"], tmp_path)
    (tmp_path / "broken.yaml").write_text("task: broken\ndataset_path: json\n", encoding="utf-8")
    with pytest.raises(TrainError, match=r"task file broken\.yaml cannot be used"):
        harness.find_tasks(["broken.yaml"], tmp_path)
    assert harness.find_tasks([]) == []


def test_a_missing_package_is_an_error_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lm_eval" else real(name))
    with pytest.raises(TrainError) as told:
        harness.find_tasks(["mmlu"])
    assert told.value.hint == "pip install -e '.[harness]'"


def test_a_score_that_the_harness_does_not_average_has_no_interval() -> None:
    task = harness.Task("corpus", (), ("corpus",))
    one = harness.Run({}, {("corpus", "bleu"): 10.0}, {"bleu": True}, {"corpus": 30})
    two = harness.Run({}, {("corpus", "bleu"): 12.0}, {"bleu": True}, {"corpus": 30})
    (scores,) = harness.compare_tasks([task], [one], [two], 100, 0)
    assert scores.scores[0].difference == 2.0 and scores.scores[0].low is None
    assert scores.scores[0].verdict == "not measured" and "no interval" in scores.scores[0].why
