"""A causal language model made on the spot, loaded and writing for real."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch
from tiny_models import save_causal_lm

from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models
from pipeline.models.generator import Generation, Message, Prompt, Sampling, generations
from pipeline.models.local_generator import LocalGenerator, _Draw, _likeliest
from pipeline.models.text_cache import TextCache

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_causal_lm(tmp_path_factory.mktemp("writer"), longest=256)


@pytest.fixture(scope="module")
def writer(folder: Path) -> LocalGenerator:
    found = Models(threads=1).generator(ModelRef(folder=str(folder)))
    assert isinstance(found, LocalGenerator)
    return found


def prompt(text: str, seed: str = "aa") -> Prompt:
    return Prompt((Message("system", "Be brief."), Message("user", text)), seed)


def written(writer: LocalGenerator, prompts: list[Prompt], sampling: Sampling) -> list[Generation]:
    return generations(writer, prompts, sampling, None, TextCache(None))


DRAWN, GREEDY = Sampling(0.9, 0.95, 12), Sampling(0, 1, 12)


@pytest.mark.parametrize("sampling", [DRAWN, GREEDY], ids=["drawn", "greedy"])
def test_a_text_depends_on_its_prompt_and_seed_alone(writer: LocalGenerator, sampling: Sampling) -> None:
    prompts = [prompt(f"write a story of the {'big ' * (3 * n)}dog 今天", f"{n:02x}") for n in range(11)]
    alone = [written(writer, [each], sampling)[0] for each in prompts]
    assert written(writer, prompts, sampling) == alone
    assert written(writer, prompts[::-1], sampling) == alone[::-1]
    assert len({each.text for each in alone}) > 3


def test_a_draw_differs_by_seed_and_a_greedy_text_does_not(writer: LocalGenerator) -> None:
    seeds = [prompt("name a city", f"{n:02x}") for n in range(6)]
    assert len({each.text for each in written(writer, seeds, DRAWN)}) >= 5
    assert len({each.text for each in written(writer, seeds, GREEDY)}) == 1


def test_a_greedy_text_is_what_the_model_finds_likeliest(writer: LocalGenerator, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder)).eval()
    ids = tokenizer("Be brief.\n\nname a city\n\n", return_tensors="pt")["input_ids"]
    begun = ids.shape[1]
    for _ in range(12):
        with torch.inference_mode():
            ids = torch.cat([ids, model(ids).logits[:, -1].argmax(-1, keepdim=True)], 1)
    tokens = ids[0, begun:].tolist()
    if tokenizer.eos_token_id in tokens:
        tokens = tokens[: tokens.index(tokenizer.eos_token_id)]
    assert written(writer, [prompt("name a city")], GREEDY)[0].text == tokenizer.decode(tokens).strip()


def test_draws_follow_the_probabilities_and_leave_the_tail_out() -> None:
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05])
    seeds = [f"{n:04x}" for n in range(4000)]
    logits = torch.log(chances).repeat(len(seeds) + 1, 1)
    whole = _Draw(seeds, Sampling(1, 1, 1), 3)(torch.zeros(1), logits.clone()).argmax(-1)
    counts = Counter(whole[:-1].tolist())
    for token, chance in enumerate(chances.tolist()):
        assert counts[token] / len(seeds) == pytest.approx(chance, abs=0.03)
    assert int(whole[-1]) == 3  # a row without a prompt ends at once
    most = Counter(
        _Draw(seeds, Sampling(1, 0.79, 1), 3)(torch.zeros(1), logits.clone()).argmax(-1)[:-1].tolist()
    )
    assert set(most) == {0, 1}
    cold = _Draw(seeds, Sampling(0.2, 1, 1), 3)(torch.zeros(1), logits.clone()).argmax(-1)[:-1]
    assert Counter(cold.tolist())[0] / len(seeds) == pytest.approx(
        0.927, abs=0.03
    )  # 0.5^5 / sum of fifth powers
    kept = _likeliest(torch.log(torch.tensor([[0.05, 0.5, 0.45]])), 0.01)
    assert kept.isfinite().tolist() == [[False, True, False]]


def test_a_text_ends_at_the_models_end_and_else_is_cut(writer: LocalGenerator) -> None:
    seeds = [prompt("list the colours", f"{n:03x}") for n in range(24)]
    found = written(writer, seeds, Sampling(1.5, 1, 100))
    faults = Counter(each.fault for each in found)
    assert faults["cut"] and faults[""]
    assert all("endoftext" not in each.text for each in found)


def test_what_does_not_fit_the_window_is_too_long_and_the_others_are_written(writer: LocalGenerator) -> None:
    found = written(writer, [prompt("dog " * 400), prompt("dog")], DRAWN)
    assert found[0] == Generation("", "too_long")
    assert found[1].text


def test_the_models_own_chat_template_is_used(writer: LocalGenerator, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    chat = LocalGenerator(writer.identity, tmp_path, 1)
    assert (
        chat._tokens(prompt("x").messages)
        == chat._tokenizer("<system> Be brief.\n<user> x\n<assistant> ")["input_ids"]
    )
    assert written(chat, [prompt("name a city")], GREEDY) != written(writer, [prompt("name a city")], GREEDY)
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('no system turn') }}")
    with pytest.raises(ModelError, match=r"chat template .* refuses"):
        written(LocalGenerator(writer.identity, tmp_path, 1), [prompt("x")], GREEDY)


def test_what_cannot_write_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="sentence encoder"):
        Models().generator(ModelRef())
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings["eos_token"] = None
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "special_tokens_map.json").unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no token that ends"):
        Models().generator(ModelRef(folder=str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Models().generator(ModelRef(folder=str(tmp_path)))
