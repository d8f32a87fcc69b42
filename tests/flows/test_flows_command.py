"""The command line of the flows: what is wrong is said in a sentence, and nothing half-made is left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import workbench as bench
from flow_server import Api
from typer.testing import CliRunner

from flows.__main__ import app
from flows.server import free_port


def command(*args: object, **env: str) -> bench.Outcome:
    result = CliRunner().invoke(app, [str(arg) for arg in args], env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return bench.Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return bench.corpus(tmp_path, 10)


def untouched(folder: Path) -> bool:
    return sorted(path.name for path in folder.iterdir()) == ["data.jsonl", "recipe.yaml"]


@pytest.mark.parametrize("name", ["build", "nightly"])
def test_a_server_that_cannot_be_reached_is_named(
    recipe: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    folder = recipe.parent
    api = f"http://127.0.0.1:{free_port()}/api"
    monkeypatch.setenv("PREFECT_API_URL", api)
    with temporary_settings({PREFECT_API_URL: api}):
        ended = command(name, recipe, "--out", folder / "out", "--store", folder / ".build")
    assert ended.code == 1
    assert ended.stderr.startswith(f"error: no Prefect server answers at {api}")
    assert "unset it" in ended.stderr
    assert untouched(folder)


@pytest.mark.parametrize("name", ["build", "nightly", "serve", "demo"])
def test_a_recipe_that_does_not_parse_costs_no_server(recipe: Path, name: str) -> None:
    recipe.write_text("name: made\nsources: []\nstages: [{stage: dedup}]\n", encoding="utf-8")
    ended = command(name, recipe, "--store", recipe.parent / ".build", "--out", recipe.parent / "out")
    assert ended.code == 2
    assert f"{recipe}:3: stages[0]: there is no 'dedup'; did you mean 'dedupe'?" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert untouched(recipe.parent)


def test_a_parameter_of_the_wrong_type_is_a_usage_error(recipe: Path) -> None:
    ended = command("build", recipe, "--workers", "many")
    assert ended.code == 2
    assert "--workers" in ended.stderr
    assert untouched(recipe.parent)


@pytest.mark.parametrize(
    ("cron", "zone"), [("often", "UTC"), ("0 2 * *", "UTC"), ("0 2 * * *", "Atlantis/Here")]
)
def test_a_schedule_that_is_none_is_named(recipe: Path, cron: str, zone: str) -> None:
    ended = command("serve", recipe, "--cron", cron, "--timezone", zone)
    assert ended.code == 1
    assert f"--cron {cron!r} in the zone {zone!r} is no schedule" in ended.stderr
    assert untouched(recipe.parent)


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_a_port_that_is_taken_is_named(recipe: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers there, perhaps a Prefect server of somebody else, is not taken for ours."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command(name, recipe, "--port", port)
    assert ended.code == 1
    assert ended.stderr.startswith(f"error: port {port} of this machine is taken")
    assert untouched(recipe.parent)


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_the_server_that_a_profile_names_may_have_that_port(recipe: Path, name: str) -> None:
    """As Prefect's own profile for a local server does; that this one does not answer is another matter."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
            ended = command(name, recipe, "--port", port)
    assert ended.code == 1
    assert ended.stderr.startswith(f"error: no Prefect server answers at http://127.0.0.1:{port}/api")


