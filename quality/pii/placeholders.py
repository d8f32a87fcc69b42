"""Words that stand where a secret or an account name would: YOUR_API_KEY, `<token>`, changeme.

Taking them out destroys the example and protects nobody.
"""

from __future__ import annotations

import re
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"(?i)(?:<[^>]*>?|\{[^}]*\}?|\[[^\]]*\]?|\$[\w{(].*|%[\w(].*|\*+|x{3,}[\w-]*|\.{2,}|…+|_+|-+|#+|0+|"
    r".*(?:(?<![a-z])(?:your|my|insert|enter|some|the|old|user|db|admin|root|test|example|sample|dummy|fake"
    r"|placeholder|redacted|hidden)[ _-]?"
    r"(?:api|access|secret|auth|client|private|bot|password|passwd|pass|pwd|token|key|credential|username|user"
    r"|name|account|id|_).*)"
    r"|.*(?:placeholder|change[_-]?me|replace[_-]?me|redacted|example_?key|x{4,}|\*{3,}).*"
    r"|your.*|my_.*|password|passwd|pass|pwd|secret|token|api_?key|key|user|username|name|example|test|admin"
    r"|root|guest|none|null|nil|true|false|undefined|"
    r"string|str|int|required|optional|value|text|hash(?:ed)?|plain|encrypted|default|foo|bar|baz|todo|n/?a"
    r"|unknown|empty|anonymous)"
)


def is_placeholder(value: str) -> bool:
    """Tell whether a value is a word for the thing, not the thing."""
    return _PLACEHOLDER.fullmatch(value[:64]) is not None
