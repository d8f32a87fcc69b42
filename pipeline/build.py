"""A build: a recipe becomes steps, and the steps are run one after the other.

`plan` says what will be done with which models before anything is done; `run_step` does one step. The command
line and the flows walk the same steps. A step's key is a digest of all that it depends on, and its result is
a small file in the store: a step whose result is there is not run again. Rejected: a graph scheduler (the
route is a line; the parallelism is inside a step, over shards).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.change import ADD, Changes
from pipeline.errors import LineageError, SourceError
from pipeline.fits import known_fits, learnt
from pipeline.ingest import SOUND, file_digest, find_files, input_digest
from pipeline.judging import Judging, Tick
from pipeline.recipe import Recipe
from pipeline.record import TEXT_COLUMNS, text_keys
from pipeline.stages import STAGES, prepare, settings
from pipeline.stages.gates import DatasetGate, Threshold
from pipeline.stages.protocol import Decision
from pipeline.steps import (
    Input,
    Plan,
    Step,
    StepResult,
    Workshop,
    accepted,
    cleans_doors,
    dropped_tables,
    file_key,
    identities,
    is_gate,
    prior_of,
    prior_path,
    recipe_prior,
    without_personal_data,
)
from pipeline.store import Store, digest
from pipeline.versions import code_digest, environment_digest
from pipeline.work import (
    ApplyItem,
    EditItem,
    IngestItem,
    ShardResult,
    apply_work,
    edit_work,
    ingest_work,
    is_whole,
)

MOST_NAMED = 10


def plan(recipe: Recipe, base: Path, downloads: Path | None = None) -> Plan:
    """Find the inputs, check the models, and lay out the steps; nothing is written but what has to be fetched.

    Args:
        recipe: a checked recipe.
        base: the folder that its paths are relative to.
        downloads: the folder for inputs that an address or a data set of the hub names.

    Raises:
        SourceError: an input is missing.
        ModelError: a model is missing; the hint is the command that gets it.
        RecipeError: a prior build is not one, or a key is missing.
    """
    inputs = tuple(
        Input(file, spec, input_digest(file, spec))
        for spec in recipe.sources
        for file in find_files(spec, base, downloads)
    )
    steps = [Step("ingest", "ingest", "ingest", None, ())]
    for name, params in zip(recipe.stage_names(), recipe.stages, strict=True):
        kind = STAGES[params.stage]
        prepared = prepare(params, base)
        steps.append(Step(name, kind.kind, params.stage, prepared, kind.stage.needs(prepared)))
        if prior_of(steps[-1]):
            prior_path(steps[-1], base)
    for step in steps:
        identities(step)
    return Plan(recipe, base, inputs, tuple(steps), digest(environment_digest(), code_digest()))


def run_step(step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop) -> StepResult:
    """Run one step, or find its result in the store.

    Args:
        step: a step of the plan.
        done: the results of all steps before it, in order.
        plan: the plan.
        shop: where to run.

    Raises:
        PipelineError: the step failed; what it finished stays in the store.
    """
    began = time.monotonic()
    key = step_key(step, done, plan, shop)
    known = _load(shop.store, key) if key else None
    if known is not None:
        result = replace(known, cached=True)
    else:
        run = {"ingest": _run_ingest, "edit": _run_edit, "judge": _run_judge}[step.kind]
        result = run(step, done, plan, shop)
        shop.store.write_json("steps", result.key, _to_json(result))
    result = replace(result, seconds=time.monotonic() - began)
    shop.reporter.done(result)
    return result


def walk(plan: Plan, shop: Workshop) -> Iterator[StepResult]:
    """Run all steps in order and yield their results."""
    done: list[StepResult] = []
    for step in plan.steps:
        done.append(run_step(step, done, plan, shop))
        yield done[-1]


def found(plan: Plan, shop: Workshop) -> list[StepResult] | None:
    """Return the results of all steps if the store has every one of them, else None; nothing is run."""
    done: list[StepResult] = []
    for step in plan.steps:
        key = step_key(step, done, plan, shop)
        known = _load(shop.store, key) if key else None
        if known is None:
            return None
        done.append(replace(known, cached=True))
    return done


def step_key(step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop) -> str | None:
    """Return the key of a step's result, or None where a fit must be made before it is known."""
    if step.kind == "ingest":
        return digest("ingest", [file_key(item, plan) for item in plan.inputs], plan.recipe.max_reject_rate)
    fits = known_fits(step, plan, shop)
    return None if fits is None else _stage_key(step, done, plan, fits)


