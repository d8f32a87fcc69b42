"""Which encoding a text file is in, and its text as UTF-8 bytes, whatever that encoding is.

A byte order mark decides, then valid UTF-8, then zeros (UTF-16), then chardet among the encodings that
people still have files in. Readers see UTF-8 alone; a byte sequence that the encoding does not have
becomes a byte that UTF-8 does not have, so it costs the unit that holds it. Rejected:
charset-normalizer (half as often right on Western text), a ranking of our own (as good,
but more to keep), and deciding line by line (a file has one encoding; a damaged line is a reject).
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, HEAD, chunks, first_bytes, open_bytes
from pipeline.ingest.units import Broken

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UTF8 = "utf-8"
_MOST_READ = 64 * 1024 * 1024  # bytes to look through for some that are not ASCII
_MOST_LINE = 1 << 16
_MOST_UNITS = 1 << 12
_LEAST_PLAUSIBLE = 0.9

_MARKS = (  # the longer first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_CODECS = {
    "gb18030": ("gb18030",),
    "big5hkscs": ("cp950", "big5hkscs"),
    "cp932": ("cp932",),
    "shift_jis_2004": ("cp932", "shift_jis_2004"),
    "euc_jis_2004": ("euc_jp", "euc_jis_2004"),
    "cp949": ("cp949",),
    "euc_kr": ("cp949",),
    "cp1252": ("cp1252", "iso8859-1"),
    "iso8859-1": ("cp1252", "iso8859-1"),
    "cp1251": ("cp1251",),
    "koi8-r": ("koi8-r",),
}
"""Encodings that are told apart, as chardet names them, each with the codecs that read what is called so."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The encoding of a file: name of its codec, 0..1 how sure that is, and why, in words."""

    name: str
    confidence: float
    why: str


def encoding_of(path: Path, spec: SourceSpec) -> Decided:
    """Return the encoding of a text file: what its source says, else what its bytes say.

    Raises:
        SourceError: the file cannot be opened, or unpacks to too much.
    """
    if spec.encoding != "auto":
        return Decided(spec.encoding, 1.0, "the recipe says so")
    with open_bytes(path, spec) as stream:
        head = first_bytes(stream, HEAD)
        found = _proven(head)
        if found is not None:
            return found
        return _decide(_telling_lines(head, stream))


def decide(sample: bytes) -> Decided:
    """Return the encoding that these bytes, the start of a file or all of it, are most likely in."""
    return _proven(sample) or _decide(_telling_lines(sample, io.BytesIO()))


def open_text(path: Path, spec: SourceSpec) -> BinaryIO:
    """Open a text file for reading its text as UTF-8 bytes, unpacked and decoded as needed.

    Raises:
        SourceError: the file cannot be opened.
    """
    name = encoding_of(path, spec).name
    stream = open_bytes(path, spec)
    if name in (UTF8, "utf-8-sig"):
        return stream
    return cast(BinaryIO, io.BufferedReader(_Transcoded(stream, name), CHUNK))


def text_head(path: Path, spec: SourceSpec, size: int = HEAD) -> bytes:
    """Return up to so many bytes of a text file's start, as UTF-8; less where it breaks before."""
    with open_text(path, spec) as stream:
        return first_bytes(stream, size)


def as_utf8(head: bytes, encoding: str) -> bytes:
    """Return the start of a file, cut off anywhere, as UTF-8 bytes."""
    if encoding in (UTF8, "utf-8-sig"):
        return head
    text = codecs.getincrementaldecoder(encoding)(_INVALID).decode(head)
    return text.encode(UTF8, "surrogateescape")


_INVALID = "ingest.invalid"
_NEVER_UTF8 = "\udcff"  # what surrogateescape writes as the byte FF


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _NEVER_UTF8, error.end


codecs.register_error(_INVALID, _mark_invalid)


class _Transcoded(io.RawIOBase):
    """A stream in some encoding, read as UTF-8; the first character is dropped if it is a byte order mark."""

    def __init__(self, inner: BinaryIO, encoding: str) -> None:
        self._inner = inner
        self._decoder = codecs.getincrementaldecoder(encoding)(_INVALID)
        self._ready = b""
        self._begun = False
        self._ended = False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with some of the text; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._ended:
            data = chunks(self._inner).read1(CHUNK)
            self._ended = not data
            text = self._decoder.decode(data, final=self._ended)
            if text and not self._begun:
                text, self._begun = text.removeprefix("\ufeff"), True
            self._ready = text.encode(UTF8, "surrogateescape")
        found, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """Close the stream below, too."""
        self._inner.close()
        super().close()


