"""Commands chained once and kept running that answer text by text: each flushes where it reads a null byte.

So many texts are written at once, and as many answers come back. Rejected: a process a text (a hundred times slower),
and threads that read and write (one `select` does both, and knows when nothing moves).
"""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from pipeline.errors import ModelError

_CHUNK = 1 << 16


class NullFlushed:
    """Commands, each reading what the one before it writes; started when first asked.

    Args:
        name: what to call them in an error.
        commands: programs with their arguments.
        seconds: without a byte read or written, after which they are held to hang.
    """

    def __init__(self, name: str, commands: Sequence[Sequence[str]], seconds: float) -> None:
        self._name = name
        self._commands = commands
        self._seconds = seconds
        self._processes: list[subprocess.Popen[bytes]] = []
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the processes
        self._heard = 0

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [process.pid for process in self._processes]

    def exchange(self, texts: Sequence[bytes]) -> list[bytes]:
        """Return the answer to each text; neither holds a null byte.

        All is written and read at once: an answer longer than a pipe would block the writer.

        Raises:
            ModelError: a command died or hangs, or there are more answers than texts.
        """
        self._start()
        self._heard = self._complained()
        into, out = _pipe(self._processes[0].stdin).fileno(), _pipe(self._processes[-1].stdout).fileno()
        left = memoryview(b"".join(text + b"\0" for text in texts))
        answer = bytearray()
        while left or answer.count(b"\0") < len(texts):
            ready = select.select([out], [into] if left else [], [], self._seconds)
            if not any(ready):
                told = self.last_complaint("it may be damaged")
                raise ModelError(f"{self._name} has hung: no byte in {self._seconds:g} s", told)
            try:
                if ready[1]:
                    left = left[os.write(into, left[:_CHUNK]) :]
                piece = os.read(out, _CHUNK) if ready[0] else None
            except (BrokenPipeError, ConnectionResetError) as error:
                raise self._died() from error
            if piece == b"":
                raise self._died()
            answer += piece or b""
        *found, rest = bytes(answer).split(b"\0")
        if rest or len(found) != len(texts):
            raise ModelError(
                f"{self._name} did not answer text by text", self.last_complaint("it is out of step")
            )
        return found

    def complaints(self) -> str:
        """Return what the commands have written to their standard error since the last exchange began."""
        size = self._complained() - self._heard
        return os.pread(self._complaints.fileno(), size, self._heard).decode("utf-8", "replace")

    def last_complaint(self, otherwise: str) -> str:
        """Return the last line that the commands complained with, as a hint; if there is none, another one."""
        end = self._complained()
        start = max(0, end - 2000)
        lines = os.pread(self._complaints.fileno(), end - start, start).decode("utf-8", "replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"its last complaint: {said[:200]}" if said else f"{otherwise}; it said nothing"

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

    def _complained(self) -> int:
        """Return how many bytes the commands have complained with."""
        return os.fstat(self._complaints.fileno()).st_size

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
            f"{self._name} died midway: {', '.join(ended) or 'it closed its output'}",
            self.last_complaint("run it by hand"),
        )


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that was asked for."""
    if pipe is None:
        raise ModelError("a command was started without its pipe", "report this")
    return pipe