def _stage_key(step: Step, done: Sequence[StepResult], plan: Plan, fits: dict[str, str]) -> str:
    prior = recipe_prior(plan) if step.kind == "judge" else None
    return digest(
        _edit_key(step, plan),
        plan.recipe.seed,
        [str(identity) for identity in identities(step)],
        [shard.shard for shard in done[-1].shards],
        fits,
        file_digest(prior) if prior else "",
        *([sorted(accepted(plan.steps))] if is_gate(step) else []),
        *([list(dropped_tables(done))] if cleans_doors(step) else []),
    )


def _edit_key(step: Step, plan: Plan) -> str:
    """Return what an edit of one shard depends on, besides the shard."""
    assert step.params is not None
    return digest(
        plan.environment,
        step.name,
        step.stage,
        STAGES[step.stage].stage.version,
        settings(step.params),
        [str(identity) for identity in identities(step)],
    )


def _run_ingest(step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop) -> StepResult:
    site = shop.site(plan)
    items = [
        IngestItem(site, item.file, item.spec, item.digest, file_key(item, plan), plan.recipe.shard_rows)
        for item in plan.inputs
    ]
    tick = shop.reporter.phase(step.name, "read files", len(items))
    reports = []
    for report in shop.runner.map(ingest_work, items):
        reports.append(report)
        tick(1)
    shards = tuple(
        ShardResult(str(key), int(rows), "", "", 0, 0, {})
        for report in reports
        for key, rows in report["shards"]
    )
    _check_rejects(reports, plan, shop.store)
    notes = {"files": [{k: v for k, v in r.items() if k not in ("shards", "rejects")} for r in reports]}
    key = step_key(step, done, plan, shop)
    assert key is not None
    return StepResult(step.name, step.stage, key, shards, sum(s.rows for s in shards), notes)


def _check_rejects(reports: list[dict[str, Any]], plan: Plan, store: Store) -> None:
    units = sum(report["units"] for report in reports)
    rejects = [r for report in reports for r in report["rejects"] if r["reason"] not in SOUND]
    limit = plan.recipe.max_reject_rate
    if not units:
        raise SourceError("the sources hold no units", "check the paths in the recipe")
    if len(rejects) <= limit * units:
        return
    store.write_json("failed", digest(plan.recipe.name), rejects)
    path = store.path("failed", digest(plan.recipe.name), ".json")
    first = rejects[:MOST_NAMED]
    details = without_personal_data([r["detail"] for r in first], plan.steps)
    named = "\n".join(
        f"  {r['source']}: {r['file']}:{r['line']}: {r['reason']}: {detail}"
        for r, detail in zip(first, details, strict=True)
    )
    raise SourceError(
        f"{len(rejects)} of {units} units cannot be read, more than the {limit:.2%} that "
        f"max_reject_rate allows; the first:\n{named}",
        f"mend the files, or raise max_reject_rate; all of them are listed in {path}",
    )


def _run_edit(step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop) -> StepResult:
    assert step.params is not None
    site, before = shop.site(plan), done[-1]
    survey = _survey(step, before, plan, shop.store)
    items = [
        EditItem(site, step.stage, step.name, step.params, _edit_key(step, plan), shard.shard, survey=survey)
        for shard in before.shards
    ]
    shards = _map_shards(edit_work, items, before, step, shop)
    left = _clean_doors(step, done, plan, shop) if cleans_doors(step) else {}
    stage: Any = STAGES[step.stage].stage
    notes = dict(stage.notes(step.params)) if hasattr(stage, "notes") else {}
    counts = sum((Counter(shard.counts) for shard in shards), Counter[str]())
    notes |= dict(sorted(counts.items()))
    key = _stage_key(step, done, plan, {})
    return StepResult(step.name, step.stage, key, shards, before.rows, notes, left=left)


