"""The verdict on two texts: what the rests of all differing blocks come to.

Numbers, units, negations, operators and literals decide however much else differs. Other words decide only
in a frame that is otherwise equal, where one replaced word is how people ask for something else; in a pair
with little in common a replaced word is a paraphrase as often as not, and similarity decides. Rejected: a
score; it would have to weigh a negation against the length of the rest.
"""

from __future__ import annotations

from collections import Counter

from quality.lookalike.align import Block, blocks
from quality.lookalike.lexicon import lexicon
from quality.lookalike.order import order_differs
from quality.lookalike.request import Verdict
from quality.lookalike.settle import Rest, Settler
from quality.lookalike.tokens import Tokens, tokenise

SAME = Verdict("", True)
OPEN = Verdict("", False)

_SHORT_WORDS = 3
_SHORT_HAN = 5
_FRAME = 0.5
"""Least share of content that two texts have in common for one to be a variation of the other."""

_SHARED = 0.6
"""Least share of tokens, function words too, that stand alike in a text and its variation."""

_SHARED_BY_ONE = 0.4
"""The same, where one block is all that differs."""

_PAYLOAD = 2
"""Least words of content behind a colon for them to be what a request works on."""

_MOST_MOVED = 50
"""Most moved tokens whose role is looked at."""

_LOOSE = 2
"""Most function words that may come or go in a pair that says the same, articles and particles apart."""

_ALWAYS = ("numbers", "units", "negation", "operators", "literals", "language", "script")


def compare_texts(left: str, right: str) -> Verdict:
    """Tell what two texts disagree on, and whether nothing but form differs; symmetric."""
    if left == right:
        return SAME
    if right < left:
        left, right = right, left
    ours, theirs = tokenise(left), tokenise(right)
    if ours.keys == theirs.keys:
        return _equal_keys(ours, theirs)
    if not ours.keys or not theirs.keys:
        return Verdict("words", False)
    return _judge(ours, theirs)


def says_the_same(left: str, right: str) -> bool:
    """Return `compare_texts(left, right).same`, with no more of two long texts read than that takes."""
    if left == right:
        return True
    if right < left:
        left, right = right, left
    ours, theirs = tokenise(left), tokenise(right)
    if ours.keys == theirs.keys or not ours.keys or not theirs.keys:
        return compare_texts(left, right).same
    found = blocks(ours.keys, theirs.keys)
    mine, yours = set(ours.keys), set(theirs.keys)
    rests: list[Rest] = []
    loose = 0
    for rest in Settler(ours, theirs).settle_all(found):
        loose += rest.loose
        if rest.kind or rest.weak or loose > _LOOSE:
            return False
        if any(ours.keys[place] not in yours for place in (*rest.left, *rest.soft_left)):
            return False  # it stands nowhere in the other text, so it has not moved there
        if any(theirs.keys[place] not in mine for place in (*rest.right, *rest.soft_right)):
            return False
        rests.append(rest)
    return _weighed(ours, theirs, found, rests).same


def _equal_keys(left: Tokens, right: Tokens) -> Verdict:
    if not left.keys:
        return SAME if "".join(left.text.split()) == "".join(right.text.split()) else Verdict("words", False)
    if left.code_like and right.code_like and left.brackets != right.brackets:
        return Verdict("operators", False)
    return SAME


def _judge(left: Tokens, right: Tokens) -> Verdict:
    found = blocks(left.keys, right.keys)
    return _weighed(left, right, found, list(Settler(left, right).settle_all(found)))


def _weighed(left: Tokens, right: Tokens, found: list[Block], rests: list[Rest]) -> Verdict:
    """Return what the rests of all blocks come to."""
    ours = [(place, rest) for rest in rests for place in rest.left]
    theirs = [(place, rest) for rest in rests for place in rest.right]
    kinds = {rest.kind for rest in rests if rest.kind}
    moved = _cancel(left, right, ours, theirs)
    order = order_differs(left, right, moved[:_MOST_MOVED]) if moved else ""
    loose = sum(rest.loose for rest in rests)
    if order == "order" and not ours and not theirs:
        return Verdict("order", False) if loose <= _LOOSE else OPEN
    soft = _soft(left, right, rests)
    short = _is_short(left, right)
    if not ours and not theirs and not kinds:
        if left.code_like and right.code_like and _signs(left) != _signs(right) and not moved:
            return Verdict("operators", False)
        if soft or order == "weak":
            return Verdict("words", False) if short and soft and _is_bare(left, right, rests) else OPEN
        return SAME if loose <= _LOOSE else OPEN
    kind = _kind(left, right, ours, theirs, kinds)
    if kind in _ALWAYS or short or _is_variation(left, right, found, rests, ours, theirs):
        return Verdict(kind, False)
    if _other_names(left, right, ours, theirs):
        return Verdict("names", False)
    return Verdict("input", False) if _other_payload(left, right) else OPEN


