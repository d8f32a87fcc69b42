"""Apertium's tagger without the trace that one sentence leaves in it for all that come after.

A word has a class: the set of coarse tags of its readings. Of a class that its model lacks, `apertium-tagger` takes
the probabilities of the smallest class that has all of its tags; and by an oversight (apertium 3.8.3, tagger_utils.cc:
`find_similar_ambiguity_class` assigns to a reference) it writes that one over the class of unknown words, for as long
as it runs: after one "known" (adjective or participle), every unknown word is a past form, a participle or an
adjective. So before the tagger meets such a class, a copy of the model gets it, with those very probabilities: `-d`
makes it name what it lacks, and the batch is tagged anew. Few are lacking (a dozen in 3,000 prompts). Rejected: a fresh
tagger for each such sentence (one in ten of dolly_3k says "I", a pronoun or a numeral), words put between the
sentences (none brings the class back), and a tagger in Python.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.models.null_flushed import NullFlushed

PROGRAM = "apertium-tagger"
_LACKING = re.compile(r"^New ambiguity class: \{(.+)\}$", re.MULTILINE)
_OTHER_MODELS = frozenset({"-w", "--sliding-window", "-x", "--perceptron", "-u", "--unigram"})


@dataclass(frozen=True, slots=True)
class TaggerModel:
    """A hidden Markov model as `apertium-tagger` keeps it in a `.prob` file.

    Attributes:
        before: what stands before the classes, as it is: the class of unknown words, rules, names of tags.
        tags: names of the coarse tags, in their order.
        unknown: the class of unknown words.
        classes: sets of numbers of tags, in their order.
        states: tags that have probabilities.
        transitions: their probabilities, as they are.
        emissions: the probability of a class, given a tag, by the numbers of both; others are next to nothing.
        after: what stands behind the probabilities, as it is: patterns of fine tags.
    """

    before: bytes
    tags: tuple[str, ...]
    unknown: frozenset[int]
    classes: tuple[frozenset[int], ...]
    states: int
    transitions: bytes
    emissions: dict[tuple[int, int], float]
    after: bytes

    def similar(self, new: frozenset[int]) -> int:
        """Return the number of the class whose probabilities the tagger takes for one that it lacks."""
        found, number = self.unknown, self.classes.index(self.unknown)
        for at, each in enumerate(self.classes):
            if len(each) < len(found) and new <= each:
                found, number = each, at
        return number

    def with_classes(self, named: Sequence[Sequence[str]]) -> bytes:
        """Return the file with further classes.

        Args:
            named: the tags of each, by name; no class that is there.

        Raises:
            ValueError: there is no such tag.
        """
        classes, emissions = list(self.classes), dict(self.emissions)
        for names in named:
            new = frozenset(map(self.tags.index, names))
            like = self.similar(new)
            for tag in sorted(new):
                if (tag, like) in self.emissions:
                    emissions[tag, len(classes)] = self.emissions[tag, like]
            classes.append(new)
        numbers = [len(classes)]
        for each in classes:
            numbers += [len(each), *sorted(each)]
        parts = [self.before, *map(_written, [*numbers, self.states, len(classes)]), self.transitions]
        parts.append(_written(len(emissions)))
        for (tag, number), probability in emissions.items():
            parts += [_written(tag), _written(number), struct.pack(">d", probability)]
        return b"".join([*parts, self.after])


class _Reader:
    """Reads the numbers of lttoolbox's files: one to four bytes, the two highest bits of the first say how many."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self) -> int:
        more = self.data[self.at] >> 6
        bytes_ = self.data[self.at : self.at + more + 1]
        if len(bytes_) <= more:
            raise IndexError("a number is cut off")
        self.at += more + 1
        return int.from_bytes(bytes_, "big") - (more << (6 + 8 * more))

    def numbers(self) -> list[int]:
        return [self.number() for _ in range(self.number())]

    def text(self) -> str:
        return "".join(map(chr, self.numbers()))

    def double(self) -> float:
        self.at += 8
        return float(struct.unpack_from(">d", self.data, self.at - 8)[0])


