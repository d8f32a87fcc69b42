"""The dataset card: README.md of a build, with front matter that the Hugging Face hub accepts.

The front matter names every format as a configuration with its files, so `datasets.load_dataset(folder)`
loads the first one and `load_dataset(folder, "prompt_completion")` another. The text repeats the manifest's numbers
and says where to look next; it holds no time, so that equal builds have equal cards.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pipeline.export import column_types
from pipeline.markdown import front_matter, table_cell
from pipeline.recipe import Recipe

_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"),
)  # fmt: skip


def dataset_card(recipe: Recipe, manifest: dict[str, Any], keys: Collection[str] = ()) -> str:
    """Return the text of the card.

    Args:
        recipe: the recipe, whose `card` section gives title, description and licence.
        manifest: the build's manifest, without its outputs.
        keys: the optional keys that lines of the exports have.
    """
    counts = manifest["counts"]
    lines = [
        "---",
        _front_matter(recipe, counts, keys),
        "---",
        "",
        f"# {recipe.card.title or recipe.name}",
        "",
    ]
    if recipe.card.description:
        lines += [recipe.card.description, ""]
    lines += [
        f"{counts['kept']:,} records out of {counts['records']:,} that were read "
        f"({counts['rejected']:,} of {counts['units']:,} units could not be read).",
        "",
        "| split | records |",
        "|---|---:|",
        *(f"| {name} | {rows:,} |" for name, rows in counts["splits"].items()),
        "",
        "## Where the records come from",
        "",
        "| source | file | format | shape | units | rejected |",
        "|---|---|---|---|---:|---:|",
        *(
            f"| {item['source']} | {table_cell(item['file'])} | {item['format']} | {item['shape']} "
            f"| {item['units']:,} | {item['units'] - item['parsed']:,} |"
            for item in manifest["inputs"]
        ),
        "",
        "## What was done",
        "",
        "| stage | action | reason | records |",
        "|---|---|---|---:|",
        *(
            f"| {stage['name']} | {action} | `{reason}` | {count:,} |"
            for stage in manifest["stages"]
            for action, by_reason in stage["reasons"].items()
            for reason, count in by_reason.items()
        ),
        "",
        *_on_gates(manifest),
        *_on_personal_data(manifest),
        "In the folder of the build, `records.parquet` holds every record that ever was, `ledger.parquet` one "
        "row for every change with its evidence, `rejects.jsonl` what could not be read, `manifest.json` "
        "recipe, seed, counts, models, versions and digests.",
        "",
    ]
    return "\n".join(lines)


def _on_gates(manifest: dict[str, Any]) -> list[str]:
    """Return which dataset gates hold; nothing if no stage has one."""
    if not manifest["gates"]:
        return []
    state = {True: "held", False: "fell short", None: "not measured"}
    return [
        "## Does the set hold?",
        "",
        "| gate | value | threshold | |",
        "|---|---:|---:|---|",
        *(
            f"| {gate['name']} | {'–' if gate['value'] is None else round(gate['value'], 4)} "
            f"| {'≥' if gate['at_least'] else '≤'} {gate['threshold']} "
            f"| {state[gate['held']]}: {table_cell(gate['sentence'])} |"
            for gate in manifest["gates"]
        ),
        "",
    ]


def _on_personal_data(manifest: dict[str, Any]) -> list[str]:
    """Return what a user of the dataset must know of the personal data in it."""
    scrubs = [stage for stage in manifest["stages"] if stage.get("stage") == "scrub"]
    if not scrubs:
        return ["Personal data was not looked for: what stood in the sources stands in the records.", ""]
    missing = sorted(
        {kind for stage in scrubs for kind in stage["notes"].get("kinds_without_recogniser", ())}
    )
    said = f" Not looked for: {', '.join(missing)}." if missing else ""
    return [
        f"Personal data was looked for by program and replaced, which finds most of it and never all.{said}",
        "",
    ]


def _front_matter(recipe: Recipe, counts: dict[str, Any], keys: Collection[str]) -> str:
    front: dict[str, Any] = {"pretty_name": recipe.card.title or recipe.name}
    languages = sorted({source.lang for source in recipe.sources if source.lang})
    if languages:
        front["language"] = languages
    if recipe.card.license:
        front["license"] = recipe.card.license
    front["task_categories"] = ["text-generation"]
    front["tags"] = ["instruction-tuning"]
    front["size_categories"] = [next((name for most, name in _SIZES if counts["kept"] < most), "100M<n<1B")]
    filled = [name for name, rows in counts["splits"].items() if rows]
    front["configs"] = [
        {
            "config_name": export.format,
            **({"default": True} if number == 0 else {}),
            "data_files": [{"split": name, "path": f"data/{export.format}/{name}.jsonl"} for name in filled],
        }
        for number, export in enumerate(recipe.exports)
    ]
    typed = {export.format: column_types(export, keys) for export in recipe.exports}
    if any(typed.values()):
        front["dataset_info"] = [
            {"config_name": name, "features": types} for name, types in typed.items() if types
        ]
    return front_matter(front)
