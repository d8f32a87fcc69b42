"""A build goes onto a hub: as the command line sends it, to a small hub of the tests that keeps what it is sent."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import workbench as bench

TOKEN = "hf_averysecrettoken"


@dataclass
class Hub:
    """The endpoints of the Hugging Face hub that a push uses; it holds one data set a name and branch."""

    allowed: str = TOKEN
    private: dict[str, bool] = field(default_factory=dict)
    branches: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    url: str = ""

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, Any]:
        """Return status and JSON of a request."""
        path = path.partition("?")[0]
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if token != f"Bearer {self.allowed}":
            return 401, {"error": "Invalid username or password."}
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted['organization']}/{wanted['name']}"
            if name in self.private:
                return 409, {
                    "error": "You already created this dataset repo",
                    "url": f"{self.url}/datasets/{name}",
                }
            self.private[name] = wanted.get("private") is True or wanted.get("visibility") == "private"
            self.branches[name, "main"] = {}
            return 200, {"url": f"{self.url}/datasets/{name}"}
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(\w+)/([^/]+)(/.*)?", path)
        if found is None:
            return 404, {"error": f"no endpoint {method} {path}"}
        name, kind, branch = found[1], found[2], found[3]
        if kind == "branch":
            if (name, branch) in self.branches:
                return 409, {"error": "Reference already exists"}
            self.branches[name, branch] = dict(self.branches[name, "main"])
            return 200, {}
        files = self.branches[name, branch]
        if kind == "tree":
            listed = [
                {"type": "file", "path": one, "size": len(data), "oid": "0" * 40}
                for one, data in files.items()
            ]
            return 200, listed
        if kind == "preupload":
            asked = json.loads(body)["files"]
            told = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]
            return 200, {"files": told}
        if kind == "commit":
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del files[line["value"]["path"]]
            return 200, {
                "success": True,
                "commitOid": "1" * 40,
                "commitUrl": f"{self.url}/datasets/{name}/commit/1",
            }
        return 404, {"error": f"no endpoint {method} {path}"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    kept = Hub()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, told = kept.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_HEAD = handle_one  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("push")
    rows = [{"instruction": "说出一种颜色。", "input": "", "output": "蓝色。"}]
    bench.write_jsonl(folder / "data.jsonl", rows)
    recipe = bench.write_recipe(folder, "stages: []", extra="exports: [{format: messages}]")
    bench.build(recipe, folder / "out", folder / ".build")
    return folder / "out"


PUSHED = ["README.md", "data/dataset_info.json", "data/messages/train.jsonl", "manifest.json"]


def push(out: Path, hub: Hub, *args: str, token: str = TOKEN) -> bench.Outcome:
    home = str(out.parent / "home")
    env = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0", "HF_HOME": home}
    return bench.run("push", out, "--to", "team/tickets", *args, cwd=out.parent, **env)


def test_a_build_is_pushed_whole_and_nothing_beside_it(out: Path, hub: Hub) -> None:
    result = push(out, hub, "--private")
    assert result.code == 0, result.stderr
    assert f"{hub.url}/datasets/team/tickets/commit/1" in result.stdout
    held = hub.branches["team/tickets", "main"]
    assert sorted(held) == PUSHED
    assert held == {name: (out / name).read_bytes() for name in PUSHED}
    assert hub.private == {"team/tickets": True}


def test_a_second_push_replaces_the_first_and_leaves_no_old_split(out: Path, hub: Hub) -> None:
    hub.private["team/tickets"] = False
    hub.branches["team/tickets", "main"] = {"data/messages/test.jsonl": b"old", "notes.txt": b"theirs"}
    result = push(out, hub, "--revision", "v2")
    assert result.code == 0, result.stderr
    assert sorted(hub.branches["team/tickets", "v2"]) == sorted([*PUSHED, "notes.txt"])
    assert "data/messages/test.jsonl" in hub.branches["team/tickets", "main"]


def test_a_dry_run_lists_files_and_sizes_and_sends_nothing(out: Path, hub: Hub) -> None:
    result = push(out, hub, "--dry-run")
    assert result.code == 0, result.stderr
    size = (out / "data" / "messages" / "train.jsonl").stat().st_size
    assert f"{size:>14,}  data/messages/train.jsonl\n" in result.stdout
    assert "would upload 4 files, 0.0 MB to team/tickets" in result.stdout
    assert not hub.private


def test_a_refused_token_is_told_without_naming_it(out: Path, hub: Hub) -> None:
    result = push(out, hub, token="hf_someothertoken")
    assert result.code == 1
    assert f"{hub.url} refused the push to team/tickets: status 401" in result.stderr
    assert "set HF_TOKEN" in result.stderr
    assert "hf_someothertoken" not in result.stdout + result.stderr


def test_a_hub_that_does_not_answer_is_told(out: Path) -> None:
    result = push(out, Hub(url="http://127.0.0.1:9"))
    assert result.code == 1
    assert "http://127.0.0.1:9 cannot be reached" in result.stderr


def test_what_is_no_whole_build_and_no_address_is_not_pushed(out: Path, tmp_path: Path) -> None:
    result = bench.invoke("push", out, "--to", "tickets")
    assert (result.code, "write OWNER/NAME" in result.stderr) == (2, True)
    result = bench.invoke("push", tmp_path, "--to", "a/b")
    assert (result.code, "is not a finished build" in result.stderr) == (2, True)
    copy = bench.fresh_copy(out, tmp_path / "copy")
    (copy / "data" / "messages" / "train.jsonl").write_text("{}\n", encoding="utf-8")
    result = bench.invoke("push", copy, "--to", "a/b", "--dry-run")
    assert (result.code, "is not the file that the build wrote" in result.stderr) == (1, True)
