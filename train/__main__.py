"""The command line of training: `python -m train RECIPE` trains, every other word is a command.

Thin on purpose: it parses, calls one function, prints,
and turns errors into sentences and exit codes. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.console import DebugOption, console_errors

if TYPE_CHECKING:
    from train.config import TrainRecipe

os.environ.setdefault(
    "HF_HUB_DISABLE_PROGRESS_BARS", "1"
)  # a bar for each file that is read tells nobody anything
warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")  # said of peft to peft


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
def plan(
    recipe: RecipeArgument = None,
    build: BuildOption = None,
    model: ModelOption = None,
    method: MethodOption = None,
    debug: DebugOption = False,
) -> None:
    """Say what a run needs before anything loads: memory by part, steps, and the batch that fits."""
    with console_errors(debug):
        from train.planning.plan import plan_run
        from train.planning.proposal import plan_lines

        chosen, base = _recipe(recipe, build, model, method)
        print("\n".join(plan_lines(plan_run(chosen, base))))


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    adapters: AdaptersOption = Path("adapters"),
    debug: DebugOption = False,
) -> None:
    """Hold a run's adapter beside its base anew, e.g. after an evaluation that failed."""
    with console_errors(debug):
        from train.run import evaluate_again

        for line in evaluate_again(run, print, adapters).lines():
            print(line)


@app.command()
def merge(
    adapter: AdapterArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder to write the merged model to.")],
    model: Annotated[str, typer.Option("--model", help="The base; by default as train.json names it.")] = "",
    dtype: Annotated[str, typer.Option(help="auto (the base's own), bf16, fp16 or fp32.")] = "auto",
    onto: Annotated[
        str, typer.Option(help="dequantised, or original: the weights before they were quantised.")
    ] = ("dequantised"),
    debug: DebugOption = False,
) -> None:
    """Write base and adapter as one model, and say how far it is from the tuned one."""
    with console_errors(debug):
        from train.shipping.ship import merge_adapter

        merge_adapter(adapter, out, model, dtype, onto, print)


@app.command()
def save(
    merged: Annotated[Path, typer.Argument(help="A merged model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    bits: Annotated[int, typer.Option(help="4 (NF4) or 8 (int8).")] = 4,
    debug: DebugOption = False,
) -> None:
    """Write a merged model with 4-bit or 8-bit weights."""
    with console_errors(debug):
        from train.shipping.ship import save_bits

        save_bits(merged, out, bits, print)


@app.command()
def onnx(
    merged: Annotated[Path, typer.Argument(help="A merged model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    debug: DebugOption = False,
) -> None:
    """Write a merged model as ONNX, checked against torch."""
    with console_errors(debug):
        from train.shipping.onnx_export import export_onnx

        export_onnx(merged, out, print)


@app.command()
def serving(
    path: Annotated[Path, typer.Argument(help="A run, its folder adapter/, or a merged model.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="YAML file to write for `vllm serve --config`.")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The base; by default as train.json names it.")] = "",
    name: Annotated[str, typer.Option("--name", help="What clients ask for.")] = "",
    debug: DebugOption = False,
) -> None:
    """Print the vLLM command line that serves an adapter or a merged model."""
    with console_errors(debug):
        from train.shipping.ship import tell_serving

        tell_serving(path, out, model, name, print)


@app.command()
def chat(
    adapter: AdapterArgument,
    prompt: Annotated[str, typer.Option("--prompt", help="Ask this and end; else talk.")] = "",
    system: Annotated[str, typer.Option("--system", help="System text; by default the run's.")] = "",
    model: Annotated[str, typer.Option("--model", help="The base; by default as train.json names it.")] = "",
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest words.")] = 0.0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")] = 256,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    debug: DebugOption = False,
) -> None:
    """Try an adapter: the same words around a request as in training."""
    with console_errors(debug):
        from train.facts import adapter_folder
        from train.shipping.chat import Sampling, answer, open_adapter, talk

        partner = open_adapter(adapter_folder(adapter), model)
        sampling = Sampling(max_new_tokens, temperature, seed)
        if prompt:
            print(answer(partner, prompt, (), system, sampling))
            return
        talk(partner, _line, print, _write, system, sampling)


@app.command()
def adapters(
    folder: Annotated[Path, typer.Argument(help="Folder of the registry.")] = Path("adapters"),
    metric: Annotated[str, typer.Option(help="The score to show.")] = "test.loss.tuned",
    debug: DebugOption = False,
) -> None:
    """List the registered adapters: build, base, method, score."""
    with console_errors(debug):
        from train.shipping.registry import entries

        for entry in entries(folder):
            score = f"{entry.scores[metric]:.4f}" if metric in entry.scores else "not measured"
            made = f"{entry.id[:12]}  {entry.run}  {entry.method}"
            print(f"{made}  build {entry.build}  base {entry.base}  {metric} {score}")


@app.command()
def preferences(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    decisions: Annotated[
        list[Path], typer.Argument(help="Files of decisions (.jsonl, .csv, .tsv): pair, annotator, decision.")
    ],
    debug: DebugOption = False,
) -> None:
    """Read what people decided on the blind pairs of review/ab_queue.jsonl."""
    with console_errors(debug):
        from train.evaluation.ab_queue import preference_lines, read_preference

        for line in preference_lines(read_preference(run / "evaluation" / "ab_key.jsonl", decisions)):
            print(line)


@app.command()
def doctor(debug: DebugOption = False) -> None:
    """Check this machine for training: packages, GPU, bf16, 4-bit and 8-bit weights."""
    with console_errors(debug):
        from train.planning.doctor import examine

        findings = list(examine())
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.subject}: {finding.found}")
        if finding.fix:
            print(f"        → {finding.fix}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


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
        from train.data.builds import open_build
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


def _line() -> str | None:
    """Return what the user types next; None at the end of the input."""
    try:
        return input("> ")
    except EOFError:
        return None


def _write(text: str) -> None:
    print(text, end="", flush=True)


if __name__ == "__main__":
    sys.exit(app())
