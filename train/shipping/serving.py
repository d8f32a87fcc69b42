"""How to serve what was trained with vLLM: the command line and the YAML file that say the same.

An adapter is served beside its base model under a name of its own where vLLM can apply it at run time (LoRA and
rsLoRA); a merged model is served by itself. What vLLM refuses is refused here, with the way out. Options are as in its
manual ("LoRA Adapters", "Server Arguments") and vllm/config/lora.py, vllm/lora/peft_helper.py; vLLM needs a GPU and
is no dependency, so what is written here was compared with its sources and not run.
"""

from __future__ import annotations

import io
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import TrainError
from pipeline.store import Json, write_text
from train.shipping.registry import read_train_json

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` accepts (MaxLoRARanks in vllm/config/lora.py)."""

NOT_RUN = "vLLM is not part of this program: what stands here was not run by it."


@dataclass(frozen=True, slots=True)
class Serving:
    """How a model is served.

    Attributes:
        model: folder or hub id of the base model, or of a merged one.
        revision: commit of a hub model, or "".
        name: what clients ask for.
        adapter: folder of the adapter, or None if it was merged.
        rank: for `--max-lora-rank`; 0 without an adapter.
        length: `--max-model-len`, or None for the model's own.
        template: file for `--chat-template`, or None for the tokenizer's own.
        words: the renderer of training, or "" if not known.
    """

    model: str
    revision: str
    name: str
    adapter: Path | None
    rank: int
    length: int | None = None
    template: Path | None = None
    words: str = ""

    def remarks(self) -> list[str]:
        """Return what a client must know beside the command."""
        if self.words in ("", "chat"):
            return [NOT_RUN]
        return [
            NOT_RUN,
            f"It was trained with the {self.words} template: send whole prompts to /v1/completions, for"
            " /v1/chat/completions would put other words around them.",
        ]

    def options(self) -> dict[str, Json]:
        """Return vLLM's options in their long form without dashes, as its YAML file has them."""
        options: dict[str, Json] = {"model": self.model}
        if self.revision:
            options["revision"] = self.revision
        if self.adapter is not None:
            options |= {"enable-lora": True, "max-lora-rank": self.rank}
            options["lora-modules"] = [
                json.dumps({"name": self.name, "path": str(self.adapter), "base_model_name": self.model})
            ]
        else:
            options["served-model-name"] = self.name
        if self.length is not None:
            options["max-model-len"] = self.length
        if self.template is not None:
            options["chat-template"] = str(self.template)
        return options

    def command(self) -> str:
        """Return the command line, quoted for a POSIX shell."""
        words = ["vllm", "serve", self.model]
        for name, value in self.options().items():
            if name == "model":
                continue
            words.append(f"--{name}")
            if isinstance(value, list):
                words += [str(item) for item in value]
            elif value is not True:
                words.append(str(value))
        return shlex.join(words)

    def yaml(self) -> str:
        """Return the text of the file for `vllm serve --config FILE`."""
        from ruamel.yaml import YAML

        yaml = YAML(typ="safe")
        yaml.default_flow_style = False
        yaml.allow_unicode = True
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.width = 1 << 20
        stream = io.StringIO()
        yaml.dump(self.options(), stream)
        return stream.getvalue()


def serve_adapter(
    adapter: Path, name: str = "", model: str = "", revision: str = "", length: int | None = None
) -> Serving:
    """Return how an adapter is served beside its base model.

    Args:
        adapter: folder that training wrote.
        name: what clients ask for; by default that of the run's folder.
        model: folder or hub id of the base model; by default as train.json names it.
        revision: of `model`, if that is given.
        length: most tokens of prompt and answer together.

    Raises:
        TrainError: vLLM cannot apply this adapter; the hint says what to do instead.
    """
    told = read_train_json(adapter)
    config = _adapter_config(adapter, str(told.get("method", "")))
    base = told.get("base")
    if not model:
        if not isinstance(base, dict) or not base.get("name"):
            raise TrainError(f"{adapter}/train.json names no base model", "name it with --model")
        model, revision = str(base["name"]), str(base.get("revision") or "")
    rank = max([config["r"], *config.get("rank_pattern", {}).values()])
    fitting = [size for size in RANKS if size >= rank]
    if not fitting:
        raise TrainError(f"vLLM serves ranks up to {RANKS[-1]}, and this adapter has {rank}", _merge(adapter))
    folder = adapter.resolve()
    run = folder.parent.name if folder.name == "adapter" else folder.name
    renderer = told.get("renderer")
    words = str(renderer.get("name", "")) if isinstance(renderer, dict) else ""
    template = folder / "chat_template.jinja"  # of training, where the adapter's folder holds it
    chat = template if words == "chat" and template.is_file() else None
    return Serving(model, revision, name or _plain(run), folder, fitting[0], length, chat, words)


def serve_merged(folder: Path, name: str = "", length: int | None = None) -> Serving:
    """Return how a merged model is served.

    Raises:
        TrainError: the folder holds no model.
    """
    if not (folder / "config.json").is_file():
        raise TrainError(f"{folder} holds no model: no config.json", "merge one: python -m train merge")
    return Serving(str(folder.resolve()), "", name or _plain(folder.resolve().name), None, 0, length)


def write_serving(serving: Serving, path: Path) -> None:
    """Write the YAML file, with the command that reads it as a comment."""
    told = "".join(f"# {line}\n" for line in (f"vllm serve --config {path.name}", *serving.remarks()))
    text = told + serving.yaml()
    write_text(path, lambda stream: print(text, end="", file=stream))


def _adapter_config(adapter: Path, method: str) -> dict[str, Any]:
    path = adapter / "adapter_config.json"
    if not path.is_file():
        raise TrainError(
            f"vLLM cannot apply method {method}: {adapter} has no adapter_config.json", _merge(adapter)
        )
    config = json.loads(path.read_text(encoding="utf-8"))
    reason = ""
    if config.get("peft_type") != "LORA":
        reason = f"it applies LoRA only, and this is {config.get('peft_type')}"
    elif config.get("use_dora"):
        reason = "it does not apply DoRA"
    elif config.get("modules_to_save"):
        reason = "it replaces no whole modules, and this adapter holds some"
    elif config.get("bias", "none") != "none":
        reason = "it applies no trained biases"
    elif (adapter / "bottleneck.safetensors").is_file() or "bottleneck" in method:
        reason = "it has no bottleneck adapters"
    if reason:
        raise TrainError(f"vLLM cannot apply this adapter ({method}): {reason}", _merge(adapter))
    return dict(config)


def _merge(adapter: Path) -> str:
    return f"merge it and serve the result: python -m train merge {adapter}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "adapter"
