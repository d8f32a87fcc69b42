"""Says in which language texts are written: by script, by letter statistics, by a library where unsure.

Most texts are decided in one pass over numbers: a script with one language decides by itself, and the letter
statistics decide where they are twenty times likelier for one language than for the next. The rest, a tenth
of sentences in eighteen languages, goes to the library with the three likeliest languages as its choice.
`und` (undetermined) is an answer: for too few letters, code, and lists of names. Rejected: a library for
every text (a thirtieth of the speed or less for the same accuracy) and a guess for every text (someone would
drop a record for it).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quality.language.asks import known_languages
from quality.language.evidence import holds_any_small_words, small_words
from quality.language.library import Library, ask
from quality.language.ngrams import ngrams_of
from quality.language.scripts import SCRIPTS, code_points, script_counts
from quality.language.strip import Prose, prose

DecidedBy: TypeAlias = Literal["script", "letters", "lingua", "langdetect", "short", "code", "names", "none"]

UNDETERMINED = "und"
LONGEST = 4_000
"""Characters of a text that are looked at."""
_LONGEST_PROSE = 800
"""Characters of prose by which a language is told; more make it no surer."""
DENSE = 3
"""A Han, kana or Hangul character says about as much as three letters."""
LEAST_LETTERS = 12
"""Letters (dense characters count threefold) below which the language of a Latin text is a guess."""
LEAST_DENSE_LETTERS = 6
LEAST_NAMED = 40
"""Letters below which a text of capitalised words alone is taken for names, which any language may hold."""
_SURE = 3.0
"""Nats (a factor of twenty) by which the best language must lead the second to need no library."""
_RARE_COST = 2.0
_RARE = (
    "af",
    "bs",
    "cy",
    "eo",
    "eu",
    "ga",
    "lg",
    "mi",
    "mk",
    "nn",
    "sn",
    "so",
    "st",
    "tn",
    "ts",
    "xh",
    "yo",
    "zu",
)
"""Languages met seldom: they must be better by e^2 than one met often."""
_ASKED = 3
_CREDITED = 4
_LONGEST_CREDITED = 250
_CREDITED_LEAD = 20.0
_WORD_CREDIT = 2.0
"""Nats that a small word of a language speaks for it beyond its letters."""
_LEAST_EAST = 0.25
_BATCH = 512
_ONE_LANGUAGE = {
    "greek": "el", "hebrew": "he", "thai": "th", "armenian": "hy", "georgian": "ka", "bengali": "bn",
    "gurmukhi": "pa", "gujarati": "gu", "tamil": "ta", "telugu": "te",
}  # fmt: skip
_DENSE_SCRIPTS = ("han", "kana", "hangul", "bopomofo")
_WEIGHTS = np.array([DENSE if script in _DENSE_SCRIPTS else 1 for script in SCRIPTS])
_AT = {script: number for number, script in enumerate(SCRIPTS)}
_LEAST_KANA, _MOST_KANA = 0.03, 0.5
_CHINESE_WORDS = re.compile("[的了们這这吗嗎呢吧您你请請是在说說个個]")
_JAPANESE_WORDS = re.compile("[はがをにでともへの]|です|ます|した|する")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Language:
    """The language of a text.

    Args:
        code: ISO 639-1, or `und`.
        confidence: from 0 to 1; 0 for `und`.
        decided_by: what decided, or why nothing could.
        letters: how many letters of prose were seen, dense characters threefold.
    """

    code: str
    confidence: float
    decided_by: DecidedBy
    letters: int = 0


def identify(texts: Sequence[str], among: Sequence[str] = (), library: Library = "lingua") -> list[Language]:
    """Return the language of each text; each is judged by itself.

    Args:
        texts: any texts; only the first 4,000 characters, and 800 of prose, count.
        among: the languages to choose from, ISO 639-1; empty: all that are known.
        library: who is asked where the statistics are unsure.

    Raises:
        ValueError: `among` names an unknown language.
        ModuleNotFoundError: the library is not installed.
    """
    unknown = sorted(set(among) - set(known_languages())) if among else []
    if unknown:
        raise ValueError(f"unknown languages {', '.join(unknown)}; known: {', '.join(known_languages())}")
    found: list[Language] = []
    for at in range(0, len(texts), _BATCH):
        batch = [prose(text[:LONGEST]) for text in texts[at : at + _BATCH]]
        found += _identify_batch(batch, frozenset(among), library)
    return found


def _identify_batch(batch: list[Prose], among: frozenset[str], library: Library) -> list[Language]:
    lowered = [each.text[:_LONGEST_PROSE].lower() for each in batch]
    points, starts = code_points(lowered)
    weights = script_counts(points, starts) * _WEIGHTS
    totals = weights.sum(axis=1)
    dense = weights[:, [_AT[script] for script in _DENSE_SCRIPTS]].sum(axis=1)
    sparse = weights.copy()
    sparse[:, [_AT[script] for script in _DENSE_SCRIPTS]] = 0
    main = sparse.argmax(axis=1)
    largest = sparse.max(axis=1)
    found: list[Language | None] = [None] * len(batch)
    by_script: dict[str, list[int]] = {}
    for row, (total, east, number, west) in enumerate(
        zip(totals.tolist(), dense.tolist(), main.tolist(), largest.tolist(), strict=True)
    ):
        script = SCRIPTS[number]
        if total < LEAST_DENSE_LETTERS or (not east and script == "latin" and total < LEAST_LETTERS):
            found[row] = Language(UNDETERMINED, 0.0, "code" if batch[row].had_code else "short", total)
        elif east >= west or (east >= _LEAST_EAST * total and _holds_terms(batch[row].text, script)):
            found[row] = _east_asian(weights[row], batch[row].text, total, among)
        elif script in _ONE_LANGUAGE:
            found[row] = _one(_ONE_LANGUAGE[script], west / total, total, among)
        elif script == "other":
            found[row] = Language(UNDETERMINED, 0.0, "none", total)
        elif script == "latin" and not east and total < LEAST_NAMED and _only_names(batch[row].text):
            found[row] = Language(UNDETERMINED, 0.0, "names", total)
        else:
            by_script.setdefault(script, []).append(row)
    for script, rows in by_script.items():
        texts = [batch[row].text for row in rows]
        shares = largest[rows] / np.maximum(totals[rows], 1)
        some = points, starts
        if len(rows) < len(batch):
            some = code_points([lowered[row] for row in rows])
        answers = _by_letters(script, texts, *some, shares, among, library)
        for row, (code, confidence, by) in zip(rows, answers, strict=True):
            found[row] = Language(code, confidence, by, int(totals[row]))
    return [each for each in found if each is not None]


def _one(code: str, confidence: float, letters: int, among: frozenset[str]) -> Language:
    if among and code not in among:
        return Language(UNDETERMINED, 0.0, "none", letters)
    return Language(code, round(confidence, 4), "script", letters)


def _east_asian(weights: NDArray[np.int64], text: str, letters: int, among: frozenset[str]) -> Language:
    """Decide between Chinese, Japanese and Korean, by kana and Hangul: a Chinese text may quote a few."""
    han, kana, hangul = (int(weights[_AT[script]]) for script in ("han", "kana", "hangul"))
    together = han + kana + hangul + int(weights[_AT["bopomofo"]])
    share = together / letters
    if hangul >= 0.3 * together:
        return _one("ko", share, letters, among)
    kana_share = kana / max(han + kana, 1)
    if kana_share < _LEAST_KANA or (kana_share < _MOST_KANA and _reads_as_chinese(text)):
        return _one("zh", share, letters, among)
    return _one("ja", share, letters, among)


def _reads_as_chinese(text: str) -> bool:
    """Return whether a text with some kana has more of the small words of Chinese than of Japanese."""
    return len(_CHINESE_WORDS.findall(text)) > len(_JAPANESE_WORDS.findall(text))


def _by_letters(
    script: str,
    texts: list[str],
    points: NDArray[np.uint32],
    starts: NDArray[np.int64],
    shares: NDArray[np.float64],
    among: frozenset[str],
    library: Library,
) -> list[tuple[str, float, DecidedBy]]:
    """Return (code, confidence, by) of texts whose main script has several languages."""
    tables = ngrams_of(script)
    chosen = [n for n, code in enumerate(tables.languages) if not among or code in among]
    if not chosen:
        return [(UNDETERMINED, 0.0, "none")] * len(texts)
    codes = [tables.languages[n] for n in chosen]
    costs, _ = tables.score(points, starts)
    costs = costs[:, chosen] + np.array([_RARE_COST if code in _RARE else 0.0 for code in codes], np.float32)
    if script == "latin":
        _credit_small_words(texts, costs, codes)
    order = np.argsort(costs, axis=1, kind="stable")[:, :_ASKED]
    lead = (costs - costs.min(axis=1, keepdims=True)).astype(np.float64)
    posterior = (1 / np.exp(-lead).sum(axis=1)).tolist()
    rivals = (lead < _SURE).sum(axis=1).tolist()
    answers: list[tuple[str, float, DecidedBy]] = []
    for row, text in enumerate(texts):
        likeliest = [codes[number] for number in order[row].tolist()]
        answer: tuple[str, float, DecidedBy] = likeliest[0], posterior[row], "letters"
        if rivals[row] > 1 and library != "none":
            code, confidence = ask(library, text, tuple(likeliest))
            answer = (code, confidence, library) if code else answer
        answers.append((answer[0], round(answer[1] * float(shares[row]), 4), answer[2]))
    return answers


def _credit_small_words(texts: list[str], costs: NDArray[np.float32], codes: list[str]) -> None:
    """Lower the costs of the likeliest languages, and of English, by the small words that a text holds.

    Names and terms mislead the letters of a short text, in English most of all, so that its capitalised
    words count, too. Long texts, and those decided by far, are left alone.
    """
    english = [codes.index("en")] if "en" in codes else []
    likely = np.argsort(costs, axis=1, kind="stable")[:, :_CREDITED]
    rivals = (costs < costs.min(axis=1, keepdims=True) + _CREDITED_LEAD).sum(axis=1).tolist()
    for row, text in enumerate(texts):
        if len(text) > _LONGEST_CREDITED or rivals[row] < 2:
            continue
        tokens, lowered = set(_WORD.findall(text)), set(_WORD.findall(text.lower()))
        for number in {*likely[row].tolist(), *english}:
            own = lowered if number in english else tokens
            costs[row, number] -= _WORD_CREDIT * len(own & small_words(codes[number]))


def _holds_terms(text: str, script: str) -> bool:
    """Return whether the Latin part of a text with Chinese or its like is terms and names, not sentences."""
    return script == "latin" and not holds_any_small_words(text)


def _only_names(text: str) -> bool:
    """Return whether all words of a text are capitalised: names, titles, abbreviations."""
    return not text.isupper() and not any(word[0].islower() for word in _WORD.findall(text))
