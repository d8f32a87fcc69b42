"""Translates by Apertium's rules: the commands of a mode file, chained once and kept running.

The `apertium` wrapper starts a dozen processes a call and does not flush at a null byte; the commands of its mode file,
each with `-z`, do. So a batch is written at once with a null byte behind every sentence, and as many come back. Words
wait for the next ones within a command, and the tagger remembers the last word: so a sentence is closed by `[][` line
break `]`, which every command hands on as it is (a superblank of the stream format,
wiki.apertium.org/wiki/Apertium_stream_format), and by a full stop of its own, which is taken off again. The tagger
keeps a trace beyond that and is asked by itself (`apertium_tagger`): so a translation depends on its sentence alone.
Characters that the format uses are escaped. What a command cannot do it marks (`*` unknown, `@` not in the bilingual
dictionary, `#` not generated): marks are part of the translation, for the caller to judge. Rejected: one process a
sentence (a hundred times slower), `-n` (hides what was not understood).
"""

from __future__ import annotations

import atexit
import hashlib
import re
import shlex
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.models.apertium_tagger import PROGRAM, Tagger
from pipeline.models.null_flushed import NullFlushed
from pipeline.models.reference import ModelIdentity
from pipeline.models.translator import as_many

FOLDER = "/usr/share/apertium"
"""Where Debian puts the data of language pairs."""
INSTALL = "apt-get install apertium apertium-{pair}"
BREAK = "[][\n]"
"""Behind a sentence. The empty blank before it ends what the sentence's last word could still join."""
STOP = "."
"""Behind that: it brings the tagger into a state that does not depend on the sentence."""
SECONDS = 60.0
"""Without a byte read or written, after which the commands are held to hang."""
BATCH_CHARACTERS = 16_000
_VERSION = 2
"""Raise it when the commands make other translations of the same sentences."""
_SPECIAL = re.compile(r"([\[\]{}^$/\\@<>])")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = dict.fromkeys(range(32), " ")
_SHELL = re.compile(r"[;&<>`()]|\$[^12]")


def commands(mode: Path) -> list[list[str]]:
    """Return the commands of a mode file, each set to flush at a null byte and to mark what it cannot do.

    Raises:
        ModelError: there is none, it cannot be read, is no chain of commands, or names a program that is not installed.
    """
    if not mode.is_file():
        raise ModelError(
            f"Apertium's language pair {mode.stem} is not installed: there is no {mode}", _install(mode)
        )
    try:
        text = mode.read_text(encoding="utf-8").strip()
        lexer = shlex.shlex(text, posix=True, punctuation_chars="|")
        lexer.whitespace_split = True
        words = list(lexer)
    except (OSError, ValueError) as error:
        raise ModelError(f"the mode file {mode} cannot be read: {error}", "install the pair anew") from error
    chain: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            chain.append([])
        elif word != "$2":
            chain[-1].append("-g" if word == "$1" else word)
    if not all(chain) or _SHELL.search(re.sub(r"'[^']*'", "", text)):
        raise ModelError(f"the mode file {mode} is no chain of commands", "install the pair anew")
    for command in chain:
        program = shutil.which(command[0])
        if program is None:
            raise ModelError(f"{command[0]}, which {mode} calls, is not installed", _install(mode))
        command[:1] = [program, "-z"]
    return chain


def mode_file(pair: str, folder: str = FOLDER) -> Path:
    """Return where the mode file of one direction is.

    Args:
        pair: source and target as Apertium names languages, such as `eng-spa`.
        folder: of Apertium's data.
    """
    return Path(folder) / "modes" / f"{pair}.mode"


def turned(pair: str) -> str:
    """Return the other direction of a pair."""
    first, _, second = pair.partition("-")
    return f"{second}-{first}"


def _install(mode: Path) -> str:
    """Return the command that installs the pair of a mode; its package bears one direction's name."""
    pair = turned(mode.stem) if mode_file(turned(mode.stem), str(mode.parents[1])).is_file() else mode.stem
    return INSTALL.format(pair=pair)


