"""The configurations for several processes, as accelerate understands them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import train

CONFIGS = Path(train.__file__).parent / "configs"


def launched(name: str) -> Any:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    path = str(CONFIGS / name)
    arguments = launch_command_parser().parse_args(["--config_file", path, "-m", "train", "recipe.yaml"])
    arguments, defaults, _ = _validate_launch_command(arguments)
    if arguments.use_deepspeed:
        arguments.deepspeed_fields_from_accelerate_config = ",".join(defaults.deepspeed_config)
    assert load_config_from_file(path).num_processes == arguments.num_processes == 2
    return arguments


def test_the_documentation_names_each_configuration() -> None:
    docs = (Path(train.__file__).parents[1] / "docs" / "training_loop.md").read_text("utf-8")
    names = {path.name for path in CONFIGS.glob("*.yaml")}
    assert names == {"deepspeed_zero2.yaml", "fsdp.yaml"}
    assert all(f"train/configs/{name} -m train" in docs for name in names)


def test_fsdp_divides_parameters_layer_by_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import FullyShardedDataParallelPlugin
    from accelerate.utils.launch import prepare_multi_gpu_env

    arguments = launched("fsdp.yaml")
    assert arguments.use_fsdp
    before = dict(os.environ)
    for name, value in prepare_multi_gpu_env(arguments).items():
        if before.get(name) != value:
            monkeypatch.setenv(name, value)
    plugin = FullyShardedDataParallelPlugin()
    assert plugin.fsdp_version == 2
    assert plugin.reshard_after_forward is True
    assert "SHARDED" in str(plugin.state_dict_type)


def test_zero_2_keeps_the_optimizer_in_the_cpus_memory() -> None:
    from accelerate.utils.launch import prepare_deepspeed_cmd_env

    arguments = launched("deepspeed_zero2.yaml")
    assert arguments.use_deepspeed
    _, environment = prepare_deepspeed_cmd_env(arguments)
    assert environment["ACCELERATE_DEEPSPEED_ZERO_STAGE"] == "2"
    assert environment["ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE"] == "cpu"
    assert environment["ACCELERATE_GRADIENT_ACCUMULATION_STEPS"] == "auto"
    assert environment["ACCELERATE_GRADIENT_CLIPPING"] == "auto"
