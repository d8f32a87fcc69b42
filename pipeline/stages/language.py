"""Drops or flags records in a language that is not wanted, or answered in another than was asked.

The measure says of every record which language its prompt and its response are in, and which languages the
prompt names; the decision holds that against what is wanted. What is undetermined (short texts, code, lists of
names) condemns nothing, and text in Latin letters is condemned only where it holds the small words of its
language. The column `lang` is decided for every record: the declared one unless the text contradicts it,
else that of the response, which is what a model learns to write. Rejected: one language for prompt and
response together (a wrong one in the answer is what this gate is for).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeAlias

import pyarrow as pa
from pydantic import Field, field_validator

from pipeline.change import Changes, Scalar
from pipeline.errors import RecipeError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.language import (
    ANY,
    UNDETERMINED,
    Library,
    close,
    examine,
    known_languages,
    to_code,
)

Action: TypeAlias = Literal["drop", "flag", "keep"]
Row: TypeAlias = dict[str, Any]

PREFIX = "language_"
FACTS = pa.schema(
    [
        pa.field(f"{PREFIX}{name}", kind, nullable=False)
        for name, kind in (
            ("prompt", pa.string()),
            ("prompt_confidence", pa.float32()),
            ("prompt_letters", pa.int32()),
            ("prompt_sure", pa.bool_()),
            ("prompt_uses", pa.string()),
            ("response", pa.string()),
            ("response_confidence", pa.float32()),
            ("response_letters", pa.int32()),
            ("response_sure", pa.bool_()),
            ("response_by", pa.string()),
            ("response_variant", pa.string()),
            ("accepted", pa.string()),
            ("answer_in", pa.string()),
            ("main_share", pa.float32()),
            ("foreign", pa.string()),
        )
    ]
)
"""What the measure says of a record: the fields of `quality.language.RecordLanguages`, with a prefix."""
_PACKAGES: dict[Library, str] = {"lingua": "lingua-language-detector", "langdetect": "langdetect", "none": ""}
COLUMNS = ("prompt", "response", "response_confidence", "response_variant", "main_share")
"""The facts that are kept as columns, without their prefix."""


class LanguageParams(StageParams):
    """Parameters of `language`: what is wanted, an action for each reason, thresholds, and the library."""

    stage: Literal["language"] = "language"

    wanted: tuple[str, ...] = Field(
        default=(),
        description="Languages to keep, ISO 639-1 such as [en, zh]; empty: any, and nothing is unwanted.",
    )
    unwanted: Action = Field(
        default="drop",
        description="What to do with records whose prompt or response is in no wanted language.",
    )
    mismatch: Action = Field(
        default="drop",
        description="What to do with responses in another language than the prompt uses, names or asks for.",
    )
    # A text in two languages may be meant so; a person sees it at once, a rule does not.
    mixed: Action = Field(
        default="flag", description="What to do with responses of which much is in a second language."
    )
    declared: Literal["flag", "keep"] = Field(
        default="flag",
        description="What to do with records that are in another language than their source declares.",
    )
    # Of 8,571 sentences 7% stay below; 0.5% of those above are in another language (docs/language.md).
    min_confidence: float = Field(
        default=0.8, ge=0, le=1, description="Confidence from which a language counts as known."
    )
    min_letters: int = Field(
        default=20, ge=1, le=10_000,
        description="Letters (a Chinese character is three) below which a text is too short to be condemned.",
    )  # fmt: skip
    min_main_share: float = Field(
        default=0.7, ge=0.5, le=1,
        description="Least share of a response in its main language; with less it counts as mixed.",
    )  # fmt: skip
    library: Library = Field(
        default="lingua",
        description="Who is asked where letter statistics are unsure: lingua, langdetect or none.",
    )

    @field_validator("wanted")
    @classmethod
    def _known(cls, wanted: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [code for code in wanted if code not in known_languages()]
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(known_languages())}")
        return wanted


class LanguageStage:
    """The stage; see the module."""

    name = "language"
    version = 1

    def needs(self, params: LanguageParams) -> tuple[Need, ...]:
        """Return nothing: the tables of letters come with the package."""
        return ()

    def measures(self, params: LanguageParams) -> tuple[Measure, ...]:
        """Return the one measure; it depends on the library and its version only.

        Raises:
            RecipeError: the library is not installed.
        """
        reads = ("system", "history", "instruction", "input", "output")
        asked = (("library", params.library), ("library_version", _version(params.library)))
        return (Measure("language", 1, reads, asked),)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return one row of `FACTS` a record."""
        library: Any = dict(measure.params)["library"]
        system, history, instruction, input_, output = (
            batch.column(name).to_pylist() for name in measure.reads
        )
        earlier = [
            [text for turn in turns for text in (turn["user"], turn["assistant"])] for turns in history
        ]
        found = examine(instruction, input_, output, system=system, earlier=earlier, library=library)
        arrays = [
            pa.array([getattr(row, field.name.removeprefix(PREFIX)) for row in found], type=field.type)
            for field in FACTS
        ]
        return pa.Table.from_arrays(arrays, schema=FACTS)

    def context(self, params: LanguageParams) -> tuple[str, ...]:
        """Return `lang`, as the source declares it."""
        return ("lang",)

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: LanguageParams) -> Decision:
        """Drop each record once at most, flag those that stay, and decide `lang`."""
        changes = Changes()
        decided: list[str] = []
        for row in facts.to_pylist():
            actual = _actual(row, params)
            contradicted = _contradicts(row, actual, params)
            declared = row["lang"] or ""
            decided.append(actual if contradicted or not declared else declared)
            _change(changes, row, contradicted, params)
        columns = facts.select(["id", *(f"{PREFIX}{name}" for name in COLUMNS)])
        columns = columns.append_column("lang", pa.array(decided, pa.string()))
        return Decision(changes, columns, _notes(decided))


