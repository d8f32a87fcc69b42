"""One training run: prepare, train, write the adapter, hold it beside its base, register it.

The steps and the files are told in docs/training.md. Each step leaves what it made on the disk, so that a run that was
stopped goes on with `--resume` at its newest checkpoint, and an evaluation that failed is repeated alone
(`python -m train evaluate RUN`).
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import RecipeError, TrainError
from pipeline.models.reference import locate
from train.config import TrainRecipe
from train.data.encodings import Encodings, write_rejects
from train.data.packing import Batch, Plan, collate, plan_batches
from train.data.pad import ensure_pad
from train.evaluation.harness import Task, find_tasks
from train.load import load_base
from train.loop.fit import Feed, Fitted, fit
from train.methods import METHODS, attach, load_adapter
from train.prepare import HELD_OUT, Prepared, is_first_process, pack_length, prepare
from train.recipe_file import bound
from train.run_files import read_run, register_run, run_name, write_adapter, write_manifest, write_model_card
from train.tiny import is_tiny

Say = Callable[[str], None]

ADAPTERS = Path("adapters")
"""The registry, unless another is named."""

_LEFT_BY_A_FALSE_START = ("train_rejects.jsonl", "logs")


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run left.

    Attributes:
        folder: of the run.
        adapter: the best adapter, ready to be loaded.
        stopped: `finished`, or `early` where validation loss no longer fell.
        evaluation: the content of evaluation/results.json; empty if nothing was evaluated.
        registered: its id in the registry.
    """

    folder: Path
    adapter: Path
    stopped: str
    evaluation: dict[str, Any]
    registered: str

    def lines(self) -> list[str]:
        """Return what is where, and what to do next, in sentences; nothing in a process that only helped."""
        if not self.registered:
            return []
        page = self.folder / "evaluation" / "index.html"
        told = [f"adapter    {self.adapter}"]
        if self.evaluation:
            told.append(f"evaluation {page}: open it in a browser")
        return [*told, f"next       python -m train chat {self.folder}"]


def train(
    recipe: TrainRecipe,
    base: Path,
    out: Path | None,
    resume: bool,
    say: Say,
    adapters: Path = ADAPTERS,
    evaluated: bool = True,
) -> TrainResult:
    """Train an adapter on a build, evaluate it beside its base and register it.

    Args:
        recipe: of the run.
        base: the folder that its paths are relative to.
        out: folder of the run; by default runs/<name>.
        resume: whether to go on at the newest whole checkpoint.
        say: told what happens, a sentence at a time; never a record's text.
        adapters: folder of the registry.
        evaluated: whether base and tuned are held beside each other at the end.

    Raises:
        PipelineError: the run cannot start or go on; the message says what to do.
        SystemExit: with 143, after a checkpoint, when SIGTERM came.
    """
    began = time.monotonic()
    run = prepare(bound(recipe, base))
    folder = out or Path("runs") / run_name(run)
    tasks = checked_tasks(run.recipe) if evaluated else []
    if is_first_process():
        claim(folder, resume)
        tell(run, folder, say)
        write_rejects(folder / "train_rejects.jsonl", [*run.train.rejects, *run.validation.rejects])
    quantisation = run.params.quantisation or "none"
    loaded = load_base(run.recipe.model, quantisation, run.recipe.adapter.compute_dtype, run.device)
    pad = ensure_pad(run.tokenizer, loaded.model)
    tuned = attach(loaded.model, run.params, run.checkpointing, run.recipe.seed, run.steps)
    fitted = _fit(run, tuned, pad.id, folder, resume)
    adapter = folder / "adapter"
    if not is_first_process():
        return TrainResult(folder, adapter, fitted.stopped, {}, "")
    say(_outcome(fitted))
    write_adapter(run, tuned, fitted, adapter)
    # Now already, so that an evaluation that fails can be repeated alone.
    write_manifest(run, fitted, folder, time.monotonic() - began)
    evaluation = evaluate_run(run, tuned, folder, tasks, say) if evaluated else {}
    write_model_card(run, fitted, evaluation, adapter)
    entry = register_run(run, adapter, evaluation, adapters)
    write_manifest(run, fitted, folder, time.monotonic() - began)
    return TrainResult(folder, adapter, fitted.stopped, evaluation, entry.id)


