"""Chat answers with the adapter, in the words of its training, and keeps what was said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import ModelError, TrainError
from pipeline.models import ModelRef
from train.config import AdapterParams
from train.data.builds import Example
from train.data.pad import ensure_pad
from train.data.render import make_renderer
from train.load import load_base
from train.methods import attach, save_adapter, trainable
from train.shipping.chat import Partner, Sampling, answer, open_adapter, talk

SHORT = Sampling(max_new_tokens=6)


@pytest.fixture(scope="module")
def adapter(tiny_qwen2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter folder as a run writes it, whose weights are large enough to change every answer."""
    folder = tmp_path_factory.mktemp("chat") / "adapter"
    base = load_base(ModelRef(folder=str(tiny_qwen2)), "nf4", "fp32", "cpu")
    ensure_pad(base.tokenizer, base.model)
    renderer = make_renderer(base.tokenizer, "chat", "Be brief.")
    tuned = attach(base.model, AdapterParams(method="qlora", rank=4), False, seed=0)
    draw = torch.Generator().manual_seed(1)
    for parameter in trainable(tuned).values():
        parameter.data.copy_(torch.randn(parameter.shape, generator=draw))
    save_adapter(tuned, folder)
    base.tokenizer.save_pretrained(folder)
    told = {
        "method": "qlora",
        "quantisation": "nf4",
        "base": {"name": str(tiny_qwen2), "revision": "", "sha256": base.identity.sha256},
        "renderer": {"name": renderer.name, "hash": renderer.hash, "system": "Be brief."},
        "build": {"name": "b", "digest": "d"},
    }
    (folder / "train.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(scope="module")
def partner(adapter: Path) -> Partner:
    return open_adapter(adapter, device="cpu")


def changed(adapter: Path, to: Path, **parts: Any) -> Path:
    shutil.copytree(adapter, to)
    told = json.loads((to / "train.json").read_text())
    for name, value in parts.items():
        told[name] = {**told[name], **value} if isinstance(value, dict) else value
    (to / "train.json").write_text(json.dumps(told))
    return to


def greedy(partner: Partner, model: Any, example: Example, count: int) -> list[int]:
    """The likeliest tokens one by one, without transformers' generation."""
    ids = partner.renderer.prompt_ids(example)
    made: list[int] = []
    with torch.no_grad():
        while len(made) < count and partner.renderer.end_id not in made:
            made.append(int(model(torch.tensor([ids + made])).logits[0, -1].argmax()))
    return made


def test_an_answer_is_the_tuned_models_and_streams_as_it_is_made(partner: Partner) -> None:
    history = (("早上好", "你好"),)
    pieces: list[str] = []
    said = answer(partner, "How do I charge?", history, sampling=SHORT, on_text=pieces.append)
    example = Example("x", "x", "", history, "How do I charge?", "", "", "en")
    wanted = greedy(partner, partner.model, example, 6)
    assert said == partner.renderer.tokenizer.decode(wanted, skip_special_tokens=True).strip()
    assert "".join(pieces).strip() == said
    with partner.model.disable_adapter():
        assert greedy(partner, partner.model, example, 6) != wanted


def test_sampling_depends_on_the_seed_alone(partner: Partner) -> None:
    def drawn(seed: int) -> str:
        return answer(partner, "Name three colours.", sampling=Sampling(12, 5.0, seed))

    state = torch.get_rng_state()
    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(4)}) > 1
    assert torch.equal(state, torch.get_rng_state())


def converse(partner: Partner, lines: list[str], **more: Any) -> tuple[list[str], str, int]:
    told: list[str] = []
    written: list[str] = []
    waiting = iter(lines)
    given = talk(partner, lambda: next(waiting, None), told.append, written.append, sampling=SHORT, **more)
    return told, "".join(written), given


def test_what_was_said_is_kept_until_reset_and_quit_ends(partner: Partner) -> None:
    first = answer(partner, "一二三", sampling=SHORT)
    second = answer(partner, "and then?", (("一二三", first),), sampling=SHORT)
    fresh = answer(partner, "and then?", sampling=SHORT)
    assert second != fresh
    told, written, given = converse(
        partner, ["一二三", " and then? ", "", "/reset", "and then?", "/quit", "never read"]
    )
    assert [line.strip() for line in written.split("\n")[:3]] == [first, second, fresh]
    assert given == 3
    assert told == ["/reset forgets what was said, /quit ends", "forgotten"]


def test_the_system_text_of_training_holds_unless_another_is_given(partner: Partner) -> None:
    assert "Be brief." in partner.renderer.tokenizer.decode(
        partner.renderer.prompt_ids(Example("x", "x", "", (), "hello", "", "", "en"))
    )
    assert answer(partner, "hello", system="Be long.", sampling=SHORT) != answer(
        partner, "hello", sampling=SHORT
    )


def test_turns_that_no_longer_fit_are_left_out_and_it_says_so(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Example("x", "x", "", (), "one two", "", "", "en")
    one_turn = len(partner.renderer.prompt_ids(example))
    monkeypatch.setattr(partner.base.model.config, "max_position_embeddings", one_turn + 8)
    told, _, given = converse(partner, ["one two", "one two"])
    assert given == 2
    assert told[1:] == ["the first 1 turns no longer fit and are left out"]
    monkeypatch.setattr(partner.base.model.config, "max_position_embeddings", one_turn)
    with pytest.raises(TrainError, match="reads no more"):
        answer(partner, "one two", sampling=SHORT)


def test_other_words_around_a_record_than_in_training_are_refused(adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="other words around a record"):
        open_adapter(changed(adapter, tmp_path / "system", renderer={"system": "Be loud."}), device="cpu")
    template = tmp_path / "template"
    changed(adapter, template)
    file = template / "chat_template.jinja"
    file.write_text(file.read_text().replace("{{ message['content'] }}", " {{ message['content'] }}"))
    with pytest.raises(TrainError, match="other words around a record"):
        open_adapter(template, device="cpu")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"renderer": {"name": "poem"}}, "renderer 'poem'"),
        ({"quantisation": "fp3"}, "quantisation 'fp3'"),
        ({"base": {"name": "no/where/here"}}, "not a folder here"),
    ],
)
def test_a_train_json_that_cannot_be_followed_is_refused(
    adapter: Path, tmp_path: Path, parts: Any, reason: str
) -> None:
    with pytest.raises(TrainError, match=reason):
        open_adapter(changed(adapter, tmp_path / "a", **parts), device="cpu")


def test_a_base_that_moved_is_named_by_hand_and_must_be_the_same(
    adapter: Path, tmp_path: Path, tiny_qwen2: Path, tiny_llama: Path
) -> None:
    moved = changed(adapter, tmp_path / "a", base={"name": "no/where/here"})
    assert open_adapter(moved, model=str(tiny_qwen2), device="cpu").base.quantisation == "nf4"
    with pytest.raises((TrainError, ModelError)):
        open_adapter(moved, model=str(tiny_llama), device="cpu")
