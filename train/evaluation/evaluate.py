"""Holds the base model and the tuned one beside each other, on records that training did not see.

Both answer and are measured in one process: where the method allows it, the base is the tuned model with its adapter
switched off, so that nothing but the adapter differs (no second load, no other quantisation). Every number carries the
interval of its difference, and what cannot be measured says why. Records to answer are drawn by seed and root, an equal
share of each category. Written are evaluation/results.json, evaluation/answers.jsonl, the page, and blind pairs for
people. Rejected: a score of the tuned model alone, which says nothing about what training did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson

from pipeline.errors import TrainError
from pipeline.store import replacing
from quality.review import draw
from train.config import EvaluationParams
from train.data.builds import RECORDS, Build, Example
from train.data.encodings import encode_examples
from train.data.render import Renderer, UnusableRecordError
from train.evaluation import ab_queue, harness, page
from train.evaluation.answer_checks import Asked
from train.evaluation.bootstrap import LEAST, Floats
from train.evaluation.generate import Answer, ending_tokens, generate, longest, virtual_tokens
from train.evaluation.harness import Task, TaskScores
from train.evaluation.scorecard import Answered, Scorer, SplitScores, split_scores
from train.evaluation.token_loss import token_losses

FORMAT_VERSION = 1
GENERAL = "general"
"""Key of the records on which forgetting is measured."""
SHOWN_FIRST = ("test", "validation")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models.

    Attributes:
        name: which.
        model: of transformers or peft.
        active: within what it returns, `model` computes as this side does.
    """

    name: Literal["base", "tuned"]
    model: Any
    active: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it; `results.json` holds the same.

    Attributes:
        notes: what a reader must know before any number.
        about: facts of the run, such as names of models and build.
        settings: of the evaluation.
        seed: of draws.
        least: records below which a score is not told.
        renderer: name and hash of what put records into words.
        splits: scores by split.
        forgetting: scores of the general set; None where none was named, and `forgetting_why` says so.
        tasks: scores of lm-evaluation-harness; empty where none was named, and `tasks_why` says so.
        not_measured: what this program has no means to measure, and why.
        pairs: how many blind pairs wait for people, and how many were left out because both answers are the same.
    """

    format_version: int
    notes: tuple[str, ...]
    about: dict[str, str]
    settings: dict[str, Any]
    seed: int
    least: int
    renderer: dict[str, str]
    splits: tuple[SplitScores, ...]
    forgetting: SplitScores | None
    forgetting_why: str
    tasks: tuple[TaskScores, ...]
    tasks_why: str
    not_measured: dict[str, str]
    pairs: dict[str, int]


BIAS_WHY = (
    "stereotypes and unequal treatment need paired prompts or a trained detector, and this program has neither; of bias"
    " it counts only how often identity terms stand in words of blame"
)


def held_out(build: Build, category: str, general: Build | None = None) -> dict[str, list[Example]]:
    """Return the records to evaluate on: validation and test of a build, and of a general one its test split, or the
    first that it has of validation and train.

    Args:
        build: that of the training.
        category: column by which scores are split.
        general: on which forgetting is measured.

    Raises:
        TrainError: the build has neither a validation nor a test split, or lacks the column.
    """
    splits = _splits(build)
    found: dict[str, list[Example]] = {}
    for split in ("validation", "test"):
        if split in splits:
            found[split] = build.examples(split, category)
    if not found:
        raise TrainError(
            f"{build.folder} has neither a validation nor a test split: nothing that training did not see",
            "give the build's recipe a stage `split`, and build again",
        )
    if general is not None:
        there = _splits(general)
        name = next((each for each in ("test", "validation") if each in there), "train")
        found[GENERAL] = general.examples(name)
    return found


def _splits(build: Build) -> set[str]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(build.folder / RECORDS, columns=["split"], filters=pc.field("status") == "kept")
    return {name or "train" for name in table["split"].to_pylist()}


@dataclass(frozen=True, slots=True)
class _Work:
    """What both sides are given of one split: rows whose loss is measured, and prompts to answer."""

    name: str
    examples: list[Example]
    rows: list[tuple[tuple[int, ...], tuple[int, ...]]]
    asked: list[Example]
    prompts: list[list[int]]
    left_out: dict[str, int]
    cut: int


def sides(tuned: Any, base: Any | None = None) -> tuple[Side, Side]:
    """Return base and tuned of one model with an adapter, or of two models.

    Args:
        tuned: with its adapter, or trained as a whole.
        base: the untuned model; None where the adapter of `tuned` can be switched off.

    Raises:
        TrainError: from the context of the base, where nothing of it is left in `tuned` and no other is given.
    """
    from train.methods import without_adapter

    if base is not None:
        return Side("base", base), Side("tuned", tuned)
    return Side("base", tuned, lambda: without_adapter(tuned)), Side("tuned", tuned)


def evaluate(
    base: Side,
    tuned: Side,
    renderer: Renderer,
    examples: Mapping[str, Sequence[Example]],
    settings: EvaluationParams,
    out: Path,
    seed: int,
    *,
    max_length: int,
    overlong: Literal["cut", "reject"] = "cut",
    notes: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
    tasks: Sequence[Task] = (),
) -> Evaluation:
    """Measure both models, and write results, answers, page and blind pairs.

    Args:
        base, tuned: from `sides`.
        renderer: that of training.
        examples: records by split (`validation`, `test`); those under `general` tell of forgetting.
        settings: of the recipe.
        out: folder of the run; `evaluation/` and `review/` are written in it.
        seed: of which records are answered, of the bootstrap and of which answer is A.
        max_length, overlong: of the tokens of a record, as in training.
        notes: what a reader must know before any number, shown first.
        about: facts for the page, such as the names of the models.
        tasks: from `harness.find_tasks`, which is best called before anything is trained.

    Raises:
        TrainError: a record's prompt cannot be answered, or a task cannot be run.
        ModelError: the encoder of BERTScore is missing.
    """
    scorer = _scorer(settings)
    room = min(longest(side.model) for side in (base, tuned)) - _virtual(tuned) - settings.max_new_tokens
    works = [
        _work(name, list(listed), renderer, settings, seed, max_length, overlong, room)
        for name, listed in examples.items()
    ]
    first, second = (_measure(side, works, renderer, settings.max_new_tokens) for side in (base, tuned))
    answered = {work.name: _answered(work, first, second) for work in works}
    found = {
        work.name: split_scores(
            work.name, [each.category for each in work.examples],
            (first.losses[work.name], second.losses[work.name]), answered[work.name], scorer, settings.toxicity,
            work.left_out, work.cut, settings.bootstrap, seed, _why_no_answers(work, settings),
        )
        for work in works
    }  # fmt: skip
    pairs = ab_queue.pairs(
        [each for name, listed in answered.items() if name != GENERAL for each in listed], seed
    )
    evaluation = Evaluation(
        FORMAT_VERSION, tuple(notes), dict(about or {}), settings.model_dump(mode="json"), seed, LEAST,
        {"name": renderer.name, "hash": renderer.hash},
        tuple(scores for name, scores in found.items() if name != GENERAL),
        found.get(GENERAL), "" if GENERAL in found else "no general set is named (evaluation.general)",
        _tasks(tasks, base, tuned, renderer, settings, seed), "" if tasks else "no task is named (evaluation.tasks)",
        {"bias": BIAS_WHY}, {"queued": len(pairs.items), "identical": pairs.identical},
    )  # fmt: skip
    _write(out, evaluation, answered, pairs, settings.generations)
    return evaluation


def _virtual(tuned: Side) -> int:
    with tuned.active():
        return virtual_tokens(tuned.model)


def _scorer(settings: EvaluationParams) -> Scorer | str:
    """Return BERTScore, loaded before anything else is done; or why there is none."""
    if settings.bertscore is None:
        return "no encoder is named (evaluation.bertscore)"
    from pipeline.models import Models

    return Models().scorer(settings.bertscore).score


def _why_no_answers(work: _Work, settings: EvaluationParams) -> str:
    if work.name == GENERAL:
        return "on the general set only the loss is measured"
    if not settings.generations:
        return "no answers were asked for (evaluation.generations: 0)"
    return "" if work.asked else "no record of this split has a prompt that could be answered"


def _work(
    name: str,
    examples: list[Example],
    renderer: Renderer,
    settings: EvaluationParams,
    seed: int,
    max_length: int,
    overlong: Literal["cut", "reject"],
    room: int,
) -> _Work:
    """Encode a split as training did, and draw the records to answer, an equal share of each category."""
    encodings = encode_examples(examples, renderer, max_length, overlong)
    rejected = Counter(reject.reason for reject in encodings.rejects)
    lost = {reject.id for reject in encodings.rejects}
    kept = [example for example in examples if example.id not in lost]
    rows = [(each.input_ids, each.labels) for each in encodings.examples]
    asked: list[Example] = []
    prompts: list[list[int]] = []
    if name != GENERAL and settings.generations:
        able = []
        for example in kept:
            prompt = _prompt(renderer, example, room)
            if isinstance(prompt, str):
                rejected[prompt] += 1
            else:
                able.append((example, prompt))
        chosen = draw(
            [each.root for each, _ in able], [each.category for each, _ in able], settings.generations, seed
        )
        asked, prompts = [able[row][0] for row in chosen], [able[row][1] for row in chosen]
    return _Work(name, kept, rows, asked, prompts, dict(sorted(rejected.items())), encodings.cut)


def _prompt(renderer: Renderer, example: Example, room: int) -> list[int] | str:
    """Return the tokens of a record's prompt, or why it cannot be answered."""
    if example.is_document:
        return "evaluate.no_prompt"
    try:
        prompt = renderer.prompt_ids(example)
    except UnusableRecordError as error:
        return error.reason
    return prompt if 0 < len(prompt) <= room else "evaluate.no_room_for_an_answer"


