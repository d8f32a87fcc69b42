"""Puts a finished build onto a hub: data/, the card and the manifest, as one commit.

Only a build whose files are those its manifest names is pushed, and only what a reader of the data set needs: records
that were dropped, rejects, the ledger and the review queue stay here. Files of an earlier push under data/ that the
build no longer has are deleted in the same commit, so that no old split outlives its build. The token comes from the
environment (HF_TOKEN) or from `hf auth login`; no message names it. Rejected: `datasets.push_to_hub` (it
writes other files than the ones whose digests the manifest holds).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import PushError, RecipeError, StoreError
from pipeline.ledger import open_build
from pipeline.store import file_sha256

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Result = TypeVar("Result")

_TOKEN_HINT = "set HF_TOKEN to a token that may write there, or run `hf auth login`"
_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{8,}")


@dataclass(frozen=True, slots=True)
class PushedFile:
    """One file of a push: its path in the build and on the hub, and its size in bytes."""

    name: str
    size: int


def files_to_push(build: Path) -> list[PushedFile]:
    """Return what a push of a build would upload, in order.

    Args:
        build: folder of a finished build.

    Raises:
        RecipeError: it is no build.
        StoreError: it has no data, or its files are not those its manifest names.
    """
    outputs: dict[str, str] = open_build(build)["outputs"]
    names = sorted(name for name in outputs if name.startswith("data/") or name == "README.md")
    if not any(name.endswith(".jsonl") for name in names):
        raise StoreError(f"{build} holds no record to push", "look at its README.md: everything was dropped")
    for name in names:
        if not (build / name).is_file() or file_sha256(build / name) != outputs[name]:
            raise StoreError(
                f"{build / name} is not the file that the build wrote",
                "build again, then push what was built",
            )
    return [PushedFile(name, (build / name).stat().st_size) for name in (*names, "manifest.json")]


def check_address(to: str) -> None:
    """Make sure that an address is OWNER/NAME.

    Raises:
        RecipeError: it is not.
    """
    if not _ADDRESS.fullmatch(to):
        raise RecipeError(
            f"--to {to!r} is no address on a hub", "write OWNER/NAME, e.g. --to my-team/tickets"
        )


def push(build: Path, to: str, private: bool, revision: str | None) -> str:
    """Create the data set on the hub if it is not there, upload the build as one commit, and return its address.

    Args:
        build: folder of a finished build.
        to: OWNER/NAME.
        private: whether a data set that is created here is private; an existing one keeps what it is.
        revision: branch, made if it is not there; None is main.

    Raises:
        RecipeError: `to` is no address, or there is no build.
        StoreError: the build is not whole.
        PushError: the hub cannot be reached or refuses.
    """
    check_address(to)
    files = files_to_push(build)
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    _told(lambda: _create(api, to, private, revision), to, api.endpoint)
    return _told(lambda: _upload(api, build, to, revision, files), to, api.endpoint)


def _create(api: HfApi, to: str, private: bool, revision: str | None) -> None:
    api.create_repo(to, repo_type="dataset", private=private, exist_ok=True)
    if revision is not None:
        api.create_branch(to, repo_type="dataset", branch=revision, exist_ok=True)


def _upload(api: HfApi, build: Path, to: str, revision: str | None, files: list[PushedFile]) -> str:
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    done = api.upload_folder(
        repo_id=to,
        folder_path=build,
        repo_type="dataset",
        revision=revision,
        commit_message=f"Build {open_build(build)['build_key'][:12]}",
        allow_patterns=[file.name for file in files],
        delete_patterns=["data/**"],
    )
    return str(done.commit_url)


def _told(call: Callable[[], Result], to: str, endpoint: str) -> Result:
    """Return what a call to the hub returns, or raise its failure as a sentence."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        return call()
    except OfflineModeIsEnabled as error:
        raise PushError(
            "HF_HUB_OFFLINE forbids every call to a hub", "unset HF_HUB_OFFLINE, then push again"
        ) from error
    except LocalTokenNotFoundError as error:
        raise PushError("no token for the hub", _TOKEN_HINT) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        said = _TOKEN.sub("hf_…", (error.server_message or "").split("\n", 1)[0])[:200]
        raise PushError(
            f"{endpoint} refused the push to {to}: status {status}{': ' + said if said else ''}",
            _TOKEN_HINT
            if status in (401, 403)
            else "push again later; nothing but whole commits is ever kept",
        ) from None
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        raise PushError(
            f"{endpoint} cannot be reached: {type(error).__name__}",
            "check the network and HF_ENDPOINT; --dry-run shows what would be uploaded",
        ) from None


def _is_of_the_network(error: Exception) -> bool:
    """Return whether the client of the hub could not talk to it (httpx or httpx2, by its version)."""
    modules = {kind.__module__.split(".", 1)[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(modules & {"httpx", "httpx2"})
