"""What a recipe says about one source: where its files are and how their columns become fields.

Everything has a default that reads the files themselves, so that a source needs a name and a path;
what was detected is printed and stored, never hidden, and what content cannot prove (an encoding, a
dialect) can be said here. Rejected: options for each format beyond these, because the content of a
file tells them more reliably than a recipe that outlives the file.
"""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

from pipeline.ingest.credentials import without_secrets

MAX_UNIT_BYTES = 8 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024**3
MAX_UNPACKED_RATIO = 250
MAX_MEMBERS = 100_000
_SECRET = ("key", "secret", "token", "password", "credential")

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
    path: str | tuple[str, ...] | None = Field(
        default=None,
        description="A file, a folder (read with its sub-folders), an archive (zip, tar) or a glob such"
        " as data/**/*.jsonl, or an address (https://, s3://, gs://, ...) of these, or a list;"
        " relative to the recipe's folder. Either this or `dataset`.",
    )
    dataset: str | None = Field(
        default=None,
        description="A data set of the Hugging Face hub, owner/name, or a folder that holds one;"
        " each of its splits is a file of the source. Either this or `path`.",
    )
    config: str | None = Field(default=None, description="The configuration (subset) of `dataset`.")
    split: str | None = Field(
        default=None, description="The one split of `dataset` to read; all if left out."
    )
    revision: str | None = Field(
        default=None, description="The commit, tag or branch of `dataset`; a commit never changes."
    )
    storage: dict[str, str | int | bool] = Field(
        default_factory=dict,
        description="Options of the storage that an address names, such as {anon: true} or {endpoint_url:"
        " ...}; never a password, a key or a token: those come from the environment.",
    )
    format: Literal[
        "auto", "json", "jsonl", "csv", "tsv", "parquet", "arrow", "excel", "xml", "markdown", "html", "text"
    ] = Field(
        default="auto",
        description="Format of the files, each plain or gzip; auto: by ending and first bytes."
        " Whether a JSON file is an array or one object a line is always read from its content.",
    )
    record: str = Field(
        default="",
        description='Of an xml file, the path of the element that is one unit, such as "posts/row"; "": the'
        " element that repeats and holds most of the text. The log names it.",
    )
    unit: Literal["auto", "line", "paragraph", "file"] = Field(
        default="auto",
        description="Of a plain text file, what one unit is; auto: by its content, questions and answers that"
        " are marked as such included. The log names it.",
    )
    shape: Literal[
        "auto", "oasst_tree", "preference", "self_instruct", "history", "messages", "sharegpt", "dialogue",
        "transcript", "alpaca", "dolly", "prompt_completion", "question_answer", "document", "columns",
    ] = Field(
        default="auto",
        description="How a unit becomes records; auto: by its columns, each unit by the shape that fits it;"
        " columns: as `columns:` says.",
    )  # fmt: skip
    columns: dict[str, str] | None = Field(
        default=None,
        description="Field of the record: column of the file, or a dotted path into one (answers.0.text)."
        " Fields are system, instruction, input, output (at least one of these) and lang; any other name"
        " becomes a key of meta.",
    )
    tree_paths: Literal["best", "all"] = Field(
        default="best",
        description="Of an oasst_tree, which paths to an answer become records: at each question that of the best"
        " ranked answer, or those of all answers.",
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
    encoding: str = Field(
        default="auto",
        description="Encoding of the text files, such as gb18030, big5 or utf-16; auto: by their content."
        " The report of each file says which one was taken, and how surely.",
    )
    delimiter: str = Field(
        default="",
        max_length=1,
        description='Character between the fields of a csv file; "": by its first rows.',
    )
    quotechar: str = Field(
        default="",
        pattern=r"^(.?|none)$",
        description='Character around quoted fields of a csv file; "": by its first rows; none: quotes are text.',
    )
    header: Literal["auto", "yes", "no"] = Field(
        default="auto",
        description="Whether the first row of a csv file names its columns; without a header they are"
        " column_1, column_2, ...",
    )
    max_unpacked_bytes: int = Field(
        default=MAX_UNPACKED_BYTES,
        ge=1,
        description="A compressed file, or the files of one archive together, that unpack to more bytes fail the"
        " build.",
    )
    max_unpacked_ratio: int = Field(
        default=MAX_UNPACKED_RATIO,
        ge=1,
        description="The same for a file or an archive that unpacks to more than so many times its size (over"
        " 128 MiB).",
    )
    max_members: int = Field(
        default=MAX_MEMBERS, ge=1, description="An archive with more members than this fails the build."
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

    @model_validator(mode="after")
    def _origin_is_one(self) -> SourceSpec:
        if (self.path is None) == (self.dataset is None):
            raise ValueError("a source needs exactly one of `path:` and `dataset:`")
        if self.dataset is None and (self.config or self.split or self.revision):
            raise ValueError("`config:`, `split:` and `revision:` belong to `dataset:`")
        secret = [name for name in self.storage if any(word in name.lower() for word in _SECRET)]
        if secret:
            raise ValueError(
                f"`storage:` holds {', '.join(secret)}: set it in the environment, a recipe is no place for it"
            )
        return self

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, value: str) -> str:
        if value == "auto":
            return value
        try:
            known = codecs.lookup(value)
            "a".encode(value)
        except (LookupError, UnicodeError):
            raise ValueError(
                f"there is no text encoding {value!r}; known are utf-8, gb18030, big5, ..."
            ) from None
        return known.name

    @field_serializer("path")
    def _path_without_secrets(self, path: str | tuple[str, ...] | None) -> str | list[str] | None:
        if path is None or isinstance(path, str):
            return path and without_secrets(path)
        return [without_secrets(each) for each in path]

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths as the recipe writes them, always a tuple."""
        if self.path is None:
            return ()
        return (self.path,) if isinstance(self.path, str) else self.path
