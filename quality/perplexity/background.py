"""What a model knows before it sees the corpus: the spelling of common English and Chinese words.

A few hundred records show few pairs of Chinese characters, and a good word that stands in them once looks like noise.
The words are those of `quality/lookalike/data` (SOURCES.md there), each as often as the root of its frequency, so that
they weigh as much as a thousand records and vanish in a large corpus. Rejected: a table of n-grams of a large corpus
(whose, and of what day?), and no background, which costs up to .03 of AUROC on 500 Chinese records.
"""

from __future__ import annotations

import functools
import gzip
from importlib.resources import files

import numpy as np
import pyarrow as pa

from quality.perplexity.counts import MAX_FOLDS, ORDER, VOLUME, gram_keys
from quality.perplexity.symbols import END, blocks

_FOLD = np.uint64(MAX_FOLDS - 1)
_LISTS = (("chinese.txt.gz", 6, 0.5, "{}"), ("english.txt.gz", 6, 1.2, " {} "))
"""File, least logarithm of a word's count, doublings of its weight for each step more, how it stands in a text."""


@functools.cache
def background() -> pa.Table:
    """Return the words' n-grams as a summary for `counts.fit`, in a fold that is never a record's own."""
    found: dict[int, list[np.ndarray]] = {n: [] for n in range(ORDER + 1)}
    volume = 0
    for file, least, step, form in _LISTS:
        words, weights = _words(file, least, step, form)
        for block in blocks(words):
            owners = block.owners()
            inner = block.symbols > END
            place = np.arange(len(owners)) - block.starts[owners] - 1
            times = weights[block.first + owners]
            volume += int(times[inner].sum())
            for n, keys in enumerate(gram_keys(block, ORDER), start=1):
                whole = inner & (place >= n - 1)
                found[n].append(np.repeat(keys[whole] | _FOLD, times[whole]))
    keys, counts = np.unique(
        np.concatenate([part for parts in found.values() for part in parts]), return_counts=True
    )
    keys, counts = np.append([VOLUME | _FOLD], keys), np.append([volume], counts)
    return pa.table({"key": keys, "count": counts.astype(np.uint32)})


def _words(file: str, least: int, step: float, form: str) -> tuple[list[str], np.ndarray]:
    data = files("quality.lookalike").joinpath("data", file).read_bytes()
    rows = [line.split() for line in gzip.decompress(data).decode("utf-8").splitlines()]
    common = [(word, int(count)) for word, count in rows if int(count) >= least]
    weights = np.array([round(2 ** ((count - least) * step)) for _, count in common], np.int64)
    return [form.format(word) for word, _ in common], weights
