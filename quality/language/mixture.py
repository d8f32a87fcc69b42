"""Measures how much of a text is sentences of another language than the one it is written in.

A text is cut at the ends of sentences and lines, and each piece is identified by itself. A piece counts as
foreign only if it is prose of another language beyond doubt; terms, names, code and short quotes count for
the language around them. Rejected: shares of letters (a Chinese answer about software is half Latin) and one
answer for the whole text (two halves in two languages look like an unsure whole).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from quality.language.evidence import holds_small_words
from quality.language.identify import LONGEST, Language, identify
from quality.language.ngrams import is_latin
from quality.language.strip import prose

LEAST_PIECE = 40
"""Characters below which a piece is joined to the next one."""
_LEAST_LETTERS = 24
_LEAST_CONFIDENCE = 0.95
_MOST_PIECES = 40
_LEAST_DENSE = 5
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_END = re.compile(r"(?<=[。！？!?；\n])|(?<=\. )|(?<=[:：]\n)")


def shares(texts: Sequence[str], main: Sequence[Language]) -> list[dict[str, float]]:
    """Return, for each text, language -> share of its letters; the main language takes what is no other's.

    Args:
        texts: any texts.
        main: the language of each, as `identify` told it; `und` and short texts have no shares.
    """
    pieces: list[str] = []
    owners: list[int] = []
    for row, (text, language) in enumerate(zip(texts, main, strict=True)):
        if language.confidence and language.letters >= 2 * _LEAST_LETTERS:
            cut = _pieces(prose(text[:LONGEST]).text)
            pieces += cut
            owners += [row] * len(cut)
    letters: list[dict[str, int]] = [{} for _ in texts]
    for piece, row, found in zip(pieces, owners, identify(pieces, library="none"), strict=True):
        code = main[row].code
        if _is_foreign(piece, found, code):
            code = found.code
        letters[row][code] = letters[row].get(code, 0) + found.letters
    return [_as_shares(each) for each in letters]


def _pieces(text: str) -> list[str]:
    """Return the sentences and lines of a text, short ones joined to the next."""
    pieces: list[str] = []
    open_piece = ""
    for part in _END.split(text):
        open_piece += part
        if len(open_piece) >= LEAST_PIECE or len(_DENSE.findall(open_piece)) >= _LEAST_DENSE:
            pieces.append(open_piece)
            open_piece = ""
    if open_piece.strip():
        pieces.append(open_piece)
    return pieces[:_MOST_PIECES]


def _is_foreign(piece: str, found: Language, main: str) -> bool:
    if found.code == main or found.confidence < _LEAST_CONFIDENCE or found.letters < _LEAST_LETTERS // 2:
        return False
    if not is_latin(found.code):
        return True
    return found.letters >= _LEAST_LETTERS and holds_small_words(piece, found.code, main)


def _as_shares(letters: dict[str, int]) -> dict[str, float]:
    total = sum(letters.values())
    return {code: round(count / total, 4) for code, count in letters.items()} if total else {}
