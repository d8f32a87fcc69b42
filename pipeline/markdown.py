"""Pieces of a card: front matter that the Hugging Face hub reads, and text in a table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any


def front_matter(front: Mapping[str, Any]) -> str:
    """Return YAML in block style, in the order of the keys, without the lines around it."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    yaml.dump(dict(front), stream)
    return stream.getvalue().rstrip("\n")


def table_cell(text: str) -> str:
    """Return a text as it may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")
