"""Scores texts with an n-gram model in KenLM's files (.arpa, or its binary form), counted elsewhere on other text.

The file is named by its path and known by its SHA-256. Its words are what stands between spaces, or single characters,
as Chinese models count them. Rejected: reading .arpa files ourselves (KenLM answers a query in a microsecond, from a
file that it maps into memory).
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from functools import lru_cache
from math import log
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.models.costs import Costs, Unit, joined
from pipeline.models.reference import ModelIdentity

_WORD, _CHARACTER = re.compile(r"\S+"), re.compile(r"\S")
_INSTALL = "pip install -e '.[kenlm]'"
_START = 4096
_STARTS = (b"\\data\\", b"mmap lm http://kheafield.com/code", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
"""How a model begins: as ARPA, in KenLM's binary form, or packed by gzip, bzip2 or xz, which KenLM reads as well."""


def kenlm_identity(path: str) -> ModelIdentity:
    """Return who a KenLM model is, from its file alone.

    Raises:
        ModelError: there is no such file, it is no model, or kenlm is not installed.
    """
    digest = kenlm_sha256(path)
    _check_start(Path(path))
    if importlib.util.find_spec("kenlm") is None:
        raise _not_installed(path)
    return ModelIdentity(path, "", digest, digest, "kenlm", 0, "none", "all")


def kenlm_sha256(path: str) -> str:
    """Return the SHA-256 of a KenLM file.

    Raises:
        ModelError: there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise ModelError(
            f"the KenLM file {path} does not exist",
            "correct `kenlm` in the recipe; its path is relative to the recipe",
        )
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


def _check_start(file: Path) -> None:
    """See by its first bytes that a file can be a model: before any work, and for nothing."""
    with file.open("rb") as stream:
        start = stream.read(_START).lstrip()
    if not start.startswith(_STARTS):
        raise _no_model(str(file), "it begins as no such file does")


def _no_model(path: str, why: object) -> ModelError:
    return ModelError(
        f"{path} is not a model that KenLM reads: {why}", "name an .arpa file or one of `build_binary`"
    )


def _not_installed(path: str) -> ModelError:
    return ModelError(f"{path} is a KenLM model, and kenlm is not installed", _INSTALL)


@lru_cache(maxsize=64)
def _sha256(file: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once a process; size and time are there to notice that it was replaced."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class KenlmScorer:
    """A KenLM model.

    Args:
        path: an .arpa file, or what KenLM's `build_binary` made of one.

    Raises:
        ModelError: the library is not installed, or the file is not one of its models.
    """

    def __init__(self, path: str) -> None:
        kenlm_sha256(path)
        try:
            import kenlm
        except ImportError as error:
            raise _not_installed(path) from error
        try:
            quiet = kenlm.Config()
            quiet.show_progress = False
            self._model: Any = kenlm.Model(path, quiet)
        except (OSError, RuntimeError) as error:
            raise _no_model(path, error) from error

    def costs(self, prompts: Sequence[str], responses: Sequence[str], units: str) -> Costs:
        """Return the costs of responses, alone and after their prompts.

        Args:
            prompts, responses: the texts, pair by pair.
            units: `words` or `characters`.
        """
        pattern = _CHARACTER if units == "characters" else _WORD
        alone = [self._units("", response, pattern) for response in responses]
        given = [
            sum(unit.cost for unit in self._units(prompt, response, pattern))
            for prompt, response in zip(prompts, responses, strict=True)
        ]
        return joined(responses, alone, given)

    def _units(self, prompt: str, response: str, pattern: re.Pattern[str]) -> list[Unit]:
        """Return the words of a response with their costs; the spaces after a word belong to it."""
        before = pattern.findall(prompt)
        found = list(pattern.finditer(response))
        if not found:
            return []
        words = [*before, *(match.group() for match in found)]
        scores = list(self._model.full_scores(" ".join(words), bos=True, eos=False))[len(before) :]
        stops = [match.start() for match in found[1:]] + [len(response)]
        return [
            Unit(match.start(), stop, -score[0] * log(10))
            for match, stop, score in zip(found, stops, scores, strict=True)
        ]
