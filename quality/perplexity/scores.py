"""The numbers of a response: how much each character costs, how sure that is, and where it costs the most.

`disorder` is the cost with context over the cost without: about .4 for good English and .65 for good Chinese, 1 where
order tells nothing (letters at random, shuffled characters). Unlike perplexity it compares across scripts: a keyboard
mash costs fewer nats than good Chinese. `word_disorder` says the same of the order of words. The worst window is the
stretch in which context helps least. Two faults that perplexity is blind to have numbers of their own: `end`, the cost
of ending where the text ends (a text that is cut off ends where none does), and `repetition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import U64, Counts, long_keys
from quality.perplexity.endings import ending
from quality.perplexity.ngrams import costs, costs_given_prompt, word_costs
from quality.perplexity.symbols import END, SCRIPTS, Block, block_of, blocks, scripts, words

WINDOW = 24
"""Characters of a window: five English words, a Chinese clause."""
BATCH = 8
"""Characters that count as one observation: what stands nearer together is not independent (batch means)."""
MISFIT = 0.3
"""Nats that context must add to the cost of a character for it to count as out of place."""
_PRIOR_BATCHES = 4
_PRIOR_SPREAD = 0.5
_LONG_GRAM = {"none": 12, "spaced": 14, "unspaced": 8}
_PARTS = 1 << 24
_SLOTS, _SLOT_SHIFT = 1 << 18, np.uint64(46)
_MIX = np.uint64(0x9E3779B97F4A7C15)
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Numbers of n responses, each float64 [n]; nan where there is nothing to measure.

    Attributes:
        chars: characters; words: words and marks.
        nats: mean cost of a character; error: standard error of that mean.
        alone: mean cost of a character without context.
        misfit: share of characters that their context makes less likely.
        given_prompt: mean cost of a character after the prompt.
        word_nats, word_alone: mean cost of a word in its context, and without.
        window: least mean gain by context (nats a character) of a stretch of `WINDOW` characters.
        window_start, window_stop: where that stretch stands in the response.
        end: cost of ending there, nats.
        last_line: characters after the last line break, 0 if they are no prose (an item of a list whose items have no
            full stop, hashtags, the name of who is quoted); sentences: how many end before the last character.
        repetition: share of characters in long n-grams that stood earlier in the response.
        script: place in `SCRIPTS` of the script that most letters are of.
    """

    chars: F64
    words: F64
    nats: F64
    error: F64
    alone: F64
    misfit: F64
    given_prompt: F64
    word_nats: F64
    word_alone: F64
    window: F64
    window_start: F64
    window_stop: F64
    end: F64
    last_line: F64
    sentences: F64
    repetition: F64
    script: F64


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
            out[:, block.first : block.first + texts] = _score(block, asked, fold_of, counts)

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(run, blocks(responses)):
                pass
    else:
        for block in blocks(responses):
            run(block)
    return Scores(*out)