def evaluate_again(folder: Path, say: Say, adapters: Path = ADAPTERS) -> TrainResult:
    """Evaluate the adapter of a run anew, and renew its card, its entry and its manifest.

    Raises:
        PipelineError: there is no run, or its build, base or adapter is no longer what it was.
    """
    began = time.monotonic()
    recipe, fitted = read_run(folder)
    run = prepare(recipe)
    tasks = checked_tasks(recipe)
    adapter = folder / "adapter"
    loaded = load_base(
        recipe.model, run.params.quantisation or "none", recipe.adapter.compute_dtype, run.device
    )
    ensure_pad(run.tokenizer, loaded.model)
    tuned = load_adapter(loaded.model, adapter)
    evaluation = evaluate_run(run, tuned, folder, tasks, say)
    write_model_card(run, fitted, evaluation, adapter)
    entry = register_run(run, adapter, evaluation, adapters)
    write_manifest(run, fitted, folder, time.monotonic() - began)
    return TrainResult(folder, adapter, fitted.stopped, evaluation, entry.id)


def tell(run: Prepared, folder: Path, say: Say) -> None:
    """Say what will be done, before anything heavy is loaded."""
    params = run.params
    weights = {"none": "unquantised", "nf4": "NF4", "int8": "int8"}[params.quantisation or "none"]
    title = METHODS[params.method].title
    named = run.recipe.model.hub or os.path.relpath(run.recipe.model.folder or "")
    say(f"{run_name(run)}: {title} on {named}, {weights} weights, {run.dtype} on {run.device}")
    tokens = sum(len(one.input_ids) for one in run.train.examples)
    replayed = f", {run.replayed:,} of them replayed" if run.replayed else ""
    say(
        f"{len(run.train.examples):,} training examples{replayed}, {tokens:,} tokens; "
        f"{len(run.validation.examples):,} to validate; template {run.renderer.name}; "
        f"{'packed' if run.packing else 'padded'} rows; {run.steps:,} steps"
    )
    lost = len(run.train.rejects) + len(run.validation.rejects)
    if lost or run.train.cut:
        say(
            f"{lost:,} records cannot be trained on: see {folder / 'train_rejects.jsonl'}; "
            f"{run.train.cut:,} responses were cut at {run.recipe.data.max_length} tokens"
        )


def collator(encodings: Encodings, pad: int, packed: bool) -> Callable[[Any], Mapping[str, Any]]:
    """Return what makes tensors of a planned batch."""
    return partial(_collated, encodings, pad, packed)


def _collated(encodings: Encodings, pad: int, packed: bool, batch: Any) -> Mapping[str, Any]:
    return collate(encodings.examples, batch, pad, packed)


def validation_plan(run: Prepared) -> Plan:
    """Return the validation examples as batches: each once, in rows like those of training."""
    return plan_batches(
        run.validation.examples, [1.0] * len(run.validation.examples), 1.0, run.recipe.training.batch_size,
        run.packing, pack_length(run.recipe.data), 0,
    )  # fmt: skip


def _fit(run: Prepared, tuned: Any, pad: int, folder: Path, resume: bool) -> Fitted:
    validation = validation_plan(run).batches if run.validation.examples else ()
    return fit(
        tuned,
        Feed(run.plan.batches, collator(run.train, pad, run.packing)),
        Feed(validation, collator(run.validation, pad, run.packing)),
        run.recipe.training,
        run.plan.epoch_ends,
        run.facts,
        folder,
        run.recipe.seed,
        resume,
        precision(run.dtype),
        Feed(replayed_plan(run), collator(run.train, pad, run.packing)),
    )