@dataclass(frozen=True, slots=True)
class _Measured:
    """What one side made of every split."""

    losses: dict[str, Floats]
    answers: dict[str, list[Answer]]


def _measure(side: Side, works: Sequence[_Work], renderer: Renderer, max_new_tokens: int) -> _Measured:
    tokenizer = renderer.tokenizer
    ends = tuple(dict.fromkeys([renderer.end_id, *ending_tokens(side.model, tokenizer)]))
    losses, answers = {}, {}
    with side.active():
        for work in works:
            losses[work.name] = token_losses(side.model, work.rows, renderer.end_id)
            answers[work.name] = generate(side.model, tokenizer, work.prompts, ends, max_new_tokens)
    for name, found in losses.items():
        if not np.isfinite(found).all():
            raise TrainError(
                f"the {side.name} model's loss on the split {name} is not finite",
                "look at the training's curves; compute_dtype fp16 may overflow where bf16 does not",
            )
    return _Measured(losses, answers)


def _answered(work: _Work, base: _Measured, tuned: _Measured) -> list[Answered]:
    return [
        Answered(example.id, _asked(example), example.output, example.lang, example.category, first, second)
        for example, first, second in zip(
            work.asked, base.answers[work.name], tuned.answers[work.name], strict=True
        )
    ]


