"""Draws the English texts that `pii_spans_en.jsonl` holds labels for, and prints them to read.

    python benchmarks/truth/pii_sample_en.py [--data ../shared/data] [--from 0] [--to 25]

Every field of a record is a text of its own. `random` draws are taken from all texts of a corpus alike; `likely` ones
from texts that hold a loose sign: an @, a long or dotted number, a word that goes with names, one that goes with
accounts and places, any digit, or one of the forms in which people can be reached. The signs are wide (decorators,
constants, dates and fictional figures pass them), so that they bring in hard negatives as well, and no label depends
on them. No text is cut: longer ones are not drawn. Rejected: drawing at random only, of which almost no text holds an
e-mail address, a number or a secret; and stackexchange_sample, whose texts are Spanish where they are short enough.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from corpora_pii import rows

SEED = "personal data truth en 1"
MAX_CHARACTERS = 1_500
MIN_CHARACTERS = 12
WRITTEN = (  # the fields that hold what someone wrote
    *("text", "prompt", "replies", "question", "answer"),
    *("instruction", "input", "output", "response", "tweet", "instances"),
)

GPT = "gpteacher/"
OASST = "oasst_sample/"
CORPORA = {  # corpus: its files, and how many texts to draw at random and by each of SIGNS
    "oasst": (
        [
            OASST + "en_100_tree.jsonl",
            OASST + "prompt_lottery_en_250_text.jsonl",
            OASST + "realistic_seed_data.json",
        ],
        (15, 6, 24, 24, 12, 5, 0),
    ),
    "covid": (["covid_faq/faq_200327.tsv.gz", "covid_faq/faq_covidbert.csv"], (8, 2, 12, 4, 12, 5, 0)),
    "roleplay": ([GPT + "roleplay-simple-deduped-roleplay-instruct.json.gz"], (12, 0, 12, 90, 14, 2, 0)),
    "codegen": ([GPT + "codegen-instruct.json.gz"], (12, 36, 40, 34, 24, 5, 14)),
    "toolformer": ([GPT + "toolformer-dedupe-only-dataset.json.gz"], (10, 2, 26, 24, 12, 3, 4)),
    "alpaca": (["alpaca_orig/alpaca_data.json.gz"], (15, 0, 0, 20, 0, 5, 75)),
    "self_instruct": (["self_instruct/user_oriented_instructions.jsonl"], (4, 0, 0, 6, 0, 2, 5)),
    "dolly": (["dolly_3k/dolly_3k.json.gz"], (4, 0, 0, 8, 0, 2, 12)),
    "tweets": (["hate_davidson/labeled_data.csv.gz"], (4, 14, 0, 0, 0, 0, 0)),
}
SIGNS = (
    re.compile(r"\S@\w|\w at \w+ dot \w"),
    re.compile(
        r"\d{3}\W{1,2}\d{4}|\d\.\d+\.\d+\.\d|\b\d{7,}\b|\d{4}[ -]\d{4}|\d\.\d{2,}\W.{0,3}\d\.\d\d|\w:\w\w:\w\w:\w"
        r"|\b[A-Z]{1,3}\d{4,}|\d [A-Z]\w+ (St|Ave|R|Dr|L|B)\w*|\b(born|birth).{0,40}\d{4}|\d{4}-\d\d-\d\d"
    ),
    re.compile(
        r"\b(Mr|Mrs|Ms|Miss|Dr|Sir|Lady|Detective|Captain|Professor|Agent|Uncle|Aunt)\b\.? [A-Z]"
        r"|\b([Nn]ame is|[Nn]amed|called|I am|I'm|friend|wife|husband|brother|sister|daughter|son),? [A-Z]"
        r"|(Dear|Hey|Hi|Hello|Love|Regards|regards|Sincerely|sincerely|Yours|yours),?\s+[A-Z]|\n[A-Z]\w+: "
        r"|\b(John|Jane|Alice|Bob|Smith|Sarah|Emily|Mike|Tom|Emma|David|Anna|Lee|Maria)\b"
    ),
    re.compile(
        r"\b(passw\w+|token|api.?key|secret|user_?name|account|login|phone|hotline|street|avenue|address|contact|visit"
        r"|github|twitter|instagram|passport|licen[cs]e|card|latitude)\b",
        re.IGNORECASE,
    ),
    re.compile(r"\d"),
    re.compile(
        r"\d{3}[-. )]{1,2}\d{3}[-. ]\d{4}|\+\d[\d -]{7,}|\d{3}-\d{4}|\b(\d{1,3}\.){3}\d|(\d{4}[ -]){2}\d{4}"
        r"|\w@\w+\.\w"
        r"|\d\.\d{2,}[°, ].{0,12}?-?\d{1,3}\.\d\d"
        r"|\d [A-Z]\w+ ([A-Z]\w+ )?(Street|St|Ave|Road|Rd|Drive|Lane|B(ou)?le?v(ar)?d)"
        r"|\b[Bb](orn|irth).{0,20}\d{4}|[Pp]assw\w*\W{1,6}[A-Za-z]*\d|[Uu]ser_?name\W{1,5}\w+|\b(DOB|Box|IBAN|SSN)\b"
    ),
)


class Draw(NamedTuple):
    """One text that was drawn."""

    file: str
    row: int
    field: str
    drawn: str
    text: str


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and text of everything in a record that someone wrote; ids, roles and markup are passed over."""
    if isinstance(value, dict):
        for key in WRITTEN:
            if key in value:
                yield from strings(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from strings(item, f"{path}.{at}" if path else str(at))
    elif isinstance(value, str):
        yield path, value


def texts(data: Path, file: str) -> Iterator[tuple[int, str, str]]:
    """Yield row, field and text of every English text of a file that is short enough."""
    for row, record in enumerate(rows(data / file)):
        if isinstance(record, dict) and record.get("lang", "en") != "en":
            continue
        for field, text in strings(record):
            if MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
                yield row, field, text


def draw(data: Path) -> list[Draw]:
    """Return the drawn texts, shuffled; a text that stands in several places is drawn once."""
    drawn: list[Draw] = []
    for corpus, (files, quotas) in CORPORA.items():
        pool = list(
            {text: (file, row, field) for file in files for row, field, text in texts(data, file)}.items()
        )
        chance = random.Random(f"{SEED} {corpus}")
        chance.shuffle(pool)
        place = dict(pool)
        taken: set[str] = set()
        for sign, quota in zip((None, *SIGNS), quotas, strict=True):
            fit = [t for t, _ in pool if t not in taken and (sign is None or sign.search(t))]
            taken.update(fit[:quota])
            drawn += [Draw(*place[t], "likely" if sign else "random", t) for t in fit[:quota]]
    random.Random(SEED).shuffle(drawn)
    return drawn


def main() -> None:
    """Print the texts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of corpora")
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--to", dest="last", type=int, default=None)
    options = parser.parse_args()
    for number, one in list(enumerate(draw(options.data)))[options.first : options.last]:
        print(f"##### {number} {one.drawn} {one.file} {one.row} {one.field}\n{one.text}\n")


if __name__ == "__main__":
    main()