def _proven(head: bytes) -> Decided | None:
    """Return what a byte order mark or the places of zeros prove, if they do."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Decided(name, 1.0, "its byte order mark says so")
    zeros = head.count(0)
    ascii_share = sum(map(head.count, _ASCII_BYTES)) / max(len(head), 1) if zeros else 1.0
    if zeros * 20 < len(head) and (ascii_share > _LEAST_PLAUSIBLE or _is_utf8(head)):
        return None  # a zero in a text of other bytes
    units = head[: min(len(head) // 2, _MOST_UNITS) * 2]
    scores = {name: _plausible(units, name) for name in ("utf-16-le", "utf-16-be")}
    name = max(scores, key=lambda name: sum(scores[name]))
    if scores[name][0] < _LEAST_PLAUSIBLE:
        return None
    sure = sum(scores[name]) / sum(map(sum, scores.values()))
    return Decided(name, round(sure, 3), "it has the zeros of UTF-16, and reads as text that way round")


_OF_TEXTS = re.compile(
    "[\t\r\n -~\u00a0-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u1e00-\u1fff\u2010-\u206f\u20a0-\u2bff\u3000-\u30ff"
    "\u3400-\u9fff\uac00-\ud7a3\uff00-\uffef\U0001f000-\U0003ffff]"
)
_ASCII_BYTES = tuple(bytes((code,)) for code in (9, 10, 13, *range(32, 127)))
_ASCII = re.compile("[\t\r\n -~]")


def _plausible(data: bytes, name: str) -> tuple[float, float]:
    """Return the shares of characters that texts are made of, and of ASCII among all."""
    text = codecs.getincrementaldecoder(name)(_INVALID).decode(data)
    size = max(len(text), 1)
    return len(_OF_TEXTS.findall(text)) / size, len(_ASCII.findall(text)) / size


def _telling_lines(head: bytes, rest: BinaryIO) -> list[bytes]:
    """Return up to 64 KiB of lines that are not ASCII, from the first 64 MiB of a file."""
    lines: list[bytes] = []
    size, read, part, open_line = 0, 0, head, b""
    while part and size < HEAD and read < _MOST_READ:
        read += len(part)
        if open_line or not part.isascii():
            *whole, open_line = (open_line + part).split(b"\n")
            if len(open_line) > _MOST_LINE:
                whole, open_line = [*whole, open_line[:_MOST_LINE]], b""
            for line in whole:
                if not line.isascii() and size < HEAD:
                    lines.append(line)
                    size += len(line)
            open_line = b"" if open_line.isascii() else open_line
        try:
            part = chunks(rest).read1(CHUNK)
        except Broken:
            break  # the reader meets the same damage
    if size < HEAD and not open_line.isascii():
        lines.append(open_line)
    return lines


def _decide(lines: list[bytes]) -> Decided:
    """Tell the encoding from lines that are not ASCII."""
    if not lines:
        return Decided(UTF8, 1.0, "it is ASCII")
    valid = sum(map(_is_utf8, lines))
    if valid == len(lines):
        return Decided(UTF8, 1.0, "it is valid UTF-8")
    if valid * 2 >= len(lines):
        share = valid / len(lines)
        return Decided(UTF8, round(share, 3), f"{share:.1%} of its lines that are not ASCII are UTF-8")
    found = _ranked(b"\n".join(lines)) or _ranked_but_for_damage(lines)
    return found or Decided(UTF8, 0.0, "it is in no encoding that can be told")


def _ranked_but_for_damage(lines: list[bytes]) -> Decided | None:
    """Return the encoding that most lines are in: chardet drops one that cannot read a single byte."""
    found = []
    for name in _MULTI_BYTE:
        read = [line for line in lines if _decodes(line, name)]
        decided = _ranked(b"\n".join(read)) if len(lines) > len(read) >= 0.9 * len(lines) else None
        if decided is not None and decided.name == name:
            found.append(decided)
    return max(found, key=lambda decided: decided.confidence, default=None)


def _decodes(line: bytes, name: str) -> bool:
    try:
        line.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8, but for a character that their end cuts off."""
    try:
        codecs.getincrementaldecoder(UTF8)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


_MULTI_BYTE = ("gb18030", "cp950", "cp932", "euc_jp", "cp949")


def _ranked(sample: bytes) -> Decided | None:
    """Return the most likely of the legacy encodings that read nearly all of the sample.

    How sure that is, is the best score's share of the sum of the best two: chardet's own numbers fall
    with the length of the sample.
    """
    from chardet import detect_all

    guesses = detect_all(
        sample, ignore_threshold=True, compat_names=False, include_encodings=list(_CODECS), max_bytes=HEAD
    )
    scores: dict[str, float] = {}
    for guess in guesses:
        for name in _CODECS.get(str(guess["encoding"]), ()):
            if _fits(sample, name):
                scores[name] = max(scores.get(name, 0.0), float(guess["confidence"]))
                break
    best = sorted(scores.items(), key=lambda item: -item[1])[:2]
    if not best:
        return None
    sure = best[0][1] / (sum(score for _, score in best) or 1.0)
    return Decided(best[0][0], round(sure, 3), "it is no UTF-8, and most likely this by its characters")


_WESTERN = re.compile(
    "(?<=[A-Za-z])[À-ÖØ-öø-ýŒœŠšŽž]|[À-ÖØ-öø-ýŒœŠšŽž](?=[A-Za-z])"
    "|(?<=[ ('])[àáèéìòóùöåÀÁÈÉÓÖÅ](?=[ ')])|[“”„‘’‚–—…•€£§°«»©®™¼½¾²³µ·¿¡ªº´×\u00a0]"
)
_CYRILLIC = re.compile("[А-яЁёІіЇїЄєҐґ]{2,}|[№–—«»“”„…]")
_SINGLE_BYTE = {"cp1252": _WESTERN, "iso8859-1": _WESTERN, "cp1251": _CYRILLIC, "koi8-r": _CYRILLIC}


def _fits(sample: bytes, name: str) -> bool:
    """Tell whether an encoding has a character for all but one in two hundred, and these make words.

    Any byte is a letter in an encoding of single bytes, so that one damaged byte in a file of ASCII
    would make it one: a letter with an accent stands beside others, or it is damage.
    """
    text = codecs.getincrementaldecoder(name)(_INVALID).decode(sample)
    if text.count(_NEVER_UTF8) * 200 > len(text):
        return False
    foreign = sum(not char.isascii() for char in text)
    if name not in _SINGLE_BYTE:
        return len(_OF_TEXTS.findall(text)) >= 0.9 * len(text)
    return sum(map(len, _SINGLE_BYTE[name].findall(text))) >= 0.8 * foreign
