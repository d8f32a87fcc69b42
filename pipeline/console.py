"""What every command line of this project does with an error: a sentence, a hint and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline.errors import PipelineError

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")]


class console_errors:  # noqa: N801 - used as a function
    """Prints a PipelineError or a Ctrl-C as a sentence and exits; with `debug` it lets them through."""

    def __init__(self, debug: bool) -> None:
        self._debug = debug

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._debug:
            return
        if isinstance(error, PipelineError):
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(error.exit_code)
        if isinstance(error, KeyboardInterrupt):
            print("interrupted; what is done is kept: the same command goes on from there", file=sys.stderr)
            raise typer.Exit(130)
