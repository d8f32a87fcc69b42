"""CTranslate2 and real tokenizers of SentencePiece: a model made and converted on the spot, by both libraries."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import save_causal_lm
from tiny_translators import EN_OF, ZH_OF, convert, save_m2m, save_nllb, save_opus

from pipeline.errors import ModelError
from pipeline.models import Decoding, ModelRef, Models, Translator
from pipeline.models.ct2 import CT2Translator
from pipeline.models.ct2_file import read_converted
from pipeline.models.need import Need
from pipeline.models.seq2seq import Seq2SeqTranslator
from pipeline.models.translator_identities import translator_identity

OPUS = ("source.spm", "target.spm", "vocab.json", "tokenizer_config.json")
ONE_WAY = ("", "")
PAIRS = {source: target.replace("？", "?") for source, target in {**ZH_OF, **EN_OF}.items()}
"""As SentencePiece's normalisation (NFKC) writes them."""


@pytest.fixture(scope="module")
def opus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_opus(tmp_path_factory.mktemp("opus"))


@pytest.fixture(scope="module")
def converted(opus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(opus, tmp_path_factory.mktemp("ct2") / "opus", OPUS)


def by_ct2(
    folder: Path, codes: tuple[str, str] = ONE_WAY, decoding: Decoding | None = None, threads: int = 1
) -> CT2Translator:
    ref = ModelRef(folder=str(folder))
    return CT2Translator(translator_identity(ref, "ct2"), folder, codes, decoding or Decoding(), threads)


def by_transformers(folder: Path, codes: tuple[str, str] = ONE_WAY, beams: int = 4) -> Translator:
    return Models(threads=1).translator("seq2seq", ModelRef(folder=str(folder)), codes, Decoding(beams=beams))


@pytest.mark.parametrize("beams", [1, 4])
def test_both_libraries_translate_both_ways_alike(opus: Path, converted: Path, beams: int) -> None:
    sentences = list(PAIRS)
    theirs = by_transformers(opus, beams=beams).translate(sentences, [""] * len(PAIRS))
    ref, decoding = ModelRef(folder=str(converted)), Decoding(beams=beams)
    ours = Models().translator("ct2", ref, ONE_WAY, decoding).translate(sentences, [""] * len(PAIRS))
    assert ours == theirs == list(PAIRS.values())


@pytest.mark.parametrize("quantization", [None, "int8"])
def test_companions_order_and_threads_alter_nothing(
    opus: Path, tmp_path: Path, quantization: str | None
) -> None:
    folder = convert(opus, tmp_path / "model", OPUS, quantization)
    words = " ".join(PAIRS).split()
    draw = random.Random(5)
    sentences = [*PAIRS, *(" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(200))]
    one = by_ct2(folder)
    alone = {sentence: one.translate([sentence], [""])[0] for sentence in sentences}
    assert len(set(alone.values())) > 50
    few = by_ct2(folder, decoding=Decoding(batch_tokens=64), threads=3)
    draw.shuffle(sentences)
    for translator in (one, few):
        found = translator.translate(sentences, [""] * len(sentences))
        assert found == [alone[sentence] for sentence in sentences]
    # A batch alters few words, but the last bits of many a score.
    rows = [one._tokenizer.convert_ids_to_tokens(ids) for ids in one._tokenizer(sentences)["input_ids"]]
    scored = [one._searched([row], 48)[0] for row in rows]
    assert one._searched(rows, 48) == few._searched(rows, 48) == scored


def test_what_is_longer_than_the_model_reads_is_not_cut_but_left_out(opus: Path, converted: Path) -> None:
    sentence = next(iter(PAIRS))
    for translator in (by_ct2(converted), by_transformers(opus)):
        assert isinstance(translator, CT2Translator | Seq2SeqTranslator)
        assert translator.longest == 128
        assert translator.translate(["city food sky " * 60, sentence], ["", ""]) == ["", PAIRS[sentence]]


def test_what_never_ends_is_left_out_although_the_models_own_settings_end_it(tmp_path: Path) -> None:
    folder = save_opus(tmp_path / "unlearnt", updates=0)
    assert json.loads((folder / "generation_config.json").read_text())["forced_eos_token_id"] == 0
    sentences = ["Write songs.", "Why is the sky blue? " * 12]
    ours = by_ct2(convert(folder, tmp_path / "model", OPUS)).translate(sentences, ["", ""])
    assert ours == by_transformers(folder).translate(sentences, ["", ""]) == ["", ""]


def test_an_opus_model_of_several_targets_reads_the_mark_as_one_token(opus: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(opus, tmp_path / "several")
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    replaced = next(word for word in vocabulary if word.startswith("▁") and len(word) > 3)
    marked = {">>cmn_Hans<<" if word == replaced else word: number for word, number in vocabulary.items()}
    (folder / "vocab.json").write_text(json.dumps(marked), encoding="utf-8")
    into = convert(folder, tmp_path / "model", OPUS)
    with pytest.raises(ModelError, match=r"knows no language .none is named.\n.*cmn_Hans"):
        by_ct2(into)
    ours, theirs = by_ct2(into, ("", "cmn_Hans")), by_transformers(folder, ("", "cmn_Hans"))
    ids = ours._tokenizer(ours._mark + "Write songs.")["input_ids"]
    assert ids == [marked[">>cmn_Hans<<"], *ours._tokenizer("Write songs.")["input_ids"]]
    sentences = list(EN_OF)
    assert ours.translate(sentences, [""] * len(sentences)) == theirs.translate(
        sentences, [""] * len(sentences)
    )


@pytest.mark.parametrize(
    ("save", "files", "codes"),
    [
        (save_nllb, ("tokenizer.json", "tokenizer_config.json"), ("eng_Latn", "zho_Hans")),
        (save_m2m, ("vocab.json", "sentencepiece.bpe.model", "tokenizer_config.json"), ("en", "zh")),
    ],
)
def test_models_of_many_languages_are_told_theirs(
    save: Callable[[Path], Path], files: tuple[str, ...], codes: tuple[str, str], tmp_path: Path
) -> None:
    folder = save(tmp_path / "saved")
    ours, theirs = by_ct2(convert(folder, tmp_path / "model", files), codes), by_transformers(folder, codes)
    assert isinstance(theirs, Seq2SeqTranslator)
    assert ours._prefix == [theirs._tokenizer.convert_ids_to_tokens(theirs._first)]
    assert codes[1] in ours._prefix[0]
    sentences = ["how are you?", "a big city.", "why", "你好吗", "so " * 20]
    for tokenizer in (ours._tokenizer, theirs._tokenizer):
        assert codes[0] in tokenizer.convert_ids_to_tokens(tokenizer("why")["input_ids"])[0]
    found = ours.translate(sentences, [""] * len(sentences))
    assert found == theirs.translate(sentences, [""] * len(sentences))
    with pytest.raises(ModelError, match="knows no language"):
        by_ct2(tmp_path / "model", (codes[0], "xx"))


def test_a_tokenizer_that_takes_no_source_is_refused(tmp_path: Path) -> None:
    folder = convert(save_nllb(tmp_path / "saved"), tmp_path / "model", ["tokenizer.json"])
    with pytest.raises(ModelError, match="cannot be told that it reads zho_Hans") as caught:
        by_ct2(folder, ("zho_Hans", "eng_Latn"))
    assert "tokenizer_config.json" in caught.value.hint


def test_draws_are_refused(converted: Path) -> None:
    with pytest.raises(ModelError, match="cannot draw a sentence by its own seed") as caught:
        by_ct2(converted, decoding=Decoding(temperature=0.7))
    assert "by: transformers" in caught.value.hint


def _cut(folder: Path) -> None:
    os.truncate(folder / "model.bin", (folder / "model.bin").stat().st_size - 9)


def _lengthen(folder: Path) -> None:
    with (folder / "model.bin").open("ab") as file:
        file.write(b"more")


def _other(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"PK\x03\x04" * 400)


def _shorten(folder: Path) -> None:
    file = folder / "shared_vocabulary.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8"))[:-3]))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "not converted for CTranslate2"),
        (lambda folder: (folder / "model.bin").write_bytes(b""), "damaged or cut off"),
        (_cut, "damaged or cut off"),
        (_lengthen, "goes on after its last variable"),
        (_other, "is no model of CTranslate2"),
        (lambda folder: (folder / "config.json").unlink(), r"has no config\.json"),
        (lambda folder: (folder / "shared_vocabulary.json").unlink(), r"has no shared_vocabulary\.json"),
        (lambda folder: (folder / "shared_vocabulary.json").write_text("{"), "is no JSON"),
        (_shorten, r"is another model's: 9. words, and embeddings of 96"),
        (
            lambda folder: [(folder / f"{way}.spm").unlink() for way in ("source", "target")],
            r"has no tokenizer",
        ),
        (shutil.rmtree, "does not exist"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_by_the_plan(
    converted: Path, tmp_path: Path, harm: Callable[[Path], object], says: str
) -> None:
    folder = shutil.copytree(converted, tmp_path / "model")
    harm(folder)
    with pytest.raises(ModelError, match=says) as caught:
        Need("ct2", ModelRef(folder=str(folder))).identity(Models())
    assert caught.value.hint


def test_a_converted_model_of_another_kind_and_one_that_is_not_converted_are_refused(
    opus: Path, tmp_path: Path
) -> None:
    folder = convert(save_causal_lm(tmp_path / "saved"), tmp_path / "model", ["tokenizer.json"])
    with pytest.raises(ModelError, match=r"translates nothing: .* is a TransformerDecoderSpec"):
        Need("ct2", ModelRef(folder=str(folder))).identity(Models())
    with pytest.raises(ModelError, match="not converted for CTranslate2") as caught:
        Need("ct2", ModelRef(folder=str(opus))).identity(Models())
    assert "source.spm target.spm vocab.json (opus-mt)" in caught.value.hint


def test_a_damaged_tokenizer_is_refused(converted: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(converted, tmp_path / "model")
    (folder / "source.spm").write_bytes(b"no pieces")
    with pytest.raises(ModelError, match="cannot be loaded"):
        by_ct2(folder)


def test_the_identity_tells_weights_pieces_and_library(opus: Path, converted: Path, tmp_path: Path) -> None:
    before = translator_identity(ModelRef(folder=str(converted)), "ct2")
    assert (before.kind, before.encoder) == ("translator", "ct2")
    assert before.sha256 != translator_identity(ModelRef(folder=str(opus)), "seq2seq").sha256
    folder = shutil.copytree(converted, tmp_path / "other")
    shutil.copy(folder / "target.spm", folder / "source.spm")
    other = translator_identity(ModelRef(folder=str(folder)), "ct2")
    assert (other.sha256, read_converted(folder / "model.bin").positions) == (before.sha256, 128)
    assert other.settings_sha256 != before.settings_sha256
