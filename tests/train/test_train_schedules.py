"""Rates by layer, and the timetable of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from loop_runs import SETTINGS, fresh_model, run
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pipeline.errors import TrainError
from train.config import LoopParams
from train.loop.early_stopping import Patience
from train.loop.schedules import parameter_groups, timetable, transformers_name, warmup_steps
from train.loop.trainer import epoch_at
from train.methods import trainable


def test_each_layer_learns_at_its_rate_in_a_run(tiny_qwen2: Path, tmp_path: Path) -> None:
    """Two layers and embeddings of a model tuned whole: 1, a half, a quarter."""
    rates: dict[int, float] = {}

    def look(optimizer: torch.optim.Optimizer, *rest: object) -> None:
        rates.update(
            {id(value): group["lr"] for group in optimizer.param_groups for value in group["params"]}
        )

    model = fresh_model(tiny_qwen2, "full")
    hook = register_optimizer_step_pre_hook(look)
    settings = SETTINGS.model_copy(update={"layer_decay": 0.5, "warmup": 0.0, "max_steps": 1})
    run(model, tmp_path, settings)
    hook.remove()
    by_name = {name: rates[id(value)] for name, value in trainable(model).items()}
    assert by_name["lm_head.weight"] == by_name["model.norm.weight"] == 1e-2
    assert by_name["model.layers.1.mlp.up_proj.weight"] == 1e-2
    assert by_name["model.layers.0.self_attn.q_proj.bias"] == 0.5e-2
    assert by_name["model.embed_tokens.weight"] == 0.25e-2


def test_adapters_are_of_the_layer_they_sit_in(tiny_qwen2: Path) -> None:
    parameters = trainable(fresh_model(tiny_qwen2))
    groups = parameter_groups(parameters, 1.0, 0.5, 0.1, decayed=set(parameters))
    assert [group["lr"] for group in groups] == [1.0, 0.5]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1]
    assert sum(len(group["params"]) for group in groups) == len(parameters)


def test_rates_by_layer_are_refused_where_nothing_trained_has_a_layer(tiny_qwen2: Path) -> None:
    parameters = trainable(fresh_model(tiny_qwen2, "prompt_tuning"))
    with pytest.raises(TrainError, match="layer_decay needs parameters that belong to layers"):
        parameter_groups(parameters, 1.0, 0.5, 0.0, set())
    assert len(parameter_groups(parameters, 1.0, 1.0, 0.0, set())) == 1


def test_weight_decay_spares_biases_and_norms() -> None:
    layer = torch.nn.Linear(2, 2)
    groups = parameter_groups(dict(layer.named_parameters()), 1.0, 1.0, 0.1, {"weight"})
    assert [(group["weight_decay"], group["params"][0] is layer.weight) for group in groups] == [
        (0.1, True),
        (0.0, False),
    ]


@pytest.mark.parametrize(
    ("share", "steps", "rising"), [(0.1, 20, 2), (0.1, 25, 3), (0.1, 30, 3), (0.0, 9, 0)]
)
def test_warm_up_is_its_share_rounded_up(share: float, steps: int, rising: int) -> None:
    assert warmup_steps(share, steps) == rising


def test_the_timetable_by_epochs_and_by_steps() -> None:
    by_epoch = timetable(13, 2, [6, 12], None, None, None, 3, by_epoch=False)
    assert by_epoch.steps == 7
    assert by_epoch.epoch_ends == (4, 7)
    assert by_epoch.evaluate == by_epoch.save == {4, 7}
    assert by_epoch.log == {3, 4, 6, 7}
    by_steps = timetable(13, 2, [6, 12], 6, 4, 5, 100, by_epoch=True)
    assert by_steps.steps == 6
    assert by_steps.evaluate == {4, 6}
    assert by_steps.save == {5, 6}


def test_epochs_are_counted_by_the_plan() -> None:
    assert [epoch_at(done, [3, 5]) for done in range(7)] == [0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]


def test_optimizers_of_a_gpu_are_refused_on_a_cpu() -> None:
    assert transformers_name("auto", "cpu") == "adamw_torch"
    assert transformers_name("auto", "cuda") == "paged_adamw_8bit"
    assert transformers_name("auto", "cuda", deepspeed=True) == "adamw_torch"
    for name in ("adamw_8bit", "paged_adamw_8bit", "paged_adamw"):
        with pytest.raises(TrainError, match=f"optimizer {name} keeps its state in CUDA memory"):
            transformers_name(name, "cpu")


def test_patience_in_epochs_judges_an_epoch_by_its_best_look() -> None:
    patience = Patience(2, "epochs", 0.0)
    told = [
        (5.0, False),
        (4.0, True),
        (4.5, False),
        (4.2, True),
        (3.9, False),
        (4.1, True),
        (5, True),
        (5, True),
    ]
    assert [patience.tell(loss, ended) for loss, ended in told] == [False] * 7 + [True]


def test_patience_in_evaluations_wants_min_delta() -> None:
    patience = Patience(3, "evaluations", 0.1)
    assert [patience.tell(loss, False) for loss in (2.0, 1.95, 1.91, 1.8, 1.75, 1.75, 1.75)] == [
        False
    ] * 6 + [True]


def test_presets_are_those_of_the_docs() -> None:
    settings = LoopParams()
    assert (settings.schedule, settings.warmup, settings.max_grad_norm) == ("cosine", 0.1, 5.0)
    assert settings.early_stopping is not None
    assert (settings.early_stopping.patience, settings.early_stopping.unit) == (3, "evaluations")
