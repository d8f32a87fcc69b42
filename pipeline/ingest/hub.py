"""Data sets of the Hugging Face hub, by id, as one Parquet file for each split.

The `datasets` library finds, fetches and caches them; its splits are written out once for each state of
the data set, and read the usual way. Rejected: reading the hub's own Parquet copies (not every data set
has them, and they lag behind).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.store import digest, replacing

if TYPE_CHECKING:
    from datasets import Dataset


def dataset_files(spec: SourceSpec, base: Path, cache: Path) -> list[tuple[str, Path]]:
    """Return the splits of a source's data set as (name, path) of Parquet files, fetched if needed.

    Args:
        spec: a source that names a data set.
        base: folder that a data set on this disk is relative to.
        cache: folder to keep the files.

    Raises:
        SourceError: it cannot be had, or has no such configuration or split.
    """
    assert spec.dataset is not None
    here = base / Path(spec.dataset).expanduser()
    origin = str(here) if here.is_dir() else spec.dataset
    files = []
    for split, rows in _splits(origin, spec).items():
        key = digest("dataset", spec.dataset, spec.config, split, rows._fingerprint)
        target = cache / key[:2] / key / f"{split}.parquet"
        if not target.exists():
            with replacing(target) as temporary:
                rows.to_parquet(str(temporary))
        files.append((target.name, target))
    return files


def _splits(origin: str, spec: SourceSpec) -> dict[str, Dataset]:
    from datasets import DatasetDict, disable_progress_bars, load_dataset

    disable_progress_bars()
    try:
        found = load_dataset(origin, spec.config, split=spec.split, revision=spec.revision)
    except Exception as error:  # the library raises what its many back ends raise
        raise _explained(error, spec) from error
    if isinstance(found, DatasetDict):
        return {str(name): rows for name, rows in found.items()}
    return {spec.split or str(found.split): found}


def _explained(error: Exception, spec: SourceSpec) -> SourceError:
    kind, said = type(error).__name__, str(error).split("\n", 1)[0][:300]
    where = f"source {spec.name}: the data set {spec.dataset!r}"
    if isinstance(error, ValueError) and ("Config" in said or "BuilderConfig" in said):
        return SourceError(f"{where} has no such configuration, or needs one: {said}", "correct `config:`")
    if isinstance(error, ValueError) and "split" in said.lower():
        return SourceError(
            f"{where} has no split {spec.split!r}: {said}", "correct `split:`, or leave it out"
        )
    return SourceError(
        f"{where} cannot be loaded ({kind}: {said})",
        "check its name and the network; a gated one needs `hf auth login`; without a network, fetch it before"
        f" with `hf download {spec.dataset} --repo-type dataset`, or name a folder that holds it",
        outside=isinstance(error, OSError),  # what its HTTP clients raise are OSErrors, too
    )
