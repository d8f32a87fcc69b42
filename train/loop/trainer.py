"""transformers' `Trainer`, with the parts replaced that could not give this room's guarantees.

The loop itself (accelerate, mixed precision, DeepSpeed, FSDP, callbacks) is transformers' own. Ours are: the loss
(chunked, normalised by the labels of the whole window), batches (planned up front, so that resuming is skipping),
groups of parameters, validation (per label token over all; the original averages batch means), checkpoints (the
original's are not atomic), and the look at every step for what is no number. Imported by `train.loop` only when a run
begins: transformers and torch load with it. Rejected: a loop of our own, which would have to follow accelerate forever.
"""

from __future__ import annotations

import json
import logging
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import TrainerControl, TrainerState

from pipeline.errors import TrainError
from train.loop import checkpoints
from train.loop.early_stopping import Patience
from train.loop.ewc import Penalty, add_gradients
from train.loop.losses import summed_loss, with_targets
from train.loop.schedules import Timetable, parameter_groups
from train.loop.survival import Terminations, not_finite
from train.methods import on_step, penalty, restore_training_state, training_state

logger = logging.getLogger(__name__)

Batch = Mapping[str, Any]
STATE = "trainer_state.json"
LOOP_STATE = "loop.json"


@dataclass(slots=True)
class Conduct:
    """What a run adds to transformers' arguments."""

    model: torch.nn.Module
    batches: Sequence[Batch]
    epoch_ends: tuple[int, ...]
    validation: Sequence[Batch]
    table: Timetable
    head: torch.nn.Module | None
    chunk: int
    layer_decay: float
    keep: int
    folder: Path
    facts: Mapping[str, Any]
    start: Mapping[str, str]
    parameters: dict[str, torch.nn.Parameter]
    patience: Patience | None
    penalty: Penalty | None
    terminations: Terminations
    window: list[tuple[torch.Tensor, list[str]]] = field(default_factory=list)


class _Planned(Dataset[dict[str, Any]]):
    """Batches of the plan, each made when its turn comes; skipped ones are never made."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return with_targets(self.batches[index])


def _only(batches: list[dict[str, Any]]) -> dict[str, Any]:
    return batches[0]


class _Conductor(TrainerCallback):
    """Says at each step what is due, by the timetable."""

    def __init__(self, conduct: Conduct, accumulation: int) -> None:
        self.conduct, self.accumulation = conduct, accumulation

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        on_step(self.conduct.model, state.global_step + 1)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step, table = state.global_step, self.conduct.table
        state.epoch = epoch_at(step * self.accumulation, self.conduct.epoch_ends)
        control.should_log = step in table.log
        control.should_evaluate = step in table.evaluate and len(self.conduct.validation) > 0
        control.should_save = step in table.save
        if step >= table.steps:
            control.should_training_stop = True
        elif self.conduct.terminations.asked:
            control.should_save = control.should_log = control.should_training_stop = True


def epoch_at(done: int, epoch_ends: Sequence[int]) -> float:
    """How many epochs that number of batches is, given the index of each epoch's last batch."""
    passed = bisect_right(epoch_ends, done - 1)
    if passed == len(epoch_ends):
        return float(passed)
    before = epoch_ends[passed - 1] + 1 if passed else 0
    return passed + (done - before) / (epoch_ends[passed] + 1 - before)


