"""Method 8: the same request in another form of sentence: order for question, clause first for clause last.

One sentence of a prompt's head changes (`sentences`); rules of a language's grammar do it (`syntax_en`, `syntax_zh`),
so that every child can be explained, and what no rule parses has no child. Rejected: a generator from a parse (needs a
parser's model a language), changing all sentences at once (errors add up).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from pipeline.augment import syntax_en, syntax_zh
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import (
    UNCHANGED,
    Answer,
    Ask,
    MethodParams,
    NoChild,
    Passage,
    RuleMethod,
    by_passage,
)
from pipeline.augment.sentences import (
    Sentence,
    capitalised,
    decapitalised,
    draw,
    head_sentences,
    with_sentence,
)
from pipeline.augment.syntax_en import Form
from pipeline.models import Models


class SyntaxParams(MethodParams):
    """Parameters of the method `syntax`."""

    method: Literal["syntax"] = "syntax"
    leave: tuple[Literal["question", "order", "clause_order", "voice", "contraction"], ...] = Field(
        default=(),
        description="Kinds of change that are not made: a set may want its questions kept questions.",
    )


_KIND = {
    "question_to_order": "question", "order_to_question": "order", "request_to_order": "order",
    "clause_order": "clause_order", "passive": "voice", "active": "voice", "expanded": "contraction",
    "contracted": "contraction", "whether": "question",
}  # fmt: skip
_SHORT = 100
"""Characters of a text in which a contraction spelled out is a visible change."""


class Syntax(RuleMethod):
    """Changes the form of one sentence."""

    name = "syntax"
    version = 1

    def children(
        self, asks: Sequence[Ask], params: SyntaxParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_changed(one, params.leave) for one in passages]
        )


def _changed(passage: Passage, leave: tuple[str, ...]) -> str | NoChild:
    rules: tuple[Callable[[str, str], list[Form]], ...] = (syntax_en.forms,)
    if passage.lang == "zh":
        rules = (syntax_zh.forms,)
    elif len(passage.text) < _SHORT:
        rules = (syntax_en.forms, syntax_en.lighter_forms)
    sentences = head_sentences(passage.protected, passage.lang)
    for forms in rules:
        for sentence in sentences:
            found = [form for form in forms(sentence.words, sentence.mark) if _KIND[form.kind] not in leave]
            whole = [made for form in found if (made := _made(passage, sentence, form))]
            if whole:
                return whole[draw(passage, "form", len(whole))]
    return NoChild(UNCHANGED)


def _made(passage: Passage, sentence: Sentence, form: Form) -> str | None:
    """Return the whole child, or None if it lost a protected text or is the parent again."""
    lower = sentence.words[:1].islower() and passage.lang != "zh"
    words = decapitalised(form.words) if lower else capitalised(form.words)
    if not keeps(passage, sentence, words):
        return None
    mark = form.mark
    if sentence.mark in (":", "：") and mark in (".", "。"):
        mark = sentence.mark
    made = with_sentence(passage.text, sentence, words, mark)
    return None if made == passage.text else made


def keeps(passage: Passage, sentence: Sentence, words: str) -> bool:
    """Tell whether every protected text of a sentence stands in its new words, as often as before."""
    for span in passage.protected.spans:
        if sentence.start <= span.start < sentence.stop:
            value = passage.text[span.start : min(span.stop, sentence.stop)]
            if words.count(value) < sentence.words.count(value):
                return False
    return True
