"""Draws the 400 pairs of prompts that `dedupe_pairs.csv` holds labels for, and prints pairs to read.

    python benchmarks/truth/sample_pairs.py draw pairs.csv [--data ../shared/data] [--vectors FILE]
    python benchmarks/truth/sample_pairs.py draw more.csv --seed "duplicate truth 2" --times 1.75 --without pairs.csv
    python benchmarks/truth/sample_pairs.py show pairs.csv --from 0 --to 25

Pairs are drawn at random within bands of likeness, never by eye, so that precision and recall are measured where
the decision is hard. English: four bands of MiniLM cosine and one of shared word bigrams. Chinese: four bands of
cosine over TF-IDF of character bigrams, one of shared character bigrams, and one of requests that share little while
their responses are nearly equal, so that rewrites in other words are there. medicalgpt_zh is too small for 200 pairs,
so the other Chinese corpora take turns with it. A text takes part in at most two pairs; prompts equal but for case
and white space are left out. Half of every band is frozen: by a hash
of the pair, so that the halves do not depend on labels. Rejected: drawing over all pairs alike, of which all but
a few are far apart, and choosing pairs by what some detector finds, which would favour that detector.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from corpora import CHINESE, ENGLISH, Prompt, read
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

SEED = "duplicate truth 1"
COLUMNS = (
    "file_a",
    "row_a",
    "digest_a",
    "file_b",
    "row_b",
    "digest_b",
    "band",
    "half",
    "label",
    "kind",
    "why",
    "second",
)
BANDS = {
    "en cosine .80-.85": 38,
    "en cosine .85-.90": 38,
    "en cosine .90-.95": 37,
    "en cosine .95-1": 37,
    "en word bigrams .5-1": 50,
    "zh tf-idf .6-.7": 36,
    "zh tf-idf .7-.8": 36,
    "zh tf-idf .8-.9": 36,
    "zh tf-idf .9-1": 36,
    "zh char bigrams .5-1": 30,
    "zh like responses": 26,
}
MAX_PAIRS_OF_A_TEXT = 2
TOOL_CALLS = "glaive_toolcall_zh"
MOST_OF_TOOL_CALLS = 5
"""Pairs of a band from the tool-calling file: 300 records of few templates, which would fill the bands else."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows with one likeness each: `left`, `right` int [n], `score` float [n]."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    score: NDArray[np.float64]

    def within(self, low: float, high: float) -> list[tuple[int, int]]:
        """Return the pairs with low <= score < high."""
        keep = (self.score >= low) & (self.score < high)
        return [(int(a), int(b)) for a, b in zip(self.left[keep], self.right[keep], strict=True)]


def close_vectors(vectors: NDArray[np.float32], least: float) -> Pairs:
    """Return all pairs of unit vectors, float32 [n, d], whose cosine is at least `least`."""
    parts = []
    for start in range(0, len(vectors), 2000):
        cosine = vectors[start : start + 2000] @ vectors[start:].T
        left, right = np.nonzero(cosine >= least)
        upper = left < right
        left, right = left[upper], right[upper]
        parts.append((left + start, right + start, cosine[left, right]))
    left, right, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(left, right, score.astype(np.float64))


def close_rows(matrix: sp.csr_matrix, least: float) -> Pairs:
    """Return all pairs of sparse rows whose dot product is at least `least`."""
    parts = []
    across = matrix.T.tocsr()
    for start in range(0, matrix.shape[0], 1000):
        product = (matrix[start : start + 1000] @ across).tocoo()
        keep = (product.row + start < product.col) & (product.data >= least)
        parts.append((product.row[keep] + start, product.col[keep], product.data[keep]))
    left, right, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Pairs(left.astype(np.int64), right.astype(np.int64), score.astype(np.float64))


def shared_bigrams(texts: list[str], words: bool, least: float) -> Pairs:
    """Return all pairs of texts whose sets of bigrams have a Jaccard likeness of at least `least` (> 0)."""
    pattern = r"\w+|[^\w\s]"
    counter = CountVectorizer(
        analyzer="word" if words else "char",
        token_pattern=pattern if words else None,
        ngram_range=(2, 2),
        binary=True,
        dtype=np.float32,
    )
    matrix = counter.fit_transform(texts)
    size = np.asarray(matrix.sum(axis=1)).ravel()
    shared = close_rows(matrix, 1.0)
    union = size[shared.left] + size[shared.right] - shared.score
    score = shared.score / union
    keep = score >= least
    return Pairs(shared.left[keep], shared.right[keep], score[keep])


