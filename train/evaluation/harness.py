"""MMLU and C-Eval style tasks through lm-evaluation-harness, around the models that are already loaded.

A task is a YAML file of this machine (`data_files` in it are found beside it) or a name that the harness knows. Tasks
are looked up, and their data with them, before anything is trained or answered: a task that needs the network should
fail in the first second, not after the last. Base and tuned see the same questions, so each answer is paired and the
difference has an interval, which the harness itself does not give. No chat template is applied, as in the published
numbers of base models. Rejected: the harness's command line, which would load both models once more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import TrainError
from train.evaluation.bootstrap import Better, Comparison, Floats, Metric, compare, not_measured, ratio
from train.evaluation.generate import longest

PACKAGE = "lm-eval"
INSTALL = "pip install -e '.[harness]'"
BATCH = {"cpu": 8, "cuda": 32}
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Task:
    """A task that is ready to run.

    Attributes:
        name: as it was asked for; of a file, the name that stands in it.
        loaded: tasks and groups of the harness.
        parts: names of its leaf tasks.
    """

    name: str
    loaded: tuple[Any, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskScores:
    """Scores of one task.

    Attributes:
        name: of the task.
        parts: how many leaf tasks it has; their questions count equally.
        questions: in all of them.
        scores: one for each metric.
    """

    name: str
    parts: int
    questions: int
    scores: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What one model made of one task.

    Attributes:
        samples: by (part, metric): its value at each question that has one number, in the order of the questions.
        totals: by (part, metric): the value that the harness computes for the part.
        higher: by metric: whether more is better.
        questions: by part.
    """

    samples: dict[tuple[str, str], Floats]
    totals: dict[tuple[str, str], float]
    higher: dict[str, bool]
    questions: dict[str, int]


def find_tasks(specs: Sequence[str], folder: Path = Path()) -> list[Task]:
    """Look up tasks and read their questions.

    Args:
        specs: names that the harness knows, or YAML files.
        folder: what relative paths of files are relative to.

    Raises:
        TrainError: the harness is not installed, or a task or its data is not there; the message says which.
    """
    if not specs:
        return []
    if importlib.util.find_spec("lm_eval") is None:
        raise TrainError(f"evaluation.tasks needs the package {PACKAGE}, which is not installed", INSTALL)
    from lm_eval.tasks import TaskManager

    files = {spec: folder / spec for spec in specs if spec.endswith(_SUFFIXES)}
    for spec, path in files.items():
        if not path.is_file():
            raise TrainError(f"the task file {spec} does not exist", f"it is looked for at {path.absolute()}")
    manager: Any = TaskManager(include_defaults=len(files) < len(specs))
    return [_find(manager, spec, files.get(spec)) for spec in specs]


def _find(manager: Any, spec: str, path: Path | None) -> Task:
    known = path is not None or spec in manager.all_tasks
    if not known:
        raise TrainError(
            f"lm-evaluation-harness {version(PACKAGE)} knows no task {spec!r}",
            "`lm-eval ls tasks` lists what it knows; a file of your own ends in .yaml",
        )
    try:
        with chdir(path.absolute().parent) if path is not None else nullcontext():
            found = manager.load([str(path.absolute()) if path is not None else spec])
    except (
        Exception
    ) as error:  # the harness, datasets and the hub raise anything; none of it may pass for a score
        raise _unreadable(spec, path, error) from error
    tasks = found["tasks"]
    inside = {name for members in found.get("group_map", {}).values() for name in members}
    top = [each for name, each in {**tasks, **found.get("groups", {})}.items() if name not in inside]
    name = (
        next(iter(tasks)) if path is not None and len(tasks) == 1 else path.stem if path is not None else spec
    )
    return Task(name, tuple(top), tuple(sorted(tasks)))


def _unreadable(spec: str, path: Path | None, error: Exception) -> TrainError:
    reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"
    if path is not None:
        return TrainError(
            f"the task file {spec} cannot be used: {reason}",
            "see docs/training_evaluation.md for one that works; data_files are found beside the task file",
        )
    return TrainError(
        f"the questions of the task {spec} are not on this machine and could not be fetched: {reason}",
        f"fetch them once with a network (python -m lm_eval --model dummy --tasks {spec} --limit 1), or name a YAML"
        " file whose data lies on this machine",
    )


