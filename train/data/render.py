"""One renderer for training, evaluation and serving: from a record to words, and from words to tokens and labels.

A model that is asked in other words than it was trained on answers worse, and nothing shows it, so there is one
renderer; its hash, over all that alters a text or a token, is stored with the adapter and checked when that is loaded.
The prompt's tokens and the response's are made apart and joined: at inference no token spans both. What a record says
is never read as a control token: `<|im_end|>` in a question about chat formats is encoded as the words it is, so no
record can forge a turn. Rejected: masks found by searching the tokens for a response header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import TrainError
from train.config import Template
from train.data.builds import Example
from train.data.chat_template import ChatTemplate, Turns, turns_of, understand
from train.data.prompt_templates import Chunk, UnusableRecordError, document_chunks, plain_chunks
from train.data.tokens import begin_token, control_words, fingerprint, needs_anchor, tokenise, word_pattern

__all__ = ["IGNORED", "Encoding", "Renderer", "Segment", "UnusableRecordError", "make_renderer"]

IGNORED = -100
"""The label of a token that is not learnt."""

VERSION = 1
"""Counts every change of the rendering that alters a text or a token; part of the hash."""

Encoding = tuple[list[int], list[int]]
"""Token ids and labels, of one length; labels are not shifted."""

Name = Literal["chat", "alpaca", "prompt_completion"]

_ANCHOR = 16


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a rendered record; `literal` if what looks like a control token in it is only a word."""

    text: str
    is_response: bool
    literal: bool = False


@dataclass(frozen=True)
class Renderer:
    """Puts records into words and tokens. Made by `make_renderer`.

    `end`, with the id `end_id`, closes every response and is learnt: generation stops there. `begin` opens a plain
    text, or is "" (a chat template brings its own).
    """

    name: Name
    hash: str
    system: str
    begin: str
    end: str
    end_id: int
    tokenizer: Any
    template: ChatTemplate | None
    controls: re.Pattern[str]
    control_ids: frozenset[int]
    anchored: bool

    def segments(self, example: Example) -> list[Segment]:
        """Return a record as text, responses and their end tokens apart from the rest; what is learnt ends it.

        Earlier responses are learnt, too, wherever the template leaves them as they were written.

        Raises:
            UnusableRecordError: the template cannot put this record into words.
        """
        return self._segments(self._chunks(example))

    def prompt_segments(self, example: Example) -> list[Segment]:
        """Return what stands before the last response, generation prompt and all; the output is not looked at."""
        if self.template is None or example.is_document:
            return self._segments([chunk for chunk in self._chunks(example) if chunk.in_prompt])
        return self._segments(self.template.prompt(self._turns(example)))

    def prompt_ids(self, example: Example) -> list[int]:
        """Return the tokens to generate from: those of `encode` before the last response.

        Raises:
            UnusableRecordError: the record cannot be put into words or tokens.
        """
        parts = self._tokens([self.prompt_segments(example)])[0]
        if isinstance(parts, UnusableRecordError):
            raise parts
        return [id_ for part in parts for id_ in part]

    def encode(self, example: Example) -> Encoding:
        """Return a record's tokens and labels, however long.

        Raises:
            UnusableRecordError: the record cannot be put into words or tokens, or has no response.
        """
        one = self.encode_batch([example])[0]
        if isinstance(one, UnusableRecordError):
            raise one
        return one

    def encode_batch(self, examples: Sequence[Example]) -> list[Encoding | UnusableRecordError]:
        """Return `encode` of each example, or why it has none, in order; many at once are faster."""
        answers: list[Encoding | UnusableRecordError | None] = []
        rendered = []
        for example in examples:
            try:
                rendered.append(self._learnable(example))
                answers.append(None)
            except UnusableRecordError as error:
                answers.append(error)
        made = iter(self._encoded(rendered))
        return [next(made) if answer is None else answer for answer in answers]

    def _learnable(self, example: Example) -> list[Segment]:
        if not example.output.strip():
            raise UnusableRecordError("train.empty_response", "the record has no response to learn")
        return self.segments(example)

    def _turns(self, example: Example) -> Turns:
        assert self.template is not None
        return turns_of(example, self.system, self.template.folds_system)

    def _chunks(self, example: Example) -> list[Chunk]:
        if example.is_document:
            return document_chunks(example.output, self.begin, self.end)
        if self.template is None:
            return plain_chunks(self.name, example, self.system, self.begin, self.end)
        return self.template.whole(self._turns(example))

    def _segments(self, chunks: Sequence[Chunk]) -> list[Segment]:
        """Join neighbours that are equally learnt, but keep texts with what looks like a control token apart."""
        found: list[tuple[Segment, bool]] = []
        for chunk in chunks:
            literal = chunk.is_content and self.controls.search(chunk.text) is not None
            if not chunk.text:
                continue
            last, in_prompt = found[-1] if found else (None, False)
            if (
                last
                and not literal
                and not last.literal
                and (last.is_response, in_prompt) == (chunk.is_response, chunk.in_prompt)
            ):
                found[-1] = (Segment(last.text + chunk.text, last.is_response), in_prompt)
            else:
                found.append((Segment(chunk.text, chunk.is_response, literal), chunk.in_prompt))
        return [segment for segment, _ in found]

    def _encoded(self, rendered: Sequence[Sequence[Segment]]) -> list[Encoding | UnusableRecordError]:
        answers: list[Encoding | UnusableRecordError] = []
        for segments, tokens in zip(rendered, self._tokens(rendered), strict=True):
            if isinstance(tokens, UnusableRecordError):
                answers.append(tokens)
                continue
            ids = [id_ for part in tokens for id_ in part]
            labels = [
                id_ if segment.is_response else IGNORED
                for segment, part in zip(segments, tokens, strict=True)
                for id_ in part
            ]
            answers.append((ids, labels))
        return answers

    def _tokens(self, rendered: Sequence[Sequence[Segment]]) -> list[list[list[int]] | UnusableRecordError]:
        """Return the token ids of every segment of every record, or why a record has none."""
        flat = [segment for segments in rendered for segment in segments]
        anchors = [
            segments[place - 1].text[-_ANCHOR:]
            if self.anchored and place and not segments[place - 1].literal
            else ""
            for segments in rendered
            for place in range(len(segments))
        ]
        ids: list[list[int]] = [[] for _ in flat]
        for literal in (False, True):
            places = [place for place, segment in enumerate(flat) if segment.literal is literal]
            texts = [(anchors[place], flat[place].text) for place in places]
            for place, tokens in zip(places, tokenise(self.tokenizer, texts, literal), strict=True):
                ids[place] = tokens
        answers: list[list[list[int]] | UnusableRecordError] = []
        at = 0
        for segments in rendered:
            own = ids[at : at + len(segments)]
            at += len(segments)
            forged = any(
                segment.literal and not self.control_ids.isdisjoint(part)
                for segment, part in zip(segments, own, strict=True)
            )
            answers.append(UnusableRecordError("train.special_tokens", _FORGED) if forged else own)
        return answers


