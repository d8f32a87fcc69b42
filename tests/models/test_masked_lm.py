"""A masked language model made on the spot, loaded for real: what it would write in a blank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_models import save_causal_lm, save_masked_lm

from pipeline.errors import ModelError
from pipeline.models import MaskedLM, ModelRef, Models
from pipeline.models.masked_lm import Blank
from pipeline.models.need import Need

CHANCES = {"movie": 0.3, "film": 0.25, "##ing": 0.2, "影": 0.1, "片": 0.05}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_masked_lm(tmp_path_factory.mktemp("mlm"), CHANCES, ["电", "看", "一", "部"])


@pytest.fixture(scope="module")
def model(folder: Path) -> MaskedLM:
    return Models(threads=1).masked_lm(ModelRef(folder=str(folder)))


def blank(text: str, word: str) -> Blank:
    return Blank(text, text.index(word), text.index(word) + len(word))


def test_a_blank_is_filled_with_whole_words_and_their_probabilities(model: MaskedLM) -> None:
    found = model.fill([blank("describe a story of paris", "story")], 2)
    assert [each.word for each in found[0]] == ["movie", "film"]  # ##ing is likelier than many and no word
    assert [each.probability for each in found[0]] == pytest.approx([0.3, 0.25], rel=1e-3)


def test_a_chinese_word_is_filled_piece_by_piece(model: MaskedLM) -> None:
    found = model.fill([blank("看一部电影", "电影")], 4)
    assert [each.word for each in found[0]] == ["影影", "影片", "片影", "片片"]
    assert found[0][1].probability == pytest.approx(0.1 * 0.05, rel=1e-3)


def test_a_filling_depends_on_its_own_text_alone(tmp_path: Path) -> None:
    random = save_masked_lm(tmp_path, {"movie": 0.5}, learnt=False)
    model = Models(threads=2).masked_lm(ModelRef(folder=str(random)))
    blanks = [blank(f"write {'the old dog and ' * n}a story of paris", "story") for n in range(21)]
    alone = [model.fill([each], 5)[0] for each in blanks]
    assert model.fill(blanks, 5) == alone
    assert model.fill(blanks[::-1], 5) == alone[::-1]
    assert len({each[0] for each in alone}) > 5  # the context tells


def test_a_long_text_is_read_round_the_blank(tmp_path: Path) -> None:
    random = save_masked_lm(tmp_path, {}, learnt=False)
    model = Models(threads=1).masked_lm(ModelRef(folder=str(random)))
    before, after = "the old dog of the city " * 40, " and the red house of the river" * 40
    near = model.fill([blank(f"{before}a story{after}", "story")], 3)
    assert len(near[0]) == 3
    assert near == model.fill([blank(f"{'write a poem ' * 300}{before}a story{after}", "story")], 3)
    assert near != model.fill([blank(f"{before}a story{after.replace('red', 'blue')}", "story")], 3)


def test_a_mask_that_stands_in_the_text_is_not_the_blank(tmp_path: Path) -> None:
    random = save_masked_lm(tmp_path, {}, learnt=False)
    model = Models(threads=1).masked_lm(ModelRef(folder=str(random)))
    text = "write [MASK] a story of [MASK] paris"
    found = model.fill([blank(text, "story"), blank(text, "paris")], 3)
    assert len(found[0]) == len(found[1]) == 3
    assert found[0] != found[1]


def test_whether_the_model_fits_a_text(folder: Path, model: MaskedLM) -> None:
    texts = ["describe the city of paris", "请介绍一下巴黎这座城市", "Опиши город Париж", ""]
    assert model.fits(texts).tolist() == [True, False, False, True]
    everything = Models(threads=1).masked_lm(ModelRef(folder=str(folder), languages="all"))
    # said to fit all: what it has no tokens for it still does not know
    assert everything.fits(["看一部电影", *texts]).tolist() == [True, True, False, False, True]


def test_the_identity_is_read_from_the_files(folder: Path, tmp_path: Path) -> None:
    one = Need("masked_lm", ModelRef(folder=str(folder))).identity(Models())
    assert (one.kind, one.encoder, len(one.sha256)) == ("masked_lm", "fixed-batches", 64)
    other = save_masked_lm(tmp_path, {"movie": 0.4})
    assert Models().masked_lm_identity(ModelRef(folder=str(other))).sha256 != one.sha256


def test_what_fills_no_blanks_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="sentence encoder"):
        Models().masked_lm(ModelRef())
    with pytest.raises(ModelError, match=r"no masked language model .*Qwen2ForCausalLM"):
        Models().masked_lm(ModelRef(folder=str(save_causal_lm(tmp_path / "causal"))))
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    settings["mask_token"] = None
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [each for each in tokenizer["added_tokens"] if each["content"] != "[MASK]"]
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="no mask token"):
        Models().masked_lm(ModelRef(folder=str(copy)))
    (copy / "tokenizer_config.json").write_bytes((folder / "tokenizer_config.json").read_bytes())
    (copy / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Models().masked_lm(ModelRef(folder=str(copy)))
