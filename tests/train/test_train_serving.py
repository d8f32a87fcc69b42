"""The command line and the YAML file for vLLM say the same, and what vLLM refuses is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.errors import TrainError
from train.shipping.serving import serve_adapter, serve_merged, write_serving


def make_adapter(folder: Path, renderer: str = "chat", **config: Any) -> Path:
    folder.mkdir(parents=True)
    told = {
        "method": "qlora",
        "base": {"name": "Qwen/Qwen2.5-7B", "revision": "a" * 40, "sha256": "s"},
        "renderer": {"name": renderer, "hash": "h", "system": ""},
    }
    (folder / "train.json").write_text(json.dumps(told))
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 16, **config}))
    return folder


def as_arguments(path: Path) -> list[str]:
    """Arguments that vLLM makes of its YAML file (`load_config_file` in vllm/utils/argparse_utils.py)."""
    words: list[str] = []
    for key, value in YAML(typ="safe").load(path.read_text()).items():
        if value is True:
            words.append(f"--{key}")
        else:
            words += [f"--{key}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return words


def test_command_and_file_say_the_same(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "it's a run" / "adapter")
    serving = serve_adapter(adapter, length=2048)
    write_serving(serving, tmp_path / "vllm.yaml")
    words = shlex.split(serving.command())
    assert words[:3] == ["vllm", "serve", "Qwen/Qwen2.5-7B"]
    assert as_arguments(tmp_path / "vllm.yaml") == ["--model", words[2], *words[3:]]
    module = json.loads(words[words.index("--lora-modules") + 1])
    assert module == {
        "name": "it-s-a-run",
        "path": str(adapter.resolve()),
        "base_model_name": "Qwen/Qwen2.5-7B",
    }
    assert words[words.index("--revision") + 1] == "a" * 40
    assert words[words.index("--max-model-len") + 1] == "2048"


@pytest.mark.parametrize(("rank", "told"), [(1, 1), (4, 8), (16, 16), (17, 32), (200, 256), (512, 512)])
def test_the_rank_is_one_that_vllm_accepts_and_large_enough(tmp_path: Path, rank: int, told: int) -> None:
    words = shlex.split(serve_adapter(make_adapter(tmp_path / "a", r=rank)).command())
    assert words[words.index("--max-lora-rank") + 1] == str(told)


def test_the_chat_template_of_training_is_served(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "a")
    assert "chat-template" not in serve_adapter(adapter).options()
    (adapter / "chat_template.jinja").write_text("{{ messages }}")
    assert serve_adapter(adapter).options()["chat-template"] == str(adapter.resolve() / "chat_template.jinja")
    other = make_adapter(tmp_path / "b", renderer="alpaca")
    (other / "chat_template.jinja").write_text("{{ messages }}")
    assert "chat-template" not in serve_adapter(other).options()
    write_serving(serve_adapter(other), tmp_path / "b.yaml")
    assert "# It was trained with the alpaca template" in (tmp_path / "b.yaml").read_text()
    write_serving(serve_adapter(adapter), tmp_path / "a.yaml")
    assert "/v1/completions" not in (tmp_path / "a.yaml").read_text()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"peft_type": "IA3"}, "LoRA only"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules"),
        ({"bias": "all"}, "biases"),
        ({"r": 600}, "600"),
        ({"rank_pattern": {"q_proj": 1024}}, "1024"),
    ],
)
def test_what_vllm_cannot_apply_is_refused_with_the_way_out(tmp_path: Path, config: Any, reason: str) -> None:
    with pytest.raises(TrainError, match=reason) as caught:
        serve_adapter(make_adapter(tmp_path / "a", **config))
    assert "python -m train merge" in caught.value.hint


def test_an_adapter_of_another_kind_is_refused(tmp_path: Path) -> None:
    adapter = make_adapter(tmp_path / "a")
    (adapter / "bottleneck.safetensors").write_bytes(b"")
    with pytest.raises(TrainError, match="bottleneck"):
        serve_adapter(adapter)
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(TrainError, match=r"no adapter_config\.json"):
        serve_adapter(adapter)


def test_a_merged_model_is_served_by_itself(tiny_qwen2: Path, tmp_path: Path) -> None:
    words = shlex.split(serve_merged(tiny_qwen2, name="bikes").command())
    assert words == ["vllm", "serve", str(tiny_qwen2.resolve()), "--served-model-name", "bikes"]
    with pytest.raises(TrainError, match="no model"):
        serve_merged(tmp_path)
