"""The command line of training: `python -m train RECIPE` trains, every other word is a command.

Thin on purpose: it parses, calls one function, prints,
and turns errors into sentences and exit codes. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.console import DebugOption, console_errors

if TYPE_CHECKING:
    from train.config import TrainRecipe


class _TrainByDefault(TyperGroup):
    """Takes whatever is no command for the recipe of a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_TrainByDefault,
    help="Turns a build into an adapter, an evaluation beside its base and a model to serve: python -m train RECIPE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RecipeArgument = Annotated[Path | None, typer.Argument(help="A training recipe (.yaml).")]
BuildOption = Annotated[Path | None, typer.Option("--build", help="Folder of a build, instead of a recipe.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Folder, or owner/name@COMMIT, of the model to tune.")
]
MethodOption = Annotated[
    str | None, typer.Option("--method", help="How it is tuned, with --build; by default qlora.")
]
AdapterArgument = Annotated[Path, typer.Argument(help="A run, or its folder adapter/.")]
AdaptersOption = Annotated[Path, typer.Option("--adapters", help="Folder of the registry.")]


@app.command()
def run(
    recipe: RecipeArgument = None,
    build: BuildOption = None,
    model: ModelOption = None,
    method: MethodOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; by default runs/<name>.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on at the newest whole checkpoint.")] = False,
    evaluate: Annotated[bool, typer.Option(help="Hold base and tuned beside each other at the end.")] = True,
    adapters: AdaptersOption = Path("adapters"),
    debug: DebugOption = False,
) -> None:
    """Train an adapter on a build (the word `run` may be left out)."""
    with console_errors(debug):
        from train.run import train

        chosen, base = _recipe(recipe, build, model, method)
        result = train(chosen, base, out, resume, print, adapters, evaluate)
        for line in result.lines():
            print(line)


@app.command()
def tiny(
    folder: Annotated[Path, typer.Argument(help="Folder to write the model to.")],
    build: Annotated[Path, typer.Option("--build", help="The build whose texts it learns words from.")],
    family: Annotated[str, typer.Option(help="qwen2 or llama.")] = "qwen2",
    steps: Annotated[int, typer.Option(help="Updates of plain language modelling.")] = 300,
    seed: Annotated[int, typer.Option(help="Of weights and batches.")] = 0,
    debug: DebugOption = False,
) -> None:
    """Make a tiny real model on the spot, for a first try without a model hub."""
    with console_errors(debug):
        from train.builds import open_build
        from train.tiny import checked_family, make_tiny

        examples = open_build(build).examples("train")
        texts = [text for one in examples for text in (one.instruction, one.input, one.output) if text]
        make_tiny(folder, texts, checked_family(family), steps=steps, seed=seed)
        print(
            f"wrote {folder}: 4 layers of {family}, its words learnt from {len(texts):,} texts; a toy, no model to use"
        )


@app.command()
def schema() -> None:
    """Print the JSON Schema of training recipes."""
    import json

    from train.recipe_file import train_schema

    print(json.dumps(train_schema(), ensure_ascii=False, indent=2))


def _recipe(
    recipe: Path | None, build: Path | None, model: str | None, method: str | None
) -> tuple[TrainRecipe, Path]:
    """Return the recipe to train by and the folder that its paths are relative to."""
    from pipeline.errors import RecipeError
    from train.recipe_file import load_train_recipe, named_on_the_command_line

    if recipe is not None:
        if build is not None or model is not None or method is not None:
            raise RecipeError(
                "a recipe names its own build, model and method", "leave --build, --model and --method out"
            )
        return load_train_recipe(recipe), recipe.parent
    if build is None or model is None:
        raise RecipeError(
            "name a recipe, or a build and a model", "python -m train --build builds/sample --model my_model"
        )
    return named_on_the_command_line(build, model, method), Path()


if __name__ == "__main__":
    sys.exit(app())
