"""Measures language identification beside langdetect and lingua: accuracy a language, and speed, in one run.

    python benchmarks/language.py ../shared/data/lingua_langid/lingua_testdata_18_languages.zip --half b

The archive holds <kind>/<code>.txt, kind being sentences, word-pairs or single-words. Odd lines (half a) were
used to choose thresholds, even lines (half b) to report. Every contestant sees the same texts on one core,
one after the other; time is CPU time, so that other programs count little. "among" limits the choice to the
languages in the archive, which is what lingua's author advises; langdetect cannot be limited. An answer "und"
is wrong here.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quality.language import identify

Texts = Sequence[str]
Contestant = Callable[[Texts], list[str]]


def read(archive: Path, kind: str, half: str) -> list[tuple[str, str]]:
    """Return (code, text) of one half of the lines of one kind."""
    pairs = []
    with zipfile.ZipFile(archive) as opened:
        for name in sorted(opened.namelist()):
            if name.startswith(f"{kind}/") and name.endswith(".txt"):
                code = Path(name).stem
                lines = [line.strip() for line in opened.read(name).decode("utf-8").split("\n")]
                pairs += [(code, line) for line in lines if line]
    return pairs[::2] if half == "a" else pairs[1::2] if half == "b" else pairs


def ours(among: Sequence[str], library: str) -> Contestant:
    """Return this project's identification."""
    return lambda texts: [each.code for each in identify(texts, among, library)]  # type: ignore[arg-type]


def lingua(codes: Sequence[str]) -> Contestant:
    """Return lingua, limited to some languages, or all of them if none are named."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    builder = (
        LanguageDetectorBuilder.from_iso_codes_639_1(*(getattr(IsoCode639_1, code.upper()) for code in codes))
        if codes
        else LanguageDetectorBuilder.from_all_languages()
    )
    detector = builder.with_preloaded_language_models().build()

    def run(texts: Texts) -> list[str]:
        found = [detector.detect_language_of(text) for text in texts]
        return [language.iso_code_639_1.name.lower() if language else "und" for language in found]

    return run


def langdetect() -> Contestant:
    """Return langdetect with a fixed seed."""
    from langdetect import DetectorFactory, detect
    from langdetect.lang_detect_exception import LangDetectException

    DetectorFactory.seed = 0

    def one(text: str) -> str:
        try:
            return str(detect(text)).removesuffix("-cn").removesuffix("-tw")
        except LangDetectException:
            return "und"

    return lambda texts: [one(text) for text in texts]


def main() -> None:
    """Run every contestant once and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--kind", default="sentences", choices=("sentences", "word-pairs", "single-words"))
    parser.add_argument("--half", default="b", choices=("a", "b", "both"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    pairs = read(args.archive, args.kind, args.half)
    texts = [text for _, text in pairs]
    codes = sorted({code for code, _ in pairs})
    contestants: dict[str, Contestant] = {
        "this project, among 18": ours(codes, "lingua"),
        "this project, all languages": ours((), "lingua"),
        "this project, no library": ours((), "none"),
        "lingua, among 18": lingua(codes),
        "lingua, all languages": lingua(()),
        "langdetect": langdetect(),
    }
    names = ("lingua-language-detector", "langdetect", "numpy")
    print(f"{len(texts)} {args.kind}, half {args.half}; Python {platform.python_version()},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in names))
    answers: dict[str, list[str]] = {}
    speeds: dict[str, list[float]] = {name: [] for name in contestants}
    for name, run in contestants.items():
        run(texts[:: max(1, len(texts) // 300)])  # loads models
        for _ in range(args.rounds if name.startswith("this") else 1):
            start = time.process_time()
            answers[name] = run(texts)
            speeds[name].append(len(texts) / (time.process_time() - start))
    slowest = speeds["langdetect"][0]
    print(f"\n{'':30}{'right':>8}{'texts/s':>9}{'x langdetect':>14}")
    for name, found in answers.items():
        right = sum(code == answer for (code, _), answer in zip(pairs, found, strict=True)) / len(texts)
        speed = sorted(speeds[name])[len(speeds[name]) // 2]
        print(f"{name:30}{right:8.4f}{speed:9.0f}{speed / slowest:13.1f}x")
    print("\n" + " ".join(f"{code:>5}" for code in codes))
    for name, found in answers.items():
        shares = []
        for wanted in codes:
            own = [answer == wanted for (code, _), answer in zip(pairs, found, strict=True) if code == wanted]
            shares.append(f"{100 * sum(own) / len(own):5.1f}")
        print(" ".join(shares), "", name)


if __name__ == "__main__":
    main()
