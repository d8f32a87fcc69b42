"""Puts together what is known of the languages of records: prompt, response, and what the prompt accepts.

Texts of many records are identified in one pass, which is what makes it fast; the costlier questions (small
words, names of languages in the prompt, pieces of the prompt) are put only where the response is not in the
prompt's language, or the prompt says in which language to answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quality.language.asks import answer_in, asked
from quality.language.chinese import variant
from quality.language.evidence import holds_small_words
from quality.language.identify import LONGEST, UNDETERMINED, Language, identify
from quality.language.library import Library
from quality.language.mixture import shares
from quality.language.ngrams import is_latin, languages_of
from quality.language.strip import prose

_LEAST_SHARE_IN_PROMPT = 0.05
_EARLIER = 4
_LEAST_BESIDE_CODE = 120
"""Letters of prose beside code below which they may be comments and messages of the code."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_QUOTED = re.compile(
    r"\"[^\"\n]{1,500}\"|“[^”]{1,500}”|「[^」]{1,500}」|『[^』]{1,500}』|«[^»]{1,500}»|《[^》]{1,100}》|(?<!\w)'[^'\n]{4,500}'(?!\w)"
)
_CLOSE = tuple(
    frozenset(group.split())
    for group in ("id ms", "nb nn da", "bs hr sr", "cs sk", "af nl", "xh zu", "st tn")
)
"""Languages so near to each other that no one should lose a record over which of them it is."""
_SHARED_SCRIPTS = ("cyrillic", "arabic", "devanagari")
_LONG = 60


@dataclass(frozen=True, slots=True)
class RecordLanguages:
    """The languages of one record.

    Args:
        prompt: code of the instruction's language, or the input's where the instruction has none.
        prompt_confidence, prompt_letters: see `Language`.
        prompt_sure: it is more than a row of terms, so the language may be held against it.
        prompt_uses: codes, separated by spaces, of all languages in which part of the prompt is written.
        response, response_confidence, response_letters, response_sure, response_by: the same.
        response_variant: `Hans` or `Hant` for a Chinese response in simplified or traditional characters, or "".
        accepted: codes, separated by spaces, of every language that the prompt uses or names; `*`: any.
        answer_in: codes of the languages in which the prompt says to answer.
        main_share: share of the response's letters in its main language and those accepted, from 0 to 1.
        foreign: the language of most of the rest, or "".
    """

    prompt: str = UNDETERMINED
    prompt_confidence: float = 0.0
    prompt_letters: int = 0
    prompt_sure: bool = False
    prompt_uses: str = ""
    response: str = UNDETERMINED
    response_confidence: float = 0.0
    response_letters: int = 0
    response_sure: bool = False
    response_by: str = "short"
    response_variant: str = ""
    accepted: str = ""
    answer_in: str = ""
    main_share: float = 1.0
    foreign: str = ""


def close(code: str, other: str, letters: int = _LONG) -> bool:
    """Return whether two languages are one, or too near to each other to tell a fault by.

    Args:
        code, other: ISO 639-1.
        letters: how many letters the first was told by; Russian and Bulgarian, or Arabic and Urdu, are not
            told apart by a few words.
    """
    if code == other or any(code in group and other in group for group in _CLOSE):
        return True
    return letters < _LONG and any({code, other} <= set(languages_of(script)) for script in _SHARED_SCRIPTS)


def to_code(declared: str) -> str:
    """Return the ISO 639-1 code of a declared language such as `en-US`, `zh_Hans` or `ZH`; "" for none."""
    head = declared.strip().lower().replace("_", "-").partition("-")[0]
    return _THREE_LETTERS.get(head, head) if len(head) in (2, 3) else ""


_THREE_LETTERS = {
    "eng": "en", "zho": "zh", "chi": "zh", "cmn": "zh", "yue": "zh", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr",
    "spa": "es", "por": "pt", "ita": "it", "jpn": "ja", "kor": "ko", "rus": "ru", "ara": "ar", "nld": "nl", "dut": "nl",
    "no": "nb", "nor": "nb", "vie": "vi", "tha": "th", "ind": "id", "msa": "ms", "may": "ms", "tur": "tr", "lat": "la",
    "und": "", "mul": "",
}  # fmt: skip


