"""What is an address, and an address without what must not be seen: user, password, tokens in its query.

Apart from fetching, so that a recipe can be written into a manifest without a word of them.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*::)*[A-Za-z][A-Za-z0-9+.-]*://")


def is_address(written: str) -> bool:
    """Tell whether a path of a recipe is an address; `file://` is one, a Windows drive is none."""
    return _ADDRESS.match(written) is not None


def without_secrets(written: str) -> str:
    """Return an address without user, password, query and fragment; a path on the disk as it is."""
    if not is_address(written):
        return written
    parts = urlsplit(written.rpartition("::")[2])
    return urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))
