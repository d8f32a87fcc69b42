"""What a build shows while it runs: the plan, a bar per part of a step, and a table at the end."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipeline.judging import Tick
from pipeline.stages import STAGES, remarks
from pipeline.steps import Plan, StepResult, cleans_doors, identities

if TYPE_CHECKING:
    from rich.console import Console


class Bars:
    """Shows a rich progress bar for every part of every step, with rate and time left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def phase(self, step: str, what: str, total: int) -> Tick:
        """Begin a bar; a total of 0 is a remark that stays on the screen."""
        if not total:
            self._console.print(f"  {step}: {what}", highlight=False)
            return lambda _: None
        task = self._progress.add_task(f"{step}: {what}", total=total, rate="")

        def tick(done: int) -> None:
            speed = self._progress.tasks[self._progress.task_ids.index(task)].speed
            self._progress.update(task, advance=done, rate=f"{speed:,.0f}/s" if speed else "")
            if self._progress.tasks[self._progress.task_ids.index(task)].finished:
                self._progress.remove_task(task)

        return tick

    def done(self, result: StepResult) -> None:
        """Print one line for a step that has ended."""
        state = "already done" if result.cached else f"{result.seconds:.1f} s"
        rate = ""
        if not result.cached and result.seconds > 0.05:
            rate = f", {max(result.records_in, result.rows) / result.seconds:,.0f} records/s"
        change = (
            f"{result.records_in:,} → {result.rows:,}" if result.stage != "ingest" else f"{result.rows:,}"
        )
        self._console.print(
            f"  [bold]{result.step:<14}[/] {change:>18} records  [dim]{state}{rate}[/]",
            highlight=False,
        )


NOT_SCRUBBED = "no stage removes personal data (`scrub`): what stands in the input reaches the output"

_MOST_NOTES = 6  # of what was left out within units that are printed

_NOTES = {
    "semantic_by_lexical_embedder": "are in a language that the embedder does not cover: their meaning was "
    "compared by their words alone (a lexical embedder fitted on this corpus)",
    "semantic_not_measured": "are longer than the embedder reads, or empty: semantic similarity not measured",
    "not_measured": "were not measured: too little text in their language, or nothing to read (see manifest.json)",
    "records_over_neighbour_cap": "had more look-alikes than `max_neighbours`: the closest were compared",
}
"""What a count in a stage's notes means, for those that a reader of the screen should know of."""


def print_plan(console: Console, plan: Plan, out: str, store: str, runner: str) -> None:
    """Print what will be read, done and written, and with which models."""
    from rich.markup import escape

    recipe = plan.recipe
    console.print(f"[bold]{escape(recipe.name)}[/]  seed {recipe.seed}, {runner}", highlight=False)
    for spec in recipe.sources:
        files = [item.file for item in plan.inputs if item.spec.name == spec.name]
        size = sum(file.size for file in files) / 1e6
        noun = "file" if len(files) == 1 else "files"
        console.print(f"  read    {escape(spec.name)}: {len(files)} {noun}, {size:,.1f} MB", highlight=False)
    for step in plan.steps[1:]:
        used = ", ".join(identity.name for identity in identities(step))
        purpose = STAGES[step.stage].purpose
        console.print(
            f"  stage   {escape(step.name)}: {purpose}"
            + (f" [dim](model: {escape(used)})[/]" if used else ""),
            highlight=False,
        )
        for remark in remarks(step.params) if step.params else ():
            console.print(f"            {escape(remark)}", highlight=False)
    if not any(map(cleans_doors, plan.steps)):
        console.print(f"  [yellow]note[/]    {NOT_SCRUBBED}", highlight=False)
    formats = ", ".join(export.format for export in recipe.exports)
    console.print(f"  write   {escape(out)}: {formats}  [dim](store: {escape(store)})[/]", highlight=False)