def _asked(example: Example) -> Asked:
    return Asked(example.system, example.instruction, example.input, example.history)


def _tasks(
    tasks: Sequence[Task], base: Side, tuned: Side, renderer: Renderer, settings: EvaluationParams, seed: int
) -> tuple[TaskScores, ...]:
    if not tasks:
        return ()
    found = []
    for side in (base, tuned):
        with side.active():
            found.append(harness.run(tasks, side.model, renderer.tokenizer, seed))
    return harness.compare_tasks(tasks, found[0], found[1], settings.bootstrap, seed)


def _write(
    out: Path,
    evaluation: Evaluation,
    answered: Mapping[str, Sequence[Answered]],
    pairs: ab_queue.Pairs,
    most: int,
) -> None:
    folder = out / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "results.json") as path:
        path.write_bytes(
            orjson.dumps(to_json(evaluation), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    with replacing(folder / "answers.jsonl") as path, path.open("wb") as stream:
        for split, listed in answered.items():
            for each in listed:
                stream.write(orjson.dumps({"split": split, **asdict(each)}, option=orjson.OPT_APPEND_NEWLINE))
    order = [*SHOWN_FIRST, *(name for name in answered if name not in (*SHOWN_FIRST, GENERAL))]
    shown = [(name, each) for name in order for each in answered.get(name, ())][:most]
    with replacing(folder / "index.html") as path:
        path.write_text(page.render(evaluation, shown), encoding="utf-8")
    ab_queue.write(out, pairs)


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as `results.json` holds it, each score with its verdict."""
    value = asdict(evaluation)
    for split in (*evaluation.splits, *([evaluation.forgetting] if evaluation.forgetting else [])):
        told = value["forgetting"] if split is evaluation.forgetting else _named(value["splits"], split.name)
        _add_verdicts(told["scores"], split.scores)
        for category, scores in zip(told["categories"], split.categories, strict=True):
            _add_verdicts(category["scores"], scores.scores)
    for told, task in zip(value["tasks"], evaluation.tasks, strict=True):
        _add_verdicts(told["scores"], task.scores)
    return value


def _named(splits: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(split for split in splits if split["name"] == name)


def _add_verdicts(told: Sequence[dict[str, Any]], scores: Sequence[Any]) -> None:
    for each, score in zip(told, scores, strict=True):
        each["verdict"] = score.verdict
