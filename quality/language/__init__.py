"""In which language a text is written, how sure that is, and which one was asked for."""

from quality.language.asks import ANY, Asked, asked, known_languages
from quality.language.evidence import holds_small_words
from quality.language.examine import RecordLanguages, close, examine, to_code
from quality.language.identify import UNDETERMINED, Language, identify
from quality.language.library import Library
from quality.language.strip import prose

__all__ = [
    "ANY",
    "UNDETERMINED",
    "Asked",
    "Language",
    "Library",
    "RecordLanguages",
    "asked",
    "close",
    "examine",
    "holds_small_words",
    "identify",
    "known_languages",
    "prose",
    "to_code",
]
