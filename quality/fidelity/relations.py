"""What words mean beside one another: one sense, opposite senses, derived from one another, of one kind.

Synonyms, antonyms and kinds are looked up in WordNet (English) and Cilin (Chinese), cut to the senses people use and
kept as tables beside this file. Rejected: an embedding for opposites ("increase" and "decrease" are its nearest
neighbours), and all senses of a thesaurus, in which every two common words are synonyms.
"""

from __future__ import annotations

import gzip
from functools import cache, lru_cache

from quality.fidelity.lexicon import DATA, is_han, table
from quality.inflection import bases
from quality.lookalike.lexicon import lexicon as closed_classes
from quality.lookalike.reworded import stem
from quality.lookalike.words import american, irregular_bases, is_one_word, known_words

_NEGATING = ("un", "in", "im", "il", "ir", "non", "dis", "a", "mis")
_SHORTEST_STEM = 4
_SHORTEST_NAME = 5
_LONGEST_ENDING = 4
_RARER = 2
"""By how much the decimal logarithm of a base's count may lie below that of its inflection."""
_LAST_NOUN = 4555
"""Groups of Cilin that name persons, things, times and ideas come before those of properties and doings."""
_NEAREST_KINDS = 3
"""Most steps between a noun and one that it is a kind of."""
_DEEPEST_COMMON = 5
"""Least steps from a noun to the root, for its neighbours to be kinds of one thing that people tell apart."""


@cache
def _senses() -> dict[str, frozenset[str]]:
    return {word: frozenset(rest.split()) for word, _, rest in _lines("english_senses.txt.gz")}


@cache
def _near() -> dict[str, frozenset[str]]:
    return {word: frozenset(rest.split()) for word, _, rest in _lines("english_near.txt.gz")}


@cache
def _derivations() -> dict[str, frozenset[str]]:
    return {sense: frozenset(rest.split()) for sense, _, rest in _lines("english_derived.txt.gz")}


@cache
def _broader() -> dict[str, str]:
    return {sense: rest for sense, _, rest in _lines("english_broader.txt.gz")}


@cache
def _nouns() -> dict[str, float]:
    return {word: int(rest) / 9 for word, _, rest in _lines("english_nouns.txt.gz")}


@cache
def _opposites() -> tuple[frozenset[tuple[str, str]], dict[str, frozenset[str]]]:
    """Return pairs of opposite words, and opposite senses by sense."""
    words = set(closed_classes().opposites) - {("and", "or"), ("or", "and")}  # a list may be told with either
    senses: dict[str, set[str]] = {}
    for one, _, other in _lines("english_opposites.txt.gz"):
        if one.isupper() or one.isdigit() or not one.islower():
            senses.setdefault(one, set()).add(other)
            senses.setdefault(other, set()).add(one)
        else:
            words |= {(one, other), (other, one)}
    for pair in table()["en"]["opposites"].split(", "):
        one, other = pair.split()
        words |= {(one, other), (other, one)}
    for pair in table()["zh"]["opposite_words"].split(", "):
        half = len(pair) // 2
        words |= {(pair[:half], pair[half:]), (pair[half:], pair[:half])}
    for pair in table()["zh"]["opposite_characters"].split():
        words |= {(pair[0], pair[1]), (pair[1], pair[0])}
    return frozenset(words), {sense: frozenset(others) for sense, others in senses.items()}


@cache
def _cilin() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    text = gzip.decompress((DATA / "chinese_synonyms.txt.gz").read_bytes()).decode()
    for number, line in enumerate(text.splitlines()):
        for word in line.split():
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


@cache
def _rewordings() -> dict[str, frozenset[int]]:
    """Return the groups of words that stand for one another when a Chinese sentence is told otherwise."""
    found: dict[str, set[int]] = {}
    lines = (DATA / "chinese_rewordings.txt").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        for word in line.split():
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