def test_deploying_needs_a_server_and_a_pool(
    recipe: Path, served: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        ended = command("deploy", recipe, "--pool", "nowhere")
    assert ended.code == 1
    assert ended.stderr.startswith("error: no Prefect server is configured")
    ended = command("deploy", recipe, "--pool", "nowhere")
    assert ended.code == 1
    assert f"the Prefect server at {served.address} has no work pool 'nowhere'" in ended.stderr
    assert "prefect work-pool create nowhere" in ended.stderr
    assert served.post("/deployments/filter", {}) == []


def test_a_deployment_refuses_wrong_parameters_before_a_run_exists(recipe: Path, served: Api) -> None:
    served.post("/work_pools/", {"name": "some", "type": "process"})
    assert command("deploy", recipe, "--pool", "some", "--cron", "0 2 * * *").code == 0
    deployment = served.get("/deployments/name/nightly/recipe")
    assert deployment["enforce_parameter_schema"] is True
    assert [each["schedule"]["cron"] for each in deployment["schedules"]] == ["0 2 * * *"]
    before = len(served.runs())
    refused = served.order("nightly/recipe", {"workers": "many"})
    assert refused.status_code in (409, 422)
    assert "workers" in refused.text
    assert len(served.runs()) == before
    assert untouched(recipe.parent)


def test_the_automations_can_be_made_twice_and_stand_once(served: Api) -> None:
    first, second = command("automate"), command("automate")
    assert (first.code, second.code) == (0, 0)
    names = [each["name"] for each in served.post("/automations/filter", {})]
    assert sorted(name for name in names if name.startswith("dataset: ")) == [
        "dataset: crashed runs are ordered again",
        "dataset: silent runs have crashed",
    ]
    ended = command("automate", "--notify", "slack-webhook/ops")
    assert ended.code == 1
    assert "has no block 'slack-webhook/ops'" in ended.stderr


def test_prefect_yaml_names_flows_that_exist_and_parameters_they_take() -> None:
    import importlib

    from ruamel.yaml import YAML

    told: Any = YAML(typ="safe").load(bench.ROOT / "prefect.yaml")
    pools = {"process", *(path.stem for path in (bench.ROOT / "flows" / "pools").glob("*.json"))}
    for each in told["deployments"]:
        module, _, name = each["entrypoint"].rpartition(".")
        flow = getattr(importlib.import_module(module), name)
        known = flow.parameters.properties
        assert set(each.get("parameters", {})) <= set(known)
        assert each["work_pool"]["name"] in pools


def test_prefect_yaml_can_be_deployed(served: Api) -> None:
    """By Prefect's own command, to pools with our job templates; a container's run then has image and volume."""
    from flow_server import environment

    for kind in ("process", "docker", "kubernetes"):
        template = bench.ROOT / "flows" / "pools" / f"{kind}.json"
        told = json.loads(template.read_text(encoding="utf-8")) if template.exists() else {}
        served.post("/work_pools/", {"name": kind, "type": kind, "base_job_template": told})
    home = Path(os.environ["PREFECT_HOME"])
    ended = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        check=False, cwd=bench.ROOT, env=environment(home, served.address), capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    names = (
        "nightly/night",
        "build/build",
        "train/train",
        "nightly/night-docker",
        "nightly/night-kubernetes",
    )
    made = {name: served.get(f"/deployments/name/{name}") for name in names}
    assert [each["work_pool_name"] for each in made.values()] == [
        "process", "process", "process", "docker", "kubernetes"
    ]  # fmt: skip
    assert all(each["enforce_parameter_schema"] for each in made.values())
    assert [name for name, each in made.items() if each["schedules"]] == [
        name for name in names if "night" in name.partition("/")[2]
    ]
    assert made["nightly/night-docker"]["job_variables"]["image"] == "instruction-dataset-pipeline:latest"
    assert served.order("build/build", {"workers": 0}).status_code in (409, 422)


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_job_template_uses_only_variables_that_it_declares(kind: str) -> None:
    import re

    template = json.loads((bench.ROOT / "flows" / "pools" / f"{kind}.json").read_text(encoding="utf-8"))
    used = set(re.findall(r"\{\{ *(\w+) *\}\}", json.dumps(template["job_configuration"])))
    assert used <= set(template["variables"]["properties"])
    assert used >= {"command", "env", "image"}


@pytest.mark.slow
def test_the_sample_by_flow_is_the_sample_by_command(tmp_path: Path) -> None:
    from flow_server import environment

    for room in ("pipeline", "flows"):
        where = ("--out", tmp_path / room, "--store", tmp_path / f".build-{room}")
        ended = subprocess.run(
            [sys.executable, "-m", room, "build", *map(str, where)],
            check=False, cwd=bench.ROOT, env=environment(tmp_path / "prefect"), capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert "Error logging to API" not in ended.stderr
    assert bench.content(tmp_path / "flows") == bench.content(tmp_path / "pipeline")
    assert not bench.leftovers(tmp_path)
