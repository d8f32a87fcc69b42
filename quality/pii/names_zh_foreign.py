"""Foreign names in Chinese text: transliterated, with a dot (约翰·史密斯) or alone, or in Latin letters after 名叫.

Transliterations draw on some three hundred characters, so a dot between two runs of them is a name, and a known given
name between other characters is one. A run that no list knows counts only after an introduction or when it is long.
Rejected: any run of such characters, which takes drugs (美托洛尔) and towns for persons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from quality.pii import signs
from quality.pii.kept import Kept
from quality.pii.lexicon_zh import context, foreign_places, transliterated, words
from quality.pii.names_zh_dotted import DOTS, DOTS_AND_BLANKS, PARTICLES, dotted_names, of_institution

_ORIGINAL = re.compile(
    r"\s?[（(]\s?(?P<latin>[A-ZÀ-Þ][a-zß-ÿ'’.-]+"
    r"(?:[\s·](?:[A-ZÀ-Þ][A-Za-zÀ-ÿ'’.-]*|de|van|von|der|del|da|la|le|bin|al)){0,4})(?=\s?[)）,，;；、])"
)
"""The original spelling in brackets behind a name."""

_BESIDE_PARTICLES: Final = " \n，。、,.：:；“”（）()！？"
_UNMISTAKABLE: Final = 5
_LATIN = r"(?P<latin>[A-Z][a-zà-ÿ]+(?:[ -][A-Z][a-zà-ÿ]+){0,3})"
_DOT_SIGN: Final = signs.sign(f"[{DOTS}]", beside=signs.IDEOGRAPH)
_CHARS: Final = "".join(sorted(context().translit_chars))
_RUN: Final = re.compile(f"[{_CHARS}][{_CHARS}]{{1,8}}")
# The signs take any character for a blank: Python knows more blanks than RE2.
_INTRODUCED_SIGN: Final = signs.sign(
    rf"(?:叫[做作]?|名字是|姓名[：:]|昵称)(?s:.)?[“\"‘'「]?(?:[a-z]|[{_CHARS}]{{2}})",
    beside=signs.IDEOGRAPH,
)
_INTRODUCED = re.compile(
    r"(?:名叫|我叫|叫做|叫作|名字叫|名字是|姓名[：:]|昵称|叫)\s?[“\"‘'「]?"
    rf"(?:{_LATIN}|(?P<han>[\u4e00-\u9fff]{{2,7}}))"
)
_TITLED = re.compile(
    rf"(?<![A-Za-z ]){_LATIN}\s?(?:先生|女士|小姐|夫人|教授|医生|老师|博士|同学|太太|工程师)"
)
_TITLED_SIGN: Final = signs.sign(
    "[a-zà-ÿ](?s:.)?(?:先生|女士|小姐|夫人|教授|医生|老师|博士|同学|太太|工程师)",
    beside=signs.IDEOGRAPH,
)
_INITIALS_SIGN: Final = signs.sign(rf"[a-z]\.(?s:.)?[{_CHARS}]{{2}}", beside=signs.IDEOGRAPH)
_LED_BY_INITIALS = re.compile(r"[A-Z](?<![A-Za-z.].)\.\s?(?:[A-Z]\.\s?){0,2}(?=[\u4e00-\u9fff]{2})")
_LATIN_WORD = re.compile(r"(?<![A-Za-z])[A-Z][a-zà-ÿ]+(?![A-Za-z])")


_TIBETAN_PAIR: Final = (
    "(?:扎西|卓玛|次仁|顿珠|平措|旺堆|尼玛|达娃|央金|拉姆|格桑|多吉|丹增|洛桑|仁青|索朗|白玛|德吉|边巴|巴桑|强巴"
    "|贡布|嘉措|桑珠|才让|卓嘎|曲珍|普布|罗布|旺姆|旺杰|次旦|加措|才旦){2}"
)
_TIBETAN = re.compile(_TIBETAN_PAIR)
_TIBETAN_SIGN: Final = signs.sign(_TIBETAN_PAIR, beside=signs.IDEOGRAPH)
_KNOWN_OUTSIDE: Final = "|".join(
    sorted(
        sorted(name for name in context().transliterated if len(name) > 1 and not set(name) <= set(_CHARS)),
        key=len,
        reverse=True,
    )
)
"""Known names with a character that runs have not: 保罗."""

_OUTSIDE_SIGN: Final = signs.sign(_KNOWN_OUTSIDE, beside=signs.IDEOGRAPH)
_ALONE_SIGN: Final = signs.sign(
    *sorted(name for name in transliterated() if len(name) > 1 and set(name) <= set(_CHARS)),
    f"[{_CHARS}]{{{_UNMISTAKABLE}}}",
    f"[{_CHARS}]{{2}}(?:{'|'.join(sorted(context().ranks))})",
    f"[{_CHARS}]{{3}}(?:{'|'.join(sorted(context().speech))})",
    beside=signs.IDEOGRAPH,
)
"""What `_known_in` may make a name of: a known one, a long run, a run before a title or a verb of speech."""

SIGNS: Final = (
    _DOT_SIGN | _INTRODUCED_SIGN | _INITIALS_SIGN | _TITLED_SIGN | _TIBETAN_SIGN | _OUTSIDE_SIGN | _ALONE_SIGN
)


def foreign_names(text: str) -> Iterator[tuple[int, int]]:
    """Find foreign names in a Chinese text, in no order and possibly overlapping."""
    found: list[tuple[int, int]] = []
    things: set[tuple[int, int]] = set()
    held = signs.read(text).held
    if held & _DOT_SIGN:
        dotted = list(dotted_names(text))
        found += [(start, end) for start, end, _ in dotted]
        things = {(start, end) for start, end, person in dotted if not person}
    if held & _INTRODUCED_SIGN:
        found += _introduced(text)
    if held & _INITIALS_SIGN:
        found += _led_by_initials(text)
    if held & _TITLED_SIGN:
        found += [match.span("latin") for match in _TITLED.finditer(text)]
    if held & _TIBETAN_SIGN:
        found += [match.span() for match in _TIBETAN.finditer(text)]
    names = {
        part
        for start, end in found
        if (start, end) not in things
        for part in DOTS_AND_BLANKS.split(text[start:end])
        if len(part) > 1
    }
    if names or held & _ALONE_SIGN:
        found += _alone(text, names)
    if held & _OUTSIDE_SIGN:
        found += _outside_runs(text)
    if said := frozenset(n for n in names if len(n) > 2 and not n.isascii()):
        found += _said_again(text, said)
    if any(name.isascii() for name in names):
        found += [match.span() for match in _LATIN_WORD.finditer(text) if match.group() in names]
    found.sort(key=lambda span: (span[0], -span[1]))
    free = 0
    for start, end in found:
        if start >= free:
            free = end
            if (start, end) not in things:
                yield start, end


def _introduced(text: str) -> Iterator[tuple[int, int]]:
    """Find what follows 名叫 and the like."""
    for match in _INTRODUCED.finditer(text):
        if match["latin"]:
            yield match.span("latin")
            continue
        start = match.start("han")
        run = _RUN.match(text, start)
        if run and run.end() - start >= 2 and text[run.end() : run.end() + 1] not in DOTS:
            end = _shorten(text, start, run.end())
            if end - start >= 3 or words().get(text[start:end], 0) < 4 or text[start:end] in transliterated():
                yield start, end


def _led_by_initials(text: str) -> Iterator[tuple[int, int]]:
    """Find a transliteration behind initials: J.K.罗琳."""
    for match in _LED_BY_INITIALS.finditer(text):
        run = _RUN.match(text, match.end())
        if run and run.end() - match.end() >= 2 and text[run.end() : run.end() + 1] not in DOTS:
            yield match.start(), _shorten(text, match.end(), run.end())


def _shorten(text: str, start: int, end: int) -> int:
    """Cut a word off a run's end that goes on behind it: 托伦|特别."""
    while end - start > 2 and any(words().get(text[end - 1 : end + n], 0) >= 5 for n in (1, 2)):
        end -= 1
    return end


