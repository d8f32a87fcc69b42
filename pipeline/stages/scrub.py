"""Replaces personal data in every text of a record and in its meta, one edit a kind.

What is personal is found by `quality.pii`, by the recipe's own patterns and lists, and by a model if the recipe
names one; what stands in its place is made by `quality.scrub`. The ledger learns kind, column, position, count
and recogniser, never a value. Records that earlier stages dropped pass through here on their way to
records.parquet (the engine sees to that: `cleans_doors`). Rejected: scrubbing in the exports alone (the ledger,
the queue and records.parquet are doors, too), one edit for all kinds (nobody could count them), scrubbing first
of all (language and duplicates are told better by what people wrote).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.change import Changes, Scalar
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.stages.scrub_params import NerParams, ScrubParams
from pipeline.stages.scrub_texts import Draft, changed_columns, drafts
from quality.pii import RECOGNISERS, Span, find
from quality.scrub import Policy, Scrubbed, Shown, denied_spans, folded, pattern_spans, scrub

_MOST_PLACES = 20


class Scrub:
    """The stage; see the module."""

    name = "scrub"
    version = 1
    cleans_doors = True

    def needs(self, params: ScrubParams) -> tuple[Need, ...]:
        """Return the model that finds names, if there is one."""
        return (Need("tagger", params.ner.model),) if params.ner else ()

    def prepared(self, params: ScrubParams, base: Path) -> ScrubParams:
        """Return the parameters with the key's place made absolute, after looking whether it is there.

        Raises:
            RecipeError: the key is missing, short, or can be read by others.
        """
        if not params.needs_key():
            return params
        bound = params.model_copy(update={"key": params.key.at(base)})
        bound.key.read()
        return bound

    def settings(self, params: ScrubParams) -> dict[str, object]:
        """Return what the texts depend on: the key's fingerprint, not the place where it lies."""
        told = params.model_dump(mode="json", exclude={"key", "name"})
        return {**told, "key": params.key.fingerprint() if params.needs_key() else ""}

    def notes(self, params: ScrubParams) -> dict[str, str | int | float | bool | list[str]]:
        """Return what the manifest should say: which recognisers ran, and which key it was."""
        running, missing = _recognisers(params)
        notes: dict[str, str | int | float | bool | list[str]] = {"recognisers": running}
        if missing:
            notes["kinds_without_recogniser"] = missing
        if params.needs_key():
            notes["key_fingerprint"] = params.key.fingerprint()
        return notes

    def remarks(self, params: ScrubParams) -> list[str]:
        """Return what a reader of the plan should know: how each kind is replaced, and what looks for it."""
        by_manner: dict[str, list[str]] = {}
        for kind, manner in params.manners().items():
            by_manner.setdefault(manner, []).append(kind)
        lines = [f"{manner}: {', '.join(kinds)}" for manner, kinds in by_manner.items()]
        running, missing = _recognisers(params)
        own = [name for name in ("patterns", "deny") if getattr(params, name)]
        lines.append(f"found by {', '.join([*running, *own]) or 'nothing'}")
        if params.ner:
            lines.append(f"and by the model {params.ner.model.name}: {', '.join(sorted(params.ner.labels))}")
        elif "name" in params.kinds and "name" not in missing:
            lines.append("names by context and lexicon alone: no model is named (`ner:`)")
        if missing:
            lines.append(f"NOT looked for, no recogniser knows them: {', '.join(missing)}")
        if params.needs_key():
            lines.append(f"key: {params.key.shown} (fingerprint {params.key.fingerprint()})")
        return lines

    def edit(self, batch: pa.Table, params: ScrubParams, models: Models) -> Changes:
        """Return one edit a kind that a record holds, and a drop if the recipe drops records with such a kind."""
        changes = Changes()
        listed = list(drafts(batch))
        shown = [
            [(place.before, text) for place, text in zip(draft.places, draft.texts, strict=True)]
            for draft in listed
        ]
        for draft, scrubbed in zip(listed, _scrub(shown, params, models), strict=True):
            if any(scrubbed.marks):
                _write(draft, scrubbed, params, changes)
        return changes

    def clean(self, texts: Sequence[str], params: ScrubParams, models: Models) -> list[str]:
        """Return loose texts (why a unit was rejected) without personal data."""
        done = _scrub([[("", text)] for text in texts], params, models)
        return [scrubbed.texts[0] for scrubbed in done]


