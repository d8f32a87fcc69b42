"""The card says what the run's files say, in a form that the hub reads, and claims nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from train.shipping.card import Card, Score, model_card, write_card

CARD = Card(
    name="bikes-qlora",
    base="Qwen/Qwen2.5-7B",
    base_revision="a" * 40,
    base_on_hub=True,
    base_sha256="b" * 64,
    method="qlora",
    quantisation="nf4",
    build="sample",
    build_digest="c" * 64,
    licence="apache-2.0",
    dataset_on_hub="",
    languages=("zh", "en", "en", ""),
    counts={"train": 3350, "validation": 37, "rejected": 2},
    settings={"rank": 16, "targets": "all-linear", "note": "a|b"},
    template="chat",
    scores=(
        Score("test", "loss", 2.34567, 1.2, (-1.3, -1.0)),
        Score("test", "BERTScore", None, None),
    ),
    versions={"torch": "2.13.0", "peft": "0.21.2"},
)


def front(card: Card, folder: Path) -> dict[str, object]:
    """Read the front matter as the hub's own library does."""
    from huggingface_hub import ModelCard

    write_card(card, folder)
    return dict(ModelCard.load(folder / "README.md").data.to_dict())


def test_the_hub_reads_the_front_matter(tmp_path: Path) -> None:
    assert front(CARD, tmp_path) == {
        "base_model": "Qwen/Qwen2.5-7B",
        "library_name": "peft",
        "language": ["en", "zh"],
        "license": "apache-2.0",
        "pipeline_tag": "text-generation",
        "tags": ["instruction-tuning", "qlora", "base_model:adapter:Qwen/Qwen2.5-7B"],
    }


def test_what_is_not_known_is_left_out_of_the_front_matter(tmp_path: Path) -> None:
    local = replace(
        CARD, base="my model", base_on_hub=False, licence="", languages=(), dataset_on_hub="me/data"
    )
    assert front(local, tmp_path) == {
        "library_name": "peft",
        "datasets": ["me/data"],
        "pipeline_tag": "text-generation",
        "tags": ["instruction-tuning", "qlora"],
    }
    assert "library_name: transformers" in model_card(replace(CARD, method="full"))


def test_numbers_and_names_are_those_of_the_run() -> None:
    text = model_card(CARD)
    assert "| train | 3,350 |" in text
    assert "| note | a\\|b |" in text
    assert "| test | loss | 2.346 | 1.2 | -1.3 to -1 |" in text
    assert "c" * 64 in text
    assert "b" * 64 in text
    assert "peft 0.21.2, torch 2.13.0" in text
    assert f'"Qwen/Qwen2.5-7B", revision="{"a" * 40}"' in text


def test_what_was_not_measured_is_said_to_be_so() -> None:
    assert "| test | BERTScore | not measured | not measured | not measured |" in model_card(CARD)
    unscored = model_card(replace(CARD, scores=()))
    assert "How well it does was not measured." in unscored
    assert "## Scores\n\nNot measured." in unscored
    assert "judged on held-out records" not in unscored


def test_limits_name_the_weights_it_was_trained_on_and_what_was_given() -> None:
    text = model_card(replace(CARD, limits=("The model is random: the scores only exercise the plumbing.",)))
    assert "- The model is random: the scores only exercise the plumbing." in text
    assert "trained on nf4 weights" in text
    assert "weights; on others" not in model_card(replace(CARD, quantisation="none"))


def test_loading_is_told_as_the_method_needs_it() -> None:
    assert "PeftModel.from_pretrained" in model_card(CARD)
    assert "PeftModel" not in model_card(replace(CARD, method="bottleneck"))


def test_equal_runs_have_equal_cards(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == model_card(CARD)