def _encodings(inputs: list[dict[str, Any]]) -> list[str]:
    """Return a line for every encoding but UTF-8 that files were read in: it was told by their bytes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in inputs:
        if file.get("encoding", "utf-8") not in ("", "utf-8"):
            found.setdefault(file["encoding"], []).append(file)
    lines = []
    for encoding, files in sorted(found.items()):
        least = min(files, key=lambda file: float(file["encoding_confidence"]))
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        sure = f"confidence {least['encoding_confidence']:.2f}"
        lines.append(f"ingest: read as {encoding} ({sure}; `encoding:` overrules): {least['file']}{more}")
    return lines


def _shapes(inputs: list[dict[str, Any]]) -> list[str]:
    """Return a line for the shapes of the units, where there are several, and one for what units left out."""
    shapes: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    for file in inputs:
        shapes.update(file.get("shapes", {}))
        notes.update(file.get("notes", {}))
    lines = []
    if len(shapes) > 1:
        lines.append("ingest: " + ", ".join(f"{name} {count:,}" for name, count in shapes.most_common()))
    if notes:
        told = ", ".join(f"{what} {count:,}" for what, count in notes.most_common(_MOST_NOTES))
        more = (
            f" and {len(notes) - _MOST_NOTES} kinds more (manifest.json)" if len(notes) > _MOST_NOTES else ""
        )
        lines.append(f"ingest: within units: {told}{more}")
    return lines


def print_result(console: Console, manifest: dict[str, Any], out: str) -> None:
    """Print the table of counts per stage and reason, and where to look next."""
    from rich.markup import escape
    from rich.table import Table

    counts = manifest["counts"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("stage", "action", "reason"):
        table.add_column(name)
    table.add_column("records", justify="right")
    rejected = counts["rejected"]
    table.add_row("ingest", "read", f"{counts['units']:,} units", f"{counts['records']:,}")
    if rejected:
        table.add_row("ingest", "reject", "see rejects.jsonl", f"{rejected:,}")
    for stage in manifest["stages"]:
        for action, reasons in stage["reasons"].items():
            for reason, count in reasons.items():
                table.add_row(stage["name"], action, reason, f"{count:,}")
    console.print()
    console.print(table)
    for stage in manifest["stages"]:
        for note, meaning in _NOTES.items():
            if count := stage["notes"].get(note, 0):
                console.print(f"{stage['name']}: {count:,} records {meaning}", highlight=False)
    for gate in manifest["gates"]:
        state = {True: "[green]held[/]", False: "[red]fell short[/]", None: "[yellow]not measured[/]"}
        console.print(
            f"gate {gate['name']}: {state[gate['held']]}: {escape(gate['sentence'])}", highlight=False
        )
    for line in (*_encodings(manifest["inputs"]), *_shapes(manifest["inputs"])):
        console.print(line, highlight=False, markup=False)
    splits = ", ".join(f"{name} {rows:,}" for name, rows in counts["splits"].items())
    console.print(
        f"\n[bold]{counts['kept']:,} kept[/] ({splits}), {counts['dropped']:,} dropped, "
        f"{rejected:,} rejected, out of {counts['units']:,} units",
        highlight=False,
    )
    console.print("\nlook next at", highlight=False)
    data = sorted(name for name in manifest["outputs"] if name.startswith("data/"))
    first = next((name for name in data if name.endswith("/train.jsonl")), data[0])
    lines = [
        (f"{out}/{first}", "what to train on"),
        (f"{out}/report/index.html", "the report, for a browser: what was done and why, with examples"),
        (f"{out}/README.md", "the dataset card: sources, counts, reasons"),
        (f"{out}/ledger.parquet", "every change, with its reason and evidence"),
    ]
    if counts["review_queue"]:
        lines.append((f"{out}/review/queue.jsonl", f"{counts['review_queue']:,} records for people to judge"))
    lines.append((f"python -m pipeline explain {first}:1 --build {out}", "the life of one record"))
    width = max(len(path) for path, _ in lines)
    for path, what in lines:
        console.print(f"  {path:<{width}}  {what}", highlight=False, soft_wrap=True, markup=False)
