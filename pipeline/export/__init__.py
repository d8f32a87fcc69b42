"""What a build writes for a trainer: one line a record, in the shapes that trainers read.

A format is a function from columns to a JSON object; `FORMATS` holds them. Lines stand in the order of the
sources, files and lines they came from, so that two equal builds are equal byte for byte. Only the fields
that the format defines are written: a trainer that is strict about keys accepts the file, and line N of an
export is found again in records.parquet by its place (`python -m pipeline explain
data/alpaca/train.jsonl:N`).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.record import prompt_of

PLACEHOLDERS = ("system", "instruction", "input", "prompt")


class Export(BaseModel):
    """One format to write under data/<format>."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["alpaca", "prompt_completion"] = Field(description="The shape of a line.")
    template: str = Field(
        default="{prompt}",
        description="prompt_completion: the prompt, made of {system}, {instruction}, {input} and {prompt} "
        "(the instruction and, below it, the input).",
    )
    template_no_input: str | None = Field(
        default=None, description="prompt_completion: the template for records without input."
    )
    completion_suffix: str = Field(
        default="", description="prompt_completion: written after every response, e.g. an end mark."
    )

    @field_validator("template", "template_no_input")
    @classmethod
    def _known_placeholders(cls, template: str | None) -> str | None:
        if template is None:
            return None
        try:
            fields = [field for field in string.Formatter().parse(template) if field[1] is not None]
        except ValueError as error:
            raise ValueError(f"not a template: {error}; write {{{{ and }}}} for braces") from error
        if any(spec or conversion for _, _, spec, conversion in fields):
            raise ValueError("a placeholder is a name alone, without `:` or `!`")
        names = {str(name) for _, name, _, _ in fields}
        unknown = sorted(names - set(PLACEHOLDERS))
        if unknown:
            raise ValueError(
                f"unknown placeholder {{{unknown[0]}}}; valid: "
                + ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            )
        if not names & {"instruction", "prompt"}:
            raise ValueError("a template needs {instruction} or {prompt}")
        return template


Row = Mapping[str, Any]
"""One record as its text columns: `system`, `history`, `instruction`, `input`, `output`."""


def alpaca(row: Row, export: Export) -> dict[str, object]:
    """Return an Alpaca line; `system` and `history` are there only where the record has them."""
    line: dict[str, object] = {name: row[name] for name in ("instruction", "input", "output")}
    if row["system"]:
        line["system"] = row["system"]
    if row["history"]:
        line["history"] = [[turn["user"], turn["assistant"]] for turn in row["history"]]
    return line


def prompt_completion(row: Row, export: Export) -> dict[str, object]:
    """Return a prompt-completion line; earlier turns stand above the prompt, as they were said."""
    template = export.template
    if not row["input"] and export.template_no_input is not None:
        template = export.template_no_input
    prompt = template.format(
        system=row["system"],
        instruction=row["instruction"],
        input=row["input"],
        prompt=prompt_of(row["instruction"], row["input"]),
    )
    earlier = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
    if row["system"] and "{system}" not in template:
        earlier.insert(0, row["system"])
    return {
        "prompt": "\n\n".join([*earlier, prompt]),
        "completion": row["output"] + export.completion_suffix,
    }


FORMATS: dict[str, Callable[[Row, Export], dict[str, object]]] = {
    "alpaca": alpaca,
    "prompt_completion": prompt_completion,
}


def render_line(row: Row, export: Export) -> bytes:
    """Return one record as one line of JSON, with its final newline."""
    return orjson.dumps(FORMATS[export.format](row, export), option=orjson.OPT_APPEND_NEWLINE)