def folded(prompt: Prompt) -> str:
    """Return the prompt with case folded and runs of white space as one space."""
    return " ".join(prompt.text.casefold().split())


def english_pools(prompts: list[Prompt], vectors: NDArray[np.float32]) -> dict[str, list[tuple[int, int]]]:
    """Return the pairs of each English band."""
    cosine = close_vectors(vectors, 0.8)
    words = shared_bigrams([folded(prompt) for prompt in prompts], words=True, least=0.5)
    return {
        "en cosine .95-1": cosine.within(0.95, 2),
        "en cosine .90-.95": cosine.within(0.90, 0.95),
        "en cosine .85-.90": cosine.within(0.85, 0.90),
        "en cosine .80-.85": cosine.within(0.80, 0.85),
        "en word bigrams .5-1": words.within(0.5, 1.0),
    }


def chinese_pools(prompts: list[Prompt]) -> dict[str, list[tuple[int, int]]]:
    """Return the pairs of each Chinese band."""
    texts = ["".join(filter(str.isalnum, folded(prompt))) for prompt in prompts]
    weigh = TfidfVectorizer(analyzer="char", ngram_range=(2, 2), sublinear_tf=True)
    cosine = close_rows(weigh.fit_transform(texts), 0.6)
    shared = shared_bigrams(texts, words=False, least=0.5)
    requests = weigh.transform(texts)
    told = ["".join(filter(str.isalnum, prompt.output.casefold())) for prompt in prompts]
    long = np.flatnonzero([len(text) >= 30 for text in told])
    alike = close_rows(weigh.fit_transform([told[i] for i in long]), 0.8)
    left, right = long[alike.left], long[alike.right]
    apart = Pairs(left, right, np.asarray(requests[left].multiply(requests[right]).sum(axis=1)).ravel())
    return {
        "zh tf-idf .9-1": cosine.within(0.9, 2),
        "zh tf-idf .8-.9": cosine.within(0.8, 0.9),
        "zh tf-idf .7-.8": cosine.within(0.7, 0.8),
        "zh tf-idf .6-.7": cosine.within(0.6, 0.7),
        "zh char bigrams .5-1": shared.within(0.5, 1.0),
        "zh like responses": apart.within(0.2, 0.6),
    }


def draw(
    prompts: list[Prompt],
    pools: dict[str, list[tuple[int, int]]],
    taken: Counter[str],
    seed: str = SEED,
    times: float = 1.0,
) -> dict[str, list[tuple[int, int]]]:
    """Return the pairs drawn of each band; `taken` counts the pairs of a text and is added to.

    Corpora take turns inside a band until each has run out, so that none fills a band alone.
    """
    drawn: dict[str, list[tuple[int, int]]] = {}
    chosen: set[frozenset[str]] = set()
    for band, pool in pools.items():
        wanted = round(BANDS[band] * times)
        groups: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for pair in sorted(pool):
            groups[tuple(sorted({_corpus(prompts[i]) for i in pair}))].append(pair)
        for name, pairs in groups.items():
            random.Random(f"{seed}|{band}|{name}").shuffle(pairs)
        turns = [groups[name] for name in sorted(groups)]
        left = {
            id(turns[n]): MOST_OF_TOOL_CALLS if name == (TOOL_CALLS,) else wanted
            for n, name in enumerate(sorted(groups))
        }
        picked: list[tuple[int, int]] = []
        while len(picked) < wanted and any(turns):
            for pairs in turns:
                while pairs and left[id(pairs)] and len(picked) < wanted:
                    a, b = pairs.pop()
                    texts = frozenset((folded(prompts[a]), folded(prompts[b])))
                    full = max(taken[text] for text in texts) >= MAX_PAIRS_OF_A_TEXT
                    if full or texts in chosen or len(texts) == 1:
                        continue
                    picked.append((a, b))
                    chosen.add(texts)
                    taken.update(texts)
                    left[id(pairs)] -= 1
                    break
            turns = [pairs for pairs in turns if pairs and left[id(pairs)]]
        drawn[band] = picked
    return drawn


def _corpus(prompt: Prompt) -> str:
    return TOOL_CALLS if TOOL_CALLS in prompt.file else prompt.file.split("/")[0]


