"""Method 1: there and back through another language (Sennrich et al. 2016, "Improving neural machine translation
models with monolingual data"; as augmentation, Xie et al. 2020, "Unsupervised data augmentation", section 2.2).

Texts go sentence by sentence; layout, code, addresses, quotations and what else must stay never reach the translator.
A model's return is a sentence as it is, or none (`retold`); a rule-based translator's is a source of changes, of which
those stay that were read and found right (`round_trip`). Both directions are remembered by sentence, and the way back
of one batch runs beside the way there of the next. Rejected: one text one call (long texts are cut in silence),
and falling back to another translator (nobody could say whose child it is).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from pipeline.augment.back_translation_params import BackTranslationParams, Translation
from pipeline.augment.protect import KINDS, Guard
from pipeline.augment.protocol import (
    LANGUAGE,
    UNCHANGED,
    Answer,
    Ask,
    NoChild,
    Passage,
    by_passage,
)
from pipeline.augment.retold import ended_alike, refused
from pipeline.augment.round_trip import Edit, apply, edits, may_change, some_of, throughout
from pipeline.augment.stand_ins import CODES, NAMES, Masked, mask, unmask
from pipeline.augment.to_translate import Sentence, sentences
from pipeline.models import Decoding, Models, Translator
from pipeline.models.apertium import mode_file, turned
from pipeline.models.need import Need
from pipeline.models.text_cache import TextCache

NO_OTHER = "no_other"
"""Why there is no child: this translator has one return for a text, and child 0 has it."""
_BATCH = 400
_VISIBLE = frozenset({"number", "name"})
"""Kinds that Apertium may see: its grammar needs them, and no change of them is ever taken over."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence on its way: of which passage, where, and what is sent."""

    passage: int
    sentence: Sentence
    masked: Masked


