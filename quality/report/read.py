"""Reads a build's documented files (manifest.json, records.parquet, ledger.parquet, rejects.jsonl) for the report.

They are formats at the doors of the house, so the page can be made anew from a folder alone, on another machine
and after the store is gone; nothing here knows what a record or a stage does. Tables are read a row group or a
column at a time and numbers stay in Arrow and NumPy, so memory does not grow with the texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quality.report.augmentation import read_augmentation
from quality.report.distributions import IDENTIFIED, distribution, languages_of
from quality.report.events import Events, read_events, similarities
from quality.report.examples import Key, with_examples
from quality.report.inputs import (
    Counts,
    Distribution,
    Fit,
    Gate,
    Inputs,
    Language,
    Model,
    PersonalData,
    Reject,
    Review,
    SourceFile,
    Stage,
    Threshold,
)
from quality.report.words import evidence_label

LENGTHS = ("prompt_chars", "response_chars")
_NOT_MEASURES = frozenset({"line", "heuristics_chars"})  # the latter is the length of the response once more
_FIRST = ("perplexity", "perplexity_given_prompt", "ifd", "relevance", "toxicity")
_REJECTS_SHOWN = 10


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a build folder.

    Raises:
        ValueError: the folder is not a finished build.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} is not a finished build: it holds no readable manifest.json") from error
    if not isinstance(manifest, dict) or "stages" not in manifest:
        raise ValueError(f"{folder}/manifest.json is not the manifest of a build")
    return manifest


def read_inputs(folder: Path, manifest: Mapping[str, Any]) -> Inputs:
    """Return what the report says of a build.

    Args:
        folder: holds records.parquet, ledger.parquet and rejects.jsonl.
        manifest: the build's manifest; what an older one lacks is shown as absent.

    Raises:
        OSError, pyarrow.ArrowInvalid: a file is missing or damaged.
    """
    stages = manifest["stages"]
    seen = read_events(folder / "ledger.parquet")
    counts: dict[Key, int] = {
        (stage["name"], action, reason): count
        for stage in stages
        for action, reasons in stage["reasons"].items()
        for reason, count in reasons.items()
    }
    thresholds = _thresholds(manifest.get("thresholds", ()), seen)
    languages, distributions = _read_records(folder / "records.parquet", thresholds)
    scrubs = [stage for stage in stages if stage["stage"] == "scrub"]
    missing = {kind for stage in scrubs for kind in stage["notes"].get("kinds_without_recogniser", ())}
    return Inputs(
        name=manifest["name"],
        seed=manifest["seed"],
        build_key=manifest["build_key"],
        counts=_counts(manifest["counts"]),
        files=tuple(_file(each) for each in manifest["inputs"]),
        stages=tuple(_stage(each) for each in stages),
        gates=_gates(manifest.get("gates", ())),
        thresholds=thresholds,
        reasons=with_examples(counts, seen.draw.events(), folder, [stage["name"] for stage in stages]),
        distributions=(*distributions, *similarities(seen)),
        languages=languages,
        personal=_personal(counts, seen),
        scrubbed=bool(scrubs),
        not_looked_for=tuple(sorted(missing)),
        models=tuple(
            Model(each.get("kind", ""), each["name"], each["revision"], each["sha256"])
            for each in manifest["models"]
        ),
        fits=tuple(
            Fit(each["name"], name, key) for each in stages for name, key in sorted(each["fits"].items())
        ),
        versions=tuple(sorted(manifest["versions"].items())),
        rejects=_rejects(folder / "rejects.jsonl"),
        augmentation=read_augmentation(folder / "records.parquet"),
        review=tuple(_review(each) for each in stages if each["stage"] == "review"),
    )


def _counts(counts: Mapping[str, Any]) -> Counts:
    names = ("units", "rejected", "records", "added", "dropped", "kept")
    return Counts(**{n: counts[n] for n in names}, queued=counts["review_queue"], splits=counts["splits"])


def _file(item: Mapping[str, Any]) -> SourceFile:
    rejected = item["units"] - item["parsed"]
    return SourceFile(item["source"], item["file"], item["format"], item["units"], rejected, item["digest"])


def _stage(item: Mapping[str, Any]) -> Stage:
    names = ("name", "stage", "records_in", "records_out", "dropped", "added")
    return Stage(**{name: item[name] for name in names})


def _gates(gates: Sequence[Mapping[str, Any]]) -> tuple[Gate, ...]:
    names = ("name", "value", "threshold", "at_least", "held", "sentence", "stage")
    return tuple(Gate(**{name: gate[name] for name in names}) for gate in gates)


def _thresholds(told: Sequence[Mapping[str, Any]], seen: Events) -> tuple[Threshold, ...]:
    """Return the thresholds that the manifest declares, and of other measures those that the evidence names."""
    names = ("measure", "low", "high", "action", "group", "why", "stage")
    declared = [Threshold(**{name: each[name] for name in names}) for each in told]
    known = {each.measure for each in declared}
    return (*declared, *(each for each in seen.bounds if each.measure not in known))


def _read_records(
    path: Path, thresholds: Sequence[Threshold]
) -> tuple[tuple[Language, ...], tuple[Distribution, ...]]:
    schema = pq.read_schema(path)
    measures = [
        field.name
        for field in schema
        if (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
        and field.name not in _NOT_MEASURES
    ]
    named = {each.measure for each in thresholds}
    # What something was decided by comes first; the order is otherwise that of the files.
    ordered = sorted(measures, key=lambda name: (name not in _FIRST, name not in named))
    by_lang = ["lang", "status", *(n for n in (IDENTIFIED,) if n in schema.names)]
    table = pq.read_table(path, columns=by_lang, partitioning=None)
    groups = languages_of(table)
    found = []
    for name, values in (*_lengths(path).items(), *_columns(path, ordered)):
        own = [each for each in thresholds if each.measure == name]
        found.append(distribution(name, values, groups, own))
    return _languages(groups, table["status"]), tuple(each for each in found if each is not None)


def _columns(path: Path, names: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for name in names:
        column = pq.read_table(path, columns=[name], partitioning=None)[name]
        yield name, column.cast(pa.float64()).to_numpy()


def _lengths(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the characters of every prompt and response, reading the texts of one row group at a time."""
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in LENGTHS}
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, columns=["instruction", "input", "output"])
            size = {name: pc.utf8_length(rows[name]) for name in rows.column_names}
            parts["prompt_chars"].append(pc.add(size["instruction"], size["input"]).to_numpy())
            parts["response_chars"].append(size["output"].to_numpy())
    return {name: np.concatenate(each).astype(np.float64) for name, each in parts.items() if each}


