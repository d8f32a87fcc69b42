"""Translation models: both ways for real, alone or in company, drawn or searched, and what is refused."""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

import pytest
from tiny_models import save_causal_lm
from tiny_translators import EN_OF, ZH_OF, save_marian, save_nllb

from pipeline.errors import ModelError
from pipeline.models import Decoding, ModelRef, Models, Translator
from pipeline.models.need import Need
from pipeline.models.seq2seq import Seq2SeqTranslator
from pipeline.models.translator_identities import translator_identity

ONE_WAY = ("", "")


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian"))


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_nllb(tmp_path_factory.mktemp("nllb"))


def load(folder: Path, codes: tuple[str, str] = ONE_WAY, decoding: Decoding | None = None) -> Translator:
    return Models(threads=1).translator(
        "seq2seq", ModelRef(folder=str(folder)), codes, decoding or Decoding()
    )


@pytest.mark.parametrize("beams", [1, 4])
def test_it_translates_both_ways(marian: Path, beams: int) -> None:
    translator = load(marian, decoding=Decoding(beams=beams))
    pairs = {**ZH_OF, **EN_OF}
    assert translator.translate(list(pairs), [""] * len(pairs)) == list(pairs.values())


@pytest.mark.parametrize("decoding", [Decoding(beams=3, batch_tokens=200), Decoding(1, 1.2, 200)])
def test_companions_and_order_alter_nothing(marian: Path, decoding: Decoding) -> None:
    translator = load(marian, decoding=decoding)
    rows = [
        (sentence, f"seed {n}") for n, sentence in enumerate([*ZH_OF, *EN_OF, "Write songs.", "Why big?"])
    ]
    alone = {row: translator.translate([row[0]], [row[1]])[0] for row in rows}
    random.Random(3).shuffle(rows)
    together = translator.translate([text for text, _ in rows], [seed for _, seed in rows])
    assert together == [alone[row] for row in rows]


def test_a_draw_is_its_seeds_own(marian: Path) -> None:
    translator = load(marian, decoding=Decoding(temperature=4))
    sentence = next(iter(ZH_OF))
    drawn = translator.translate([sentence] * 12, [str(n) for n in range(12)])
    assert len(set(drawn)) > 2
    assert translator.translate([sentence] * 2, ["7", "7"]) == [drawn[7]] * 2


def test_what_is_longer_than_the_model_reads_is_not_cut_but_left_out(marian: Path) -> None:
    translator = load(marian)
    sentence = next(iter(ZH_OF))
    assert translator.translate(["city food sky " * 60, sentence], ["", ""]) == ["", ZH_OF[sentence]]


def test_a_model_of_many_languages_begins_with_the_code_of_its_target(nllb: Path) -> None:
    translator = load(nllb, ("eng_Latn", "zho_Hans"))
    assert isinstance(translator, Seq2SeqTranslator)
    tokens = translator._tokenizer
    assert tokens.convert_ids_to_tokens(translator._first) == "zho_Hans"
    assert tokens.convert_ids_to_tokens(tokens("hello")["input_ids"])[0] == "eng_Latn"
    back = load(nllb, ("zho_Hans", "eng_Latn"))
    assert isinstance(back, Seq2SeqTranslator)
    assert back._tokenizer.convert_ids_to_tokens(back._tokenizer("hello")["input_ids"])[0] == "zho_Hans"
    assert isinstance(translator.translate(["hello you."], [""])[0], str)


def test_codes_that_a_model_does_not_know_are_refused_with_those_it_knows(nllb: Path, marian: Path) -> None:
    with pytest.raises(ModelError, match=r"knows no language zh\n.*zho_Hans"):
        load(nllb, ("eng_Latn", "zh"))
    with pytest.raises(ModelError, match=r"knows no language .none is named."):
        load(nllb)
    with pytest.raises(ModelError, match="names no languages"):
        load(marian, ("en", "zh"))


def test_an_opus_model_of_several_targets_is_told_which(tmp_path: Path, marian: Path) -> None:
    from transformers import AutoTokenizer

    folder = shutil.copytree(marian, tmp_path / "several")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_tokens([">>cmn_Hans<<", ">>cmn_Hant<<"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"knows no language .none is named.\n.*cmn_Hans, cmn_Hant"):
        load(folder)
    translator = load(folder, ("", "cmn_Hans"))
    assert isinstance(translator, Seq2SeqTranslator)
    assert translator._mark == ">>cmn_Hans<< "


def test_a_model_that_only_goes_on_with_a_text_is_refused(tmp_path: Path) -> None:
    folder = save_causal_lm(tmp_path / "model")
    with pytest.raises(
        ModelError, match=r"translates nothing: it is no encoder-decoder .*Qwen2ForCausalLM"
    ) as caught:
        Need("seq2seq", ModelRef(folder=str(folder))).identity(Models())
    assert "Helsinki-NLP/opus-mt-en-zh" in caught.value.hint


def test_the_packaged_encoder_and_a_folder_without_weights_are_refused(tmp_path: Path, marian: Path) -> None:
    with pytest.raises(ModelError, match="sentence encoder"):
        translator_identity(ModelRef(), "seq2seq")
    folder = shutil.copytree(marian, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(ModelError, match="has no weights"):
        translator_identity(ModelRef(folder=str(folder)), "seq2seq")


def test_the_identity_tells_the_weights_and_the_settings(tmp_path: Path, marian: Path) -> None:
    before = translator_identity(ModelRef(folder=str(marian)), "seq2seq")
    assert (before.kind, before.encoder) == ("translator", "seq2seq")
    folder = shutil.copytree(marian, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "scale_embedding": False}))
    other = translator_identity(ModelRef(folder=str(folder)), "seq2seq")
    assert other.sha256 == before.sha256
    assert other.settings_sha256 != before.settings_sha256


def test_an_opus_folder_without_sentencepiece_says_what_to_install(
    tmp_path: Path, marian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)  # as Python marks what cannot be imported
    folder = shutil.copytree(marian, tmp_path / "opus", ignore=shutil.ignore_patterns("tokenizer.json"))
    (folder / "source.spm").write_bytes(b"pieces")
    with pytest.raises(ModelError, match="needs sentencepiece") as caught:
        translator_identity(ModelRef(folder=str(folder)), "seq2seq")
    assert caught.value.hint == "pip install -e '.[translation]'"


def test_without_ctranslate2_the_plan_says_what_to_install(
    marian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(ModelError, match=r"CTranslate2, which is to run .* is not installed") as caught:
        Need("ct2", ModelRef(folder=str(marian))).identity(Models())
    assert caught.value.hint == "pip install -e '.[translation]'"
