"""Words of content in a request that another word may take the place of, and whether another agrees with them in form.

Only what asks is looked at (`asking`), never protected text, names, items of lists or prompts about words themselves.
English: a word in lower case, known, of four letters or more; another agrees if it has the same ending of inflection,
shares a part of speech that fits the place, and is no form, relative or opposite of it. Chinese: a known word of two
characters or more that the text does not cut elsewhere; another agrees if it is as long and no opposite. Rejected: a
tagger (a model for every language, for what endings and neighbours tell in short requests).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.augment.asking import asking
from pipeline.augment.chinese_words import HAN, stands_alone
from pipeline.augment.english_places import CHOICE, NOUN_BEFORE, VERB_BEFORE, is_apart
from pipeline.augment.english_words import words_of
from pipeline.augment.protocol import Passage
from quality.fidelity.lexicon import function_words
from quality.fidelity.relations import are_opposites, lemmas, noun_share, senses
from quality.inflection import bases
from quality.lookalike.chinese import chinese_words
from quality.lookalike.words import irregular_bases, is_one_word, known_words

WORDING = "wording"
"""Why there is no child: the prompt is about words themselves."""

_ABOUT_WORDS = re.compile(
    r"""\b(?:synonyms?|antonyms?|rhym\w+|spell(?:s|ed|ing)?|misspel\w+|typos?|grammar\w*|palindromes?|anagrams?|syllables?
    |words?|letters?|puns?|vowels?|proofread\w*|paraphras\w+|rephras\w+|rewrit\w+|translat\w+|acronyms?|mean(?:s|ing)?|
    defin\w+|difference|terms?|stands?\ for|called)\b
    |同义词|近义词|反义词|错别字|拼音|谐音|押韵|词性|造句|成语|病句|语法|标点|词语|单词|一词|这个词|绕口令|歇后语|对联|翻译|拼写|同音
    |改写|润色|区别|是什么意思|含义|定义|名词""",
    re.VERBOSE | re.IGNORECASE,
)
_ENDINGS = ("ing", "ed", "s")
_DEGREES = ("ly", "est", "er")
IRREGULAR = "irregular"
"""The form of "went": neither that of "goes" nor that of "travelled" for sure."""
_MOSTLY = 0.5
"""Share of a word's use as a noun from which its irregular form is a plural."""
_BASE = 5
_SHORTEST = 4
_LONGEST_ZH = 4
_ZH_COMMON = 8
_FIRST_SENSES = (("n", "entity", min), ("r", "common_era", max), ("v", "breathe", min))
"""The senses of `quality/fidelity` are numbered as WordNet's files go: adjectives, then from these words on nouns,
adverbs and verbs."""


@dataclass(frozen=True, slots=True)
class ContentWord:
    """A word of a text that may change: where it stands, in lower case, and the words before and after it, or ""."""

    start: int
    stop: int
    word: str
    before: str
    after: str


def is_about_words(text: str) -> bool:
    """Tell whether a prompt asks about words, so that another word asks something else."""
    return _ABOUT_WORDS.search(text) is not None


def content_words(passage: Passage) -> list[ContentWord]:
    """Return the words of a passage that may change, in order."""
    spans = asking(passage.text)
    return _chinese(passage, spans) if passage.lang == "zh" else _english(passage, spans)


def _english(passage: Passage, spans: Sequence[tuple[int, int]]) -> list[ContentWord]:
    text, found = passage.text, []
    known, light = known_words(), function_words()
    for start, stop in spans:
        words = words_of(text, start, stop)
        for at, word in enumerate(words):
            before = words[at - 1].lower if at and word.joined else ""
            after = words[at + 1].lower if at + 1 < len(words) and words[at + 1].joined else ""
            first = not text[start : word.start].strip()
            surface = text[word.start : word.stop]
            if (
                len(word.lower) < _SHORTEST
                or not word.lower.isalpha()
                or word.lower in light
                or known.get(word.lower, 0) < _BASE
                or not (surface.islower() or (first and surface[1:].islower()))
                or before in CHOICE
                or after in CHOICE
                or is_apart(text, word.start, word.stop)
                or passage.protected.holds(word.start, word.stop)
                or _in_phrase(word.lower, before, after)
            ):
                continue
            found.append(ContentWord(word.start, word.stop, word.lower, before, after))
    return found


def _in_phrase(word: str, before: str, after: str) -> bool:
    """Tell whether a word is part of a phrase that means something of its own: "high school"."""
    return any(
        left and right and senses(f"{left}_{right}") for left, right in ((before, word), (word, after))
    )


