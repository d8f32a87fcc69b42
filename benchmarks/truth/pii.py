"""Scores the recognisers of personal data on labelled texts, presidio's beside them: by source, kind and half.

The main figure counts a labelled span as found when a span of the same kind covers it with intersection over union of
at least one half: a scrub that takes half of a number leaves a person open, one that takes the colon along does no
harm. `exact` asks for both ends. Each labelled span is matched once and what is left over is false. Intervals are a
bootstrap over texts, 95%. `unsure` spans count neither way. Errors are shown as shapes, and only for the half that is
open.

    python benchmarks/truth/pii.py --data ../shared/data --half tune
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from pii_texts import Gold, Text, load, load_fresh

from quality.pii import KINDS, Span, find

NAMED = ("name", "address")
Finder = Callable[[Text], list[Span]]


@dataclass(frozen=True, slots=True)
class Match:
    """One text's outcome for one kind: counts, and the spans that were missed or wrong."""

    found: int
    exact: int
    missed: tuple[Gold, ...]
    wrong: tuple[Span, ...]


def overlap(gold: Gold, span: Span) -> float:
    """Return intersection over union, in characters."""
    shared = min(gold.end, span.end) - max(gold.start, span.start)
    return max(0, shared) / (max(gold.end, span.end) - min(gold.start, span.start))


def match(text: Text, spans: Sequence[Span], kind: str, *, public: bool) -> Match:
    """Pair the labelled spans of a kind with what was found; `public` says whether public persons must be found."""
    free = [g for g in text.gold if g.unsure or (g.public and not public)]
    gold = [g for g in text.gold if g.kind == kind and g not in free]
    left = [s for s in spans if s.kind == kind]
    pairs = sorted(
        ((overlap(g, s), g.start, s.start, g, s) for g in gold for s in left),
        key=lambda p: (-p[0], p[1], p[2]),
    )
    met: dict[Gold, Span] = {}
    for value, _, _, g, s in pairs:
        if value >= 0.5 and g not in met and s not in met.values():
            met[g] = s
    wrong = [
        s
        for s in left
        if s not in met.values() and not any(g.start < s.end and s.start < g.end for g in free)
    ]
    exact = sum((g.start, g.end) == (s.start, s.end) for g, s in met.items())
    return Match(len(met), exact, tuple(g for g in gold if g not in met), tuple(wrong))


def f1(found: float, missed: float, wrong: float) -> float:
    return 2 * found / (2 * found + missed + wrong) if found + missed + wrong else float("nan")


def interval(counts: np.ndarray, seed: int = 7, rounds: int = 1000) -> tuple[float, float]:
    """Return the 95% interval of F1 for rows of (found, missed, wrong), one a text, by drawing texts again."""
    counts = counts[counts.any(axis=1)]
    if not len(counts):
        return float("nan"), float("nan")
    draws = np.random.default_rng(seed).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), size=rounds
    )
    found, missed, wrong = (draws @ counts).T
    scores = 2 * found / np.maximum(2 * found + missed + wrong, 1)
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def destroyed(texts: Sequence[Text], found: Sequence[Sequence[Span]], *, names: bool) -> float:
    """Return how many characters in a thousand were marked that no label covers."""
    lost = total = 0
    for text, spans in zip(texts, found, strict=True):
        kept = {i for g in text.gold for i in range(g.start, g.end)}
        wanted = [s for s in spans if names or s.kind not in NAMED]
        lost += len({i for s in wanted for i in range(s.start, s.end)} - kept)
        total += len(text.text)
    return 1000 * lost / max(total, 1)


def shape(text: str) -> str:
    """Return a text with every letter as a, every digit as 0 and every ideograph as 汉."""
    return "".join(
        "0"
        if c.isdigit()
        else "汉"
        if "\u3400" <= c <= "\u9fff"
        else "a"
        if c.isalpha()
        else " "
        if c.isspace()
        else c
        for c in text
    )