def _scrub(records: Sequence[Sequence[Shown]], params: ScrubParams, models: Models) -> list[Scrubbed]:
    policy = Policy(
        manners=params.manners(),
        key=params.key.read() if params.needs_key() else b"",
        allow=frozenset(map(folded, params.allow)),
        own_kinds=params.own_kinds(),
    )
    return scrub(records, lambda shown: _detect(shown, params, models), policy)


def _detect(shown: Sequence[Shown], params: ScrubParams, models: Models) -> list[list[Span]]:
    kinds, patterns = frozenset(params.kinds), params.pattern_lists()
    found = []
    for before, text in shown:
        spans = find(text, kinds)
        if before:
            spans += _within(find(before + text, kinds), len(before))
        spans += pattern_spans(text, patterns)
        spans += denied_spans(text, params.deny)
        found.append(spans)
    if params.ner is not None:
        told = _told(shown, params.ner, models)
        found = [[*ours, *theirs] for ours, theirs in zip(found, told, strict=True)]
    return found


def _within(spans: Sequence[Span], start: int) -> list[Span]:
    """Return the spans that lie behind a place, counted from there."""
    return [
        Span(span.start - start, span.end - start, span.kind, span.score, span.by)
        for span in spans
        if span.start >= start
    ]


def _told(shown: Sequence[Shown], ner: NerParams, models: Models) -> list[list[Span]]:
    """Return what the model finds: its labels as kinds, its scores held below those of exact recognisers."""
    tagger = models.tagger(ner.model)
    return [
        [
            Span(each.start, each.end, ner.labels[each.label], min(each.score, 0.9), "model")
            for each in entities
            if each.label in ner.labels and each.score >= ner.min_score
        ]
        for entities in tagger.entities([text for _, text in shown])
    ]


def _write(draft: Draft, scrubbed: Scrubbed, params: ScrubParams, changes: Changes) -> None:
    kinds, manners = scrubbed.kinds(), params.manners()
    before = draft.texts
    for number, kind in enumerate(kinds):
        after = scrubbed.without(kinds[number + 1 :])
        fields = changed_columns(draft, before, after)
        evidence = _evidence(draft, scrubbed, kind)
        if not fields:
            fields = {
                name: draft.column(name, after) for name in dict.fromkeys(_columns(draft, scrubbed, kind))
            }
        changes.edit(draft.id, f"pii.{kind}", {**evidence, "replaced_by": manners[kind]}, fields)
        before = after
    dropping = [kind for kind in kinds if manners[kind] == "drop_record"]
    if dropping:
        changes.drop(draft.id, f"pii.{dropping[0]}", {"kinds": dropping})


def _columns(draft: Draft, scrubbed: Scrubbed, kind: str) -> list[str]:
    return [
        place.column
        for place, marks in zip(draft.places, scrubbed.marks, strict=True)
        for mark in marks
        if mark.kind == kind
    ]


def _evidence(draft: Draft, scrubbed: Scrubbed, kind: str) -> dict[str, Scalar | Sequence[Scalar]]:
    """Return where a kind stood, as places in the texts that are left; never what stood there."""
    own = [
        (f"{place.shown} {mark.start}-{mark.end}", mark.by)
        for place, marks in zip(draft.places, scrubbed.marks, strict=True)
        for mark in marks
        if mark.kind == kind
    ]
    return {
        "count": len(own),
        "fields": list(dict.fromkeys(_columns(draft, scrubbed, kind))),
        "at": [where for where, _ in own[:_MOST_PLACES]],
        "by": sorted({by for _, by in own}),
    }


def _recognisers(params: ScrubParams) -> tuple[list[str], list[str]]:
    """Return the recognisers that run, and the kinds that none of them and no pattern, list or model may report."""
    wanted = set(params.kinds)
    running = {name: kinds & wanted for name, (kinds, _) in RECOGNISERS.items() if kinds & wanted}
    known = set().union(*running.values(), params.patterns, params.deny)
    known |= set(params.ner.labels.values()) if params.ner else set()
    return list(running), [kind for kind in params.kinds if kind not in known]