def run(tasks: Sequence[Task], model: Any, tokenizer: Any, seed: int) -> list[Run]:
    """Return what a model makes of tasks, in order.

    Args:
        tasks: from `find_tasks`.
        model: of transformers or peft, loaded; it is left in the mode in which it came.
        tokenizer: of the model.
        seed: of which examples are shown, where a task shows some.

    Raises:
        TrainError: a task cannot be run.
    """
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    training, kind = bool(model.training), "cuda" if model.device.type == "cuda" else "cpu"
    found = []
    with _generators_restored():
        wrapped: Any = HFLM(
            pretrained=model, backend="causal", tokenizer=deepcopy(tokenizer), batch_size=BATCH[kind],
            max_length=longest(model),
        )  # fmt: skip
        for task in tasks:
            try:
                results: Any = simple_evaluate(
                    model=wrapped, tasks=list(task.loaded), bootstrap_iters=0, log_samples=True, random_seed=seed,
                    numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
                )  # fmt: skip
            except Exception as error:
                raise TrainError(
                    f"the task {task.name} failed: {type(error).__name__}: {error}",
                    "leave it out of evaluation.tasks, or correct its file",
                ) from error
            found.append(_read(task, results))
    model.train(training)
    return found


@contextmanager
def _generators_restored() -> Iterator[None]:
    """Give the process its random states back: the harness seeds all of them."""
    import random

    import torch

    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _read(task: Task, results: Any) -> Run:
    samples: dict[tuple[str, str], Floats] = {}
    totals: dict[tuple[str, str], float] = {}
    higher: dict[str, bool] = {}
    questions = {}
    for part in task.parts:
        listed = sorted(results["samples"][part], key=lambda sample: sample["doc_id"])
        questions[part] = len({sample["doc_id"] for sample in listed})
        directions = results["higher_is_better"].get(part, {})
        for key, value in results["results"][part].items():
            name, _, filtered = key.partition(",")
            if not filtered or name.endswith("_stderr") or not isinstance(value, int | float):
                continue
            metric = name if filtered == "none" else f"{name} ({filtered})"
            totals[part, metric] = float(value)
            higher[metric] = directions.get(name, True) is not False
            rows = [one.get(name) for one in listed if one.get("filter", "none") == filtered]
            if rows and all(isinstance(row, int | float) for row in rows):
                values = np.array(rows, np.float64)
                # a metric that the harness does not average (F1 over a corpus) has numbers by question, too
                if np.isclose(values.mean(), float(value), rtol=1e-6, atol=1e-9):
                    samples[part, metric] = values
    return Run(samples, totals, higher, questions)


def compare_tasks(
    tasks: Sequence[Task], base: Sequence[Run], tuned: Sequence[Run], draws: int, seed: int
) -> tuple[TaskScores, ...]:
    """Return the scores of tasks: questions of all parts count equally, and each is answered by both models."""
    return tuple(
        TaskScores(
            task.name, len(task.parts), sum(one.questions.values()),
            tuple(_compared(metric, task, one, two, draws, seed) for metric in one.higher),
        )
        for task, one, two in zip(tasks, base, tuned, strict=True)
    )  # fmt: skip


def _compared(name: str, task: Task, base: Run, tuned: Run, draws: int, seed: int) -> Comparison:
    better: Better = "higher" if base.higher[name] else "lower"
    signature = f"lm-eval:{version(PACKAGE)}|chat template:no|{len(task.parts)} parts, by question"
    metric = Metric(name, ratio(), better, signature=signature)
    parts = [part for part in task.parts if (part, name) in base.totals]
    if all((part, name) in one.samples for part in parts for one in (base, tuned)):
        rows = [np.concatenate([one.samples[part, name] for part in parts]) for one in (base, tuned)]
        first, second = (np.stack([row, np.ones(len(row))], axis=1) for row in rows)
        return compare(metric, first, second, draws, seed)
    count = sum(base.questions[part] for part in parts)
    if len(parts) > 1:
        return not_measured(
            metric, count, "the harness gives no number by question, and parts cannot be joined"
        )
    one, two = base.totals[parts[0], name], tuned.totals[parts[0], name]
    return Comparison(
        name, count, one, two, two - one, better=better, signature=signature,
        why="no interval: the harness gives no number by question",
    )  # fmt: skip