def _is_variation(
    left: Tokens,
    right: Tokens,
    found: list[Block],
    rests: list[Rest],
    ours: list[tuple[int, Rest]],
    theirs: list[tuple[int, Rest]],
) -> bool:
    """Tell whether one text is the other with something put in, taken out, or put in its place."""
    changed = max(sum(b - a for a, b, _, _ in found), sum(d - c for _, _, c, d in found))
    longest = max(len(left.keys), len(right.keys))
    shared = 1 - changed / longest
    if not (ours and theirs):
        added = min(sum(b - a for a, b, _, _ in found), sum(d - c for _, _, c, d in found))
        return added <= 1 or shared >= _SHARED
    changing = [rest for rest in rests if rest.left or rest.right]
    if len(changing) == 1 and shared >= _SHARED_BY_ONE:
        return True
    return shared >= _SHARED or (shared >= 0.5 and _frame(left, right, len(ours), len(theirs)) >= _FRAME)


def _signs(tokens: Tokens) -> str:
    """Return the brackets of a text without their places."""
    return "".join(char for char in tokens.brackets if not char.isdigit())


def _cancel(
    left: Tokens, right: Tokens, ours: list[tuple[int, Rest]], theirs: list[tuple[int, Rest]]
) -> list[tuple[int, int]]:
    """Remove what stands on both sides at other places; return the pairs of places that were removed."""
    moved: list[tuple[int, int]] = []
    by_key: dict[str, list[int]] = {}
    for place, _ in reversed(theirs):
        by_key.setdefault(right.keys[place], []).append(place)
    for place, _ in ours:
        if matches := by_key.get(left.keys[place]):
            moved.append((place, matches.pop()))
    gone_left, gone_right = {pair[0] for pair in moved}, {pair[1] for pair in moved}
    ours[:] = [entry for entry in ours if entry[0] not in gone_left]
    theirs[:] = [entry for entry in theirs if entry[0] not in gone_right]
    return moved


def _content(tokens: Tokens) -> int:
    light = lexicon().light
    return len([key for key in tokens.keys if key not in light])


def _frame(left: Tokens, right: Tokens, ours: int, theirs: int) -> float:
    """Return the share of content that two texts have in common."""
    common = max(0, min(_content(left) - ours, _content(right) - theirs))
    return common / (common + max(ours, theirs)) if common + max(ours, theirs) else 1.0


def _is_short(left: Tokens, right: Tokens) -> bool:
    """Tell whether one of two texts is too short for what is left of it to be a detail."""
    for tokens in (left, right):
        han = tokens.kinds.count("h")
        if _content(tokens) <= (_SHORT_HAN if han > len(tokens.kinds) / 2 else _SHORT_WORDS):
            return True
    return False


def _soft(left: Tokens, right: Tokens, rests: list[Rest]) -> bool:
    """Tell whether soft words are left that do not merely stand elsewhere."""
    ours = Counter(left.keys[place] for rest in rests for place in rest.soft_left)
    theirs = Counter(right.keys[place] for rest in rests for place in rest.soft_right)
    return ours != theirs or any(rest.weak for rest in rests)


