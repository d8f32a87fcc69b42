"""The command line: build | explain | diff | push | doctor | init | gc.

Thin on purpose: it parses, calls one function, prints, and turns errors into sentences and exit codes.
Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.console import DebugOption, console_errors

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.recipe import Recipe

app = typer.Typer(
    help="Turns raw text into an instruction dataset in which every record can say where it came from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SAMPLE = Path(__file__).resolve().parent.parent / "data_samples" / "recipes" / "sample.yaml"
DEFAULT_STORE = Path(".build")

GATE_FELL_SHORT = 3
"""Exit code of a strict build of which a dataset gate fell short."""

StoreOption = Annotated[Path, typer.Option("--store", help="Folder of the store.")]
BuildOption = Annotated[Path, typer.Option("--build", help="Folder of a finished build.")]


@app.command()
def build(
    recipe: Annotated[
        Path | None,
        typer.Argument(help="A recipe (.yaml), or data: a file or folder to build with defaults."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; by default builds/<name>.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    runner: Annotated[str, typer.Option(help="auto, serial or processes.")] = "auto",
    workers: Annotated[int | None, typer.Option(help="Processes; by default one a core.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit with 3 if a dataset gate falls short.")] = False,
    refit: Annotated[bool, typer.Option(help="Learn fits anew from this corpus.")] = False,
    debug: DebugOption = False,
) -> None:
    """Build a dataset: from RECIPE, or from the sample recipe if none is given."""
    from pipeline.run import build_once, fell_short

    console = _console()
    with console_errors(debug):
        chosen, base = _recipe_or_data(recipe, console)
        manifest = build_once(chosen, base, out, store, runner, workers, refit, console)
    if strict and any(fell_short(gate) for gate in manifest["gates"]):
        raise typer.Exit(GATE_FELL_SHORT)


@app.command()
def explain(
    wanted: Annotated[
        str,
        typer.Argument(help="A record's id or its beginning, or data/<format>/<split>.jsonl:N."),
    ],
    build: BuildOption = Path("builds/sample"),
    debug: DebugOption = False,
) -> None:
    """Tell one record's life: where it came from, what was done to it, and why."""
    from pipeline.ledger import describe, life_of

    with console_errors(debug):
        for line in describe(life_of(build, wanted)):
            print(line)


@app.command()
def diff(
    left: Annotated[Path, typer.Argument(help="Folder of a build.")],
    right: Annotated[Path, typer.Argument(help="Folder of another.")],
    debug: DebugOption = False,
) -> None:
    """Tell what differs between two builds, and which parameter or input did it."""
    from pipeline.ledger import differences

    with console_errors(debug):
        lines = list(differences(left, right))
        print("\n".join(lines) if lines else "the two builds are the same")


@app.command()
def push(
    build: Annotated[Path, typer.Argument(help="Folder of a finished build.")],
    to: Annotated[str, typer.Option("--to", help="OWNER/NAME of the data set on the hub.")],
    private: Annotated[bool, typer.Option("--private", help="Make it private, if it is new.")] = False,
    revision: Annotated[str | None, typer.Option("--revision", help="Branch; by default main.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be uploaded.")] = False,
    debug: DebugOption = False,
) -> None:
    """Upload a build's data, card and manifest to the Hugging Face hub (token: HF_TOKEN)."""
    from pipeline.push import check_address, files_to_push
    from pipeline.push import push as upload

    with console_errors(debug):
        check_address(to)
        files = files_to_push(build)
        for file in files:
            print(f"{file.size:>14,}  {file.name}")
        total = f"{len(files)} files, {sum(file.size for file in files) / 1e6:,.1f} MB"
        if dry_run:
            print(f"would upload {total} to {to}")
            return
        print(f"uploaded {total}: {upload(build, to, private, revision)}")


@app.command()
def doctor(
    recipe: Annotated[Path | None, typer.Argument(help="Check the models of this recipe too.")] = None,
    store: StoreOption = DEFAULT_STORE,
    debug: DebugOption = False,
) -> None:
    """Check this machine: packages, models, space; say which command mends what."""
    from pipeline.doctor import examine
    from pipeline.recipe import load_recipe

    with console_errors(debug):
        chosen = load_recipe(recipe) if recipe else None
        findings = list(examine(store, chosen, recipe.parent if recipe else Path()))
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.subject}: {finding.found}")
        if finding.fix:
            print(f"        → {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def init(
    target: Annotated[Path | None, typer.Argument(help="A file or folder with data.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Recipe to write; by default it is printed.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of recipes.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.")] = False,
    debug: DebugOption = False,
) -> None:
    """Look at a file or folder and write a commented recipe for what is there."""
    with console_errors(debug):
        if schema:
            import json

            from pipeline.recipe import recipe_schema

            print(json.dumps(recipe_schema(), ensure_ascii=False, indent=2))
            return
        from pipeline.errors import RecipeError
        from pipeline.proposal import left_out, propose_recipe, understood
        from pipeline.recipe import parse_recipe
        from pipeline.store import write_text

        if target is None:
            raise RecipeError("name a file or folder, or --schema", "python -m pipeline init FOLDER")
        if out is not None and out.exists() and not force:
            raise RecipeError(f"{out} exists", "choose another --out, or --force to replace it")
        base = out.parent if out else Path()
        text = propose_recipe(target.resolve(), base, guess=True)
        parse_recipe(text, str(out or "the proposed recipe"))
        if out is None:
            print(text, end="")
            return
        write_text(out, lambda stream: print(text, end="", file=stream))
        print(
            *understood(text), *left_out(text), f"wrote {out}; next: python -m pipeline build {out}", sep="\n"
        )


@app.command()
def gc(
    store: StoreOption = DEFAULT_STORE,
    raw: Annotated[bool, typer.Option("--raw", help="Remove everything that holds text, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    debug: DebugOption = False,
) -> None:
    """Remove from the store what no finished build needs."""
    from pipeline.collect import collect
    from pipeline.store import Store

    with console_errors(debug):
        result = collect(Store(store), raw, dry_run)
    verb = "would remove" if dry_run else "removed"
    print(
        f"{verb} {result.files:,} files, {result.bytes / 1e6:,.1f} MB; "
        f"{result.kept_files:,} files, {result.kept_bytes / 1e6:,.1f} MB stay"
    )


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=not sys.stdout.isatty())


def _recipe_or_data(path: Path | None, console: Console) -> tuple[Recipe, Path]:
    """Return the recipe to build and the folder its paths are relative to."""
    from pipeline.errors import RecipeError
    from pipeline.proposal import left_out, propose_recipe, understood
    from pipeline.recipe import load_recipe, parse_recipe

    chosen = path or SAMPLE
    if chosen.suffix in (".yaml", ".yml"):
        return load_recipe(chosen), chosen.parent
    if not chosen.exists():
        raise RecipeError(
            f"there is no file {chosen}", "name a recipe (.yaml), or a file or folder with data"
        )
    text = propose_recipe(chosen.resolve(), Path())
    console.print(
        f"no recipe given: building {chosen} with the defaults that "
        f"`python -m pipeline init {chosen}` writes",
        highlight=False,
    )
    for line in (*understood(text), *left_out(text)):
        console.print(line, highlight=False, markup=False)
    return parse_recipe(text, "the proposed recipe"), Path()


if __name__ == "__main__":
    app()