def replayed_plan(run: Prepared) -> tuple[Batch, ...]:
    """Return what is replayed as batches of its own, for the penalty that holds an adapter to it."""
    if not run.recipe.training.ewc:
        return ()
    if not run.replayed:
        raise RecipeError(
            "training.ewc holds the adapter to what a general set needs, and none is named",
            "name it under data.replay, or set training.ewc to 0",
        )
    general = {one.id for one in run.examples["train"][-run.replayed :]}
    places = [place for place, one in enumerate(run.train.examples) if one.id in general]
    return tuple(Batch(((place,),)) for place in places)


def precision(dtype: str) -> Literal["fp32", "bf16", "fp16"]:
    """Return the arithmetic of the loop in the words of `fit`."""
    return "bf16" if dtype == "bf16" else "fp16" if dtype == "fp16" else "fp32"


def checked_tasks(recipe: TrainRecipe) -> list[Task]:
    """Return the tasks of the evaluation, looked up before anything is trained, as all that it needs is.

    Raises:
        TrainError: a task, its questions or a package is missing.
    """
    if importlib.util.find_spec("rouge_score") is None:
        raise TrainError(
            "the evaluation needs rouge-score, which is not installed", "pip install -e '.[train]'"
        )
    return find_tasks(recipe.evaluation.tasks)


def evaluate_run(run: Prepared, tuned: Any, folder: Path, tasks: Sequence[Task], say: Say) -> dict[str, Any]:
    """Hold the tuned model beside its base on validation and test, and return what results.json holds."""
    from train.evaluation.evaluate import evaluate, sides, to_json

    recipe = run.recipe
    examples = {split: run.examples[split] for split in HELD_OUT if run.examples.get(split)}
    if run.general:
        examples["general"] = run.general
    base = None
    if not METHODS[run.params.method].switches_off:
        base = load_base(recipe.model, "none", recipe.adapter.compute_dtype, run.device).model
    say(f"evaluating base and tuned side by side on {', '.join(examples)}")
    found = evaluate(
        *sides(tuned, base), run.renderer, examples, recipe.evaluation, folder, recipe.seed,
        max_length=recipe.data.max_length, overlong=recipe.data.overlong, notes=notes(run),
        about={
            "run": run_name(run), "base": Path(run.identity.name).name if recipe.model.folder else run.identity.name,
            "build": run.build.name, "method": METHODS[run.params.method].title,
        },
        tasks=tasks,
    )  # fmt: skip
    return to_json(found)


def notes(run: Prepared) -> list[str]:
    """Return what a reader must know before any score."""
    if is_tiny(locate(run.recipe.model)):
        return [
            "The base is a tiny model that was made on the spot: these scores show that the program works, and say "
            "nothing of what a real model would score."
        ]
    return []


def claim(folder: Path, resume: bool) -> None:
    """Make the folder of a run, and see that nothing in it is lost: what a run that failed at once left may go.

    Raises:
        TrainError: it holds another run, or other things.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = sorted(path.name for path in folder.iterdir() if path.name not in _LEFT_BY_A_FALSE_START)
    if "checkpoints" in held and not any((folder / "checkpoints").iterdir()):
        held.remove("checkpoints")
    if held and not resume:
        raise TrainError(
            f"{folder} holds a run already ({', '.join(held)})",
            "go on with it by --resume, name another folder by --out, or remove it",
        )


def _outcome(fitted: Fitted) -> str:
    loss = (
        f"validation loss {fitted.best_loss:.4f} at step {fitted.best_step:,}"
        if fitted.best_loss is not None
        else ""
    )
    why = "stopped early: validation loss no longer fell" if fitted.stopped == "early" else "finished"
    return f"{why} after {fitted.steps:,} steps" + (
        f"; best {loss}, and that adapter is kept" if loss else ""
    )