def _survey(step: Step, before: StepResult, plan: Plan, store: Store) -> Any:
    """Return what an edit stage wants to know of the whole corpus before it sees a batch; None if nothing."""
    stage: Any = STAGES[step.stage].stage
    if not hasattr(stage, "survey"):
        return None
    tables = []
    for shard in before.shards:
        present = store.metadata("shards", shard.shard).schema.to_arrow_schema().names
        columns = [name for name in stage.surveys(step.params) if name in present]
        tables.append(store.read_table("shards", shard.shard, columns=columns))
    table = pa.concat_tables(tables, promote_options="permissive") if tables else None
    return stage.survey(table, step.params, plan.recipe.seed)


def _clean_doors(
    step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop
) -> dict[str, ShardResult]:
    """Let what earlier steps dropped pass through this one: it leaves by a door as well."""
    assert step.params is not None
    site, edit_key = shop.site(plan), _edit_key(step, plan)
    keys = [key for _, key in dropped_tables(done)]
    items = [EditItem(site, step.stage, step.name, step.params, edit_key, key, left=True) for key in keys]
    tick = shop.reporter.phase(step.name, "records dropped before", len(items)) if items else (lambda _: None)
    cleaned = {}
    for key, result in zip(keys, shop.runner.map(edit_work, items), strict=True):
        cleaned[key] = result
        tick(1)
    return cleaned


def _run_judge(step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop) -> StepResult:
    before = done[-1]
    known = known_fits(step, plan, shop) or {}
    judging = _judging(step, done, plan, shop, known)
    # No texts teach nothing and have no numbers: there is nothing a stage could decide on.
    fits = learnt(step, judging, plan, shop, known) if before.rows else known
    judging = replace(judging, fits=fits)
    decision = judging.decide(**_extra(step, plan)) if before.rows else Decision(Changes())
    decision = _overruled(decision, step, before, plan, shop.store)
    shards = _carry_out(decision, step, before, plan, shop)
    key = _stage_key(step, done, plan, fits)
    return StepResult(
        step.name,
        step.stage,
        key,
        shards,
        before.rows,
        dict(decision.notes),
        decision.thresholds,
        decision.gates,
        fits,
        tuple(judging.used),
    )


def _overruled(decision: Decision, step: Step, before: StepResult, plan: Plan, store: Store) -> Decision:
    """Take out of a gate's decision what it says of texts that a person accepted, and count them."""
    allowed = accepted(plan.steps) if is_gate(step) else frozenset()
    changes = decision.changes.table()
    if not allowed or not changes.num_rows:
        return decision
    roots = pa.array(sorted({root for root, _ in allowed}), pa.string())
    exempt: list[str] = []
    for shard in before.shards:
        table = store.read_table("shards", shard.shard, columns=["id", "root", *TEXT_COLUMNS])
        table = table.filter(pc.is_in(table["root"], value_set=roots))
        pairs = zip(table["root"].to_pylist(), text_keys(table), strict=True)
        exempt += [id_ for id_, pair in zip(table["id"].to_pylist(), pairs, strict=True) if pair in allowed]
    condemned = pc.is_in(changes["id"], value_set=pa.array(exempt, pa.string()))
    count = len(pc.unique(changes["id"].filter(condemned)))
    return replace(
        decision,
        changes=decision.changes.without(exempt),
        notes={**decision.notes, "accepted_by_people": count},
    )