_FORGED = "its text holds a control token of the template, and the tokenizer cannot write it as plain words"


def make_renderer(tokenizer: Any, template: Template, system: str) -> Renderer:
    """Return the renderer of a run.

    Args:
        tokenizer: of the model, after `ensure_pad`: the pad token is a control token, too.
        template: `chat`, `alpaca`, `prompt_completion`, or `auto`: the model's own, or Alpaca's if it has none.
        system: system text of the records that have none; documents get none.

    Raises:
        TrainError: there is no chat template though one is asked for, it has no generation prompt or contradicts
            itself, or the tokenizer has no end token.
    """
    has_chat = bool(tokenizer.chat_template)
    if template == "chat" and not has_chat:
        raise TrainError(
            "the tokenizer has no chat template, and the recipe says `template: chat`",
            "tune the model's instruct version, or choose `template: alpaca` or `template: auto`",
        )
    if tokenizer.eos_token_id is None:
        raise TrainError(
            "the tokenizer has no end token, so nothing could say that a response is over",
            "set `eos_token` in its tokenizer_config.json",
        )
    name: Name = ("chat" if has_chat else "alpaca") if template == "auto" else template
    chat = understand(tokenizer) if name == "chat" else None
    controls = chat.controls if chat else control_words(tokenizer, "")
    end = chat.end if chat else str(tokenizer.eos_token)
    ids = [int(id_) for id_ in tokenizer.convert_tokens_to_ids(list(controls))]
    return Renderer(
        name=name,
        hash=_hash(tokenizer, name, system, chat),
        system=system,
        begin=begin_token(tokenizer),
        end=end,
        end_id=ids[controls.index(end)],
        tokenizer=tokenizer,
        template=chat,
        controls=word_pattern(controls),
        control_ids=frozenset(ids),
        anchored=needs_anchor(tokenizer),
    )


def _hash(tokenizer: Any, name: str, system: str, chat: ChatTemplate | None) -> str:
    """Return the SHA-256 over all that alters a text or a token: template, system text, tokenizer, these rules."""
    told = {
        "version": VERSION,
        "name": name,
        "system": system,
        "template": tokenizer.get_chat_template() if chat else "",
        "tokenizer": fingerprint(tokenizer),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
