"""BERTScore of many pairs: our feeding of the library's scorer beside the library called batch by batch, in one run.

    python benchmarks/bertscore.py --corpus alpaca_data.json.gz [--records 400] [--children 2]

Pairs are answers of an Alpaca corpus beside texts made from them (a word left out, another order of sentences), as
children stand beside their parent. The library is called as its defaults do: 64 pairs a call, in the order they come.
Both have the same weights, layer, tokenizer and cores; the numbers must be equal to 1e-4.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import random
import sys
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from pipeline.models import ModelRef, Models
from pipeline.models.bert_scorer import finite
from pipeline.models.identities import scorer_folder

BATCH = 64


def child_of(text: str, chance: random.Random) -> str:
    """Return a text like one that augmentation makes: some words left out or exchanged."""
    words = text.split()
    for _ in range(max(1, len(words) // 12)):
        at = chance.randrange(len(words))
        if chance.random() < 0.5 and len(words) > 2:
            del words[at]
        else:
            other = chance.randrange(len(words))
            words[at], words[other] = words[other], words[at]
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--records", type=int, default=400)
    parser.add_argument("--children", type=int, default=2)
    args = parser.parse_args()
    chance = random.Random(1)
    units = json.loads(gzip.decompress(args.corpus.read_bytes()))
    texts = [unit["output"].strip() for unit in units if len(unit["output"].split()) > 2]
    parents = chance.sample(texts, args.records)
    pairs = [(child_of(parent, chance), parent) for parent in parents for _ in range(args.children)]
    chance.shuffle(pairs)
    candidates, references = [one for one, _ in pairs], [other for _, other in pairs]

    import torch
    from bert_score import BERTScorer

    ours = Models().scorer(ModelRef())
    layers = json.loads((scorer_folder(ModelRef()) / "config.json").read_text())["num_hidden_layers"]
    with contextlib.redirect_stderr(io.StringIO()):
        library = BERTScorer(
            model_type=str(scorer_folder(ModelRef())), num_layers=layers - 1, use_fast_tokenizer=True
        )
    finite(library._tokenizer, library._model)
    ours.score(candidates[:8], references[:8])
    library.score(candidates[:8], references[:8])
    start = time.perf_counter()
    theirs = [
        torch.stack(library.score(candidates[at : at + BATCH], references[at : at + BATCH]), 1)
        for at in range(0, len(pairs), BATCH)
    ]
    middle = time.perf_counter()
    found = ours.score(candidates, references)
    end = time.perf_counter()
    libraries = f"torch {torch.__version__}, bert-score {version('bert-score')}"
    print(f"{len(pairs)} pairs, {libraries}, {torch.get_num_threads()} threads")
    slow, fast = middle - start, end - middle
    print(f"library, batch by batch: {slow:.1f} s ({len(pairs) / slow:.0f} pairs/s)")
    print(f"ours: {fast:.1f} s ({len(pairs) / fast:.0f} pairs/s), {slow / fast:.1f}x")
    print(f"greatest difference: {np.abs(found - torch.cat(theirs).numpy()).max():.1e}")


if __name__ == "__main__":
    main()
