from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Ask, Child, Passage
from pipeline.augment.synonyms import Synonyms, SynonymsParams
from pipeline.augment.wordnet_places import WordNetPlaces
from pipeline.errors import ModelError
from pipeline.models import Models
from pipeline.models.embedder import Embedder
from pipeline.models.need import Need
from pipeline.models.reference import ModelIdentity
from pipeline.models.wordnet import ABSENT, AUTO, DEBIAN, WordNet, wordnet_identity
from tests.augment.tiny_wordnet import write_wordnet

INSTALLED = pytest.mark.skipif(not (DEBIAN / "data.noun").is_file(), reason="wordnet-base is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_wordnet(
        tmp_path / "wordnet",
        {
            "n": [
                (
                    ("profit", "earnings"),
                    "the money left over after costs; the company shows a profit this year",
                ),
                (("profit", "advantage"), "a use or gain for a person"),
                (("high school",), "a school for older pupils"),
                (("school",), "a place to learn"),
                (("child",), "a young person"),
            ],
            "v": [
                (("achieve", "accomplish"), "gain with effort"),
                (("predict", "forecast"), "tell in advance what the weather will be"),
                (("predict", "promise"), "make a forecast by signs of the stars"),
            ],
            "a": [(("entire", "complete"), "with all parts")],
            "r": [(("entirely", "completely"), "to the full extent")],
        },
        {
            ("achieve", "v", 1): 40,
            ("accomplish", "v", 1): 30,
            ("predict", "v", 1): 12,
            ("predict", "v", 2): 10,
            ("forecast", "v", 1): 9,
            ("promise", "v", 1): 9,
            ("entirely", "r", 1): 30,
            ("completely", "r", 1): 30,
        },
        {"n": ["children child"], "v": []},
    )


class WordVectors:
    """Sentences as sums of one vector a word: near where they share words."""

    identity = ModelIdentity("words", "", "0" * 64, "0" * 64, "embedder", 64, "none", "all")

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [np.sum([self._vector(word) for word in text.lower().split()], axis=0) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)

    def covers(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        return np.ones(len(texts), np.bool_)

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        return np.zeros(len(texts), np.bool_)

    @staticmethod
    def _vector(word: str) -> NDArray[np.float64]:
        seed = int.from_bytes(blake2b(word.strip(".,?:;").encode(), digest_size=4).digest(), "big")
        return np.random.default_rng(seed).standard_normal(64)


def options(wordnet: WordNet, text: str, embedder: Embedder | None = None) -> dict[str, tuple[str, ...]]:
    passage = Passage(text, "en", "1", Guard().protect(text))
    (places,) = WordNetPlaces(wordnet, embedder).added([passage], [[]])
    return {text[place.start : place.stop]: place.options for place in places or []}


def test_files_are_read_as_the_manual_pages_tell(folder: Path) -> None:
    wordnet = WordNet(folder)
    assert [(synset.words, count) for synset, count in wordnet.senses("predict", "v")] == [
        (("predict", "forecast"), 12),
        (("predict", "promise"), 10),
    ]
    assert wordnet.senses("achieve", "v")[0][0].gloss == "gain with effort"
    assert wordnet.has("high school", "n") and not wordnet.has("low school", "n")
    assert wordnet.lemmas("children", "n") == ["child"] and wordnet.lemmas("achieved", "v") == ["achieve"]
    assert wordnet.irregular_forms("child", "n") == {"children"}
    assert wordnet.senses("unknown", "n") == []


def test_a_word_of_one_sense_takes_its_synonym_in_its_form(folder: Path) -> None:
    wordnet = WordNet(folder)
    assert options(wordnet, "How was it achieved entirely?") == {
        "achieved": ("accomplished",),
        "entirely": ("completely",),
    }
    assert options(wordnet, "Is a high school good?") == {}
    assert options(wordnet, "Who achieved `entirely` it?") == {"achieved": ("accomplished",)}


def test_a_word_of_two_senses_needs_the_sentence(folder: Path) -> None:
    wordnet = WordNet(folder)
    text = (
        "Who can predict in advance what the weather will be in Rome and in the towns around Rome, in the morning "
        "and in the evening of the day, and for the days to come in the week?"
    )
    assert options(wordnet, text) == {}
    assert options(wordnet, text, WordVectors()) == {"predict": ("forecast",)}
    assert options(wordnet, "Who can predict?", WordVectors()) == {}


def test_method_uses_the_folder_it_is_given(folder: Path) -> None:
    ask = Ask(
        {"system": "", "instruction": "How was it achieved?", "input": "", "output": ""}, (), "en", "1", 0
    )
    params = SynonymsParams(wordnet=str(folder), sense=False)
    (answer,) = Synonyms().children([ask], params, Guard(), Models())
    assert isinstance(answer, Child) and answer.texts == {"instruction": "How was it accomplished?"}
    assert f"WordNet 3.0 in {folder}" in Synonyms().remarks(params)[0]
    assert "WordNet" not in Synonyms().remarks(SynonymsParams(wordnet="off"))[0]
    (need,) = Synonyms().needs(params)
    assert need == Need("wordnet", path=str(folder))
    identity = need.identity(Models())
    assert (identity.name, identity.revision, identity.kind) == (str(folder), "3.0", "wordnet")
    assert [need.kind for need in Synonyms().needs(SynonymsParams(wordnet=str(folder)))] == [
        "wordnet",
        "embedder",
    ]


def test_identity_changes_with_any_file(folder: Path) -> None:
    before = wordnet_identity(str(folder))
    with (folder / "cntlist.rev").open("a") as stream:
        stream.write("school%1:00:00:: 1 7\n")
    after = wordnet_identity(str(folder))
    assert before.sha256 == after.sha256 and before.settings_sha256 != after.settings_sha256


def test_absence_is_an_identity_and_half_a_folder_an_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.models.wordnet.DEBIAN", tmp_path / "nowhere")
    assert wordnet_identity(AUTO).name == ABSENT
    assert Synonyms().needs(SynonymsParams()) == (Need("wordnet", path=AUTO),)
    assert "WordNet is not installed" in Synonyms().remarks(SynonymsParams())[0]
    ask = Ask(
        {"system": "", "instruction": "Who bought the house?", "input": "", "output": ""}, (), "en", "1", 0
    )
    (answer,) = Synonyms().children([ask], SynonymsParams(), Guard(), Models())
    assert isinstance(answer, Child) and answer.texts == {"instruction": "Who purchased the house?"}
    (folder / "data.verb").unlink()
    monkeypatch.setattr("pipeline.models.wordnet.DEBIAN", folder)
    with pytest.raises(ModelError, match=r"lacks data\.verb"):
        wordnet_identity(AUTO)


def test_damaged_files_are_told(folder: Path) -> None:
    (folder / "cntlist.rev").write_text("no counts\n")
    with pytest.raises(ModelError, match="damaged WordNet"):
        WordNet(folder)


def test_an_offset_that_leads_nowhere_is_told(folder: Path) -> None:
    index = folder / "index.verb"
    index.write_text(index.read_text().replace("achieve v 1 1 @ 1 0 0", "achieve v 1 1 @ 1 0 1"))
    with pytest.raises(ModelError):
        WordNet(folder).senses("achieve", "v")


@INSTALLED
def test_the_installed_wordnet_is_read() -> None:
    wordnet = Models().wordnet(AUTO)
    (first, count), *_ = wordnet.senses("buy", "v")
    assert first.words == ("buy", "purchase") and count > 50
    assert wordnet.lemmas("geese", "n") == ["goose"]
    assert "completely" in options(wordnet, "What are five totally distinct ways?")["totally"]
