"""One training run, from planned batches to the best adapter.

`fit` is handed everything: a model with what is trained attached, the batches of the whole run in order, and the facts
it stands on. It checks that nothing an earlier run left is overwritten or mistaken, lets `train.loop.trainer` run, and
looks afterwards whether training did anything: each tensor must have moved. Rejected: returning the last adapter where
an earlier one was better, and going on where recipe, data or base are no longer those of the checkpoint.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from pipeline.errors import TrainError
from train.config import LoopParams
from train.loop import checkpoints
from train.loop.curves import check_installed, curve_callbacks
from train.loop.early_stopping import Patience
from train.loop.ewc import Penalty, make_penalty
from train.loop.losses import find_head, summed_loss, with_targets
from train.loop.movement import check_moved, digests
from train.loop.schedules import Timetable, timetable, transformers_name, warmup_steps
from train.loop.survival import TERMINATED, frames_let_go, is_out_of_memory, listening, out_of_memory
from train.methods import trainable

if TYPE_CHECKING:
    import torch
    from accelerate.state import PartialState

    from train.loop.trainer import Conduct, PlannedTrainer

logger = logging.getLogger(__name__)

Batch = Mapping[str, Any]
Rows = TypeVar("Rows")
Precision = Literal["fp32", "bf16", "fp16"]

# Settings that alter what is told and kept, not what is learnt: a run may be resumed with others.
_FREE = ("log_to", "keep_checkpoints")
_SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a run; the model that was handed in holds the best adapter.

    Args:
        steps: that were taken, all tries together.
        best_step: after which validation loss was lowest; the last where there is no validation.
        best_loss: then, nats per label token; None where there is no validation.
        history: points of the curves, each with its `step`.
        stopped: `finished`, or `early` where validation loss no longer fell.
    """

    steps: int
    best_step: int
    best_loss: float | None
    history: tuple[dict[str, float], ...]
    stopped: Literal["finished", "early"]


class Feed(Sequence[Batch], Generic[Rows]):
    """Planned batches that are collated when they are asked for.

    Args:
        plan: of the batches, in order.
        collate: makes one: `input_ids` and `labels` int64 [rows, length], what else the model takes, `record_ids`.
    """

    def __init__(self, plan: Sequence[Rows], collate: Callable[[Rows], Batch]) -> None:
        self.plan, self.collate = plan, collate

    def __len__(self) -> int:
        return len(self.plan)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | Sequence[Batch]:
        if isinstance(index, slice):
            return Feed(self.plan[index], self.collate)
        return self.collate(self.plan[index])


def fit(
    model: torch.nn.Module,
    batches: Sequence[Batch],
    validation: Sequence[Batch],
    settings: LoopParams,
    epoch_ends: Sequence[int],
    facts: Mapping[str, str],
    out: Path,
    seed: int,
    resume: bool = False,
    precision: Precision = "fp32",
    general: Sequence[Batch] = (),
) -> Fitted:
    """Train what is trainable in the model, in place.

    Args:
        model: a causal language model on its device, as `train.methods.attach` gave it.
        batches: of the whole run in order; each `input_ids` and `labels` int64 [rows, length] (-100: no label),
            `record_ids`, and what else the model takes (`attention_mask` or `position_ids`).
        validation: batches of the same kind; may be empty if nothing stops early.
        settings: the recipe's `training`.
        epoch_ends: index of the last batch of each epoch.
        facts: digests of what the run stands on (recipe, data, base, ...), by name; a resumed run must have the same.
        out: folder of the run; checkpoints go to `checkpoints/`, curves to `logs/`.
        seed: of dropout.
        resume: whether to go on at the newest whole checkpoint; from the start if there is none.
        precision: of the arithmetic; parameters keep their types.
        general: batches of the general set, for `settings.ewc`.

    Raises:
        TrainError: it cannot start (see the message), a loss is no number, memory ended, or a tensor never moved.
        SystemExit: with 143, after a checkpoint, when SIGTERM came.
    """
    from train.loop.trainer import Conduct, check_batches

    check_batches(batches)
    processes = _processes(model)
    _check(settings, len(validation), resume, out, processes)
    parameters = trainable(model)
    if not parameters:
        raise TrainError(
            "nothing in this model is trained", "attach an adapter, or set adapter.method to full"
        )
    known = {**facts, **_loop_facts(settings, batches, validation, epoch_ends, seed, precision)}
    found = checkpoints.newest(out / "checkpoints") if resume else None
    if found is not None:
        checkpoints.check_facts(known, found.folder)
    head = find_head(model, with_targets(batches[0]))
    table = _table(settings, len(batches), epoch_ends, processes.num_processes)
    _check_ranks(model, table.steps)
    with listening() as terminations:
        conduct = Conduct(
            model=model,
            batches=batches,
            epoch_ends=tuple(epoch_ends),
            validation=validation,
            table=table,
            head=head,
            chunk=settings.loss_chunk,
            layer_decay=settings.layer_decay,
            keep=settings.keep_checkpoints,
            folder=out / "checkpoints",
            facts=known,
            start=digests(parameters),
            parameters=parameters,
            patience=_patience(settings),
            penalty=_penalty(model, head, parameters, general, settings),
            terminations=terminations,
        )
        trainer = _trainer(model, conduct, settings, out, seed, precision)
        over = found is not None and _take_up(trainer, found)
        if not over:
            _run(trainer, settings, found)
        if terminations.asked and not _is_over(trainer):
            logger.warning("SIGTERM: saved at step %d; --resume goes on there", trainer.state.global_step)
            raise SystemExit(TERMINATED)
    return _conclude(trainer)


