"""What a build writes for a trainer: one line a record, in the shapes that trainers read.

A format is a function from a record's texts to a JSON object; `FORMATS` holds them. Lines stand in the order of the
sources, files and lines they came from, so that two equal builds are equal byte for byte, and line N of an
export is found again in records.parquet by its place (`python -m pipeline explain data/alpaca/train.jsonl:N`).
A key that not every record needs (`system`, `history`, `tools`) is in every line of the build or in none: loaders
take the columns of a file from its first lines. Rejected: options for key names (a trainer maps them; so does
`data/dataset_info.json`).
"""

from __future__ import annotations

from pipeline.export.formats import FORMATS, Row, column_types, optional_keys, render_line
from pipeline.export.llamafactory import dataset_info
from pipeline.export.options import Export

__all__ = ["FORMATS", "Export", "Row", "column_types", "dataset_info", "optional_keys", "render_line"]
