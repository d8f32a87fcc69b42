"""Translates by Apertium's rules: the commands of a mode file, chained once and kept running.

The `apertium` wrapper starts a dozen processes a call and does not flush at a null byte; the commands of its mode file,
each with `-z`, do. So a batch is written at once with a null byte behind every sentence, and as many come back. Words
wait for the next ones within a command, and the tagger remembers the last word: so a sentence is closed by `[][` line
break `]`, which every command hands on as it is (a superblank of the stream format,
wiki.apertium.org/wiki/Apertium_stream_format), and by a full stop of its own, which is taken off again: what stands
beside a sentence does not alter it (but for some three in a thousand, which hold words that the tagger was not trained
on). Characters that the format uses are escaped. What a command cannot do
it marks (`*` unknown, `@` not in the bilingual dictionary, `#` not generated): marks are part of the translation, for
the caller to judge. Rejected: one process a sentence (a hundred times slower), `-n` (hides what was not understood).
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

from pipeline.errors import ModelError
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
_CHUNK = 1 << 16
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
        settings_sha256=_digest([str(mode), *programs]),
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
        self._commands = commands(mode)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the processes
        atexit.register(self.close)

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
                    self._start()
                    found += self._exchange(batch)
                except ModelError:
                    self.close()
                    raise
        return found

    def close(self) -> None:
        """End the commands."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()
        self._processes = []

    def _start(self) -> None:
        """Start the commands, unless they run."""
        if self._processes:
            return
        source: IO[bytes] | int = subprocess.PIPE
        for command in self._commands:
            process = subprocess.Popen(
                command, stdin=source, stdout=subprocess.PIPE, stderr=self._complaints, bufsize=0,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
            if self._processes:
                _pipe(self._processes[-1].stdout).close()  # else its writer would outlive a reader that died
            self._processes.append(process)
            source = _pipe(process.stdout)
        for pipe in (self._processes[0].stdin, self._processes[-1].stdout):
            os.set_blocking(_pipe(pipe).fileno(), False)

    def _exchange(self, batch: Sequence[str]) -> list[str]:
        """Write a batch and read its answer, both at once: an answer longer than a pipe would block the writer.

        Raises:
            ModelError: as `translate`.
        """
        into, out = _pipe(self._processes[0].stdin).fileno(), _pipe(self._processes[-1].stdout).fileno()
        left = memoryview(
            "".join(f"{escaped(sentence)}{BREAK}{STOP}{BREAK}\0" for sentence in batch).encode()
        )
        answer = bytearray()
        while left or answer.count(b"\0") < len(batch):
            ready = select.select([out], [into] if left else [], [], self._seconds)
            if not any(ready):
                raise ModelError(
                    f"{self.identity.name} has hung: no byte in {self._seconds:g} s",
                    self._told("it may be damaged"),
                )
            try:
                if ready[1]:
                    left = left[os.write(into, left[:_CHUNK]) :]
                piece = os.read(out, _CHUNK) if ready[0] else None
            except (BrokenPipeError, ConnectionResetError) as error:
                raise self._died() from error
            if piece == b"":
                raise self._died()
            answer += piece or b""
        *found, rest = answer.decode("utf-8", "replace").split("\0")
        whole = [text.split(BREAK) for text in found]
        told = as_many(self.identity.name, batch, [text for parts in whole for text in parts[:-2]])
        if rest or any(len(parts) != 3 or parts[1].strip() != STOP for parts in whole):
            raise ModelError(
                f"{self.identity.name} did not answer sentence by sentence", self._told("it is out of step")
            )
        return [_ended(unescaped(text), sentence) for text, sentence in zip(told, batch, strict=True)]

    def _died(self) -> ModelError:
        """Return the error for commands that ended, with which and how."""
        deadline = time.monotonic() + 1
        while all(process.poll() is None for process in self._processes) and time.monotonic() < deadline:
            time.sleep(0.01)
        ended = [
            f"{Path(command[0]).name} ended with {process.returncode}"
            for command, process in zip(self._commands, self._processes, strict=True)
            if process.poll() is not None
        ]
        return ModelError(
            f"{self.identity.name} died midway: {', '.join(ended) or 'it closed its output'}",
            self._told("run it by hand"),
        )

    def _told(self, otherwise: str) -> str:
        """Return the last line that the commands complained with, and how to install the pair anew."""
        end = self._complaints.seek(0, os.SEEK_END)
        self._complaints.seek(max(0, end - 2000))
        lines = self._complaints.read().decode("utf-8", "replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"its last complaint: {said[:200]}" if said else f"{otherwise}; it said nothing"


def _ended(text: str, sentence: str) -> str:
    """Return a translation with the blanks at its end that its sentence had: the stop behind it moves them."""
    return text.rstrip(" ") + sentence[len(sentence.rstrip(" ")) :]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that was asked for."""
    if pipe is None:
        raise ModelError("a command was started without its pipe", "report this")
    return pipe


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
