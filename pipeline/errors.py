"""Every error that a user can meet, in one tree.

    PipelineError            what happened, where, and what to do about it
    ├── RecipeError          the recipe or the command line is wrong       (exit 2)
    ├── SourceError          an input cannot be read
    ├── StageError           a stage failed on a shard or a record
    ├── StoreError           the working folder or the output cannot be used
    ├── LineageError         the books do not balance: a record came or went unnamed
    ├── ModelError           a model is missing, gated or of the wrong kind
    ├── PushError            a hub cannot be reached, or refuses a build
    ├── ReviewError          a decisions file cannot be applied
    └── TrainError           a training run cannot start, go on or be read back

A message says what and where (stage, shard, record id or file:line); `hint` says what to do. Messages
never hold record text. Errors cross process boundaries, so each pickles to an equal error.
"""

from __future__ import annotations


class PipelineError(Exception):
    """A failure that a user can understand and act on.

    Args:
        message: what happened and where, without record text.
        hint: what to do about it, ideally a command; may be empty.
        outside: whether the fault lies outside this machine (a hub, an object store, an endpoint), so that the same
            work may succeed a minute later.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "", outside: bool = False) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.outside = outside

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class RecipeError(PipelineError):
    """The recipe or the command line is wrong; nothing was started."""

    exit_code = 2


class SourceError(PipelineError):
    """An input is missing, broken, or holds too much that cannot be read."""


class StageError(PipelineError):
    """A stage failed; the message names the stage and the shard or record."""


class StoreError(PipelineError):
    """The working folder or the output folder cannot be read or written."""


class LineageError(PipelineError):
    """A count does not balance: records came or went without a change that says so."""


class ModelError(PipelineError):
    """A model is missing, gated, damaged or of the wrong kind."""


class PushError(PipelineError):
    """A hub cannot be reached, or refuses what is pushed to it."""


class ReviewError(PipelineError):
    """A file of review decisions cannot be read or applied."""


class TrainError(PipelineError):
    """A training run cannot start, go on or be read back; the message names the run, step or file."""
