"""Values in a sequence of tokens: runs of number words and numerals become one token, units get their name.

A numeral that is part of a word (一起, 十分, 统一) stays a character. Rejected: doing it by patterns on the
text, which cannot see that "twenty-five" and "twenty five" are one.
"""

from __future__ import annotations

from quality.lookalike.lexicon import lexicon, words_of
from quality.lookalike.numbers import HAN_NUMERALS, NUMBER_WORDS, SCALES, plain, read_english, read_han

_WORDS = frozenset(words_of("words_with_numerals"))
_SCALED_UNITS = frozenset(words_of("units_with_numerals"))


class Values:
    """The tokens of a text while their numbers are merged; see `Tokens` for the sequences."""

    def __init__(
        self, keys: list[str], kinds: list[str], starts: list[int], ends: list[int], begins: set[int]
    ) -> None:
        self.keys, self.kinds, self.starts, self.ends, self.begins = keys, kinds, starts, ends, begins

    def merge(self) -> None:
        """Replace runs of number words and numerals by values, and the units after them by their names."""
        old = (self.keys, self.kinds, self.starts, self.ends)
        begins = self.begins
        self.keys, self.kinds, self.starts, self.ends, self.begins = [], [], [], [], set()
        place, count = 0, len(old[0])
        while place < count:
            if place in begins:
                self.begins.add(len(self.keys))
            key, kind, taken = self.number_at(old[0], old[1], old[2], old[3], begins, place)
            if not taken:
                key, kind, taken = old[0][place], old[1][place], 1
                if self.kinds and self.kinds[-1] == "n":
                    key, kind, taken = self.unit_at(old[0], old[1], place)
            percent = kind == "%"
            self.keys.append(key)
            self.kinds.append("n" if percent else kind)
            self.starts.append(old[2][place])
            self.ends.append(old[3][place + taken - 1])
            if percent:
                self.keys.append("u:%")
                self.kinds.append("u")
                self.starts.append(self.starts[-1])
                self.ends.append(self.ends[-1])
            place += taken
        if count in begins:
            self.begins.add(len(self.keys))

    def number_at(
        self,
        keys: list[str],
        kinds: list[str],
        starts: list[int],
        ends: list[int],
        begins: set[int],
        place: int,
    ) -> tuple[str, str, int]:
        """Return the number that begins at a place: its key, its kind, and how many tokens it takes."""
        key, kind = keys[place], kinds[place]
        if kind == "w" and key in NUMBER_WORDS:
            stop = place + 1
            while stop < len(keys) and stop - place < 8 and kinds[stop] == "w" and stop not in begins:
                stop += 1
            value, taken = read_english(keys[place:stop])
            return value, "n", taken
        if kind == "h" and (key in HAN_NUMERALS or key in "第半百"):
            return self.han_number_at(keys, kinds, starts, ends, place)
        if kind == "n" and place + 1 < len(keys) and not key.startswith("#"):
            after = keys[place + 1]
            glued = ends[place] == starts[place + 1]
            if kinds[place + 1] == "w" and after in SCALES:
                return plain(_value(key) * SCALES[after]), "n", 2
            if glued and after == "k" and kinds[place + 1] == "w":
                return plain(_value(key) * 1000), "n", 2
            if (
                kinds[place + 1] == "h"
                and after in "万亿千百"
                and "".join(keys[place + 1 : place + 3]) not in _SCALED_UNITS
            ):
                return plain(_value(key) * {"万": 1e4, "亿": 1e8, "千": 1e3, "百": 1e2}[after]), "n", 2
        return "", "", 0

    def han_number_at(
        self, keys: list[str], kinds: list[str], starts: list[int], ends: list[int], place: int
    ) -> tuple[str, str, int]:
        """Return the number that begins with a Chinese numeral, or none where it is part of a word."""
        ahead = "".join(keys[place : place + 3])
        if keys[place] == "第":
            stop = _numerals_end(keys, place + 1)
            if stop > place + 1:
                return "#" + read_han("".join(keys[place + 1 : stop])), "n", stop - place
            if place + 1 < len(keys) and kinds[place + 1] == "n":
                return "#" + keys[place + 1], "n", 2
            return "", "", 0
        if ahead == "百分之":
            stop = _numerals_end(keys, place + 3)
            if stop > place + 3:
                return read_han("".join(keys[place + 3 : stop])), "%", stop - place
            if place + 3 < len(keys) and kinds[place + 3] == "n":
                return keys[place + 3], "%", 4
        if keys[place] == "半":
            nearby = ahead[1:2]
            return ("0.5", "n", 1) if nearby and nearby in "小个天年月分公斤杯碗" else ("", "", 0)
        stop = _numerals_end(keys, place)
        if stop == place:
            return "", "", 0
        if stop - place > 1 and "".join(keys[stop - 1 : stop + 1]) in _SCALED_UNITS:
            stop -= 1  # 两千克 is two kilograms
        if stop - place == 1 and _part_of_word(keys, place):
            return "", "", 0
        return read_han("".join(keys[place:stop])), "n", stop - place

    def unit_at(self, keys: list[str], kinds: list[str], place: int) -> tuple[str, str, int]:
        """Return the unit that stands at a place after a number, else the token itself."""
        units = lexicon().units
        key, kind = keys[place], kinds[place]
        if kind == "h":
            for size in (3, 2, 1):
                name = "".join(keys[place : place + size])
                if name in units and len(name) == size:
                    return "u:" + units[name], "u", size
        elif kind == "w" and key in units:
            return "u:" + units[key], "u", 1
        elif key == "u:deg" and place + 1 < len(keys) and keys[place + 1] in ("c", "f"):
            return "u:deg" + keys[place + 1], "u", 2
        elif key == "u:deg" and place + 1 < len(keys) and keys[place + 1] in ("u:degc", "u:degf"):
            return keys[place + 1], "u", 2
        return key, kind, 1


def _value(key: str) -> float:
    try:
        return float(key)
    except ValueError:
        return 0.0


def _numerals_end(keys: list[str], place: int) -> int:
    while place < len(keys) and keys[place] in HAN_NUMERALS:
        place += 1
    return place


def _part_of_word(keys: list[str], place: int) -> bool:
    after = "".join(keys[place : place + 2])
    before = "".join(keys[max(0, place - 1) : place + 1])
    return after in _WORDS or before in _WORDS
