"""Answers about words and characters that come again and again, kept until there are too many of them.

A look-up is the dictionary's own, without a call in Python, so that `map` asks for all the words of a text at once.
Rejected: `functools.lru_cache`, whose order of use is a list in memory that each look-up has to walk to and mend: for
a hundred thousand keys that is several times the look-up. What is kept never changes an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


class Kept(dict[str, Answer]):
    """What a function answers for a string, by the string; all is forgotten when it is full."""

    __slots__ = ("_answer", "_most")

    def __init__(self, answer: Callable[[str], Answer], most: int) -> None:
        """Take a function of a string and the most answers to keep."""
        super().__init__()
        self._answer, self._most = answer, most

    def __missing__(self, key: str) -> Answer:
        """Ask the function, and keep what it says."""
        if len(self) >= self._most:
            self.clear()
        found = self[key] = self._answer(key)
        return found
