"""WordNet as its own files have it (`data.*`, `index.*`, `*.exc`, `cntlist.rev`), read directly.

Debian's `wordnet-base` leaves out `lexnames`, for want of which NLTK's reader refuses the rest; nothing here needs it.
Indexes are read whole in a fraction of a second, a synset when it is first asked for. The files are known by their
digest, and their absence is an identity too, so that a plan says which of the two it is. Rejected: NLTK, and a copy of
WordNet in this project (27 MB for what a package manager installs).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity

AUTO = "auto"
"""Names the folder where Debian's package puts the files, or none if they are not there."""

DEBIAN = Path("/usr/share/wordnet")
ABSENT = "no WordNet"
POS = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_CODES = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
_FILES = tuple(f"{kind}.{name}" for kind in ("data", "index") for name in POS.values())
_MORE = (*(f"{name}.exc" for name in POS.values()), "cntlist.rev")
_VERSION = re.compile(rb"WordNet (\d+\.\d+)")
_ENDINGS = {
    "n": (("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("ies", "y")),
    "v": (
        ("s", ""),
        ("ies", "y"),
        ("es", "e"),
        ("es", ""),
        ("ed", "e"),
        ("ed", ""),
        ("ing", "e"),
        ("ing", ""),
    ),
    "a": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "r": (),
}
"""Rules of detachment, as the manual page morphy(7WN) lists them."""


def wordnet_identity(path: str) -> ModelIdentity:
    """Return who the WordNet in a folder is, from its files alone.

    Args:
        path: the folder, or `auto`.

    Raises:
        ModelError: the folder does not hold WordNet's files; with `auto`, only some of them.
    """
    folder = DEBIAN if path == AUTO else Path(path)
    missing = [name for name in (*_FILES, *_MORE) if not (folder / name).is_file()]
    if path == AUTO and len(missing) == len(_FILES) + len(_MORE):
        return ModelIdentity(ABSENT, "", "0" * 64, "0" * 64, "wordnet", 0, "none", "vocabulary")
    if missing:
        raise ModelError(
            f"{folder} is no folder of WordNet: it lacks {', '.join(missing)}",
            "apt-get install wordnet-base, and name /usr/share/wordnet; or set `wordnet: off`",
        )
    version = _VERSION.search(_start(folder / "data.noun"))
    if version is None:
        raise ModelError(
            f"{folder / 'data.noun'} does not say which WordNet it is", "install wordnet-base again"
        )
    digests = [_digest(folder, names) for names in (_FILES, _MORE)]
    return ModelIdentity(
        str(folder), version[1].decode(), digests[0], digests[1], "wordnet", 0, "none", "vocabulary"
    )


def _start(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(4096)


def _digest(folder: Path, names: tuple[str, ...]) -> str:
    lines = []
    for name in sorted(names):
        stat = (folder / name).stat()
        lines.append(f"{_sha256(folder / name, stat.st_size, stat.st_mtime_ns)}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@lru_cache(maxsize=64)
def _sha256(file: Path, size: int, mtime_ns: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Synset:
    """A sense and the words that share it, as written in WordNet with blanks for underscores."""

    pos: str
    offset: int
    words: tuple[str, ...]
    gloss: str


class WordNet:
    """The files of one folder.

    Args:
        folder: where they lie.

    Raises:
        ModelError: they are damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._data = {pos: (folder / f"data.{name}").read_bytes() for pos, name in POS.items()}
            self._index = {pos: _index(folder / f"index.{name}") for pos, name in POS.items()}
            self._irregular = {pos: _exceptions(folder / f"{name}.exc") for pos, name in POS.items()}
            self._forms = {pos: _turned(table) for pos, table in self._irregular.items()}
            self._counts = _counts(folder / "cntlist.rev")
        except (OSError, ValueError, IndexError, KeyError) as error:
            raise ModelError(
                f"{folder} is a damaged WordNet: {error}", "install wordnet-base again"
            ) from error
        self._synsets: dict[tuple[str, int], Synset] = {}

    def senses(self, lemma: str, pos: str) -> list[tuple[Synset, int]]:
        """Return the senses of a lemma, the commonest first, with how often WordNet's authors met each in texts.

        Raises:
            ModelError: a line of the data is damaged.
        """
        key = lemma.replace(" ", "_")
        offsets = self._index[pos].get(key, "").split()
        return [
            (self._synset(pos, int(offset)), self._counts.get((key, pos, number), 0))
            for number, offset in enumerate(offsets, 1)
        ]

    def has(self, lemma: str, pos: str) -> bool:
        """Tell whether a word or phrase is a lemma of a part of speech."""
        return lemma.replace(" ", "_") in self._index[pos]

    def lemmas(self, word: str, pos: str) -> list[str]:
        """Return what a word may be a form of, itself first (morphy(7WN))."""
        known = self._index[pos]
        found = [word] if word in known else []
        found += [lemma for lemma in self._irregular[pos].get(word, ()) if lemma in known]
        if word in self._irregular[pos]:
            return list(dict.fromkeys(found))
        for ending, new in _ENDINGS[pos]:
            if word.endswith(ending) and len(word) - len(ending) > 1:
                lemma = word[: len(word) - len(ending)] + new
                if lemma in known:
                    found.append(lemma)
        return list(dict.fromkeys(found))

    def irregular_forms(self, lemma: str, pos: str) -> frozenset[str]:
        """Return the irregular forms of a lemma."""
        return self._forms[pos].get(lemma, frozenset())

    def _synset(self, pos: str, offset: int) -> Synset:
        found = self._synsets.get((pos, offset))
        if found is None:
            data = self._data[pos]
            line = data[offset : max(offset, data.find(b"\n", offset))].decode("latin-1")
            head, _, gloss = line.partition(" | ")
            fields = head.split(" ")
            if fields[0] != f"{offset:08d}":
                raise ModelError(
                    f"{self._folder}: data.{POS[pos]} has no synset at {offset}", "install wordnet-base again"
                )
            words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
            plain = tuple(word.partition("(")[0].replace("_", " ") for word in words)
            found = self._synsets[pos, offset] = Synset(pos, offset, plain, gloss.strip())
        return found


def _index(file: Path) -> dict[str, str]:
    """Return the offsets of the synsets of each lemma, as one string: few are ever asked for."""
    table: dict[str, str] = {}
    for line in file.read_text("latin-1").splitlines():
        if not line.startswith(" "):
            lemma, _, count, _, rest = line.split(" ", 4)
            table[lemma] = " ".join(rest.split()[-int(count) :])
    return table


def _exceptions(file: Path) -> dict[str, tuple[str, ...]]:
    rows = [line.split() for line in file.read_text("latin-1").splitlines() if line.strip()]
    return {row[0].replace("_", " "): tuple(word.replace("_", " ") for word in row[1:]) for row in rows}


def _turned(table: dict[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    forms: dict[str, set[str]] = {}
    for form, lemmas in table.items():
        for lemma in lemmas:
            forms.setdefault(lemma, set()).add(form)
    return {lemma: frozenset(found) for lemma, found in forms.items()}


def _counts(file: Path) -> dict[tuple[str, str, int], int]:
    table: dict[tuple[str, str, int], int] = {}
    for line in file.read_text("latin-1").splitlines():
        key, number, count = line.split(" ")
        lemma, _, rest = key.partition("%")
        table[lemma, _CODES[rest[0]], int(number)] = int(count)
    return table


@lru_cache(maxsize=4)
def load_wordnet(identity: ModelIdentity) -> WordNet:
    """Return the WordNet of an identity, read once a process.

    Raises:
        ModelError: it is absent or damaged.
    """
    if not identity.revision:
        raise ModelError("WordNet is not installed", "apt-get install wordnet-base, or set `wordnet: off`")
    return WordNet(Path(identity.name))
