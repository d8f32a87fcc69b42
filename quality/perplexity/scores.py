"""The numbers of a response: how much each character costs, how sure that is, and where it costs the most.

`disorder` is the cost with context over the cost without: about .4 for good English and .65 for good Chinese, 1 where
order tells nothing (letters at random, shuffled characters). Unlike perplexity it compares across scripts: a keyboard
mash costs fewer nats than good Chinese. `word_disorder` says the same of the order of words. The worst window is the
stretch in which context helps least. Two faults that perplexity is blind to have numbers of their own: `end`, the cost
of ending where the text ends (a text that is cut off ends where none does), and `repetition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import U64, Counts, long_keys
from quality.perplexity.endings import ending, unfinished
from quality.perplexity.ngrams import costs, costs_given_prompt, word_costs
from quality.perplexity.plausibility import plausibility
from quality.perplexity.symbols import END, SCRIPTS, Block, block_of, each_block, words

_LONG_GRAM = {"none": 12, "spaced": 14, "unspaced": 8}
_SLOTS, _SLOT_SHIFT = 1 << 18, np.uint64(46)
_MIX = np.uint64(0x9E3779B97F4A7C15)
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Numbers of n responses, each float64 [n]; nan where there is nothing to measure.

    Attributes:
        chars, wording, …, script: see `plausibility.Plausibility`, whose fields these are.
        words: words and marks; word_nats, word_alone: mean cost of one in its context, and without.
        given_prompt: mean cost of a character after the prompt.
        end: cost of ending there, nats.
        last_line: characters after the last line break, 0 if they are no prose (an item of a list whose items have no
            full stop, hashtags, the name of who is quoted); sentences: how many end before the last character.
        open_end, dangling: 1 where the last sentence has no end, and where it stops at a word that needs another
            (`endings.unfinished`).
        repetition: share of characters in long n-grams that stood earlier in the response.
    """

    chars: F64
    wording: F64
    strange: F64
    nats: F64
    error: F64
    worded: F64
    alone: F64
    misfit: F64
    window: F64
    window_start: F64
    window_stop: F64
    keyboard: F64
    key_steps: F64
    script: F64
    words: F64
    word_nats: F64
    word_alone: F64
    given_prompt: F64
    end: F64
    last_line: F64
    sentences: F64
    repetition: F64
    open_end: F64
    dangling: F64


def score(
    prompts: Sequence[str], responses: Sequence[str], folds: Sequence[int], counts: Counts, threads: int = 1
) -> Scores:
    """Return the numbers of responses; a row depends on its record and the fit alone.

    Args:
        prompts: text each response answers; "" for a document.
        responses: texts to score.
        folds: fold of each record (`symbols.fold_of`).
        counts: the fit.
        threads: blocks worked on at a time.
    """
    fold_of = np.asarray(folds, np.int64)
    out = np.full((len(fields(Scores)), len(responses)), np.nan)

    def run(block: Block) -> None:
        texts = len(block.starts) - 1
        asked = block_of(prompts[block.first : block.first + texts], block.first)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[:-2, block.first : block.first + texts] = _score(block, asked, fold_of, counts)
        forms = [unfinished(text) for text in responses[block.first : block.first + texts]]
        out[-2:, block.first : block.first + texts] = np.array(forms, np.float64).T

    each_block(responses, run, threads)
    return Scores(*out)


def _score(block: Block, prompts: Block, fold_of: NDArray[np.int64], counts: Counts) -> F64:
    owners, begins = block.owners(), block.starts[:-1]
    single = costs(block, fold_of[block.first + owners], counts)
    shared = plausibility(block, owners, *single)
    after = costs_given_prompt(block, prompts, single[0])
    given = np.add.reduceat(np.where(block.symbols > END, after, 0).astype(np.float64), begins) / shared[0]
    repeated = _repetition(block, owners, shared[-1].astype(np.int64))
    return np.stack([
        *shared, *_word_numbers(block, fold_of, counts), given,
        single[0][block.starts[1:] - 1], *ending(block, owners), repeated,
    ])  # fmt: skip


def _word_numbers(block: Block, fold_of: NDArray[np.int64], counts: Counts) -> tuple[F64, F64, F64]:
    """Return the number of words of each text, and their mean cost with and without context."""
    several = words(block)
    owners, begins = several.owners(), several.starts[:-1]
    cost, alone = word_costs(several, fold_of[block.first + owners], counts)
    inner = np.ones(len(owners), np.bool_)
    inner[begins] = inner[several.starts[1:] - 1] = False
    number = (np.diff(several.starts) - 2).astype(np.float64)
    sums = [
        np.add.reduceat(np.where(inner, each, 0).astype(np.float64), begins) / number
        for each in (cost, alone)
    ]
    return number, sums[0], sums[1]


def _repetition(block: Block, owners: NDArray[np.int64], script: NDArray[np.int64]) -> F64:
    """Return the share of characters inside long n-grams that stood earlier in the same text."""
    chars = (np.diff(block.starts) - 2).astype(np.float64)
    sizes = np.array([_LONG_GRAM[name] for name in SCRIPTS], np.uint8)[script][owners]
    place = np.arange(len(owners)) - block.starts[owners] - 1
    # A digit is itself here: the rows of a table of numbers are no loop.
    symbols = np.where(block.symbols == ord("0"), block.points, block.symbols)
    cover = np.zeros(len(owners) + 1, np.int64)
    for size in sorted(set(sizes.tolist())):
        at = np.flatnonzero((sizes == size) & (place >= size - 1) & (block.symbols > END))
        again = at[
            _seen_before(long_keys(symbols, size)[at] ^ (owners[at].astype(np.uint64) << np.uint64(44)))
        ]
        np.add.at(cover, again - size + 1, 1)
        np.add.at(cover, again + 1, -1)
    covered = np.add.reduceat(np.cumsum(cover[:-1]) > 0, block.starts[:-1])
    share: F64 = covered / chars
    return share


def _seen_before(keys: U64) -> NDArray[np.intp]:
    """Return the places of keys that stood earlier; of most, one slot of a table tells that they are alone."""
    slots = ((keys * _MIX) >> _SLOT_SHIFT).astype(np.intp)
    places = np.arange(len(keys), dtype=np.uint32)
    last = np.empty(_SLOTS, np.uint32)
    last[slots] = places
    shared = np.zeros(_SLOTS, np.bool_)
    shared[slots[last[slots] != places]] = True
    some = np.flatnonzero(shared[slots])
    order = some[np.argsort(keys[some], kind="stable")]
    again: NDArray[np.intp] = order[1:][keys[order[1:]] == keys[order[:-1]]]
    return again