def _written(number: int) -> bytes:
    more = 0 if number < 1 << 6 else 1 if number < 1 << 14 else 2 if number < 1 << 22 else 3
    return (number + (more << (6 + 8 * more))).to_bytes(more + 1, "big")


def read_tagger(data: bytes) -> TaggerModel:
    """Return the model that a `.prob` file holds (`TaggerDataHMM::read` of apertium/tagger_data_hmm.cc).

    Raises:
        ValueError, IndexError, struct.error: it is cut off, or of another kind.
    """
    file = _Reader(data)
    unknown, tag = set(), 0
    for step in file.numbers():
        tag += step
        unknown.add(tag)
    for _ in range(file.number()):
        file.number(), file.number()  # which tags never follow which
    tags = tuple(file.text() for _ in range(file.number()))
    for _ in range(file.number()):
        file.text(), file.number()  # numbers of tags by name
    for _ in range(file.number()):
        file.number(), file.numbers()  # which tags alone follow which
    for _ in range(file.number()):
        file.text()  # readings to be preferred
    for _ in range(file.number()):
        file.text(), file.number()  # constants
    before = data[: file.at]
    classes = tuple(frozenset(file.numbers()) for _ in range(file.number()))
    states = file.number()
    if file.number() != len(classes) or unknown not in classes:
        raise ValueError("the classes are not those of the probabilities")
    transitions = data[file.at : file.at + 8 * states * states]
    file.at += len(transitions)
    emissions = {(file.number(), file.number()): file.double() for _ in range(file.number())}
    return TaggerModel(
        before, tags, frozenset(unknown), classes, states, transitions, emissions, data[file.at :]
    )


class Tagger:
    """`apertium-tagger`, kept running; what it makes of a sentence depends on this sentence alone.

    Args:
        name: what to call it in an error.
        command: the program with its arguments, the file of its model last.
        seconds: of silence after which it is held to hang.
    """

    def __init__(self, name: str, command: Sequence[str], seconds: float) -> None:
        self._name = name
        self._command = list(command)
        self._seconds = seconds
        self._learnt: list[tuple[str, ...]] = []
        self._copy = tempfile.NamedTemporaryFile(suffix=".prob")  # noqa: SIM115 - it lives as long as the tagger
        self._process = self._named(self._command[-1])

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return self._process.pids

    def exchange(self, texts: Sequence[bytes]) -> list[bytes]:
        """Return each analysed sentence with one reading a word.

        Raises:
            ModelError: it died, hangs, lost count, or its model can't be given a class that it lacks.
        """
        while True:
            found = self._process.exchange(texts)
            lacking = sorted(
                {tuple(each.split(",")) for each in _LACKING.findall(self._process.complaints())}
            )
            if not lacking:
                return found
            self.close()
            self._learn(lacking)

    def last_complaint(self, otherwise: str) -> str:
        """Return the last line that it complained with, as a hint; if there is none, another one."""
        return self._process.last_complaint(otherwise)

    def close(self) -> None:
        """End it. What it has learnt stays, since it alters nothing but what an unknown word is taken for."""
        self._process.close()

    def _learn(self, lacking: Sequence[tuple[str, ...]]) -> None:
        """Let the model have classes from now on."""
        file = self._command[-1]
        hint = "use a pair whose tagger is a hidden Markov model with a file of this release's format"
        if not _OTHER_MODELS.isdisjoint(self._command) or not set(lacking).isdisjoint(self._learnt):
            raise ModelError(f"{self._name}: a class that {file} lacks alters what comes after it", hint)
        self._learnt += lacking
        try:
            changed = read_tagger(Path(file).read_bytes()).with_classes(self._learnt)
        except (OSError, ValueError, IndexError, struct.error) as error:
            raise ModelError(
                f"{self._name}: {file} cannot be read as a tagger's model: {error}", hint
            ) from error
        Path(self._copy.name).write_bytes(changed)
        self._process = self._named(self._copy.name)

    def _named(self, model: str) -> NullFlushed:
        """Return the tagger with a model, told to name the classes that this lacks."""
        program, *arguments = self._command[:-1]
        return NullFlushed(self._name, [[program, "-d", *arguments, model]], self._seconds)
