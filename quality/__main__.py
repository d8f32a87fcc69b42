"""The command line: report | review.

Both work on the folder of a finished build through its documented files. Thin on purpose: parse, call, print.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Shows what a build is worth, and what people decided about it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def report(
    build: Annotated[Path, typer.Argument(help="Folder of a finished build.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; by default report/index.html of the build.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Make the report of a build anew, from its files alone."""
    from quality.report import read_inputs, read_manifest, render

    target = out or build / "report" / "index.html"
    try:
        page = render(read_inputs(build, read_manifest(build)))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".tmp-{target.name}-{os.getpid()}")
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(target)
    except (OSError, ValueError, KeyError) as error:
        _fail(f"no report of {build}: {error}")
    print(f"wrote {target}")
    if show:
        typer.launch(str(target))


@app.command()
def review(
    build: Annotated[Path, typer.Argument(help="Folder of a finished build.")],
    decisions: Annotated[
        list[Path] | None,
        typer.Argument(help="Files of decisions (.jsonl, .csv) to check against its queue."),
    ] = None,
) -> None:
    """Say what waits in a build's review queue, and check files of decisions before a build reads them."""
    from quality.review.check import check_decisions, queue_lines

    try:
        for line in queue_lines(build):
            print(line)
        sound = True
        for line, good in check_decisions(build, decisions or []):
            print(line)
            sound &= good
    except (OSError, ValueError, KeyError) as error:
        _fail(str(error))
    if not sound:
        raise typer.Exit(1)


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