def halves(rows: list[dict[str, str]]) -> None:
    """Put half of each band into the frozen half, by a hash of the pair."""
    bands: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        bands[row["band"]].append(row)
    for members in bands.values():
        members.sort(key=_pair_hash)
        for place, row in enumerate(members):
            row["half"] = "tune" if place < (len(members) + 1) // 2 else "frozen"


def _pair_hash(row: dict[str, str]) -> str:
    pair = "|".join(row[name] for name in COLUMNS[:6])
    return hashlib.blake2b(pair.encode(), digest_size=8).hexdigest()


def encoded(prompts: list[Prompt], cache: Path | None) -> NDArray[np.float32]:
    """Return MiniLM's unit vectors of the prompts, float32 [n, 384], read from or written to `cache`."""
    if cache and cache.is_file():
        vectors: NDArray[np.float32] = np.load(cache)
        return vectors
    from pipeline.models import ModelRef, Models

    vectors = Models().embedder(ModelRef()).encode([prompt.text for prompt in prompts])
    if cache:
        np.save(cache, vectors)
    return vectors


def draw_command(
    data: Path, out: Path, vectors: Path | None, seed: str, times: float, without: Path | None
) -> None:
    """Write the drawn pairs, without labels, in random order; no prompt of the pairs in `without` is among them."""
    known: set[str] = set()
    if without:
        rows_known = list(csv.DictReader(without.open(encoding="utf-8", newline="")))
        known = {row[f"digest_{side}"] for row in rows_known for side in "ab"}
    english = read(data, ENGLISH)
    chinese = [prompt for file in CHINESE for prompt in read(data, file)]
    rows: list[dict[str, str]] = []
    for prompts, pools in (
        (english, english_pools(english, encoded(english, vectors))),
        (chinese, chinese_pools(chinese)),
    ):
        for band, pairs in draw(prompts, pools, _full(prompts, known), seed, times).items():
            print(f"{band}: {len(pairs)} drawn of {len(pools[band])}")
            rows += [_row(prompts[a], prompts[b], band) for a, b in pairs]
    halves(rows)
    random.Random(seed).shuffle(rows)
    rows.sort(key=lambda row: row["band"][:2])
    write(out, rows)


def _full(prompts: list[Prompt], known: set[str]) -> Counter[str]:
    """Return counts by which no text of the prompts whose digests are known is drawn."""
    return Counter({folded(prompt): MAX_PAIRS_OF_A_TEXT for prompt in prompts if prompt.digest in known})


def _row(a: Prompt, b: Prompt, band: str) -> dict[str, str]:
    values = (a.file, str(a.row), a.digest, b.file, str(b.row), b.digest, band, *[""] * 5)
    return dict(zip(COLUMNS, values, strict=True))


def write(out: Path, rows: list[dict[str, str]]) -> None:
    """Write the pairs file."""
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def show_command(data: Path, pairs: Path, start: int, end: int) -> None:
    """Print pairs to read: requests whole as far as reasonable, responses by their start; no band, no label."""
    rows = list(csv.DictReader(pairs.open(encoding="utf-8", newline="")))
    corpora = {
        name: read(data, name) for name in {row[side] for row in rows for side in ("file_a", "file_b")}
    }
    for number, row in enumerate(rows[start:end], start):
        print(f"=== {number}")
        for side in "ab":
            prompt = corpora[row[f"file_{side}"]][int(row[f"row_{side}"])]
            for role, text in prompt.history:
                print(f"  {side.upper()} {role}: {text[:300]}")
            print(f"{side.upper()}: {prompt.instruction[:700]}")
            if prompt.input:
                print(f"   input: {prompt.input[:700]}")
            print(f"   -> {prompt.output[:110]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=("draw", "show"))
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--vectors", type=Path, help="a .npy file to keep MiniLM's vectors in")
    parser.add_argument("--seed", default=SEED)
    parser.add_argument(
        "--times", type=float, default=1.0, help="size of each band, as a multiple of its size here"
    )
    parser.add_argument("--without", type=Path, help="a file of pairs none of whose prompts may be drawn")
    parser.add_argument("--from", dest="start", type=int, default=0)
    parser.add_argument("--to", dest="end", type=int, default=25)
    options = parser.parse_args()
    if options.command == "draw":
        draw_command(
            options.data, options.pairs, options.vectors, options.seed, options.times, options.without
        )
    else:
        show_command(options.data, options.pairs, options.start, options.end)


if __name__ == "__main__":
    main()