def _check(settings: LoopParams, validation: int, resume: bool, out: Path, processes: PartialState) -> None:
    """See that the run can start, before anything is made.

    Raises:
        TrainError: something is missing, or an earlier run's checkpoints would be lost.
    """
    if settings.early_stopping is not None and validation == 0:
        raise TrainError(
            "early stopping looks at validation loss, and there are no validation records",
            "give the build a validation split, or set training.early_stopping to null",
        )
    check_installed(settings.log_to)
    folder = out / "checkpoints"
    if processes.is_main_process:
        checkpoints.sweep(folder)
    processes.wait_for_everyone()
    if not resume and checkpoints.named(folder):
        raise TrainError(
            f"{folder} holds checkpoints of an earlier run",
            "go on with it by --resume, or give this run another name",
        )


def _check_ranks(model: Any, steps: int) -> None:
    """See that AdaLoRA's ranks shrink over this run, not another.

    Raises:
        TrainError: the schedule that was attached is for another number of steps.
    """
    for config in getattr(model, "peft_config", {}).values():
        planned = getattr(config, "total_step", None)
        if planned is not None and planned != steps:
            raise TrainError(f"AdaLoRA's ranks were planned over {planned} steps, and the run has {steps}")


def _processes(model: torch.nn.Module) -> PartialState:
    """What a launcher says of the processes that train together; one, where there is none."""
    from accelerate.state import PartialState

    return PartialState(cpu=next(model.parameters()).device.type == "cpu")


