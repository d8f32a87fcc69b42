"""The file of rules: its format, its triggers, and regular expressions that stay linear."""

from __future__ import annotations

import time
from collections.abc import Iterable
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from quality.heuristics import examine
from quality.heuristics.lexicon import parse_rules, section, section_names

TRIGGERED = [name for name in section_names() if section(name).triggers]


def _always_holds_a_word(parsed: Iterable[tuple[object, Any]], words: tuple[str, ...]) -> bool:
    """Return whether every text that a parsed pattern matches holds one of the words."""
    run = ""
    for operation, argument in parsed:
        if operation is constants.LITERAL:
            run += chr(argument)
            if any(word in run for word in words):
                return True
            continue
        run = ""
        if operation is constants.SUBPATTERN:
            found = _always_holds_a_word(argument[3], words)
        elif operation is constants.BRANCH:
            found = all(_always_holds_a_word(branch, words) for branch in argument[1])
        elif operation in (constants.MAX_REPEAT, constants.MIN_REPEAT) and argument[0] >= 1:
            found = _always_holds_a_word(argument[2], words)
        elif operation is constants.IN:
            found = all(kind is constants.LITERAL and chr(code) in words for kind, code in argument)
        else:
            found = False
        if found:
            return True
    return False


@pytest.mark.parametrize("name", TRIGGERED)
def test_no_rule_can_match_a_text_without_a_trigger_word(name: str) -> None:
    found = section(name)
    blind = [
        rule.id
        for rule in found.rules
        if not _always_holds_a_word(parser.parse(rule.pattern.pattern), found.triggers)
    ]
    assert blind == []


def test_macros_edges_and_continued_lines_expand() -> None:
    rules = parse_rules("%BIRD = wren|owl\n[a.b]\ntriggers = wren, owl\nx.y = %<(?:%BIRD)\n %_flies%>\n")
    assert rules["a.b"].first("an owl flies by") is not None
    assert rules["a.b"].first("an owl flieson") is None
    assert rules["a.b"].first("growl flies") is None
    assert rules["a.b"].triggers == ("wren", "owl")


@pytest.mark.parametrize(
    "source", ["x = y\n", "[s]\nno equals sign\n", "[s]\na = b\na = c\n", "[s]\na = %NOBIRD\n"]
)
def test_a_bad_line_is_named(source: str) -> None:
    with pytest.raises(ValueError, match=r"rules\.txt:\d+"):
        parse_rules(source)


def test_an_unknown_section_is_an_error() -> None:
    with pytest.raises(KeyError):
        section("context.smell")


@pytest.mark.parametrize(
    "unit",
    [" ", "a", "a ", ". ", "(", "image ", "the image ", "instruction: ", "a:", "- ", "1. ", "`", "```\n", "#",
     "\t", "sorry i ", "as an ai ", "http://", "x=", "图",
     "请看这张", "作为", "抱歉我", "无法", "$", "<", "\\["],
)  # fmt: skip
def test_examining_a_long_hostile_text_takes_time_in_proportion(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    start = time.perf_counter()
    examine(text, text, text)
    assert time.perf_counter() - start < 3
