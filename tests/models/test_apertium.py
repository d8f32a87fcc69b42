"""Apertium's commands: kept running, batch by batch, and what happens if one dies, hangs or loses count."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_translators import save_mode

from pipeline.errors import ModelError
from pipeline.models import Models
from pipeline.models.apertium import (
    BATCH_CHARACTERS,
    Apertium,
    apertium_identity,
    commands,
    escaped,
    mode_file,
    unescaped,
)
from pipeline.models.apertium_tagger import read_tagger
from pipeline.models.need import Need

WORDS = {"dog": "perro", "the": "el", "old": "viejo"}
needs_apertium = pytest.mark.skipif(
    not mode_file("eng-spa").is_file() or shutil.which("apertium") is None,
    reason="apertium and apertium-eng-spa are not installed (apt-get install apertium apertium-eng-spa)",
)


def test_sentences_come_back_in_order_whatever_signs_they_hold(tmp_path: Path) -> None:
    translator = Apertium(save_mode(tmp_path, "eng-spa", WORDS))
    sentences = ["The old dog.", "[1] {a} <b> ^c$ d/e \\\\ @f", "Dog", "日本語 the 犬"]
    translated = translator.translate(sentences)
    translator.close()
    assert translated == ["El viejo perro.", "[1] {a} <b> ^c$ d/e \\\\ @f", "Perro", "日本語 el 犬"]


def test_the_commands_are_started_once_for_many_batches(tmp_path: Path) -> None:
    translator = Apertium(save_mode(tmp_path, "eng-spa", WORDS))
    translator.translate(["dog"])
    started = translator.pids
    long = "dog " * (BATCH_CHARACTERS // 10)
    assert (
        translator.translate([long] * 30) == [long.replace("dog", "perro")] * 30
    )  # far more than a pipe holds
    assert translator.pids == started
    translator.close()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("dies", r"died midway: translate-eng-spa ended with 7\n.*the dictionary is gone"),
        ("hangs", r"has hung: no byte in 1 s"),
        ("loses", r"was given 2 sentences and returned [01]"),
        ("adds", r"was given 2 sentences and returned [34]"),
    ],
)
def test_a_translator_that_fails_says_how(tmp_path: Path, fault: str, told: str) -> None:
    translator = Apertium(save_mode(tmp_path, "eng-spa", WORDS, fault), seconds=1)
    with pytest.raises(ModelError, match=told) as caught:
        for _ in range(2):
            translator.translate(["the dog", "old"])
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message
    assert translator.pids == []


def test_after_a_death_the_commands_are_started_anew(tmp_path: Path) -> None:
    translator = Apertium(save_mode(tmp_path, "eng-spa", WORDS, "dies"))
    translator.translate(["dog"])
    with pytest.raises(ModelError):
        translator.translate(["dog"])
    assert translator.translate(["dog"]) == ["perro"]
    translator.close()


def test_a_pair_that_is_missing_names_the_command_that_installs_it(tmp_path: Path) -> None:
    need = Need("apertium", path=str(mode_file("eng-cat", str(tmp_path))))
    with pytest.raises(ModelError, match="eng-cat is not installed") as caught:
        need.identity(Models())
    assert caught.value.hint == "apt-get install apertium apertium-eng-cat"


def test_of_a_pair_with_one_direction_only_the_package_that_has_both_is_named(tmp_path: Path) -> None:
    save_mode(tmp_path, "eng-spa", WORDS)
    with pytest.raises(ModelError, match="spa-eng is not installed") as caught:
        apertium_identity(mode_file("spa-eng", str(tmp_path)))
    assert caught.value.hint == "apt-get install apertium apertium-eng-spa"


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    mode = save_mode(tmp_path, "eng-spa", WORDS)
    mode.write_text("no-such-program -g $1 | also-not\n")
    with pytest.raises(ModelError, match=r"no-such-program, which .* calls, is not installed"):
        apertium_identity(mode)


@pytest.mark.parametrize("line", ["", "cat x > y", "cat 'x' | | cat", "cat $(date)", "a; b", "cat 'unclosed"])
def test_a_mode_file_that_is_no_chain_of_commands_is_refused(tmp_path: Path, line: str) -> None:
    mode = save_mode(tmp_path, "eng-spa", WORDS)
    mode.write_text(line)
    with pytest.raises(ModelError, match=r"is no chain of commands|cannot be read"):
        commands(mode)


def test_the_identity_is_that_of_the_data_files_and_the_mode(tmp_path: Path) -> None:
    mode = save_mode(tmp_path, "eng-spa", WORDS)
    before = apertium_identity(mode)
    assert before.name == "apertium eng-spa"
    (tmp_path / "eng-spa.bin").write_text("other words")
    other = apertium_identity(mode)
    assert other.sha256 != before.sha256
    assert other.settings_sha256 == before.settings_sha256
    (tmp_path / "eng-spa.bin").unlink()
    with pytest.raises(ModelError, match=r"eng-spa\.bin, which .* names, is missing"):
        apertium_identity(mode)


def test_escaping_is_undone_by_unescaping() -> None:
    text = "a [b] {c} ^d$ e/f \\ @g <h>"
    assert unescaped(escaped(text)) == text
    assert escaped("null\0 and\nbreak") == "null  and break"


@needs_apertium
def test_apertium_itself_translates_there_and_back() -> None:
    there, back = (Apertium(mode_file(pair)) for pair in ("eng-spa", "spa-eng"))
    spanish = there.translate(["What is the capital of France?", "The cat drinks $5 [milk].", "Zxqvb"])
    assert spanish[0].endswith("de Francia?")
    assert "$5 [" in spanish[1]
    assert spanish[2] == "*Zxqvb"
    assert back.translate(spanish[:1]) == ["What is the capital of France?"]
    there.close()
    back.close()


@needs_apertium
def test_apertium_itself_gives_in_batches_what_its_wrapper_gives_one_by_one() -> None:
    sentences = ["Which movies are about the sea?", "I would like to buy a house.", "List three colors."]
    translator = Apertium(mode_file("eng-spa"))
    batched = translator.translate(sentences * 40)
    translator.close()
    for sentence, found in zip(sentences, batched, strict=False):
        done = subprocess.run(
            ["apertium", "eng-spa"], input=sentence, capture_output=True, text=True, check=True
        )
        assert found.split() == done.stdout.split()
    assert batched == batched[:3] * 40


@needs_apertium
def test_what_stands_beside_a_sentence_in_a_batch_alters_nothing_in_it() -> None:
    sentences = [
        "write a poem",
        "Name five colours.",
        "How do plants grow",
        "a list of",
        "What is rain?",
        "to be",
        "(why not)",
    ]
    found = []
    for order in (sentences, sentences[::-1], sentences[3:] + sentences[:3]):
        translator = Apertium(mode_file("eng-spa"))  # commands of its own: nothing is remembered
        found.append(dict(zip(order, translator.translate(order), strict=True)))
        translator.close()
    assert found[0] == found[1] == found[2]


@needs_apertium
@pytest.mark.parametrize(
    "before", ["She is known in the town.", "We have a lot of time.", "Is tea included?"]
)
def test_a_word_that_the_tagger_was_not_trained_on_leaves_no_trace(before: str) -> None:
    sentences = [
        "What is the emblem of House Varlowe?",
        "What does QXR mean for a ticket?",
        "Does my uncle Brimwald like tea?",
    ]
    translator = Apertium(mode_file("eng-spa"))
    alone = translator.translate(sentences)
    assert alone == [
        "Qué es el emblema de Casa *Varlowe?",
        "Qué  *QXR significa para una entrada?",
        "Hace mi tío *Brimwald gusta té?",
    ]
    assert translator.translate([before, *sentences])[1:] == alone
    assert translator.translate(sentences) == alone
    translator.close()


@needs_apertium
@pytest.mark.parametrize("pair", ["eng-spa", "spa-eng"])
def test_the_model_of_an_installed_tagger_is_written_as_it_was_read(pair: str) -> None:
    data = Path(commands(mode_file(pair))[1][-1]).read_bytes()
    assert read_tagger(data).with_classes([]) == data