def _score(block: Block, prompts: Block, fold_of: NDArray[np.int64], counts: Counts) -> F64:
    owners, begins = block.owners(), block.starts[:-1]
    folds = fold_of[block.first + owners]
    single = costs(block, folds, counts)
    end = single[0][block.starts[1:] - 1]
    after = costs_given_prompt(block, prompts, single[0])
    inner = block.symbols > END
    chars = (np.diff(block.starts) - 2).astype(np.float64)
    cost, alone, given = (np.where(inner, each, 0).astype(np.float64) for each in (*single, after))
    sums = [np.add.reduceat(each, begins) / chars for each in (cost, alone, given)]
    misfit = np.add.reduceat(cost - alone > MISFIT, begins) / chars
    word_numbers = _word_numbers(block, fold_of, counts)
    window = _worst(block, owners, alone - cost, inner)
    kinds = scripts()[block.symbols]
    tallies = [np.add.reduceat(kinds == place, begins) for place in range(len(SCRIPTS))]
    script = np.where(tallies[1] + tallies[2] > 0, np.where(tallies[2] * 2 >= tallies[1], 2, 1), 0)
    repeated = _repetition(block, owners, script)
    error = _error(block, owners, cost, sums[0])
    return np.stack([
        chars, word_numbers[0], sums[0], error, sums[1], misfit, sums[2], word_numbers[1], word_numbers[2],
        *window, end, *ending(block, owners), repeated, script,
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


def _error(block: Block, owners: NDArray[np.int64], cost: F64, mean: F64) -> F64:
    """Return the standard error of each mean by batch means (Conway 1963), drawn towards a usual spread."""
    chars = np.diff(block.starts) - 2
    batches = chars // BATCH
    first = np.concatenate([[0], np.cumsum(batches)])
    place = np.arange(len(owners)) - block.starts[owners] - 1
    whole = (place >= 0) & (place < batches[owners] * BATCH)
    means = (
        np.bincount(first[owners[whole]] + place[whole] // BATCH, cost[whole], minlength=first[-1]) / BATCH
    )
    text = np.repeat(np.arange(len(chars)), batches)
    squares = np.bincount(text, (means - mean[text]) ** 2, minlength=len(chars))
    variance = (squares + _PRIOR_BATCHES * (_PRIOR_SPREAD * mean) ** 2) / (batches + _PRIOR_BATCHES)
    error: F64 = np.sqrt(variance / (chars / BATCH))
    return error


def _worst(
    block: Block, owners: NDArray[np.int64], gain: F64, inner: NDArray[np.bool_]
) -> tuple[F64, F64, F64]:
    """Return the least mean gain of a window in each text, and where that window starts and stops."""
    begins, chars = block.starts[:-1], np.diff(block.starts) - 2
    width = np.minimum(WINDOW, np.maximum(chars, 1))
    # In whole parts of a nat sums are exact, so that no text's window depends on the texts before it.
    sums = np.concatenate([[0], np.cumsum(np.rint(gain.astype(np.float64) * _PARTS).astype(np.int64))])
    at = np.arange(len(owners))
    wide = width[owners]
    fits = inner & (at + wide <= block.starts[1:][owners] - 1)
    means = np.where(fits, (sums[np.minimum(at + wide, len(gain))] - sums[at]) / (wide * _PARTS), np.inf)
    least = np.minimum.reduceat(means, begins)
    hits = np.flatnonzero(means == least[owners])
    text, first = np.unique(owners[hits], return_index=True)
    start = np.full(len(chars), np.nan)
    start[text] = hits[first] - begins[text] - 1
    least[chars == 0] = start[chars == 0] = np.nan
    return least, start, start + width


def _repetition(block: Block, owners: NDArray[np.int64], script: NDArray[np.int64]) -> F64:
    """Return the share of characters inside long n-grams that stood earlier in the same text."""
    chars = (np.diff(block.starts) - 2).astype(np.float64)
    sizes = np.array([_LONG_GRAM[name] for name in SCRIPTS], np.uint8)[script][owners]
    place = np.arange(len(owners)) - block.starts[owners] - 1
    cover = np.zeros(len(owners) + 1, np.int64)
    for size in sorted(set(sizes.tolist())):
        at = np.flatnonzero((sizes == size) & (place >= size - 1) & (block.symbols > END))
        again = at[_seen_before(long_keys(block, size)[at] ^ (owners[at].astype(np.uint64) << np.uint64(44)))]
        np.add.at(cover, again - size + 1, 1)
        np.add.at(cover, again + 1, -1)
    covered = np.add.reduceat(np.cumsum(cover[:-1]) > 0, block.starts[:-1])
    share: F64 = covered / chars
    return share


def _seen_before(keys: U64) -> NDArray[np.intp]:
    """Return the places of keys that stood at an earlier place; of most, one slot of a table tells that they are alone."""
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
