"""Chinese names: a surname's character, then characters that given names are made of, and neighbours that fit.

Each place where a surname's character stands is a candidate. It is worth what its surname and characters are worth,
more where a title, an introduction or a stop stands beside it, less where known words cut across it; above a threshold
it is a name. All of it is look-ups within a few characters. Rejected: a threshold on the characters alone (于是, 黄金),
and names only after an introduction (most names in news have none).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from quality.pii import names_zh_foreign, signs
from quality.pii.lexicon_zh import context, given, surnames, words
from quality.pii.names_zh_beside import after_name, before_name, is_dull, is_han, most_after, name_ends
from quality.pii.names_zh_foreign import foreign_names, spelling_behind
from quality.pii.names_zh_more import more_names
from quality.pii.names_zh_outlook import (
    BEFORE,
    BEST_AFTER,
    COVERS,
    ENOUGH,
    FURTHER,
    IMPOSSIBLE,
    NEARLY,
    OUTLOOKS,
    UNSEEN,
    across,
    doubt,
    least_across,
    title_starts,
)
from quality.pii.names_zh_places import surname_places
from quality.pii.spans import Span

BY: Final = "names_zh"
SIGNS: Final = signs.IDEOGRAPH
_TITLE = re.compile("《[^《》\n]{1,60}》")
_STATED = re.compile(r"(?:[我他她]|本人|免贵)姓([\u4e00-\u9fff])(?![\u4e00-\u9fff])")
_SPACED = re.compile(
    r"姓\s?名\s?[:：]\s?([\u4e00-\u9fff](?:[ \u3000][\u4e00-\u9fff]){1,3})(?=[ \u3000]{2}|[\n,，。;；|]|$)"
)
_DOUBLES: Final = "丽婷莉娜芳玲萍媛倩琳佳雯莹燕娟蕾薇瑶敏娇"
_DOUBLED = re.compile(rf"([{_DOUBLES}])\1")
_DOUBLED_SIGN: Final = signs.sign(*(char * 2 for char in _DOUBLES), beside=signs.IDEOGRAPH)
_ALSO_WORDS = frozenset("红美东林英梅兰云军")
"""Given names that stand as an adjective or a noun behind 小 as well."""

Candidate = tuple[int, int, float]


def find_names_zh(text: str) -> Iterator[Span]:
    """Find the names of persons that are written in Chinese characters."""
    held = signs.read(text).held
    if not held & SIGNS:
        return
    foreign = list(foreign_names(text)) if held & names_zh_foreign.SIGNS else []
    native = list(_native_names(text))
    if not (foreign or native):
        return
    titles = [match.span() for match in _TITLE.finditer(text)] if "《" in text else []
    taken = {at for start, end in foreign + titles for at in range(start, end)}
    quoted = {at for start, end in titles for at in range(start, end)}
    names = [
        (start, end) for start, end in foreign if start not in quoted and not _is_thing(text, start, end)
    ]
    yield from (Span(start, end, "name", 0.6, BY) for start, end in names)
    native = [(start, end) for start, end in native if start not in taken and end - 1 not in taken]
    if native or names:
        native += more_names(text, native, names, taken, before_name)
    yield from (Span(start, end, "name", 0.55, BY) for start, end in native)
    for _, end in names + native:
        spelling = spelling_behind(text, end)
        if spelling:
            yield Span(*spelling, "name", 0.6, BY)


_LONGEST_THING = 8
"""Characters that are looked at, whatever the length of what looks like a name."""

_BEFORE_YU = frozenset(
    "业决由对关至等在基位处属用源来终归敢善便利难易低高大小多少优忠鉴限出过急勇乐甘陷濒趋赖介安适不死生始止"
)


def _native_names(text: str) -> Iterator[tuple[int, int]]:
    """Find names of a surname and a given name, a surname and a title, and names such as 小李."""
    stated = "姓" in text or signs.read(text).held & _DOUBLED_SIGN
    sure: list[Candidate] = list(_stated(text)) if stated else []
    doubtful: list[Candidate] = []
    free = 0
    places = surname_places(text)
    outlooks = map(OUTLOOKS.__getitem__, [text[at : at + 3] for at in places])
    for at, seen in zip(places, outlooks, strict=True):
        if seen is None or at < free:
            continue
        called, least = seen
        if called and (end := _called(text, at)):
            sure.append((at, end, ENOUGH))
            free = end
            continue
        dull = at and is_dull(text[at - 1])
        if least and (dull or least > BEFORE[-1]):
            continue
        least = FURTHER[text[at : at + 4]]
        if least and (dull or least > BEFORE[-1]):
            continue
        before = 0.0 if dull else before_name(text, at)
        if before < least or _is_preposition(text, at):
            continue
        best = _best(text, at, before)
        if best is None:
            continue
        if best[2] >= ENOUGH:
            sure.append(best)
            free = best[1]
        else:
            doubtful.append(best)
    yield from ((start, end) for start, end, _ in sure)
    if doubtful:
        yield from _doubtful(text, sure, doubtful)


def _is_thing(text: str, start: int, end: int) -> bool:
    """Tell whether what looks like a transliterated name is a known thing, or the beginning of one: 麦克 of 麦克风."""
    brands = context().brands
    stops = range(min(start + 3, end), min(end + 3, start + _LONGEST_THING + 1))
    preposition = text[start] == "于" and start > 0 and text[start - 1] in _BEFORE_YU
    return preposition or any(text[start:stop] in brands for stop in stops)


def _is_preposition(text: str, at: int) -> bool:
    """Tell whether 于 goes on from the word before it, as it does unless that leads to a name: 取决于, 由于."""
    if text[at] != "于" or not at or not is_han(text[at - 1]):
        return False
    return text[at - 1] in _BEFORE_YU or before_name(text, at) <= 0


def _stated(text: str) -> Iterator[Candidate]:
    """Find a surname alone behind 我姓, a name with spaces between its characters in a form, and 丽丽."""
    if "姓" in text:
        for pattern in (_STATED, _SPACED):
            for match in pattern.finditer(text):
                if match[1][0] in surnames():
                    yield match.start(1), match.end(1), ENOUGH
    if not signs.read(text).held & _DOUBLED_SIGN:
        return
    for match in _DOUBLED.finditer(text):
        led = not match.start() or not is_han(text[match.start() - 1]) or before_name(text, match.start()) > 0
        if led and name_ends(text, match.end()) and not words().get(match[0], 0) >= 10:
            yield match.start(), match.end(), ENOUGH


def _doubtful(text: str, sure: list[Candidate], doubtful: list[Candidate]) -> Iterator[tuple[int, int]]:
    """Find the doubtful names that stand elsewhere surely, twice, or in a list with a sure one."""
    names = {text[start:end] for start, end, _ in sure if end - start > 1}
    counts: dict[str, int] = {}
    for start, end, worth in doubtful:
        if worth >= ENOUGH - 1.5 and end - start > 2:
            counts[text[start:end]] = counts.get(text[start:end], 0) + 1
    names |= {name for name, count in counts.items() if count > 1}
    taken = {at for start, end, _ in sure for at in range(start, end)}
    for start, end, _ in doubtful:
        listed = (text[start - 1 : start] == "、" and start - 2 in taken) or (
            text[end : end + 1] == "、" and end + 1 in taken
        )
        if (listed or text[start:end] in names) and start not in taken and end - 1 not in taken:
            yield start, end
            taken.update(range(start, end))


def _best(text: str, at: int, before: float) -> Candidate | None:
    """Return the likeliest name that begins at a place, if any may, given what the words before it are worth."""
    best, family, table, share = None, surnames(), given(), doubt(before)
    least_cost = least_across(text, at) * share
    for size in (2, 1) if text[at : at + 2] in family else (1,):
        prior = family.get(text[at : at + size])
        begin = at + size
        name, after = text[begin : begin + 1], text[begin + 1 : begin + 2]
        if prior is None or not is_han(name):
            continue
        if text[at : begin + 1] in context().placeholders:
            return at, begin + 1, ENOUGH
        first, second = table.get(name, UNSEEN), table.get(after)
        two = prior + first[0] + (second or UNSEEN)[1]
        one = prior + first[2] - 1.0 if name != text[at] else -IMPOSSIBLE
        if second is None and not is_han(after):
            two = -IMPOSSIBLE
        for bare, end in ((two + before, begin + 2), (one + before, begin + 1)):
            enough = NEARLY if best is None else best[2]
            if bare + BEST_AFTER < enough or bare + most_after(text[end : end + 1]) - least_cost < enough:
                continue
            worth = bare + after_name(text, end)
            if worth - least_cost < enough:
                continue
            cost = across(text, at, end, size)
            worth -= cost if cost >= IMPOSSIBLE else cost * share
            if worth >= NEARLY and (best is None or worth > best[2]):
                best = at, end, worth
    return best


def _sure_before(text: str, start: int) -> bool:
    """Tell whether a line begins at a place: a preposition before a title seldom does."""
    return not start or text[start - 1] in "\n“「"


def _called(text: str, at: int) -> int:
    """Return the end of a surname before a title, or of a name such as 小李, that begins at a place; 0 for none."""
    char, known = text[at], words().get
    if (
        char not in "小老阿"
        and text[at + 1 : at + 2] not in title_starts()
        and text[at + 2 : at + 3] not in title_starts()
    ):
        return 0
    if at and is_han(text[at - 1]) and known(text[at - 1 : at + 1], 0) >= COVERS:
        return 0
    if char in "小老阿":
        return _nickname(text, at)
    for size in (2, 1):
        worth = surnames().get(text[at : at + size])
        if worth is None or worth < 0:
            continue
        end = at + size
        if size == 1 and char in context().not_before_title and not _sure_before(text, at):
            return 0
        for length in (3, 2, 1):
            title = text[end : end + length]
            if title not in context().titles or len(title) != length:
                continue
            if text[at : end + length] in context().brands:
                return 0
            if known(text[at : end + 1], 0) >= COVERS or known(text[at : end + length], 0) >= COVERS:
                return 0
            follows = text[end + length : end + length + 1]
            bounded = not at or not is_han(text[at - 1]) or before_name(text, at) > 0
            if length == 1 and (
                not bounded or worth < 1 or known(title + follows, 0) or not name_ends(text, end + 1)
            ):
                continue
            if bounded or worth >= 1:
                # 李某某 is what stands for the name: all of it goes.
                return end + length if title in ("某", "某某") else end
    return 0


def _goes_on(text: str, start: int, end: int) -> bool:
    """Tell whether a name such as 小明 is a word, or the beginning of one, or cut by one: 小明星, 小林业."""
    known = words().get
    return bool(
        known(text[start:end], 0) >= COVERS
        or known(text[start : end + 1], 0)
        or known(text[end - 1 : end + 1], 0)
        or known(text[end - 1 : end + 2], 0)
        # Something red and small is not 小红: only a word of its own may follow.
        or (
            text[end - 1] in _ALSO_WORDS
            and not (name_ends(text, end) or known(text[end : end + 2], 0) >= COVERS)
        )
    )


def _nickname(text: str, at: int) -> int:
    """Return the end of 小李, 老张, 阿明 at a place, 0 for none."""
    name = text[at + 1 : at + 2]
    group = context().nick_old if text[at] == "老" else context().nick
    begins = text[at] == "阿" and (not at or not is_han(text[at - 1]))
    led = text[at] != "老" and (begins or before_name(text, at) >= 3) and name_ends(text, at + 2)
    called = given().get(name, UNSEEN)[2] >= 2 or name in surnames()
    if (
        not (name in group or (led and called))
        or words().get(text[at + 1 : at + 3], 0) >= 6
        or words().get(text[at : at + 3], 0) >= COVERS
    ):
        return 0
    end = at + 2
    led = not at or not is_han(text[at - 1]) or before_name(text, at) > 0
    if text[at : at + 2] in surnames():
        best = _best(text, at, before_name(text, at))
        if best and best[2] >= ENOUGH and best[1] > end:
            return 0
    if text[at] == "小" and led and name in group and not _goes_on(text, at, end):
        return end
    bounded = led or not is_han(text[end : end + 1])
    if after_name(text, end) < 0:
        return 0
    beside = name_ends(text, end) or after_name(text, end) > 0 or before_name(text, at) >= 3
    return end if bounded and beside else 0
