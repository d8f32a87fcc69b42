"""The model of Apertium's tagger: read, given classes that it lacks, written; and a tagger that cannot be given any."""

from __future__ import annotations

import stat
import struct
import sys
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.models.apertium_tagger import PROGRAM, Tagger, TaggerModel, read_tagger

TAGS = ("noun", "verb", "adjective", "article")


def text(word: str) -> bytes:
    """Return a word as lttoolbox writes it: from 64 on a number has two bytes."""
    return bytes([len(word), *(byte for letter in word for byte in (0x40, ord(letter)))])


BEFORE = b"".join(
    (
        bytes([2, 0, 1]),  # unknown words are nouns or verbs: differences of numbers of tags
        bytes([1, 3, 3]),  # no article follows an article
        bytes([4]) + b"".join(map(text, TAGS)),
        bytes([1]) + text("noun") + bytes([0]),
        bytes([1, 3, 2, 0, 2]),  # after an article comes a noun or an adjective
        bytes([1]) + text("x"),
        bytes([1]) + text("k") + bytes([0x41, 0x00]),  # a constant of 256
    )
)
CLASSES = ({0, 1}, {0}, {1}, {2}, {3}, {0, 1, 2}, {0, 2})
MODEL = TaggerModel(
    before=BEFORE,
    tags=TAGS,
    unknown=frozenset({0, 1}),
    classes=tuple(map(frozenset, CLASSES)),
    states=4,
    transitions=struct.pack(">16d", *range(16)),
    emissions={(tag, at): (tag + 1) / (at + 2) for at, each in enumerate(CLASSES) for tag in sorted(each)},
    after=b"patterns",
)
FILE = MODEL.with_classes([])

COMMAND = """#!{python}
# Complains of every batch, whatever model it is given.
import os, sys

sys.stderr.write("New ambiguity class: {{{tags}}}\\n")
while True:
    read = os.read(0, 65536)
    if not read:
        break
    os.write(1, read)
"""


def test_a_model_is_read_as_it_was_written() -> None:
    assert read_tagger(FILE) == MODEL


def test_a_class_is_as_probable_as_the_smallest_below_that_of_unknown_words_that_has_its_tags() -> None:
    bigger = TaggerModel(
        BEFORE, TAGS, MODEL.classes[5], MODEL.classes, 4, MODEL.transitions, MODEL.emissions, MODEL.after
    )
    assert bigger.similar(frozenset({0, 2})) == 6
    assert bigger.similar(frozenset({1, 2})) == 5  # none is smaller: that of unknown words
    assert bigger.similar(frozenset({1, 3})) == 5  # nor has any both
    new = read_tagger(MODEL.with_classes([("verb", "article"), ("verb", "adjective")]))
    assert new.classes == (*MODEL.classes, frozenset({1, 3}), frozenset({1, 2}))
    added = {key: value for key, value in new.emissions.items() if key not in MODEL.emissions}
    assert added == {(1, 7): MODEL.emissions[1, 0], (1, 8): MODEL.emissions[1, 0]}
    assert (new.unknown, new.transitions, new.after) == (MODEL.unknown, MODEL.transitions, MODEL.after)


@pytest.mark.parametrize("classes", [60, 300, 20_000])
def test_numbers_of_any_length_come_back(classes: int) -> None:
    many = MODEL.classes + tuple(frozenset({0, number}) for number in range(8, classes))
    model = TaggerModel(
        BEFORE, TAGS, MODEL.unknown, many, 4, MODEL.transitions, {(0, len(many) - 1): 0.25}, b""
    )
    assert read_tagger(model.with_classes([])) == model


@pytest.mark.parametrize("damaged", [b"", FILE[:4], FILE[: len(BEFORE) + 9], FILE[:-20], FILE[1:]])
def test_a_file_that_is_no_such_model_is_refused(damaged: bytes, tmp_path: Path) -> None:
    with pytest.raises((ValueError, IndexError, struct.error)):
        read_tagger(damaged)
    with pytest.raises(ModelError, match=r"cannot be read as a tagger's model"):
        _asked(tmp_path, damaged, "verb,article")


@pytest.mark.parametrize(
    ("tags", "options", "told"),
    [
        ("verb,article", (), r"a class that .*model\.prob lacks alters what comes after it"),
        ("verb,article", ("-w",), r"a class that .*model\.prob lacks alters what comes after it"),
        ("verb,particle", (), r"cannot be read as a tagger's model: .*not in tuple"),
    ],
)
def test_a_tagger_that_cannot_be_given_a_class_is_refused(
    tmp_path: Path, tags: str, options: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        _asked(tmp_path, FILE, tags, *options)


def _asked(folder: Path, data: bytes, tags: str, *options: str) -> None:
    """Ask a tagger that complains of a class in spite of whatever model it is given."""
    program, model = folder / PROGRAM, folder / "model.prob"
    program.write_text(COMMAND.format(python=sys.executable, tags=tags), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    model.write_bytes(data)
    tagger = Tagger("a tagger", [str(program), "-z", *options, "-g", str(model)], 10)
    try:
        tagger.exchange([b"one", b"two"])
    finally:
        tagger.close()
