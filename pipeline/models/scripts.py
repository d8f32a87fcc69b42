"""Tells whether a text is in a script that a model's vocabulary has words of.

A vocabulary that holds a script only letter by letter (Cyrillic or Chinese in MiniLM's) spells such
a text out, and the vectors say little about it: two unrelated Chinese texts look alike. So a script counts
as known when its word pieces outnumber its single letters, or, for a script whose letters are words, when
there are thousands of them. Rejected: detecting the language first (slower, unsure on short texts, and not
the question) and counting [UNK] (MiniLM spells Russian without a single one). Languages that share a script
are not told apart: French counts as known to an English vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_FOREIGN = 0.25
"""Share of a text's letters that may be of unknown scripts. A quarter, not a half: in 'Translate to
English:' and a foreign sentence, the sentence is what tells two such texts apart."""
MOST_UNKNOWN = 0.5
"""Share of a letterless text's tokens that may be unknown."""
_LOGOGRAMS = 2_000
_DENSE_SCRIPTS = frozenset({"CJK", "HANGUL"})
"""Scripts whose letters are words or syllables: an unknown one weighs as two letters."""

_UNSEEN, _NO_LETTER, _KNOWN, _FOREIGN, _FOREIGN_DENSE = range(5)


def script_of(letter: str) -> str:
    """Return the script of a letter, as Unicode names it (LATIN, CYRILLIC, CJK …); "" for a non-letter."""
    if unicodedata.category(letter)[0] != "L":
        return ""
    words = unicodedata.name(letter, "").split()
    if words and words[0] in ("FULLWIDTH", "HALFWIDTH", "MODIFIER"):
        words = words[1:]
    return words[0] if words else "UNNAMED"


def known_scripts(pieces: Iterable[str]) -> frozenset[str]:
    """Return the scripts that a vocabulary holds words of.

    Args:
        pieces: the vocabulary's entries as text, without the marks that join them.
    """
    single: Counter[str] = Counter()
    longer: Counter[str] = Counter()
    for piece in pieces:
        scripts = {script_of(letter) for letter in piece}
        if len(scripts) == 1 and (script := scripts.pop()):
            (longer if len(piece) > 1 else single)[script] += 1
    wordlike = {script for script, count in longer.items() if count > single[script]}
    return frozenset(wordlike | {name for name, count in single.items() if count >= _LOGOGRAMS})


class VocabularyScripts:
    """Answers, for one tokenizer, which texts its vocabulary covers.

    Args:
        tokenizer: neither pads nor truncates.
        everything: the recipe states that the model may judge any text.
    """

    def __init__(self, tokenizer: Tokenizer, everything: bool = False) -> None:
        self._tokenizer = tokenizer
        self._everything = everything
        self._unknown = _unknown_id(tokenizer)
        self.known = known_scripts(_pieces(tokenizer))
        self._classes = np.zeros(0x110000, np.uint8)

    def cover(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: at most a quarter of the letters foreign; if letterless, tokens known."""
        covered = np.ones(len(texts), np.bool_)
        if self._everything or not texts:
            return covered
        lengths = np.array([len(text) for text in texts], np.int64)
        joined = "".join(texts).encode("utf-32-le", "surrogatepass")
        classes = self._classify(np.frombuffer(joined, np.uint32))
        known = _sums(classes == _KNOWN, lengths)
        foreign = _sums(classes == _FOREIGN, lengths) + 2 * _sums(classes == _FOREIGN_DENSE, lengths)
        covered = foreign <= MOST_FOREIGN * (known + foreign)
        letterless = np.flatnonzero((known + foreign == 0) & (lengths > 0)).tolist()
        if letterless:
            covered[letterless] = self._tokens_known([texts[row] for row in letterless])
        return covered

    def _classify(self, points: NDArray[np.uint32]) -> NDArray[np.uint8]:
        classes = self._classes[points]
        for point in np.unique(points[classes == _UNSEEN]).tolist():
            script = script_of(chr(point))
            self._classes[point] = self._class_of(script)
        return self._classes[points] if (classes == _UNSEEN).any() else classes

    def _class_of(self, script: str) -> int:
        if not script:
            return _NO_LETTER
        if script in self.known:
            return _KNOWN
        return _FOREIGN_DENSE if script in _DENSE_SCRIPTS else _FOREIGN

    def _tokens_known(self, texts: Sequence[str]) -> list[bool]:
        if self._unknown is None:
            return [True] * len(texts)
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids.count(self._unknown) <= MOST_UNKNOWN * len(encoding) for encoding in encodings]


def _sums(flags: NDArray[np.bool_], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    totals = np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])
    ends = np.cumsum(lengths)
    sums: NDArray[np.int64] = totals[ends] - totals[ends - lengths]
    return sums


def _unknown_id(tokenizer: Tokenizer) -> int | None:
    named = getattr(tokenizer.model, "unk_token", None)
    for token in (named, "[UNK]", "<unk>"):
        if token is not None and (number := tokenizer.token_to_id(token)) is not None:
            return int(number)
    return None


def _pieces(tokenizer: Tokenizer) -> Iterable[str]:
    """Return the vocabulary as text: bytes decoded, joining marks taken off."""
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    if type(tokenizer.decoder).__name__ == "ByteLevel":
        pieces: list[str] = tokenizer.decode_batch([[number] for number in vocabulary.values()])
        return [piece.strip() for piece in pieces]
    return [piece.removeprefix("##").lstrip("▁").removesuffix("</w>") for piece in vocabulary]
