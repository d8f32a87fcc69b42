"""Takes out of a text what is written in no language: code, addresses, markup, formulas, placeholders.

What is left is the prose by which a language is told; an English program with Chinese around it is Chinese.
Code outside fences is told line by line, by its form (`x = f(y);`), not by words that English also has.
A text without any of the trigger characters, the usual case, costs one search. Rejected: a lexer a
programming language (slow, and it must know which), and to call every text with code "code".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SUSPECT = re.compile(
    r"[`<{}\\$@_=|;\]]|://|www\.|\w\(|\.(?:com|org|net|cn|py|js|html?)\b|\s--?[a-z]|\n[ \t]*(?:#|//)"
)
_FENCE = re.compile(r"(?:```|~~~).*?(?:```|~~~|\Z)", re.DOTALL)
_DOCSTRING = re.compile(r"(\"\"\"|''').{0,2000}?\1", re.DOTALL)
_INLINE = re.compile(
    r"`[^`\n]{1,200}`"
    r"|(?:https?|ftp|file)://[^\s<>\"'，。、；）)\]]{1,500}|www\.[^\s<>\"'，。、；）)\]]{1,500}"
    r"|[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,100}"
    r"|<!--.{0,2000}?-->|</?[A-Za-z][^<>\n]{0,300}>|&(?:[a-z]{2,8}|#\d{1,6});"
    r"|\$\$.{1,2000}?\$\$|\$[^$\n]{1,200}\$|\\\(.{1,500}?\\\)|\\\[.{1,2000}?\\\]|\\[A-Za-z]{2,20}"
    r"|\{\{?[^{}\n]{0,80}\}?\}|\[[A-Z][A-Z0-9_ ]{0,30}\]|%\([a-z_]{1,30}\)s"
    r"|(?<!\w)[@#][A-Za-z0-9_]{2,40}"
    r"|(?<!\w)[A-Za-z0-9]{0,40}(?:[A-Za-z0-9]_|_[A-Za-z0-9])[A-Za-z0-9_]{0,60}(?:\([^()\n]{0,80}\))?"
    r"|(?<![\w.])[A-Za-z_]\w{0,40}(?:\.[A-Za-z_]\w{0,40}){1,6}(?:\([^()\n]{0,80}\))?(?!\w)"
    r"|(?<!\w)[A-Za-z_]\w{0,40}\([^()\n ]{0,80}\)"
    r"|(?<!\w)(?:[A-Za-z]:)?(?:[/\\][\w.-]{1,60}){2,12}",
    re.DOTALL | re.ASCII,
)
_CODE_LINE = re.compile(
    r"^\s*(?:"
    r"(?:def|func|fn|function|sub)\s+\w+\s*\(|(?:class|struct|interface|enum)\s+\w+.{0,60}[:{]\s*$"
    r"|(?:import|from|using|package|require|include)\s+[\w.*{}, ]{1,60}(?:\s+import\s.{1,80}|;|$)(?<![.!?])"
    r"|#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b|#!"
    r"|(?:var|let|const|int|float|double|char|string|bool|boolean|auto|void|long|final|static|public|private"
    r"|protected)\s+[\w<>\[\], *&]{1,60}\s*(?:=|;|\(|\{|:)"
    r"|(?:if|for|while|switch|elif|catch|foreach)\s*\(.{0,200}$|(?:if|for|while|elif|with|except|while)\s.{1,100}[:：]\s*$"
    r"|(?:pass|break|continue)\s*$|raise\s+\w+\(|assert\s+[\w.]+\s*(?:\(|[=<>!]|is\b|in\b)"
    r"|(?:else|try|finally|do)\s*[:{]?\s*$|return\b.{0,80};\s*$|return\s+[\w.\[\]()+*/, -]{1,40}$"
    r"|(?:print|console\.log|printf|cout|System\.out\.\w+|echo)\s*(?:\(|<<|[\"'$])"
    r"|(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|FROM|WHERE|JOIN|INNER JOIN|LEFT JOIN|GROUP BY"
    r"|ORDER BY|VALUES|SET|HAVING|LIMIT|AND|ON)\s.{0,200}$(?<![.!?])"
    r"|[\w.\[\]\"'$@-]{1,60}\s*(?:[-+*/%|&]|:)?=(?!=)\s*\S.{0,300}$|@\w+|//|/\*|\*/|--\s|<[/!?]?\w"
    r"|[\w.:>-]{1,60}\(.{0,200}\)\s*[;{:]?\s*$|[{}()\[\];,\s]+$|[^;{]{0,200}[=()\[\]<>'\"].{0,200}[;{]\s*$"
    r"|\w+;\s*$|\S.{0,200}\{\s*$|\"[\w -]{1,60}\"\s*:"
    r"|[.#]?[\w-]{1,40}\s*:\s*[^:]{1,60};\s*$|\$\s|>>>|[a-z][\w./-]{0,30}\s.{0,300}?(?:\s--?[a-zA-Z]|\s\|\s|&&)"
    r")",
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_PLAIN_WORD = re.compile(r"(?<!\S)[A-Za-z]?[a-z]{2,}(?=[\s,.;:!?]|$)")
_ENDS = (".", "!", "?", ":", ",")
_COMMENT_LINE = re.compile(r"^\s*(?:#(?!#)\s|//|--\s)")


@dataclass(frozen=True, slots=True)
class Prose:
    """What is left of a text, and whether code was taken out of it."""

    text: str
    had_code: bool = False


def prose(text: str) -> Prose:
    """Return the text without what is written in no language.

    Args:
        text: at most some thousand characters are worth the time.
    """
    if not _SUSPECT.search(text):
        return Prose(text)
    had_code = False
    if "```" in text or "~~~" in text:
        text, fences = _FENCE.subn("\n", text)
        had_code = fences > 0
    if "`" in text or _looks_like_code(text):
        text = _DOCSTRING.sub("\n", text)
        lines = text.split("\n")
        kept = [line for line in lines if not _is_code(line)]
        if len(kept) < len(lines):
            dropped = len(lines) - len(kept)
            if dropped >= len(kept) or had_code:  # comments between lines of code are part of it
                kept = [line for line in kept if not _COMMENT_LINE.match(line)]
            had_code, text = True, "\n".join(kept)
    return Prose(_INLINE.sub(" ", text), had_code)


def _looks_like_code(text: str) -> bool:
    return any(mark in text for mark in ("=", ";", "{", "(", "</", "_", "\n#", "//", " -")) and bool(
        _CODE_HINT.search(text)
    )


_CODE_HINT = re.compile(
    r"[;{}]\s*(?:\n|$)|\w\(|\w\s*[-+*/]?=\s*\S|</?\w|\s--?[a-zA-Z]|^\s*(?:def|class|import|#include|SELECT|CREATE)\b",
    re.MULTILINE,
)


def _is_code(line: str) -> bool:
    """Return whether a line has the form of code; sentences, and lines with much Chinese or its like, have not."""
    if not _CODE_LINE.match(line) or (line.rstrip().endswith(_ENDS) and len(_PLAIN_WORD.findall(line)) >= 6):
        return False
    foreign = len(_NOT_ASCII.findall(line))
    return foreign * 4 <= len(line.strip()) or not foreign
