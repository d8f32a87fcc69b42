"""What a recipe says about one source: where its files are and how their columns become fields.

Everything has a default that reads the files themselves, so that a source needs a name and a path;
what was detected is printed and stored, never hidden. Rejected: options for each format (a
delimiter, an encoding), because the content of a file tells them more reliably than a recipe that
outlives the file.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_UNIT_BYTES = 8 * 1024 * 1024

RESERVED_FIELDS = frozenset({"id", "root", "source", "file", "line", "flags", "meta", "history", "tags"})
"""Columns of a record that ingest fills itself: no column of a file can be mapped to them."""

TEXT_FIELDS = ("system", "instruction", "input", "output")
"""The fields of a record that hold one text each."""


class SourceSpec(BaseModel):
    """One source of a recipe: some files, and how to read them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Unique name of the source. It is part of every record's id.",
    )
    path: str | tuple[str, ...] = Field(
        description="A file, a folder (read with its sub-folders) or a glob such as"
        " data/**/*.jsonl, or a list of these; relative to the recipe's folder.",
    )
    format: Literal["auto", "json", "jsonl", "csv", "tsv", "parquet"] = Field(
        default="auto",
        description="Format of the files, each plain or gzip; auto: by ending and first bytes."
        " Whether a JSON file is an array or one object a line is always read from its content.",
    )
    shape: Literal["auto", "alpaca", "prompt_completion", "dolly", "question_answer", "columns"] = Field(
        default="auto",
        description="Which columns hold what; auto: by the names of the columns; columns: as"
        " `columns:` says.",
    )
    columns: dict[str, str] | None = Field(
        default=None,
        description="Field of the record: column of the file. Fields are system, instruction,"
        " input, output (at least one of these) and lang; any other name becomes a key of meta.",
    )
    lang: str = Field(
        default="",
        description='Language of all records, such as "en" or "zh"; "" where it is not known or a'
        " column says it.",
    )
    tags: tuple[str, ...] = Field(default=(), description="Tags that every record of this source carries.")
    max_unit_bytes: int = Field(
        default=MAX_UNIT_BYTES,
        ge=1,
        description="A line, element or row of more bytes is rejected, and never held in memory.",
    )
    on_broken_file: Literal["fail", "keep"] = Field(
        default="fail",
        description="What to do when a file breaks off or is damaged: fail the build, or keep the"
        " units before the damage and write one reject for what follows.",
    )

    @model_validator(mode="after")
    def _columns_are_whole(self) -> SourceSpec:
        if self.shape == "columns" and not self.columns:
            raise ValueError("shape `columns` needs `columns:`, a map of field: column")
        if self.columns is None:
            return self
        if self.shape not in ("auto", "columns"):
            raise ValueError(f"`columns:` and shape `{self.shape}` exclude each other: leave one out")
        reserved = sorted(RESERVED_FIELDS & self.columns.keys())
        if reserved:
            raise ValueError(f"`columns:` cannot fill {', '.join(reserved)}")
        if not self.columns.keys() & set(TEXT_FIELDS):
            raise ValueError(f"`columns:` needs at least one of {', '.join(TEXT_FIELDS)}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths as the recipe writes them, always a tuple."""
        return (self.path,) if isinstance(self.path, str) else self.path
