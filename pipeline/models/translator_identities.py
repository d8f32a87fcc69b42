"""Who a translation model is, told from its files alone; and whether the library that runs it is there.

Beside `identities`, which tells the kinds that judge texts: a translator has a tokenizer in pieces of SentencePiece
more often than a `tokenizer.json`, and may be converted for another library.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal

from pipeline.errors import ModelError
from pipeline.models.ct2_file import converted_weights
from pipeline.models.identities import _architectures, _digest, _fix_tagger, _revision, _setting_files
from pipeline.models.reference import ModelIdentity, ModelRef, locate

_SEQ2SEQ = ("MTModel", "ForConditionalGeneration")
"""Endings of the names of architectures that read one text and write another."""


def translator_identity(ref: ModelRef, encoder: Literal["seq2seq", "ct2"]) -> ModelIdentity:
    """Return who a model that translates is, from its files alone.

    Args:
        ref: the model; for `ct2` a folder that `ct2-transformers-converter` wrote.
        encoder: the library that runs it.

    Raises:
        ModelError: it is missing, is no encoder-decoder (or not converted), lacks weights or a tokenizer, or its
            library is not installed.
    """
    if ref.package is not None:
        raise ModelError(
            f"model {ref.name} is a sentence encoder: it translates nothing",
            "name a translation model with `hub` and `revision`, or `folder`, such as Helsinki-NLP/opus-mt-en-zh",
        )
    folder = locate(ref)
    if encoder == "ct2":
        weights = _converted(ref, folder)
    else:
        names = _architectures(folder)
        if not any(name.endswith(_SEQ2SEQ) for name in names):
            raise ModelError(
                f"model {ref.name} translates nothing: it is no encoder-decoder (its architectures: "
                f"{', '.join(names) or 'none'})",
                "name a model whose config.json says MarianMTModel or M2M100ForConditionalGeneration, such as "
                "Helsinki-NLP/opus-mt-en-zh or facebook/nllb-200-distilled-600M",
            )
        weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    pieces = sorted(file for file in folder.iterdir() if file.suffix in (".spm", ".model"))
    if not weights or not (pieces or (folder / "tokenizer.json").is_file()):
        what = "tokenizer.json, *.spm or *.model" if weights else "weights"
        raise ModelError(f"model {ref.name} has no {what} in {folder}", _fix_tagger(ref))
    _sentencepiece(ref, folder)
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, sorted({*_setting_files(folder), *pieces})),
        kind="translator",
        dimension=0,
        encoder=encoder,
        languages="all",
    )


def _converted(ref: ModelRef, folder: Path) -> list[Path]:
    """Return the weights of a model for CTranslate2.

    Raises:
        ModelError: CTranslate2 is not installed, or the folder holds no converted model that is whole.
    """
    if importlib.util.find_spec("ctranslate2") is None:
        raise ModelError(
            f"CTranslate2, which is to run {ref.name}, is not installed", "pip install -e '.[translation]'"
        )
    return [converted_weights(ref.name, folder)]


def _sentencepiece(ref: ModelRef, folder: Path) -> None:
    """See that the library is there that reads a tokenizer without a `tokenizer.json`.

    Raises:
        ModelError: it is not.
    """
    if not (folder / "tokenizer.json").is_file() and importlib.util.find_spec("sentencepiece") is None:
        raise ModelError(
            f"the tokenizer of model {ref.name} needs sentencepiece, which is not installed",
            "pip install -e '.[translation]'",
        )
