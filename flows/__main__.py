"""The command line of the flows: build | nightly run one once, with no server started beforehand; serve schedules.

Thin, as that of `pipeline`. The recipe is read before Prefect is, so that a mistake in it costs no server's start.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.__main__ import SAMPLE, StoreOption
from pipeline.console import DebugOption, console_errors

app = typer.Typer(
    help="Runs the build and the training under Prefect: schedule, retries, sight and alarms.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipeArgument = Annotated[
    Path | None, typer.Argument(help="A recipe (.yaml); by default that of the sample corpus.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder of the build; by default builds/<name>.")
]
RunnerOption = Annotated[
    Literal["auto", "serial", "processes"], typer.Option(help="auto, serial or processes.")
]
WorkersOption = Annotated[int | None, typer.Option(help="Processes; by default one a core.")]
CronOption = Annotated[
    str, typer.Option("--cron", help="When, as five fields: minute hour day month weekday.")
]

DEFAULT_STORE = Path(".build")
DEFAULT_CRON = "0 2 * * *"


@app.command()
def build(
    recipe: RecipeArgument = None,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    runner: RunnerOption = "auto",
    workers: WorkersOption = None,
    refit: Annotated[bool, typer.Option(help="Learn fits anew from this corpus.")] = False,
    debug: DebugOption = False,
) -> None:
    """Run the build flow once: the folder of `python -m pipeline build`; exit code 3 if a gate fell short."""
    with console_errors(debug), _flow_once(recipe, out, runner, workers) as (path, folder):
        from flows.build import build_flow

        build_flow(path, folder, str(store), runner, workers, refit)


@app.command()
def nightly(
    recipe: RecipeArgument = None,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    runner: RunnerOption = "auto",
    workers: WorkersOption = None,
    debug: DebugOption = False,
) -> None:
    """Run the nightly flow once: build if there is news, hold the gates."""
    with console_errors(debug), _flow_once(recipe, out, runner, workers) as (path, folder):
        from flows.nightly import nightly_flow

        nightly_flow(path, folder, str(store), runner, workers)


@app.command()
def serve(
    recipe: RecipeArgument = None,
    cron: CronOption = DEFAULT_CRON,
    timezone: Annotated[str, typer.Option(help="Zone of the times, such as Europe/Berlin.")] = "UTC",
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    debug: DebugOption = False,
) -> None:
    """Schedule the nightly flow on this machine, and run it when it is time, until Ctrl-C."""
    with console_errors(debug):
        path, folder = _checked(recipe, out, "auto", None)
        from flows.serve import serve_nightly

        serve_nightly(path, folder, str(store), cron, timezone)


@app.command()
def deploy(
    pool: Annotated[str, typer.Option("--pool", help="Work pool whose workers run it.")],
    recipe: RecipeArgument = None,
    cron: CronOption = DEFAULT_CRON,
    timezone: Annotated[str, typer.Option(help="Zone of the times, such as Europe/Berlin.")] = "UTC",
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    debug: DebugOption = False,
) -> None:
    """Register the nightly flow with the configured server, for the workers of a pool that see this folder."""
    with console_errors(debug):
        path, folder = _checked(recipe, out, "auto", None)
        from flows.serve import deploy_nightly

        print(f"deployed {deploy_nightly(path, folder, str(store), cron, timezone, pool)}")


@app.command()
def automate(
    notify: Annotated[
        str | None, typer.Option(help="Block that sends messages, as type/name, such as slack-webhook/ops.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Let the configured server order crashed runs again and, with --notify, tell of failures and of gates."""
    with console_errors(debug):
        from flows.automations import automate as make

        for name in make(notify):
            print(f"automation {name}")


@app.command()
def demo(
    recipe: RecipeArgument = None,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    port: Annotated[int, typer.Option(help="Port of the server's page on 127.0.0.1.")] = 4200,
    debug: DebugOption = False,
) -> None:
    """Start a server, a worker and the nightly flow, say where its page is, and stay until Ctrl-C."""
    with console_errors(debug):
        path, folder = _checked(recipe, out, "auto", None)
        from flows.demo import run_demo

        run_demo(path, folder, str(store), port)


@contextlib.contextmanager
def _flow_once(
    recipe: Path | None, out: Path | None, runner: str, workers: int | None
) -> Iterator[tuple[str, str | None]]:
    """Check what can be checked, then give a server and the parameters that are common."""
    path, folder = _checked(recipe, out, runner, workers)
    from flows.server import server_for_this_process

    with server_for_this_process():
        yield path, folder


def _checked(
    recipe: Path | None, out: Path | None, runner: str, workers: int | None
) -> tuple[str, str | None]:
    """Return recipe and folder as parameters of a flow, after a look at both."""
    from pipeline.output import check_target
    from pipeline.recipe import load_recipe
    from pipeline.run import build_folder
    from pipeline.runners import check_runner

    path = recipe or SAMPLE
    check_target(build_folder(load_recipe(path), out))
    check_runner(runner, workers)
    return str(path), str(out) if out else None


if __name__ == "__main__":
    sys.exit(app())
