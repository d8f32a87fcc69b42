"""Named rules of the heuristics, read from `rules.txt` beside this file.

A rule is a regular expression with an id, and the id is what evidence quotes, never the text that matched.
Each section lists trigger words; a text that holds none of them is not searched, which makes the usual
case a few substring tests. Rejected: word lists inside the code (nobody reviews them), JSON (every
backslash doubled), and `\\b`, which sees no boundary between a Latin and a Chinese letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_MACRO = re.compile(r"%([A-Z][A-Z_]*)")
_EDGES = (("%<", "(?<![a-z0-9_])"), ("%>", "(?![a-z0-9_])"), ("%_", " "))


@dataclass(frozen=True, slots=True)
class Rule:
    """One named pattern over lower-cased text."""

    id: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Section:
    """The rules of one purpose and the words without which none of them can match."""

    name: str
    triggers: tuple[str, ...]
    rules: tuple[Rule, ...]
    ascii_triggers: tuple[str, ...] = ()

    def triggered(self, lowered: str) -> bool:
        """Return whether the text holds a trigger word, so that a rule could match at all."""
        if not self.triggers:
            return True
        for word in self.ascii_triggers if lowered.isascii() else self.triggers:  # noqa: SIM110  (a plain loop takes a third of the time of any)
            if word in lowered:
                return True
        return False

    def first(self, lowered: str) -> tuple[str, re.Match[str]] | None:
        """Return the id and the match of the first rule that matches, in the order of the file."""
        if not self.triggered(lowered):
            return None
        for rule in self.rules:
            match = rule.pattern.search(lowered)
            if match is not None:
                return rule.id, match
        return None

    def matches(self, lowered: str) -> bool:
        """Return whether any rule matches."""
        return self.first(lowered) is not None


@cache
def section(name: str) -> Section:
    """Return a section of `rules.txt`.

    Raises:
        KeyError: there is no such section.
    """
    return _sections()[name]


def section_names() -> tuple[str, ...]:
    """Return the names of all sections, in the order of the file."""
    return tuple(_sections())


@cache
def _sections() -> dict[str, Section]:
    return parse_rules((files(__package__) / "rules.txt").read_text(encoding="utf-8"))


def parse_rules(source: str) -> dict[str, Section]:
    """Parse the format of `rules.txt`.

    A line is `%MACRO = regex`, `[section]`, `triggers = a, b` or `rule.id = regex`; an indented line
    continues the one above; `#` starts a comment line. `%MACRO` is replaced by its regex in a group,
    `%<` and `%>` by the edges of a Latin word, `%_` by a space (for the start of a continued line).

    Raises:
        ValueError: a line is none of these, or names an unknown macro or a rule twice.
    """
    macros: dict[str, str] = {}
    rules: dict[str, dict[str, str]] = {}
    current = ""
    for number, line in _logical_lines(source):
        if line.startswith("[") and line.endswith("]"):
            current = line[1:-1]
            rules[current] = {}
            continue
        name, equals, value = (part.strip() for part in line.partition(" = "))
        target = macros if name.startswith("%") else rules.get(current)
        if not equals or target is None or name in target:
            raise ValueError(f"rules.txt:{number}: not a macro, section or new rule")
        target[name] = value if name == "triggers" else _expand(value, macros, number)
    return {name: _section(name, dict(lines)) for name, lines in rules.items()}


def _logical_lines(source: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for number, raw in enumerate(source.splitlines(), start=1):
        if not raw.strip() or raw.startswith("#"):
            continue
        if raw[0] == " " and lines:
            start, text = lines[-1]
            lines[-1] = (start, text + raw.strip())
        else:
            lines.append((number, raw.rstrip()))
    return lines


def _expand(value: str, macros: dict[str, str], number: int) -> str:
    def macro(match: re.Match[str]) -> str:
        name = f"%{match.group(1)}"
        if name not in macros:
            raise ValueError(f"rules.txt:{number}: unknown macro {name}")
        return f"(?:{macros[name]})"

    for edge, regex in _EDGES:
        value = value.replace(edge, regex)
    return _MACRO.sub(macro, value)


def _section(name: str, lines: dict[str, str]) -> Section:
    triggers = tuple(word.strip() for word in lines.pop("triggers", "").split(",") if word.strip())
    rules = tuple(Rule(id_, re.compile(regex)) for id_, regex in lines.items())
    return Section(name, triggers, rules, tuple(word for word in triggers if word.isascii()))
