"""From words to tokens: which tokens are control tokens, and what a text's tokens are where it stands.

Two things are easily wrong here. A special token's text inside a record is a word, not the token; tokenizers read it
as the token unless they are told. And SentencePiece tokenizers set a space before every text they are given, so a
response that is encoded apart from its prompt would begin otherwise than the model writes it; there, a text is encoded
behind the end of what stands before it. Rejected: finding responses by character offsets, which only fast tokenizers
give.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

_PROBES = ("answer", "Yes.", "1", "答")


def control_words(tokenizer: Any, frame: str) -> tuple[str, ...]:
    """Return the texts of the tokens that no record may use: the special ones, and those that the template is made of.

    Args:
        tokenizer: knows which of its added tokens are special.
        frame: what the template writes around a question, or "".
    """
    added = tokenizer.added_tokens_decoder.values()
    special = {token.content for token in added if token.special} | set(tokenizer.all_special_tokens)
    roles = {token.content for token in added if token.content.strip() and token.content in frame}
    return tuple(sorted(word for word in special | roles if word))


def word_pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Return what finds any of the words, the longest where several begin."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def begin_token(tokenizer: Any) -> str:
    """Return the begin token if the tokenizer sets one before a plain text, as it did in pretraining."""
    begin = tokenizer.bos_token_id
    return str(tokenizer.bos_token) if begin is not None and tokenizer("a")["input_ids"][0] == begin else ""


def needs_anchor(tokenizer: Any) -> bool:
    """Tell whether a text's tokens are others alone than after other text: SentencePiece sets a space before it."""
    alone = tokenise(tokenizer, [("", word) for word in _PROBES], False)
    after = tokenise(tokenizer, [("", "assistant\n" + word) for word in _PROBES], False)
    before = tokenise(tokenizer, [("", "assistant\n")], False)[0]
    return any(before + one != whole for one, whole in zip(alone, after, strict=True))


def tokenise(tokenizer: Any, texts: Sequence[tuple[str, str]], literal: bool) -> list[list[int]]:
    """Return the token ids of texts.

    Args:
        tokenizer: fast or slow.
        texts: (anchor, text): what stands before a text, where that matters, and the text.
        literal: whether special tokens in the texts are read as the words they are.
    """
    if not texts:
        return []

    def ids(some: list[str]) -> list[list[int]]:
        made = tokenizer(some, add_special_tokens=False, split_special_tokens=literal, verbose=False)
        return [list(map(int, one)) for one in made["input_ids"]]

    if not any(anchor for anchor, _ in texts):
        return ids([text for _, text in texts])
    alone, anchors, both = (
        ids([text for _, text in texts]),
        ids([anchor for anchor, _ in texts]),
        ids([anchor + text for anchor, text in texts]),
    )
    return [
        whole[len(anchor) :] if anchor and whole[: len(anchor)] == anchor else one
        for one, anchor, whole in zip(alone, anchors, both, strict=True)
    ]


def fingerprint(tokenizer: Any) -> dict[str, object]:
    """Return all of a tokenizer that alters the tokens of a text, as JSON values."""
    fast = json.loads(tokenizer.backend_tokenizer.to_str()) if tokenizer.is_fast else {}
    added = sorted(tokenizer.added_tokens_decoder.items())
    return {
        "model": {part: fast.get(part) for part in ("model", "normalizer", "pre_tokenizer")}
        if fast
        else dict(sorted(tokenizer.get_vocab().items())),
        "added": [[id_, token.content, token.special] for id_, token in added],
        "special": {name: str(token) for name, token in sorted(tokenizer.special_tokens_map.items())},
        "begin": begin_token(tokenizer),
    }
