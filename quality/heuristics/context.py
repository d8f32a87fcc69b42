"""Tasks about a picture, a sound or a page that the record does not hold.

What counts is a pointer ("the image above", "下图", a bare URL to summarise), not the noun: a picture that is
to be made, programmed, imagined or described in words is text. A pointer is harmless where the record
supplies the thing in words, as input, behind a colon or in quotes, where the prompt asks for nothing (a text to
translate or to mask, a document) and where it asks how such things are used. Rejected: a list of nouns, which
drops every caption, web page in HTML and photographer's slogan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from quality.heuristics.lexicon import section
from quality.heuristics.requests import asks, is_about, is_statement, sentence_at, works_on_its_words
from quality.heuristics.units import is_unspaced, units, visible

KINDS = ("image", "audio", "web_page")

_LONGEST = 3000
_LONGEST_STAND_IN = 800
_URL = re.compile(r"https?://[^\s<>\"'，。）)\]]+|(?<![\w@.])www\.[^\s<>\"'，。）)\]]+")
_SITE = re.compile(r"^[\w-]+(?:\.[\w-]+){1,3}(?:/\S*)?$", re.A)
_QUOTED = re.compile(
    r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|「[^」\n]{1,400}」|『[^』\n]{1,400}』|《[^》\n]{1,80}》"
    r"|(?<!\w)'[^'\n]{3,300}'(?!\w)"
)
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|gif|bmp|webp|svg)(?:[?#]|$)")
_GRANTED = re.compile(
    r"(?<![a-z])(?:tools?|plugins?|access to the internet|browsing|search engine)(?![a-z])|工具|插件|联网"
)
_TOOL_CALL = re.compile(r"\w\(['\"][^'\")]{0,80}|```|^\s*(?:import|curl|def|const|<)", re.M)
_PICTURE_NOUN = re.compile(
    r"(?<![a-z])(?:image|picture|photo|painting|drawing|cartoon|video|portrait|chart|graph|imagine|pretend)"
)
_ADDRESSED = frozenset({"markdown", "file"})
_NAMED_ONLY = re.compile(
    r"^(?:an? |the )?(?:(?!of )[\w-]+ ){0,3}(?:image|picture|photo|photograph|painting|chart|graph|diagram"
    r"|drawing|video|song|recording|podcast|audio|map|cartoon|article|website|link)s?\W{0,2}$"
)
_SHOWING = re.compile(r" (?:of|showing|depicting|with) (?:an?|two|three|some|several|the) [a-z]")
_DEICTIC = frozenset(
    {"en.this_picture", "en.question_in", "en.text_for", "en.this_page", "en.behind_link", "en.that_page"}
)
_HANDED_OVER = frozenset({"ask.en.handed", "ask.en.shared", "ask.en.linked"})
_DESCRIBING = frozenset({"bracketed", "zh.bracketed"})
_DESCRIBES = re.compile(r" (?:of|showing|depicting|with|where|in which) |[:：]|的")
_LOOKS_CLOSELY = re.compile(
    r"(?<![a-z])(?:crop|edit|resize|rotate|brighten|sharpen|retouch|enhance|filter|convert|upload|find|locate|count"
    r"|how many|transcribe)(?![a-z])|裁剪|修图|旋转|放大|缩小|找|几|多少"
)
_TELLS_NOTHING = re.compile(
    r"[a-z]|an|the|of|in|on|at|and|or|to|with|for|by|from|over|under|near|its|his|her|their|is|are|where|which|showing"
    r"|depicting|shows?|insert|attach(?:ed)?|here|link|url|https?|some|data|images?|pictures?|photos?|photographs?"
    r"|paintings?|drawings?|diagrams?|charts?|graphs?|screenshots?|illustrations?|videos?|cartoons?|[图片像照张幅的一这是]"
)
_LEAST_WORDS = 3
_LEAST_CHARACTERS = 7
_LAST_WORD = re.compile(r"([a-z]{3,})\W*$")
_DEFINITE = frozenset({"en.question_in", "en.describe_the", "en.text_for", "en.asked_of"})
_MEDIA_FILE = re.compile(
    r"\.(?<=[\w)）-]\.)(?:(?P<image>jpe?g|png|gif|bmp|webp|heic|tiff?|mp4|mov|avi|mkv)"
    r"|(?P<audio>mp3|wav|m4a|ogg|flac|aac|amr|wma)|(?P<web_page>pdf|docx?|xlsx?|pptx?|odt|rtf|epub))"
    r"(?![\w/(\"'=.-])"
)
_HANDOVER = re.compile(
    r"(?<![a-z'’])(?:i|we)(?=[ '’])|here(?: is| are|['’]s)|linked|(?:attached|enclosed|uploaded) (?:is|are)|[我刚已]"
)
_FILE_NAME = re.compile(r"[^\s<>=\"'“”，。：:/\\]{1,80}$")
_SENTENCE = re.compile(r"[.!?。！？=<>](?:\s|$)|[。！？=<>{}]")
_CAPTION_UNITS = 8
_ANSWER_IT = re.compile(
    r"^\W*(?:please )?(?:answer|respond to|reply to)%?[^.\n]{0,40}question|^\W*(?:请)?回答[^。\n]{0,12}问题"
)


@dataclass(frozen=True, slots=True)
class Missing:
    """What a task lacks (`image`, `audio`, `web_page` or "") and the rule that says so."""

    kind: str = ""
    rule: str = ""


NOTHING = Missing()
_ASK = {kind: section(f"context.{kind}.ask") for kind in KINDS}
_HANDED = {kind: section(f"context.{kind}.handed") for kind in KINDS}
_STAND_IN = {kind: section(f"context.{kind}.standin") for kind in KINDS}


def missing_context(instruction: str, input_: str, response: str, *, earlier_turns: bool = False) -> Missing:
    """Return what a task needs and the record does not hold.

    Args:
        instruction: the instruction.
        input_: the input, "" if there is none (see `placeholder.blank_input`).
        response: the response, which often admits it.
        earlier_turns: a conversation stands before, in which the thing may have been described; then only
            an unmistakable stand-in or an admission counts.
    """
    prompt = f"{instruction}\n{input_}" if input_ else instruction
    if not prompt.strip():
        return NOTHING
    found = _missing(instruction, input_, response, earlier_turns)
    # A stand-in or an admission is beyond doubt; a pointer is one only in a request.
    if not found.rule.startswith(("ask.", "url.")):
        return found
    no_request = found.rule not in _HANDED_OVER and not asks(prompt[:_LONGEST].lower())
    return NOTHING if no_request or works_on_its_words(prompt, response) else found


def _missing(instruction: str, input_: str, response: str, earlier_turns: bool) -> Missing:
    """Return what a task needs and the record does not hold, if the prompt asks for something."""
    ask = instruction[:_LONGEST].lower()
    given = visible(input_[:_LONGEST]).lower()
    answer = visible(response[:400]).lower()
    prompt = f"{ask}\n{given}"
    mentioned = [kind for kind in KINDS if _ASK[kind].triggered(prompt)]
    standing = _stand_in(ask, given, answer)
    if standing is not NOTHING:
        return standing
    makes = section("context.makes").matches(ask)
    for kind in mentioned:
        found = section(f"context.{kind}.confirmed").first(answer)
        if found is not None and not makes and not section("refusal.asked").matches(ask):
            return Missing(kind, f"confirmed.{found[0]}")
    if earlier_turns:
        return NOTHING
    if makes:
        return _bare_address(ask, given, response)
    named = _named_file(ask, given, response)
    if named is not NOTHING:
        return named
    scanned = f"{ask}\n{given}" if given and _ANSWER_IT.search(ask) else _own_words(ask)
    handed = _HANDOVER.search(scanned) is not None
    for kind in KINDS if handed else mentioned:
        handed_over = _HANDED[kind].first(scanned) if handed else None
        found = handed_over or _ASK[kind].first(scanned)
        if found is None or (kind == "web_page" and _reachable(prompt, response)):
            continue
        rule, match = found
        if rule in _DEFINITE and _PICTURE_NOUN.search(scanned[: match.start()]):
            continue
        if handed_over is None and _only_mentioned(rule, match, scanned):
            continue
        beside = given if scanned != prompt else ""
        if not _supplied(scanned, match.end(), beside, handed=handed_over is not None):
            return Missing(kind, f"ask.{rule}")
    return _bare_address(ask, given, response)


def _only_mentioned(rule: str, match: re.Match[str], text: str) -> bool:
    """Return whether "this page" or "these paintings" is no thing that came with the prompt.

    So it is in a sentence that tells, behind words that introduced the thing ("she paints 12 paintings"), and
    in a question on what one may do with it.
    """
    sentence = sentence_at(text, match.start(), match.end())
    if is_about(sentence):
        return True
    if rule not in _DEICTIC:
        return False
    return is_statement(sentence) or _introduced(match, text)


def _introduced(match: re.Match[str], text: str) -> bool:
    """Return whether the noun that a pointer ends in stands before it with a number or as one of a kind."""
    nouns = _LAST_WORD.search(match.group())
    if nouns is None:
        return False
    stem = re.escape(nouns.group(1).removesuffix("s"))
    before = rf"(?<![\w-])(?:an?|one|two|three|four|five|some|several|many|\d+)(?: [\w-]+){{0,3}} {stem}"
    return re.search(before, text[: match.start()]) is not None


def _stand_in(ask: str, given: str, answer: str) -> Missing:
    """Return what stands, as the whole input or response, for a thing that is not text."""
    for place, text in (("input", given), ("response", answer)):
        if not text or len(text) > _LONGEST_STAND_IN or _is_plain(text):
            continue
        for kind in KINDS:
            if place == "response" and kind == "web_page":
                continue
            found = _STAND_IN[kind].first(text)
            if found is None or text in ask:
                continue
            if section("context.makes").matches(ask):
                continue
            if (place, kind) == ("input", "image") and _described(found[0], text, ask):
                continue
            if found[0] in _ADDRESSED and section("context.web_page.url_is_data").matches(ask):
                continue
            return Missing(kind, f"{place}.{found[0]}")
    return NOTHING


def _described(rule: str, stand_in: str, ask: str) -> bool:
    """Return whether a stand-in says what is in the picture: "[photo of a calm beach at sunset]".

    That is enough for a title or a description, not for work on the picture itself or a search in it.
    """
    if rule not in _DESCRIBING or _LOOKS_CLOSELY.search(ask):
        return False
    told = [unit for unit in units(stand_in) if not _TELLS_NOTHING.fullmatch(unit)]
    least = _LEAST_CHARACTERS if is_unspaced(told) else _LEAST_WORDS
    return len(told) >= least and _DESCRIBES.search(stand_in) is not None


def _is_plain(text: str) -> bool:
    """Return whether a text can be no stand-in: several words, no bracket before and nothing attached."""
    if not text[0].isalnum() or " " not in text:
        return False
    return not any(word in text for word in ("attached", "uploaded", "enclosed", "附", "图"))


def _named_file(ask: str, given: str, response: str) -> Missing:
    """Return a task on a picture, sound or document of which the record holds only the file's name.

    As input the name may have a few words beside it ("voice message 0412.mp3"), but no sentence; in the
    instruction it counts if no input and no material follows.
    """
    text = given or ask
    found = _MEDIA_FILE.search(text) if "." in text else None
    if found is None or found.lastgroup is None:
        return NOTHING
    if section("context.file_names").matches(ask) or _reachable(ask, response):
        return NOTHING
    if given:
        beside = _FILE_NAME.sub("", given[: found.start()]) + given[found.end() :]
        alone = len(units(beside)) <= _CAPTION_UNITS and _SENTENCE.search(beside) is None
        return Missing(found.lastgroup, "input.named_file") if alone else NOTHING
    if _own_words(ask) != ask or _supplied(ask, found.end(), "", handed=True):
        return NOTHING
    return Missing(found.lastgroup, "ask.named_file")


def _own_words(ask: str) -> str:
    """Return an instruction without what it quotes, nor the material behind its colon."""
    if '"' in ask or "'" in ask or "“" in ask or "「" in ask or "《" in ask or "『" in ask:
        ask = _QUOTED.sub(" q ", ask)
    for colon in (":", "："):
        head, found, tail = ask.partition(colon)
        if found and not tail.startswith("//") and section("context.handles_text").matches(head):
            return head
    return ask


def _supplied(ask: str, end: int, given: str, *, handed: bool) -> bool:
    """Return whether the record holds the thing in words: as input, behind a colon or on further lines.

    "A photo of a dog" describes the photo, unless it was handed over: "attached is a photo of the lease".
    """
    if given:
        if _NAMED_ONLY.match(given):
            return False
        beside = _URL.sub(" ", given)
        return not _SITE.match(given) and len(units(beside)) >= (2 if beside == given else 12)
    tail = ask[end:]
    if not handed and _SHOWING.match(tail):
        return True
    at = min((i for i in (tail.find(mark) for mark in (":", "：", "\n")) if i >= 0), default=-1)
    if at < 0:
        return False
    material = _URL.sub(" ", tail[at + 1 :]).strip()
    if len(units(material)) < 3:
        return False
    return not (material.endswith(("?", "？")) and material.count("\n") == 0 and len(material) < 200)


def _reachable(prompt: str, response: str) -> bool:
    """Return whether tools or a program fetch the page, or the task is about its address alone."""
    if _GRANTED.search(prompt) or _TOOL_CALL.search(response[:600]):
        return True
    words, addresses = _URL.subn(" ", prompt)
    return addresses > 0 and section("context.web_page.url_is_data").matches(words)


def _bare_address(ask: str, given: str, response: str) -> Missing:
    """Return a task on what stands behind a URL, with nothing but the URL in the record."""
    prompt = f"{ask}\n{given}"
    if "http" not in prompt and "www." not in prompt:
        return NOTHING
    address = _URL.search(prompt)
    if address is None:
        return NOTHING
    if _reachable(prompt, response):
        return NOTHING
    words = _URL.sub(" ", prompt)
    body = _URL.sub(" ", given) if given else _URL.sub(" ", ask)
    if len(units(body)) > (8 if given else 30):
        return NOTHING
    if _PICTURE_FILE.search(address.group()):
        return Missing("image", "url.picture")
    found = section("context.web_page.on_url").first(words)
    return Missing("web_page", f"url.{found[0]}") if found is not None else NOTHING
