"""Writes a WordNet of a few synsets in the formats wndb(5WN), cntlist(5WN) and morphy(7WN) tell."""

from __future__ import annotations

from pathlib import Path

Sense = tuple[tuple[str, ...], str]
_LICENCE = "  1 This software and database is WordNet 3.0 Copyright 2006 by Princeton University.  \n"
_NAMES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
_NUMBERS = {"n": 1, "v": 2, "a": 3, "r": 4}


def write_wordnet(
    folder: Path,
    senses: dict[str, list[Sense]],
    counts: dict[tuple[str, str, int], int],
    irregular: dict[str, list[str]],
) -> Path:
    """Write the files: synsets by part of speech, in order; counts by (lemma, pos, number)."""
    folder.mkdir(parents=True, exist_ok=True)
    for pos, name in _NAMES.items():
        data, index = _LICENCE, {}
        for words, gloss in senses.get(pos, []):
            offset = len(data.encode())
            listed = " ".join(f"{word.replace(' ', '_')} 0" for word in words)
            data += f"{offset:08d} 03 {pos} {len(words):02x} {listed} 000 | {gloss}  \n"
            for word in words:
                index.setdefault(word.lower().replace(" ", "_"), []).append(offset)
        (folder / f"data.{name}").write_text(data, "latin-1")
        lines = [
            f"{lemma} {pos} {len(found)} 1 @ {len(found)} 0 {' '.join(f'{one:08d}' for one in found)}  \n"
            for lemma, found in sorted(index.items())
        ]
        (folder / f"index.{name}").write_text(_LICENCE + "".join(lines), "latin-1")
        (folder / f"{name}.exc").write_text(
            "".join(f"{line}\n" for line in irregular.get(pos, [])), "latin-1"
        )
    rows = [
        f"{lemma}%{_NUMBERS[pos]}:00:00:: {number} {count}\n"
        for (lemma, pos, number), count in counts.items()
    ]
    (folder / "cntlist.rev").write_text("".join(rows), "latin-1")
    return folder
