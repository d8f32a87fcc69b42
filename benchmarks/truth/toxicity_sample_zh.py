"""Draws the Chinese texts that were labelled by hand for toxicity.

    python benchmarks/truth/toxicity_sample_zh.py [--data ../shared/data]

Prints one JSON object a line: file, row, side, digest and text. Of the prompts and responses of at most 200
characters, 60 are drawn by smallest hash from all, and 60 from those that hold one of the characters below, which
abuse is often written with and harmless texts as well. The labels stand in toxicity_zh.jsonl with the digest alone,
not the text.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from corpora import CHINESE, read

EACH = 60
LONGEST = 200
MARKS = "骂傻死滚贱妈逼操蠢笨鬼狗屁婊恶杀性"


@dataclass(frozen=True, slots=True)
class Text:
    """One side of one record."""

    file: str
    row: int
    side: str
    digest: str
    text: str


def texts(data: Path) -> Iterator[Text]:
    """Yield all short texts of the Chinese corpora."""
    for file in CHINESE:
        for prompt in read(data, file):
            for side, text in (("prompt", prompt.instruction), ("response", prompt.output)):
                if 0 < len(text.strip()) <= LONGEST:
                    yield Text(
                        file, prompt.row, side, blake2b(text.encode(), digest_size=8).hexdigest(), text
                    )


def drawn(data: Path) -> list[Text]:
    """Return the drawn texts, each once, in the order of their hashes."""
    listed = sorted({one.digest: one for one in texts(data)}.values(), key=lambda one: one.digest)
    plain = listed[:EACH]
    marked = [one for one in listed if set(one.text) & set(MARKS)]
    return list({one.digest: one for one in (*plain, *marked[:EACH])}.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    for each in drawn(parser.parse_args().data):
        print(json.dumps(asdict(each), ensure_ascii=False))