def _version(library: Library) -> str:
    """Return the installed version of the library that is asked, "" for none."""
    package = _PACKAGES[library]
    try:
        return version(package) if package else ""
    except PackageNotFoundError as error:
        raise RecipeError(
            f"the stage language asks {library}, which is not installed",
            f"pip install -c constraints.txt {package}, or set `library: none` (a little less accurate)",
        ) from error


def _actual(row: Row, params: LanguageParams) -> str:
    """Return the language of a record by its texts: of the response, else of the prompt, else `und`."""
    codes = {side: str(row[f"{PREFIX}{side}"]) for side in ("response", "prompt")}
    agreed = codes["response"] == codes["prompt"]
    told = [s for s, code in codes.items() if code != UNDETERMINED and (row[f"{PREFIX}{s}_sure"] or agreed)]
    confident = [side for side in told if _at_least(row, side, params)]
    return codes[(confident or told)[0]] if told else UNDETERMINED


def _at_least(row: Row, side: str, params: LanguageParams) -> bool:
    return bool(row[f"{PREFIX}{side}_confidence"] >= params.min_confidence)


def _known(row: Row, side: str, params: LanguageParams) -> str:
    """Return the language of one side if it is known well enough to condemn for, else ""."""
    enough = row[f"{PREFIX}{side}_letters"] >= params.min_letters and row[f"{PREFIX}{side}_sure"]
    return str(row[f"{PREFIX}{side}"]) if enough and _at_least(row, side, params) else ""


def _contradicts(row: Row, actual: str, params: LanguageParams) -> bool:
    """Return whether the record is known to be in another language than declared, on both sides."""
    declared = to_code(row["lang"] or "")
    known = [side for side in ("prompt", "response") if _known(row, side, params)]
    told = bool(declared) and actual != UNDETERMINED and bool(known)
    return told and not any(_among(row, side, [declared]) for side in known)


def _change(changes: Changes, row: Row, contradicted: bool, params: LanguageParams) -> None:
    found: list[tuple[str, Action, dict[str, Scalar]]] = []
    if params.unwanted != "keep" and (side := _unwanted_side(row, params)):
        found.append(("unwanted", params.unwanted, _evidence(row, side)))
    if params.mismatch != "keep" and _mismatch(row, params):
        evidence = _evidence(row, "response") | {
            "prompt": row[f"{PREFIX}prompt"],
            "accepted": row[f"{PREFIX}accepted"],
            "answer_in": row[f"{PREFIX}answer_in"],
        }
        found.append(("mismatch", params.mismatch, evidence))
    mixed = row[f"{PREFIX}main_share"] < params.min_main_share and row[f"{PREFIX}response_sure"]
    if params.mixed != "keep" and mixed:
        evidence = _evidence(row, "response") | {
            "foreign": row[f"{PREFIX}foreign"],
            "value": round(row[f"{PREFIX}main_share"], 4),
            "threshold": params.min_main_share,
        }
        found.append(("mixed", params.mixed, evidence))
    dropped = next((item for item in found if item[1] == "drop"), None)
    if dropped is not None:
        changes.drop(row["id"], f"language.{dropped[0]}", dropped[2])
        return
    if contradicted and params.declared == "flag":
        side = "response" if _known(row, "response", params) else "prompt"
        found.append(("declared", "flag", _evidence(row, side) | {"declared": row["lang"]}))
    for name, _, evidence in found:
        changes.flag(row["id"], f"language.{name}", evidence)


def _unwanted_side(row: Row, params: LanguageParams) -> str:
    """Return the side that is in no wanted language, "" if neither is known to be.

    A prompt that uses a wanted language beside another (a text to translate) is wanted.
    """
    if not params.wanted:
        return ""
    response, prompt = (_known(row, side, params) for side in ("response", "prompt"))
    if response and not _among(row, "response", params.wanted):
        return "response"
    used = row[f"{PREFIX}prompt_uses"].split()
    if prompt and not _among(row, "prompt", params.wanted) and not set(used) & set(params.wanted):
        return "prompt"
    return ""


def _mismatch(row: Row, params: LanguageParams) -> bool:
    """Return whether the response is in a language that nothing in the prompt explains."""
    code = _known(row, "response", params)
    if not code:
        return False
    accepted = row[f"{PREFIX}accepted"].split()
    wanted_answer = row[f"{PREFIX}answer_in"].split()
    if wanted_answer:
        return not _among(row, "response", wanted_answer)
    if not _known(row, "prompt", params):
        return False
    return ANY not in accepted and not _among(row, "response", accepted)


def _among(row: Row, side: str, others: Sequence[str]) -> bool:
    """Return whether the language of one side is one of these, or too near to one of them."""
    code, letters = row[f"{PREFIX}{side}"], row[f"{PREFIX}{side}_letters"]
    return any(close(code, other, letters) for other in others)


def _evidence(row: Row, side: str) -> dict[str, Scalar]:
    evidence: dict[str, Scalar] = {
        "side": side,
        "language": row[f"{PREFIX}{side}"],
        "confidence": round(row[f"{PREFIX}{side}_confidence"], 4),
        "letters": row[f"{PREFIX}{side}_letters"],
    }
    return evidence | {"decided_by": row[f"{PREFIX}response_by"]} if side == "response" else evidence


def _notes(decided: list[str]) -> dict[str, str | int | float | bool | list[str]]:
    """Return how many records are in each language, the most frequent ones."""
    counts = {code: decided.count(code) for code in set(decided)}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    return {"languages": [f"{code} {count}" for code, count in ordered]}
