"""All steps on one text in their order, and a cheap test that spares most texts all of them.

The order is that of the layers of damage: bytes, characters, markup, forms, blanks; each step may lay open
work for those before it, so whoever runs them runs them until nothing moves. Rejected: one function that
does all, because a reader of the ledger asks which repair altered a text.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from quality.normalise.characters import normalise_unicode
from quality.normalise.encoding import may_be_chinese_mojibake, remove_controls, repair_mojibake
from quality.normalise.markup import remove_html
from quality.normalise.repair import Step
from quality.normalise.whitespace import is_untidy, tidy_whitespace

STEPS: Final[dict[str, Step]] = {
    "mojibake": repair_mojibake,
    "control": remove_controls,
    "html": remove_html,
    "unicode": normalise_unicode,
    "whitespace": tidy_whitespace,
}
"""The steps on a text, in the order in which they run: bytes, characters, markup, forms, blanks."""

_ODD_ASCII = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff9-\ufffc\uff0d-\uff19\uff20-\uff3f\uff41-\uff5a\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)


def is_suspicious(text: str) -> bool:
    """Tell cheaply whether any step could change a text: False only if none would."""
    if is_untidy(text) or ("<" in text and ">" in text) or ("&" in text and ";" in text):
        return True
    if text.isascii():
        data = text.encode()
        return len(data.translate(None, _ODD_ASCII)) != len(data)
    if (
        _ODD.search(text) is not None
        or may_be_chinese_mojibake(text)
        or not unicodedata.is_normalized("NFC", text)
    ):
        return True
    from ftfy.badness import is_bad

    return bool(is_bad(text))
