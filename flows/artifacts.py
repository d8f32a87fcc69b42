"""What a run shows on its page: counts and reasons, gates, where to look next, and how far a long part has come.

All of it is read from the manifest: numbers, names of rules, sentences of gates, never a record's text. Links are
`file://` addresses, which a browser opens on the machine that built, or addresses below `served_at`, where the owner
serves the folder. Progress is shown only of parts that take their time, and a server that is away while it is told is
no reason to stop a build: that is said in the log, and told again at the next tick.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.decisions import gates as gates_held
from flows.tasks import run_log
from pipeline.judging import Tick
from pipeline.steps import StepResult

if TYPE_CHECKING:
    from uuid import UUID

LONG_SECONDS = 10.0
"""A part that takes less shows no progress."""

TICK_SECONDS = 5.0
"""Least time between two looks at the progress."""


def artifact_key(*parts: str) -> str:
    """Return a key as Prefect wants it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def count_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the counts of a build as rows: stage, action, reason, records."""
    counts = manifest["counts"]
    rows: list[dict[str, Any]] = [_row("ingest", "read", f"{counts['units']:,} units", counts["records"])]
    if counts["rejected"]:
        rows.append(_row("ingest", "reject", "see rejects.jsonl", counts["rejected"]))
    for stage in manifest["stages"]:
        for action, reasons in stage["reasons"].items():
            rows += [_row(stage["name"], action, reason, count) for reason, count in reasons.items()]
    rows += [_row("export", "write", split, count) for split, count in counts["splits"].items()]
    rows.append(_row("export", "keep", "all splits", counts["kept"]))
    return rows


def gate_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the dataset gates of a build as rows: gate, stage, result, sentence."""
    result = {True: "held", False: "fell short", None: "not measured"}
    return [
        {
            "gate": gate["name"],
            "stage": gate["stage"],
            "result": result[gate["held"]],
            "sentence": gate["sentence"],
        }
        for gate in manifest["gates"]
    ]


def look_next(manifest: Mapping[str, Any], target: Path, served_at: str) -> str:
    """Return Markdown that says what was kept and where to look."""
    counts = manifest["counts"]
    splits = ", ".join(f"{name} {rows:,}" for name, rows in counts["splits"].items())
    lines = [
        f"**{counts['kept']:,} kept** ({splits}), {counts['dropped']:,} dropped, {counts['rejected']:,} rejected, "
        f"out of {counts['units']:,} units.",
        "",
        f"{gates_held(manifest).sentence}",
        "",
        f"- [report]({address(target, 'report/index.html', served_at)}): what was done and why, with examples",
        f"- [dataset card]({address(target, 'README.md', served_at)})",
    ]
    if counts["review_queue"]:
        queue = address(target, "review/queue.jsonl", served_at)
        lines.append(f"- [review queue]({queue}): {counts['review_queue']:,} records for people to judge")
    lines += ["", f"Folder of the build: `{target.resolve()}`"]
    return "\n".join(lines)


def address(folder: Path, name: str, served_at: str) -> str:
    """Return where a browser finds a file of a folder."""
    return f"{served_at.rstrip('/')}/{name}" if served_at else (folder.resolve() / name).as_uri()


def publish_build(manifest: Mapping[str, Any], target: Path, served_at: str) -> None:
    """Show a build on the page of the current run."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    name = str(manifest["name"])
    create_table_artifact(count_rows(manifest), artifact_key(name, "counts"), "What became of every record")
    if manifest["gates"]:
        create_table_artifact(gate_rows(manifest), artifact_key(name, "gates"), "Dataset gates")
    look = look_next(manifest, target, served_at)
    create_markdown_artifact(look, artifact_key(name, "build"), "The build, and where to look next")


def score_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of a training as rows: split, score, base, tuned, difference and its interval, verdict."""
    rows = []
    for split in evaluation.get("splits", ()):
        for score in split["scores"]:
            told = {name: _number(score[name]) for name in ("base", "tuned", "difference", "low", "high")}
            rows.append(
                {"split": split["name"], "score": score["metric"], **told, "verdict": score["verdict"]}
            )
    return rows


def publish_training(name: str, evaluation: Mapping[str, Any], folder: Path, served_at: str) -> None:
    """Show the scores of a training run on the page of the current run."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    create_table_artifact(
        score_rows(evaluation), artifact_key(name, "scores"), "Tuned beside base, with 95% intervals"
    )
    page = address(folder, "evaluation/index.html", served_at)
    told = f"- [evaluation]({page}): base and tuned side by side\n\nFolder of the run: `{folder.resolve()}`"
    create_markdown_artifact(told, artifact_key(name, "training"), "The training, and where to look next")


def publish_sentence(name: str, what: str, sentence: str) -> None:
    """Show one sentence on the page of the current run."""
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(sentence, artifact_key(name, what), sentence)


class RunReporter:
    """Tells the run's log of every step that has ended, and its page how far a long part has come.

    Args:
        name: of the recipe, for the keys of artifacts.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._log = run_log()

    def phase(self, step: str, what: str, total: int) -> Tick:
        """Begin a part; a total of 0 is a remark for the log."""
        if not total:
            self._log.info("%s: %s", step, what)
            return lambda _: None
        return _Progress(self._log, artifact_key(self._name, "progress", step), f"{step}: {what}", total).tick

    def done(self, result: StepResult) -> None:
        """Log one line of counts."""
        state = "already done" if result.cached else f"{result.seconds:.1f} s"
        self._log.info(
            "%s: %s → %s records, %s", result.step, f"{result.records_in:,}", f"{result.rows:,}", state
        )


class _Progress:
    """The progress of one part: an artifact once it takes long."""

    def __init__(self, log: Any, key: str, what: str, total: int) -> None:
        self._log, self._key, self._what, self._total = log, key, what, total
        self._done = 0
        self._next = time.monotonic() + LONG_SECONDS
        self._shown: UUID | None = None

    def tick(self, done: int) -> None:
        """Hear of units that are done; show it from time to time."""
        self._done += done
        finished = self._done >= self._total
        if time.monotonic() < self._next and not (finished and self._shown):
            return
        self._next = time.monotonic() + TICK_SECONDS
        self._show(100.0 * self._done / self._total)

    def _show(self, percent: float) -> None:
        import httpx
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
        from prefect.context import TaskRunContext

        context = TaskRunContext.get()
        run = context.task_run if context else None
        # A client of its own gives up at once; the run's would ask a server that is away for a minute.
        client = get_client(sync_client=True, httpx_settings={"timeout": 5.0})
        try:
            if self._shown is None:
                wanted = ArtifactCreate(
                    key=self._key,
                    type="progress",
                    description=self._what,
                    data=percent,
                    task_run_id=run.id if run else None,
                    flow_run_id=run.flow_run_id if run else None,
                )
                self._shown = client.create_artifact(wanted).id
            else:
                client.update_artifact(self._shown, ArtifactUpdate(data=percent))
        except httpx.TransportError as error:
            self._log.warning("%s: progress could not be shown (%s)", self._what, type(error).__name__)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _row(stage: str, action: str, reason: str, records: int) -> dict[str, Any]:
    return {"stage": stage, "action": action, "reason": reason, "records": records}
