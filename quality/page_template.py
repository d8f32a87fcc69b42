"""Compiles the template of a page: everything is escaped, and a name that it does not know is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template


def page_template(file: Path, filters: Mapping[str, Any]) -> Template:
    """Return the template of a file; `count` is a filter of every page, `filters` are its own."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": lambda number: f"{number:,}", **filters}
    return environment.get_template(file.name)
