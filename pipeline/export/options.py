"""What a recipe may say about one export, checked before anything is built.

An option that a format would ignore is a mistake and is told as one: a template beside `format: messages` shows that
its author expects something else to be written. Rejected: one class a format (the options overlap, and a recipe's
author would look them up in three places).
"""

from __future__ import annotations

import string
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

PLACEHOLDERS = ("system", "instruction", "input", "prompt")
DEFAULT_TEMPLATES = {"prompt_completion": "{prompt}", "text": "{prompt}\n\n{output}"}
"""The template of each format that has one."""


class Export(BaseModel):
    """One format to write under data/<format>."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["alpaca", "prompt_completion", "messages", "sharegpt", "text"] = Field(
        description="The shape of a line: alpaca; prompt_completion; messages, as the OpenAI API and TRL read them; "
        "sharegpt, as LLaMA-Factory and Axolotl do; text, one text a record, for continued pretraining."
    )
    system: str = Field(
        default="",
        description="System text of the records that have none of their own; a document gets none.",
    )
    template: str | None = Field(
        default=None,
        description="prompt_completion: the prompt, made of {system}, {instruction}, {input} and {prompt} (the "
        "instruction and, below it, the input); by default {prompt}. text: the same and {output}; by default "
        "the prompt, an empty line and the response. A document, which has no prompt, is written as it is.",
    )
    template_no_input: str | None = Field(
        default=None, description="prompt_completion, text: the template for records without input."
    )
    completion_suffix: str = Field(
        default="",
        description="prompt_completion, text: written after every response, e.g. an end mark.",
    )

    weights: bool = Field(
        default=False,
        description="Whether every line has a key `weight`, as the stage balance decided it, for trainers that sample.",
    )

    @field_validator("template", "template_no_input")
    @classmethod
    def _known_placeholders(cls, template: str | None, info: ValidationInfo) -> str | None:
        if template is None:
            return None
        try:
            fields = [field for field in string.Formatter().parse(template) if field[1] is not None]
        except ValueError as error:
            raise ValueError(f"not a template: {error}; write {{{{ and }}}} for braces") from error
        if any(spec or conversion for _, _, spec, conversion in fields):
            raise ValueError("a placeholder is a name alone, without `:` or `!`")
        whole = info.data.get("format") == "text"
        valid = (*PLACEHOLDERS, "output") if whole else PLACEHOLDERS
        names = {str(name) for _, name, _, _ in fields}
        unknown = sorted(names - set(valid))
        if unknown:
            raise ValueError(
                f"unknown placeholder {{{unknown[0]}}}; valid: " + ", ".join(f"{{{name}}}" for name in valid)
            )
        if not names & {"instruction", "prompt"}:
            raise ValueError("a template needs {instruction} or {prompt}")
        if whole and "output" not in names:
            raise ValueError("a template of a whole text needs {output}")
        return template

    @model_validator(mode="after")
    def _used_options(self) -> Export:
        if self.format in DEFAULT_TEMPLATES:
            return self
        for name in ("template", "template_no_input", "completion_suffix"):
            if getattr(self, name):
                raise ValueError(
                    f"`{name}` is for prompt_completion and text; {self.format} has a fixed shape"
                )
        return self

    def template_for(self, input_: str) -> str:
        """Return the template for a record with this input."""
        if not input_ and self.template_no_input is not None:
            return self.template_no_input
        return self.template if self.template is not None else DEFAULT_TEMPLATES[self.format]
