"""The word lists of `words.json`: tags and what they mean, words that tell a subject, placeholders.

The lists are data, so that a speaker of either language can mend them without reading code. Latin words count
as whole words, Chinese ones anywhere. Rejected: \\b, which stands between no two letters of "HTML标签".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

_DATA: Final = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

TAG_KINDS: Final[dict[str, str]] = {tag: kind for kind, tags in _DATA["tags"].items() for tag in tags}
"""What each tag of HTML that may be a leftover does to a text: "paragraph", "line", "inline", …"""

HTML_NAMES: Final = frozenset((*TAG_KINDS, *_DATA["svg_parts"]))
"""The names of tags that do not make a text one about markup."""

BARE_TAGS: Final[frozenset[str]] = frozenset(_DATA["bare_tags"])
"""The tags that are leftovers even alone, without a partner and without attributes."""

SURE: Final[frozenset[str]] = frozenset(_DATA["placeholders"]["sure"])
"""The placeholders that mean nothing else."""

AMBIGUOUS: Final[frozenset[str]] = frozenset(_DATA["placeholders"]["ambiguous"])
"""The placeholders that are words or signs too."""


def word_pattern(name: str) -> re.Pattern[str]:
    """Compile a word list: Latin words as whole words, Chinese ones anywhere."""
    latin, chinese = "|".join(_DATA[name]["latin"]), "|".join(_DATA[name]["chinese"])
    return re.compile(rf"(?<![A-Za-z./<])(?:{latin})(?![A-Za-z/=]|:[A-Za-z])|{chinese}", re.IGNORECASE)