def examine(
    instructions: Sequence[str],
    inputs: Sequence[str],
    responses: Sequence[str],
    *,
    system: Sequence[str] = (),
    earlier: Sequence[Sequence[str]] = (),
    library: Library = "lingua",
) -> list[RecordLanguages]:
    """Return what is known of the languages of each record.

    Args:
        instructions, inputs, responses: the texts, one a record; absent ones are "".
        system: the system prompts; empty if no record has one.
        earlier: what was said in earlier turns, oldest first; empty if no record has any.
        library: see `identify`.
    """
    count = len(responses)
    system = system or [""] * count
    earlier = earlier or [()] * count
    found = identify([*instructions, *inputs, *responses], library=library)
    of_instruction, of_input, of_response = found[:count], found[count : 2 * count], found[2 * count :]
    _without_quotes(instructions, of_instruction, library)
    mixtures = shares(responses, of_response)
    rows = []
    for row in range(count):
        instruction, input_, response = instructions[row], inputs[row], responses[row]
        of_prompt = of_instruction[row] if of_instruction[row].confidence else of_input[row]
        asked_text = instruction if of_instruction[row].confidence else input_
        told = of_response[row]
        before = [system[row], *earlier[row][-_EARLIER:]]
        directed = answer_in(f"{system[row]}\n{instruction}\n{input_}"[:LONGEST].lower())
        accepted = {of_prompt.code, of_input[row].code}
        uses = {of_prompt.code, of_input[row].code}
        main_share, foreign = 1.0, ""
        others = {code for code in (told.code, *mixtures[row]) if code not in accepted}
        if others - {UNDETERMINED} or directed:
            uses |= _used([text for text in (instruction, input_) if text])
            accepted |= uses | _used([text for text in before if text])
            accepted |= asked("\n".join([instruction, input_, *before])).named
            main_share, foreign = _share(mixtures[row], told.code, accepted)
        rows.append(
            RecordLanguages(
                of_prompt.code, of_prompt.confidence, of_prompt.letters, _sure(asked_text, of_prompt, told.code),
                " ".join(sorted(uses - {UNDETERMINED})),
                told.code, told.confidence, told.letters, _sure(response, told, of_prompt.code), told.decided_by,
                variant(response[:LONGEST]) if told.code == "zh" else "",
                " ".join(sorted(accepted - {UNDETERMINED})), " ".join(sorted(directed)), main_share, foreign,
            )
        )  # fmt: skip
    return rows


def _without_quotes(texts: Sequence[str], found: list[Language], library: Library) -> None:
    """Put in place the language of the words around a quotation, where there are enough of them."""
    quoting = [row for row, text in enumerate(texts) if _QUOTED.search(text)]
    around = identify([_QUOTED.sub(" ", texts[row]) for row in quoting], library=library)
    for row, language in zip(quoting, around, strict=True):
        if language.confidence:
            found[row] = language


def _used(texts: list[str]) -> set[str]:
    """Return the languages that hold a noticeable share of any of these texts."""
    found = identify(texts, library="none")
    used = {language.code for language in found}
    if any(_HAN.search(text) for text in texts):
        used.add("zh")
    for mixture in shares(texts, found):
        used |= {code for code, share in mixture.items() if share >= _LEAST_SHARE_IN_PROMPT}
    return used


def _share(mixture: dict[str, float], main: str, accepted: set[str]) -> tuple[float, str]:
    """Return the share in the main language and accepted ones, and the largest other language."""
    if "*" in accepted:
        return 1.0, ""
    rest = {
        code: share
        for code, share in mixture.items()
        if code != main and not any(close(code, other) for other in (main, *accepted))
    }
    if not rest:
        return 1.0, ""
    return round(1 - sum(rest.values()), 4), max(rest, key=lambda code: (rest[code], code))


def _sure(text: str, language: Language, rival: str) -> bool:
    """Return whether a text is more than terms and names of its language."""
    if language.code == UNDETERMINED:
        return False
    if not is_latin(language.code):
        return True
    rival = rival if is_latin(rival) and rival != language.code else ""
    left = prose(text[:LONGEST])
    if left.had_code and language.letters < _LEAST_BESIDE_CODE:
        return False
    return holds_small_words(left.text, language.code, rival)
