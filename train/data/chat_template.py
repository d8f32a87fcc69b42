"""A model's chat template, understood: what of a rendered conversation is frame, what is said, and what is learnt.

A template is tried once per shape of conversation (has it a system text, how many turns) with stand-ins for the texts,
which tells what of a rendered conversation is frame and where a response begins and ends; the texts are then put in
their places, and the whole is compared with what the template really makes of them. An assistant turn is learnt only if
the model, asked for it, would have seen and written exactly these words: templates that strip the reasoning of earlier
turns, or add to the last one, leave the earlier ones as context. `{% generation %}` marks, where a template has them,
say instead which turns are learnt. Rejected: searching a rendered text for role headers, which a text can forge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pipeline.errors import TrainError
from train.data.builds import Example
from train.data.prompt_templates import Chunk, UnusableRecordError, text_of
from train.data.tokens import control_words

DATE = "26 Jul 2024"
"""The date in templates that tell one (Llama 3's own default), so that equal records give equal tokens on any day."""

_GENERATION = re.compile(r"\{%[-+]?\s*generation\s*[-+]?%\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a template: frame (`slot` is None), or the place of the slot-th text."""

    text: str
    slot: int | None
    is_response: bool
    in_prompt: bool


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A template for one shape of conversation, up to the last learnt token; `tail` is what follows, read by nobody."""

    pieces: tuple[Piece, ...]
    tail: str

    def filled(self, texts: Sequence[str]) -> list[Chunk]:
        """Return the pieces with the texts of a record in their places."""
        return [
            Chunk(
                piece.text if piece.slot is None else texts[piece.slot],
                piece.slot is not None,
                piece.is_response,
                piece.in_prompt,
            )
            for piece in self.pieces
        ]


@dataclass(frozen=True, slots=True)
class Turns:
    """A record as a conversation; the last response is what the record teaches."""

    system: str
    said: tuple[tuple[str, str], ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts in the order they are said."""
        turns = [text for turn in self.said for text in turn]
        return (self.system, *turns) if self.system else tuple(turns)


def turns_of(example: Example, system: str, fold_system: bool = False) -> Turns:
    """Return a record as a conversation.

    Args:
        example: a record that is not a document.
        system: what stands for an empty system text.
        fold_system: whether the system text opens the first user turn, for templates without a system turn.
    """
    asked = "\n\n".join(part for part in (example.instruction, example.input) if part)
    said = [*example.history, (asked, example.output)]
    own = example.system or system
    if own and fold_system:
        first = "\n\n".join(part for part in (own, said[0][0]) if part)
        said[0] = (first, said[0][1])
        own = ""
    return Turns(own, tuple(said))


@dataclass(frozen=True)
class ChatTemplate:
    """A model's chat template, understood: `end` closes a turn; `adds_end` if the template itself writes no such token
    and it is set after the last response; `folds_system` if there is no system turn."""

    render: Callable[[Sequence[dict[str, str]], bool], str]
    marked: Callable[[Sequence[dict[str, str]]], list[tuple[int, int]]] | None
    end: str
    adds_end: bool
    folds_system: bool
    controls: tuple[str, ...]

    def prompt(self, turns: Turns) -> list[Chunk]:
        """Return everything before the last response, which may be empty.

        Raises:
            UnusableRecordError: the template asks for it otherwise than it writes it.
        """
        real = self._rendered(messages_of(turns)[:-1], True)
        if not _has_silence(turns):
            skeleton = _skeleton(self, bool(turns.system), len(turns.said))
            for texts in _spellings(turns):
                chunks = [chunk for chunk in skeleton.filled(texts) if chunk.in_prompt]
                if text_of(chunks) == real:
                    return chunks
        self._check_clean(turns.texts[:-1])
        open_ended = Turns(turns.system, (*turns.said[:-1], (turns.said[-1][0], _stand_in(0))))
        whole, begin, learnt = self._spans(open_ended)
        return _cut(whole[:begin], [span for span in learnt if span[0] < begin], begin)

    def whole(self, turns: Turns) -> list[Chunk]:
        """Return a conversation up to its last learnt token; what `prompt` returns is how it begins.

        Raises:
            UnusableRecordError: the template asks for the last response otherwise than it writes it.
        """
        real = self._rendered(messages_of(turns), False)
        if not _has_silence(turns):
            skeleton = _skeleton(self, bool(turns.system), len(turns.said))
            for texts in _spellings(turns):
                chunks = skeleton.filled(texts)
                if text_of(chunks) + skeleton.tail == real:
                    return [*chunks, *self._added_end()]
        self._check_clean(turns.texts)
        before = self.prompt(turns)
        whole, begin, learnt = self._spans(turns)
        if text_of(before) != whole[:begin] or learnt[-1][1] <= begin:
            raise UnusableRecordError("train.template", _OTHERWISE)
        after = _cut(whole[: learnt[-1][1]], learnt, begin)
        return [*before, *(chunk for chunk in after if not chunk.in_prompt), *self._added_end()]

    def _rendered(self, messages: Sequence[dict[str, str]], ask: bool) -> str:
        from jinja2 import TemplateError

        try:
            return self.render(messages, ask)
        except TemplateError as error:
            raise UnusableRecordError("train.template", "the template refuses such a conversation") from error

    def _check_clean(self, texts: Sequence[str]) -> None:
        if any(word in text for word in self.controls for text in texts):
            raise UnusableRecordError(
                "train.special_tokens",
                "its text holds a control token, and the template alters the text, so the two cannot be told apart",
            )

    def _added_end(self) -> list[Chunk]:
        return [Chunk(self.end, False, True, False)] if self.adds_end else []

    def _spans(self, turns: Turns) -> tuple[str, int, list[tuple[int, int]]]:
        """Return a rendered conversation, where its last response begins, and the [begin, end) of what is learnt."""
        messages = messages_of(turns)
        whole = self._rendered(messages, False)
        prompt = self._rendered(messages[:-1], True)
        if not whole.startswith(prompt):
            raise UnusableRecordError("train.template", _OTHERWISE)
        begin = len(prompt)
        learnt = (
            self._consistent(messages, whole) if self.marked is None else self._marked(messages, whole, begin)
        )
        if not learnt or learnt[-1][1] <= begin:
            raise UnusableRecordError(
                "train.template", "the template leaves nothing of the response to learn"
            )
        return whole, begin, learnt

    def _consistent(self, messages: list[dict[str, str]], whole: str) -> list[tuple[int, int]]:
        """Return the turns that stand in the whole just as they would have been asked for and written."""
        found = []
        for place, message in enumerate(messages):
            if message["role"] != "assistant" or not message["content"].strip():
                continue
            asked = self._rendered(messages[:place], True)
            said = self._rendered(messages[: place + 1], False)
            at = -1 if self.adds_end else said.rfind(self.end, len(asked))
            stop = len(said.rstrip()) if at < 0 else at + len(self.end)
            if whole.startswith(asked) and said.startswith(asked) and whole.startswith(said[:stop]):
                found.append((len(asked), stop))
        return found

    def _marked(self, messages: list[dict[str, str]], whole: str, begin: int) -> list[tuple[int, int]]:
        """Return what the template marks as generated, each with its end token."""
        assert self.marked is not None
        found = []
        for first, last in self.marked(messages):
            closes = not self.adds_end and whole.startswith(self.end, last)
            stop = last + len(self.end) if closes else last
            if whole[first:last].removesuffix(self.end).strip():
                found.append((max(first, begin) if stop > begin else first, stop))
        return found


_OTHERWISE = "the template asks for the response otherwise than it writes it"


def _has_silence(turns: Turns) -> bool:
    """Tell whether an earlier response is empty, which nobody should learn."""
    return any(not response.strip() for _, response in turns.said[:-1])


def _spellings(turns: Turns) -> list[tuple[str, ...]]:
    """Return the texts as they are, and as templates that trim write them."""
    trimmed = tuple(text.strip() for text in turns.texts)
    return [turns.texts] if trimmed == turns.texts else [turns.texts, trimmed]


def _cut(whole: str, learnt: list[tuple[int, int]], prompt: int) -> list[Chunk]:
    """Cut a text where something learnt begins or ends, and where the prompt does; record and frame stay mixed."""
    places = sorted({0, len(whole), min(prompt, len(whole)), *(place for span in learnt for place in span)})
    return [
        Chunk(whole[begin:end], False, any(first <= begin < last for first, last in learnt), begin < prompt)
        for begin, end in pairwise(places)
    ]


def messages_of(turns: Turns) -> list[dict[str, str]]:
    """Return a conversation as transformers takes it."""
    messages = [{"role": "system", "content": turns.system}] if turns.system else []
    for user, assistant in turns.said:
        messages += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return messages


def stand_ins(has_system: bool, turns: int) -> Turns:
    """Return a conversation of texts that no record holds and no template alters."""
    said = [(_stand_in(2 * turn + 1), _stand_in(2 * turn + 2)) for turn in range(turns)]
    return Turns(_stand_in(0) if has_system else "", tuple(said))


def _stand_in(number: int) -> str:
    return f"\U0010fff0{number}\U0010fff1"


@lru_cache(maxsize=512)
def _skeleton(template: ChatTemplate, has_system: bool, turns: int) -> Skeleton:
    shape = stand_ins(has_system, turns)
    whole, prompt, learnt = template._spans(shape)
    last = learnt[-1][1]
    slots: dict[int, int] = {}
    cuts = {0, last, prompt, *(place for span in learnt for place in span)}
    at = 0
    for number, text in enumerate(shape.texts):
        found = whole.find(text, at)
        if found < 0:
            raise UnusableRecordError("train.template", "the template leaves out a turn of the conversation")
        slots[found] = number
        at = found + len(text)
        cuts |= {found, at}
    places = sorted(cuts)
    pieces = []
    for begin, end in pairwise(places):
        is_response = any(first <= begin < stop for first, stop in learnt)
        text = "" if begin in slots else whole[begin:end]
        pieces.append(Piece(text, slots.get(begin), is_response, begin < prompt))
    return Skeleton(tuple(pieces), whole[last:])


def understand(tokenizer: Any) -> ChatTemplate:
    """Return a tokenizer's chat template, after trying it on one turn with and without a system text.

    Args:
        tokenizer: has a chat template and an end token.

    Raises:
        TrainError: it has no generation prompt, or its generation prompt is not how its assistant turns begin.
    """
    render, marked = _renders(tokenizer)
    shape = stand_ins(False, 1)
    try:
        whole, asked, unasked = (
            render(messages_of(shape), False),
            render(messages_of(shape)[:1], True),
            render(messages_of(shape)[:1], False),
        )
    except Exception as error:  # a template may raise whatever it likes
        raise TrainError(
            f"the chat template cannot render a question and its answer: {error}", _ANOTHER
        ) from error
    begin = whole.find(shape.said[0][1])
    _check_prompt(whole, asked, unasked, begin)
    tail = whole[begin + len(shape.said[0][1]) :]
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()}
    ends = sorted((tail.find(each), -len(each), each) for each in added if each in tail)
    end = ends[0][2] if ends else str(tokenizer.eos_token)
    with_system = _with_system(render)
    frame = (with_system or asked) + end
    controls = control_words(tokenizer, frame)
    return ChatTemplate(render, marked, end, not ends, not with_system, controls)


def _check_prompt(whole: str, asked: str, unasked: str, begin: int) -> None:
    """Check that a conversation goes on where the generation prompt ends; its response stands at `begin`."""
    if begin < 0:
        raise TrainError("the chat template leaves the response out", _ANOTHER)
    if asked == unasked and whole[len(asked) : begin].strip():
        raise TrainError(
            "the chat template has no generation prompt: nothing tells the model that it is its turn",
            "add `{% if add_generation_prompt %}…{% endif %}` to the template, or " + _ANOTHER,
        )
    if begin < len(asked) or not whole.startswith(asked):
        raise TrainError(
            "the chat template's generation prompt is not how its assistant turns begin: what is trained would not be "
            "what is asked for",
            _ANOTHER,
        )


_ANOTHER = "choose `template: alpaca`"


def _with_system(render: Callable[[Sequence[dict[str, str]], bool], str]) -> str:
    """Return what stands before a first response if there is a system text, or "" if the template takes none."""
    shape = stand_ins(True, 1)
    try:
        asked = render(messages_of(shape)[:-1], True)
    except Exception:  # a template refuses by raising whatever it likes, and that is its answer
        return ""
    return asked if shape.system in asked else ""


def _renders(tokenizer: Any) -> tuple[Any, Any]:
    from transformers.utils.chat_template_utils import render_jinja_template

    source = re.sub(r"strftime_now\([^()]*\)", f'"{DATE}"', tokenizer.get_chat_template())
    fixed = {**tokenizer.special_tokens_map, "date_string": DATE}

    def render(messages: Sequence[dict[str, str]], ask: bool) -> str:
        rendered: Any = render_jinja_template(
            conversations=[list(messages)], chat_template=source, add_generation_prompt=ask, **fixed
        )
        return str(rendered[0][0])

    def marked(messages: Sequence[dict[str, str]]) -> list[tuple[int, int]]:
        rendered: Any = render_jinja_template(
            conversations=[list(messages)],
            chat_template=source,
            return_assistant_tokens_mask=True,
            **fixed,
        )
        return [(int(begin), int(end)) for begin, end in rendered[1][0]]

    return render, marked if _GENERATION.search(source) else None