def _languages(groups: pa.DictionaryArray, status: pa.ChunkedArray) -> tuple[Language, ...]:
    table = pa.table({"lang": groups.cast(pa.string()), "kept": pc.equal(status, "kept").cast(pa.int64())})
    summed = table.group_by("lang").aggregate([("kept", "sum"), ("kept", "count")]).to_pylist()
    ordered = sorted(summed, key=lambda row: (-row["kept_count"], row["lang"]))
    return tuple(Language(r["lang"], r["kept_sum"], r["kept_count"] - r["kept_sum"]) for r in ordered)


def _personal(counts: Mapping[Key, int], seen: Events) -> tuple[PersonalData, ...]:
    records: dict[str, int] = {}
    for (_, action, reason), count in counts.items():
        if reason.startswith("pii.") and action == "edit":
            records[reason] = records.get(reason, 0) + count
    ordered = sorted(records.items(), key=lambda item: (-item[1], item[0]))
    return tuple(PersonalData(r.removeprefix("pii."), n, seen.values.get(r, 0)) for r, n in ordered)


def _rejects(path: Path) -> tuple[Reject, ...]:
    counts: dict[str, int] = {}
    examples: dict[str, list[tuple[str, str]]] = {}
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            reason = row["reason"]
            counts[reason] = counts.get(reason, 0) + 1
            listed = examples.setdefault(reason, [])
            if len(listed) < _REJECTS_SHOWN:
                listed.append((f"{row['source']}: {row['file']}:{row['line']}", row["detail"]))
    ordered = sorted(counts, key=lambda reason: (-counts[reason], reason))
    return tuple(Reject(reason, counts[reason], tuple(examples[reason])) for reason in ordered)


def _review(stage: Mapping[str, Any]) -> Review:
    facts = ((evidence_label(key), _told(value)) for key, value in stage["notes"].items())
    return Review(stage["name"], tuple(facts))


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
