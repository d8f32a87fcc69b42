"""The methods of augmentation, by name. Adding one = its file, a line here, and its params in the union."""

from __future__ import annotations

from typing import Any, TypeAlias

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, Method, MethodParams, NoChild

METHODS: dict[str, Method[Any]] = {}

AnyMethodParams: TypeAlias = MethodParams

__all__ = [
    "METHODS",
    "Answer",
    "AnyMethodParams",
    "Ask",
    "Child",
    "Guard",
    "Method",
    "MethodParams",
    "NoChild",
]