def _alone(text: str, names: set[str]) -> Iterator[tuple[int, int]]:
    """Find known transliterations, and parts of the names that were found, that fill a run of such characters."""
    for match in _RUN.finditer(text):
        start, end = match.span()
        if not (names or MAY_HOLD[match[0]] or text[end : end + 1] in _ranked_by()):
            continue
        if text[start:end] in foreign_places() or (start and text[start - 1] == "圣"):
            continue
        if text[end : end + 1] in DOTS or (start and text[start - 1] in DOTS):
            continue
        yield from _known_in(text, start, end, names)


@cache
def _ranked_by() -> frozenset[str]:
    """Return the first characters of what shows a run of transliteration to be a person."""
    return frozenset(word[0] for word in context().ranks | context().speech)


def may_hold(run: str) -> bool:
    """Tell whether a run of transliteration is long, ends in a rank, or holds a known name but for its edges."""
    known = transliterated()
    return (
        len(run) >= _UNMISTAKABLE
        or run[-2:] in context().ranks
        or any(run[skip:stop] in known for skip in (0, 1) for stop in (len(run), len(run) - 1, len(run) - 2))
    )


MAY_HOLD: Final = Kept(may_hold, most=1 << 16)


_OUTSIDE: Final = re.compile(_KNOWN_OUTSIDE)


def _outside_runs(text: str) -> Iterator[tuple[int, int]]:
    """Find known names with a character that runs have not (保罗)."""
    for match in _OUTSIDE.finditer(text):
        start, end = match.span()
        if not (
            _beside_dot(text, start, end) or _is_thing(text, end) or _is_cut(text, start, end, end - start)
        ):
            yield start, end


