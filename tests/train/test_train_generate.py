"""Answers in a batch are those of each prompt alone, with any method, and it is known which ended by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef
from train.data.builds import Example
from train.data.render import make_renderer
from train.evaluation.generate import Answer, batches, ending_tokens, generate, longest, virtual_tokens
from train.load import load_base
from train.methods import attach, without_adapter
from train.tiny import END, make_tiny

SENTENCES = (
    "The tide rises twice a day because the moon pulls the sea.",
    "To cook rice, wash it, add water and keep the lid on.",
    "潮汐每天涨落两次，因为月亮牵引着海水。",
    "煮饭时先淘米，加水，盖上锅盖。",
)
STARTS = ("The tide", "To cook rice, wash", "潮汐每天", "煮饭时先淘米，加", "moon sea rice", "T")
MOST = 10


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt its sentences nearly by heart, so that it ends some answers and not others."""
    import torch

    torch.set_num_threads(1)
    ended = [f"{sentence}{END}" for sentence in SENTENCES]  # as one token: so it learns where to stop
    return make_tiny(tmp_path_factory.mktemp("learned"), ended, hidden=64, layers=2, vocabulary=500, steps=80)


def tuned(folder: Path, method: str) -> tuple[Any, Any]:
    """A model with an adapter of some method, altered so that it answers otherwise than its base."""
    import torch

    base = load_base(BaseRef(folder=str(folder)), "none", device="cpu")
    model = attach(base.model, AdapterParams(method=method, virtual_tokens=5), False, 0)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in (each for each in model.parameters() if each.requires_grad):
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.3)
    return model.eval(), base.tokenizer


def alone(model: Any, prompt: list[int], ends: tuple[int, ...]) -> list[int]:
    """Greedy tokens the slow way: the whole text anew for each token, with no cache and no padding."""
    import torch

    ids = list(prompt)
    with torch.inference_mode():
        while len(ids) < len(prompt) + MOST:
            mask = torch.ones(1, len(ids), dtype=torch.int64)
            logits = model(input_ids=torch.tensor([ids]), attention_mask=mask, use_cache=False).logits
            ids.append(int(logits[0, -1].argmax()))
            if ids[-1] in ends:
                break
    return ids[len(prompt) :]


@pytest.mark.parametrize(
    "method", ["lora", "ia3", "prompt_tuning", "p_tuning", "prefix_tuning", "bottleneck"]
)
def test_a_batch_answers_as_each_prompt_alone_and_as_a_cacheless_loop(learned: Path, method: str) -> None:
    model, tokenizer = tuned(learned, method)
    ends = ending_tokens(model, tokenizer)
    prompts = [tokenizer(start, add_special_tokens=False)["input_ids"] for start in STARTS]
    found = generate(model, tokenizer, prompts, ends, MOST)
    for prompt, answer in zip(prompts, found, strict=True):
        tokens = alone(model, prompt, ends)
        text = tokenizer.decode([each for each in tokens if each not in ends]).strip()
        assert answer == Answer(text, len(tokens), tokens[-1] in ends)
    assert generate(model, tokenizer, list(reversed(prompts)), ends, MOST) == list(reversed(found))


@pytest.mark.parametrize("method", ["lora", "prompt_tuning", "prefix_tuning", "bottleneck"])
def test_without_its_adapter_the_base_answers(learned: Path, method: str) -> None:
    model, tokenizer = tuned(learned, method)
    fresh = load_base(BaseRef(folder=str(learned)), "none", device="cpu").model
    ends = ending_tokens(fresh, tokenizer)
    prompts = [tokenizer(start, add_special_tokens=False)["input_ids"] for start in STARTS]
    expected = generate(fresh, tokenizer, prompts, ends, MOST)
    before = generate(model, tokenizer, prompts, ends, MOST)
    with without_adapter(model):
        assert virtual_tokens(model) == 0
        assert generate(model, tokenizer, prompts, ends, MOST) == expected
    after = generate(model, tokenizer, prompts, ends, MOST)
    assert after == before != expected


def test_answers_that_ended_are_told_from_those_that_were_cut(learned: Path) -> None:
    base = load_base(BaseRef(folder=str(learned)), "none", device="cpu")
    prompt = base.tokenizer("潮汐每天", add_special_tokens=False)["input_ids"]
    ends = ending_tokens(base.model, base.tokenizer)
    (long,) = generate(base.model, base.tokenizer, [prompt], ends, 60)
    assert long.ended and long.tokens > 3
    (cut,) = generate(base.model, base.tokenizer, [prompt], ends, long.tokens - 1)
    assert cut == Answer(long.text, long.tokens - 1, False), "only the end token is missing"
    (exact,) = generate(base.model, base.tokenizer, [prompt], ends, long.tokens)
    assert exact == long


def test_a_model_is_asked_with_the_tokens_that_training_saw(learned: Path) -> None:
    base = load_base(BaseRef(folder=str(learned)), "none", device="cpu")
    renderer = make_renderer(base.tokenizer, "chat", "Be brief.")
    example = Example("a", "a", "", (("你好", "您好"),), "潮汐是什么？", "", "海水涨落。", "zh")
    ids, labels = renderer.encode(example)
    prompt = renderer.prompt_ids(example)
    assert ids[: len(prompt)] == prompt
    assert labels[len(prompt)] == ids[len(prompt)] and renderer.end_id in ids[len(prompt) :]
    assert renderer.end_id in ending_tokens(base.model, base.tokenizer)


def test_the_model_keeps_its_mode_and_habits(learned: Path) -> None:
    base = load_base(BaseRef(folder=str(learned)), "none", device="cpu")
    prompts = [base.tokenizer(start, add_special_tokens=False)["input_ids"] for start in STARTS]
    ends = ending_tokens(base.model, base.tokenizer)
    before = generate(base.model, base.tokenizer, prompts, ends, 40)
    base.model.generation_config.repetition_penalty = 5.0
    base.model.train()
    assert generate(base.model, base.tokenizer, prompts, ends, 40) == before
    assert base.model.training and base.model.generation_config.repetition_penalty == 5.0


def test_a_prompt_without_room_and_an_answer_without_an_end_are_errors(learned: Path) -> None:
    base = load_base(BaseRef(folder=str(learned)), "none", device="cpu")
    with pytest.raises(TrainError, match="prompt 1 has 2048 tokens"):
        generate(base.model, base.tokenizer, [[5], [5] * longest(base.model)], (2,), 10)
    with pytest.raises(TrainError, match="prompt 0 has 0 tokens"):
        generate(base.model, base.tokenizer, [[]], (2,), 10)
    with pytest.raises(TrainError, match="no token"):
        generate(base.model, base.tokenizer, [[5]], (), 10)
    assert generate(base.model, base.tokenizer, [], (2,), 10) == []


def test_batches_hold_every_row_once_within_their_budget() -> None:
    lengths = [5, 9, 9, 1, 30, 2, 9, 5]
    found = list(batches(lengths, 20))
    assert sorted(row for rows in found for row in rows) == list(range(len(lengths)))
    assert found[0] == [4]
    assert all(len(rows) == 1 or len(rows) * lengths[rows[0]] <= 20 for rows in found)
    assert all(len({lengths[row] for row in rows}) == 1 for rows in batches(lengths, 1000, equal=True))
