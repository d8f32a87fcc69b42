"""Numbers of papers and vehicles: passports, permits, licences, medical records, insurance, number plates.

Such numbers have a shape that a thousand other things have (E12345678, A5631933), so each needs the word for its
paper close before it; only a Chinese plate speaks for itself. Rejected: presidio's recognisers for US passports and
licences, whose patterns take any nine digits at a low score that a word far away lifts.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Final

from quality.pii import signs
from quality.pii.spans import Span

_NAME: Final = "papers"
_VALUE: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?=[A-Za-z-]{0,5}[0-9]|[A-Z]{1,3}-[A-Z]{1,2} [0-9])[A-Za-z0-9]{1,4}"
    r"(?:[ -]?[A-Za-z0-9]{1,6}){1,5}(?![A-Za-z0-9_])"
)
# Between the word and the value: "number is", 号码：, a bracket; no full stop, no other digit.
_GAP: Final = (
    r"(?:[ _]?(?:number|no|num|nr|id|code|plate)s?(?![A-Za-z]))?(?:[ .:#=()\[\"'*|_-]|is|was|number|issued|with"
    r"|are|the|my|:|："
    r"|“|‘|（|号码|号碼|號碼|编号|号|號|证|證|为|為|是|用|叫|就|填|写|[的了])*$"
)
_HEADS: Final = {
    "passport": (
        r"(?:(?<![A-Za-z])passports?|护照|護照|通行证|通行證|回乡证|台胞证|臺胞證|旅行证|travel (?:document"
        r"|permit)|(?<![A-Za-z])ppt)"
    ),
    "licence": (
        r"(?:driv(?:er'?s?|ers'?|er’s|ing)[ _-]?licen[cs]es?|(?<![A-Za-z])d\.?l\.?(?= ?(?:#|no|number))|"
        r"(?<![A-Za-z])mrn|驾驶证|駕駛證|驾照|駕照"
        r"|(?:medical record|patient|health|medicare|medicaid|nhs|insurance|policy|member|beneficiary"
        r"|subscriber)(?: (?:insurance|policy|member|card|group|plan))?"
        r"[ _]?(?:number|no\.|num|#|id(?![a-z]))|(?:病历|病歷|病案|住院|门诊|就诊卡?|诊疗卡?|社保卡?|社会保障"
        r"|医保卡?|医疗保险|保险单?|保单|健康卡?)(?:号码|号|编号|(?<=[保诊疗康])卡))"
    ),
    "plate": (
        r"(?:(?:licen[cs]e|number|registration|vehicle|car)[ _-]?plates?|(?<![A-Za-z])plates?(?= (?:no|num"
        r"|reg|is|was|#|:))|(?:vehicle|car) registration|"
        r"registration (?:number|no)|(?<![A-Za-z])reg\.? ?(?:no|number)|(?<![A-Za-z])plate:|plated|kennzeichen"
        r"|matr[ií]cula|车牌|車牌|牌照)"
    ),
}
_WORDS: Final = {kind: re.compile("(?i)" + head + _GAP) for kind, head in _HEADS.items()}
_SIGN: Final = re.compile(
    r"(?i)passport|护照|護照|通行|回乡|台胞|臺胞|旅行证|travel (?:doc|perm)|ppt|licen[cs]e|medic|mrn|patient"
    r"|health|nhs|insurance|policy|member id|"
    r"benefic|d\.?l\.? ?(?:#|n)|驾|駕|病历|病歷|病案|住院|门诊|就诊|诊疗|社保|社会保障|医保|医疗|保险|保单"
    r"|健康卡|plate|registration|reg\.? ?n|kennz|matr|车牌|車牌|牌照"
)
_STEMS: Final = signs.listed(
    "passport|travel |ppt|licen|medic|mrn|patient|health|nhs|insurance|policy|member id|benefic|dl|d.l|plate|reg|"
    "kennz|matr"
)
_HAN_STEMS: Final = signs.listed(
    "护照|護照|通行|回乡|台胞|臺胞|旅行证|驾|駕|病历|病歷|病案|住院|门诊|就诊|诊疗|社保|社会保障|医保|医疗|保险|保单|"
    "健康卡|车牌|車牌|牌照"
)
"""What each of the words of `_SIGN` begins with, in lower case."""

_SHAPE: Final = {
    "passport": re.compile(
        r"[A-Za-z]{0,3}[0-9]{5,10}[A-Za-z]?|[A-Za-z][A-Za-z0-9][0-9]{6,7}|[A-Za-z0-9]{9}"
        r"|[0-9]{2}[A-Za-z]{2}[0-9]{5}"
    ),
    "licence": re.compile(
        r"(?=[A-Za-z0-9 -]*[0-9][A-Za-z ]?-?[0-9A-Za-z]*[0-9])[A-Za-z0-9]{1,6}(?:[ -]?[A-Za-z0-9]{1,8}){0,5}"
    ),
    "plate": re.compile(r"(?=[A-Za-z -]*[0-9])(?:[A-Z0-9]{1,4}[ -]?){1,3}[A-Z0-9]{1,4}"),
}
_LENGTH: Final = {"passport": (6, 11), "licence": (5, 18), "plate": (4, 8)}
# A bare "plate" is a dish, "registration" an office: what follows must be written as plates are.
_BARE_PLATE: Final = re.compile(
    r"(?i:(?<![A-Za-z])(?:plates?|registration|reg|tags?))(?i: number| no\.?| is| was|:| [\"'(])?[ ][\"'(]?"
    r"((?=[A-Z0-9 -]*[0-9])(?=[0-9 -]*[A-Z])(?:[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[0-9][A-Z]{3}[0-9]{3}"
    r"|[A-Z]{3}[ -]?[0-9]{3,4}|[A-Z][0-9]{1,3} [A-Z]{3}|[A-Z]{1,3}-[A-Z]{1,2} [0-9]{1,4}[EH]?"
    r"|[A-Z]{2}-[0-9]{3}-[A-Z]{2}))(?![A-Za-z0-9-])"
)
_BARE_PLATE_SIGN: Final = signs.sign(signs.words("plate|registration|reg |tag"), beside=signs.DIGIT)
# Those words end many others (template, percentage): the beginning of a plate has to follow.
_PLATED_SIGN: Final = signs.sign(
    r"(?:plates?|registration|reg|tags?)(?: number| no\.?| is| was|:| [\"'(])? [\"'(]?"
    "(?:[a-z]{1,3}[ -]?[0-9]|[0-9][a-z]{3}|[a-z]{1,3}-[a-z])",
    beside=signs.DIGIT,
)
_SCORE: Final = {"passport": 0.93, "licence": 0.93, "plate": 0.9}

_REGION: Final = "京津沪滬渝冀豫云雲辽遼黑湘皖鲁魯新苏蘇浙赣贛鄂桂甘晋晉蒙陕陝吉闽閩贵貴粤粵青藏川宁寧琼瓊"
_CN_PLATE: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:[{_REGION}][A-HJ-NP-Z][ ·•・.-]?(?=[A-Z]{{0,5}}[0-9])(?:[A-HJ-NP-Z0-9]{{5}}"
    rf"(?:[A-HJ-NP-Z0-9](?![A-Za-z0-9]))?|[A-HJ-NP-Z0-9]{{4}}[挂學学警港澳试超领使])"
    rf"|使[ ·]?[0-9]{{6}}|WJ[{_REGION}]?[0-9A-Z]{{5}})(?![A-Za-z0-9])"
)
_CN_PASSPORT: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Z](?:[A-Z][0-9]{7}|[0-9]{8,10})(?![A-Za-z0-9_-])")
_CN_PASSPORT_WORDS: Final = re.compile("护照|護照|通行证|通行證|证件|證件|回乡|台胞|旅行证|签证|簽證|出入境")
_CN_PLATE_SIGN: Final = signs.sign(
    f"[{_REGION}][a-z][ ·•・.-]?[a-z0-9]{{4}}",
    "使[ ·]?[0-9]{6}",
    f"wj[{_REGION}]?[0-9a-z]{{5}}",
    beside=signs.DIGIT,
)


_WORD_SIGN: Final = signs.sign(
    signs.words(
        "passport|driver|driving|drivers|mrn|dl |dl#|d.l|travel doc|travel perm|ppt|license plate|"
        "licence plate|number plate|plate:|plate n|plate i|plates i|plated|registration|reg n|reg. n|"
        "kennzeichen|matricula|matrícula|vehicle plate|car plate"
    ),
    beside=signs.DIGIT,
)
_STEM_SIGN: Final = signs.sign(
    signs.words(
        "passport|driv|mrn|dl|d.l|travel|ppt|plate|reg|kennz|medic|patient|health|nhs|insur|policy|member|benef|subscr"
    ),
    beside=signs.DIGIT,
)
_NUMBERED_SIGN: Final = signs.sign(
    signs.words("medic|patient|health|nhs|insurance|policy|member|benefic|subscriber"), beside=signs.DIGIT
)
_NUMBER_SIGN: Final = signs.sign(signs.words(" number|_number| no.| #| id|_id| num"), beside=signs.DIGIT)
_HAN_SIGN: Final = signs.sign(
    signs.words(
        "护照|证件|證件|签证|簽證|出入境|護照|通行|回乡|台胞|臺胞|旅行证|驾|駕|病历|病歷|病案|住院|门诊|就诊|"
        "诊疗|社保|社会保障|医保|医疗|保险|保单|健康卡|车牌|車牌|牌照"
    ),
    beside=signs.DIGIT,
)
# A word with all that may stand between it and a value, and the beginning of one.
_NAMED_SIGN: Final = signs.sign(
    *(
        f"(?:{signs.loosened(head + _GAP.removesuffix('$'))})\n?(?:[a-z-]{{0,5}}[0-9]|[a-z]{{1,3}}-[a-z]{{1,2}} [0-9])"
        for head in _HEADS.values()
    ),
    beside=signs.DIGIT,
)
_CN_PASSPORT_SIGN: Final = signs.sign("[a-z](?:[a-z][0-9]{7}|[0-9]{8})", beside=signs.DIGIT)
SIGNS: Final = _CN_PLATE_SIGN | _PLATED_SIGN | _CN_PASSPORT_SIGN | _NAMED_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find numbers of passports, permits, licences, records and plates."""
    seen = signs.read(text)
    text, held = seen.text, seen.held
    if not held & signs.DIGIT:
        return
    if held & _CN_PLATE_SIGN and not text.isascii():
        for match in _CN_PLATE.finditer(text):
            yield Span(match.start(), match.end(), "plate", 0.95, _NAME)
    if held & _PLATED_SIGN and held & _BARE_PLATE_SIGN:
        for match in _BARE_PLATE.finditer(text):
            yield Span(match.start(1), match.end(1), "plate", 0.88, _NAME)
    if text.isascii() and not held & _STEM_SIGN:
        return
    if not (held & (_WORD_SIGN | _HAN_SIGN) or (held & _NUMBERED_SIGN and held & _NUMBER_SIGN)):
        return
    if held & _CN_PASSPORT_SIGN and not text.isascii():
        yield from _far(text)
    if not held & _NAMED_SIGN:
        return
    last = 0
    for start in words_at(text, seen.lower):
        if start >= last:
            last = yield from _near(text, start, last)