def _said_again(text: str, names: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Find long parts of dotted names where they stand alone."""
    firsts, longest = "".join(sorted({name[0] for name in names})), max(map(len, names))
    for match in re.finditer(f"[{firsts}]", text):
        start = match.start()
        sizes = range(min(longest, len(text) - start), 2, -1)
        end = next((start + n for n in sizes if text[start : start + n] in names), 0)
        if end and not _beside_dot(text, start, end) and not of_institution(text, end):
            yield start, end


def spelling_behind(text: str, end: int) -> tuple[int, int] | None:
    """Return where the original spelling stands in brackets behind a name that ends at a place: 肯宁（Kenin）."""
    match = _ORIGINAL.match(text, end)
    return match.span("latin") if match else None


def _beside_dot(text: str, start: int, end: int) -> bool:
    return (end < len(text) and text[end] in DOTS) or (start > 0 and text[start - 1] in DOTS)


def _known_in(text: str, start: int, end: int, names: set[str]) -> Iterator[tuple[int, int]]:
    """Find the known name that fills a run of transliteration but for a character of another word at its edges."""
    known = transliterated()
    for skip in (0, 1):
        for stop in (end, end - 1, end - 2):
            piece = text[start + skip : stop]
            if len(piece) < 2 or not (piece in names or piece in known):
                continue
            if _is_cut(text, start + skip, stop, end - start) or _is_thing(text, stop):
                continue
            if skip and not _is_other(text, start - 1, start + 1):
                continue
            if stop < end and not _is_other(text, stop, stop + 2):
                continue
            if piece in names or piece in context().transliterated or _acts(text, start + skip, stop):
                yield start + skip, stop
                return
    # The characters of 博士 are characters of transliteration as well.
    bare = end - 2 if text[end - 2 : end] in context().ranks else end
    if bare - start >= 2 and _is_ranked(text, start, bare):
        yield start, bare
        return
    if end - start < _UNMISTAKABLE:
        return
    while end - start >= _UNMISTAKABLE and start and text[start] in PARTICLES:
        start += 1
    if words().get(text[end - 1 : end + 1], 0) >= 6:
        end -= 1
    if end - start >= _UNMISTAKABLE - 1 and not (
        _is_thing(text, end) or _is_cut(text, start, end, end - start)
    ):
        yield start, end


def _is_ranked(text: str, start: int, end: int) -> bool:
    """Tell whether a title of a person, or a verb of speech, follows a run that is no word: 苏斯博士."""
    ranks, speech = context().ranks, context().speech
    ranked = next((n for n in (2, 3) if text[end : end + n] in ranks), 0)
    says = end - start > 2 and any(text[end : end + n] in speech for n in (2, 3))
    return (
        bool(ranked and not of_institution(text, end + ranked))
        or (says and not (start and "\u4e00" <= text[start - 1] <= "\u9fff"))
    ) and not (words().get(text[start:end], 0) >= 4 or _is_cut(text, start, end, end - start))


def _is_other(text: str, start: int, stop: int) -> bool:
    """Tell whether a character at a name's edge belongs to a word beside it."""
    piece = text[max(0, start) : stop]
    return words().get(piece, 0) >= 5 or not piece.strip(PARTICLES + _BESIDE_PARTICLES)


def _acts(text: str, start: int, stop: int) -> bool:
    """Tell whether a run between stops, or before a person's verb, is used as a name: most things are not."""
    follows = any(
        text[stop : stop + n] in context().after_name or text[stop : stop + n] in context().titles
        for n in (1, 2, 3)
    )
    led = (
        not start
        or not text[start - 1].isalnum()
        or any(text[start - n : start] in context().before_fair for n in (1, 2, 3))
    )
    ended = not text[stop : stop + 1].isalnum()
    return stop - start > 2 and led and (follows or ended)


def _is_cut(text: str, start: int, stop: int, run: int) -> bool:
    """Tell whether known words cut across the edges of a name or are it."""
    known = words().get
    if known(text[start:stop], 0) >= 5 and text[start:stop] not in context().transliterated:
        return True
    wider = any(known(text[start : stop + n], 0) >= 4 for n in (1, 2)) or any(
        known(text[max(0, start - n) : stop], 0) >= 4 for n in (1, 2) if start >= n
    )
    if start and known(text[start - 1 : start + 1], 0) >= 6 and text[start - 1] not in PARTICLES:
        return True
    rest = run - (stop - start)
    return wider or (
        rest > 0 and not any(known(text[stop - rest + n : stop + 2], 0) for n in (0, 1)) and rest > 2
    )


def _is_thing(text: str, stop: int) -> bool:
    """Tell whether a word for a place, a firm or a substance follows, or the name ends like a drug."""
    words_zh = context()
    if any(text[stop : stop + n] in words_zh.titles for n in (2, 3)) or text[stop : stop + 1] == "家":
        return False
    if any(text[stop : stop + n] in words_zh.thing_after for n in (1, 2, 3)):
        return True
    return any(text[at - 2 : at] in words_zh.drugs for at in range(stop, max(stop - 6, 2), -1)) or text[
        stop : stop + 1
    ] in ("唑", "霉", "-")