@cache
def _opposite_groups() -> frozenset[tuple[int, int]]:
    """Return pairs of groups of Cilin that hold opposite words: what is said of a word holds for its synonyms."""
    groups = _cilin()
    return frozenset(
        (a, b)
        for one, other in _opposites()[0]
        if len(one) == len(other) == 2 and is_han(one)
        for a in groups.get(one, ())
        for b in groups.get(other, ())
        if a != b
    )


def _lines(name: str) -> list[tuple[str, str, str]]:
    text = gzip.decompress((DATA / name).read_bytes()).decode()
    return [line.partition(" ") for line in text.splitlines()]


@lru_cache(maxsize=65536)
def lemmas(word: str) -> tuple[str, ...]:
    """Return a word and what it may be an inflection of."""
    base = stem(american(word))
    known = known_words()
    regular = [base for base in bases(word) if known.get(base, 0) >= known.get(word, 0) - _RARER]
    compared = [root + end for root in _compared(word) for end in ("", "e") if root + end in known]
    return tuple(dict.fromkeys((word, base, american(word), *regular, *irregular_bases(word), *compared)))


def _compared(word: str) -> list[str]:
    """Return what a word may be the comparative or superlative of."""
    roots = [word[: -len(ending)] for ending in ("er", "est") if word.endswith(ending)]
    roots = [root for root in roots if len(root) > 2]
    return [
        *roots,
        *(root[:-1] for root in roots if root[-1] == root[-2]),
        *(root[:-1] + "y" for root in roots if root[-1] == "i"),
    ]


@lru_cache(maxsize=65536)
def senses(word: str) -> frozenset[str]:
    """Return the senses of an English word in any of its forms; a phrase has underscores."""
    known = _senses()
    found = known.get(word, frozenset())
    return found or frozenset().union(*(known.get(lemma, frozenset()) for lemma in lemmas(word)))


@lru_cache(maxsize=65536)
def noun_share(word: str) -> float:
    """Return how much of the use of an English word is as a noun, 0 to 1; what nobody knows is a noun."""
    shares = _nouns()
    if not senses(word):
        return 1.0
    return shares.get(word) or max((shares.get(lemma, 0.0) for lemma in lemmas(word)), default=0.0)


@lru_cache(maxsize=65536)
def noun_share_zh(word: str) -> float:
    """Return how much of the use of a Chinese word is as a noun, by the chapters of Cilin that it stands in."""
    chapters = _cilin().get(word)
    if chapters is None:
        return 0.7
    return sum(number < _LAST_NOUN for number in chapters) / len(chapters)


@lru_cache(maxsize=65536)
def _line_of_kinds(sense: str) -> tuple[str, ...]:
    """Return a noun's sense, what it is a kind of, and so on."""
    line = [sense]
    while line[-1] in _broader():
        line.append(_broader()[line[-1]])
    return tuple(line)


def _noun_senses(word: str) -> tuple[str, ...]:
    return tuple(sense for sense in senses(word) if sense in _broader())


@lru_cache(maxsize=131072)
def is_broader(wide: str, narrow: str) -> bool:
    """Tell whether one noun is a kind of the other: animal, dog."""
    heads = set(_noun_senses(wide))
    return any(
        not heads.isdisjoint(_line_of_kinds(sense)[1 : 1 + _NEAREST_KINDS]) for sense in _noun_senses(narrow)
    )


@lru_cache(maxsize=131072)
def are_derived(left: str, right: str) -> bool:
    """Tell whether a sense of one word is derived from a sense of the other: deliver, delivery."""
    derived, theirs = _derivations(), senses(right)
    return any(not derived.get(sense, frozenset()).isdisjoint(theirs) for sense in senses(left))


@lru_cache(maxsize=131072)
def are_siblings(left: str, right: str) -> bool:
    """Tell whether two nouns are kinds of one thing, neither a kind of the other: beer, wine."""
    for one in _noun_senses(left):
        for other in _noun_senses(right):
            ours, theirs = _line_of_kinds(one), _line_of_kinds(other)
            if min(len(ours), len(theirs)) < _DEEPEST_COMMON:
                continue
            near = set(ours[1:3])
            if not near.isdisjoint(theirs[1:3]) and one not in theirs and other not in ours:
                return True
    return False


