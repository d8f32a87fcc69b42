"""What a run leaves: the adapter with its facts and card, the registry's entry, the manifest.

All of it is written from what was prepared and measured; nothing is asked of the model again. train.json and the card
lie in the adapter's folder, because that folder is what is copied elsewhere.
"""

from __future__ import annotations

import os
import platform
import resource
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import TrainError
from pipeline.store import file_sha256, replacing
from train.config import TrainRecipe
from train.facts import AdapterFacts, versions, write_facts
from train.loop.fit import Fitted
from train.methods import save_adapter
from train.prepare import Prepared
from train.shipping.card import Card, Score, write_card
from train.shipping.placing import placed_folder
from train.shipping.registry import Entry, register

FORMAT_VERSION = 1


def run_name(run: Prepared) -> str:
    """Return the run's name: the recipe's, or <build>-<method>."""
    return run.recipe.name or f"{run.build.name}-{run.params.method}"


def write_adapter(run: Prepared, tuned: Any, fitted: Fitted, folder: Path) -> None:
    """Write the adapter with its tokenizer and train.json, whole or not at all."""
    with placed_folder(folder, replaces=True) as made:
        save_adapter(tuned, made)
        run.tokenizer.save_pretrained(made)
        write_facts(made, facts_of(run, fitted))


def facts_of(run: Prepared, fitted: Fitted) -> AdapterFacts:
    """Return what must be known to use the adapter as it was trained."""
    recipe = run.recipe
    return AdapterFacts(
        method=run.params.method,
        quantisation=run.params.quantisation or "none",
        base={"name": run.identity.name, "revision": run.identity.revision, "sha256": run.identity.sha256},
        renderer={
            "name": run.renderer.name, "hash": run.renderer.hash, "system": recipe.data.system,
            "template": recipe.data.template,
        },
        build={"name": run.build.name, "digest": run.build.digest, "folder": recipe.build},
        max_length=recipe.data.max_length,
        seed=recipe.seed,
        best_step=fitted.best_step,
        validation_loss=fitted.best_loss,
        versions=versions(),
    )  # fmt: skip


def write_model_card(run: Prepared, fitted: Fitted, evaluation: Mapping[str, Any], folder: Path) -> None:
    """Write the adapter's README.md: what it is, what it was trained on, what it scores beside its base."""
    loop, data = run.recipe.training, run.recipe.data
    card = Card(
        name=run_name(run),
        base=run.recipe.model.hub or Path(run.recipe.model.folder or "").name,
        base_revision=run.identity.revision,
        base_on_hub=run.recipe.model.hub is not None,
        base_sha256=run.identity.sha256,
        method=run.params.method,
        quantisation=run.params.quantisation or "none",
        build=run.build.name,
        build_digest=run.build.digest,
        licence=run.build.licence(),
        dataset_on_hub="",
        languages=tuple(sorted({one.lang for one in run.examples["train"] if one.lang})),
        counts=counts(run),
        settings={
            "steps": fitted.steps, "best step": fitted.best_step, "epochs": loop.epochs, "batch_size": loop.batch_size,
            "accumulation": loop.accumulation, "learning_rate": loop.learning_rate, "schedule": loop.schedule,
            "warmup": loop.warmup, "max_grad_norm": loop.max_grad_norm, "rank": run.params.rank,
            "max_length": data.max_length, "packing": run.packing, "compute dtype": run.dtype, "seed": run.recipe.seed,
        },
        template=run.renderer.name,
        scores=card_scores(evaluation),
        limits=tuple(evaluation.get("notes", ())),
        versions=versions(),
    )  # fmt: skip
    write_card(card, folder)


def counts(run: Prepared) -> dict[str, int]:
    """Return how many records went where."""
    return {
        "train": len(run.train.examples) - run.replayed,
        "replayed": run.replayed,
        "validation": len(run.validation.examples),
        "test": len(run.examples.get("test", ())),
        "rejected": len(run.train.rejects) + len(run.validation.rejects),
        "cut": run.train.cut,
    }


def card_scores(evaluation: Mapping[str, Any]) -> list[Score]:
    """Return the scores of an evaluation, as results.json holds them, for the card."""
    found = []
    for split in evaluation.get("splits", ()):
        for score in split["scores"]:
            if score["base"] is not None and score["tuned"] is not None:
                inside = (score["low"], score["high"]) if score["low"] is not None else None
                found.append(Score(split["name"], score["metric"], score["base"], score["tuned"], inside))
    return found


def registry_scores(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores that promotion compares: `<split>.<metric>.base|tuned|low|high`."""
    found: dict[str, float] = {}
    for split in evaluation.get("splits", ()):
        for score in split["scores"]:
            for side in ("base", "tuned", "low", "high"):
                if score[side] is not None:
                    found[f"{split['name']}.{score['metric']}.{side}"] = float(score[side])
    return found


def register_run(run: Prepared, adapter: Path, evaluation: Mapping[str, Any], registry: Path) -> Entry:
    """Enter the adapter into the registry, with its scores."""
    return register(registry, adapter, run_name(run), registry_scores(evaluation))


def write_manifest(run: Prepared, fitted: Fitted, folder: Path, seconds: float) -> None:
    """Write manifest.json, which two equal runs have in common, and run.json, in which they differ."""
    outputs = {
        str(path.relative_to(folder)): file_sha256(path)
        for part in ("adapter", "evaluation", "review")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": run_name(run),
        "recipe": run.recipe.model_dump(mode="json"),
        "build": {"name": run.build.name, "digest": run.build.digest},
        "base": {"name": run.identity.name, "revision": run.identity.revision, "sha256": run.identity.sha256},
        "adapter": run.params.model_dump(mode="json"),
        "counts": counts(run),
        "rejects": dict(sorted(Counter(one.reason for one in run.train.rejects).items())),
        "packing": run.packing,
        "gradient_checkpointing": run.checkpointing,
        "dtype": run.dtype,
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "best_validation_loss": fitted.best_loss,
        "stopped": fitted.stopped,
        "facts": run.facts,
        "versions": versions(),
        "outputs": outputs,
    }
    facts = {
        "seconds": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "host": platform.node(),
        "machine": platform.machine(),
        "device": run.device,
        "cores": os.cpu_count() or 0,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    _write(folder / "manifest.json", manifest)
    _write(folder / "run.json", facts)


def read_run(folder: Path) -> tuple[TrainRecipe, Fitted]:
    """Return the recipe of a run and what came of its training, from its manifest.

    Raises:
        TrainError: there is no run, or its manifest is damaged or of a newer format.
    """
    path = folder / "manifest.json"
    try:
        content = orjson.loads(path.read_bytes())
        if content["format_version"] != FORMAT_VERSION:
            raise TrainError(
                f"{path} has format {content['format_version']}, and this version reads {FORMAT_VERSION}",
                "use the version that trained it",
            )
        fitted = Fitted(
            content["steps"], content["best_step"], content["best_validation_loss"], (), content["stopped"]
        )
        return TrainRecipe.model_validate(content["recipe"]), fitted
    except FileNotFoundError as error:
        raise TrainError(
            f"{folder} holds no run whose training is over: there is no manifest.json",
            "name a folder that `python -m train` wrote, or go on with it by --resume",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(
            f"{path} is damaged: {type(error).__name__}", "train anew, or restore the file"
        ) from error


def _write(path: Path, value: Mapping[str, Any]) -> None:
    with replacing(path) as made:
        made.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
