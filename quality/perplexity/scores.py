"""The numbers of a response: how much each character costs, how sure that is, and where it costs the most.

`disorder` is the cost with context over the cost without: about .4 for good English and .65 for good Chinese, 1 where
order tells nothing (letters at random, shuffled characters). Unlike perplexity it compares across scripts: a keyboard
mash costs fewer nats than good Chinese. `word_disorder` says the same of the order of words. The worst window is the
stretch in which context helps least. Two faults that perplexity is blind to have numbers of their own: `end`, the cost
of ending where the text ends (a text that is cut off ends where none does), and `repetition`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import U64, Counts, gram_keys
from quality.perplexity.ngrams import costs, costs_given_prompt, word_costs
from quality.perplexity.symbols import END, SCRIPTS, START, Block, block_of, blocks, scripts, words

WINDOW = 24
"""Characters of a window: five English words, a Chinese clause."""
BATCH = 8
"""Characters that count as one observation: what stands nearer together is not independent (batch means)."""
MISFIT = 0.3
"""Nats that context must add to the cost of a character for it to count as out of place."""
_PRIOR_BATCHES = 4
_PRIOR_SPREAD = 0.5
_LONG_GRAM = {"none": 12, "spaced": 14, "unspaced": 8}
_STOPS, _BLANKS, _WIDE_STOPS = ([ord(mark) for mark in marks] for marks in (".!?", " \n", "。！？"))
_QUOTES, _DASHES = ([ord(mark) for mark in marks] for marks in ("\"'”’」』»", "-–—―"))
_NAME = 40
"""Characters within which a dash behind a quotation names who said it."""
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
        *window, end, *_ending(block, owners), repeated, script,
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
    sums = np.concatenate([[0], np.cumsum(gain)])
    at = np.arange(len(owners))
    wide = width[owners]
    fits = inner & (at + wide <= block.starts[1:][owners] - 1)
    means = np.where(fits, (sums[np.minimum(at + wide, len(gain))] - sums[at]) / wide, np.inf)
    least = np.minimum.reduceat(means, begins)
    hits = np.flatnonzero(means == least[owners])
    text, first = np.unique(owners[hits], return_index=True)
    start = np.full(len(chars), np.nan)
    start[text] = hits[first] - begins[text] - 1
    least[chars == 0] = start[chars == 0] = np.nan
    return least, start, start + width


def _ending(block: Block, owners: NDArray[np.int64]) -> tuple[F64, F64]:
    """Return how many characters the last line of each text has (0 if it is no prose), and how many sentences end
    before its last one.

    Prose holds the end of a sentence or stands below a line that ends in one. The stop of a list number or an initial
    ends no sentence, and hashtags and the name of who is quoted need none.
    """
    begins, stops = block.starts[:-1], block.starts[1:]
    symbols, at = block.symbols, np.arange(len(owners))
    before = [np.roll(symbols, back) for back in range(4)]
    blank = np.isin(symbols, _BLANKS)

    def last_of(found: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return where each text has one last; its beginning if it has none."""
        last: NDArray[np.int64] = np.maximum(np.maximum.reduceat(np.where(found, at, 0), begins), begins)
        return last

    following = np.append(symbols[1:], END)
    spaced = np.isin(symbols, _STOPS) & np.isin(following, _BLANKS)
    apart = [np.isin(each, [START, ord("."), *_BLANKS]) for each in before]
    number = (before[1] == ord("0")) & (before[2] == ord("0")) & apart[3]
    numbered = (symbols == ord(".")) & (apart[2] | number)
    ended = ((spaced & ~numbered) | np.isin(symbols, _WIDE_STOPS)) & (at < stops[owners] - 2)
    last = last_of(symbols == ord("\n"))
    above = symbols[last_of(~blank & (at < last[owners]))]
    prose = (last_of(ended) > last) | np.isin(above, [*_STOPS, *_WIDE_STOPS, *_QUOTES])
    tagged = following[last_of(blank & (at < stops[owners] - 2))] == ord("#")
    dash = np.isin(symbols, _DASHES) & np.isin(before[1], _BLANKS) & np.isin(before[2], _QUOTES)
    said = last_of(dash)
    named = (said > begins) & (stops - 2 - said <= _NAME)
    line = np.where(prose & ~tagged & ~named, stops - 2 - last, 0)
    return line.astype(np.float64), np.add.reduceat(ended, begins).astype(np.float64)


def _repetition(block: Block, owners: NDArray[np.int64], script: NDArray[np.int64]) -> F64:
    """Return the share of characters inside long n-grams that stood earlier in the same text."""
    chars = (np.diff(block.starts) - 2).astype(np.float64)
    sizes = np.array([_LONG_GRAM[name] for name in SCRIPTS])[script][owners]
    place = np.arange(len(owners)) - block.starts[owners] - 1
    cover = np.zeros(len(owners) + 1, np.int64)
    for size, keys in _long_keys(block):
        at = np.flatnonzero((sizes == size) & (place >= size - 1) & (block.symbols > END))
        mine = keys[at] ^ (owners[at].astype(np.uint64) << np.uint64(44))
        order = np.argsort(mine, kind="stable")
        again = at[order[1:][mine[order[1:]] == mine[order[:-1]]]]
        np.add.at(cover, again - size + 1, 1)
        np.add.at(cover, again + 1, -1)
    covered = np.add.reduceat(np.cumsum(cover[:-1]) > 0, block.starts[:-1])
    share: F64 = covered / chars
    return share


def _long_keys(block: Block) -> Iterator[tuple[int, U64]]:
    wanted = sorted(set(_LONG_GRAM.values()))
    for n, keys in enumerate(gram_keys(block, wanted[-1]), start=1):
        if n in wanted:
            yield n, keys