def _chinese(passage: Passage, spans: Sequence[tuple[int, int]]) -> list[ContentWord]:
    text, found = passage.text, []
    known, light = chinese_words(), function_words()
    for start, stop in spans:
        at = start
        while at < stop:
            size = next(
                (
                    n
                    for n in range(min(_LONGEST_ZH, stop - at), 1, -1)
                    if known.get(text[at : at + n], 0) >= _ZH_COMMON and stands_alone(text, at, at + n)
                ),
                0,
            )
            word = text[at : at + size]
            if size and word not in light and not passage.protected.holds(at, at + size):
                found.append(
                    ContentWord(at, at + size, word, text[at - 1 : at], text[at + size : at + size + 1])
                )
            at += size or 1
    return found


@lru_cache(maxsize=65536)
def agrees(word: str, other: str) -> bool:
    """Tell whether a word could stand in the place of another, as far as its form tells.

    Args:
        word, other: in lower case, or of Han characters.
    """
    if HAN.match(word) or HAN.match(other):
        return (
            len(word) == len(other)
            and all(map(HAN.match, other))
            and word != other
            and chinese_words().get(other, 0) >= _ZH_COMMON
            and not are_opposites(word, other)
        )
    return (
        other not in function_words()
        and len(other) >= _SHORTEST
        and form_of(word) == form_of(other)
        and not is_one_word(word, other)
        and set(lemmas(word)).isdisjoint(lemmas(other))
        and not _related(word, other)
        and not are_opposites(word, other)
    )


@lru_cache(maxsize=65536)
def form_of(word: str) -> str:
    """Return the ending of inflection that an English word bears, "" for none; an irregular past is of its own kind."""
    known, own = known_words(), lemmas(word)
    if any(len(base) > 2 and (known.get(base, 0) >= _BASE or base in own) for base in bases(word)):
        return next((ending for ending in _ENDINGS if word.endswith(ending)), "")
    if irregular := irregular_bases(word):
        return "s" if noun_share(irregular[0]) > _MOSTLY else IRREGULAR
    for ending in _DEGREES:
        stem = word.removesuffix(ending)
        if stem != word and any(known.get(stem + end, 0) >= _BASE for end in ("", "e", "y")):
            return ending
        if stem != word and any("a" in parts_of_speech(base) for base in _changed(stem) if base in own):
            return ending
    return ""


def _changed(stem: str) -> tuple[str, ...]:
    """Return what a stem is without what its ending did to it: easi, easy; bigg, big."""
    if stem.endswith("i"):
        return (stem[:-1] + "y",)
    return (stem[:-1],) if len(stem) > 3 and stem[-1] == stem[-2] else ()


def _related(left: str, right: str) -> bool:
    """Tell whether one word holds the other, or both begin alike: athlete and athletic, cow and cowboy."""
    if left in right or right in left:
        return True
    common = 0
    while common < min(len(left), len(right)) and left[common] == right[common]:
        common += 1
    return common >= _SHORTEST and common >= min(len(left), len(right)) - 3


@cache
def _bounds() -> tuple[tuple[int, str], ...]:
    return tuple((pick(_numbers(word)), pos) for pos, word, pick in _FIRST_SENSES)


def _numbers(word: str) -> list[int]:
    return [int(sense, 36) for sense in senses(word)]


def _pos_of(sense: str) -> str:
    found = "a"
    for first, pos in _bounds():
        if int(sense, 36) >= first:
            found = pos
    return found


@lru_cache(maxsize=65536)
def parts_of_speech(word: str) -> frozenset[str]:
    """Return the parts of speech of an English word: n, v, a, r; none for a word without senses."""
    return frozenset(map(_pos_of, senses(word)))


@lru_cache(maxsize=65536)
def shared_parts_of_speech(word: str, other: str) -> frozenset[str]:
    """Return the parts of speech of the senses that two English words share."""
    return frozenset(map(_pos_of, senses(word) & senses(other)))


def fits_place(word: ContentWord, wanted: frozenset[str], sentence_start: bool) -> bool:
    """Tell whether an English word is one of some parts of speech where it stands.

    A word of one part of speech only is; of several, the word before it must say which.
    """
    own = parts_of_speech(word.word)
    if not own & wanted:
        return False
    if own <= wanted:
        return True
    if word.before in VERB_BEFORE or (sentence_start and form_of(word.word) == ""):
        return "v" in wanted
    if word.before in NOUN_BEFORE:
        return "n" in wanted and not _before_noun(word.after)
    return False


def _before_noun(after: str) -> bool:
    """Tell whether the next word is a noun, which makes the one before it an attribute."""
    return bool(after) and after not in function_words() and "n" in parts_of_speech(after)