def words_at(text: str, lower: str) -> list[int]:
    """Return where `_SIGN` matches: searches for its stems, for the pattern alone takes most of a long text's time."""
    if not text.isascii() and (len(lower) != len(text) or "ſ" in lower or "ı" in lower):
        # Letters that a pattern without case takes for s and i, and a change to lower case does not.
        return [match.start() for match in _SIGN.finditer(text)]
    places: list[int] = []
    for stem in _STEMS if text.isascii() else _STEMS + _HAN_STEMS:
        at = lower.find(stem)
        while at >= 0:
            places.append(at)
            at = lower.find(stem, at + 1)
    found, free = [], 0
    for at in sorted(places):
        if at >= free and (match := _SIGN.match(text, at)):
            found.append(at)
            free = match.end()
    return found


def _far(text: str) -> Iterator[Span]:
    """Find passports by their own shape, with the word for them anywhere in the same sentence, or right behind."""
    for match in _CN_PASSPORT.finditer(text):
        words = re.split("[。！？\n]", signs.before(text, match.start(), 30))[-1]
        if _CN_PASSPORT_WORDS.search(words) or _CN_PASSPORT_WORDS.search(signs.after(text, match.end(), 8)):
            yield Span(match.start(), match.end(), "passport", 0.9, _NAME)


