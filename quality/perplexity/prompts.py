"""The same measure of a prompt: a mash of keys where a question should stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from quality.perplexity.counts import Counts
from quality.perplexity.ngrams import costs
from quality.perplexity.plausibility import Plausibility, plausibility
from quality.perplexity.symbols import Block, each_block


def score_prompts(
    prompts: Sequence[str], folds: Sequence[int], counts: Counts, threads: int = 1
) -> Plausibility:
    """Return the numbers of prompts; a row depends on its record and the fit alone.

    Args:
        prompts: what is asked.
        folds: fold of each record (`symbols.fold_of`).
        counts: the fit.
        threads: blocks worked on at a time.
    """
    fold_of = np.asarray(folds, np.int64)
    out = np.full((len(fields(Plausibility)), len(prompts)), np.nan)

    def run(block: Block) -> None:
        owners = block.owners()
        with np.errstate(invalid="ignore", divide="ignore"):
            single = costs(block, fold_of[block.first + owners], counts)
            out[:, block.first : block.first + len(block.starts) - 1] = plausibility(block, owners, *single)

    each_block(prompts, run, threads)
    return Plausibility(*out)