def apertium_identity(mode: Path) -> ModelIdentity:
    """Return who one direction of a pair is: by its programs, its mode file and the data files that this names.

    Raises:
        ModelError: the pair or one of its programs is not installed, or a data file is missing.
    """
    chain = commands(mode)
    data = sorted({word for command in chain for word in command[2:] if word.startswith("/")})
    for name in data:
        if not Path(name).is_file():
            raise ModelError(f"{name}, which {mode} names, is missing", _install(mode))
    programs = sorted({command[0] for command in chain})
    return ModelIdentity(
        name=f"apertium {mode.stem}",
        revision="",
        sha256=_digest(data),
        settings_sha256=hashlib.sha256(f"{_digest([str(mode), *programs])} {_VERSION}".encode()).hexdigest(),
        kind="translator",
        dimension=0,
        encoder="apertium",
        languages="vocabulary",
    )


def _digest(files: Sequence[str]) -> str:
    """Return the digest of files, by their names and contents."""
    lines = []
    for file in files:
        status = Path(file).stat()
        lines.append(f"{_sha256(file, status.st_size, status.st_mtime_ns)}  {file}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@lru_cache(maxsize=256)
def _sha256(file: str, size: int, mtime_ns: int) -> str:
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Apertium:
    """One direction of a language pair, its commands kept running until `close` or the end of this process.

    Args:
        mode: its mode file.
        seconds: of silence after which the commands are held to hang.
    """

    def __init__(self, mode: Path, seconds: float = SECONDS) -> None:
        self.identity = apertium_identity(mode)
        self._parts = list(_parts(self.identity.name, commands(mode), seconds))
        self._lock = threading.Lock()
        atexit.register(self.close)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [pid for part in self._parts for pid in part.pids]

    def translate(self, sentences: Sequence[str], seeds: Sequence[str] = ()) -> list[str]:
        """Return the translation of each sentence, with Apertium's marks of what it could not do.

        Raises:
            ModelError: a command died, hung, or lost or added a sentence; the commands are ended, and a later call
                starts them anew.
        """
        found: list[str] = []
        with self._lock:
            for batch in _batches(sentences):
                try:
                    found += self._translated(batch)
                except ModelError:
                    self.close()
                    raise
        return found

    def close(self) -> None:
        """End the commands."""
        for part in self._parts:
            part.close()

    def _translated(self, batch: Sequence[str]) -> list[str]:
        """Return the translations of a batch.

        Raises:
            ModelError: as `translate`.
        """
        texts = [f"{escaped(sentence)}{BREAK}{STOP}{BREAK}".encode() for sentence in batch]
        for part in self._parts:
            texts = part.exchange(texts)
        whole = [text.decode("utf-8", "replace").split(BREAK) for text in texts]
        told = as_many(self.identity.name, batch, [text for parts in whole for text in parts[:-2]])
        if any(len(parts) != 3 or parts[1].strip() != STOP or parts[2] for parts in whole):
            raise ModelError(
                f"{self.identity.name} did not answer sentence by sentence",
                self._parts[-1].last_complaint("it is out of step"),
            )
        return [_ended(unescaped(text), sentence) for text, sentence in zip(told, batch, strict=True)]


def _parts(name: str, chain: Sequence[list[str]], seconds: float) -> Iterator[NullFlushed | Tagger]:
    """Yield the commands of a mode in stretches: taggers, which are asked by themselves, and what lies between."""
    for tags, some in groupby(chain, lambda command: Path(command[0]).name == PROGRAM):
        if tags:
            yield from (Tagger(name, command, seconds) for command in some)
        else:
            yield NullFlushed(name, list(some), seconds)


def _ended(text: str, sentence: str) -> str:
    """Return a translation with the blanks at its end that its sentence had: the stop behind it moves them."""
    return text.rstrip(" ") + sentence[len(sentence.rstrip(" ")) :]


def _batches(sentences: Sequence[str]) -> Iterator[list[str]]:
    """Yield sentences in their order, some thousands of characters at a time."""
    batch: list[str] = []
    size = 0
    for sentence in sentences:
        batch.append(sentence)
        size += len(sentence)
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def escaped(text: str) -> str:
    """Return a text with the characters of the stream format escaped; no null byte, no line break."""
    return _SPECIAL.sub(r"\\\1", text.translate(_CONTROL))


def unescaped(text: str) -> str:
    """Return a translation as text; superblanks that a command put in stay."""
    return _ESCAPED.sub(r"\1", text)
