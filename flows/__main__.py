"""The command line of the flows: build, train and nightly run one once; serve and deploy schedule the night.

Thin, as that of `pipeline`. The recipe is read before Prefect is, so that a mistake in it waits for no server.
"""

from __future__ import annotations

import signal
import sys
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

TrainOption = Annotated[
    Path | None, typer.Option("--train", help="A training recipe (.yaml); without one nothing is trained.")
]
RunsOption = Annotated[Path, typer.Option("--runs", help="Folder of training runs.")]
AdaptersOption = Annotated[Path, typer.Option("--adapters", help="Folder of the registry of adapters.")]

PortOption = Annotated[
    int, typer.Option("--port", min=1, max=65535, help="Port of the server's pages on 127.0.0.1.")
]

DEFAULT_RUNS = Path("runs")
DEFAULT_ADAPTERS = Path("adapters")
DEFAULT_STORE = Path(".build")
DEFAULT_CRON = "0 2 * * *"
DEFAULT_PORT = 4200


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
    with console_errors(debug):
        from flows.server import server_for_this_process

        with server_for_this_process(meanwhile=lambda: _ready(recipe, store, out)):
            from flows.build import build_flow

            where = str(recipe or SAMPLE), str(out) if out else None, str(store)
            build_flow(*where, runner, workers, refit)


@app.command()
def nightly(
    recipe: RecipeArgument = None,
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    runner: RunnerOption = "auto",
    workers: WorkersOption = None,
    train: TrainOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    adapters: AdaptersOption = DEFAULT_ADAPTERS,
    least_change: Annotated[
        float, typer.Option(help="Share of records in changed files from which on it trains.")
    ] = 0.05,
    debug: DebugOption = False,
) -> None:
    """Run the nightly flow once: build if there is news, hold the gates, train if enough has changed."""
    with console_errors(debug):
        from flows.server import server_for_this_process

        with server_for_this_process(meanwhile=lambda: _ready(recipe, store, out, train)):
            from flows.nightly import nightly_flow

            where = str(recipe or SAMPLE), str(out) if out else None, str(store)
            by = str(train) if train else None
            nightly_flow(*where, runner, workers, by, str(runs), str(adapters), least_change)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A training recipe (.yaml).")],
    runs: RunsOption = DEFAULT_RUNS,
    adapters: AdaptersOption = DEFAULT_ADAPTERS,
    debug: DebugOption = False,
) -> None:
    """Run the training flow once: train, hold beside the base, promote if better."""
    with console_errors(debug):
        from flows.server import server_for_this_process
        from train.recipe_file import load_train_recipe

        with server_for_this_process(meanwhile=lambda: load_train_recipe(recipe)):
            from flows.train import train_flow

            train_flow(str(recipe), str(runs), str(adapters))


@app.command()
def serve(
    recipe: RecipeArgument = None,
    cron: CronOption = DEFAULT_CRON,
    timezone: Annotated[str, typer.Option(help="Zone of the times, such as Europe/Berlin.")] = "UTC",
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    train: TrainOption = None,
    port: PortOption = DEFAULT_PORT,
    debug: DebugOption = False,
) -> None:
    """Schedule the nightly flow on this machine, and run it when it is time, until Ctrl-C."""
    with console_errors(debug):
        path = _checked(recipe, out, train)
        from flows.serve import parameters, serve_nightly

        serve_nightly(parameters(path, out, store, train), cron, timezone, port)


@app.command()
def deploy(
    pool: Annotated[str, typer.Option("--pool", help="Work pool whose workers run it.")],
    recipe: RecipeArgument = None,
    cron: CronOption = DEFAULT_CRON,
    timezone: Annotated[str, typer.Option(help="Zone of the times, such as Europe/Berlin.")] = "UTC",
    out: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    train: TrainOption = None,
    debug: DebugOption = False,
) -> None:
    """Register the nightly flow with the configured server, for the workers of a pool that see this folder."""
    with console_errors(debug):
        path = _checked(recipe, out, train)
        from flows.serve import deploy_nightly, parameters

        print(f"deployed {deploy_nightly(parameters(path, out, store, train), cron, timezone, pool)}")


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
    port: PortOption = DEFAULT_PORT,
    train: TrainOption = None,
    debug: DebugOption = False,
) -> None:
    """Start a server, a worker and the nightly flow, say where its page is, and stay until Ctrl-C."""
    with console_errors(debug):
        path = _checked(recipe, out, train)
        from flows.demo import run_demo
        from flows.serve import parameters

        run_demo(parameters(path, out, store, train), port)


def _ready(recipe: Path | None, store: Path, out: Path | None, train: Path | None = None) -> None:
    """Look at the recipes and load what the flow needs, while a server starts."""
    path = _checked(recipe, out, train)
    from flows.build import load_ahead

    load_ahead(path, store)


def _checked(recipe: Path | None, out: Path | None, train: Path | None = None) -> Path:
    """Return the build's recipe, after a look at it, at the folder and at the training's recipe."""
    from pipeline.output import check_target
    from pipeline.recipe import load_recipe
    from pipeline.run import build_folder

    path = recipe or SAMPLE
    check_target(build_folder(load_recipe(path), out))
    if train is not None:
        from train.recipe_file import load_train_recipe

        load_train_recipe(train)
    return path


def _terminated(number: int, frame: object) -> None:
    """Leave as after any error, so that what was started is ended as well."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(app())