def _near(text: str, start: int, last: int) -> Generator[Span, None, int]:
    """Look at the values in the fifty characters behind a word."""
    for match in _VALUE.finditer(text, max(start, last)):
        if match.start() > start + 50:
            break
        words = signs.before(text, match.start(), 48)
        for kind, pattern in _WORDS.items():
            found = pattern.search(words)
            if found is None:
                continue
            end = _fit(kind, match[0])
            if end:
                yield Span(match.start(), match.start() + end, kind, _SCORE[kind], _NAME)
                return match.start() + end
    return last


def _fit(kind: str, value: str) -> int:
    """Return how many characters from the start of a candidate are a value of the kind; words behind it are cut off."""
    while value:
        bare = value.replace(" ", "").replace("-", "")
        low, high = _LENGTH[kind]
        if (
            low <= len(bare) <= high
            and _SHAPE[kind].fullmatch(value)
            and value[-1] not in " -"
            and _numeric(value)
        ):
            return len(value)
        value = value[: max(value.rfind(" "), value.rfind("-"), 0)]
    return 0


def _numeric(value: str) -> bool:
    """Tell whether every group of letters is short: "X123 expires" is a number and a word."""
    return all(len(group) <= 3 or any(char.isdigit() for char in group) for group in re.split("[ -]", value))
