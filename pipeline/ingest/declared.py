"""The encoding that a web page or an XML file itself declares.

It goes before what the bytes look like, but after a byte order mark and valid UTF-8: pages that were
converted often still declare what they were. Rejected: believing every declaration (`gb2312` in a page of
GB18030, `iso-8859-1` where servers write Windows-1252).
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from pipeline.ingest.encodings import UTF8, Decided, encoding_of
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import first_bytes, open_bytes

_WITHIN = 4096
_DECLARED = {
    "html": re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE),
    "xml": re.compile(rb"^\s*<\?xml[^>]{1,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})"),
}
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "big5": "cp950",
}


def encoding_in(path: Path, spec: SourceSpec, format_: str) -> Decided:
    """Return the encoding of a text file, by its own declaration where its format has one.

    Raises:
        SourceError: the file cannot be opened, or unpacks to too much.
    """
    found = encoding_of(path, spec)
    if spec.encoding != "auto" or format_ not in _DECLARED or found.name.startswith("utf"):
        return found
    with open_bytes(path, spec) as stream:
        match = _DECLARED[format_].search(first_bytes(stream, _WITHIN))
    try:
        name = codecs.lookup(match[1].decode("ascii")).name if match else ""
    except LookupError:
        return found
    if not name or name.startswith(UTF8[:3]):
        return found  # it declares nothing, or what its bytes are not
    return Decided(_SUPERSETS.get(name, name), 1.0, "the file declares it")
