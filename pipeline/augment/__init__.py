"""The methods of augmentation, by name. Adding one = its file, a line here, and its params in the union."""

from __future__ import annotations

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, Method, MethodParams, NoChild

__all__ = ["Answer", "Ask", "Child", "Guard", "Method", "MethodParams", "NoChild"]