class PlannedTrainer(Trainer):
    """A run planned whole; see the module.

    Args:
        model: with what is trained attached.
        args: of transformers; its strategies of saving, logging and evaluation are `no`.
        conduct: everything else.
    """

    def __init__(self, model: torch.nn.Module, args: TrainingArguments, conduct: Conduct) -> None:
        super().__init__(
            model=model,
            args=args,
            train_dataset=_Planned(conduct.batches),
            callbacks=[_Conductor(conduct, args.gradient_accumulation_steps)],
        )
        self.remove_callback(PrinterCallback)  # prints to standard output, which is the command line's
        self.conduct = conduct
        # The loss comes divided by the labels of the whole window: transformers must not scale it again.
        self.loss_is_scaled_for_ga = True
        self.latest: Batch | None = None
        self.sharded = self.is_deepspeed_enabled or self.is_fsdp_enabled
        if self.sharded and (conduct.penalty is not None or penalty(conduct.model) is not None):
            raise TrainError(
                "DeepSpeed and FSDP divide gradients among processes, and EWC and AdaLoRA need them whole",
                "train in one process, or set training.ewc to 0 and another adapter.method",
            )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches in the order of the plan; a generator of its own leaves training's randomness alone."""
        loader: DataLoader[Any] = DataLoader(
            _Planned(self.conduct.batches),
            batch_size=1,
            shuffle=False,
            collate_fn=_only,
            generator=torch.Generator().manual_seed(0),
            pin_memory=self.args.device.type == "cuda",
        )
        return self.accelerator.prepare(loader)  # type: ignore[no-any-return]

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Zero: the original counts every parameter at every batch, by a formula that is wrong for frozen ones."""
        return 0

    def _get_num_items_in_batch(self, batch_samples: list[Batch], device: torch.device) -> torch.Tensor:
        """Labels of the whole window over all processes; the original counts only for models it knows."""
        count = torch.tensor(sum(batch["targets"].numel() for batch in batch_samples), device=device)
        if self.args.world_size > 1:
            count = self.accelerator.gather(count).sum()
        return count

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """One batch forward and backward; its loss is kept until the step, when one look serves the whole window."""
        self.latest = inputs
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        self.conduct.window.append((loss, list(inputs["record_ids"])))
        return loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Summed loss of the batch by the labels of the window: a short last window weighs each label alike."""
        total = summed_loss(model, self.conduct.head, inputs, self.conduct.chunk)
        if self.is_deepspeed_enabled and not torch.isfinite(total):  # its backward takes the step, too
            raise self._not_finite("loss", list(inputs["record_ids"]))
        # Gradients are averaged over processes, and the window's labels are counted over all of them.
        return total * self.args.world_size / num_items_in_batch

    def _clip_grad_norm(self, model: torch.nn.Module) -> Any:
        """Add penalties, clip, and look once for what is no number; nothing has been applied yet."""
        self._add_penalties()
        norm: Any = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        window, self.conduct.window = self.conduct.window, []
        numbers = [loss.float() for loss, _ in window]
        # fp16 meets infinite gradients as a matter of course: its scaler skips the step.
        if norm is not None and not self.args.fp16:
            numbers.append(torch.as_tensor(norm, device=numbers[0].device).float())
        if not (fine := torch.stack(numbers).isfinite()).all():
            bad = [ids for (_, ids), good in zip(window, fine.tolist(), strict=False) if not good]
            ids = [name for some in (bad or [ids for _, ids in window]) for name in some]
            raise self._not_finite("loss" if bad else "gradient", ids)
        return norm

    def _not_finite(self, what: str, ids: list[str]) -> TrainError:
        last = checkpoints.named(self.conduct.folder)
        return not_finite(what, self.state.global_step + 1, ids, last[-1].folder if last else None)

    def _add_penalties(self) -> None:
        """Add the gradients of EWC and of AdaLoRA's orthogonality once a step, so that no accumulation multiplies them.

        They go to `.grad` directly: hooks of DDP, which has already averaged, must not see them.
        """
        parameters, scaler = self.conduct.parameters, self.accelerator.scaler
        scale = scaler.get_scale() if scaler is not None else 1.0
        if self.conduct.penalty is not None:
            add_gradients(parameters, self.conduct.penalty.gradients(parameters), scale)
        if (orthogonality := penalty(self.conduct.model)) is not None:
            pulls = torch.autograd.grad(orthogonality, list(parameters.values()), allow_unused=True)
            add_gradients(parameters, dict(zip(parameters, pulls, strict=True)), scale)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Groups by layer and weight decay."""
        if self.optimizer is None:
            of: Any = self.model if model is None else model
            trained = {name: value for name, value in of.named_parameters() if value.requires_grad}
            groups = parameter_groups(
                trained,
                self.args.learning_rate,
                self.conduct.layer_decay,
                self.args.weight_decay,
                frozenset(self.get_decay_parameter_names(of)),
            )
            kind, keywords = self.get_optimizer_cls_and_kwargs(self.args, of)
            self.optimizer = kind(groups, **keywords)
        return self.optimizer

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Validation loss per label token over all batches; randomness and modes are as before afterwards.

        Raises:
            TrainError: a batch's loss is no number; the message names its records.
        """
        batches, world = self.conduct.validation, self.args.world_size
        sums = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        with torch.no_grad(), torch.random.fork_rng():
            self.model_wrapped.eval()
            for turn in range(math.ceil(len(batches) / world)):
                # Every process runs as many batches, so that sharded models meet in each; a surplus one counts nothing.
                index = turn * world + self.args.process_index
                batch = with_targets(batches[index % len(batches)])
                loss = summed_loss(
                    self.model_wrapped, self.conduct.head, self._prepare_inputs(batch), self.conduct.chunk
                )
                if not torch.isfinite(loss):
                    raise not_finite(
                        "validation loss", self.state.global_step, list(batch["record_ids"]), None
                    )
                if index < len(batches):
                    sums += torch.tensor([loss.item(), batch["targets"].numel()], dtype=torch.float64).to(
                        sums.device
                    )
            self.model_wrapped.train()
        if world > 1:
            sums = self.accelerator.reduce(sums)
        total, labels = sums.tolist()
        metrics = {"eval_loss": total / labels, "eval_labels": labels}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """The best is always saved, whenever checkpoints are due: it is what the run is for."""
        loss, step = metrics["eval_loss"], self.state.global_step
        better = self.state.best_metric is None or loss < self.state.best_metric
        if better:
            self.state.best_metric, self.state.best_global_step = loss, step
            self.control.should_save = True
        patience = self.conduct.patience
        if patience is not None and patience.tell(loss, step in self.conduct.table.epoch_ends):
            self.control.should_save = self.control.should_training_stop = True
        return better

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Complete or invisible; the original writes in place and trusts whatever lies there."""
        folder = self.conduct.folder
        self.accelerator.wait_for_everyone()
        with checkpoints.writing(folder, self.state.global_step, self.args.should_save) as hidden:
            if not self.sharded and self.args.should_save:
                checkpoints.save_weights(training_state(self.conduct.model), hidden)
            self._save_optimizer_and_scheduler(
                str(hidden)
            )  # DeepSpeed and FSDP write their weights here, too
            self._save_scaler(str(hidden))
            self._save_rng_state(str(hidden))
            if self.args.should_save:
                self.state.save_to_json(str(hidden / STATE))
                patience = self.conduct.patience
                loop = {
                    "start": dict(self.conduct.start),
                    "patience": patience.state() if patience else None,
                }
                (hidden / LOOP_STATE).write_text(json.dumps(loop, indent=1), encoding="utf-8")
                checkpoints.write_facts(self.conduct.facts, hidden)
            self.accelerator.wait_for_everyone()
        if self.args.should_save:
            checkpoints.rotate(folder, self.conduct.keep, self.state.best_global_step)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        """Put the tensors back in place; peft's own loading makes a second adapter of some methods."""
        if self.is_deepspeed_enabled:
            from transformers.integrations.deepspeed import deepspeed_load_checkpoint

            deepspeed_load_checkpoint(self.model_wrapped, resume_from_checkpoint, load_module_strict=False)  # type: ignore[no-untyped-call]
            return
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        restore_training_state(self.conduct.model, checkpoints.load_weights(Path(resume_from_checkpoint)))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """To the curves, and a line of numbers to the log.

        Without transformers' summary at the end: its times are those of the last try alone.
        """
        if "train_runtime" in logs:
            return
        super().log(logs, start_time)
        told = ", ".join(
            f"{name} {value:.6g}" for name, value in logs.items() if isinstance(value, int | float)
        )
        logger.info("step %d of %d: %s", self.state.global_step, self.conduct.table.steps, told)


def check_batches(batches: Sequence[Batch]) -> None:
    """See that there is something to train on.

    Raises:
        TrainError: no batches, or a first batch without labels or record ids.
    """
    if len(batches) == 0:
        raise TrainError("there are no batches to train on", "look at train_rejects.jsonl")
    missing = {"input_ids", "labels", "record_ids"} - set(batches[0])
    if missing:
        raise TrainError(f"batches lack {', '.join(sorted(missing))}")
