"""Draws children of back-translation to be read, and holds those that were read against what the method makes now.

    python benchmarks/truth/augment_back_translation.py dolly_3k.json.gz                  # what was read, and now
    python benchmarks/truth/augment_back_translation.py dolly_3k.json.gz --draw SEED 100  # unread ones, as JSON lines

A draw orders prompts by the SHA-256 of the seed and their id and passes over those that were read. What was read stands
in `augmentation/back_translation_en.jsonl`, with a judgement each: kept its meaning and reads as a person's.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from pathlib import Path

from sacrebleu.metrics import BLEU

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from pipeline.augment.back_translation import BackTranslation  # noqa: E402
from pipeline.augment.back_translation_params import BackTranslationParams  # noqa: E402
from pipeline.augment.protect import Guard  # noqa: E402
from pipeline.augment.protocol import Ask, Child, seed_of  # noqa: E402
from pipeline.models import Models  # noqa: E402

MOST_BLEU = 90
READ = Path(__file__).parent / "augmentation" / "back_translation_en.jsonl"


def children(prompts: dict[str, str]) -> dict[str, str]:
    """Return the child of each prompt that has one, by id."""
    asks = [
        Ask({"system": "", "instruction": text, "input": "", "output": ""}, (), "en", seed_of(name), 0)
        for name, text in prompts.items()
    ]
    answers = BackTranslation().children(asks, BackTranslationParams(), Guard(), Models())
    return {
        name: answer.texts["instruction"]
        for name, answer in zip(prompts, answers, strict=True)
        if isinstance(answer, Child)
    }


def main() -> None:
    """Print a draw, or the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", type=Path)
    parser.add_argument("--draw", nargs=2, metavar=("SEED", "COUNT"))
    options = parser.parse_args()
    rows = json.loads(gzip.decompress(options.records.read_bytes()))
    prompts = {f"dolly_3k:{number}": row["instruction"] for number, row in enumerate(rows)}
    read = [json.loads(line) for line in READ.read_text(encoding="utf-8").splitlines()]
    if options.draw:
        seed, count = options.draw[0], int(options.draw[1])
        unread = sorted(
            prompts.keys() - {row["id"] for row in read},
            key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest(),
        )
        made = children({name: prompts[name] for name in unread})
        for name in list(made)[:count]:
            print(json.dumps({"id": name, "parent": prompts[name], "child": made[name]}, ensure_ascii=False))
        return
    made = children(prompts)
    same = sum(made.get(row["id"]) == row["child"] for row in read)
    kept = sum(row["kept"] for row in read)
    print(f"{len(made)} of {len(prompts)} prompts have a child ({len(made) / len(prompts):.1%})")
    bleu = BLEU(effective_order=True)
    apart = [row for row in read if bleu.sentence_score(row["child"], [row["parent"]]).score <= MOST_BLEU]
    print(
        f"{len(apart)} of the read ones lie below BLEU {MOST_BLEU}; {sum(row['kept'] for row in apart)} of them kept it"
    )
    print(f"{len(read)} were read; {kept} kept their meaning; {same} are made today as they were read")


if __name__ == "__main__":
    main()
