"""Files that an address names (https://, s3://, gs://, ...), fetched through fsspec into a folder of the store.

A file is fetched again only if what its server says of it (an ETag, a date) has changed; one that says
nothing is fetched each time. From there on it is a file like any other, so no reader knows of networks.
Passwords and tokens in an address serve to fetch, and appear nowhere else. Rejected: reading over the
network (every reader would have to seek there, and a build could not be repeated after an outage).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.errors import PipelineError, SourceError
from pipeline.ingest.credentials import without_secrets
from pipeline.ingest.spec import SourceSpec
from pipeline.store import digest, replacing

_WEB = ("http", "https")
_PACKAGES = {
    "http": "aiohttp",
    "https": "aiohttp",
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "smb": "smbprotocol",
    "oss": "ossfs",
}
_VALIDATORS = (
    "ETag",
    "etag",
    "Content-MD5",
    "md5Hash",
    "generation",
    "Last-Modified",
    "LastModified",
    "mtime",
)
_VALIDATORS_LAST = ("modified", "last_modified", "created", "content_hash")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetched file: its name below what the recipe names, where it lies now, and its address without secrets."""

    name: str
    path: Path
    address: str


def local_path(written: str) -> str:
    """Return the path that a `file://` address names, anything else as it is."""
    return unquote(urlsplit(written).path) if written.lower().startswith("file://") else written


def fetch(
    written: str, spec: SourceSpec, cache: Path, readable: Callable[[list[str]], list[str]]
) -> list[Fetched]:
    """Fetch the files that an address names: one, a folder of them, or what a glob matches.

    Args:
        written: the address as the recipe writes it.
        spec: its source.
        cache: folder to keep what was fetched.
        readable: chooses among the names in a folder those that can be read.

    Raises:
        SourceError: nothing is there, it may not be read, or the network fails.
    """
    shown = without_secrets(written)
    if "::" in written:
        raise SourceError(
            f"source {spec.name}: {shown} is an address in an address",
            "name the inner one: archives are read as they are",
        )
    try:
        system, root = _open(written, spec)
        entries = _entries(system, written, root)
        names = list(entries) if len(entries) == 1 and "" in entries else readable(sorted(entries))
        if not names:
            raise SourceError(
                f"source {spec.name}: {shown} holds nothing that can be read ({len(entries)} files)",
                f"correct `path:` of source {spec.name} in the recipe",
            )
        return [_fetched(system, entries[name], name, shown, cache) for name in names]
    except PipelineError:
        raise
    except (
        Exception
    ) as error:  # each of fsspec's systems has errors of its own, and their texts hold addresses
        raise _explained(error, spec, written, shown) from None


def _open(written: str, spec: SourceSpec) -> tuple[Any, str]:
    import fsspec

    options: dict[str, Any] = dict(spec.storage)
    if urlsplit(written).scheme.lower() in _WEB:
        import aiohttp

        # The default ends any transfer after five minutes; what matters is that bytes keep coming.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)
        options.setdefault("client_kwargs", {"timeout": timeout})
    system, root = fsspec.core.url_to_fs(written, skip_instance_cache=True, **options)
    return system, root


def _entries(system: Any, written: str, root: str) -> dict[str, str]:
    """Return the files by their names below what is named; one file alone has the name ""."""
    web = urlsplit(written).scheme.lower() in _WEB
    path = urlsplit(root).path if web else root
    if any(char in path for char in "*[") or ("?" in path and not web):
        fixed = path
        while any(char in fixed for char in "*?["):
            fixed = fixed.rpartition("/")[0]
        found = [item for item in system.glob(root) if not system.isdir(item) or web]
        return {_below(item, fixed, web): item for item in found}
    if path.endswith("/") or (not web and system.isdir(root)):
        return {_below(item, path.rstrip("/"), web): item for item in system.find(root)}
    return {"": root}


def _below(item: str, folder: str, web: bool) -> str:
    path = urlsplit(item).path if web else item
    return unquote(path.removeprefix(folder).lstrip("/")) if web else path.removeprefix(folder).lstrip("/")


def _fetched(system: Any, remote: str, name: str, shown: str, cache: Path) -> Fetched:
    info = system.info(remote)
    validator = next((str(info[key]) for key in (*_VALIDATORS, *_VALIDATORS_LAST) if info.get(key)), "")
    last = PurePosixPath(unquote(urlsplit(remote).path) if "://" in remote else remote).name or "data"
    key = digest(
        str(system.protocol),
        str(system.storage_options.get("endpoint_url")),
        remote,
        validator,
        info.get("size"),
    )
    target = cache / key[:2] / key / _safe(last)
    if not validator or not target.exists():
        with replacing(target) as temporary:
            system.get_file(remote, str(temporary))
            size = temporary.stat().st_size
        if info.get("size") not in (None, size) and not remote.startswith(_WEB):
            target.unlink()
            raise SourceError(
                f"{shown} broke off: {size:,} of {info['size']:,} bytes came", "run it again", outside=True
            )
    return Fetched(name or last, target, without_secrets(system.unstrip_protocol(remote)))


def _safe(name: str) -> str:
    """Return a name of a file that every disk takes; its ending stays."""
    return re.sub(r"[^\w.()\[\] -]", "_", name)[-120:]


def _explained(error: Exception, spec: SourceSpec, written: str, shown: str) -> SourceError:
    """Return an error that names the address and not one word of what the library said of it."""
    where = f"source {spec.name}: {shown}"
    scheme = urlsplit(written).scheme.lower()
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # fsspec says so of every failed request
    status = getattr(error, "status", 0)
    kind = type(error).__name__
    if isinstance(error, ImportError):
        package = _PACKAGES.get(scheme, "")
        install = f"pip install {package}" if package else f"install the fsspec backend for {scheme}://"
        return SourceError(f"{where} needs a package that is not installed", install)
    if isinstance(error, ValueError) and "rotocol" in str(error):
        return SourceError(f"{where} is of an unknown kind, {scheme}://", f"known are {', '.join(_PACKAGES)}")
    if isinstance(error, FileNotFoundError) or status == 404:
        return SourceError(f"{where} does not exist", f"correct `path:` of source {spec.name} in the recipe")
    if isinstance(error, PermissionError) or status in (401, 403) or "Credentials" in kind:
        return SourceError(
            f"{where} may not be read ({kind})",
            "set the credentials in the environment as its tools expect them, or `storage: {anon: true}`"
            " for a public bucket",
        )
    said = f"{kind}, status {status}" if status else kind
    return SourceError(
        f"{where} could not be fetched whole ({said})",
        "check the network and run the same command again: what was fetched before is kept",
        outside=True,
    )