class BackTranslation:
    """Varies texts by translating them there and back."""

    name = "back_translation"
    version = 2
    languages: frozenset[str] | None = None

    def keeps(self, params: BackTranslationParams) -> bool:
        """Tell that a child must say what its parent says."""
        return True

    def remarks(self, params: BackTranslationParams) -> list[str]:
        """Return who translates which language, and which of the two main ones has nobody."""
        told = [
            f"{each.language} there and back by "
            + (
                f"Apertium {each.pair}"
                if each.by == "apertium"
                else f"{each.there.model.name} and {each.back.model.name}"
            )
            for each in params.translations
        ]
        lacking = [name for name in ("en", "zh") if name not in self.covers(params)]
        return told + [f"not run for {name}: no translator is named for it" for name in lacking]

    def covers(self, params: BackTranslationParams) -> frozenset[str]:
        """Return the languages that these translations vary; texts in any other have no child."""
        return frozenset(translation.language for translation in params.translations)

    def needs(self, params: BackTranslationParams) -> tuple[Need, ...]:
        """Return both directions of each translation."""
        found: list[Need] = []
        for each in params.translations:
            if each.by == "apertium":
                pairs = (each.pair, turned(each.pair))
                found += [Need("apertium", path=str(mode_file(pair, each.data))) for pair in pairs]
            else:
                found += [Need(each.library, way.model) for way in (each.there, each.back)]
        return tuple(found)

    def children(
        self, asks: Sequence[Ask], params: BackTranslationParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order.

        Raises:
            ModelError: a translator is missing, dies, hangs or loses count; there is no child in its place.
        """
        answers: list[Answer] = [NoChild(LANGUAGE)] * len(asks)
        groups: dict[tuple[Translation, int], list[int]] = {}
        for row, ask in enumerate(asks):
            own = [each for each in params.translations if each.language == ask.lang]
            if own:
                turn, number = ask.number % len(own), ask.number // len(own)
                groups.setdefault((own[turn], number), []).append(row)
        for (translation, number), rows in groups.items():
            rewrite = partial(_rewrite, translation, number, guard, models)
            found = by_passage([asks[row] for row in rows], params, guard, rewrite)
            for row, answer in zip(rows, found, strict=True):
                answers[row] = answer
        return answers


def _rewrite(
    translation: Translation, number: int, guard: Guard, models: Models, passages: Sequence[Passage]
) -> list[str | NoChild]:
    """Return each passage with its sentences as they came back, or why none could be used."""
    drawing = translation.by != "apertium" and translation.temperature > 0
    if translation.by != "apertium" and number and not drawing:
        return [NoChild(NO_OTHER)] * len(passages)
    by_rules = translation.by == "apertium"
    marks, hidden = (NAMES, set(KINDS) - _VISIBLE) if by_rules else (CODES, set(KINDS) - {"number"})
    pieces = [
        _Piece(row, sentence, masked)
        for row, passage in enumerate(passages)
        for sentence in sentences(passage.protected)
        if (masked := mask(passage.protected, sentence.start, sentence.stop, marks, hidden)) is not None
        and (not by_rules or may_change(masked.text))
    ]
    seeds = [passages[piece.passage].seed if drawing else "" for piece in pieces]
    returned = _round_trip([piece.masked.text for piece in pieces], seeds, translation, models)
    if by_rules:
        return _with_edits(passages, pieces, returned, number)
    return _with_sentences(passages, pieces, returned, guard)


def _with_edits(
    passages: Sequence[Passage], pieces: Sequence[_Piece], returned: Sequence[str], number: int
) -> list[str | NoChild]:
    """Return each passage with those changes of its sentences that may stay; a further child has some of them."""
    found: list[list[tuple[_Piece, Edit]]] = [[] for _ in passages]
    for piece, text in zip(pieces, returned, strict=True):
        found[piece.passage] += [(piece, edit) for edit in edits(piece.masked, text)]
    answers: list[str | NoChild] = []
    for passage, pairs in zip(passages, found, strict=True):
        uniform = throughout(passage.text, [edit for _, edit in pairs])
        own = [(piece, edit) for piece, edit in pairs if edit in uniform]
        chosen = some_of(own, passage.random("changes")) if number else own
        if not chosen:
            answers.append(NoChild(NO_OTHER if own else UNCHANGED))
            continue
        text = passage.text
        for piece in reversed(list(dict.fromkeys(piece for piece, _ in chosen))):
            changed = apply(piece.masked.text, [edit for other, edit in chosen if other is piece])
            text = _put(text, piece, unmask(changed, piece.masked.marks))
        answers.append(text)
    return answers


def _with_sentences(
    passages: Sequence[Passage], pieces: Sequence[_Piece], returned: Sequence[str], guard: Guard
) -> list[str | NoChild]:
    """Return each passage with the sentences that came back whole; the others stay as they were."""
    texts = [passage.text for passage in passages]
    why: list[dict[str, None]] = [{} for _ in passages]
    for piece, text in reversed(list(zip(pieces, returned, strict=True))):
        reason = refused(piece.masked.text, text)
        whole = None if reason else unmask(ended_alike(piece.masked.text, text), piece.masked.marks)
        before = passages[piece.passage].text[piece.sentence.start : piece.sentence.stop]
        if whole is None or _numbers(guard, whole) != _numbers(guard, before):
            why[piece.passage][reason or "protected"] = None
        else:
            texts[piece.passage] = _put(texts[piece.passage], piece, whole)
    return [
        text if text != passage.text else NoChild(next(iter(reasons), UNCHANGED))
        for text, passage, reasons in zip(texts, passages, why, strict=True)
    ]


def _numbers(guard: Guard, text: str) -> Counter[str]:
    """Return the numbers of a sentence; a model sees them, for its grammar's sake."""
    return Counter(
        {value: n for (kind, value), n in guard.protect(text).values().items() if kind == "number"}
    )


def _put(text: str, piece: _Piece, new: str | None) -> str:
    """Return a text with one sentence replaced; those behind it must be done already."""
    if new is None:
        return text
    return text[: piece.sentence.start] + new + text[piece.sentence.stop :]


def _round_trip(
    texts: Sequence[str], seeds: Sequence[str], translation: Translation, models: Models
) -> list[str]:
    """Return what comes back of each text; one whose translation is empty comes back empty."""
    there, back = (_direction(translation, way, models) for way in ("there", "back"))
    keys = list(dict.fromkeys(zip(texts, seeds, strict=True)))
    pivot: dict[tuple[str, str], str] = {}
    done: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(1) as behind:
        waiting = []
        for at in range(0, len(keys), _BATCH):
            batch = keys[at : at + _BATCH]
            pivot.update(there(batch))
            ways = [(pivot[key], key[1]) for key in batch if pivot[key].strip()]
            waiting.append(behind.submit(back, ways))
        for result in waiting:
            done.update(result.result())
    return [done.get((pivot[text, seed], seed), "") for text, seed in zip(texts, seeds, strict=True)]


_Translate: TypeAlias = Callable[[Sequence[tuple[str, str]]], dict[tuple[str, str], str]]


def _direction(translation: Translation, way: Literal["there", "back"], models: Models) -> _Translate:
    """Return what translates (text, seed) one way, each distinct one once ever."""
    if translation.by == "apertium":
        pair = translation.pair if way == "there" else turned(translation.pair)
        mode = str(mode_file(pair, translation.data))
        identity = models.translator_identity("apertium", None, mode)
        made_by, load = repr(identity), partial(models.apertium, mode, translation.seconds)
    else:
        side = translation.there if way == "there" else translation.back
        codes = (side.source, side.target)
        decoding = Decoding(translation.beams, translation.temperature, translation.batch_tokens)
        identity = models.translator_identity(translation.library, side.model)
        made_by = repr((identity, codes, decoding.beams, decoding.temperature))
        load = partial(models.translator, translation.library, side.model, codes, decoding)
    return partial(_translated, models.remembered("translations", made_by), load)


def _translated(
    cache: TextCache, load: Callable[[], Translator], keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Return the translation of each (text, seed), from the cache where it is known."""
    named = {key: f"{key[1]}\n{key[0]}" for key in keys}
    known = cache.get(named.values())
    missing = [key for key, name in named.items() if name not in known]
    if missing:
        made = load().translate([text for text, _ in missing], [seed for _, seed in missing])
        fresh = {named[key]: text for key, text in zip(missing, made, strict=True)}
        cache.put(fresh)
        known = {**known, **fresh}
    return {key: known[name] for key, name in named.items()}