def table(
    where: str, texts: Sequence[Text], finders: dict[str, Finder], kinds: Sequence[str], *, errors: bool
) -> None:
    """Print one source's rows of Markdown: for each kind and finder recall, precision, F1 and exact F1."""
    found = {name: [finder(text) for text in texts] for name, finder in finders.items()}
    worst: list[tuple[int, str]] = []
    for kind in kinds:
        # A public person that is missed is an error of the recogniser, too, wherever one is labelled.
        everybody = any(g.public and g.kind == kind for t in texts for g in t.gold)
        for public in (False, True):
            if public and not everybody:
                continue
            cells = []
            for name, spans in found.items():
                matches = [match(t, s, kind, public=public) for t, s in zip(texts, spans, strict=True)]
                cells.append(scores(matches))
                if name == "ours" and public == everybody:
                    worst.extend(_shapes(texts, matches))
            gold = sum(
                g.kind == kind and not g.unsure and (public or not g.public) for t in texts for g in t.gold
            )
            if any(cells):
                said = f"`{kind}`" + (", public persons too" if public else "")
                print(f"| {where} | {said} | {gold} | " + " | ".join(cell or "–" for cell in cells) + " |")
    lost = [
        f"{destroyed(texts, spans, names=False):.2f}; with names {destroyed(texts, spans, names=True):.2f}"
        for spans in found.values()
    ]
    print(f"| {where} | *characters destroyed per 1,000* | | " + " | ".join(lost) + " |")
    if errors:
        for _, line in sorted(worst, reverse=True)[:20]:
            print("   ", line)


def scores(matches: Sequence[Match]) -> str:
    """Return the figures of one kind as a cell; "" where nothing is labelled or marked."""
    counts = np.array([(m.found, len(m.missed), len(m.wrong)) for m in matches])
    tp, fn, fp = counts.sum(axis=0)
    if not tp + fn + fp:
        return ""
    if not tp + fp:
        return "finds none"
    low, high = interval(counts)
    exact = sum(m.exact for m in matches)
    figures = f"{tp / max(tp + fn, 1):.3f} / {tp / max(tp + fp, 1):.3f} / **{f1(tp, fn, fp):.3f}**"
    return f"{figures} [{low:.2f}, {high:.2f}], exact {f1(exact, tp + fn - exact, tp + fp - exact):.3f}"


def _shapes(texts: Sequence[Text], matches: Sequence[Match]) -> list[tuple[int, str]]:
    lines = []
    for text, outcome in zip(texts, matches, strict=True):
        for label, spans in (("missed", outcome.missed), ("wrong", outcome.wrong)):
            for span in spans:
                around = (text.text[max(0, span.start - 16) : span.start], text.text[span.end : span.end + 8])
                inside = text.text[span.start : span.end]
                lines.append(
                    (
                        len(inside),
                        f"{label} {span.kind}: {shape(around[0])}[{shape(inside)}]{shape(around[1])}",
                    )
                )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of corpora")
    parser.add_argument("--half", choices=("tune", "frozen", "both"), default="tune")
    parser.add_argument("--ours-only", action="store_true", help="leave presidio out")
    parser.add_argument(
        "--errors", action="store_true", help="the worst twenty errors of each source, as shapes; tune only"
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="names in the Chinese texts labelled after the recogniser was written, and nothing else",
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help="only these kinds")
    parser.add_argument("--draws", type=int, default=5, help="made-up values for each place")
    args = parser.parse_args()
    if args.errors and args.half != "tune":
        raise SystemExit(
            "errors are shown for the tune half alone: nobody who writes a detector reads the other"
        )
    kinds = ["name"] if args.fresh else [kind for kind in args.kinds.split(",") if kind in KINDS]
    finders: dict[str, Finder] = {"ours": lambda text: find(text.text, frozenset(kinds))}
    if not args.ours_only:
        from pii_presidio import build

        peer = build()
        finders["presidio"] = lambda text: [s for s in peer(text.text, text.lang) if s.kind in kinds]
    halves = ("tune", "frozen") if args.half == "both" else (args.half,)
    grouped: dict[str, list[Text]] = defaultdict(list)
    for text in load_fresh(args.data, halves) if args.fresh else load(args.data, halves, args.draws):
        if args.fresh:
            grouped[f"fresh Chinese, {args.half}"].append(text)
        grouped[f"{text.source}, {args.half if args.fresh else text.half}"].append(text)
    names = [f"{name}: recall / precision / F1" for name in finders]
    print(f"| texts, half | kind | spans | {' | '.join(names)} |")
    print("|---|---|---:|" + "---|" * len(names))
    for where, texts in grouped.items():
        table(where, texts, finders, kinds, errors=args.errors)


if __name__ == "__main__":
    main()
