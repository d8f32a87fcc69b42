"""Where the subject of an English question ends, and subject, verb and rest in the order of a clause.

The end is where a pronoun says so, or before the one word of a list that can be the verb or begin what is said of the
subject; two such words, or none, and the answer is None. Rejected: the longest noun phrase by a tagger's tags.
"""

from __future__ import annotations

from pipeline.augment.words_en import BE, DO, verbs, word_set

PRONOUNS = frozenset(
    {"i", "you", "we", "they", "it", "he", "she", "people", "someone", "one", "there", "everyone"}
)
DETERMINERS = word_set("determiners")
PREPOSITIONS = word_set("prepositions")
PREDICATES = word_set("predicates")
_ADVERBS = word_set("adverbs")
LONGEST_MOVED = 6


def join(*parts: str | list[str]) -> str:
    """Return words with one space between."""
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in parts if part)


def subject_and_rest(after: list[str], aux: str, how: bool = False) -> str | None:
    """Return subject, verb and the rest in a clause's order."""
    subject = after[0].lower()
    if len(after) < 2:
        return None
    if how and subject in ("i", "you", "we", "one") and aux in ("do", "can", "should", "would"):
        return None if after[1].lower() in ("not", "know", "think", "feel", "find") else join("to", after[1:])
    if aux == "do":
        return join(after)
    plain = "I" if subject == "i" else after[0]
    if subject in PRONOUNS and aux not in ("does", "did"):
        return join(plain, aux, after[1:])
    if subject in PRONOUNS:
        at: int | None = 1
    elif aux in BE:
        at = predicate(after)
    else:
        at = _verb(after)
    if at is None:
        return None
    if aux in DO:
        forms = verbs().past if aux == "did" else verbs().third
        verb = after[at].lower()
        return join(after[:at], forms[verb], after[at + 1 :]) if verb in forms else None
    if aux in ("has", "have", "had"):
        return None
    return join(after[:at], aux, after[at:])


def _verb(after: list[str]) -> int | None:
    """Return where the verb stands after a subject, if one word alone can be it."""
    known = verbs().past
    if "be" in after[1 : LONGEST_MOVED + 1]:
        return after.index("be")
    found: list[int] = []
    for at in range(1, len(after)):
        word, before = after[at].lower(), after[at - 1].lower()
        if word in known and after[at].islower() and before not in DETERMINERS and before not in PREPOSITIONS:
            found.append(at)
        elif word in ("to", "that", "which", "who", "when", "if", "because") or (
            found and word in PREPOSITIONS
        ):
            break
    if not found or found[0] > LONGEST_MOVED:
        return None
    if len(found) > 1 and found[1] == found[0] + 1:
        return None
    return found[0]


def predicate(after: list[str]) -> int | None:
    """Return where what is said of a subject begins, if that is clear."""
    for at in range(1, len(after)):
        word, before = after[at].lower(), after[at - 1].lower()
        if word in ("that", "which", "who", "to"):
            return None
        if before in DETERMINERS or before in PREPOSITIONS:
            continue
        if word in PREDICATES or word in verbs().participles:
            begins = at - 1 if at > 1 and before in _ADVERBS else at
            return begins if begins <= LONGEST_MOVED else None
        if word.endswith("ing") and len(word) > 5 and at + 1 < len(after):
            return None
    return None
