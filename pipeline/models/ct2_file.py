"""What a model converted for CTranslate2 is, read from the head of each part of its `model.bin`, without loading it.

CTranslate2 says what is wrong with a file only when it loads it, and of some things (a vocabulary of another model) not
even then. The file (ctranslate2.specs.model_spec, `_serialize`, binary version 6) names its kind, then each variable
with shape and size, then variables that stand for others; so it is walked from head to head. Rejected: loading it while
the plan is made (gigabytes, for a wrong folder name).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ModelError

_VERSION = 6
_KIND = "TransformerSpec"
_FIX = (
    "convert it anew: ct2-transformers-converter --model NAME --output_dir FOLDER --copy_files "
    "tokenizer_config.json and the tokenizer's own files: source.spm target.spm vocab.json (opus-mt), "
    "sentencepiece.bpe.model vocab.json (M2M), tokenizer.json (NLLB)"
)
_VOCABULARIES = {
    "shared": ("encoder/embeddings_0/weight", "decoder/embeddings/weight"),
    "source": ("encoder/embeddings_0/weight",),
    "target": ("decoder/embeddings/weight",),
}


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """What the heads in a `model.bin` say.

    Attributes:
        kind: of model, as CTranslate2 names it; an encoder-decoder is a `TransformerSpec`.
        shapes: of each variable by name, those that stand for another among them.
    """

    kind: str
    shapes: dict[str, tuple[int, ...]]

    @property
    def positions(self) -> int | None:
        """How many tokens the model has position encodings for; None if it has none."""
        names = ("encoder/position_encodings/encodings", "decoder/position_encodings/encodings")
        return min((self.shapes[name][0] for name in names if name in self.shapes), default=None)


def converted_weights(name: str, folder: Path) -> Path:
    """Return the file of weights of a converted translation model, having seen that it is whole and one.

    Raises:
        ModelError: it is missing, cut off, damaged or of another kind, or its vocabulary is missing or another's.
    """
    file = folder / "model.bin"
    if not file.is_file():
        raise ModelError(
            f"model {name} is not converted for CTranslate2: there is no model.bin in {folder}", _FIX
        )
    read = read_converted(file)
    if read.kind != _KIND:
        raise ModelError(
            f"model {name} translates nothing: {file} is a {read.kind} of CTranslate2, not a {_KIND}",
            "name the folder of a converted Marian, NLLB, M2M or mBART model",
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"model {name} has no config.json in {folder}", _FIX)
    found = {kind: folder / f"{kind}_vocabulary.json" for kind in _VOCABULARIES}
    there = {kind: path for kind, path in found.items() if path.is_file()}
    if "shared" not in there and not {"source", "target"} <= set(there):
        raise ModelError(f"model {name} has no shared_vocabulary.json in {folder}", _FIX)
    for kind, path in there.items():
        _see_size(path, [read.shapes[each][0] for each in _VOCABULARIES[kind] if each in read.shapes])
    return file


def read_converted(file: Path) -> ConvertedFile:
    """Return what the heads of a `model.bin` say.

    Raises:
        ModelError: it is no such file, or ends before its last variable or after it.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        try:
            (version,) = _numbers(stream, "I")
            if version != _VERSION:
                raise ModelError(
                    f"{file} is no model of CTranslate2 in its format {_VERSION}: it begins with {version}",
                    _FIX,
                )
            kind = _string(stream)
            _, variables = _numbers(stream, "II")
            shapes: dict[str, tuple[int, ...]] = {}
            for _ in range(variables):
                name = _string(stream)
                (dimensions,) = _numbers(stream, "B")
                shapes[name] = _numbers(stream, "I" * dimensions)
                _, length = _numbers(stream, "BI")
                stream.seek(length, 1)
                if stream.tell() > size:
                    raise EOFError
            for _ in range(_numbers(stream, "I")[0]):
                alias, name = _string(stream), _string(stream)
                shapes[alias] = shapes[name]
        except (EOFError, KeyError, UnicodeDecodeError) as error:
            raise ModelError(f"the model file {file} is damaged or cut off ({size} bytes)", _FIX) from error
        if stream.tell() != size:
            raise ModelError(f"the model file {file} goes on after its last variable", _FIX)
    return ConvertedFile(kind, shapes)


def _numbers(stream: BinaryIO, form: str) -> tuple[int, ...]:
    wanted = struct.calcsize(f"<{form}")
    read = stream.read(wanted)
    if len(read) < wanted:
        raise EOFError
    return struct.unpack(f"<{form}", read)


def _string(stream: BinaryIO) -> str:
    (length,) = _numbers(stream, "H")
    read = stream.read(length)
    if len(read) < length:
        raise EOFError
    return read.rstrip(b"\0").decode("utf-8")


def _see_size(file: Path, rows: list[int]) -> None:
    """See that a vocabulary has as many words as the embeddings have rows.

    Raises:
        ModelError: it has more or fewer, or is no list.
    """
    try:
        words = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model file {file} is damaged: it is no JSON ({error})", _FIX) from error
    if not isinstance(words, list) or any(len(words) != row for row in rows):
        count = len(words) if isinstance(words, list) else "no list of"
        raise ModelError(
            f"the vocabulary {file} is another model's: {count} words, and embeddings of {rows[0] if rows else 0}",
            _FIX,
        )
