"""E-mail addresses, also spelled out ("jo at example dot org"), full-width, and between Chinese words.

Each @ is looked at once, in a window to both sides, so a megabyte of @ costs a megabyte. A top-level domain must be
one that exists or is reserved for examples: `x@self.weight` is a product of matrices. Rejected: presidio's
recogniser, whose pattern has `\\b` at both ends (nothing is found beside Chinese) and whose check wants a public
suffix list that it fetches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from quality.pii import signs
from quality.pii.signs import HAN
from quality.pii.spans import Span

_NAME: Final = "mail"
_TOP: Final = frozenset(Path(__file__).with_name("top_domains.txt").read_text("utf-8").split())
_FILE: Final = frozenset(
    ("py", "js", "ts", "md", "rs", "go", "sh", "rb", "so", "cc", "pl", "ps", "cs", "vb", "kt")
)
_LOCAL: Final = re.compile(
    rf"[^\W{HAN}\u3000-\u30ff\uff00-\uffef](?:[.+&'%~-]{{0,2}}[^\W{HAN}\u3000-\u30ff\uff00-\uffef]"
    rf"|[+.-]){{0,63}}"
)
_HAN_LOCAL: Final = re.compile(rf"[{HAN}·]{{1,8}}(?![\w·])")
_DOMAIN: Final = re.compile(
    rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})\.|[{HAN}]{{1,12}}\.){{1,8}}([A-Za-z]{{2,24}}"
    rf"|xn--[a-z0-9-]{{2,40}})(?![A-Za-z0-9_])"
)
_CONTEXT: Final = re.compile(
    "mail|邮箱|邮件|郵箱|郵件|电邮|電郵|伊妹儿|contact|write to|reach", re.IGNORECASE
)
_SPELLED_SIGN: Final = signs.sign(signs.words(" dot|(dot|[dot|(at|[at|{at|<at|艾特"))
_DRESSED_SIGN: Final = signs.sign(signs.words("[@|(@| @ |(.|[.|点"))
_DOT: Final = r"(?:\s?[\[({<]\s?(?:dot|\.)\s?[\])}>]\s?| dot |\.|点)"
_AT: Final = r"(?:\s?[\[({<]\s?(?:at|@)\s?[\])}>]\s?| at | @ |@|艾特)"
_SPELLED: Final = re.compile(
    rf"(?<![A-Za-z0-9_.+@-])([A-Za-z0-9](?:[A-Za-z0-9_+-]|{_DOT}(?=[A-Za-z0-9])){{0,40}}){_AT}"
    rf"([A-Za-z0-9-]{{1,40}}(?:{_DOT}[A-Za-z0-9-]{{1,40}}){{0,4}}){_DOT}([A-Za-z]{{2,12}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
# "Look at example dot com" tells of a site; words that come before "at" in prose are no one's account.
_VERBS: Final = re.compile(
    r"(?i)(?:us|me|it|them|him|her|you|look|is|are|was|be|available|found|see|live|visit|online|here|there|"
    r"located|based|works|work|site|website|page|more|information|go|data|shop|read|or|and|out|meet|arrive"
    r"|stay)"
)

SIGNS: Final = signs.AT | _SPELLED_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find e-mail addresses."""
    seen = signs.read(text)
    text = seen.text
    if seen.held & signs.AT:
        place = text.find("@")
        while place >= 0:
            span = _around(text, place)
            if span is not None:
                yield span
            place = text.find("@", place + 1)
    if seen.held & _SPELLED_SIGN or (seen.held & signs.AT and seen.held & _DRESSED_SIGN):
        yield from _spelled(text)


def _around(text: str, place: int) -> Span | None:
    """Return the address around one @."""
    domain = _DOMAIN.match(text, place + 1)
    if domain is None:
        return None
    window = text[max(0, place - 64) : place][::-1]
    local = _LOCAL.match(window) or _HAN_LOCAL.match(window)
    if local is None:
        return None
    start = place - local.end()
    while start < place and text[start] in "'.-+&~%":
        start += 1
    end = _end(text, domain)
    if start == place or end is None:
        return None
    # `git@github.com:team/project` is a remote, `user:pass@host` is left to the recogniser of URLs.
    if text[start:place] == "git" and text[end : end + 1] in ":/":
        return None
    return Span(start, end, "email", 0.95, _NAME)


def _end(text: str, domain: re.Match[str]) -> int | None:
    """Return where a domain ends, None if no top-level domain ends it."""
    top = domain[1]
    # `x@w.to(device)` multiplies matrices; a bracket behind a real address is a remark.
    if text[domain.end() : domain.end() + 1] in ("(", "[") and len(top) == 2 and domain[0].count(".") == 1:
        return None
    if _is_top(top.lower()):
        labels = domain[0].split(".")
        # "…@example.com.Please write": the full stop of the sentence, with no space behind it.
        if len(labels) > 2 and top[0].isupper() and labels[-2].islower() and _is_top(labels[-2]):
            return domain.end() - len(top) - 1
        return domain.end()
    labels = domain[0].split(".")
    for cut in range(len(labels) - 1, 1, -1):
        if labels[cut - 1].lower() in _TOP:
            return domain.start() + len(".".join(labels[:cut]))
    context = signs.before(text, domain.start(), 100)
    return domain.end() if _CONTEXT.search(context) else None


def _is_top(label: str) -> bool:
    return label in _TOP or label.startswith("xn--")


def _spelled(text: str) -> Iterator[Span]:
    at = 0
    while (match := _SPELLED.search(text, at)) is not None:
        # "Reach me at jo dot doe at example dot org": the first "at" may be the sentence's.
        known = _is_top(match[3].lower())
        at = match.end() if known else match.end(1)
        middle = text[match.end(1) : match.start(2)]
        plain = middle == " at "
        if not known or match[3].lower() in _FILE:
            continue
        dots = text[match.end(2) : match.start(3)]
        context = _CONTEXT.search(signs.before(text, match.start(), 40))
        if plain and not context and (dots == "." or _VERBS.fullmatch(match[1])):
            continue
        if middle == " @ " and dots == "." and not context:
            continue
        yield Span(match.start(), match.end(), "email", 0.85, _NAME)
