"""The doctor says what is there, what is missing, and which command mends it."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from pipeline.doctor import Finding, examine
from pipeline.models import MINILM, MINILM_SHA256
from pipeline.recipe import parse_recipe

START = "name: x\nsources: [{name: a, path: a}]\nstages: "


def findings(store: Path, stages: str = "") -> dict[str, Finding]:
    recipe = parse_recipe(START + stages, "r.yaml") if stages else None
    return {finding.subject: finding for finding in examine(store, recipe)}


def test_a_whole_machine_passes(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert [subject for subject, finding in found.items() if not finding.ok] == []
    assert found["python"].found == ".".join(map(str, sys.version_info[:3]))
    assert found["pyarrow"].found == importlib.metadata.version("pyarrow")
    assert found["default embedder"].found == f"{MINILM} {MINILM_SHA256[:12]}"
    assert int(found["cores"].found) >= 1


def test_packages_of_extras_are_not_asked_for(tmp_path: Path) -> None:
    assert not {"ray", "pytest", "spacy"} & findings(tmp_path).keys()


def test_the_disk_of_a_store_that_is_not_there_yet_is_measured(tmp_path: Path) -> None:
    found = findings(tmp_path / "not" / "yet" / ".build")
    assert found["disk"].found.endswith(f"GB free for {tmp_path / 'not' / 'yet' / '.build'}")


def test_the_models_of_a_recipe_are_looked_for(tmp_path: Path) -> None:
    found = findings(tmp_path, "[{stage: normalise}, {stage: dedupe, name: alike}, {stage: split}]")
    stages = {subject: finding.found for subject, finding in found.items() if subject.startswith("stage")}
    assert stages.keys() == {"stage normalise", "stage alike"}
    assert stages["stage alike"] == f"{MINILM} {MINILM_SHA256[:12]}"
    assert "default embedder" not in found


@pytest.mark.parametrize(
    ("model", "message", "fix"),
    [
        ("{folder: nowhere}", "model folder nowhere does not exist", "correct `folder` in the recipe"),
        (
            "{hub: someone/model, revision: abcdef0123456789abcdef0123456789abcdef01}",
            "hub model someone/model at abcdef0123456789abcdef0123456789abcdef01 is not on this machine",
            "hf download someone/model --revision abcdef0123456789abcdef0123456789abcdef01",
        ),
    ],
)
def test_a_missing_model_is_named_with_the_command_that_gets_it(
    tmp_path: Path, model: str, message: str, fix: str
) -> None:
    finding = findings(tmp_path, f"[{{stage: dedupe, model: {model}}}]")["stage dedupe"]
    assert not finding.ok
    assert finding.found.startswith(message)
    assert fix in finding.fix


def put_metadata(folder: Path, *requirements: str) -> None:
    """Install nothing but the metadata of this project, with other requirements."""
    info = folder / "instruction_dataset_pipeline-0.1.0.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: instruction-dataset-pipeline\nVersion: 0.1.0\n{needs}"
    )


def test_a_package_that_is_missing_or_too_old_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = ["numpy>=999", "no-such-package>=2", "orjson", "also-missing; extra == 'ray'"]
    put_metadata(tmp_path / "site", *needs)
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = findings(tmp_path)
    assert not found["numpy"].ok
    assert found["numpy"].found == importlib.metadata.version("numpy")
    assert found["numpy"].fix == "pip install -c constraints.txt 'numpy>=999'"
    assert found["no-such-package"].found == "not installed"
    assert found["no-such-package"].fix == "pip install -c constraints.txt 'no-such-package>=2'"
    assert found["orjson"].ok
    assert "also-missing" not in found


def test_a_project_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_and_packages = examine(tmp_path, None)
    assert next(python_and_packages).subject == "python"
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    finding = next(python_and_packages)
    assert (finding.ok, finding.subject) == (False, "install")
    assert finding.fix == "pip install -c constraints.txt -e '.[offline]'"
