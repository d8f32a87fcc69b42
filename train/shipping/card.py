"""The model card of an adapter: README.md with front matter that the Hugging Face hub accepts.

Every line repeats a number or a name from the run's own files; what nobody measured is said to be not measured, and
nothing is claimed beyond it. It holds no time, so that equal runs have equal cards. Rejected: huggingface_hub's card
template, whose dozens of "[More Information Needed]" are what a reader learns to skip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.markdown import front_matter, table_cell
from pipeline.store import write_text

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Score:
    """A number that base and tuned model got on the same records.

    Attributes:
        split: such as test.
        name: of the metric, such as loss; its signature or unit may follow in parentheses.
        base: of the base model, or None if not measured.
        tuned: of the tuned model, or None.
        interval: 95% bootstrap interval of tuned − base, or None.
    """

    split: str
    name: str
    base: float | None
    tuned: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """All that a card says.

    Attributes:
        name: of the run.
        base: hub id, or the folder's last part, of the base model.
        base_revision: commit, or "".
        base_on_hub: whether `base` is a hub id; only then it goes into the front matter.
        base_sha256: of its weights.
        method: that trained the adapter.
        quantisation: of the frozen weights.
        build: name of the build.
        build_digest: SHA-256 of its manifest.
        licence: that the build's card names, or "".
        dataset_on_hub: hub id of the dataset, or "".
        languages: codes that the records have.
        counts: name to number of records, such as train, validation, rejected.
        settings: name to value of what shaped the training.
        template: words around a record: chat, alpaca or prompt_completion.
        scores: base beside tuned.
        limits: sentences; the usual ones are added.
        versions: of the libraries.
    """

    name: str
    base: str
    base_revision: str
    base_on_hub: bool
    base_sha256: str
    method: str
    quantisation: str
    build: str
    build_digest: str
    licence: str
    dataset_on_hub: str
    languages: tuple[str, ...]
    counts: Mapping[str, int]
    settings: Mapping[str, str | int | float | bool]
    template: str
    scores: Sequence[Score]
    limits: Sequence[str] = ()
    versions: Mapping[str, str] | None = None


def write_card(card: Card, folder: Path) -> None:
    """Write README.md into an adapter's folder.

    Raises:
        StoreError: it cannot be written.
    """
    text = model_card(card)
    write_text(folder / "README.md", lambda stream: print(text, end="", file=stream))


def model_card(card: Card) -> str:
    """Return the text of the card."""
    at = f" at `{card.base_revision}`" if card.base_revision else ""
    lines = [
        "---",
        _front_matter(card),
        "---",
        "",
        f"# {card.name}",
        "",
        f"An adapter (method `{card.method}`, frozen weights: {card.quantisation}) for `{card.base}`{at}, "
        f"whose weights have the SHA-256 `{card.base_sha256}`.",
        "",
        "## What it was trained on",
        "",
        f"The build `{card.build}`; the SHA-256 of its manifest is `{card.build_digest}`. "
        "The build's own card and ledger tell where each record came from.",
        "",
        *_table(
            ("records", "number"), [(table_cell(name), f"{count:,}") for name, count in card.counts.items()]
        ),
        "## How",
        "",
        f"Records were rendered with the `{card.template}` template; only responses were learnt.",
        "",
        *_table(
            ("setting", "value"),
            [(table_cell(name), table_cell(str(value))) for name, value in card.settings.items()],
        ),
        "## Scores",
        "",
        *_scores(card.scores),
        "## Limits",
        "",
        *(f"- {sentence}" for sentence in (*card.limits, *_usual_limits(card))),
        "",
        "## How to load it",
        "",
        *_loading(card),
    ]
    if card.versions:
        told = ", ".join(f"{name} {version}" for name, version in sorted(card.versions.items()))
        lines += [f"Trained with {told}.", ""]
    return "\n".join(lines)


def _front_matter(card: Card) -> str:
    front: dict[str, Any] = {}
    if card.base_on_hub:
        front["base_model"] = card.base
    front["library_name"] = "transformers" if card.method == "full" else "peft"
    if languages := sorted({code for code in card.languages if _LANGUAGE.fullmatch(code)}):
        front["language"] = languages
    if card.licence:
        front["license"] = card.licence
    if card.dataset_on_hub:
        front["datasets"] = [card.dataset_on_hub]
    front["pipeline_tag"] = "text-generation"
    base = [f"base_model:adapter:{card.base}"] if card.base_on_hub and card.method != "full" else []
    front["tags"] = ["instruction-tuning", card.method, *base]
    return front_matter(front)


def _scores(scores: Sequence[Score]) -> list[str]:
    if not scores:
        return ["Not measured.", ""]
    rows = [
        (
            score.split,
            table_cell(score.name),
            _number(score.base),
            _number(score.tuned),
            _interval(score.interval),
        )
        for score in scores
    ]
    heads = ("split", "metric", "base", "tuned", "tuned − base, 95% interval")
    return [
        *_table(heads, rows),
        "Base and tuned answered the same records in the same words around them.",
        "",
    ]


def _usual_limits(card: Card) -> list[str]:
    limits = ["It was judged on held-out records of its own build: how it does elsewhere was not measured."]
    if not any(score.tuned is not None for score in card.scores):
        limits = ["How well it does was not measured."]
    if card.quantisation != "none":
        limits.append(
            f"It was trained on {card.quantisation} weights; on others its numbers differ a little "
            "(`python -m train merge` prints by how much)."
        )
    return [*limits, "What the base model gets wrong or makes up, this may, too."]


def _loading(card: Card) -> list[str]:
    lines = ["`python -m train chat FOLDER` talks with it in the very words of its training.", ""]
    if card.method in ("bottleneck", "lora_bottleneck", "full"):
        return [*lines, "In Python: `train.load.load_base`, then `train.methods.load_adapter`.", ""]
    revision = f', revision="{card.base_revision}"' if card.base_revision else ""
    return [
        *lines,
        "```python",
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f'base = AutoModelForCausalLM.from_pretrained("{card.base}"{revision})',
        'model = PeftModel.from_pretrained(base, "FOLDER")',
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
        "```",
        "",
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    ruler = "|".join("---" if number == 0 else "---:" for number in range(len(heads)))
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{ruler}|", *body, ""]


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def _interval(interval: tuple[float, float] | None) -> str:
    return "not measured" if interval is None else f"{interval[0]:+.4g} to {interval[1]:+.4g}"