def _judging(
    step: Step, done: Sequence[StepResult], plan: Plan, shop: Workshop, fits: dict[str, str]
) -> Judging:
    assert step.params is not None
    return Judging(
        site=shop.site(plan),
        store=shop.store,
        runner=shop.runner,
        stage=STAGES[step.stage].stage,
        stage_key=step.stage,
        name=step.name,
        params=step.params,
        shards=tuple(shard.shard for shard in done[-1].shards),
        fits=fits,
        phase=lambda what, total: shop.reporter.phase(step.name, what, total),
        used=[],
        prior_ids=_prior_ids(plan),
    )


def _carry_out(
    decision: Decision, step: Step, before: StepResult, plan: Plan, shop: Workshop
) -> tuple[ShardResult, ...]:
    """Hand every shard its own part of the decision."""
    changes, columns = decision.changes.table(), decision.columns
    site = shop.site(plan)
    tables = [shop.store.read_table("shards", s.shard, columns=["id"]) for s in before.shards]
    ids = pa.concat_tables(tables).column("id").combine_chunks()
    ends = np.cumsum([table.num_rows for table in tables])
    target = pc.if_else(pc.equal(changes["action"], ADD), changes["root"], changes["id"])
    place = pc.index_in(target, value_set=ids)
    if place.null_count:
        raise LineageError(f"stage {step.name!r} decided on {place.null_count} records that do not exist")
    owner = np.searchsorted(ends, place.to_numpy(), side="right")
    if columns is not None:
        columns = columns.take(pc.index_in(ids, value_set=columns.column("id")))
    items = []
    for number, (shard, table) in enumerate(zip(before.shards, tables, strict=True)):
        own = changes.filter(pa.array(owner == number))
        start = int(ends[number]) - table.num_rows
        decided = None if columns is None else columns.slice(start, table.num_rows)
        items.append(ApplyItem(site, step.name, shard.shard, own, decided))
    return _map_shards(apply_work, items, before, step, shop)


def _map_shards(
    work: Any, items: list[Any], before: StepResult, step: Step, shop: Workshop
) -> tuple[ShardResult, ...]:
    # A total of 0 would be taken for a remark.
    tick: Tick = shop.reporter.phase(step.name, "records", before.rows) if before.rows else (lambda _: None)
    results = []
    for shard, result in zip(before.shards, shop.runner.map(work, items), strict=True):
        results.append(result)
        tick(shard.rows)
    return tuple(results)


def _extra(step: Step, plan: Plan) -> dict[str, Any]:
    """Return what only some decisions need: the seed, and the assignments of a prior build."""
    if not hasattr(STAGES[step.stage].stage, "prior"):
        return {}
    prior = prior_path(step, plan.base) if prior_of(step) else None
    table = None
    if prior is not None:
        table = pq.read_table(prior, columns=["root", "split", "status"], partitioning=None)
        table = table.filter(pc.equal(table["status"], "kept"))
    return {"seed": plan.recipe.seed, "prior": table}


def _prior_ids(plan: Plan) -> pa.Array | None:
    """Return the records that the recipe's prior build kept, so that what it split is not replaced by a twin."""
    path = recipe_prior(plan)
    if path is None:
        return None
    table = pq.read_table(path, columns=["id", "status"], partitioning=None)
    return table.filter(pc.equal(table["status"], "kept")).column("id").combine_chunks()


def _to_json(result: StepResult) -> Any:
    value = asdict(result)
    del value["cached"], value["seconds"]
    return value


def _load(store: Store, key: str) -> StepResult | None:
    value: Any = store.read_json("steps", key)
    if value is None:
        return None
    shards = tuple(ShardResult(**shard) for shard in value.pop("shards"))
    left = {key: ShardResult(**shard) for key, shard in value.pop("left").items()}
    thresholds = tuple(Threshold(**one) for one in value.pop("thresholds"))
    gates = tuple(DatasetGate(**one) for one in value.pop("gates"))
    if not all(is_whole(store, shard) for shard in (*shards, *left.values())):
        return None
    used = tuple(value.pop("used"))
    return StepResult(shards=shards, left=left, used=used, thresholds=thresholds, gates=gates, **value)
