"""`train plan`: the memory, the steps and the batch of a run, before anything is loaded.

It reads the recipe, the build and the model's config.json; the rows are those that training would make, so the
steps are its steps. What the numbers leave out is told in docs/training_ship.md.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.models.reference import locate
from train.config import TrainRecipe
from train.loop.schedules import chosen_optimizer
from train.planning.proposal import Proposal, Setting, count_rows, find_device, propose
from train.prepare import Prepared, pack_length, prepare
from train.recipe_file import bound


def plan_run(recipe: TrainRecipe, base: Path) -> Proposal:
    """Return what a run needs and what fits.

    Args:
        recipe: of the run.
        base: the folder that its paths are relative to.

    Raises:
        PipelineError: the run could not start; the message says what to do.
    """
    run = prepare(bound(recipe, base))
    loop = recipe.training
    rows = count_rows(
        [len(one.input_ids) for one in run.train.examples], run.packing, pack_length(recipe.data)
    )
    return propose(
        locate(run.recipe.model), run.params, setting_of(run), loop.batch_size, loop.accumulation, find_device(),
        rows, loop.epochs, loop.max_steps,
    )  # fmt: skip


def setting_of(run: Prepared) -> Setting:
    """Return what decides a run's memory beside model and adapter."""
    return Setting(
        quantisation=run.params.quantisation or "none",
        dtype=run.dtype,
        optimizer=chosen_optimizer(run.recipe.training.optimizer, "cpu" if run.device == "cpu" else "cuda"),
        checkpointing=run.checkpointing,
        length=pack_length(run.recipe.data) if run.packing else run.recipe.data.max_length,
        loss_chunk=run.recipe.training.loss_chunk,
        padded=not run.packing,
    )
