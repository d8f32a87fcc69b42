"""Writes a small bigram model in the ARPA format, whose every number a test knows."""

from __future__ import annotations

from pathlib import Path

UNIGRAMS = {
    "<unk>": -2.0,
    "<s>": -99.0,
    "</s>": -1.0,
    "the": -0.5,
    "cat": -1.0,
    "sleeps": -1.2,
    "天": -0.9,
    "气": -1.1,
}
BIGRAMS = {("<s>", "the"): -0.2, ("the", "cat"): -0.3, ("cat", "sleeps"): -0.4, ("天", "气"): -0.1}
BACKOFF = -0.25


def write_arpa(path: Path) -> Path:
    """Write a bigram model; each word backs off by the same weight."""
    lines = ["\\data\\", f"ngram 1={len(UNIGRAMS)}", f"ngram 2={len(BIGRAMS)}", "", "\\1-grams:"]
    lines += [f"{value}\t{word}\t{BACKOFF}" for word, value in UNIGRAMS.items()]
    lines += ["", "\\2-grams:", *(f"{value}\t{' '.join(words)}" for words, value in BIGRAMS.items())]
    path.write_text("\n".join([*lines, "", "\\end\\", ""]), "utf-8")
    return path