@lru_cache(maxsize=131072)
def are_synonyms(left: str, right: str) -> bool:
    """Tell whether two words share a sense, or a phrase class of the request lexicon."""
    if is_han(left) or is_han(right):
        for groups in (_cilin(), _rewordings()):
            if not groups.get(left, frozenset()).isdisjoint(groups.get(right, frozenset())):
                return True
    elif not senses(left).isdisjoint(senses(right)):
        return True
    words = closed_classes()
    for classes in (words.synonyms, words.verbs):
        if not classes.get(left, frozenset()).isdisjoint(classes.get(right, frozenset())):
            return True
    return False


def are_opposite_words(left: str, right: str) -> bool:
    """Tell whether two words stand as a pair in the tables of opposites, whatever else they mean."""
    return (left, right) in _opposites()[0]


@lru_cache(maxsize=131072)
def are_opposites(left: str, right: str) -> bool:
    """Tell whether two words are opposites: in a table, by a prefix that negates, or character by character."""
    pairs, opposite = _opposites()
    if (left, right) in pairs:
        return True
    if is_han(left) or is_han(right):
        return _are_opposite_han(left, right, pairs)
    ours, theirs = lemmas(left), lemmas(right)
    if any((a, b) in pairs for a in ours for b in theirs):
        return True
    if any(_negates(a, b) or _negates(b, a) for a in ours for b in theirs):
        return True
    for one in senses(left):
        heads = {one} | _near().get(one, frozenset())
        against = frozenset().union(*(opposite.get(head, frozenset()) for head in heads))
        if against and any(
            not against.isdisjoint({two} | _near().get(two, frozenset())) for two in senses(right)
        ):
            return senses(left).isdisjoint(senses(right))
    return False


def _negates(long: str, short: str) -> bool:
    """Tell whether a word is another with a prefix or an ending that negates."""
    if len(short) >= _SHORTEST_STEM and long.endswith(short) and long[: -len(short)] in _NEGATING:
        return known_words().get(short, 0) >= _SHORTEST_STEM and long[: -len(short)] != "a"
    return (
        long.endswith("less")
        and short.endswith("ful")
        and long[:-4] == short[:-3]
        and len(long) > _SHORTEST_STEM
    )


def _are_opposite_han(left: str, right: str, pairs: frozenset[tuple[str, str]]) -> bool:
    if min(len(left), len(right)) == 2 == max(len(left), len(right)) and any(
        (one, other) in _opposite_groups()
        for one in _cilin().get(left, ())
        for other in _cilin().get(right, ())
    ):
        return not are_synonyms(left, right)
    if len(left) == len(right):
        opposed = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
        return len(left) <= 3 and len(opposed) > 0 and all(pair in pairs for pair in opposed)
    long, short = (left, right) if len(left) > len(right) else (right, left)
    if long[:1] in "不无非未" and long[1:] == short:
        return len(short) >= 2
    return len(short) == 1 and len(long) == 2 and (short, long[0]) in pairs and long[1] in "性人士子生孩面边"


@lru_cache(maxsize=131072)
def are_one(left: str, right: str) -> bool:
    """Tell whether two English words are spellings, inflections, slips or near derivations of one."""
    if left == right or is_one_word(left, right):
        return True
    short, long = sorted((left, right), key=len)
    if not short.isascii() or len(short) < 5:
        return False
    return _derived(short, long) or long == f"re{short}"


def are_one_name(left: str, right: str) -> bool:
    """Tell whether two names are of one place: China and Chinese, Italy and Italian."""
    short, long = sorted((left, right), key=len)
    return (
        len(short) >= _SHORTEST_NAME and len(long) - len(short) <= _LONGEST_ENDING and short[:4] == long[:4]
    )


def _derived(short: str, long: str) -> bool:
    """Tell whether two words share all of a stem but an ending: rapid and rapidly, treat and treatment."""
    common = 0
    while common < len(short) and short[common] == long[common]:
        common += 1
    return common >= 5 and common >= len(short) - 3 and len(long) - common <= 5 and common >= 0.6 * len(long)
