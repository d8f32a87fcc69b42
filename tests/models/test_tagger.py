"""A model that finds entities, made on the spot and loaded for real: transformers and spaCy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import save_tagger

from pipeline.errors import ModelError
from pipeline.models import Entity, ModelRef, Models
from pipeline.models.tagger import TransformersTagger


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tagger(tmp_path_factory.mktemp("tagger"), {"paris": "PER", "france": "PER", "river": "LOC"})


def found(folder: Path, *texts: str) -> list[list[tuple[str, str]]]:
    tagger = Models(threads=1).tagger(ModelRef(folder=str(folder)))
    return [
        [(text[each.start : each.end], each.label) for each in entities]
        for text, entities in zip(texts, tagger.entities(texts), strict=True)
    ]


def test_entities_are_told_by_their_characters(folder: Path) -> None:
    assert found(folder, "the dog of Paris France, on a river.", "", "a cat") == [
        [("Paris France", "PER"), ("river", "LOC")], [], [],
    ]  # fmt: skip


def test_a_text_longer_than_the_model_reads_is_read_to_its_end(folder: Path) -> None:
    text = "the dog " * 200 + "paris " + "a cat " * 150 + "river"
    assert found(folder, text) == [[("paris", "PER"), ("river", "LOC")]]


def test_an_entity_depends_on_its_text_alone(folder: Path) -> None:
    tagger = Models(threads=1).tagger(ModelRef(folder=str(folder)))
    assert isinstance(tagger, TransformersTagger)
    texts = [f"{'the cat of ' * n}paris in a river" for n in range(12)]
    alone = [tagger.entities([text])[0] for text in texts]
    assert tagger.entities(texts) == alone
    assert tagger.entities(texts[::-1]) == alone[::-1]
    assert all(isinstance(each, Entity) and 0 < each.score <= 1 for listed in alone for each in listed)


def test_the_identity_is_read_from_the_files(folder: Path, tmp_path: Path) -> None:
    one = Models().tagger_identity(ModelRef(folder=str(folder)))
    assert (one.kind, one.encoder, len(one.sha256)) == ("tagger", "fixed-batches", 64)
    other = save_tagger(tmp_path, {"paris": "PER"})
    assert Models().tagger_identity(ModelRef(folder=str(other))).sha256 != one.sha256


def test_what_is_no_such_model_is_refused_before_it_is_loaded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Models().tagger_identity(ModelRef(folder=str(tmp_path / "nowhere")))
    with pytest.raises(ModelError, match="finds no entities"):
        Models().tagger_identity(ModelRef())  # an embedder
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "model.safetensors"):
        (copy / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        Models().tagger_identity(ModelRef(folder=str(copy)))
    (copy / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        Models().tagger_identity(ModelRef(folder=str(copy)))


def test_a_damaged_model_is_an_error(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Models().tagger(ModelRef(folder=str(tmp_path)))


def test_a_spacy_pipeline_is_loaded_from_its_folder(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Jo Fenwick"}])
    pipeline.to_disk(tmp_path / "rules")
    ref = ModelRef(folder=str(tmp_path / "rules"))
    assert Models().tagger_identity(ref).encoder == "spacy"
    assert Models().tagger(ref).entities(["I am Jo Fenwick.", "No"]) == [[Entity(5, 15, "PERSON", 1.0)], []]
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ModelError, match="finds no entities"):
        Models().tagger(ModelRef(folder=str(tmp_path / "blank")))


def test_the_tiny_model_is_sure(folder: Path) -> None:
    tagger = Models(threads=1).tagger(ModelRef(folder=str(folder)))
    assert np.isclose(tagger.entities(["paris"])[0][0].score, 1, atol=0.01)
