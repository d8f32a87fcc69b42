"""Fits: what the measures of a recipe's judge stages have learnt from the corpus, and which of them a build reuses.

A fit belongs to the recipe, the step and the measure's parameters, not to the corpus: so the next build of the same
recipe measures only what is new, and equals a full build under the same fits, until `--refit`.
"""

from __future__ import annotations

from typing import Any

from pipeline.judging import Judging, learn
from pipeline.stages import STAGES
from pipeline.steps import Plan, Step, Workshop
from pipeline.store import digest


def known_fits(step: Step, plan: Plan, shop: Workshop) -> dict[str, str] | None:
    """Return the fits that this recipe's earlier builds made, or None if one is missing."""
    found: dict[str, str] = {}
    for measure in _fitted_measures(step):
        if shop.refit:
            return None
        known = shop.store.read_json("fit-of", _fit_pointer(step, measure.params, measure.name, plan))
        if not isinstance(known, str) or not shop.store.has_table("fits", known):
            return None
        found[measure.name] = known
    return found


def _fitted_measures(step: Step) -> list[Any]:
    if step.kind != "judge":
        return []
    stage: Any = STAGES[step.stage].stage
    return [measure for measure in stage.measures(step.params) if measure.needs_fit]


def _fit_pointer(step: Step, params: object, measure: str, plan: Plan) -> str:
    return digest("fit-of", plan.environment, plan.recipe.name, step.name, measure, params)


def learnt(step: Step, judging: Judging, plan: Plan, shop: Workshop, known: dict[str, str]) -> dict[str, str]:
    """Return the fits of a step, making those that are not known and remembering them for the recipe."""
    fits = dict(known)
    for measure in _fitted_measures(step):
        if measure.name not in fits:
            fits[measure.name] = learn(judging, measure)
            pointer = _fit_pointer(step, measure.params, measure.name, plan)
            shop.store.write_json("fit-of", pointer, fits[measure.name])
    return fits