def _table(settings: LoopParams, batches: int, epoch_ends: Sequence[int], world: int) -> Timetable:
    stopping = settings.early_stopping
    return timetable(
        batches=-(-batches // world),
        accumulation=settings.accumulation,
        epoch_ends=[end // world for end in epoch_ends],
        max_steps=settings.max_steps,
        evaluate_every=settings.evaluate_every,
        save_every=settings.save_every,
        log_every=settings.log_every,
        by_epoch=stopping is not None and stopping.unit == "epochs",
    )


def _patience(settings: LoopParams) -> Patience | None:
    stopping = settings.early_stopping
    return Patience(stopping.patience, stopping.unit, stopping.min_delta) if stopping else None


def _penalty(
    model: torch.nn.Module,
    head: torch.nn.Module | None,
    parameters: Mapping[str, torch.nn.Parameter],
    general: Sequence[Batch],
    settings: LoopParams,
) -> Penalty | None:
    if not settings.ewc:
        return None
    return make_penalty(model, head, parameters, general, settings.ewc, settings.loss_chunk)


def _loop_facts(
    settings: LoopParams,
    batches: Sequence[Batch],
    validation: Sequence[Batch],
    epoch_ends: Sequence[int],
    seed: int,
    precision: Precision,
) -> dict[str, Any]:
    """What the loop itself stands on, by the names a user knows."""
    chosen = {
        f"training.{name}": value
        for name, value in settings.model_dump(mode="json").items()
        if name not in _FREE
    }
    counts = {
        "batches": len(batches),
        "validation batches": len(validation),
        "epochs end at": list(epoch_ends),
    }
    return {**chosen, **counts, "seed": seed, "precision": precision}


def _trainer(
    model: torch.nn.Module, conduct: Conduct, settings: LoopParams, out: Path, seed: int, precision: Precision
) -> PlannedTrainer:
    from transformers import TrainingArguments

    from train.loop.trainer import PlannedTrainer

    device = next(model.parameters()).device.type
    steps = conduct.table.steps
    args = TrainingArguments(
        output_dir=str(out / "checkpoints"),
        max_steps=steps,
        per_device_train_batch_size=1,  # a planned batch is one item
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=warmup_steps(settings.warmup, steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=transformers_name(
            settings.optimizer, device, os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true"
        ),
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        seed=seed,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        ddp_find_unused_parameters=False,
    )
    # Several visible GPUs and no launcher would make transformers split batches among them by DataParallel.
    args._n_gpu = min(1, args.n_gpu)
    trainer = PlannedTrainer(model, args, conduct)
    for callback in curve_callbacks(settings.log_to, out):
        trainer.add_callback(callback)
    return trainer


def _take_up(trainer: PlannedTrainer, found: checkpoints.Checkpoint) -> bool:
    """Restore what transformers does not know; whether the run was already over at that checkpoint."""
    from transformers.trainer_callback import TrainerState

    from train.loop.trainer import LOOP_STATE, STATE

    stored = json.loads((found.folder / LOOP_STATE).read_text(encoding="utf-8"))
    conduct = trainer.conduct
    conduct.start = stored["start"]
    if conduct.patience is not None:
        conduct.patience.restore(stored["patience"])
    trainer.state = TrainerState.load_from_json(str(found.folder / STATE))
    logger.info("resuming at step %d of %d", found.step, conduct.table.steps)
    if not _is_over(trainer):
        return False
    trainer._load_from_checkpoint(str(found.folder))
    return True


def _is_over(trainer: PlannedTrainer) -> bool:
    patience = trainer.conduct.patience
    return trainer.state.global_step >= trainer.conduct.table.steps or (
        patience is not None and patience.exhausted
    )


def _run(trainer: PlannedTrainer, settings: LoopParams, found: checkpoints.Checkpoint | None) -> None:
    """Train; an end of memory becomes an error that names what would fit."""
    failure: BaseException | None = None
    try:
        trainer.train(resume_from_checkpoint=str(found.folder) if found else None)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        failure = error
    if failure is None:
        return
    frames_let_go(failure)
    latest, trained = trainer.latest, trainer.conduct.parameters
    if latest is None:
        raise TrainError(
            "out of memory before the first batch", "choose a smaller model, or adapter.quantisation nf4"
        )

    def attempt(part: Batch) -> None:
        whole = trainer._prepare_inputs(with_targets(part))
        for parameter in trained.values():
            parameter.grad = None
        summed_loss(trainer.model_wrapped, trainer.conduct.head, whole, settings.loss_chunk).backward()  # type: ignore[no-untyped-call]

    for parameter in trained.values():
        parameter.grad = None
    raise out_of_memory(latest, settings.batch_size, settings.accumulation, attempt)


def _conclude(trainer: PlannedTrainer) -> Fitted:
    """Look whether training did anything, and put the best adapter into the model."""
    state, conduct = trainer.state, trainer.conduct
    if trainer.sharded:
        logger.warning(
            "whether every tensor moved is not checked under DeepSpeed and FSDP, which hold them in parts"
        )
    else:
        check_moved(conduct.start, conduct.parameters, state.global_step)
    best = state.best_global_step or state.global_step
    if best != state.global_step:
        folder = conduct.folder / f"checkpoint-{best}"
        fault = checkpoints.damage(folder)
        if fault:
            raise TrainError(
                f"the best adapter, {folder}, cannot be read: {fault}",
                "train anew under another name; the newest checkpoint holds the last adapter",
            )
        trainer._load_from_checkpoint(str(folder), trainer.model_wrapped)
    early = conduct.patience is not None and conduct.patience.exhausted
    return Fitted(
        steps=state.global_step,
        best_step=best,
        best_loss=state.best_metric,
        history=tuple(dict(point) for point in state.log_history),
        stopped="early" if early else "finished",
    )