def _kind(
    left: Tokens, right: Tokens, ours: list[tuple[int, Rest]], theirs: list[tuple[int, Rest]], kinds: set[str]
) -> str:
    """Return what the rests disagree on, the most telling first."""
    words = lexicon()
    mine = [(left.keys[p], left.kinds[p]) for p, _ in ours]
    yours = [(right.keys[p], right.kinds[p]) for p, _ in theirs]
    every = mine + yours
    if any(kind == "n" for _, kind in every):
        return "numbers"
    if any(kind == "x" for _, kind in every):
        return "operators"
    if any(_is_counted(left, p) for p, _ in ours) or any(_is_counted(right, p) for p, _ in theirs):
        return "units"
    if any(_negates(left, p) for p, _ in ours) or any(_negates(right, p) for p, _ in theirs):
        return "negation"
    if any(rest.literal for _, rest in ours + theirs) or any(kind == "i" for _, kind in every):
        return "literals"
    if kinds:
        return min(kinds)
    if any(_is_language(key, words.languages) for key, _ in every) or _han_word(
        left, right, ours, theirs, words.languages
    ):
        return "language"
    if any(kind == "s" for _, kind in every):
        return "script"
    if any(key in words.wh for key, _ in mine) and any(key in words.wh for key, _ in yours):
        return "question"
    if any(key in words.quantifiers for key, _ in every):
        return "quantity"
    if any(key in words.formats for key, _ in mine) and any(key in words.formats for key, _ in yours):
        return "format"
    if any(_is_name(left, p) for p, _ in ours) and any(_is_name(right, p) for p, _ in theirs):
        return "names"
    if any(key in words.formats for key, _ in every):
        return "format"
    return "words" if mine and yours else "detail"


def _other_payload(left: Tokens, right: Tokens) -> bool:
    """Tell whether what stands behind the colon of both texts has little in common."""
    parts = [tokens.text.partition(":")[2] for tokens in (left, right)]
    ours, theirs = ({*tokenise(part).keys} - lexicon().light for part in parts)
    return min(len(ours), len(theirs)) >= _PAYLOAD and 2 * len(ours & theirs) < len(ours | theirs)


def _is_bare(left: Tokens, right: Tokens, rests: list[Rest]) -> bool:
    """Tell whether a short text has hardly a word but the soft ones, or they stand for other persons."""
    if min(_content(left), _content(right)) <= 1:
        return True
    links = lexicon().prepositions
    both = [r for r in rests if r.soft_left and r.soft_right]
    return any(left.keys[p] not in links for rest in both for p in rest.soft_left)


def _is_counted(tokens: Tokens, place: int) -> bool:
    """Tell whether a token is a unit after its number."""
    return tokens.kinds[place] == "u" and place > 0 and tokens.kinds[place - 1] == "n"


def _negates(tokens: Tokens, place: int) -> bool:
    """Tell whether a token negates, and is not the sign in a word such as 不同 or 未来."""
    words = lexicon()
    if tokens.keys[place] not in words.negations:
        return False
    keys = tokens.keys
    near = ("".join(keys[max(0, place - 1) : place + 1]), "".join(keys[place : place + 2]))
    return not any(word in words.negation_words for word in near)


def _is_language(key: str, languages: frozenset[str]) -> bool:
    return key in languages


def _han_word(
    left: Tokens,
    right: Tokens,
    ours: list[tuple[int, Rest]],
    theirs: list[tuple[int, Rest]],
    names: frozenset[str],
) -> bool:
    """Tell whether a Han rest lies in one of some names: 法 of 法语."""
    for tokens, rest in ((left, ours), (right, theirs)):
        for place, _ in rest[:4]:
            if tokens.kinds[place] != "h":
                continue
            for begin in range(max(0, place - 3), place + 1):
                for size in (2, 3, 4):
                    if begin + size > place and "".join(tokens.keys[begin : begin + size]) in names:
                        return True
    return False


def _is_name(tokens: Tokens, place: int) -> bool:
    """Tell whether a word is written as a name: a capital letter where no clause begins."""
    return tokens.cased[tokens.starts[place]].isupper() and place not in tokens.begins


def _other_names(
    left: Tokens, right: Tokens, ours: list[tuple[int, Rest]], theirs: list[tuple[int, Rest]]
) -> bool:
    """Tell whether each text names something that the other does not mention."""
    mine = {left.keys[p] for p, _ in ours if _is_name(left, p)} - set(right.keys)
    yours = {right.keys[p] for p, _ in theirs if _is_name(right, p)} - set(left.keys)
    return bool(mine) and bool(yours)
