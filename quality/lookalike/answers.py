"""Do two answers say something else?

`contradiction` compares the facts two answers state: each side gives a number that the other does not, or
they deny what the other says in the same words. `conflict` compares answers to one request: another label,
name or number where a few words are the answer, yes against no, two brief answers that share no number, or
one sentence said with another number, name or negation. `is_retold` tells whether they were written apart.
Rejected: comparing all numbers of two long answers; one that tells more is no denial.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from quality.lookalike.judge import compare_texts, says_the_same
from quality.lookalike.lexicon import lexicon
from quality.lookalike.tokens import Tokens, tokenise

_ENUMERATION = re.compile(
    r"(?m)^[ \t]*(?:[-*•]\s+)?(?:\(?\d{1,2}[.)、]|[一二三四五六七八九十]{1,2}、)(?!\d)\s*"
)
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:\.(?=\S)[^.!?。！？\n]*)*")
_HAN_STOP = re.compile(r"(?<=[㐀-鿿])\.(?=[㐀-鿿]|\s|$)")
_YES = re.compile(
    r"\W*(?:(?:yes|yeah|yep|true|correct|right)(?![a-z])|(?:是|对|能|会|有|正确|没错)(?!\w)|是的|对的|可以)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\W*(?:(?:no|nope|false|incorrect|wrong)(?![a-z])|(?:没有|不|否|错误|错)(?!\w)|不是|不对|不可以|不能|不会|不宜|不应)",
    re.IGNORECASE,
)
_CLOSED_TOKENS = 8
_CLOSED_HAN = 14
_BRIEF_TOKENS = 30
_FEW_VALUES = 2
_SAME_WORDS = 0.5
_ALIKE = 0.6
_MOST_SENTENCES = 60
_FACTS = frozenset(("numbers", "units", "negation", "names", "opposite", "operators", "literals", "language"))


def contradiction(left: str, right: str) -> str:
    """Return what two answers disagree on: `numbers`, `negation`, or ""; symmetric."""
    if left == right:
        return ""
    ours, theirs = (tokenise(_ENUMERATION.sub("", text)) for text in (left, right))
    mine, yours = _values(ours), _values(theirs)
    alike = _overlap(ours, theirs) >= _SAME_WORDS
    if (mine - yours and yours - mine) or (alike and mine != yours):
        return "numbers"
    if alike and _negations(ours) != _negations(theirs):
        return "negation"
    return ""


def conflict(left: str, right: str) -> str:
    """Return what two answers to the same request disagree on, a kind of `KINDS`, or ""; symmetric."""
    left, right = (_HAN_STOP.sub("。", text) for text in (left, right))
    if left == right or says_the_same(left, right):
        return ""
    polarity = _polarity(left) * _polarity(right)
    if polarity < 0:
        return "negation"
    ours, theirs = tokenise(left), tokenise(right)
    if _is_closed(ours) and _is_closed(theirs):
        found = _closed_conflict(left, right, ours, theirs)
        return "" if polarity > 0 and found not in ("numbers", "units") else found
    if _is_brief(ours) and _is_brief(theirs):
        mine, yours = _values(ours), _values(theirs)
        if mine and yours and mine.isdisjoint(yours) and max(len(mine), len(yours)) <= _FEW_VALUES:
            return "numbers"
    if _is_closed(ours) or _is_closed(theirs):
        short, long = (ours, theirs) if _is_closed(ours) else (theirs, ours)
        return "numbers" if _values(short) - _values(long) and _values(long) else ""
    return _sentence_conflict(left, right)


def is_retold(left: str, right: str, left_answer: str, right_answer: str) -> bool:
    """Tell whether two answers say it in other words, and not in the words by which the requests differ.

    Answers that were written apart and agree speak for one request. An answer that was copied with its
    request, or in which the same word was replaced as in the request (cats in one, dogs in the other), does not.
    """
    ours, theirs, said, told = (_content_of(text) for text in (left, right, left_answer, right_answer))
    if not ((ours - theirs).isdisjoint(said - told) and (theirs - ours).isdisjoint(told - said)):
        return False
    return not says_the_same(left_answer, right_answer)


def _values(tokens: Tokens) -> set[str]:
    """Return the numbers of a text but for "one", which is an article as often as a number."""
    found = set()
    for place, kind in enumerate(tokens.kinds):
        if kind == "n" and (tokens.keys[place] != "1" or tokens.word(place).isdigit()):
            found.add(tokens.keys[place])
    found.discard("#1")
    return found


def _negations(tokens: Tokens) -> int:
    words = lexicon()
    count = 0
    for place, key in enumerate(tokens.keys):
        if key in words.negations:
            near = (
                "".join(tokens.keys[max(0, place - 1) : place + 1]),
                "".join(tokens.keys[place : place + 2]),
            )
            count += not any(word in words.negation_words for word in near)
    return count


@lru_cache(maxsize=4096)
def _content_of(text: str) -> set[str]:
    return _content(tokenise(text))


def _content(tokens: Tokens) -> set[str]:
    light = lexicon().light
    return {key for key in tokens.keys if key not in light}


def _overlap(left: Tokens, right: Tokens) -> float:
    return _shared(frozenset(left.keys), frozenset(right.keys))


def _shared(ours: frozenset[str], theirs: frozenset[str]) -> float:
    common = len(ours & theirs)
    either = len(ours) + len(theirs) - common
    return common / either if either else 1.0


def _polarity(text: str) -> int:
    """Return 1 for an answer that begins with a yes, -1 for a no, 0 for neither."""
    if _NO.match(text):
        return -1
    return 1 if _YES.match(text) else 0


def _is_closed(tokens: Tokens) -> bool:
    """Tell whether an answer is a label, a name, a value: a few words."""
    han = tokens.kinds.count("h")
    return (
        len(tokens.keys) - han <= _CLOSED_TOKENS
        and han <= _CLOSED_HAN
        and (han == 0 or len(tokens.keys) <= 16)
    )


def _is_brief(tokens: Tokens) -> bool:
    """Tell whether an answer is a sentence or two, in which a number is likely to be the point."""
    return len(tokens.keys) <= _BRIEF_TOKENS


def _closed_conflict(left: str, right: str, ours: Tokens, theirs: Tokens) -> str:
    """Return what two short answers disagree on; one that only says more than the other agrees with it."""
    verdict = compare_texts(left, right)
    if verdict.same:
        return ""
    mine, yours = _content(ours), _content(theirs)
    related = mine <= yours or yours <= mine or _overlap(ours, theirs) >= _SAME_WORDS
    if related and _negations(ours) != _negations(theirs):
        return "negation"
    if _values(ours) != _values(theirs) and _values(ours) and _values(theirs):
        return "numbers"
    if mine <= yours or yours <= mine:
        return ""
    return verdict.differs or "words"


def _sentence_conflict(left: str, right: str) -> str:
    """Return what a sentence of one answer and its like in the other disagree on."""
    ours, theirs = _sentences(left), _sentences(right)
    found = set()
    for one in ours:
        best = _closest(one, theirs) if len(one.tokens.keys) >= 4 else None
        if best is None or _closest(best, ours) is not one:
            continue
        differs = _differs(one.tokens.cased, best.tokens.cased)
        if differs in _FACTS:
            found.add(differs)
    return min(found) if found else ""


@lru_cache(maxsize=16384)
def _differs(left: str, right: str) -> str:
    """Return what two sentences disagree on; the same ones stand in many answers."""
    return compare_texts(left, right).differs


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    tokens: Tokens
    keys: frozenset[str]


@lru_cache(maxsize=4096)
def _sentences(text: str) -> tuple[_Sentence, ...]:
    """Return the sentences of an answer; one that is said twice is one object."""
    known: dict[str, _Sentence] = {}
    for part in _SENTENCE.findall(text)[:_MOST_SENTENCES]:
        if part.strip() and part not in known:
            tokens = tokenise.__wrapped__(part)  # they would drive the texts out of the cache
            known[part] = _Sentence(tokens, frozenset(tokens.keys))
    return tuple(known.values())


def _closest(one: _Sentence, others: Sequence[_Sentence]) -> _Sentence | None:
    """Return the sentence that shares the most words with one, of equal ones the last in order; or none alike."""
    best, most = None, _ALIKE
    size = len(one.keys)
    for other in others:
        if min(size, len(other.keys)) < most * max(size, len(other.keys)) - 1e-9:
            continue
        overlap = _shared(one.keys, other.keys)
        if overlap > most or (overlap == most and (best is None or other.tokens.text > best.tokens.text)):
            best, most = other, overlap
    return best
